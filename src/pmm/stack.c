/*
 * Frames by a stack of free ones, strung through the frames themselves.
 *
 *   top --> [ next | previous ... ] --> [ next | previous ... ] --> 0
 *             a free frame                another
 *
 *   run     [ used, or on the stack      | fresh: never handed out  ]
 *                                          ^ fresh
 *
 * The frame that came back last is handed out first, when the caches still
 * know it; both ways are O(1).  While the stack is empty the lowest fresh frame
 * is next, so that the start touches no frame.  What it costs: the stack is
 * soon in random order, so that free memory is there but hardly two frames of
 * it together.
 *
 * A bit per frame, set while it is used, tells a double free; bits of fresh
 * frames are junk.  The links go both ways so that a given frame can be taken
 * from the middle.
 */
#include <string.h>

#include "pmm/inside.h"

static uint64_t stack_metadata_size(const struct pmm *pmm) {
    return words_for(pmm->frames) * sizeof(uint64_t);
}

static void stack_init(struct pmm *pmm) {
    pmm->stack.words = pmm_metadata(pmm);
    pmm->stack.top = pfn(0);
    pmm->stack.run = 0;
    for (size_t i = 0; i < pmm->run_count; i++) {
        pmm->stack.fresh[i] = pmm->runs[i].first;
    }
}

static void push(struct pmm *pmm, pfn_t f) {
    bit_clear(pmm->stack.words, f.v);
    pmm_list_push(pmm, &pmm->stack.top, f);
}

static void take_one(struct pmm *pmm, pfn_t f) {
    pmm_list_remove(pmm, &pmm->stack.top, f);
    bit_set(pmm->stack.words, f.v);
}

/** How many frames of run @i were never handed out. */
static uint64_t fresh_in(const struct pmm *pmm, size_t i) {
    const struct pmm_run run = pmm->runs[i];

    return run.first.v + run.count - pmm->stack.fresh[i].v;
}

/** Hand out the lowest fresh frame of run @i. */
static pfn_t take_fresh(struct pmm *pmm, size_t i) {
    const pfn_t f = pmm->stack.fresh[i];

    bit_set(pmm->stack.words, f.v);
    pmm->stack.fresh[i] = pfn_add(f, 1);
    return f;
}

static bool stack_alloc(struct pmm *pmm, pfn_t *f) {
    if (pmm->stack.top.v != 0) {
        *f = pmm->stack.top;
        take_one(pmm, *f);
        return true;
    }
    while (fresh_in(pmm, pmm->stack.run) == 0) {
        if (pmm->stack.run + 1 == pmm->run_count) {
            return false;
        }
        pmm->stack.run++;
    }
    *f = take_fresh(pmm, pmm->stack.run);
    return true;
}

static bool is_used(const struct pmm *pmm, pfn_t f, size_t run) {
    return f.v < pmm->stack.fresh[run].v && bit_is_set(pmm->stack.words, f.v);
}

static bool stack_is_used(const struct pmm *pmm, pfn_t f) {
    return is_used(pmm, f, pmm_run_of(pmm, f));
}

static enum mm_status stack_free_frame(struct pmm *pmm, pfn_t f, size_t run) {
    if (!is_used(pmm, f, run)) {
        return MM_NOT_ALLOCATED;
    }
    push(pmm, f);
    return MM_OK;
}

/** Fresh frames in front of those wanted go on the stack, the lowest on top. */
static bool stack_take(struct pmm *pmm, pfn_t first, uint64_t count) {
    const size_t run = pmm_run_of(pmm, first);
    const uint64_t fresh = pmm->stack.fresh[run].v;

    for (uint64_t f = first.v; f > fresh; f--) {
        push(pmm, pfn(f - 1));
    }
    if (fresh < first.v) {
        pmm->stack.fresh[run] = first;
    }
    for (uint64_t n = 0; n < count; n++) {
        const pfn_t f = pfn_add(first, n);

        if (f.v < pmm->stack.fresh[run].v) {
            take_one(pmm, f);
        } else {
            (void)take_fresh(pmm, run);
        }
    }
    return true;
}

/** What is fresh of run @r comes before @piece, which frames that are no longer
 *  fresh follow: the first go on the stack, the piece is freed next. */
static void no_longer_fresh(struct pmm *pmm, size_t r, struct pmm_run piece) {
    for (uint64_t f = piece.first.v; f > pmm->stack.fresh[r].v; f--) {
        push(pmm, pfn(f - 1));
    }
    for (uint64_t n = 0; n < piece.count; n++) {
        bit_set(pmm->stack.words, piece.first.v + n);
    }
}

/*
 *   run      [ used | fresh ][ piece ][ used | fresh ]
 *   after    [ used | stack,  freed,    used | fresh ]
 *
 * Without what is used above, all from the first fresh frame on is fresh.
 */
static void stack_joined(struct pmm *pmm, struct pmm_run piece) {
    const size_t r = pmm_run_of(pmm, piece.first);
    const struct pmm_run run = pmm->runs[r];
    const pfn_t end = pfn_add(piece.first, piece.count);
    const bool below = run.first.v < piece.first.v;
    const bool above = end.v < run.first.v + run.count;
    pfn_t *fresh = &pmm->stack.fresh[r];
    const pfn_t upper = fresh[below && above ? 1 : 0];
    const size_t after = pmm->run_count - r - 1; /* runs */

    if (!below && !above) {
        memmove(&fresh[1], &fresh[0], after * sizeof(*fresh));
    } else if (below && above) {
        memmove(&fresh[1], &fresh[2], after * sizeof(*fresh));
    }
    fresh[0] = below ? fresh[0] : piece.first;
    if (above && upper.v != end.v) {
        no_longer_fresh(pmm, r, piece);
        fresh[0] = upper;
    }
    pmm->stack.run = 0;
}

/** Every frame on the stack is managed, free and linked back (so that it is no
 *  ring); with the fresh ones they are as many as are free. */
static bool stack_is_sound(const struct pmm *pmm) {
    pfn_t f = pmm->stack.top, before = pfn(0);
    uint64_t seen = 0;

    for (size_t i = 0; i < pmm->run_count; i++) {
        if (fresh_in(pmm, i) > pmm->runs[i].count) {
            return false;
        }
        seen += fresh_in(pmm, i);
    }
    while (f.v != 0) {
        const size_t run = pmm_run_of(pmm, f);

        if (run == PMM_RUNS_MAX || f.v >= pmm->stack.fresh[run].v ||
            is_used(pmm, f, run) || pmm_link(pmm, f)->previous.v != before.v) {
            return false;
        }
        before = f;
        f = pmm_link(pmm, f)->next;
        seen++;
    }
    return seen == pmm_free_count(pmm);
}

const struct pmm_class pmm_stack = {
    .name = "stack",
    .reuses = true,
    .scratch = sizeof(struct pmm_link),
    .metadata_size = stack_metadata_size,
    .init = stack_init,
    .alloc = stack_alloc,
    .free = stack_free_frame,
    .is_used = stack_is_used,
    .take = stack_take,
    .joined = stack_joined,
    .is_sound = stack_is_sound,
};
