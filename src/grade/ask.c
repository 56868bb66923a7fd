/*
 * The calls that scripts make.
 */
#include <string.h>

#include "grade/test.h"

/* --- queue and answer ---------------------------------------------------- */

void queue_with(struct test *t, enum ask what, const uint64_t in[6]) {
    struct call *call;

    if (!t->is_on) {
        fail(t, NULL, "the script asks before machine_on()");
    }
    if (t->queued == TALK_CALLS) {
        queue_run(t);
    }
    call = &t->answers[t->queued];
    *call = (struct call){ .ask = what };
    memcpy(call->in, in, sizeof call->in);
    t->talk->calls[t->queued++] = *call;
}

unsigned queued(const struct test *t) {
    return t->queued;
}

void queue_run(struct test *t) {
    test_turn(t);
}

const struct call *answer(const struct test *t, unsigned n) {
    return &t->answers[n % TALK_CALLS];
}

const struct call *ask_with(struct test *t, enum ask what,
                            const uint64_t in[6]) {
    queue_with(t, what, in);
    queue_run(t);
    return &t->answers[0];
}

uint8_t *blob(struct test *t) {
    return t->talk->blob;
}

/* --- frames -------------------------------------------------------------- */

static enum mm_status status_of(const struct call *call) {
    return (enum mm_status)call->status;
}

enum mm_status ask_pmm_init(struct test *t, const char *class_name) {
    static const char *const names[] = { "areas", "bitmap", "bump", "stack",
                                         "buddy" };
    uint64_t n = 0;

    while (n < sizeof names / sizeof names[0] &&
           strcmp(names[n], class_name) != 0) {
        n++;
    }
    return status_of(ask(t, ASK_PMM_INIT, n));
}

enum mm_status ask_pmm_alloc(struct test *t, uint64_t *f) {
    const struct call *call = ask(t, ASK_PMM_ALLOC);

    *f = call->out[0];
    return status_of(call);
}

enum mm_status ask_pmm_alloc_run(struct test *t, uint64_t count, uint64_t align,
                                 uint64_t below, uint64_t *first) {
    const struct call *call = ask(t, ASK_PMM_ALLOC_RUN, count, align, below);

    *first = call->out[0];
    return status_of(call);
}

enum mm_status ask_pmm_free(struct test *t, uint64_t f) {
    return status_of(ask(t, ASK_PMM_FREE, f));
}

enum mm_status ask_pmm_free_run(struct test *t, uint64_t first,
                                uint64_t count) {
    return status_of(ask(t, ASK_PMM_FREE_RUN, first, count));
}

bool ask_pmm_is_used(struct test *t, uint64_t f) {
    return ask(t, ASK_PMM_IS_USED, f)->out[0] != 0;
}

bool ask_pmm_is_sound(struct test *t) {
    return ask(t, ASK_PMM_IS_SOUND)->out[0] != 0;
}

enum mm_status ask_pmm_keep_books(struct test *t) {
    return status_of(ask(t, ASK_PMM_KEEP_BOOKS));
}

struct frame_stats ask_pmm_stats(struct test *t) {
    const struct call *call = ask(t, ASK_PMM_STATS);

    return (struct frame_stats){ call->out[0], call->out[1], call->out[2],
                                 call->out[3], call->out[4] };
}

void ask_pmm_fail_after(struct test *t, uint64_t count) {
    ask(t, ASK_PMM_FAIL, count);
}

static uint64_t copy_runs(struct test *t, const struct call *call,
                          struct talk_frames *runs, size_t max) {
    const uint64_t count = call->out[0];

    memcpy(runs, t->talk->frames,
           (count < max ? (size_t)count : max) * sizeof *runs);
    return count;
}

uint64_t ask_memmap_usable(struct test *t, const struct memmap_entry *map,
                           size_t count, struct talk_frames *runs, size_t max) {
    memcpy(t->talk->entries, map, count * sizeof *map);
    return copy_runs(t, ask(t, ASK_MEMMAP_USABLE, count, max), runs, max);
}

uint64_t ask_memmap_reserve(struct test *t, struct talk_frames *runs,
                            size_t count, size_t max, struct prange hole) {
    memcpy(t->talk->frames, runs, count * sizeof *runs);
    return copy_runs(
        t, ask(t, ASK_MEMMAP_RESERVE, count, max, hole.base.v, hole.len), runs,
        max);
}
