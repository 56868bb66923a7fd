/*
 * What the default strategy promises beyond what all strategies do: which area
 * a request is served from.  Its books: test_pmm_area_books.c
 */
#include <check.h>
#include <string.h>

#include "pmm/areas.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_pmm_areas.h"

static const struct hw_boot *boot_info;
static pfn_t held[8192]; /* frames of a machine of 32 MiB */

static void setup(void) {
    boot_info = machine_power_on();
    ck_assert_status(pmm_init(&pmm, boot_info, &pmm_areas), MM_OK);
}

static void teardown(void) {
    ck_assert(pmm_is_sound(&pmm));
    machine_power_off();
}

static pfn_t alloc(void) {
    pfn_t f = pfn(0);

    ck_assert_status(pmm_alloc(&pmm, &f), MM_OK);
    return f;
}

static pfn_t alloc_block(unsigned order) {
    pfn_t f = pfn(0);

    ck_assert_status(pmm_alloc_run(&pmm, pmm_block(order), &f), MM_OK);
    return f;
}

START_TEST(low_memory_is_left_until_the_rest_is_used_up)
{ /* P6 */
    uint64_t high = 0;
    pfn_t f = pfn(UINT64_MAX);

    while (f.v >= PMM_BELOW_16M.v) {
        f = alloc();
        high++;
    }
    for (uint64_t n = PMM_BELOW_16M.v; n < pmm.frames; n++) {
        ck_assert(pmm_is_used(&pmm, pfn(n)));
    }
    ck_assert_uint_gt(high, 1000);
    ck_assert_status(pmm_free(&pmm, f), MM_OK);
    ck_assert_status(
        pmm_alloc_run(&pmm, (struct pmm_want){ 1, 1, PMM_BELOW_16M, NULL }, &f),
        MM_OK);
}
END_TEST

START_TEST(a_block_for_an_old_device_leaves_the_others_high)
{ /* P6 */
    struct pmm_want low = pmm_block(3);
    pfn_t device, f;

    low.below = PMM_BELOW_16M;
    ck_assert_status(pmm_alloc_run(&pmm, low, &device), MM_OK);
    ck_assert_uint_lt(device.v, PMM_BELOW_16M.v);
    ck_assert_status(pmm_alloc_run(&pmm, pmm_block(3), &f), MM_OK);
    ck_assert_uint_ge(f.v, PMM_BELOW_16M.v);
    ck_assert_status(pmm_free_run(&pmm, f, 8), MM_OK);
    ck_assert_status(pmm_free_run(&pmm, device, 8), MM_OK);
}
END_TEST

START_TEST(a_limit_holds_where_blocks_are_served_from_high_memory)
{ /* P6 */
    struct pmm_want low = pmm_block(3);
    const pfn_t high = alloc_block(3);
    pfn_t f;

    low.below = PMM_BELOW_16M;
    ck_assert_uint_ge(high.v, PMM_BELOW_16M.v);
    ck_assert_status(pmm_alloc_run(&pmm, low, &f), MM_OK);
    ck_assert_uint_lt(f.v, PMM_BELOW_16M.v);
}
END_TEST

START_TEST(a_frame_comes_from_the_fullest_area)
{ /* P14 */
    pfn_t in_full;

    for (int i = 0; i < 1200; i++) {
        held[i] = alloc(); /* two areas are full then, a third serves */
    }
    in_full = held[7];
    for (int i = 600; i < 700; i++) { /* another one has 100 free */
        ck_assert_status(pmm_free(&pmm, held[i]), MM_OK);
    }
    ck_assert_status(pmm_free(&pmm, in_full), MM_OK);
    while (*pmm.areas.reserves[0].free > 0) {
        (void)alloc();
    }
    ck_assert_hex_eq(alloc().v, in_full.v);
}
END_TEST

/* Memory is full; frames come back here and there until half of it is free;
 * then each that comes back is asked for again, eight times over. */
START_TEST(blocks_of_2_mib_come_back_from_scattered_frames)
{ /* P14 */
    uint64_t count = 0, state = 5, half;

    while (pmm_alloc(&pmm, &held[count]) == MM_OK) {
        count++;
    }
    half = count / 2;
    for (uint64_t step = 0; step < half + 8 * count; step++) {
        uint64_t at;

        state = state * UINT64_C(6364136223846793005) + 1;
        at = (state >> 33) % count;
        ck_assert_status(pmm_free(&pmm, held[at]), MM_OK);
        if (step < half) {
            held[at] = held[--count];
        } else {
            held[at] = alloc();
        }
    }
    {
        const struct pmm_fragmentation f = pmm_fragmentation(&pmm);

        ck_assert_msg(f.blocks + 2 >= f.blocks_possible,
                      "%lu blocks of %lu possible", (unsigned long)f.blocks,
                      (unsigned long)f.blocks_possible);
    }
}
END_TEST

START_TEST(a_block_of_2_mib_comes_back_whole)
{ /* P11 */
    const pfn_t block = alloc_block(PMM_ORDER_2M);
    const uint64_t n = area_of(&pmm, block, pmm_run_of(&pmm, block));

    ck_assert_status(pmm_free(&pmm, block), MM_BAD_RANGE);
    ck_assert_status(pmm_free(&pmm, pfn_add(block, 77)), MM_BAD_RANGE);
    ck_assert_status(pmm_free_run(&pmm, pfn_add(block, 1), 511), MM_BAD_RANGE);
    ck_assert_uint_eq(pmm.stats.allocated, 512);
    ck_assert_status(pmm_free_run(&pmm, block, 512), MM_OK);
    memset(&pmm.areas.lines[n * AREA_WORDS], 0, AREA_FRAMES / 8); /* junk */
    ck_assert_status(pmm_free_run(&pmm, block, 512), MM_NOT_ALLOCATED);
}
END_TEST

START_TEST(an_area_that_serves_is_given_up_for_a_block)
{ /* P6 */
    uint64_t blocks = pmm_fragmentation(&pmm).blocks;

    ck_assert_status(pmm_free(&pmm, alloc()), MM_OK);
    ck_assert_status(pmm_free_run(&pmm, alloc_block(3), 8), MM_OK);
    while (blocks-- > 0) {
        (void)alloc_block(PMM_ORDER_2M);
    }
    ck_assert_uint_eq(pmm_fragmentation(&pmm).blocks, 0);
    while (pmm_alloc(&pmm, &held[0]) == MM_OK) { /* all the rest, too */
    }
    ck_assert_uint_eq(pmm_free_count(&pmm), 0);
}
END_TEST

/** Hand out all frames one by one: no area has a free one, nor is one whole. */
static void use_up(void) {
    while (pmm_alloc(&pmm, &held[0]) == MM_OK) {
    }
    ck_assert_uint_eq(pmm_free_count(&pmm), 0);
}

static uint64_t area_number(pfn_t f) {
    return area_of(&pmm, f, pmm_run_of(&pmm, f));
}

/** A frame that is in use, two areas or more below the highest. */
static pfn_t far_below_the_top(void) {
    return pfn(align_down(pmm.frames, 512) - 1536 + 77);
}

START_TEST(a_full_area_that_gets_a_frame_back_serves_it_next)
{ /* P5: and without a step in the index */
    const pfn_t f = far_below_the_top(), next = pfn_add(f, 512);

    use_up();
    ck_assert_status(pmm_free(&pmm, f), MM_OK);
    ck_assert_uint_eq(pmm.areas.reserves[0].area, area_number(f));
    ck_assert_uint_eq(area_index_fullest(&pmm.areas.zones[1]),
                      pmm.areas.zones[1].count);
    ck_assert_status(pmm_free(&pmm, f), MM_NOT_ALLOCATED);
    ck_assert_hex_eq(alloc().v, f.v);
    ck_assert_status(pmm_free(&pmm, next), MM_OK);
    ck_assert_status(pmm_free(&pmm, f), MM_OK); /* now another one serves */
    ck_assert_status(pmm_free(&pmm, f), MM_NOT_ALLOCATED);
    ck_assert_hex_eq(alloc().v, next.v);
    ck_assert_hex_eq(alloc().v, f.v);
    ck_assert_status(pmm_alloc(&pmm, &held[0]), MM_NO_MEMORY);
}
END_TEST

START_TEST(a_low_frame_that_comes_back_waits_for_the_high_ones)
{ /* P6 */
    const pfn_t high = far_below_the_top();
    const pfn_t low = pfn(PMM_BELOW_16M.v - 300);

    use_up();
    ck_assert_status(pmm_free(&pmm, low), MM_OK);
    ck_assert_status(pmm_free(&pmm, high), MM_OK);
    ck_assert_hex_eq(alloc().v, high.v);
    ck_assert_hex_eq(alloc().v, low.v);
}
END_TEST

/*
 *   blocks   [ 256 | 256 ]   their area is used up, but serves blocks still
 */
START_TEST(an_area_serves_frames_or_blocks_never_both)
{ /* P6: what serves is in no class, and given up once */
    pfn_t base, first, second;

    use_up();
    base = pfn(align_down(pmm.frames, 512) - 1536);
    ck_assert_status(pmm_free(&pmm, pfn_add(base, 600)), MM_OK); /* serves */
    for (uint64_t n = 0; n < 512; n++) {
        ck_assert_status(pmm_free(&pmm, pfn_add(base, n)), MM_OK);
    }
    first = alloc_block(8);
    second = alloc_block(8);
    ck_assert_uint_eq(area_number(first), area_number(second));
    ck_assert_uint_eq(pmm.areas.reserves[1].area, area_number(first));
    ck_assert_hex_eq(alloc().v, base.v + 600);
    ck_assert_status(pmm_free(&pmm, pfn_add(second, 5)), MM_OK);
    ck_assert_uint_ne(pmm.areas.reserves[0].area, pmm.areas.reserves[1].area);
    ck_assert(pmm_is_sound(&pmm));
    ck_assert_hex_eq(alloc().v, second.v + 5);
}
END_TEST

/*
 *   used up but for   [ area a: 512 free ][ area b: 512 free ]
 *   then              [ a frame, a block ][ one block of 2 MiB ]
 */
START_TEST(no_free_area_is_broken_while_another_one_serves)
{ /* P6: a frame and a block, in either order */
    const uint64_t a = align_down(pmm.frames, 512) - 2048;
    pfn_t f, block;

    use_up();
    for (uint64_t n = 0; n < 1024; n++) {
        ck_assert_status(pmm_free(&pmm, pfn(a + n)), MM_OK);
    }
    if (_i == 0) {
        f = alloc();
        block = alloc_block(3);
    } else {
        block = alloc_block(3);
        f = alloc();
    }
    ck_assert_uint_eq(area_number(f), area_number(block));
    (void)alloc_block(PMM_ORDER_2M);
    ck_assert_status(pmm_free(&pmm, f), MM_OK);
    ck_assert_status(pmm_free_run(&pmm, block, 8), MM_OK);
    (void)alloc_block(PMM_ORDER_2M);
    ck_assert_uint_eq(pmm_free_count(&pmm), 0);
}
END_TEST

START_TEST(a_block_that_empties_its_area_reserves_nothing)
{ /* P6 */
    const uint64_t half = align_down(pmm.frames - 512, 512);
    pfn_t f;

    use_up();
    ck_assert_status(pmm_free(&pmm, pfn(half - 1000)), MM_OK); /* serves */
    for (uint64_t n = 0; n < 256; n++) {
        ck_assert_status(pmm_free(&pmm, pfn(half + n)), MM_OK);
    }
    ck_assert_status(pmm_alloc_run(&pmm, pmm_block(8), &f), MM_OK);
    ck_assert_hex_eq(f.v, half);
    ck_assert_hex_eq(pmm.areas.reserves[1].area, PMM_NO_AREA);
    ck_assert(pmm_is_sound(&pmm));
}
END_TEST

START_TEST(the_last_frames_come_from_the_area_that_serves_blocks)
{ /* P5 */
    const pfn_t block = alloc_block(3);
    uint64_t in_area = 0;
    pfn_t f;

    while (pmm_alloc(&pmm, &f) == MM_OK) {
        in_area += align_down(f.v, 512) == align_down(block.v, 512);
    }
    ck_assert_uint_eq(pmm_free_count(&pmm), 0);
    ck_assert_uint_gt(in_area, 256);
}
END_TEST

START_TEST(a_run_over_the_area_that_serves_takes_it_as_a_whole)
{ /* P6 */
    struct pmm_want want = { .count = 513, .align = 512 };
    pfn_t f;

    while (pmm_alloc_run(&pmm,
                         (struct pmm_want){ 512, 512, PMM_BELOW_16M, NULL },
                         &f) == MM_OK) {
    }
    do { /* until the lowest area from 16 MiB on serves */
        f = alloc();
    } while (align_down(f.v, 512) != PMM_BELOW_16M.v);
    ck_assert_status(pmm_free(&pmm, f), MM_OK);
    ck_assert_status(pmm_alloc_run(&pmm, want, &f), MM_OK);
    ck_assert_hex_eq(f.v, PMM_BELOW_16M.v);
    ck_assert_uint_eq(pmm.areas.reserves[0].area, PMM_NO_AREA);
    ck_assert(pmm_is_sound(&pmm));
    ck_assert_status(pmm_free_run(&pmm, f, 513), MM_OK);
}
END_TEST

START_TEST(no_frame_is_aligned_beyond_all_memory)
{ /* P6 */
    const struct pmm_want want = { .count = 1, .align = UINT64_C(1) << 63 };
    pfn_t f;

    ck_assert_status(pmm_alloc_run(&pmm, want, &f), MM_NO_MEMORY);
}
END_TEST

Suite *pmm_areas_suite(void) {
    Suite *suite = suite_create("pmm_areas");
    TCase *tc = tcase_create("areas");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, low_memory_is_left_until_the_rest_is_used_up);
    tcase_add_test(tc, a_block_for_an_old_device_leaves_the_others_high);
    tcase_add_test(tc, a_limit_holds_where_blocks_are_served_from_high_memory);
    tcase_add_test(tc, a_frame_comes_from_the_fullest_area);
    tcase_add_test(tc, blocks_of_2_mib_come_back_from_scattered_frames);
    tcase_add_test(tc, a_block_of_2_mib_comes_back_whole);
    tcase_add_test(tc, an_area_that_serves_is_given_up_for_a_block);
    tcase_add_test(tc, a_full_area_that_gets_a_frame_back_serves_it_next);
    tcase_add_test(tc, a_low_frame_that_comes_back_waits_for_the_high_ones);
    tcase_add_test(tc, an_area_serves_frames_or_blocks_never_both);
    tcase_add_loop_test(tc, no_free_area_is_broken_while_another_one_serves, 0,
                        2);
    tcase_add_test(tc, a_block_that_empties_its_area_reserves_nothing);
    tcase_add_test(tc, the_last_frames_come_from_the_area_that_serves_blocks);
    tcase_add_test(tc, a_run_over_the_area_that_serves_takes_it_as_a_whole);
    tcase_add_test(tc, no_frame_is_aligned_beyond_all_memory);
    suite_add_tcase(suite, tc);
    pmm_areas_add_books(suite);
    return suite;
}
