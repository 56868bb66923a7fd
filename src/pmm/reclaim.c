/*
 * Frames that were in use at boot, and are not any more.
 *
 *   span   [.............................................]
 *   runs   [ run 0    ]          [ run 1     ]      [ 2  ]
 *   piece              [        ]
 *   runs   [ run 0                           ]      [ 1  ]
 *
 * A piece lies inside a span, so the metadata covers it; it touches no run's
 * frames, or somebody reclaims twice.  It becomes part of the runs first; what
 * the strategy then calls used of it is freed frame by frame.
 */
#include <string.h>

#include "pmm/inside.h"

static bool inside_a_span(const struct pmm *pmm, struct pmm_run piece) {
    for (size_t i = 0; i < pmm->span_count; i++) {
        const struct pmm_run span = pmm->spans[i];

        if (range_holds(span.first.v, span.count, piece.first.v)) {
            return piece.count <= span.count - (piece.first.v - span.first.v);
        }
    }
    return false;
}

/** The index of the first run that lies behind @f. */
static size_t place_of(const struct pmm *pmm, pfn_t f) {
    size_t i = 0;

    while (i < pmm->run_count && pmm->runs[i].first.v <= f.v) {
        i++;
    }
    return i;
}

static uint64_t end_of(struct pmm_run run) {
    return run.first.v + run.count;
}

/** Add the piece, which comes before run @at, to the runs.  @return false:
 *  there is no room for one more */
static bool join(struct pmm *pmm, size_t at, struct pmm_run piece) {
    struct pmm_run *runs = pmm->runs;
    const bool below = at > 0 && end_of(runs[at - 1]) == piece.first.v;
    const bool above = at < pmm->run_count && end_of(piece) == runs[at].first.v;
    const size_t after = pmm->run_count - at;

    if (below && above) {
        runs[at - 1].count += piece.count + runs[at].count;
        memmove(&runs[at], &runs[at + 1], (after - 1) * sizeof(*runs));
        pmm->run_count--;
    } else if (below) {
        runs[at - 1].count += piece.count;
    } else if (above) {
        runs[at].first = piece.first;
        runs[at].count += piece.count;
    } else if (pmm->run_count < PMM_RUNS_MAX) {
        memmove(&runs[at + 1], &runs[at], after * sizeof(*runs));
        runs[at] = piece;
        pmm->run_count++;
    } else {
        return false;
    }
    return true;
}

static void set_free(struct pmm *pmm, struct pmm_run piece) {
    const size_t run = pmm_run_of(pmm, piece.first);

    for (uint64_t n = 0; n < piece.count; n++) {
        const pfn_t f = pfn_add(piece.first, n);

        if (pmm->class->is_used(pmm, f)) {
            const enum mm_status status = pmm->class->free(pmm, f, run);

            MM_ASSERT(status == MM_OK); /* it was used a moment ago */
        }
    }
    pmm->stats.reserved -= piece.count;
    if (pmm->watched) {
        pmm_poison_fill(pmm, piece.first, piece.count);
    }
}

static enum mm_status reclaim_locked(struct pmm *pmm, struct pmm_run piece) {
    size_t at;

    if (!inside_a_span(pmm, piece)) {
        return MM_NOT_MANAGED;
    }
    at = place_of(pmm, piece.first);
    if ((at > 0 && end_of(pmm->runs[at - 1]) > piece.first.v) ||
        (at < pmm->run_count && end_of(piece) > pmm->runs[at].first.v)) {
        return MM_NOT_ALLOCATED;
    }
    if (!join(pmm, at, piece)) {
        return MM_NO_MEMORY;
    }
    pmm_find_largest_run(pmm);
    if (pmm->class->joined != NULL) {
        pmm->class->joined(pmm, piece);
    }
    set_free(pmm, piece);
    return MM_OK;
}

/** The frames that @range, which is not empty, touches. */
static struct pmm_run touched(struct prange range) {
    const uint64_t first = range.base.v >> PAGE_SHIFT;
    uint64_t last;

    if (__builtin_add_overflow(range.base.v, range.len - 1, &last)) {
        last = UINT64_MAX;
    }
    return (struct pmm_run){ pfn(first), (last >> PAGE_SHIFT) - first + 1 };
}

enum mm_status pmm_reclaim(struct pmm *pmm, struct prange range) {
    enum mm_status status;

    if (range.len == 0) {
        return MM_BAD_ARGUMENT;
    }
    lock_acquire(&pmm->lock);
    status = reclaim_locked(pmm, touched(range));
    lock_release(&pmm->lock);
    return status;
}

/* --- ACPI ---------------------------------------------------------------- */

static bool is_reserved(const struct hw_boot *boot, pfn_t f) {
    for (size_t i = 0; i < boot->reserved_count; i++) {
        if (ranges_overlap(boot->reserved[i].base.v, boot->reserved[i].len,
                           paddr_of(f).v, PAGE_SIZE)) {
            return true;
        }
    }
    return ranges_overlap(boot->module.base.v, boot->module.len, paddr_of(f).v,
                          PAGE_SIZE);
}

/** What became of all frames that were asked for. */
struct outcome {
    bool any;  /* some were reclaimed */
    bool full; /* some found no room among the runs */
};

/** Frame by frame: entries may share frames, or overlap. */
static void reclaim_entry(struct pmm *pmm, const struct hw_boot *boot,
                          struct pmm_run frames, struct pmm_run span,
                          struct outcome *outcome) {
    const uint64_t from =
        frames.first.v > span.first.v ? frames.first.v : span.first.v;
    const uint64_t to =
        end_of(frames) < end_of(span) ? end_of(frames) : end_of(span);

    for (uint64_t f = from; f < to; f++) {
        if (!is_reserved(boot, pfn(f))) {
            const enum mm_status status =
                reclaim_locked(pmm, (struct pmm_run){ pfn(f), 1 });

            outcome->any |= status == MM_OK;
            outcome->full |= status == MM_NO_MEMORY;
        }
    }
}

enum mm_status pmm_reclaim_acpi(struct pmm *pmm, const struct hw_boot *boot) {
    struct outcome outcome = { false, false };

    lock_acquire(&pmm->lock);
    for (size_t i = 0; i < boot->map_count; i++) {
        const struct memmap_entry *e = &boot->map[i];

        for (size_t s = 0; s < pmm->span_count; s++) {
            if (e->type == MEMMAP_ACPI_RECLAIMABLE && e->range.len != 0) {
                reclaim_entry(pmm, boot, touched(e->range), pmm->spans[s],
                              &outcome);
            }
        }
    }
    lock_release(&pmm->lock);
    if (outcome.full) {
        return MM_NO_MEMORY;
    }
    return outcome.any ? MM_OK : MM_NOT_ALLOCATED;
}
