/**
 * @file frames.h
 * What the scripts of lab 1 have in common.
 */
#ifndef LABS_FRAMES_H
#define LABS_FRAMES_H

#include <string.h>

#include "grade/script.h"

/** Take all there are, and write all over each.  @return how many */
static inline uint64_t take_all(struct test *t, struct frames *frames) {
    uint64_t taken = 0;

    for (;;) {
        for (unsigned i = 0; i < TALK_CALLS; i++) {
            queue(t, ASK_PMM_ALLOC);
        }
        queue_run(t);
        for (unsigned i = 0; i < TALK_CALLS; i++) {
            const struct call *call = answer(t, i);

            if (call->status != MM_OK) {
                must_status(t, NULL, (enum mm_status)call->status,
                            MM_NO_MEMORY);
                return taken;
            }
            frames_given(t, frames, call->out[0], 1);
            memset(physical(t, call->out[0] << PAGE_SHIFT), 0x99, PAGE_SIZE);
            taken++;
        }
    }
}

#endif
