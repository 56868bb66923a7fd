/*
 * Taking over a machine whose memory map is awkward.
 */
#include <check.h>

#include "pmm/memmap.h"
#include "support/asserts.h"
#include "support/other.h"
#include "twin/suites.h"

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

    add_frames(first + 1, 66, MEMMAP_USABLE);
    add_frames(first + 201, 1, MEMMAP_USABLE);
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
{                                      /* P4 P14 */
    add_frames(0, 256, MEMMAP_USABLE); /* the first MiB: withheld */
    add_frames(first, 100, MEMMAP_USABLE);
    add_frames(first + 40, 10, MEMMAP_RESERVED); /* not in the total at all */
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
    add_frames(first, 100, MEMMAP_RESERVED);
    add_frames(1, 200, MEMMAP_USABLE); /* all of it below 1 MiB */
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_BAD_MAP);
    boot.map_count = 0;
    add_frames(first, 1, MEMMAP_USABLE); /* the metadata needs it all */
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_BAD_MAP);
    boot.map_count = 0;
    add_frames(UINT64_C(1) << 23, 1,
               MEMMAP_USABLE); /* 1 MiB of bitmap for 4 KiB */
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_BAD_MAP);
}
END_TEST

START_TEST(memory_that_the_bus_cannot_address_is_not_managed)
{ /* P2 */
    const uint64_t bus = UINT64_C(1) << (boot.phys_bits - PAGE_SHIFT);

    add_frames(first, 100, MEMMAP_USABLE);
    add_frames(bus, 1000, MEMMAP_USABLE);
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_OK);
    expect_stats(1100, 1000 + pages_for(other.metadata.len));
    ck_assert_uint_eq(other.frames, first + 100);
}
END_TEST

/* 600 runs of one frame, and one large enough for the metadata. */
START_TEST(runs_beyond_the_table_are_dropped_but_counted)
{ /* P2 P14 */
    add_frames(first, 16, MEMMAP_USABLE);
    for (uint64_t i = 0; i < 600; i++) {
        add_frames(first + 18 + 2 * i, 1, MEMMAP_USABLE);
    }
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_OK);
    ck_assert_uint_eq(other.run_count, PMM_RUNS_MAX);
    expect_stats(616, 600 - (PMM_RUNS_MAX - 1) + pages_for(other.metadata.len));
}
END_TEST

/*
 * As many spans as the table of runs has room for, and metadata that cuts the
 * first in two:
 *
 *   map      [ in use | M | free ]   [1]   [1]   [1] ... 255 of them
 */
START_TEST(metadata_that_cuts_a_span_in_two_costs_no_run)
{ /* P2 P3 */
    uint64_t free = 0, given = 0;
    pfn_t f;

    add_frames(first, 64, MEMMAP_USABLE);
    reserve(bytes(F(first), F(first + 8)));
    for (uint64_t i = 1; i < PMM_RUNS_MAX; i++) {
        add_frames(first + 64 + 2 * i, 1, MEMMAP_USABLE);
    }
    ck_assert_status(pmm_init(&other, &boot, pmm_classes[_i]), MM_OK);
    ck_assert_uint_eq(other.run_count, PMM_RUNS_MAX);
    free = 56 + PMM_RUNS_MAX - 1 - pages_for(other.metadata.len);
    expect_stats(64 + PMM_RUNS_MAX - 1, 8 + pages_for(other.metadata.len));
    while (pmm_alloc(&other, &f) == MM_OK) {
        given++;
    }
    ck_assert_uint_eq(given, free);
    ck_assert(pmm_is_sound(&other));
}
END_TEST

/*
 *   map      [ 7 times M ]    [ M | 8 times M ... ]
 *
 * The lower run would hold the metadata, and hardly anything else.
 */
START_TEST(metadata_leaves_a_low_run_that_it_would_fill)
{                                        /* P4 P6 */
    add_frames(first, 7, MEMMAP_USABLE); /* one frame of bits */
    add_frames(first + 100, 8, MEMMAP_USABLE);
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_OK);
    ck_assert_uint_eq(other.metadata.len, PAGE_SIZE);
    ck_assert_hex_eq(other.metadata.base.v, F(first + 100));
    boot.map_count = 1; /* where there is no other, it must do */
    ck_assert_status(pmm_init(&other, &boot, &pmm_bitmap), MM_OK);
    ck_assert_hex_eq(other.metadata.base.v, F(first));
}
END_TEST

START_TEST(the_largest_free_run_is_the_longest_row_of_free_frames)
{ /* P14 */
    pfn_t f = pfn(0);

    add_frames(first, 100, MEMMAP_USABLE);
    add_frames(first + 200, 130, MEMMAP_USABLE);
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

/*
 *   map      [ 1024 frames ]    [ 512 frames ]
 *   bump     [M].[run].......
 */
START_TEST(a_run_passes_by_no_more_than_alignment_needs)
{ /* P6 P8 */
    const struct pmm_want want = { .count = 3, .align = 4 };
    uint64_t given = 0;
    pfn_t f;

    add_frames(first, 1024, MEMMAP_USABLE);
    add_frames(first + 1400, 512, MEMMAP_USABLE);
    ck_assert_status(pmm_init(&other, &boot, pmm_classes[_i]), MM_OK);
    ck_assert_status(pmm_alloc(&other, &f), MM_OK);
    ck_assert_status(pmm_alloc_run(&other, want, &f), MM_OK);
    ck_assert_uint_eq(f.v % 4, 0);
    while (pmm_alloc(&other, &f) == MM_OK) {
        given++;
    }
    ck_assert_uint_ge(given + 3, 1024 + 512 - other.stats.reserved - 4);
    ck_assert(pmm_is_sound(&other));
}
END_TEST

START_TEST(books_count_as_reserved_and_never_as_handed_out)
{ /* P14 */
    uint64_t reserved;

    add_frames(first, 1024, MEMMAP_USABLE);
    ck_assert_status(pmm_init(&other, &boot, pmm_classes[_i]), MM_OK);
    reserved = other.stats.reserved;
    ck_assert_status(pmm_keep_books(&other), MM_OK);
    ck_assert_uint_eq(other.stats.reserved,
                      reserved + other.books.frames.count);
    ck_assert_uint_eq(other.stats.peak, 0);
    ck_assert_uint_eq(other.stats.allocs, 0);
    ck_assert_uint_eq(other.books.sites[0].live, 0);
    ck_assert(!lock_is_held(&other.lock));
    ck_assert(pmm_is_sound(&other));
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
    const int classes = strategies();

    tcase_add_checked_fixture(tc, other_setup, other_teardown);
    tcase_add_test(tc, odd_runs_have_no_stray_bits_at_their_ends);
    tcase_add_test(tc, what_is_reserved_at_boot_is_counted_as_reserved);
    tcase_add_test(tc, a_map_that_leaves_nothing_is_refused);
    tcase_add_test(tc, memory_that_the_bus_cannot_address_is_not_managed);
    tcase_add_test(tc, runs_beyond_the_table_are_dropped_but_counted);
    tcase_add_loop_test(tc, metadata_that_cuts_a_span_in_two_costs_no_run, 0,
                        classes);
    tcase_add_test(tc, metadata_leaves_a_low_run_that_it_would_fill);
    tcase_add_test(tc, the_largest_free_run_is_the_longest_row_of_free_frames);
    tcase_add_loop_test(tc, a_run_passes_by_no_more_than_alignment_needs, 0,
                        classes);
    tcase_add_loop_test(tc, books_count_as_reserved_and_never_as_handed_out, 0,
                        classes);
    tcase_add_test(tc, a_strategy_is_found_by_its_name);
    suite_add_tcase(suite, tc);
    return suite;
}
