/*
 * The replay's own books, in regions of their own so that the heap under test
 * neither holds them nor can be blamed for them:
 *
 *   0x4450_0000_0000  table    struct replay_block by id
 *   0x4452_0000_0000  shadow   a bit per 16 bytes of the largest heap possible
 *
 * Blocks are 16-aligned and sizes rounded up to 16, so two live blocks never
 * share a granule, and a granule claimed twice is an overlap.
 *
 * Both are opened before there is a heap and have all their frames from then
 * on.  A heap that is backed on demand promises the frames that are free, so
 * whoever takes one later breaks its promise; and every page fault counted is
 * the heap's.
 */
#include "replay/replay.h"

#define WORD_BITS 64
#define HEAP_PER_SHADOW_BYTE (8 * HEAP_ALIGN_MIN)

static uint64_t whole_pages(uint64_t bytes) {
    return pages_for(bytes) * PAGE_SIZE;
}

static enum mm_status add_region(struct replay *r, const char *name,
                                 uint64_t base, uint64_t len) {
    return vmm_region_add(&r->mm->space,
                          (struct vmm_region){ .name = name,
                                               .range = { vaddr(base), len },
                                               .access = VMM_WRITE,
                                               .backing = VMM_IMMEDIATE });
}

/** Bytes of shadow for the largest heap that the free frames could make. */
static uint64_t shadow_bytes(const struct mm *mm) {
    uint64_t free = pmm_free_count(&mm->pmm) * PAGE_SIZE;
    uint64_t limit = mm->config.heap_limit;

    return whole_pages((limit < free ? limit : free) / HEAP_PER_SHADOW_BYTE +
                       1);
}

enum mm_status replay_books_open(struct replay *r) {
    uint64_t table = r->id_count * sizeof(struct replay_block);
    enum mm_status st;

    r->blocks = NULL;
    r->shadow = NULL;
    /* Region pages start zeroed: no block is live, no granule is taken. */
    st = add_region(r, "replay: table of blocks", REPLAY_TABLE_BASE,
                    whole_pages(table == 0 ? 1 : table));
    if (st != MM_OK) {
        return st;
    }
    r->blocks = pointer_of(vaddr(REPLAY_TABLE_BASE));
    r->shadow_size = shadow_bytes(r->mm);
    st = add_region(r, "replay: shadow of the heap", REPLAY_SHADOW_BASE,
                    r->shadow_size);
    if (st == MM_OK) {
        r->shadow = pointer_of(vaddr(REPLAY_SHADOW_BASE));
    }
    return st;
}

static void remove_region(struct replay *r, uint64_t base) {
    struct vmm_space *space = &r->mm->space;
    const struct vmm_region *region = vmm_region_at(space, vaddr(base));
    struct vrange range;
    enum mm_status st;

    MM_ASSERT(region != NULL); /* we added it */
    range = region->range;
    st = vmm_region_remove(space, range.base);
    MM_ASSERT(st == MM_OK);
    vmm_reclaim_tables(space, range);
}

void replay_books_close(struct replay *r) {
    if (r->blocks != NULL) {
        remove_region(r, REPLAY_TABLE_BASE);
        r->blocks = NULL;
    }
    if (r->shadow != NULL) {
        remove_region(r, REPLAY_SHADOW_BASE);
        r->shadow = NULL;
    }
}

/** The granules of a block, as bits [first, end) of the shadow. */
struct granules {
    uint64_t first, end;
};

static struct granules granules_of(const struct replay *r, vaddr_t at,
                                   uint64_t size) {
    uint64_t offset = at.v - r->mm->heap.start.v;

    return (struct granules){ offset / HEAP_ALIGN_MIN,
                              (offset + size + HEAP_ALIGN_MIN - 1) /
                                  HEAP_ALIGN_MIN };
}

/** The bits of [@first, @end) that lie in the word of @first. */
static uint64_t mask_at(uint64_t first, uint64_t end) {
    uint64_t low = first % WORD_BITS;
    uint64_t count = end - first;
    uint64_t mask = ~UINT64_C(0) << low;

    if (low + count < WORD_BITS) {
        mask &= ~(~UINT64_C(0) << (low + count));
    }
    return mask;
}

/** The first granule of the word after that of @g. */
static uint64_t next_word(uint64_t g) {
    return (g / WORD_BITS + 1) * WORD_BITS;
}

enum mm_status replay_claim(struct replay *r, vaddr_t at, uint64_t size) {
    struct granules span = granules_of(r, at, size);
    uint64_t g;

    MM_ASSERT(span.end <= r->shadow_size * 8);
    for (g = span.first; g < span.end; g = next_word(g)) {
        if ((r->shadow[g / WORD_BITS] & mask_at(g, span.end)) != 0) {
            return MM_OVERLAP;
        }
    }
    for (g = span.first; g < span.end; g = next_word(g)) {
        r->shadow[g / WORD_BITS] |= mask_at(g, span.end);
    }
    return MM_OK;
}

void replay_disclaim(struct replay *r, vaddr_t at, uint64_t size) {
    struct granules span = granules_of(r, at, size);
    uint64_t g;

    for (g = span.first; g < span.end; g = next_word(g)) {
        r->shadow[g / WORD_BITS] &= ~mask_at(g, span.end);
    }
}

uint64_t replay_who_is_at(const struct replay *r, vaddr_t at, uint64_t size) {
    struct granules asked = granules_of(r, at, size);
    uint64_t id;

    for (id = 0; id < r->id_count; id++) {
        const struct replay_block *b = &r->blocks[id];
        struct granules have;

        if (b->layout.align == 0) {
            continue;
        }
        have = granules_of(r, b->at, b->layout.size);
        if (ranges_overlap(asked.first, asked.end - asked.first, have.first,
                           have.end - have.first)) {
            break;
        }
    }
    return id;
}
