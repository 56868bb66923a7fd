/*
 * Lab 1, the tests that students see.
 */
#include "../frames.h"

/** A machine of 16 MiB with the submission's frames on it. */
static void start(struct test *t, struct frames *frames) {
    machine_on(t, (struct machine_want){ .ram = 16 * MIB });
    frames_of_machine(t, frames);
    must_status(t, "init", ask_pmm_init(t, "bitmap"), MM_OK);
}

SCRIPT(every_frame_of_a_simple_map_is_handed_out_once) {
    struct frames frames;
    uint64_t usable, taken;

    start(t, &frames);
    usable = frames.free;
    taken = take_all(t, &frames);
    must(t, taken >= usable - usable / 64 - 2, "P05",
         "%lu frames are usable, but only %lu were handed out.  (A bitmap "
         "itself needs a few frames, no more.)",
         usable, taken);
}

SCRIPT(frames_that_came_back_are_handed_out_again) {
    struct frames frames;
    uint64_t taken, f;

    start(t, &frames);
    taken = take_all(t, &frames);
    for (f = 0; f < frames.count; f++) {
        if (frames.state[f] == FRAME_USED) {
            queue(t, ASK_PMM_FREE, f);
            frames_taken_back(t, &frames, f, 1);
        }
    }
    queue_run(t);
    f = take_all(t, &frames);
    must(t, f == taken, NULL,
         "%lu frames were handed out and came back, but then there were %lu",
         taken, f);
}

SCRIPT(a_frame_cannot_be_freed_twice) {
    struct frames frames;
    struct frame_stats before, after;
    uint64_t f;

    start(t, &frames);
    must_ok(t, ask_pmm_alloc(t, &f));
    frames_given(t, &frames, f, 1);
    must_ok(t, ask_pmm_free(t, f));
    before = ask_pmm_stats(t);
    must_status(t, "P13", ask_pmm_free(t, f), MM_NOT_ALLOCATED);
    after = ask_pmm_stats(t);
    must(t, before.free == after.free, "P13",
         "%lu frames were free before the second pmm_free(), and %lu after",
         before.free, after.free);
}

const struct script lab1_public[] = {
    LISTED(every_frame_of_a_simple_map_is_handed_out_once),
    LISTED(frames_that_came_back_are_handed_out_again),
    LISTED(a_frame_cannot_be_freed_twice),
    { NULL, NULL },
};
