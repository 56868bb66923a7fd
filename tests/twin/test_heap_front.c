/*
 * Fronts: a processor takes slots without the lock, and an interrupt handler
 * that comes in between takes others.
 *
 * The interruption is played: the front is marked as the short way marks it,
 * then the handler's calls are made.
 *
 *   fronts[1]  [ slab: A B ..... ]   the interrupted code's
 *   fronts[0]  [ slab: C ....... ]   the handler's
 */
#include <string.h>

#include "base/poison.h"
#include "heap/front.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

static struct heap_front *mine;

static void open_front(void) {
    arena_open_named("slab", 0, ARENA_LIMIT);
    heap_set_poison(&arena.heap, false);
    mine = &arena.heap.fronts[1];
}

static void interrupt_begins(void) {
    ck_assert_uint_eq(mine->busy, FRONT_FREE);
    mine->busy = FRONT_QUICK;
}

static void interrupt_ends(void) {
    ck_assert_uint_eq(mine->busy, FRONT_QUICK);
    mine->busy = FRONT_FREE;
}

static uint64_t page_of(const void *p) {
    return vaddr_of_pointer(p).v >> PAGE_SHIFT;
}

START_TEST(a_handler_gets_slots_of_another_slab)
{ /* H17 */
    uint8_t *a, *c;

    open_front();
    a = arena_alloc(64, 16);
    interrupt_begins();
    c = arena_alloc(64, 16);
    ck_assert_uint_ne(page_of(a), page_of(c));
    ck_assert_uint_eq(arena.heap.fronts[0].counts.allocs, 1);
    ck_assert_uint_eq(mine->counts.allocs, 1);
    arena_free(c, 64, 16);
    interrupt_ends();
    arena_free(a, 64, 16);
    ck_assert_uint_eq(heap_stats(&arena.heap).live_blocks, 0);
}
END_TEST

START_TEST(what_a_handler_frees_comes_back_to_the_front_it_came_from)
{ /* H17: every slot of every size */
    static uint8_t *blocks[3 * 512];
    const size_t size = 8 + 24 * (size_t)_i;
    const size_t count = 3 * (PAGE_SIZE / size);
    uint64_t pages;

    open_front();
    for (size_t k = 0; k < count; k++) {
        blocks[k] = arena_alloc(size, 8);
    }
    interrupt_begins();
    for (size_t k = 0; k < count; k++) {
        arena_free(blocks[k], size, 8);
    }
    ck_assert_ptr_nonnull(mine->slab.given);
    interrupt_ends();
    ck_assert(heap_is_sound(&arena.heap));
    pages = heap_size(&arena.heap);
    for (size_t k = 0; k < count; k++) {
        blocks[k] = arena_alloc(size, 8);
    }
    ck_assert_ptr_null(mine->slab.given);
    ck_assert_uint_eq(heap_size(&arena.heap), pages);
    ck_assert(heap_is_sound(&arena.heap));
    for (size_t k = 0; k < count; k++) {
        arena_free(blocks[k], size, 8);
    }
}
END_TEST

START_TEST(what_a_handler_freed_once_it_can_free_again)
{ /* H17: half of a slab, which stays; then it is in use again */
    enum { SLOTS = PAGE_SIZE / 512 };
    uint8_t *blocks[2 * SLOTS];

    open_front();
    for (size_t k = 0; k < 2 * SLOTS; k++) {
        blocks[k] = arena_alloc(512, 16);
    }
    for (unsigned round = 0; round < 3; round++) {
        interrupt_begins();
        for (size_t k = 1; k < SLOTS; k += 2) {
            arena_free(blocks[k], 512, 16);
        }
        interrupt_ends();
        for (size_t k = 1; k < SLOTS; k += 2) {
            blocks[k] = arena_alloc(512, 16);
            ck_assert_uint_eq(page_of(blocks[k]), page_of(blocks[0]));
            ck_assert(heap_is_sound(&arena.heap));
        }
    }
}
END_TEST

START_TEST(a_slot_that_a_handler_freed_is_not_freed_twice)
{ /* H18: not by it, nor by the code it interrupted */
    uint8_t *a, *b;

    open_front();
    a = arena_alloc(64, 16);
    b = arena_alloc(64, 16);
    interrupt_begins();
    arena_free(a, 64, 16);
    ck_assert_status(heap_free(&arena.heap, a, layout(64, 16)),
                     MM_NOT_ALLOCATED);
    ck_assert_ptr_null(heap_realloc(&arena.heap, a, layout(64, 16), 60));
    interrupt_ends();
    ck_assert_status(heap_free(&arena.heap, a, layout(64, 16)),
                     MM_NOT_ALLOCATED);
    ck_assert_ptr_null(heap_realloc(&arena.heap, a, layout(64, 16), 60));
    arena_free(b, 64, 16);
    ck_assert(heap_is_sound(&arena.heap));
}
END_TEST

START_TEST(slots_that_handlers_freed_serve_before_memory_is_short)
{ /* H12, H17: given back whole, for one block */
    static uint8_t *blocks[64];
    const size_t most = 10 * PAGE_SIZE;

    arena_open_named("slab", 11 * PAGE_SIZE, 0);
    heap_set_poison(&arena.heap, false);
    mine = &arena.heap.fronts[1];
    for (size_t k = 0; k < 64; k++) {
        blocks[k] = arena_alloc(512, 16);
    }
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(most, 16)));
    interrupt_begins();
    for (size_t k = 0; k < 64; k++) {
        arena_free(blocks[k], 512, 16);
    }
    interrupt_ends();
    arena_free(arena_alloc(most, 16), most, 16);
}
END_TEST

START_TEST(a_handler_reallocates_what_the_interrupted_code_holds)
{ /* H17 */
    uint8_t *a, *b;

    open_front();
    a = arena_alloc(64, 16);
    pattern_fill(a, 64, 1);
    interrupt_begins();
    b = heap_realloc(&arena.heap, a, layout(64, 16), 200);
    ck_assert_ptr_nonnull(b);
    interrupt_ends();
    pattern_check(b, 64, 1);
    arena_free(b, 200, 16);
    ck_assert_uint_eq(heap_stats(&arena.heap).reallocs, 1);
    ck_assert_uint_eq(heap_stats(&arena.heap).live_blocks, 0);
}
END_TEST

/* Under the sanitizer the write itself is a report. */
#ifndef MM_ASAN
START_TEST(a_write_into_a_slot_that_a_handler_freed_ends_in_a_panic)
{ /* H18: the one link that is kept in a slot */
    uint8_t *a;

    open_front();
    a = arena_alloc(512, 16);
    interrupt_begins();
    arena_free(a, 512, 16);
    interrupt_ends();
    memset(a, 0x41, 8);
    for (unsigned k = 0; k < 16; k++) {
        (void)heap_alloc(&arena.heap, layout(512, 16));
    }
}
END_TEST
#endif

Suite *heap_front_suite(void) {
    Suite *suite = suite_create("heap fronts");
    TCase *tc = tcase_create("fronts");

    tcase_add_checked_fixture(tc, arena_setup, arena_teardown);
    tcase_add_test(tc, a_handler_gets_slots_of_another_slab);
    tcase_add_loop_test(
        tc, what_a_handler_frees_comes_back_to_the_front_it_came_from, 0, 4);
    tcase_add_test(tc, what_a_handler_freed_once_it_can_free_again);
    tcase_add_test(tc, a_slot_that_a_handler_freed_is_not_freed_twice);
    tcase_add_test(tc, slots_that_handlers_freed_serve_before_memory_is_short);
    tcase_add_test(tc, a_handler_reallocates_what_the_interrupted_code_holds);
#ifndef MM_ASAN
    machine_add_exit_test(
        tc, a_write_into_a_slot_that_a_handler_freed_ends_in_a_panic,
        HW_EXIT_PANIC);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}
