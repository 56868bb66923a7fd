/*
 * Frames that were in use at boot, and come to the others.
 */
#include <check.h>
#include <string.h>

#include "base/hash.h"
#include "pmm/memmap.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "support/other.h"
#include "twin/suites.h"

/* --- reclaimed -------------------------------------------------------------
 */

/*
 *   frame    first      +100 +103      +700   +900        +1500
 *   map      [ usable ..................................]
 *   in use              [ tables ]     [ module )
 */
static void start_with_module(const struct pmm_class *class) {
    boot.map_count = boot.reserved_count = 0;
    add(F(first), F(first + 1500), MEMMAP_USABLE);
    reserve(bytes(F(first + 100), F(first + 103)));
    boot.module = bytes(F(first + 700), F(first + 900) - 77);
    ck_assert_status(pmm_init(&other, &boot, class), MM_OK);
}

/** What a refusal must leave alone. */
static void expect_refusal(struct prange range, enum mm_status status) {
    const struct pmm before = other;

    ck_assert_status(pmm_reclaim(&other, range), status);
    ck_assert_msg(memcmp(&before, &other, sizeof(other)) == 0,
                  "a refused reclaim changed the pmm");
}

START_TEST(what_is_reclaimed_is_free_and_counted)
{ /* P4, P8, P14 */
    uint64_t free;

    start_with_module(pmm_classes[_i]);
    free = pmm_free_count(&other);
    ck_assert(!pmm_is_managed(&other, pfn(first + 800)));
    ck_assert_status(pmm_reclaim(&other, boot.module), MM_OK);
    ck_assert(pmm_is_managed(&other, pfn(first + 700)));
    ck_assert(pmm_is_managed(&other, pfn(first + 899)));
    ck_assert(pmm_is_sound(&other));
    ck_assert_uint_eq(other.stats.total, 1500);
    ck_assert_uint_eq(other.stats.allocs, 0);
    other_expect_frames(free + 200);
    ck_assert_status(pmm_reclaim(&other, boot.reserved[0]), MM_OK);
    ck_assert_uint_eq(other.stats.reserved, pages_for(other.metadata.len));
    other_expect_frames(free + 203);
}
END_TEST

/*
 *   frame    first      +512                   +1536
 *   map      [ usable .........................]
 *   in use              [ module: two areas    ]
 *
 * Nothing is managed behind the last run, and the module comes back whole.
 */
START_TEST(memory_that_ends_with_a_module_is_handed_out_up_to_it)
{ /* P4 */
    uint64_t free;

    add(F(first), F(first + 1536), MEMMAP_USABLE);
    boot.module = bytes(F(first + 512), F(first + 1536));
    ck_assert_status(pmm_init(&other, &boot, pmm_classes[_i]), MM_OK);
    free = pmm_free_count(&other);
    ck_assert_uint_eq(free, 512 - pages_for(other.metadata.len));
    other_expect_frames(free);
    ck_assert_status(pmm_reclaim(&other, boot.module), MM_OK);
    other_expect_frames(free + 1024);
}
END_TEST

START_TEST(a_second_reclaim_is_refused)
{ /* P4 */
    start_with_module(pmm_classes[_i]);
    ck_assert_status(pmm_reclaim(&other, boot.module), MM_OK);
    expect_refusal(boot.module, MM_NOT_ALLOCATED);
    expect_refusal(bytes(F(first + 899), F(first + 900)), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_reclaim(&other, boot.reserved[0]), MM_OK);
    expect_refusal(boot.reserved[0], MM_NOT_ALLOCATED);
}
END_TEST

START_TEST(what_was_never_withheld_cannot_be_reclaimed)
{ /* P4 */
    start_with_module(&pmm_areas);
    expect_refusal(bytes(F(first + 800), F(first + 800)), MM_BAD_ARGUMENT);
    expect_refusal(bytes(F(1), F(2)), MM_NOT_MANAGED);
    expect_refusal(other.metadata, MM_NOT_MANAGED);
    expect_refusal(bytes(F(first + 1500), F(first + 1501)), MM_NOT_MANAGED);
    expect_refusal(bytes(F(first + 1499), F(first + 1501)), MM_NOT_MANAGED);
    expect_refusal(bytes(UINT64_MAX - 5, UINT64_MAX), MM_NOT_MANAGED);
    expect_refusal((struct prange){ paddr(F(first + 700)), UINT64_MAX },
                   MM_NOT_MANAGED);
    /* One frame of either side is in use. */
    expect_refusal(bytes(F(first + 699), F(first + 800)), MM_NOT_ALLOCATED);
    expect_refusal(bytes(F(first + 800), F(first + 901)), MM_NOT_ALLOCATED);
    expect_refusal(bytes(F(first + 10), F(first + 11)), MM_NOT_ALLOCATED);
}
END_TEST

/** Frames are out, of what is there and then of what is reclaimed in parts. */
START_TEST(memory_can_be_reclaimed_while_frames_are_out)
{ /* P4, P14 */
    uint64_t free, out = 0;
    pfn_t f, held[300];

    start_with_module(pmm_classes[_i]);
    free = pmm_free_count(&other);
    while (out < 200) {
        ck_assert_status(pmm_alloc(&other, &held[out++]), MM_OK);
    }
    /* Above, below, then what joins both. */
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 850), F(first + 900))),
                     MM_OK);
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 700), F(first + 702))),
                     MM_OK);
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 710), F(first + 711))),
                     MM_OK);
    ck_assert(pmm_is_sound(&other));
    while (out < 300) {
        ck_assert_status(pmm_alloc(&other, &held[out++]), MM_OK);
    }
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 702), F(first + 710))),
                     MM_OK);
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 711), F(first + 850))),
                     MM_OK);
    ck_assert(pmm_is_sound(&other));
    ck_assert_uint_eq(other.run_count, 2); /* the tables are still out */
    ck_assert_uint_eq(pmm_free_count(&other), free + 200 - 300);
    while (out > 0) {
        ck_assert_status(pmm_free(&other, held[--out]), MM_OK);
    }
    ck_assert_status(pmm_free(&other, pfn(first + 101)), MM_NOT_MANAGED);
    other_expect_frames(free + 200);
    ck_assert_status(pmm_alloc(&other, &f), MM_OK);
}
END_TEST

/** A random piece of the module that is still withheld, up to @frames. */
static struct prange random_piece(struct random *random, uint64_t frames) {
    uint64_t at = first + 700 + below(random, 200), count = 1;

    while (pmm_is_managed(&other, pfn(at))) {
        at = at + 1 < first + 900 ? at + 1 : first + 700;
    }
    while (count < frames && at + count < first + 900 &&
           !pmm_is_managed(&other, pfn(at + count))) {
        count++;
    }
    return bytes(F(at), F(at + count));
}

/** All that was withheld comes back in random pieces, between frames that go
 *  out and come back. */
START_TEST(pieces_reclaimed_in_any_order_are_each_counted_once)
{ /* P4, P14 */
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct random random = { seed << 20 };
        uint64_t free, out = 0, gained = 0;
        static pfn_t held[ROOM];

        start_with_module(pmm_classes[_i]);
        free = pmm_free_count(&other);
        while (gained < 200) {
            const struct prange piece =
                random_piece(&random, 1 + below(&random, 20));

            ck_assert_status(pmm_reclaim(&other, piece), MM_OK);
            ck_assert_status(pmm_reclaim(&other, piece), MM_NOT_ALLOCATED);
            gained += piece.len / PAGE_SIZE;
            if (below(&random, 3) == 0 && out > 0) {
                ck_assert_status(pmm_free(&other, held[--out]), MM_OK);
            } else if (pmm_alloc(&other, &held[out]) == MM_OK) {
                out++;
            }
            ck_assert_uint_eq(pmm_free_count(&other), free + gained - out);
        }
        ck_assert(pmm_is_sound(&other));
        while (out > 0) {
            ck_assert_status(pmm_free(&other, held[--out]), MM_OK);
        }
        other_expect_frames(free + 200);
    }
}
END_TEST

/*
 *   frame    first            +512               +1024
 *   map      [ usable ....................................
 *   in use   [M]                   [module)
 */
START_TEST(a_2_mib_block_is_whole_again_when_its_module_is_reclaimed)
{ /* P6 */
    pfn_t f = pfn(0);

    add(F(first), F(first + 1024), MEMMAP_USABLE);
    boot.module = bytes(F(first + 600), F(first + 700));
    ck_assert_status(pmm_init(&other, &boot, pmm_classes[_i]), MM_OK);
    ck_assert_status(pmm_alloc_run(&other, pmm_block(PMM_ORDER_2M), &f),
                     MM_NO_MEMORY);
    ck_assert_status(pmm_reclaim(&other, boot.module), MM_OK);
    ck_assert_status(pmm_alloc_run(&other, pmm_block(PMM_ORDER_2M), &f), MM_OK);
    ck_assert_uint_eq(f.v, first + 512);
}
END_TEST

/** Every other frame of the module is a run, as many as there may be. */
static void start_with_all_runs(void) {
    ck_assert_status(pmm_init(&other, &boot, &pmm_areas), MM_OK);
    for (uint64_t i = 1; i < PMM_RUNS_MAX; i++) {
        ck_assert_status(pmm_reclaim(&other, bytes(F(first + 20 + 2 * i),
                                                   F(first + 21 + 2 * i))),
                         MM_OK);
    }
}

/** As long as there is room for another run, or a neighbour. */
START_TEST(a_piece_without_room_among_the_runs_is_refused)
{
    boot.map_count = 0;
    add(F(first), F(first + 1500), MEMMAP_USABLE);
    boot.module = bytes(F(first + 20), F(first + 1500));
    start_with_all_runs();
    ck_assert_uint_eq(other.run_count, PMM_RUNS_MAX);
    expect_refusal(bytes(F(first + 1400), F(first + 1401)), MM_NO_MEMORY);
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 23), F(first + 24))),
                     MM_OK);
    ck_assert_uint_eq(other.run_count, PMM_RUNS_MAX - 1);
    ck_assert_status(
        pmm_reclaim(&other, bytes(F(first + 1400), F(first + 1401))), MM_OK);
    ck_assert(pmm_is_sound(&other));
}
END_TEST

/*
 *   frame    first  +20  +22 ...                         +1400  +1500
 *   runs     [  0  ][1]  [2]  [3] ... [255]
 *   the map  [ usable ............................  [ ACPI tables )
 */
START_TEST(acpi_tables_without_room_among_the_runs_are_told)
{
    boot.map_count = 0;
    add(F(first), F(first + 1400), MEMMAP_USABLE);
    add(F(first + 1400), F(first + 1500), MEMMAP_ACPI_RECLAIMABLE);
    boot.module = bytes(F(first + 20), F(first + 1400));
    start_with_all_runs();
    ck_assert_status(pmm_reclaim_acpi(&other, &boot), MM_NO_MEMORY);
    ck_assert(pmm_is_sound(&other));
}
END_TEST

START_TEST(what_is_reclaimed_is_poisoned_where_that_is_on)
{ /* P13 */
    uint64_t *words = boot_direct(m.boot, paddr(F(first + 800)));
    pfn_t f = pfn(0);

    start_with_module(pmm_classes[_i]);
    pmm_poison(&other, 7);
    ck_assert_status(pmm_reclaim(&other, bytes(F(first + 800), F(first + 801))),
                     MM_OK);
    words[100] ^= 1;
    while (f.v != first + 800) {
        ck_assert_uint_eq(other.damage.cases, 0);
        ck_assert_status(pmm_alloc(&other, &f), MM_OK);
    }
    ck_assert_uint_eq(other.damage.cases, 1);
}
END_TEST

START_TEST(books_know_what_is_reclaimed_as_free)
{ /* P12, P15 */
    pfn_t f = pfn(0);

    start_with_module(pmm_classes[_i]);
    ck_assert_status(pmm_keep_books(&other), MM_OK);
    ck_assert_status(pmm_reclaim(&other, boot.module), MM_OK);
    ck_assert(pmm_is_sound(&other));
    ck_assert_uint_eq(pmm_owners(&other, pfn(first + 800)), 0);
    while (other.class->reuses && f.v != first + 800) {
        ck_assert_status(pmm_alloc(&other, &f), MM_OK);
    }
    if (other.class->reuses) { /* the books made a bump pass it by */
        ck_assert_uint_eq(pmm_owners(&other, f), 1);
        ck_assert_status(pmm_free(&other, f), MM_OK);
    }
    ck_assert_status(pmm_free(&other, pfn(first + 800)), MM_NOT_ALLOCATED);
}
END_TEST

/** @word is wrong for a moment. */
static void expect_noticed(uint64_t *word, uint64_t wrong, const char *what) {
    const uint64_t kept = *word;

    *word = wrong;
    ck_assert_msg(!pmm_is_sound(&other), "%s: not noticed", what);
    *word = kept;
    ck_assert(pmm_is_sound(&other));
}

START_TEST(runs_that_leave_their_spans_are_noticed)
{ /* P14 */
    struct pmm_run *span = other.spans, *run = other.runs;

    add(F(first), F(first + 20), MEMMAP_USABLE);
    add(F(first + 40), F(first + 60), MEMMAP_USABLE);
    ck_assert_status(pmm_init(&other, &boot, &pmm_areas), MM_OK);
    ck_assert_uint_eq(other.span_count, 2);
    expect_noticed(&span[0].first.v, run[0].first.v + 1, "a span that is late");
    expect_noticed(&span[0].count, run[0].count - 1, "a span too short");
    expect_noticed(&span[1].first.v, run[1].first.v + 1, "a late second span");
    expect_noticed(&span[1].count, 0, "an empty span");
    expect_noticed(&span[1].count, run[1].count + 1, "a span beyond the end");
    expect_noticed(&run[0].count, 0, "an empty run");
    expect_noticed(&other.frames, other.frames + 1, "an end behind all spans");
}
END_TEST

START_TEST(without_acpi_tables_there_is_nothing_to_reclaim)
{ /* P4 */
    start_with_module(&pmm_areas);
    ck_assert_status(pmm_reclaim_acpi(&other, &boot), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_init(&other, &boot, &pmm_empty), MM_OK);
    expect_refusal(boot.module, MM_NOT_MANAGED);
    ck_assert_status(pmm_reclaim_acpi(&other, &boot), MM_NOT_ALLOCATED);
}
END_TEST

Suite *pmm_reclaim_suite(void) {
    Suite *suite = suite_create("pmm_reclaim");
    TCase *tc = tcase_create("withheld");
    const int classes = strategies();

    tcase_add_checked_fixture(tc, other_setup, other_teardown);
    tcase_add_loop_test(tc, what_is_reclaimed_is_free_and_counted, 0, classes);
    tcase_add_loop_test(
        tc, memory_that_ends_with_a_module_is_handed_out_up_to_it, 0, classes);
    tcase_add_loop_test(tc, a_second_reclaim_is_refused, 0, classes);
    tcase_add_test(tc, what_was_never_withheld_cannot_be_reclaimed);
    tcase_add_loop_test(tc, memory_can_be_reclaimed_while_frames_are_out, 0,
                        classes);
    tcase_add_loop_test(tc, pieces_reclaimed_in_any_order_are_each_counted_once,
                        0, classes);
    tcase_add_loop_test(
        tc, a_2_mib_block_is_whole_again_when_its_module_is_reclaimed, 0,
        classes);
    tcase_add_test(tc, a_piece_without_room_among_the_runs_is_refused);
    tcase_add_test(tc, acpi_tables_without_room_among_the_runs_are_told);
    tcase_add_loop_test(tc, what_is_reclaimed_is_poisoned_where_that_is_on, 0,
                        classes);
    tcase_add_loop_test(tc, books_know_what_is_reclaimed_as_free, 0, classes);
    tcase_add_test(tc, runs_that_leave_their_spans_are_noticed);
    tcase_add_test(tc, without_acpi_tables_there_is_nothing_to_reclaim);
    suite_add_tcase(suite, tc);
    return suite;
}
