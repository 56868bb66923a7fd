/*
 * Books: who asked for a frame, what was handed out with it, how many own it.
 *
 *   frame     100    101    102    103    104
 *   part      first  rest   rest   first  free        a run of 3, a frame
 *   site      7      7      7      2      2           free: who had it last
 *   shares    0                    1                  103 has two owners
 *
 *   sites     2: "page table" from 0x..., 4 live;  7: ...
 *
 * Four bytes for each frame are 1 MiB for each GiB, so books are kept on demand
 * only: by a kernel that shares frames, and to find leaks.  A machine without
 * them pays a test of one flag per call.
 *
 * Owners are counted per run, at its first frame; the run becomes free when the
 * last one gives it back.
 */
#include <string.h>

#include "pmm/inside.h"

enum { PART_FREE, PART_FIRST, PART_REST };

static struct pmm_entry *entry_of(const struct pmm *pmm, pfn_t f) {
    return &pmm->books.of[f.v];
}

/** Frames that were handed out before there were books: no site is known. */
static void note_earlier(struct pmm *pmm) {
    for (size_t i = 0; i < pmm->run_count; i++) {
        for (uint64_t n = 0; n < pmm->runs[i].count; n++) {
            const pfn_t f = pfn_add(pmm->runs[i].first, n);

            if (pmm->class->is_used(pmm, f)) {
                entry_of(pmm, f)->part = PART_FIRST;
                pmm->books.sites[0].live++;
            }
        }
    }
}

static enum mm_status keep_locked(struct pmm *pmm) {
    const uint64_t pages = pages_for(pmm->frames * sizeof(struct pmm_entry));
    const struct pmm_want want = { .count = pages, .align = 1 };
    pfn_t first;

    if (pmm->books.of != NULL) {
        return MM_OK;
    }
    if (!pmm_find_run(pmm, &want, &first)) {
        return MM_NO_MEMORY;
    }
    pmm_poison_check(pmm, first, pages);
    pmm->stats.reserved += pages;
    pmm->books.of = pmm_frame(pmm, first);
    pmm->books.sites[0] = (struct pmm_site){ .tag = "before the books" };
    pmm->books.site_count = 1;
    memset(pmm->books.of, 0, pages * PAGE_SIZE);
    note_earlier(pmm);
    pmm->books.frames = (struct pmm_run){ first, pages };
    for (uint64_t n = 0; n < pages; n++) {
        entry_of(pmm, pfn_add(first, n))->part = PART_FREE;
        pmm->books.sites[0].live--;
    }
    pmm->watched = true;
    return MM_OK;
}

enum mm_status pmm_keep_books(struct pmm *pmm) {
    enum mm_status status;

    lock_acquire(&pmm->lock);
    status = keep_locked(pmm);
    lock_release(&pmm->lock);
    return status;
}

static uint8_t site_for(struct pmm_books *books, const char *tag,
                        vaddr_t caller) {
    unsigned i = 0;

    while (i < books->site_count && (books->sites[i].tag != tag ||
                                     books->sites[i].caller.v != caller.v)) {
        i++;
    }
    if (i >= PMM_SITES - 1) {
        i = PMM_SITES - 1;
        tag = "others";
        caller = vaddr(0);
    }
    if (i >= books->site_count) {
        books->sites[i] = (struct pmm_site){ tag, caller, 0 };
        books->site_count = i + 1;
    }
    return (uint8_t)i;
}

void pmm_book_alloc(struct pmm *pmm, pfn_t first, uint64_t count,
                    const char *tag, vaddr_t caller) {
    uint8_t site;

    if (pmm->books.of == NULL) {
        return;
    }
    site = site_for(&pmm->books, tag, caller);
    pmm->books.sites[site].live += count;
    for (uint64_t n = 0; n < count; n++) {
        *entry_of(pmm, pfn_add(first, n)) =
            (struct pmm_entry){ 0, site, n == 0 ? PART_FIRST : PART_REST };
    }
}

/** Is there a frame behind the run that belongs to it? */
static bool goes_on(const struct pmm *pmm, pfn_t first, uint64_t count) {
    const pfn_t next = pfn_add(first, count);

    return next.v < pmm->frames && entry_of(pmm, next)->part == PART_REST;
}

/** Does frame @n of the run at @entry belong to it?  What was handed out before
 *  there were books may have been a run. */
static bool is_part(const struct pmm_entry *entry, uint64_t n) {
    if (n == 0) {
        return entry->part == PART_FIRST;
    }
    if (entry->site == 0 && entry->shares == 0) {
        return entry[n].site == 0 && entry[n].shares == 0;
    }
    return entry[n].part == PART_REST;
}

enum mm_status pmm_book_free(struct pmm *pmm, pfn_t first, uint64_t count,
                             bool *last) {
    struct pmm_entry *entry;

    if (pmm->books.of == NULL) {
        return MM_OK;
    }
    entry = entry_of(pmm, first);
    for (uint64_t n = 0; n < count; n++) {
        if (entry[n].part == PART_FREE) {
            return MM_NOT_ALLOCATED;
        }
        if (!is_part(entry, n)) {
            return MM_BAD_RANGE;
        }
    }
    if (goes_on(pmm, first, count)) {
        return MM_BAD_RANGE;
    }
    *last = entry->shares == 0;
    if (!*last) {
        entry->shares--;
    }
    return MM_OK;
}

void pmm_book_break_up(struct pmm *pmm, pfn_t first, uint64_t count) {
    struct pmm_entry *entry;
    uint16_t shares;
    pfn_t head = first;

    if (pmm->books.of == NULL) {
        return;
    }
    while (entry_of(pmm, head)->part == PART_REST) {
        head.v--;
    }
    shares = entry_of(pmm, head)->shares;
    entry = entry_of(pmm, first);
    for (uint64_t n = 0; n < count; n++) {
        if (entry[n].part == PART_FIRST) {
            shares = entry[n].shares;
        }
        entry[n].part = PART_FIRST;
        entry[n].shares = shares;
    }
    if (goes_on(pmm, first, count)) { /* the rest is a run of its own */
        entry[count].part = PART_FIRST;
        entry[count].shares = shares;
    }
}

void pmm_book_freed(struct pmm *pmm, pfn_t first, uint64_t count) {
    if (pmm->books.of == NULL) {
        return;
    }
    for (uint64_t n = 0; n < count; n++) {
        struct pmm_entry *entry = entry_of(pmm, pfn_add(first, n));

        entry->part = PART_FREE; /* the site stays: who had it last */
        pmm->books.sites[entry->site].live--;
    }
}

/** Every frame is free in the books where it is for the strategy, the rest of
 *  a run follows a part of it, and the sites know all that is handed out. */
bool pmm_books_are_sound(const struct pmm *pmm) {
    uint64_t live = 0;

    for (unsigned i = 0; i < pmm->books.site_count; i++) {
        live += pmm->books.sites[i].live;
    }
    for (size_t i = 0; pmm->books.of != NULL && i < pmm->run_count; i++) {
        unsigned before = PART_FREE;

        for (uint64_t n = 0; n < pmm->runs[i].count; n++) {
            const pfn_t f = pfn_add(pmm->runs[i].first, n);
            const unsigned part = entry_of(pmm, f)->part;

            if ((part != PART_FREE) !=
                    (pmm->class->is_used(pmm, f) && !pmm_holds_books(pmm, f)) ||
                (part == PART_REST && before == PART_FREE)) {
                return false;
            }
            before = part;
        }
    }
    return pmm->books.of == NULL || live == pmm->stats.allocated;
}

static enum mm_status share_locked(struct pmm *pmm, pfn_t first) {
    struct pmm_entry *entry;

    if (!pmm_is_managed(pmm, first)) {
        return MM_NOT_MANAGED;
    }
    if (pmm->books.of == NULL) {
        return MM_REFUSED;
    }
    entry = entry_of(pmm, first);
    if (entry->part == PART_FREE) {
        return MM_NOT_ALLOCATED;
    }
    if (entry->part == PART_REST) {
        return MM_BAD_RANGE;
    }
    if (entry->shares == PMM_SHARES_MAX) {
        return MM_REFUSED;
    }
    entry->shares++;
    return MM_OK;
}

enum mm_status pmm_share(struct pmm *pmm, pfn_t first) {
    enum mm_status status;

    lock_acquire(&pmm->lock);
    status = share_locked(pmm, first);
    lock_release(&pmm->lock);
    return status;
}

uint64_t pmm_owners(const struct pmm *pmm, pfn_t f) {
    if (!pmm_is_managed(pmm, f) || !pmm->class->is_used(pmm, f)) {
        return 0;
    }
    if (pmm->books.of == NULL) {
        return 1;
    }
    while (entry_of(pmm, f)->part == PART_REST) {
        f.v--;
    }
    return 1u + entry_of(pmm, f)->shares;
}

const struct pmm_site *pmm_site_of(const struct pmm *pmm, pfn_t f) {
    const struct pmm_site *site;

    if (pmm->books.of == NULL || !pmm_is_managed(pmm, f)) {
        return NULL;
    }
    site = &pmm->books.sites[entry_of(pmm, f)->site];
    return site == &pmm->books.sites[0] ? NULL : site;
}
