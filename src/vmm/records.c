/*
 * Memory for the records of regions, which stands below the heap.
 *
 *   space   [ record x VMM_RECORDS_INSIDE ]            the first few
 *   pages   [ next, link | used 1101.. | record ... ] <--> [ ... ]
 *
 * The space has room for a few records; when these are used, a frame of the
 * pmm becomes a page of them, reached through the direct map.  Pages that have
 * room are strung together; one that holds no record any more goes back.  Both
 * calls cost the same however many there are.
 */
#include "vmm/regions.h"

struct vmm_records {
    struct vmm_records *next, **link; /* of those with room */
    uint64_t used;                    /* bit n: record[n] */
    struct vmm_record record[];
};

#define PER_PAGE                                                               \
    ((unsigned)((PAGE_SIZE - sizeof(struct vmm_records)) /                     \
                sizeof(struct vmm_record)))
#define ALL_USED ((UINT64_C(1) << PER_PAGE) - 1)
_Static_assert(PER_PAGE < 64, "a word says which records of a page are used");

/** A free record among those that @used tells of. */
static unsigned take_bit(uint64_t *used) {
    const unsigned n = (unsigned)__builtin_ctzll(~*used);

    *used |= UINT64_C(1) << n;
    return n;
}

static void string(struct vmm_space *space, struct vmm_records *page) {
    page->next = space->records;
    page->link = &space->records;
    if (page->next != NULL) {
        page->next->link = &page->next;
    }
    space->records = page;
}

static void unstring(struct vmm_records *page) {
    *page->link = page->next;
    if (page->next != NULL) {
        page->next->link = page->link;
    }
}

static bool is_inside(const struct vmm_space *space,
                      const struct vmm_record *record) {
    return vaddr_of_pointer(record).v - vaddr_of_pointer(space->inside).v <
           sizeof(space->inside);
}

/** The page that @record lies in. */
static struct vmm_records *page_of(const struct vmm_record *record) {
    return pointer_of(vaddr_page(vaddr_of_pointer(record)));
}

static pfn_t frame_of(const struct vmm_space *space,
                      const struct vmm_records *page) {
    return pfn_of(paddr(vaddr_of_pointer(page).v - space->direct_base.v));
}

struct vmm_record *record_take(struct vmm_space *space) {
    struct vmm_records *page;
    unsigned n;
    pfn_t f;

    if (space->inside_used != (UINT64_C(1) << VMM_RECORDS_INSIDE) - 1) {
        return &space->inside[take_bit(&space->inside_used)];
    }
    if (space->records == NULL) {
        if (pmm_alloc(space->pmm, &f) != MM_OK) {
            return NULL;
        }
        page = frame_bytes(space, f);
        page->used = 0;
        string(space, page);
    }
    page = space->records;
    n = take_bit(&page->used);
    if (page->used == ALL_USED) {
        unstring(page);
    }
    return &page->record[n];
}

void record_give_back(struct vmm_space *space, struct vmm_record *record) {
    struct vmm_records *page;
    enum mm_status status;

    if (is_inside(space, record)) {
        space->inside_used &= ~(UINT64_C(1) << (record - space->inside));
        return;
    }
    page = page_of(record);
    if (page->used == ALL_USED) {
        string(space, page);
    }
    page->used &= ~(UINT64_C(1) << (record - page->record));
    if (page->used == 0) {
        unstring(page);
        status = pmm_free(space->pmm, frame_of(space, page));
        MM_ASSERT(status == MM_OK); /* it came from there */
    }
}

bool record_is_kept(const struct vmm_space *space,
                    const struct vmm_record *record) {
    return is_inside(space, record) ||
           pmm_is_used(space->pmm, frame_of(space, page_of(record)));
}
