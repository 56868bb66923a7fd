/*
 * What is left of runs when a piece is taken out, and the figures of a map.
 */
#include <string.h>

#include "twin/test_memmap.h"

#define RUNS 64

static struct pmm_run runs[RUNS];

static void expect_run(size_t i, uint64_t first, uint64_t count) {
    expect_same_run(i, runs[i], first, count);
}

/* --- figures ---------------------------------------------------------------
 */

/*
 *   frame   0    511  1023                  below the limits: 1, 16 MiB
 *   run        [ 1 ..................]      one whole 2 MiB, not three
 */
START_TEST(figures_count_whole_aligned_blocks_and_frames_below_limits)
{ /* P2 */
    const struct memmap_entry map[] = {
        entry(F(1), F(1535), MEMMAP_USABLE),
        entry(F(4095), F(4097), MEMMAP_USABLE), /* across 16 MiB */
        entry(4 * GIB - F(1), 6 * GIB, MEMMAP_USABLE),
    };
    const struct memmap_figures sum = memmap_figures(map, COUNT(map));

    ck_assert_uint_eq(sum.runs, 3);
    ck_assert_uint_eq(sum.frames, 1534 + 2 + 1 + (2 * GIB >> PAGE_SHIFT));
    ck_assert_uint_eq(sum.below_1m, 255);
    ck_assert_uint_eq(sum.below_16m, 1534 + 1);
    ck_assert_uint_eq(sum.below_4g, 1534 + 2 + 1);
    ck_assert_uint_eq(sum.blocks_2m, 1 + 1024);
    ck_assert_uint_eq(sum.blocks_1g, 2);
    ck_assert_uint_eq(sum.lowest.v, 1);
    ck_assert_uint_eq(sum.highest.v, (6 * GIB >> PAGE_SHIFT) - 1);
}
END_TEST

START_TEST(figures_reach_to_the_end_of_the_address_space)
{ /* P2 */
    const struct memmap_entry map[] = {
        { { paddr(UINT64_MAX - GIB + 1), 2 * GIB }, MEMMAP_USABLE },
    };
    const struct memmap_figures sum = memmap_figures(map, COUNT(map));

    ck_assert_uint_eq(sum.frames, GIB >> PAGE_SHIFT);
    ck_assert_uint_eq(sum.blocks_1g, 1);
    ck_assert_uint_eq(sum.blocks_2m, 512);
    ck_assert_uint_eq(sum.below_4g, 0);
    ck_assert_uint_eq(sum.highest.v, UINT64_MAX >> PAGE_SHIFT);
}
END_TEST

START_TEST(the_figures_of_no_memory_are_zero)
{ /* P2 */
    static const struct memmap_figures nothing;
    const struct memmap_entry map[] = { entry(0, GIB, MEMMAP_RESERVED) };
    struct memmap_figures sum = memmap_figures(map, COUNT(map));

    ck_assert_int_eq(memcmp(&sum, &nothing, sizeof(sum)), 0);
    sum = memmap_figures(NULL, 0);
    ck_assert_int_eq(memcmp(&sum, &nothing, sizeof(sum)), 0);
}
END_TEST

/*
 *   frame    10        14        18        22
 *   runs     [   0     ]         [   1     ]
 */
static size_t two_runs(void) {
    runs[0] = (struct pmm_run){ pfn(10), 4 };
    runs[1] = (struct pmm_run){ pfn(18), 4 };
    return 2;
}

static size_t reserve(uint64_t from, uint64_t to) {
    return memmap_reserve(runs, two_runs(), RUNS,
                          (struct prange){ paddr(from), to - from });
}

START_TEST(a_hole_takes_every_frame_that_it_touches)
{                                                /* P4 */
    ck_assert_uint_eq(reserve(F(12), F(13)), 3); /* inside */
    expect_run(0, 10, 2);
    expect_run(1, 13, 1);
    expect_run(2, 18, 4);
    ck_assert_uint_eq(reserve(F(12) - 1, F(12) + 1), 3); /* a byte of each */
    expect_run(0, 10, 1);
    expect_run(1, 13, 1);
    ck_assert_uint_eq(reserve(F(5), F(11)), 2); /* from below */
    expect_run(0, 11, 3);
    ck_assert_uint_eq(reserve(F(12), F(20)), 2); /* both */
    expect_run(0, 10, 2);
    expect_run(1, 20, 2);
    ck_assert_uint_eq(reserve(F(10), F(14)), 1); /* all of one */
    expect_run(0, 18, 4);
    ck_assert_uint_eq(reserve(F(9), F(30)), 0); /* everything */
}
END_TEST

START_TEST(a_hole_that_touches_nothing_takes_nothing)
{ /* P4 */
    ck_assert_uint_eq(reserve(F(14), F(18)), 2);
    expect_run(0, 10, 4);
    expect_run(1, 18, 4);
    ck_assert_uint_eq(reserve(F(12) + 5, F(12) + 5), 2); /* empty */
    expect_run(0, 10, 4);
    ck_assert_uint_eq(reserve(F(22), F(1000)), 2);
    expect_run(1, 18, 4);
}
END_TEST

START_TEST(a_hole_that_wraps_ends_with_the_address_space)
{ /* P4 */
    const struct prange hole = { paddr(F(20)), UINT64_MAX };

    ck_assert_uint_eq(memmap_reserve(runs, two_runs(), RUNS, hole), 2);
    expect_run(0, 10, 4);
    expect_run(1, 18, 2);
}
END_TEST

/*
 *   before  [ 4 ]  [ 9 ......... ]  [ 2 ]      room for three
 *   hole               [ ]
 *   after   [ 4 ]  [3 ] [  5     ]             the smallest, 2, goes
 */
START_TEST(a_split_without_room_drops_the_smallest_run)
{
    runs[0] = (struct pmm_run){ pfn(1), 4 };
    runs[1] = (struct pmm_run){ pfn(10), 9 };
    runs[2] = (struct pmm_run){ pfn(30), 2 };
    ck_assert_uint_eq(
        memmap_reserve(runs, 3, 3, (struct prange){ paddr(F(13)), F(1) }), 3);
    expect_run(0, 1, 4);
    expect_run(1, 10, 3);
    expect_run(2, 14, 5);

    /* One lower than the split: the rest moves down. */
    runs[0].count = 1;
    ck_assert_uint_eq(
        memmap_reserve(runs, 3, 3, (struct prange){ paddr(F(16)), 1 }), 3);
    expect_run(0, 10, 3);
    expect_run(1, 14, 2);
    expect_run(2, 17, 2);

    /* The split-off part is the smallest itself. */
    runs[0].count = 3;
    ck_assert_uint_eq(
        memmap_reserve(runs, 1, 1, (struct prange){ paddr(F(11)), 1 }), 1);
    expect_run(0, 10, 1);
}
END_TEST

void memmap_add_holes(Suite *suite) {
    TCase *tc = tcase_create("figures");

    tcase_add_test(tc,
                   figures_count_whole_aligned_blocks_and_frames_below_limits);
    tcase_add_test(tc, figures_reach_to_the_end_of_the_address_space);
    tcase_add_test(tc, the_figures_of_no_memory_are_zero);
    suite_add_tcase(suite, tc);

    tc = tcase_create("reserve");
    tcase_add_test(tc, a_hole_takes_every_frame_that_it_touches);
    tcase_add_test(tc, a_hole_that_touches_nothing_takes_nothing);
    tcase_add_test(tc, a_hole_that_wraps_ends_with_the_address_space);
    tcase_add_test(tc, a_split_without_room_drops_the_smallest_run);
    suite_add_tcase(suite, tc);
}
