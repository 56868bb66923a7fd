/*
 * Taking over a machine whose memory map is awkward: the machine is the real
 * one, but the map it hands over is the test's, inside RAM that is free.
 */
#include <check.h>
#include <string.h>

#include "pmm/memmap.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static struct pmm other; /* a second pmm on the test's map */
static struct hw_boot boot;
static struct memmap_entry map[700];
static uint64_t first; /* free frames that the test may give to @other */

#define ROOM 2048 /* frames from @first on */

static void setup(void) {
    machine_start_pages(&m);
    first = 0;
    for (size_t i = 0; i < m.pmm.run_count; i++) {
        if (m.pmm.runs[i].count >= ROOM) {
            first = m.pmm.runs[i].first.v;
        }
    }
    ck_assert_msg(first != 0, "no run of %d frames on this machine", ROOM);
    boot = *m.boot;
    boot.map = map;
    boot.map_count = 0;
    boot.reserved_count = 0;
    boot.module.len = 0;
}

/** The frames were only borrowed: @m's own bitmap must still be whole. */
static void teardown(void) {
    machine_stop_pages(&m);
}

/** @count frames from frame @at are of @type. */
static void add(uint64_t at, uint64_t count, uint32_t type) {
    map[boot.map_count].range.base = paddr_of(pfn(at));
    map[boot.map_count].range.len = count * PAGE_SIZE;
    map[boot.map_count++].type = type;
}

static void expect_stats(uint64_t total, uint64_t reserved) {
    ck_assert_uint_eq(other.stats.total, total);
    ck_assert_uint_eq(other.stats.reserved, reserved);
    ck_assert_uint_eq(pmm_free_count(&other), total - reserved);
    ck_assert(pmm_is_sound(&other));
}

/*
 *   frame   0 ..... first    first+66        first+201
 *   map     [  hole    ][M  ][ 65 frames ]...[ 1 ]
 */
START_TEST(odd_runs_have_no_stray_bits_at_their_ends)
{ /* P3 P9 */
    uint64_t given = 0;
    pfn_t f;

    add(first + 1, 66, MEMMAP_USABLE);
    add(first + 201, 1, MEMMAP_USABLE);
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_OK);
    expect_stats(67, pages_for(other.metadata.len));
    ck_assert_hex_eq(other.metadata.base.v, paddr_of(pfn(first + 1)).v);
    ck_assert_uint_eq(other.frames, first + 202);
    while (pmm_alloc(&other, &f) == MM_OK) {
        ck_assert(f.v == first + 201 ||
                  range_holds(first + 2, 65, f.v)); /* metadata: one frame */
        given++;
    }
    ck_assert_uint_eq(given, 66);
    ck_assert(pmm_is_sound(&other));
}
END_TEST

START_TEST(what_is_reserved_at_boot_is_counted_as_reserved)
{                               /* P4 P14 */
    add(0, 256, MEMMAP_USABLE); /* the first MiB: withheld */
    add(first, 100, MEMMAP_USABLE);
    add(first + 40, 10, MEMMAP_RESERVED); /* not in the total at all */
    boot.reserved[0] = (struct prange){ paddr((first + 10) << 12 | 5), 1 };
    boot.reserved_count = 1;
    boot.module = (struct prange){ paddr((first + 99) << 12), 100 };
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_OK);
    expect_stats(256 + 90, 256 + 1 + 1 + pages_for(other.metadata.len));
    ck_assert(!pmm_is_managed(&other, pfn(first + 10)));
    ck_assert(!pmm_is_managed(&other, pfn(first + 99)));
    ck_assert(!pmm_is_managed(&other, pfn(first + 45)));
    ck_assert(pmm_is_managed(&other, pfn(first + 11)));
}
END_TEST

START_TEST(a_map_that_leaves_nothing_is_refused)
{ /* P2 */
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_BAD_MAP);
    add(first, 100, MEMMAP_RESERVED);
    add(1, 200, MEMMAP_USABLE); /* all of it below 1 MiB */
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_BAD_MAP);
    boot.map_count = 0;
    add(first, 1, MEMMAP_USABLE); /* the metadata needs it all */
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_BAD_MAP);
    boot.map_count = 0;
    add(UINT64_C(1) << 23, 1, MEMMAP_USABLE); /* 1 MiB of bitmap for 4 KiB */
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_BAD_MAP);
}
END_TEST

START_TEST(memory_that_the_bus_cannot_address_is_not_managed)
{ /* P2 */
    const uint64_t bus = UINT64_C(1) << (boot.phys_bits - PAGE_SHIFT);

    add(first, 100, MEMMAP_USABLE);
    add(bus, 1000, MEMMAP_USABLE);
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_OK);
    expect_stats(1100, 1000 + pages_for(other.metadata.len));
    ck_assert_uint_eq(other.frames, first + 100);
}
END_TEST

/* 600 runs of one frame, and one large enough for the metadata. */
START_TEST(runs_beyond_the_table_are_dropped_but_counted)
{ /* P2 P14 */
    add(first, 16, MEMMAP_USABLE);
    for (uint64_t i = 0; i < 600; i++) {
        add(first + 18 + 2 * i, 1, MEMMAP_USABLE);
    }
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_OK);
    ck_assert_uint_eq(other.run_count, PMM_RUNS_MAX);
    expect_stats(616, 600 - (PMM_RUNS_MAX - 1) + pages_for(other.metadata.len));
}
END_TEST

START_TEST(the_largest_free_run_is_the_longest_row_of_free_frames)
{ /* P14 */
    pfn_t f = pfn(0);

    add(first, 100, MEMMAP_USABLE);
    add(first + 200, 130, MEMMAP_USABLE);
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_OK);
    ck_assert_uint_eq(pmm_largest_free_run(&other), 130);
    while (f.v != first + 250) {
        ck_assert_status(pmm_alloc(&other, &f), MM_OK);
    }
    ck_assert_uint_eq(pmm_largest_free_run(&other), 79);
    ck_assert_status(pmm_free(&other, pfn(first + 210)), MM_OK);
    ck_assert_uint_eq(pmm_largest_free_run(&other), 79);
}
END_TEST

START_TEST(a_strategy_is_found_by_its_name)
{
    for (size_t i = 0; pmm_classes[i] != NULL; i++) {
        ck_assert_ptr_eq(pmm_class_by_name(pmm_classes[i]->name),
                         pmm_classes[i]);
    }
    ck_assert_ptr_eq(pmm_class_by_name("bitmap"), &pmm_bitmap);
    ck_assert_ptr_null(pmm_class_by_name("no such"));
}
END_TEST

Suite *pmm_init_suite(void) {
    Suite *suite = suite_create("pmm_init");
    TCase *tc = tcase_create("maps");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, odd_runs_have_no_stray_bits_at_their_ends);
    tcase_add_test(tc, what_is_reserved_at_boot_is_counted_as_reserved);
    tcase_add_test(tc, a_map_that_leaves_nothing_is_refused);
    tcase_add_test(tc, memory_that_the_bus_cannot_address_is_not_managed);
    tcase_add_test(tc, runs_beyond_the_table_are_dropped_but_counted);
    tcase_add_test(tc, the_largest_free_run_is_the_longest_row_of_free_frames);
    tcase_add_test(tc, a_strategy_is_found_by_its_name);
    suite_add_tcase(suite, tc);
    return suite;
}
