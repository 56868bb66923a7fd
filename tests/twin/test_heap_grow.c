/*
 * How a heap asks for more, what it does when it gets none, and two heaps that
 * do not know each other.
 */
#include <string.h>

#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

static enum mm_status give_nothing(void *ctx, vaddr_t end, size_t bytes) {
    (void)ctx, (void)end, (void)bytes;
    return MM_NO_MEMORY;
}

START_TEST(a_heap_grows_by_a_quantum_at_least)
{ /* H14 */
    arena_open_named("list", 0, ARENA_LIMIT);
    arena_alloc(16, 16);
    ck_assert_uint_eq(arena.asked, 1);
    ck_assert_uint_eq(heap_size(&arena.heap), HEAP_QUANTUM);
    arena_alloc(HEAP_QUANTUM - 16, 16);
    ck_assert_uint_eq(arena.asked, 1);
    arena_alloc(16, 16);
    ck_assert_uint_eq(arena.asked, 2);
    ck_assert_uint_eq(heap_size(&arena.heap), 2 * HEAP_QUANTUM);
    ck_assert_uint_eq(heap_stats(&arena.heap).grown, 2);
}
END_TEST

START_TEST(a_heap_grows_by_what_a_large_block_needs_and_no_more)
{ /* H14 */
    arena_open_named("list", 0, ARENA_LIMIT);
    arena_alloc(HEAP_QUANTUM + 1, 16);
    ck_assert_uint_eq(heap_size(&arena.heap), HEAP_QUANTUM + PAGE_SIZE);
    ck_assert_uint_eq(arena.asked, 1);
}
END_TEST

START_TEST(new_memory_is_one_with_the_hole_at_the_end)
{ /* H14: [ used ][ hole at the end | new memory ] serves one block */
    uint8_t *p;

    arena_open_named("list", 2 * PAGE_SIZE, ARENA_LIMIT);
    arena.heap.quantum = PAGE_SIZE;
    arena_alloc(PAGE_SIZE, 16);
    p = arena_alloc(2 * PAGE_SIZE, 16);
    ck_assert_hex_eq(vaddr_of_pointer(p).v, ARENA_BASE + PAGE_SIZE);
    ck_assert_uint_eq(heap_size(&arena.heap), 3 * PAGE_SIZE);
    ck_assert_uint_eq(arena.heap.list.holes, 0);
}
END_TEST

START_TEST(what_a_class_asks_for_is_enough_for_the_block)
{ /* H14: sizes near whole pages, from an empty heap, of small steps */
    for (size_t size = 2 * PAGE_SIZE - 64; size <= 2 * PAGE_SIZE; size += 8) {
        arena_open(_i, 0, ARENA_LIMIT);
        arena.heap.quantum = PAGE_SIZE;
        if (arena_serves()) {
            arena_alloc(size, 16);
            ck_assert_uint_eq(arena.asked, 1);
        }
        heap_release(&arena.heap);
    }
    arena.open = false;
}
END_TEST

START_TEST(alignment_counts_in_what_a_growth_needs)
{ /* H1, H14: every alignment, from a heap that ends just after it */
    size_t align = (size_t)1 << _i;

    arena_open_named("list", PAGE_SIZE, ARENA_LIMIT);
    arena.heap.quantum = PAGE_SIZE;
    arena_alloc(PAGE_SIZE - 16, 16);
    arena_alloc(3 * PAGE_SIZE, align);
    arena_alloc(16, align);
    ck_assert_uint_le(arena.asked, 2);
    ck_assert(heap_is_sound(&arena.heap));
}
END_TEST

START_TEST(the_limit_bounds_the_last_growth)
{ /* H14 */
    arena_open_named("list", 0, ARENA_LIMIT);
    arena.heap.quantum = 3 * MIB; /* 16 = 5 * 3 + 1 */
    for (unsigned k = 0; k < 16; k++) {
        arena_alloc(MIB, MIB);
    }
    ck_assert_uint_eq(heap_size(&arena.heap), ARENA_LIMIT);
    ck_assert_uint_eq(arena.asked, 6);
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(1, 1)));
    ck_assert_uint_eq(arena.asked, 6); /* it need not ask to know */
}
END_TEST

START_TEST(when_the_quantum_is_not_to_be_had_the_need_is_tried)
{ /* H14 */
    arena_open_named("list", 0, PAGE_SIZE);
    arena_alloc(100, 16);
    ck_assert_uint_eq(arena.asked, 2);
    ck_assert_uint_eq(heap_size(&arena.heap), PAGE_SIZE);
}
END_TEST

START_TEST(a_growth_that_fails_leaves_everything_as_it_was)
{ /* H4, H14 */
    uint64_t before, end;
    uint8_t *p = NULL;

    arena_open(_i, PAGE_SIZE, 0);
    if (arena_serves()) {
        p = arena_alloc(1000, 16);
        pattern_fill(p, 1000, 5);
    }
    before = arena_state();
    end = arena.heap.end.v;
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(2 * PAGE_SIZE, 16)));
    ck_assert_uint_eq(arena.asked, arena_serves() ? 2 : 0);
    ck_assert_hex_eq(arena.heap.end.v, end);
    ck_assert(arena_state() == before);
    arena.allowed = MIB;
    if (p != NULL) {
        pattern_check(p, 1000, 5);
        pattern_fill(arena_alloc(2 * PAGE_SIZE, 16), 2 * PAGE_SIZE, 6);
        pattern_check(p, 1000, 5);
    }
}
END_TEST

START_TEST(a_growth_is_told_before_and_after)
{ /* H14 */
    const struct events *events = &arena.mm.events;
    uint64_t first;

    arena_open_named("bump", 0, ARENA_LIMIT);
    heap_set_poison(&arena.heap, false); /* which would touch the page */
    first = events->total;
    arena_alloc(5, 1);
    arena_alloc(5, 1);
    ck_assert_uint_eq(events->total, first + 2);
    ck_assert_int_eq(events->ring[first % EVENTS_KEPT].kind, EVENT_HEAP_ASKS);
    ck_assert_hex_eq(events->ring[first % EVENTS_KEPT].a, ARENA_BASE);
    ck_assert_uint_eq(events->ring[first % EVENTS_KEPT].b, HEAP_QUANTUM);
    ck_assert_int_eq(events->ring[(first + 1) % EVENTS_KEPT].kind,
                     EVENT_HEAP_GROWN);
    ck_assert_hex_eq(events->ring[(first + 1) % EVENTS_KEPT].a, ARENA_BASE);
}
END_TEST

START_TEST(a_class_says_0_when_more_memory_is_no_help)
{ /* H8: not needed, or more than 64 bits can say */
    const struct heap_class *class = arena_open(_i, 16 * PAGE_SIZE, 0);

    ck_assert_uint_eq(class->grow_hint(&arena.heap, layout(16, 16)), 0);
    ck_assert_uint_eq(class->grow_hint(&arena.heap, layout(-PAGE_SIZE, 16)), 0);
}
END_TEST

START_TEST(at_the_top_of_the_address_space_alignment_does_not_wrap)
{ /* H8: aligned up, the end of this empty heap would be address 0 */
    const struct heap_class *class = heap_classes[_i];
    const struct vrange window = { vaddr(UINT64_MAX - 2 * PAGE_SIZE + 1),
                                   PAGE_SIZE };
    struct heap heap;

    ck_assert_status(heap_init(&heap, class, window, 0,
                               (struct heap_source){ give_nothing, NULL },
                               NULL),
                     MM_OK);
    ck_assert_uint_eq(class->grow_hint(&heap, layout(16, MIB)), 0);
    ck_assert_ptr_null(heap_alloc(&heap, layout(16, MIB)));
}
END_TEST

/* --- heap_init ----------------------------------------------------------- */

START_TEST(a_heap_starts_only_on_whole_pages_in_its_window)
{ /* H6 */
    static const struct {
        uint64_t base, len, initial;
        enum mm_status expected;
    } cases[] = {
        { ARENA_BASE + 1, MIB, 0, MM_NOT_ALIGNED },
        { ARENA_BASE, MIB + 16, 0, MM_NOT_ALIGNED },
        { ARENA_BASE, MIB, 100, MM_NOT_ALIGNED },
        { ARENA_BASE, MIB, MIB + PAGE_SIZE, MM_BAD_RANGE },
        { -PAGE_SIZE, 2 * PAGE_SIZE, 0, MM_BAD_RANGE },
        { -PAGE_SIZE, PAGE_SIZE, 0, MM_BAD_RANGE },
        { ARENA_BASE, MIB, PAGE_SIZE, MM_NO_MEMORY },
        { ARENA_BASE, MIB, 0, MM_OK },
        { ARENA_BASE, 0, 0, MM_OK },
    };
    const struct heap_source source = { give_nothing, NULL };

    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct vrange window = { vaddr(cases[k].base), cases[k].len };
        struct heap heap;

        ck_assert_status(heap_init(&heap, &heap_list, window, cases[k].initial,
                                   source, NULL),
                         cases[k].expected);
        if (cases[k].expected == MM_OK) {
            ck_assert_ptr_null(heap_alloc(&heap, layout(1, 1)));
            ck_assert(heap_is_sound(&heap));
        }
    }
}
END_TEST

START_TEST(two_heaps_do_not_know_each_other)
{ /* H22: the machine's own heap is the second */
    struct heap *other = &arena.mm.heap;
    uint8_t *a, *b;
    uint64_t before;

    arena_open_named("list", PAGE_SIZE, 0);
    a = arena_alloc(100, 16);
    before = arena_state();
    b = heap_alloc(other, layout(200, 16));
    ck_assert_ptr_nonnull(b);
    ck_assert(
        range_holds(other->start.v, heap_size(other), vaddr_of_pointer(b).v));
    ck_assert(arena_state() == before);
    ck_assert_status(heap_free(other, a, layout(100, 16)), MM_NOT_MANAGED);
    ck_assert_status(heap_free(&arena.heap, b, layout(200, 16)),
                     MM_NOT_MANAGED);
    ck_assert_status(heap_free(other, b, layout(200, 16)), MM_OK);
    ck_assert(heap_is_sound(other));
    ck_assert(arena_state() == before);
}
END_TEST

START_TEST(a_heap_that_uses_its_own_lock_is_reported)
{ /* H17 in its first form: no hang */
    arena_open_named("list", PAGE_SIZE, 0);
    lock_acquire(&arena.heap.lock);
    (void)heap_alloc(&arena.heap, layout(1, 1));
}
END_TEST

START_TEST(the_ready_made_hook_panics_when_there_is_no_memory)
{ /* H4 */
    arena_open_named("list", PAGE_SIZE, 0);
    arena.heap.on_no_memory = heap_no_memory_panics;
    ck_assert_ptr_nonnull(heap_alloc(&arena.heap, layout(PAGE_SIZE, 16)));
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(0, 16))); /* no layout */
    (void)heap_alloc(&arena.heap, layout(24, 8));
}
END_TEST

Suite *heap_grow_suite(void) {
    Suite *suite = suite_create("heap growth");
    TCase *tc = tcase_create("growth");

    tcase_add_checked_fixture(tc, arena_setup, arena_teardown);
    tcase_add_test(tc, a_heap_grows_by_a_quantum_at_least);
    tcase_add_test(tc, a_heap_grows_by_what_a_large_block_needs_and_no_more);
    tcase_add_test(tc, new_memory_is_one_with_the_hole_at_the_end);
    tcase_add_loop_test(tc, what_a_class_asks_for_is_enough_for_the_block, 0,
                        ARENA_CLASSES);
    tcase_add_loop_test(tc, alignment_counts_in_what_a_growth_needs, 0, 22);
    tcase_add_test(tc, the_limit_bounds_the_last_growth);
    tcase_add_test(tc, when_the_quantum_is_not_to_be_had_the_need_is_tried);
    tcase_add_loop_test(tc, a_growth_that_fails_leaves_everything_as_it_was, 0,
                        ARENA_CLASSES);
    tcase_add_test(tc, a_growth_is_told_before_and_after);
    tcase_add_loop_test(tc, a_class_says_0_when_more_memory_is_no_help, 0,
                        ARENA_CLASSES);
    tcase_add_loop_test(tc,
                        at_the_top_of_the_address_space_alignment_does_not_wrap,
                        0, ARENA_CLASSES);
    tcase_add_test(tc, a_heap_starts_only_on_whole_pages_in_its_window);
    tcase_add_test(tc, two_heaps_do_not_know_each_other);
    machine_add_exit_test(tc, a_heap_that_uses_its_own_lock_is_reported,
                          HW_EXIT_PANIC);
    machine_add_exit_test(
        tc, the_ready_made_hook_panics_when_there_is_no_memory, HW_EXIT_PANIC);
    suite_add_tcase(suite, tc);
    return suite;
}
