/*
 * Lab 1, the tests behind the curtain: edges of words, runs beside holes, and
 * an oracle beside random calls.
 */
#include "../../frames.h"

static void give_all(struct test *t, struct frames *frames) {
    for (uint64_t f = 0; f < frames->count; f++) {
        if (frames->state[f] == FRAME_USED) {
            must_ok(t, ask_pmm_free(t, f));
            frames_taken_back(t, frames, f, 1);
        }
    }
}

/*
 *   4 MiB  [ usable .. ]  7 frames  [ usable ......  odd end ]    5 GiB [ ... ]
 */
static const struct memmap_entry odd_map[] = {
    { { { 5 * GIB + 3 * PAGE_SIZE }, 3 * MIB + 2 * PAGE_SIZE }, MEMMAP_USABLE },
    { { { MIB }, 3 * MIB }, MEMMAP_USABLE },
    { { { 4 * MIB + 71 * PAGE_SIZE }, 4 * MIB + 13 * PAGE_SIZE + 100 },
      MEMMAP_USABLE },
    { { { 4 * MIB }, 60 * PAGE_SIZE }, MEMMAP_USABLE },
    { { { 6 * MIB }, 3 * PAGE_SIZE }, 2 },
    { { { 0 }, 640 * KIB }, MEMMAP_USABLE },
};

static void odd_machine(struct test *t, struct frames *frames) {
    machine_on(t, (struct machine_want){ .map = odd_map,
                                         .map_count = sizeof odd_map /
                                                      sizeof odd_map[0] });
    frames_of_machine(t, frames);
    must_status(t, "init", ask_pmm_init(t, "bitmap"), MM_OK);
}

SCRIPT(a_map_with_odd_ends_is_used_to_the_last_frame) {
    struct frames frames;
    uint64_t usable, taken;

    odd_machine(t, &frames);
    usable = frames.free;
    taken = take_all(t, &frames);
    /* A bit for each frame is usual; a byte is no mistake. */
    must(t, usable - taken <= (frames.count >> PAGE_SHIFT) + 2, "P11",
         "%lu frames are usable, and only %lu were handed out; the books of "
         "%lu frames need no more than %lu",
         usable, taken, frames.count, frames.count >> PAGE_SHIFT);
    credit(t, 60);
    must(t, ask_pmm_stats(t).free == 0, "P11",
         "no frame is left, and %lu are counted as free",
         ask_pmm_stats(t).free);
    give_all(t, &frames);
    must(t, take_all(t, &frames) == taken, "P08",
         "after all frames came back fewer are there: what was written to one "
         "of them changed the books");
}

SCRIPT(what_was_never_ours_is_not_freed) {
    struct frames frames;
    struct frame_stats before, after;

    odd_machine(t, &frames);
    before = ask_pmm_stats(t);
    must_status(t, "P14", ask_pmm_free(t, 0), MM_NOT_MANAGED);
    must_status(t, "P14", ask_pmm_free(t, 0x80), MM_NOT_MANAGED);
    must_status(t, "P14", ask_pmm_free(t, (4 * MIB >> PAGE_SHIFT) + 62),
                MM_NOT_MANAGED); /* in the hole */
    must_status(t, "P14", ask_pmm_free(t, (6 * MIB >> PAGE_SHIFT) + 1),
                MM_NOT_MANAGED); /* reserved */
    must_status(t, "P14", ask_pmm_free(t, UINT64_C(1) << 40), MM_NOT_MANAGED);
    must_status(t, "P13", ask_pmm_free(t, (5 * MIB >> PAGE_SHIFT)),
                MM_NOT_ALLOCATED); /* ours, and free */
    after = ask_pmm_stats(t);
    must(t, memcmp(&before, &after, sizeof before) == 0, "P14",
         "a refused free changed the counters: %lu frames free, %lu before",
         after.free, before.free);
}

SCRIPT(a_run_lies_together_and_on_its_alignment) {
    struct frames frames;
    uint64_t first;

    odd_machine(t, &frames);
    for (uint64_t align = 1; align <= 256; align *= 2) {
        const uint64_t count = 1 + draw(t, 60);

        must_ok(t, ask_pmm_alloc_run(t, count, align, 0, &first));
        must(t, first % align == 0, "P17",
             "a run of %lu frames, alignment %lu, begins at frame 0x%lx", count,
             align, first);
        frames_given(t, &frames, first, count);
    }
    must_ok(t, ask_pmm_alloc_run(t, 8, 1, 5 * MIB >> PAGE_SHIFT, &first));
    must(t, first + 8 <= 5 * MIB >> PAGE_SHIFT, NULL,
         "a run below frame 0x%lx ends at 0x%lx", 5 * MIB >> PAGE_SHIFT,
         first + 8);
    frames_given(t, &frames, first, 8);
}

/** Every second frame is used: no two lie together. */
SCRIPT(a_run_does_not_cross_a_frame_in_use) {
    struct frames frames;
    struct frame_stats before, after;
    uint64_t first = 0, end = 0;

    odd_machine(t, &frames);
    take_all(t, &frames);
    for (uint64_t f = 0; f < frames.count; f++) {
        if (frames.state[f] == FRAME_USED && f % 3 != 0) {
            must_ok(t, ask_pmm_free(t, f));
            frames_taken_back(t, &frames, f, 1);
            end = f;
        }
    }
    before = ask_pmm_stats(t);
    must_status(t, "P16", ask_pmm_alloc_run(t, 3, 1, 0, &first), MM_NO_MEMORY);
    after = ask_pmm_stats(t);
    must(t, memcmp(&before, &after, sizeof before) == 0, "P16",
         "a request that could not be met changed the counters");
    credit(t, 50);
    must_ok(t, ask_pmm_alloc_run(t, 2, 1, 0, &first));
    frames_given(t, &frames, first, 2);
    (void)end;
    must_status(t, NULL, ask_pmm_alloc_run(t, 0, 1, 0, &first),
                MM_BAD_ARGUMENT);
    must_status(t, NULL, ask_pmm_alloc_run(t, 4, 3, 0, &first),
                MM_BAD_ARGUMENT);
    must(t, ask_pmm_is_sound(t), "P16", "the frames are not sound any more");
}

SCRIPT(random_calls_agree_with_an_oracle) {
    static uint64_t held[8192];
    static bool is_free[TALK_CALLS];
    struct frames frames;
    unsigned count = 0;

    odd_machine(t, &frames);
    for (unsigned turn = 0; turn < 200; turn++) {
        unsigned pending = 0;

        for (unsigned i = 0; i < 250; i++) {
            is_free[i] = count > 0 && draw(t, turn % 20 < 10 ? 3 : 2) == 0;
            if (is_free[i]) { /* of what came before this turn */
                const unsigned n = (unsigned)draw(t, count);

                queue(t, ASK_PMM_FREE, held[n]);
                frames_taken_back(t, &frames, held[n], 1);
                held[n] = held[--count];
            } else {
                queue(t, ASK_PMM_ALLOC);
            }
        }
        queue_run(t);
        for (unsigned i = 0; i < 250; i++) {
            const struct call *call = answer(t, i);

            if (is_free[i]) {
                must_status(t, NULL, (enum mm_status)call->status, MM_OK);
            } else if (call->status == MM_OK) {
                frames_given(t, &frames, call->out[0], 1);
                held[count + pending++] = call->out[0];
            } else {
                must_status(t, NULL, (enum mm_status)call->status,
                            MM_NO_MEMORY);
            }
        }
        count += pending;
        credit(t, turn / 3);
    }
    must(t, ask_pmm_stats(t).allocated == count, NULL,
         "%u frames are out, and %lu are counted", count,
         ask_pmm_stats(t).allocated);
    must(t, ask_pmm_is_sound(t), NULL, "the frames are not sound any more");
}

SCRIPT(half_of_memory_free_makes_a_request_no_long_search) {
    struct frames frames;
    uint64_t steps = 0;

    machine_on(t, (struct machine_want){ .ram = 64 * MIB });
    frames_of_machine(t, &frames);
    must_status(t, "init", ask_pmm_init(t, "bitmap"), MM_OK);
    take_all(t, &frames);
    for (uint64_t f = 0; f < frames.count; f++) {
        if (frames.state[f] == FRAME_USED && draw(t, 2) == 0) {
            queue(t, ASK_PMM_FREE, f);
            frames_taken_back(t, &frames, f, 1);
        }
    }
    queue_run(t);
    for (unsigned n = 0; n < 16; n++) {
        uint64_t f;

        count_next(t, 100000);
        must_ok(t, ask_pmm_alloc(t, &f));
        frames_given(t, &frames, f, 1);
        steps += counted(t);
    }
    if (steps == 0) {
        skip(t, "this host can not count instructions");
    }
    must(t, steps < 16 * 6000, NULL,
         "half of the frames are free, and a request costs %lu instructions",
         steps / 16);
}

/** Those that lie below the newest one are found again, before all are out. */
SCRIPT(frames_that_come_back_early_are_handed_out_again) {
    struct frames frames;
    uint64_t held[512], all, taken;

    machine_on(t, (struct machine_want){ .ram = 16 * MIB });
    frames_of_machine(t, &frames);
    must_status(t, "init", ask_pmm_init(t, "bitmap"), MM_OK);
    all = ask_pmm_stats(t).free;
    for (unsigned n = 0; n < 512; n++) {
        must_ok(t, ask_pmm_alloc(t, &held[n]));
        frames_given(t, &frames, held[n], 1);
    }
    for (unsigned n = 0; n < 400; n++) {
        must_ok(t, ask_pmm_free(t, held[n]));
        frames_taken_back(t, &frames, held[n], 1);
    }
    taken = take_all(t, &frames);
    must(t, taken == all - 112, "P11",
         "%lu frames were free, and %lu could be had", all - 112, taken);
}

/*
 *   RAM   [ ........................ 128 MiB ][ 7 frames ]
 *   bits  [ one page of them ...............][ 7 ]     they need one word more
 */
SCRIPT(the_bits_of_the_last_frames_are_not_in_a_frame_of_somebody) {
    const uint64_t count = (128 * MIB >> PAGE_SHIFT) + 7;
    const struct memmap_entry map[] = {
        { { paddr(MIB), (count << PAGE_SHIFT) - MIB }, MEMMAP_USABLE }
    };
    struct frames frames;
    uint64_t f;

    machine_on(t, (struct machine_want){ .map = map, .map_count = 1 });
    frames_of_machine(t, &frames);
    must_status(t, "init", ask_pmm_init(t, "bitmap"), MM_OK);
    for (unsigned n = 0; n < 64; n++) {
        must_ok(t, ask_pmm_alloc(t, &f));
        frames_given(t, &frames, f, 1);
        memset(physical(t, f << PAGE_SHIFT), 0xff, PAGE_SIZE);
    }
    for (f = count - 7; f < count; f++) {
        must(t, frames.state[f] == FRAME_USED || !ask_pmm_is_used(t, f), "P10",
             "the owner of a frame wrote into it, and frame 0x%lx, which is "
             "free, counts as used: its bit lies there",
             f);
    }
}

/** Another class of frames, which may be handed in as well. */
SCRIPT(buddies_are_apart_and_become_one_again) {
    struct frames frames;
    uint64_t taken, again, first;

    machine_on(t, (struct machine_want){ .ram = 16 * MIB });
    frames_of_machine(t, &frames);
    must_status(t, "init", ask_pmm_init(t, "buddy"), MM_OK);
    taken = take_all(t, &frames);
    for (unsigned f = 0; f < frames.count; f++) {
        if (frames.state[f] == FRAME_USED) {
            queue(t, ASK_PMM_FREE, f);
            frames_taken_back(t, &frames, f, 1);
        }
    }
    queue_run(t);
    must(t, ask_pmm_is_sound(t), "P22", "the frames are not sound any more");
    must_ok(t, ask_pmm_alloc_run(t, 256, 256, 0, &first));
    frames_given(t, &frames, first, 256);
    again = take_all(t, &frames) + 256;
    must(t, again == taken, "P22",
         "%lu frames were out and came back, then there were %lu", taken,
         again);
}

const struct script lab1_hidden[] = {
    LISTED(a_map_with_odd_ends_is_used_to_the_last_frame),
    LISTED(what_was_never_ours_is_not_freed),
    LISTED(a_run_lies_together_and_on_its_alignment),
    LISTED(a_run_does_not_cross_a_frame_in_use),
    LISTED(random_calls_agree_with_an_oracle),
    LISTED(half_of_memory_free_makes_a_request_no_long_search),
    LISTED(frames_that_come_back_early_are_handed_out_again),
    LISTED(the_bits_of_the_last_frames_are_not_in_a_frame_of_somebody),
    LISTED(buddies_are_apart_and_become_one_again),
    { NULL, NULL },
};
