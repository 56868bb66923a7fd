/*
 * Frames by a bump pointer: the next one of the map, and never back.
 *
 *   runs   [ used . . . used ]   [ used used | never touched     ]   [      ]
 *   words    1  0  1  1  0  1      1    1    | (not yet written)
 *                                            ^ run, next
 *
 * This is what a kernel has before it has an allocator.  Handing out is O(1),
 * since run and frame of the next one are kept, and not counted from the start
 * of the map each time.  Starting costs nothing, for the bits of a frame are
 * written when the pointer passes it.
 *
 * A run is taken at the next place behind the pointer that suits it; what lies
 * before that is passed by.
 *
 * The bits are there to refuse wrong frees only.  What came back is not handed
 * out again before everything has come back: then the pointer starts anew.
 */
#include "pmm/inside.h"

static uint64_t bump_metadata_size(const struct pmm *pmm) {
    return words_for(pmm->frames) * sizeof(uint64_t);
}

static void start(struct pmm *pmm) {
    pmm->bump.run = 0;
    pmm->bump.next = pmm->runs[0].first;
}

static void bump_init(struct pmm *pmm) {
    pmm->bump.words = pmm_metadata(pmm);
    start(pmm);
}

static bool bump_is_used(const struct pmm *pmm, pfn_t f) {
    return f.v < pmm->bump.next.v && bit_is_set(pmm->bump.words, f.v);
}

/** Move the pointer behind @f, which becomes the newest frame passed, free. */
static void pass(struct pmm *pmm, pfn_t f) {
    bit_clear(pmm->bump.words, f.v);
    pmm->bump.next = pfn_add(f, 1);
}

/** Step into the next run at the end of one; @return false at the very end. */
static bool settle(struct pmm *pmm) {
    const struct pmm_run run = pmm->runs[pmm->bump.run];

    if (pmm->bump.next.v < run.first.v + run.count) {
        return true;
    }
    if (pmm->bump.run + 1 == pmm->run_count) {
        return false;
    }
    pmm->bump.run++;
    pmm->bump.next = pmm->runs[pmm->bump.run].first;
    return true;
}

static bool bump_alloc(struct pmm *pmm, pfn_t *f) {
    if (!settle(pmm)) {
        return false;
    }
    *f = pmm->bump.next;
    pass(pmm, *f);
    bit_set(pmm->bump.words, f->v);
    return true;
}

static enum mm_status bump_free_frame(struct pmm *pmm, pfn_t f, size_t run) {
    (void)run;
    if (!bump_is_used(pmm, f)) {
        return MM_NOT_ALLOCATED;
    }
    bit_clear(pmm->bump.words, f.v);
    /* Not yet counted: it was the last.  Books are never given back. */
    if (pmm->stats.allocated == 1 && pmm->books.of == NULL) {
        start(pmm);
    }
    return MM_OK;
}

static bool bump_take(struct pmm *pmm, pfn_t first, uint64_t count) {
    while (pmm->bump.next.v < first.v + count) {
        (void)settle(pmm); /* those wanted are still to come */
        pass(pmm, pmm->bump.next);
    }
    for (uint64_t n = 0; n < count; n++) {
        bit_set(pmm->bump.words, first.v + n);
    }
    return true;
}

static bool bump_alloc_run(struct pmm *pmm, const struct pmm_want *want,
                           pfn_t *first) {
    for (size_t i = pmm->bump.run; i < pmm->run_count; i++) {
        const struct pmm_run run = pmm->runs[i];
        const uint64_t from =
            i == pmm->bump.run ? pmm->bump.next.v : run.first.v;
        const uint64_t at = next_aligned(from, want->align);
        uint64_t end = run.first.v + run.count;

        if (want->below.v != 0 && want->below.v < end) {
            end = want->below.v;
        }
        if (at < end && end - at >= want->count) {
            *first = pfn(at);
            return bump_take(pmm, *first, want->count);
        }
    }
    return false;
}

/** What joins below the pointer was never passed: its bits are junk.  The
 *  pointer's run may have moved, or grown. */
static void bump_joined(struct pmm *pmm, struct pmm_run piece) {
    for (uint64_t n = 0; n < piece.count; n++) {
        const pfn_t f = pfn_add(piece.first, n);

        if (f.v < pmm->bump.next.v) {
            bit_clear(pmm->bump.words, f.v);
        }
    }
    pmm->bump.run = 0;
    while (pmm->bump.run + 1 < pmm->run_count &&
           pmm->runs[pmm->bump.run + 1].first.v <= pmm->bump.next.v) {
        pmm->bump.run++;
    }
}

/** The pointer lies in its run or at its end; as many bits as frames. */
static bool bump_is_sound(const struct pmm *pmm) {
    const pfn_t next = pmm->bump.next;
    struct pmm_run at;
    uint64_t used = 0;

    if (pmm->bump.run >= pmm->run_count) {
        return false;
    }
    at = pmm->runs[pmm->bump.run];
    for (size_t i = 0; i <= pmm->bump.run; i++) {
        const struct pmm_run run = pmm->runs[i];

        for (uint64_t n = 0; n < run.count; n++) {
            used += bump_is_used(pmm, pfn_add(run.first, n));
        }
    }
    return next.v >= at.first.v && next.v <= at.first.v + at.count &&
           used == pmm->stats.allocated + pmm->books.frames.count;
}

const struct pmm_class pmm_bump = {
    .name = "bump",
    .metadata_size = bump_metadata_size,
    .init = bump_init,
    .alloc = bump_alloc,
    .free = bump_free_frame,
    .is_used = bump_is_used,
    .take = bump_take,
    .alloc_run = bump_alloc_run,
    .joined = bump_joined,
    .is_sound = bump_is_sound,
};
