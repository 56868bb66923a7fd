/*
 * A run becomes single frames.
 *
 *   before   [ first | rest | rest | rest ]    two owners of the run
 *   after    [ first ][ first ][ first ][ first ]   two owners of each
 *
 * Who hands out a large page and later changes a part of it wants to give back
 * that part alone.
 */
#include "pmm/inside.h"

static enum mm_status break_up_locked(struct pmm *pmm, pfn_t first,
                                      uint64_t count) {
    const size_t at = pmm_run_of(pmm, first);
    const struct pmm_run *run = &pmm->runs[at];

    if (at == PMM_RUNS_MAX || count > run->count - (first.v - run->first.v)) {
        return MM_NOT_MANAGED;
    }
    for (uint64_t n = 0; n < count; n++) {
        const pfn_t f = pfn_add(first, n);

        if (!pmm->class->is_used(pmm, f) || pmm_holds_books(pmm, f)) {
            return MM_NOT_ALLOCATED;
        }
    }
    if (pmm->class->break_up != NULL) {
        pmm->class->break_up(pmm, first, count, at);
    }
    pmm_book_break_up(pmm, first, count);
    return MM_OK;
}

enum mm_status pmm_break_up(struct pmm *pmm, pfn_t first, uint64_t count) {
    enum mm_status status;

    if (count == 0) {
        return MM_BAD_ARGUMENT;
    }
    lock_acquire(&pmm->lock);
    status = break_up_locked(pmm, first, count);
    lock_release(&pmm->lock);
    return status;
}
