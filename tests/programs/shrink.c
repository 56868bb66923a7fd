/*
 * Delta debugging over the list of calls.
 *
 *   leave out   halves, then quarters ... then single calls, as long as the
 *               rest still goes wrong; from the start again after a success
 *   make small  fewer pages, lower ones, simpler rights
 *
 * Each trial is a fresh machine.  "Goes wrong" is any difference from the
 * model, also another one than the first: what is left is a bug all the same.
 *
 * Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input".
 */
#include <string.h>

#include "programs/program.h"

size_t program_run(const struct op *ops, size_t count, bool whole, bool deaf) {
    size_t n = 0;

    world_start();
    world.deaf = deaf;
    while (n < count && op_run(&ops[n]) && (!whole || all_agrees())) {
        n++;
    }
    world_end();
    return n;
}

static bool goes_wrong(const struct op *ops, size_t count, bool deaf) {
    return program_run(ops, count, false, deaf) < count ||
           (count < 100 && program_run(ops, count, true, deaf) < count);
}

/** @ops without @count of them from @first on. */
static size_t without(const struct op *ops, size_t all, size_t first,
                      size_t count, struct op *out) {
    memcpy(out, ops, first * sizeof(*ops));
    memcpy(out + first, ops + first + count,
           (all - first - count) * sizeof(*ops));
    return all - count;
}

static size_t leave_out(struct op *ops, size_t count, bool deaf) {
    static struct op trial[PROGRAM_MAX];

    for (size_t part = count / 2; part > 0;) {
        bool better = false;

        for (size_t first = 0; first + part <= count;) {
            const size_t left = without(ops, count, first, part, trial);

            if (goes_wrong(trial, left, deaf)) {
                memcpy(ops, trial, left * sizeof(*ops));
                count = left;
                better = true;
            } else {
                first += part;
            }
        }
        part = better && part <= count ? part : part / 2;
    }
    return count;
}

static void one_page(struct op *op) {
    op->count = 1;
}
static void first_frame(struct op *op) {
    op->frame = 0;
}
static void data(struct op *op) {
    op->access = VMM_WRITE;
}
static void word_one(struct op *op) {
    op->word = 1;
}
static void no_other(struct op *op) {
    op->other = 1;
}

/** Each value by itself, while the program still goes wrong. */
static void make_small(struct op *ops, size_t count, bool deaf) {
    static void (*const simplify[])(struct op *) = { one_page, first_frame,
                                                     data, word_one, no_other };

    for (size_t n = 0; n < count; n++) {
        for (unsigned k = 0; k < 5; k++) {
            const struct op kept = ops[n];

            simplify[k](&ops[n]);
            if (!goes_wrong(ops, count, deaf)) {
                ops[n] = kept;
            }
        }
    }
}

size_t program_shrink(struct op *ops, size_t count, bool deaf) {
    count = leave_out(ops, count, deaf);
    make_small(ops, count, deaf);
    return leave_out(ops, count, deaf);
}
