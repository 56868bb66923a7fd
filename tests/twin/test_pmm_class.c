/*
 * What every strategy must do, in a loop over all of them: each test gets the
 * machine with frames by strategy number _i.
 */
#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static const struct hw_boot *boot;

/** Those that users may choose, and the two for tests. */
static const struct pmm_class *class_number(int i) {
    static const struct pmm_class *const more[] = { &pmm_few };
    int n = 0;

    while (pmm_classes[n] != NULL && n < i) {
        n++;
    }
    return pmm_classes[n] != NULL ? pmm_classes[n] : more[i - n];
}

static int class_count(void) {
    int n = 0;

    while (pmm_classes[n] != NULL) {
        n++;
    }
    return n + 1;
}

static void start(const struct pmm_class *class) {
    boot = machine_power_on();
    machine_forget_held();
    ck_assert_status(pmm_init(&pmm, boot, class), MM_OK);
    if (class == &pmm_few) {
        pmm.few.left = UINT64_MAX;
    }
}

static void stop(void) {
    machine_give_back(&pmm);
    ck_assert_uint_eq(pmm.stats.allocated, 0);
    ck_assert(pmm_is_sound(&pmm));
    machine_power_off();
}

static void expect_sound(void) {
    const struct pmm_stats s = pmm.stats;

    ck_assert_uint_eq(s.total, s.reserved + s.allocated + pmm_free_count(&pmm));
    ck_assert_uint_eq(s.allocated, s.allocs - s.frees);
    ck_assert_uint_ge(s.peak, s.allocated);
    ck_assert(pmm_is_sound(&pmm));
    ck_assert(!lock_is_held(&pmm.lock)); /* P16 */
}

static pfn_t alloc(void) {
    pfn_t f = pfn(0);

    ck_assert_status(pmm_alloc(&pmm, &f), MM_OK);
    return f;
}

static void give(pfn_t f) {
    ck_assert_status(pmm_free(&pmm, f), MM_OK);
}

static uint64_t *bytes_of(pfn_t f) {
    return pointer_of(vaddr_add(pmm.direct_base, paddr_of(f).v));
}

/* A run of all sizes, with and without books. */
START_TEST(a_run_that_was_broken_up_comes_back_frame_by_frame)
{ /* P6 */
    const struct pmm_want want = { .count = 512, .align = 512 };
    pfn_t first;

    for (unsigned books = 0; books < 2; books++) {
        start(class_number(_i));
        if (books != 0 && pmm_keep_books(&pmm) != MM_OK) {
            stop();
            return; /* few */
        }
        ck_assert_status(pmm_alloc_run(&pmm, want, &first), MM_OK);
        ck_assert_status(pmm_break_up(&pmm, first, 512), MM_OK);
        expect_sound();
        for (uint64_t n = 0; n < 512; n++) {
            ck_must(pmm_free(&pmm, pfn_add(first, n ^ 1)) == MM_OK,
                    "frame %lu of the run does not come back",
                    (unsigned long)n);
        }
        expect_sound();
        ck_assert_status(pmm_break_up(&pmm, first, 512), MM_NOT_ALLOCATED);
        ck_assert_status(pmm_break_up(&pmm, pfn(pmm.frames), 1),
                         MM_NOT_MANAGED);
        ck_assert_status(pmm_break_up(&pmm, pfn(pmm.frames - 1), 2),
                         MM_NOT_MANAGED);
        stop();
    }
}
END_TEST

START_TEST(nothing_and_the_books_are_not_broken_up)
{ /* P6 P12 */
    const struct pmm_want want = { .count = 16, .align = 16 };
    pfn_t f;

    start(class_number(_i));
    if (pmm_keep_books(&pmm) == MM_OK) {
        ck_assert_status(pmm_break_up(&pmm, pmm.books.frames.first, 1),
                         MM_NOT_ALLOCATED);
        ck_assert_status(pmm_alloc_run(&pmm, want, &f), MM_OK);
        ck_assert_status(pmm_break_up(&pmm, pfn_add(f, 3), 0), MM_BAD_ARGUMENT);
        ck_assert_status(pmm_free_run(&pmm, f, 16), MM_OK);
        expect_sound();
    }
    stop();
}
END_TEST

/*
 *   run      [ 0 | 1 | 2 | 3 | 4 | 5 ]   two owners
 *   broken           [ 2 | 3 ]
 */
START_TEST(a_part_broken_out_of_a_run_leaves_two_runs_with_its_owners)
{ /* P6 P12 */
    const struct pmm_want want = { .count = 6 };
    pfn_t f;

    start(class_number(_i));
    if (pmm_keep_books(&pmm) == MM_OK) {
        ck_assert_status(pmm_alloc_run(&pmm, want, &f), MM_OK);
        ck_assert_status(pmm_share(&pmm, f), MM_OK);
        ck_assert_status(pmm_break_up(&pmm, pfn_add(f, 2), 2), MM_OK);
        ck_assert_status(pmm_free(&pmm, pfn_add(f, 1)), MM_BAD_RANGE);
        for (unsigned owner = 0; owner < 2; owner++) {
            ck_assert_uint_eq(pmm_owners(&pmm, pfn_add(f, 3)), 2 - owner);
            ck_assert_status(pmm_free_run(&pmm, f, 2), MM_OK);
            ck_assert_status(pmm_free(&pmm, pfn_add(f, 2)), MM_OK);
            ck_assert_status(pmm_free(&pmm, pfn_add(f, 3)), MM_OK);
            ck_assert_status(pmm_free_run(&pmm, pfn_add(f, 4), 2), MM_OK);
        }
    }
    stop();
}
END_TEST

START_TEST(all_frames_are_handed_out_once_and_all_come_back)
{ /* P5 P9 P10 */
    uint64_t free_at_start, count = 0;
    pfn_t f, last = pfn(0);

    start(class_number(_i));
    free_at_start = pmm_free_count(&pmm);
    expect_sound();
    while (pmm_alloc(&pmm, &f) == MM_OK) {
        ck_assert(pmm_is_managed(&pmm, f));
        ck_assert(pmm_is_used(&pmm, f));
        *bytes_of(f) = last.v;
        last = f;
        count++;
    }
    ck_assert_uint_eq(count, free_at_start);
    ck_assert_uint_eq(pmm_free_count(&pmm), 0);
    expect_sound();
    /* A frame handed out twice would have lost its link to those before. */
    while (last.v != 0) {
        const pfn_t next = pfn(*bytes_of(last));

        give(last);
        ck_assert(!pmm_is_used(&pmm, last));
        last = next;
        count--;
    }
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(pmm.stats.peak, free_at_start);
    give(alloc()); /* and so on */
    stop();
}
END_TEST

START_TEST(no_frame_handed_out_meets_a_reservation)
{ /* P3 P4 */
    pfn_t f;

    start(class_number(_i));
    while (pmm_alloc(&pmm, &f) == MM_OK) {
        const struct prange r = { paddr_of(f), PAGE_SIZE };
        bool in_map = false;

        ck_assert_uint_ge(r.base.v, MIB);
        for (size_t i = 0; i < boot->map_count; i++) {
            const struct prange e = boot->map[i].range;
            const bool meets = ranges_overlap(e.base.v, e.len, r.base.v, r.len);

            ck_assert(!meets || boot->map[i].type == MEMMAP_USABLE);
            in_map |= meets;
        }
        for (size_t i = 0; i < boot->reserved_count; i++) {
            ck_assert(!ranges_overlap(boot->reserved[i].base.v,
                                      boot->reserved[i].len, r.base.v, r.len));
        }
        ck_assert(!ranges_overlap(boot->module.base.v, boot->module.len,
                                  r.base.v, r.len));
        ck_assert(!ranges_overlap(pmm.metadata.base.v, pmm.metadata.len,
                                  r.base.v, r.len));
        ck_assert(in_map);
    }
    machine_power_off();
}
END_TEST

/** @refused says why, and nothing has changed. */
static void expect_refused(pfn_t f, enum mm_status refused) {
    const struct pmm_stats before = pmm.stats;

    ck_assert_status(pmm_free(&pmm, f), refused);
    ck_assert_int_eq(memcmp(&before, &pmm.stats, sizeof(before)), 0);
    expect_sound();
}

START_TEST(wrong_frees_are_refused_and_change_nothing)
{ /* P11 */
    pfn_t f;

    start(class_number(_i));
    f = alloc();
    give(alloc());
    give(f);
    f = alloc();
    give(alloc());
    expect_refused(pfn(0), MM_NOT_MANAGED);
    expect_refused(pfn_of(pmm.metadata.base), MM_NOT_MANAGED);
    expect_refused(pfn_of(boot->root), MM_NOT_MANAGED);
    expect_refused(pfn(pmm.frames), MM_NOT_MANAGED);
    expect_refused(pfn(UINT64_MAX), MM_NOT_MANAGED);
    expect_refused(pfn(pmm.frames - 1), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_free_address(&pmm, paddr_add(paddr_of(f), 8)),
                     MM_NOT_ALIGNED);
    give(f);
    expect_refused(f, MM_NOT_ALLOCATED);
    stop();
}
END_TEST

START_TEST(the_last_free_frame_is_found_wherever_it_is)
{ /* P5 */
    pfn_t ends[2], f;

    start(class_number(_i));
    ends[0] = pmm.runs[0].first;
    ends[1] = pfn(pmm.frames - 1);
    machine_leave_free(&pmm, 0);
    machine_forget_held(); /* given back by hand, from both ends */
    for (int i = 0; i < 2 && pmm.class->reuses; i++) {
        give(ends[i]);
        ck_assert_hex_eq(alloc().v, ends[i].v);
        ck_assert_status(pmm_alloc(&pmm, &f), MM_NO_MEMORY);
    }
    for (size_t i = 0; i < pmm.run_count; i++) {
        const struct pmm_run run = pmm.runs[i];

        ck_assert_status(pmm_free_run(&pmm, run.first, run.count), MM_OK);
    }
    give(alloc());
    stop();
}
END_TEST

/* --- runs of frames ------------------------------------------------------- */

/* Limits first: on a small machine the rest needs what lies low, too. */
static const struct pmm_want wants[] = {
    { 1, 1, { 0x1000 }, NULL },     { 8, 8, { 0xfff }, NULL },
    { 512, 512, { 0x1000 }, NULL }, { 7, 1, { 0xd01 }, NULL },
    { 1, 64, { 0x100000 }, NULL },  { 700, 512, { 0 }, NULL },
    { 1024, 1024, { 0 }, NULL },    { 1, 1, { 0 }, NULL },
    { 1, 512, { 0 }, NULL },        { 3, 0, { 0 }, NULL },
    { 2, 2, { 0 }, NULL },          { 16, 16, { 0 }, NULL },
    { 64, 64, { 0 }, NULL },        { 100, 4, { 0 }, NULL },
    { 256, 256, { 0 }, NULL },      { 512, 512, { 0 }, NULL },
    { 513, 1, { 0 }, NULL },
};
#define WANTS (sizeof(wants) / sizeof(wants[0]))

static void expect_answers(struct pmm_want want, pfn_t first) {
    const uint64_t end = first.v + want.count;

    ck_assert_msg(want.align == 0 || first.v % want.align == 0,
                  "0x%lx is not a multiple of %lu", (unsigned long)first.v,
                  (unsigned long)want.align);
    ck_assert(want.below.v == 0 || end <= want.below.v);
    for (uint64_t f = first.v; f < end; f++) {
        ck_assert(pmm_is_managed(&pmm, pfn(f)) && pmm_is_used(&pmm, pfn(f)));
    }
}

START_TEST(a_run_lies_together_aligned_and_below_the_limit)
{ /* P6 */
    pfn_t first[WANTS];

    start(class_number(_i));
    for (size_t i = 0; i < WANTS; i++) {
        const uint64_t before = pmm_free_count(&pmm);

        ck_assert_status(pmm_alloc_run(&pmm, wants[i], &first[i]), MM_OK);
        expect_answers(wants[i], first[i]);
        ck_assert_uint_eq(pmm_free_count(&pmm), before - wants[i].count);
        expect_sound();
    }
    for (size_t i = 0; i < WANTS; i++) {
        for (size_t j = 0; j < i; j++) {
            ck_assert(!ranges_overlap(first[i].v, wants[i].count, first[j].v,
                                      wants[j].count));
        }
    }
    for (size_t i = 0; i < WANTS; i++) {
        ck_assert_status(pmm_free_run(&pmm, first[i], wants[i].count), MM_OK);
        expect_sound();
    }
    stop();
}
END_TEST

/** It fails with @refused, and nothing has changed. */
static void expect_no_run(struct pmm_want want, enum mm_status refused) {
    const struct pmm_stats before = pmm.stats;
    pfn_t f = pfn(7);

    ck_assert_status(pmm_alloc_run(&pmm, want, &f), refused);
    ck_assert_uint_eq(f.v, 7);
    ck_assert_int_eq(memcmp(&before, &pmm.stats, sizeof(before)), 0);
    expect_sound();
}

START_TEST(a_run_that_is_not_there_fails_and_changes_nothing)
{ /* P6 */
    start(class_number(_i));
    expect_no_run((struct pmm_want){ 0, 1, { 0 }, NULL }, MM_BAD_ARGUMENT);
    expect_no_run((struct pmm_want){ 1, 3, { 0 }, NULL }, MM_BAD_ARGUMENT);
    expect_no_run((struct pmm_want){ pmm.frames, 1, { 0 }, NULL },
                  MM_NO_MEMORY);
    expect_no_run((struct pmm_want){ UINT64_MAX, 1, { 0 }, NULL },
                  MM_NO_MEMORY);
    expect_no_run((struct pmm_want){ 1, UINT64_C(1) << 63, { 0 }, NULL },
                  MM_NO_MEMORY);
    expect_no_run((struct pmm_want){ 1, 1, { 0x100 }, NULL }, MM_NO_MEMORY);
    expect_no_run((struct pmm_want){ 1, 1, pmm.runs[0].first, NULL },
                  MM_NO_MEMORY);
    stop();
}
END_TEST

/*
 * Every other frame is used, so no two lie together:   U . U . U . U . ...
 */
START_TEST(a_run_is_not_made_of_frames_that_lie_apart)
{ /* P6 */
    start(class_number(_i));
    machine_leave_free(&pmm, 0);
    machine_forget_held();
    for (uint64_t f = 0; f < pmm.frames; f += 2) {
        if (pmm_is_managed(&pmm, pfn(f))) {
            give(pfn(f));
        }
    }
    expect_no_run((struct pmm_want){ 2, 1, { 0 }, NULL }, MM_NO_MEMORY);
    expect_no_run(pmm_block(1), MM_NO_MEMORY);
    expect_no_run(pmm_block(PMM_ORDER_2M), MM_NO_MEMORY);
    ck_assert_uint_eq(pmm_largest_free_run(&pmm), 1);
    for (uint64_t f = 1; f < pmm.frames; f += 2) {
        if (pmm_is_managed(&pmm, pfn(f))) {
            give(pfn(f));
        }
    }
    stop();
}
END_TEST

START_TEST(a_run_is_taken_back_whole_or_not_at_all)
{ /* P6 P11 */
    struct pmm_stats before;
    pfn_t first;

    start(class_number(_i));
    ck_assert_status(
        pmm_alloc_run(&pmm, (struct pmm_want){ 12, 1, { 0 }, NULL }, &first),
        MM_OK);
    give(pfn_add(first, 5)); /* a part may come back by itself */
    before = pmm.stats;
    ck_assert_status(pmm_free_run(&pmm, first, 12), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_free_run(&pmm, first, 0), MM_BAD_ARGUMENT);
    ck_assert_status(pmm_free_run(&pmm, pfn(0), 1), MM_NOT_MANAGED);
    ck_assert_status(pmm_free_run(&pmm, first, pmm.frames), MM_NOT_MANAGED);
    ck_assert_status(pmm_free_run(&pmm, first, UINT64_MAX), MM_NOT_MANAGED);
    ck_assert_int_eq(memcmp(&before, &pmm.stats, sizeof(before)), 0);
    ck_assert_status(pmm_free_run(&pmm, first, 5), MM_OK);
    ck_assert_status(pmm_free_run(&pmm, pfn_add(first, 6), 6), MM_OK);
    stop();
}
END_TEST

/* --- the two for tests -----------------------------------------------------
 */

START_TEST(empty_never_gives_a_frame)
{ /* P7 */
    pfn_t f = pfn(3);

    start(&pmm_empty);
    ck_assert_status(pmm_alloc(&pmm, &f), MM_NO_MEMORY);
    ck_assert_status(pmm_alloc_run(&pmm, pmm_block(0), &f), MM_NO_MEMORY);
    ck_assert_uint_eq(f.v, 3);
    ck_assert_status(pmm_free(&pmm, pfn(0x1000)), MM_NOT_MANAGED);
    ck_assert(pmm_is_used(&pmm, pfn(0x1000)));
    ck_assert_uint_gt(pmm.stats.total, 0);
    ck_assert_ptr_null(pmm_class_by_name("empty"));
    expect_sound();
    machine_power_off();
}
END_TEST

START_TEST(few_gives_as_many_frames_as_it_was_told)
{ /* P7 */
    pfn_t f[3], none;

    start(&pmm_few);
    pmm.few.left = 3;
    for (size_t i = 0; i < 3; i++) {
        f[i] = alloc();
    }
    ck_assert_status(pmm_alloc(&pmm, &none), MM_NO_MEMORY);
    ck_assert_status(pmm_alloc_run(&pmm, pmm_block(1), &none), MM_NO_MEMORY);
    for (size_t i = 0; i < 3; i++) {
        give(f[i]);
    }
    ck_assert_status(pmm_alloc(&pmm, &none), MM_NO_MEMORY);
    ck_assert_ptr_null(pmm_class_by_name("few"));
    stop();
}
END_TEST

Suite *pmm_class_suite(void) {
    Suite *suite = suite_create("pmm_class");
    TCase *tc = tcase_create("every strategy");
    const int n = class_count();

    tcase_add_loop_test(tc, all_frames_are_handed_out_once_and_all_come_back, 0,
                        n);
    tcase_add_loop_test(tc, a_run_that_was_broken_up_comes_back_frame_by_frame,
                        0, n);
    tcase_add_loop_test(
        tc, a_part_broken_out_of_a_run_leaves_two_runs_with_its_owners, 0, n);
    tcase_add_loop_test(tc, nothing_and_the_books_are_not_broken_up, 0, n);
    tcase_add_loop_test(tc, no_frame_handed_out_meets_a_reservation, 0, n);
    tcase_add_loop_test(tc, wrong_frees_are_refused_and_change_nothing, 0, n);
    tcase_add_loop_test(tc, the_last_free_frame_is_found_wherever_it_is, 0, n);
    tcase_add_loop_test(tc, a_run_lies_together_aligned_and_below_the_limit, 0,
                        n);
    tcase_add_loop_test(tc, a_run_that_is_not_there_fails_and_changes_nothing,
                        0, n);
    tcase_add_loop_test(tc, a_run_is_not_made_of_frames_that_lie_apart, 0, n);
    tcase_add_loop_test(tc, a_run_is_taken_back_whole_or_not_at_all, 0, n);
    suite_add_tcase(suite, tc);

    tc = tcase_create("for tests");
    tcase_add_test(tc, empty_never_gives_a_frame);
    tcase_add_test(tc, few_gives_as_many_frames_as_it_was_told);
    suite_add_tcase(suite, tc);
    return suite;
}
