/*
 * Requests that fail, one after the other, with every strategy: whatever is
 * refused leaves all as it was.
 *
 *   calls     alloc  block  run  2 MiB  alloc ...
 *   sweep       x      .     .     .      .         no frame for the first,
 *               .      x     .     .      .         for the second, ...
 */
#include <check.h>
#include <string.h>

#include "base/hash.h"
#include "pmm/inside.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

#define CALLS 12

static struct pmm before;
static struct events events;

/** What anybody can see of @pmm, books included. */
static uint64_t seen_state(void) {
    uint64_t hash = HASH_START;

    for (uint64_t f = 0; f < pmm.frames; f++) {
        hash = hash_add(hash, pmm_is_used(&pmm, pfn(f)));
        hash = hash_add(hash, pmm_owners(&pmm, pfn(f)));
    }
    hash = hash_add(hash, pmm.stats.allocated);
    hash = hash_add(hash, pmm.stats.peak);
    hash = hash_add(hash, pmm.stats.allocs);
    return hash_add(hash, pmm.stats.frees);
}

static uint64_t metadata_hash(void) {
    const uint64_t *words = pmm_metadata(&pmm);
    uint64_t hash = HASH_START;

    for (uint64_t n = 0; n < pmm.metadata.len / sizeof(*words); n++) {
        hash = hash_add(hash, words[n]);
    }
    return hash;
}

static void start(int i) {
    ck_assert_status(pmm_init(&pmm, machine_power_on(), pmm_classes[i / 2]),
                     MM_OK);
    machine_forget_held();
    if (i % 2 == 1) {
        ck_assert_status(pmm_keep_books(&pmm), MM_OK);
    }
}

static void stop(void) {
    ck_assert_uint_eq(pmm.stats.allocated, 0);
    ck_assert(pmm_is_sound(&pmm));
    machine_power_off();
}

/* --- the Nth frame is missing ----------------------------------------------
 */

static struct nth {
    struct events_ear ear;
    uint64_t left; /* requests until the one that fails; 0: it has */
} nth;

static void hear_nothing(struct events_ear *ear, enum event_kind kind,
                         uint64_t x, uint64_t y) {
    (void)ear, (void)kind, (void)x, (void)y;
}

static bool refuse_nth(struct events_ear *ear, enum event_kind kind) {
    (void)ear, (void)kind;
    return nth.left == 0 || --nth.left > 0;
}

static struct pmm_want want_number(int call) {
    static const uint64_t counts[CALLS] = { 1,   1, 8,  3, 512, 1,
                                            256, 1, 20, 2, 600, 1 };
    struct pmm_want want = { .count = counts[call], .tag = "sweep" };

    if (is_power_of_two(want.count)) {
        want.align = want.count;
    }
    return want;
}

/** @return is this the one? */
static bool try_call(int call, struct pmm_run *run) {
    const struct pmm_want want = want_number(call);
    const bool waiting = nth.left > 0;
    const uint64_t metadata = metadata_hash();
    enum mm_status status;

    before = pmm;
    run->count = 0;
    status = want.count == 1 ? pmm_alloc(&pmm, &run->first)
                             : pmm_alloc_run(&pmm, want, &run->first);
    if (status == MM_OK) {
        run->count = want.count;
        return false;
    }
    ck_assert_status(status, MM_NO_MEMORY);
    ck_assert_msg(waiting && nth.left == 0, "call %d failed by itself", call);
    ck_assert_msg(memcmp(&before, &pmm, sizeof(pmm)) == 0,
                  "call %d was refused, but pmm has changed", call);
    ck_assert_msg(metadata == metadata_hash(),
                  "call %d was refused, but the metadata has changed", call);
    return true;
}

START_TEST(a_missing_frame_leaves_every_byte_as_it_was)
{ /* P6 P7 */
    struct pmm_run runs[CALLS];
    int refused;

    start(_i);
    nth.ear = (struct events_ear){ hear_nothing, refuse_nth };
    events.ear = &nth.ear;
    pmm.events = &events;
    for (uint64_t n = 1;; n++) {
        refused = 0;
        nth.left = n;
        for (int call = 0; call < CALLS; call++) {
            refused += try_call(call, &runs[call]);
        }
        ck_assert(pmm_is_sound(&pmm));
        for (int call = 0; call < CALLS; call++) {
            if (runs[call].count > 0) {
                ck_assert_status(
                    pmm_free_run(&pmm, runs[call].first, runs[call].count),
                    MM_OK);
            }
        }
        if (refused == 0) {
            ck_assert_uint_eq(n, CALLS + 1);
            break;
        }
    }
    nth.left = 0;
    stop();
}
END_TEST

/* --- there are not enough --------------------------------------------------
 */

START_TEST(a_request_beyond_what_is_free_changes_nothing_to_be_seen)
{ /* P6 */
    static const uint64_t more[] = { 1, 2, 8, 200, 512, 1000 };
    uint64_t state;
    pfn_t f = pfn(0);

    start(_i);
    for (uint64_t left = 0; left < 40; left += 1 + left / 3) {
        machine_leave_free(&pmm, left);
        state = seen_state();
        for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
            const struct pmm_want want = { .count = left + more[i] };

            ck_assert_status(pmm_alloc_run(&pmm, want, &f), MM_NO_MEMORY);
            ck_assert(state == seen_state());
        }
        if (left == 0) {
            ck_assert_status(pmm_alloc(&pmm, &f), MM_NO_MEMORY);
            ck_assert(state == seen_state());
        }
        ck_assert_hex_eq(f.v, 0);
        ck_assert(pmm_is_sound(&pmm));
    }
    machine_give_back(&pmm);
    stop();
}
END_TEST

START_TEST(a_free_that_is_refused_changes_nothing_to_be_seen)
{ /* P11 */
    struct pmm_want want = { .count = 6 };
    uint64_t state;
    pfn_t f, g = pfn(0);

    start(_i);
    ck_assert_status(pmm_alloc_run(&pmm, want, &f), MM_OK);
    ck_assert_status(pmm_alloc(&pmm, &g), MM_OK);
    ck_assert_status(pmm_free(&pmm, g), MM_OK);
    state = seen_state();
    ck_assert_status(pmm_free(&pmm, g), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_free_run(&pmm, f, 0), MM_BAD_ARGUMENT);
    ck_assert_int_ne(pmm_free_run(&pmm, f, 7), MM_OK);
    ck_assert_status(pmm_free_run(&pmm, f, pmm.frames), MM_NOT_MANAGED);
    ck_assert_status(pmm_free_address(&pmm, paddr(paddr_of(f).v + 8)),
                     MM_NOT_ALIGNED);
    ck_assert_status(pmm_free(&pmm, pfn(1)), MM_NOT_MANAGED);
    ck_assert(state == seen_state());
    ck_assert_status(pmm_free_run(&pmm, f, 6), MM_OK);
    stop();
}
END_TEST

Suite *pmm_sweep_suite(void) {
    Suite *suite = suite_create("pmm_sweep");
    TCase *tc = tcase_create("sweep");
    int n = 0;

    while (pmm_classes[n] != NULL) {
        n++;
    }
    /* Each strategy without books and with them. */
    tcase_add_loop_test(tc, a_missing_frame_leaves_every_byte_as_it_was, 0,
                        2 * n);
    tcase_add_loop_test(
        tc, a_request_beyond_what_is_free_changes_nothing_to_be_seen, 0, 2 * n);
    tcase_add_loop_test(tc, a_free_that_is_refused_changes_nothing_to_be_seen,
                        0, 2 * n);
    suite_add_tcase(suite, tc);
    return suite;
}
