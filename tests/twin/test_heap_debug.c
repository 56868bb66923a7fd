/*
 * The debug mode itself: on and off, what it keeps back, where its records lie,
 * and that a heap is still a heap with it.
 */
#include <string.h>

#include "base/poison.h"
#include "heap/debug_inside.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_debug.h"

/* --- reports -------------------------------------------------------------- */

START_TEST(a_report_is_a_paragraph_that_names_block_and_lines)
{ /* H18 */
    const struct layout had = { 100, 16 };
    unsigned made, again;
    char expected[600];
    void *p;

    watch_slab();
    p = heap_alloc_at(&arena.heap, had, HEAP_HERE), made = __LINE__;
    watch_free(p, 100);
    ck_assert_status(heap_free_at(&arena.heap, p, had, HEAP_HERE),
                     MM_NOT_ALLOCATED);
    again = __LINE__ - 2;
    fmt_format(
        expected, sizeof expected,
        "heap: freed twice, found by heap_free() in "
        "a_report_is_a_paragraph_that_names_block_and_lines_fn() at "
        "test_heap_debug.c:%u\n"
        "  0x%lx was freed before; nobody may use it.\n"
        "  The block: 100 bytes at 0x%lx, aligned to 16, allocation 1.\n"
        "  Allocated in a_report_is_a_paragraph_that_names_block_and_lines_fn()"
        " at test_heap_debug.c:%u, freed in watch_free() at "
        "test_heap_watched.c:%u.\n",
        again, (unsigned long)vaddr_of_pointer(p).v,
        (unsigned long)vaddr_of_pointer(p).v, made,
        watched.last.block.freed->line);
    ck_assert_str_eq(watched.text, expected);
    expect_reports(1, HEAP_FREED_TWICE);
    watch_stop();
}
END_TEST

START_TEST(who_was_not_told_is_said_so)
{ /* H18 */
    void *p;

    watch_slab();
    p = heap_alloc(&arena.heap, layout(8, 8));
    ck_assert_status(heap_free(&arena.heap, p, layout(9, 8)), MM_BAD_ARGUMENT);
    ck_assert(
        watched_says("found by heap_free() in a place that was not told"));
    ck_assert(watched_says("Allocated in a place that was not told."));
    expect_reports(1, HEAP_WRONG_LAYOUT);
    ck_assert_status(heap_free(&arena.heap, p, layout(8, 8)), MM_OK);
    ck_assert_str_eq(heap_misuse_name(HEAP_MISUSES), "?");
    watch_stop();
}
END_TEST

START_TEST(without_a_hook_a_report_is_a_panic)
{ /* H18 */
    watched.config.report = NULL;
    watch_slab();
    ck_assert_status(
        heap_free_at(&arena.heap, &watched, layout(8, 8), HEAP_HERE), MM_OK);
}
END_TEST

/* --- on and off ----------------------------------------------------------- */

START_TEST(the_mode_goes_on_and_off_only_while_no_block_lives)
{ /* H18 */
    uint8_t *p;

    if (!watch_class(_i)) {
        return;
    }
    ck_assert(arena.heap.ways == &heap_debug_ways);
    ck_assert_status(
        heap_debug_start(&arena.heap, &watched.debug, &watched.config),
        MM_REFUSED);
    p = heap_alloc(&arena.heap, layout(40, 16));
    ck_assert_ptr_nonnull(p);
    ck_assert_status(heap_debug_stop(&arena.heap), MM_REFUSED);
    ck_assert_ptr_nonnull(arena.heap.debug);
    watch_free(p, 40);
    watch_stop();
    ck_assert_ptr_null(arena.heap.debug);
    ck_assert(arena.heap.ways != &heap_debug_ways);
    ck_assert_status(heap_debug_stop(&arena.heap), MM_OK); /* off already */
    p = arena_alloc(40, 16);
    ck_assert_status(
        heap_debug_start(&arena.heap, &watched.debug, &watched.config),
        MM_REFUSED);
    arena_free(p, 40, 16);
    expect_reports(0, HEAP_LEAKED);
}
END_TEST

START_TEST(calls_that_tell_their_line_do_as_well_with_the_mode_off)
{ /* H18 */
    const struct layout had = { 40, 16 };
    const struct vrange root = { arena.heap.start, 0 };
    struct heap *heap = &arena.heap;
    uint8_t *p;

    arena_open_named("slab", 4 * PAGE_SIZE, 0);
    p = heap_alloc_zeroed_at(heap, had, HEAP_HERE);
    ck_assert(p != NULL && all_are(p, 40, 0));
    p = heap_realloc_at(heap, p, had, 400, HEAP_HERE);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(heap_debug_check(heap, HEAP_HERE), 0);
    ck_assert_uint_eq(heap_debug_leaks(heap, HEAP_HERE), 0);
    ck_assert_uint_eq(heap_debug_scan(heap, &root, 1, HEAP_HERE), 0);
    ck_assert(!heap_debug_forbids(heap, heap->start));
    ck_assert_status(heap_free_at(heap, p, layout(400, 16), HEAP_HERE), MM_OK);
    ck_assert_ptr_null(heap_alloc_zeroed_at(heap, layout(0, 16), HEAP_HERE));
}
END_TEST

START_TEST(a_window_for_records_is_whole_pages)
{ /* H18 */
    struct heap_debug_config config = watched.config;

    arena_open_named("slab", PAGE_SIZE, 0);
    config.window.base.v += 8;
    ck_assert_status(heap_debug_start(&arena.heap, &watched.debug, &config),
                     MM_NOT_ALIGNED);
    config.window = (struct vrange){ vaddr(RECORDS_BASE), PAGE_SIZE + 8 };
    ck_assert_status(heap_debug_start(&arena.heap, &watched.debug, &config),
                     MM_NOT_ALIGNED);
    config.window = (struct vrange){ vaddr(-PAGE_SIZE), 2 * PAGE_SIZE };
    ck_assert_status(heap_debug_start(&arena.heap, &watched.debug, &config),
                     MM_BAD_RANGE);
    ck_assert_ptr_null(arena.heap.debug);
}
END_TEST

/* --- what it keeps back --------------------------------------------------- */

START_TEST(freed_blocks_are_kept_back_up_to_the_limit_oldest_first)
{ /* H18 */
    uint8_t *blocks[40];

    if (!watch_class(_i)) {
        return;
    }
    for (unsigned k = 0; k < 40; k++) {
        blocks[k] = heap_alloc(&arena.heap, layout(992, 16));
        ck_assert_ptr_nonnull(blocks[k]);
    }
    for (unsigned k = 0; k < 40; k++) { /* 1 KiB each with its zones */
        watch_free(blocks[k], 992);
        ck_assert_uint_eq(watched.debug.kept_blocks, k < 16 ? k + 1 : 16);
        ck_assert_uint_eq(watched.debug.kept_bytes,
                          watched.debug.kept_blocks * KIB);
    }
    ck_assert_status(heap_free(&arena.heap, blocks[23], layout(992, 16)),
                     MM_NOT_ALLOCATED);
    expect_reports(1, HEAP_NEVER_GIVEN);
    ck_assert_status(heap_free(&arena.heap, blocks[24], layout(992, 16)),
                     MM_NOT_ALLOCATED);
    expect_reports(1, HEAP_FREED_TWICE);
    watch_stop();
    ck_assert_uint_eq(heap_stats(&arena.heap).live_blocks, 0);
}
END_TEST

START_TEST(what_is_kept_back_is_given_up_before_memory_is_out)
{ /* H4, H18: and the hook is told of what was asked for */
    const size_t most = 10 * PAGE_SIZE;
    void *p;

    arena_open(_i, 16 * PAGE_SIZE, 0);
    if (!arena_serves() || arena.heap.class == &heap_bump_noreset) {
        return;
    }
    watched.config.quarantine = MIB;
    watch_start();
    for (unsigned k = 0; k < 5; k++) {
        p = heap_alloc(&arena.heap, layout(most, 16));
        ck_assert_ptr_nonnull(p);
        watch_free(p, most);
    }
    ck_assert_uint_eq(arena.told, 0);
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(64 * PAGE_SIZE, 1)));
    ck_assert_uint_eq(arena.told, 1);
    ck_assert_uint_eq(arena.told_of.size, 64 * PAGE_SIZE);
    ck_assert_uint_eq(arena.told_of.align, 1);
    watch_stop();
    expect_reports(0, HEAP_LEAKED);
}
END_TEST

START_TEST(what_the_hook_frees_is_not_kept_back_from_the_request)
{ /* H4, H18 */
    void *p;

    arena_open(_i, 16 * PAGE_SIZE, 0);
    if (!arena_serves() || arena.heap.class == &heap_bump_noreset) {
        return;
    }
    watch_start();
    arena.sacrificed = layout(10 * PAGE_SIZE, 16);
    arena.sacrifice = heap_alloc(&arena.heap, arena.sacrificed);
    ck_assert_ptr_nonnull(arena.sacrifice);
    p = heap_alloc(&arena.heap, layout(9 * PAGE_SIZE, 16));
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(arena.told, 1);
    watch_free(p, 9 * PAGE_SIZE);
    watch_stop();
}
END_TEST

START_TEST(fresh_bytes_and_freed_bytes_can_be_told)
{ /* H16, H18 */
    uint8_t *p;

    if (!watch_class(_i)) {
        return;
    }
    p = heap_alloc(&arena.heap, layout(300, 16));
    ck_assert(all_are(p, 300, HEAP_FRESH_BYTE));
    ck_assert(all_are(p - 16, 16, HEAP_ZONE_BYTE));
    ck_assert(all_are(p + 300, 16, HEAP_ZONE_BYTE));
    watch_free(p, 300);
    ck_assert(all_are(p, 300, HEAP_FREED_BYTE));
    watch_stop();
}
END_TEST

/* --- still a heap --------------------------------------------------------- */

START_TEST(blocks_keep_contents_alignment_and_counts_in_debug_mode)
{ /* H1, H18 */
    enum { COUNT = 44 };
    struct {
        uint8_t *p;
        struct layout had;
    } blocks[COUNT];
    struct heap_stats stats;

    watched.config.check_always = true;
    if (!watch_class(_i)) {
        return;
    }
    for (size_t k = 0; k < COUNT; k++) {
        struct layout want = { 1 + 37 * k, (size_t)1 << k % 13 };

        blocks[k].p = heap_alloc_zeroed_at(&arena.heap, want, HEAP_HERE);
        ck_assert_ptr_nonnull(blocks[k].p);
        ck_assert(all_are(blocks[k].p, want.size, 0));
        ck_assert_uint_eq(vaddr_of_pointer(blocks[k].p).v % want.align, 0);
        pattern_fill(blocks[k].p, want.size, k);
        blocks[k].had = want;
    }
    for (size_t k = 0; k < COUNT; k += 3) {
        const size_t size = 1 + 1600 - 37 * k;
        const size_t had = blocks[k].had.size;

        blocks[k].p = heap_realloc_at(&arena.heap, blocks[k].p, blocks[k].had,
                                      size, HEAP_HERE);
        ck_assert_ptr_nonnull(blocks[k].p);
        pattern_check(blocks[k].p, size < had ? size : had, k);
        pattern_fill(blocks[k].p, size, k);
        blocks[k].had.size = size;
    }
    ck_assert(heap_is_sound(&arena.heap));
    for (size_t k = 0; k < COUNT; k++) {
        pattern_check(blocks[k].p, blocks[k].had.size, k);
        ck_assert_status(
            heap_free_at(&arena.heap, blocks[k].p, blocks[k].had, HEAP_HERE),
            MM_OK);
    }
    watch_stop();
    stats = heap_stats(&arena.heap);
    ck_assert_uint_eq(stats.live_blocks, 0);
    ck_assert_uint_eq(stats.live_bytes, 0);
    ck_assert_uint_eq(stats.reallocs, 15);
    ck_assert_uint_eq(stats.allocs, COUNT + 15);
    expect_reports(0, HEAP_LEAKED);
}
END_TEST

START_TEST(a_wrong_request_is_refused_as_without_the_mode)
{ /* H1, H18 */
    static const struct layout bad[] = {
        { 0, 16 },       { 16, 0 }, { 16, 24 }, { 16, 2 * HEAP_ALIGN_MAX },
        { SIZE_MAX, 1 },
    };
    static const size_t huge[] = { SIZE_MAX - 15, SIZE_MAX - 64, SIZE_MAX / 2,
                                   ARENA_LIMIT };
    uint8_t *p;

    watch_slab();
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        ck_assert_ptr_null(heap_alloc(&arena.heap, bad[k]));
    }
    ck_assert_uint_eq(arena.told, 0);
    for (size_t k = 0; k < sizeof huge / sizeof huge[0]; k++) {
        ck_assert_ptr_null(heap_alloc(&arena.heap, layout(huge[k], 8)));
        ck_assert_uint_eq(arena.told, k + 1);
    }
    ck_assert_status(heap_free(&arena.heap, NULL, layout(1, 1)), MM_OK);
    ck_assert_ptr_null(heap_realloc(&arena.heap, NULL, layout(1, 1), 1));
    p = heap_alloc(&arena.heap, layout(20, 4));
    pattern_fill(p, 20, 1);
    ck_assert_ptr_null(heap_realloc(&arena.heap, p, layout(20, 4), 0));
    ck_assert_ptr_null(heap_realloc(&arena.heap, p, layout(20, 4), SIZE_MAX));
    ck_assert_ptr_null(
        heap_realloc(&arena.heap, p, layout(20, 4), ARENA_LIMIT));
    pattern_check(p, 20, 1);
    ck_assert_status(heap_free(&arena.heap, p, layout(20, 4)), MM_OK);
    watch_stop();
    expect_reports(0, HEAP_LEAKED);
}
END_TEST

START_TEST(a_released_heap_has_no_records)
{ /* H18 */
    watch_slab();
    ck_assert_ptr_nonnull(heap_alloc(&arena.heap, layout(20, 4)));
    watch_free(heap_alloc(&arena.heap, layout(20, 16)), 20);
    watch_release();
    ck_assert_uint_eq(heap_debug_leaks(&arena.heap, HEAP_HERE), 0);
    expect_reports(0, HEAP_LEAKED);
}
END_TEST

Suite *heap_debug_suite(void) {
    Suite *suite = suite_create("heap debug");
    TCase *tc = tcase_create("the mode");

    tcase_add_checked_fixture(tc, watch_setup, watch_teardown);
    tcase_add_test(tc, a_report_is_a_paragraph_that_names_block_and_lines);
    tcase_add_test(tc, who_was_not_told_is_said_so);
    machine_add_exit_test(tc, without_a_hook_a_report_is_a_panic,
                          HW_EXIT_PANIC);
    tcase_add_loop_test(tc, the_mode_goes_on_and_off_only_while_no_block_lives,
                        0, ARENA_CLASSES);
    tcase_add_test(tc, calls_that_tell_their_line_do_as_well_with_the_mode_off);
    tcase_add_test(tc, a_window_for_records_is_whole_pages);
    tcase_add_loop_test(tc,
                        freed_blocks_are_kept_back_up_to_the_limit_oldest_first,
                        0, ARENA_CLASSES);
    tcase_add_loop_test(tc, what_is_kept_back_is_given_up_before_memory_is_out,
                        0, ARENA_CLASSES);
    tcase_add_loop_test(tc,
                        what_the_hook_frees_is_not_kept_back_from_the_request,
                        0, ARENA_CLASSES);
    tcase_add_loop_test(tc, fresh_bytes_and_freed_bytes_can_be_told, 0,
                        ARENA_CLASSES);
    tcase_add_loop_test(tc,
                        blocks_keep_contents_alignment_and_counts_in_debug_mode,
                        0, ARENA_CLASSES);
    tcase_add_test(tc, a_wrong_request_is_refused_as_without_the_mode);
    tcase_add_test(tc, a_released_heap_has_no_records);
    suite_add_tcase(suite, tc);
    return suite;
}
