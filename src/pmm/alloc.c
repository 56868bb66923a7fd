/*
 * What every strategy would do again, part 2: handing out and taking back, with
 * the lock, the counters and the refusals.
 *
 * A run of frames that the strategy knows no quick way to is searched for, from
 * the highest managed run down so that low memory is left for those who need
 * it.  The search asks after the last frame of a place first:
 *
 *   place     [ . . . . U . ]            count 6; U is used
 *   next                  [ . . . . . . ]
 */
#include "pmm/inside.h"

static inline void count_alloc(struct pmm *pmm, pfn_t f, uint64_t count) {
    struct pmm_stats *stats = &pmm->stats;

    stats->allocs += count;
    stats->allocated += count;
    if (stats->allocated > stats->peak) {
        stats->peak = stats->allocated;
    }
    events_add(pmm->events, EVENT_PMM_GIVES, f.v, count - 1);
}

static inline void count_free(struct pmm *pmm, pfn_t f, uint64_t count) {
    pmm->stats.frees += count;
    pmm->stats.allocated -= count;
    events_add(pmm->events, EVENT_PMM_TAKES, f.v, count - 1);
}

/** For books and poison, which most machines do without. */
MM_COLD static void watch_alloc(struct pmm *pmm, pfn_t first, uint64_t count,
                                const char *tag, void *caller) {
    pmm_poison_check(pmm, first, count); /* the books still say who had it */
    pmm_book_alloc(pmm, first, count, tag, vaddr_of_pointer(caller));
}

enum mm_status pmm_alloc(struct pmm *pmm, pfn_t *f) {
    pfn_t found;
    bool have;

    lock_acquire(&pmm->lock);
    have = events_permit(pmm->events, EVENT_PMM_GIVES) &&
           pmm->class->alloc(pmm, &found);
    if (have) {
        count_alloc(pmm, found, 1);
        if (pmm->watched) {
            watch_alloc(pmm, found, 1, NULL, __builtin_return_address(0));
        }
        *f = found;
    }
    lock_release(&pmm->lock);
    return have ? MM_OK : MM_NO_MEMORY;
}

/* --- runs ---------------------------------------------------------------- */

/** One more than the last used frame of the place; 0: all of it is free. */
static uint64_t behind_last_used(const struct pmm *pmm, uint64_t at,
                                 uint64_t count) {
    for (uint64_t n = count; n-- > 0;) {
        if (pmm->class->is_used(pmm, pfn(at + n))) {
            return at + n + 1;
        }
    }
    return 0;
}

static bool search_in(const struct pmm *pmm, struct pmm_run run,
                      const struct pmm_want *want, pfn_t *first) {
    uint64_t end = run.first.v + run.count;
    uint64_t at = next_aligned(run.first.v, want->align);

    if (want->below.v != 0 && want->below.v < end) {
        end = want->below.v;
    }
    while (at < end && end - at >= want->count) {
        const uint64_t next = behind_last_used(pmm, at, want->count);

        if (next == 0) {
            *first = pfn(at);
            return true;
        }
        at = next_aligned(next, want->align);
    }
    return false;
}

/** Upwards from 4 GiB, then down from there: what serves is low in its zone,
 * and areas up to a place that is taken are opened. */
static bool search(const struct pmm *pmm, const struct pmm_want *want,
                   pfn_t *first) {
    size_t high = 0; /* the first run above 4 GiB */

    while (high < pmm->run_count && pmm->runs[high].first.v < PMM_BELOW_4G.v) {
        high++;
    }
    for (size_t i = high; i < pmm->run_count; i++) {
        if (search_in(pmm, pmm->runs[i], want, first)) {
            return true;
        }
    }
    while (high-- > 0) {
        if (search_in(pmm, pmm->runs[high], want, first)) {
            return true;
        }
    }
    return false;
}

bool pmm_find_run(struct pmm *pmm, const struct pmm_want *want, pfn_t *first) {
    const struct pmm_class *class = pmm->class;

    if (want->count > pmm_free_count(pmm) ||
        !events_permit(pmm->events, EVENT_PMM_GIVES)) {
        return false;
    }
    if (want->count == 1 && want->align == 1 && want->below.v == 0) {
        return class->alloc(pmm, first);
    }
    if (class->alloc_run != NULL && class->alloc_run(pmm, want, first)) {
        return true;
    }
    return search(pmm, want, first) && class->take(pmm, *first, want->count);
}

enum mm_status pmm_alloc_run(struct pmm *pmm, struct pmm_want want,
                             pfn_t *first) {
    pfn_t found;
    bool have;

    want.align += want.align == 0;
    if (want.count == 0 || !is_power_of_two(want.align)) {
        return MM_BAD_ARGUMENT;
    }
    lock_acquire(&pmm->lock);
    have = pmm_find_run(pmm, &want, &found);
    if (have) {
        count_alloc(pmm, found, want.count);
        if (pmm->watched) {
            watch_alloc(pmm, found, want.count, want.tag,
                        __builtin_return_address(0));
        }
        *first = found;
    }
    lock_release(&pmm->lock);
    return have ? MM_OK : MM_NO_MEMORY;
}

/* --- taking back --------------------------------------------------------- */

static inline enum mm_status free_one(struct pmm *pmm, pfn_t f, size_t run) {
    const enum mm_status status = pmm->class->free(pmm, f, run);

    if (status == MM_OK) {
        count_free(pmm, f, 1);
    }
    return status;
}

/** For a strategy that frees one by one. */
static enum mm_status free_each(struct pmm *pmm, pfn_t first, uint64_t count,
                                size_t run) {
    for (uint64_t n = 0; n < count; n++) {
        if (!pmm->class->is_used(pmm, pfn_add(first, n))) {
            return MM_NOT_ALLOCATED;
        }
    }
    for (uint64_t n = 0; n < count; n++) {
        const enum mm_status status = free_one(pmm, pfn_add(first, n), run);

        MM_ASSERT(status == MM_OK); /* it was used a moment ago */
    }
    return MM_OK;
}

static enum mm_status free_frames(struct pmm *pmm, pfn_t first, uint64_t count,
                                  size_t run) {
    enum mm_status status;

    if (count == 1) {
        return free_one(pmm, first, run);
    }
    if (pmm->class->free_run == NULL) {
        return free_each(pmm, first, count, run);
    }
    status = pmm->class->free_run(pmm, first, count, run);
    if (status == MM_OK) {
        count_free(pmm, first, count);
    }
    return status;
}

MM_COLD static enum mm_status free_watched(struct pmm *pmm, pfn_t first,
                                           uint64_t count, size_t run) {
    bool last = true;
    enum mm_status status = pmm_book_free(pmm, first, count, &last);

    if (status == MM_OK && last) {
        status = free_frames(pmm, first, count, run);
        if (status == MM_OK) {
            pmm_book_freed(pmm, first, count);
            pmm_poison_fill(pmm, first, count);
        }
    }
    return status;
}

static enum mm_status free_locked(struct pmm *pmm, pfn_t first,
                                  uint64_t count) {
    const size_t at = pmm_run_of(pmm, first);
    const struct pmm_run *run = &pmm->runs[at];

    if (at == PMM_RUNS_MAX || count > run->count - (first.v - run->first.v)) {
        return MM_NOT_MANAGED;
    }
    if (pmm->watched) {
        return free_watched(pmm, first, count, at);
    }
    return free_frames(pmm, first, count, at);
}

enum mm_status pmm_free(struct pmm *pmm, pfn_t f) {
    enum mm_status status;
    size_t run;

    lock_acquire(&pmm->lock);
    run = pmm_run_of(pmm, f);
    if (run == PMM_RUNS_MAX) {
        status = MM_NOT_MANAGED;
    } else if (pmm->watched) {
        status = free_watched(pmm, f, 1, run);
    } else {
        status = free_one(pmm, f, run);
    }
    lock_release(&pmm->lock);
    return status;
}

enum mm_status pmm_free_address(struct pmm *pmm, paddr_t pa) {
    if (!paddr_is_page_aligned(pa)) {
        return MM_NOT_ALIGNED;
    }
    return pmm_free(pmm, pfn_of(pa));
}

enum mm_status pmm_free_run(struct pmm *pmm, pfn_t first, uint64_t count) {
    enum mm_status status;

    if (count == 0) {
        return MM_BAD_ARGUMENT;
    }
    lock_acquire(&pmm->lock);
    status = free_locked(pmm, first, count);
    lock_release(&pmm->lock);
    return status;
}
