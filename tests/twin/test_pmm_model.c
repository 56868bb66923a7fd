/*
 * Random operations on every strategy against a plain set: a byte per frame.
 *
 *   set    0 0 0 1 1 2 0 2 2 ...     0 free, 1 used, 2 part of a 2 MiB block,
 *                                      3 not ours
 *
 * Whatever is asked, the set knows whether the answer may be that: the frames
 * of a run are free and where they should be, a run is refused only when the
 * set has none, a free is refused only when a frame is not used.  A million
 * operations per strategy on the simulator, fewer in QEMU and where nothing is
 * optimised.
 */
#include <check.h>
#include <string.h>

#include "base/hash.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

#define FRAMES_MAX 8192 /* 32 MiB */
#define FRAMES_ASKED (FRAMES_MAX + 1600)
#define BLOCK 512u

enum mark { MARK_FREE, MARK_USED, MARK_BLOCK, MARK_NOT_OURS };

/* In four tests, each with its own seed; see pmm_model_suite(). */
#define PARTS 4
#if defined(MODEL_STEPS)
#define STEPS_PER_PART (MODEL_STEPS / PARTS)
#elif defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
#define STEPS_PER_PART 250000
#else /* what counts or looks at every access wants every line, not every      \
         state */
#define STEPS_PER_PART 10000
#endif

static const struct hw_boot *boot;
static uint8_t set[FRAMES_ASKED];
static uint64_t used;  /* frames of the set that are not free */
static uint64_t state; /* of the dice */

static uint64_t dice(uint64_t sides) {
    state = hash_mix(state);
    return state % sides;
}

static void start(const struct pmm_class *class, uint64_t seed) {
    boot = machine_power_on();
    ck_assert_status(pmm_init(&pmm, boot, class), MM_OK);
    ck_assert_uint_le(pmm.frames, FRAMES_MAX);
    for (uint64_t f = 0; f < FRAMES_ASKED; f++) {
        set[f] = pmm_is_managed(&pmm, pfn(f)) ? MARK_FREE : MARK_NOT_OURS;
    }
    used = 0;
    state = seed;
}

static bool all_are(uint64_t first, uint64_t count, enum mark mark) {
    for (uint64_t f = first; f < first + count; f++) {
        if (set[f] != mark) {
            return false;
        }
    }
    return true;
}

/** Does the set have such a run? */
static bool set_has(struct pmm_want want) {
    uint64_t length = 0;

    for (uint64_t f = 0; f < pmm.frames; f++) {
        uint64_t first;

        length = set[f] == MARK_FREE ? length + 1 : 0;
        first = align_down(f + 1 - want.count, want.align);
        if (length >= want.count && f + 1 - first <= length &&
            (want.below.v == 0 || first + want.count <= want.below.v)) {
            return true;
        }
    }
    return false;
}

static void mark_run(uint64_t first, uint64_t count) {
    for (uint64_t f = first; f < first + count; f++) {
        const uint64_t block = align_down(f, BLOCK);

        ck_must(set[f] == MARK_FREE, "frame 0x%lx was not free",
                (unsigned long)f);
        set[f] = block >= first && block + BLOCK <= first + count ? MARK_BLOCK
                                                                  : MARK_USED;
    }
    used += count;
}

static void unmark(uint64_t first, uint64_t count) {
    memset(&set[first], MARK_FREE, count);
    used -= count;
}

static struct pmm_want some_want(void) {
    static const uint64_t counts[] = { 1, 1, 2, 4, 8, 16, 64, 256, 512, 512 };
    static const uint64_t limits[] = { 0, 0, 0, 0x1000, 0xe20, 0x1900 };
    struct pmm_want want = { 1 + dice(40), UINT64_C(1) << dice(4),
                             pfn(limits[dice(6)]), NULL };

    if (dice(2) == 0) {
        want.count = want.align = counts[dice(10)];
    }
    if (dice(50) == 0) {
        want.count = 1 + dice(1500);
    }
    return want;
}

static void do_alloc(void) {
    pfn_t f = pfn(0);
    const enum mm_status status = pmm_alloc(&pmm, &f);

    if (status == MM_OK) {
        mark_run(f.v, 1);
    } else {
        ck_must(status == MM_NO_MEMORY &&
                    (used == pmm.stats.total - pmm.stats.reserved ||
                     !pmm.class->reuses),
                "no frame, says %s, with %lu in use", mm_status_name(status),
                (unsigned long)used);
    }
}

static void do_alloc_run(void) {
    const struct pmm_want want = some_want();
    pfn_t f = pfn(0);
    const enum mm_status status = pmm_alloc_run(&pmm, want, &f);

    if (status == MM_OK) {
        ck_must(f.v % want.align == 0 &&
                    (want.below.v == 0 || f.v + want.count <= want.below.v),
                "a run of %lu aligned %lu below 0x%lx lies at 0x%lx",
                (unsigned long)want.count, (unsigned long)want.align,
                (unsigned long)want.below.v, (unsigned long)f.v);
        mark_run(f.v, want.count);
    } else {
        ck_must(status == MM_NO_MEMORY &&
                    (!set_has(want) || (!pmm.class->reuses && want.count == 1)),
                "no run of %lu aligned %lu below 0x%lx",
                (unsigned long)want.count, (unsigned long)want.align,
                (unsigned long)want.below.v);
    }
}

/** What a free of the run may say; blocks come back whole or with MM_OK. */
static void do_free_run(uint64_t first, uint64_t count) {
    const struct pmm_stats before = pmm.stats;
    const enum mm_status status = count == 1
                                      ? pmm_free(&pmm, pfn(first))
                                      : pmm_free_run(&pmm, pfn(first), count);
    bool managed = true, in_use = true, in_block = false;

    for (uint64_t f = first; f < first + count; f++) {
        managed = managed && set[f] != MARK_NOT_OURS;
        in_use = in_use && managed && set[f] != MARK_FREE;
        in_block |= set[f] == MARK_BLOCK;
    }
    ck_must((status == MM_OK && in_use) ||
                (status == MM_NOT_MANAGED && !managed) ||
                (status == MM_NOT_ALLOCATED && !in_use) ||
                (status == MM_BAD_RANGE && in_block),
            "a free of %lu frames at 0x%lx is %s", (unsigned long)count,
            (unsigned long)first, mm_status_name(status));
    if (status == MM_OK) {
        unmark(first, count);
        return;
    }
    ck_must(memcmp(&before, &pmm.stats, sizeof(before)) == 0,
            "a free that was refused was counted");
    if (status == MM_BAD_RANGE) {
        const uint64_t block = align_down(first + count - 1, BLOCK);

        if (all_are(block, BLOCK, MARK_BLOCK)) {
            ck_assert_status(pmm_free_run(&pmm, pfn(block), BLOCK), MM_OK);
            unmark(block, BLOCK);
        }
    }
}

/** Now more is asked for, now more comes back; sometimes everything does. */
static void do_something(uint64_t step) {
    const bool grow = (step / 4096) % 3 != 2;
    const uint64_t f = dice(pmm.frames + 10);

    switch (dice(20)) {
    case 0:
        do_alloc_run();
        break;
    case 1:
        do_free_run(f, 1 + dice(dice(10) == 0 ? 600 : 16));
        break;
    default:
        if (dice(8) < (grow ? 5u : 3u)) {
            do_alloc();
        } else {
            do_free_run(f, 1);
        }
    }
}

static void free_everything(void) {
    for (uint64_t f = 0; f < pmm.frames; f++) {
        if (f % BLOCK == 0 && all_are(f, BLOCK, MARK_BLOCK)) {
            ck_assert_status(pmm_free_run(&pmm, pfn(f), BLOCK), MM_OK);
            unmark(f, BLOCK);
        } else if (set[f] == MARK_USED || set[f] == MARK_BLOCK) {
            ck_must(pmm_free(&pmm, pfn(f)) == MM_OK,
                    "frame 0x%lx does not come back", (unsigned long)f);
            unmark(f, 1);
        }
    }
    ck_assert_uint_eq(pmm.stats.allocated, 0);
}

/** The strategy and the set agree on every frame. */
static void expect_agreement(void) {
    for (uint64_t f = 0; f < pmm.frames; f++) {
        ck_must(pmm_is_used(&pmm, pfn(f)) == (set[f] != MARK_FREE),
                "frame 0x%lx is used by one opinion only", (unsigned long)f);
    }
    ck_assert_uint_eq(pmm.stats.allocated, used);
    ck_assert(pmm_is_sound(&pmm));
}

START_TEST(random_operations_agree_with_a_plain_set)
{ /* P5 P6 P9 P10 P11 P14 */
    uint64_t steps;

    start(pmm_classes[_i / PARTS], (uint64_t)_i);
    steps = strcmp(boot->machine, "sim") == 0 ? STEPS_PER_PART : 5000;
    for (uint64_t step = 0; step < steps; step++) {
        do_something(step);
        ck_must(pmm.stats.allocated == used, "%lu frames in use, counted %lu",
                (unsigned long)used, (unsigned long)pmm.stats.allocated);
        if (step % 16384 == 0) {
            expect_agreement();
        }
        if (step % 65536 == 65535) {
            free_everything();
        }
    }
    expect_agreement();
    free_everything();
    expect_agreement();
    machine_power_off();
}
END_TEST

Suite *pmm_model_suite(void) {
    Suite *suite = suite_create("pmm_model");
    TCase *tc = tcase_create("model");
    int n = 0;

    while (pmm_classes[n] != NULL) {
        n++;
    }
    tcase_add_loop_test(tc, random_operations_agree_with_a_plain_set, 0,
                        n * PARTS);
    suite_add_tcase(suite, tc);
    return suite;
}
