/*
 * The records of the debug mode: where they lie, what damage to them shows, and
 * what they tell of leaks.
 */
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_debug.h"

/* --- the records ---------------------------------------------------------- */

START_TEST(without_memory_for_a_record_there_is_no_block)
{ /* H4, H18: pages for records run out after n pages */
    void *blocks[800];
    unsigned n = 0;

    watch_slab();
    watched.config.quarantine = 0;
    watched.records_allowed = 4 * PAGE_SIZE;
    while (n < 800 &&
           (blocks[n] = heap_alloc(&arena.heap, layout(8, 8))) != NULL) {
        n++;
    }
    ck_assert_uint_eq(n, 4 * PAGE_SIZE / sizeof(struct heap_record));
    ck_assert_uint_eq(arena.told, 1);
    ck_assert_uint_eq(heap_stats(&arena.heap).failures, 1);
    arena.sacrifice = blocks[--n]; /* its record serves */
    arena.sacrificed = layout(8, 8);
    blocks[n] = heap_alloc(&arena.heap, layout(8, 8));
    ck_assert_ptr_nonnull(blocks[n]);
    n++;
    while (n > 0) {
        ck_assert_status(heap_free(&arena.heap, blocks[--n], layout(8, 8)),
                         MM_OK);
    }
    watch_stop();
    expect_reports(0, HEAP_LEAKED);
}
END_TEST

START_TEST(records_end_with_their_window)
{ /* H18 */
    unsigned n = 0;

    watched.config.window.len = PAGE_SIZE;
    watch_slab();
    while (n < 100 && heap_alloc(&arena.heap, layout(8, 8)) != NULL) {
        n++;
    }
    ck_assert_uint_eq(n, PAGE_SIZE / sizeof(struct heap_record));
    ck_assert_uint_eq(heap_debug_leaks(&arena.heap, NULL), n);
    watch_release();
}
END_TEST

START_TEST(records_of_what_is_kept_back_serve_before_there_are_none)
{ /* H18: and nobody is told of no memory */
    void *p;

    watched.config.window.len = PAGE_SIZE;
    watched.config.quarantine = MIB;
    watch_slab();
    for (unsigned n = 0; n < 3 * PAGE_SIZE / sizeof(struct heap_record); n++) {
        p = heap_alloc(&arena.heap, layout(8, 16));
        ck_assert_ptr_nonnull(p);
        watch_free(p, 8);
    }
    ck_assert_uint_eq(arena.told, 0);
    watch_stop();
}
END_TEST

START_TEST(damaged_records_are_noticed)
{ /* H19 */
    struct heap_record *record, good;
    struct heap_debug intact;

    watch_slab();
    ck_assert_ptr_nonnull(heap_alloc(&arena.heap, layout(8, 8)));
    watch_free(heap_alloc(&arena.heap, layout(8, 16)), 8);
    ck_assert(heap_debug_is_sound(&arena.heap));
    record = watched.debug.root;
    good = *record;
    intact = watched.debug;

    record->bytes = 0;
    ck_assert(!heap_debug_is_sound(&arena.heap));
    record->bytes = ARENA_LIMIT;
    ck_assert(!heap_debug_is_sound(&arena.heap));
    *record = good;
    record->at = record->low - 1;
    ck_assert(!heap_debug_is_sound(&arena.heap));
    *record = good;
    record->asked.size = 4096;
    ck_assert(!heap_debug_is_sound(&arena.heap));
    *record = good;
    record->is_free = !record->is_free;
    ck_assert(!heap_is_sound(&arena.heap));
    *record = good;
    watched.debug.live_blocks++;
    ck_assert(!heap_debug_is_sound(&arena.heap));
    watched.debug = intact;
    watched.debug.kept_blocks++;
    ck_assert(!heap_debug_is_sound(&arena.heap));
    watched.debug = intact;
    watched.debug.kept_bytes++;
    ck_assert(!heap_debug_is_sound(&arena.heap));
    watched.debug = intact;
    arena.heap.fronts[1].counts.allocs++;
    ck_assert(!heap_debug_is_sound(&arena.heap));
    arena.heap.fronts[1].counts.allocs--;
    lock_acquire(&watched.debug.lock);
    ck_assert(!heap_debug_is_sound(&arena.heap));
    lock_release(&watched.debug.lock);
    ck_assert(heap_debug_is_sound(&arena.heap));
    watch_release();
}
END_TEST

/* --- leaks ---------------------------------------------------------------- */

static void *node(void *first, void *second) {
    void **p = heap_alloc_at(&arena.heap, layout(3 * sizeof *p, 16), HEAP_HERE);

    ck_assert_ptr_nonnull(p);
    p[0] = first;
    p[1] = second;
    p[2] = NULL;
    return p;
}

START_TEST(the_scan_reports_what_no_pointer_reaches)
{ /* H21
   *
   *   roots[0] --> a --> b (inside)     lost: c <--> d, a ring
   *   roots[1] --> the end of e         lost: f, to which a freed one points
   */
    static void *roots[2];
    const struct vrange ranges[] = { { vaddr_of_pointer(roots), 4 },
                                     { vaddr_of_pointer(roots),
                                       sizeof roots } };
    struct heap *heap = &arena.heap;
    void **c, **f, *freed;

    if (!watch_class(_i)) {
        return;
    }
    roots[0] = node(NULL, (uint8_t *)node(NULL, NULL) + 8);
    roots[1] = (uint8_t *)node(NULL, NULL) + 24;
    c = node(NULL, NULL);
    c[0] = node(c, NULL);
    f = node(NULL, NULL);
    freed = node(f, NULL);
    watch_free(freed, 24);
    ck_assert_uint_eq(heap_debug_scan(heap, ranges, 2, HEAP_HERE), 3);
    ck_assert(watched_says("found by heap_debug_scan() in "));
    ck_assert(watched_says("Allocated in node() at test_heap_records.c:"));
    expect_reports(3, HEAP_UNREACHABLE);
    ck_assert_uint_eq(heap_debug_scan(heap, ranges, 1, HEAP_HERE), 6);
    expect_reports(6, HEAP_UNREACHABLE);
    ck_assert_uint_eq(heap_debug_leaks(heap, HEAP_HERE), 6);
    expect_reports(6, HEAP_LEAKED);
    watch_release();
}
END_TEST

START_TEST(a_pointer_beside_a_block_or_to_a_freed_one_keeps_none)
{ /* H21: into the zones in front and behind, and where a block was */
    static void *roots[3];
    const struct vrange range = { vaddr_of_pointer(roots), sizeof roots };
    uint8_t *p, *freed;

    watch_slab();
    p = node(NULL, NULL);
    freed = node(NULL, NULL);
    watch_free(freed, 3 * sizeof(void *));
    roots[0] = p - 1;
    roots[1] = p + 3 * sizeof(void *) + 1;
    roots[2] = freed;
    ck_assert_uint_eq(heap_debug_scan(&arena.heap, &range, 1, HEAP_HERE), 1);
    expect_reports(1, HEAP_UNREACHABLE);
    watch_release();
}
END_TEST

START_TEST(the_mode_does_as_well_where_several_share_the_heap)
{ /* H17, H18 */
    void *p;

    arena_open_named("slab", 4 * PAGE_SIZE, ARENA_LIMIT / 2);
    heap_set_processors(&arena.heap, 2);
    watch_start();
    ck_assert(watched.debug.lock.shared);
    p = heap_alloc(&arena.heap, layout(24, 16));
    ck_assert_ptr_nonnull(p);
    watch_free(p, 24);
    ck_assert_status(heap_free(&arena.heap, p, layout(24, 16)),
                     MM_NOT_ALLOCATED);
    expect_reports(1, HEAP_FREED_TWICE);
    watch_stop();
}
END_TEST

Suite *heap_records_suite(void) {
    Suite *suite = suite_create("heap records");
    TCase *tc = tcase_create("records");

    tcase_add_checked_fixture(tc, watch_setup, watch_teardown);
    tcase_add_test(tc, without_memory_for_a_record_there_is_no_block);
    tcase_add_test(tc, records_end_with_their_window);
    tcase_add_test(tc,
                   records_of_what_is_kept_back_serve_before_there_are_none);
    tcase_add_test(tc, damaged_records_are_noticed);
    tcase_add_test(tc, a_pointer_beside_a_block_or_to_a_freed_one_keeps_none);
    tcase_add_test(tc, the_mode_does_as_well_where_several_share_the_heap);
    tcase_add_loop_test(tc, the_scan_reports_what_no_pointer_reaches, 0,
                        ARENA_CLASSES);
    suite_add_tcase(suite, tc);
    return suite;
}
