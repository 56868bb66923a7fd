/*
 * What the class "fixed" does beyond what every class must.
 */
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

START_TEST(fixed_blocks_are_aligned_to_their_size_and_come_back_newest_first)
{ /* H11: the larger of size and alignment decides */
    uint8_t *a, *b;

    arena_open_named("fixed", 16 * PAGE_SIZE, 0);
    for (size_t size = 16; size <= 2048; size *= 2) {
        a = arena_alloc(size - 15, 16);
        b = arena_alloc(16, size);
        ck_assert_uint_eq(vaddr_of_pointer(a).v % size, 0);
        arena_free(a, size - 15, 16);
        arena_free(b, 16, size);
        ck_assert_ptr_eq(arena_alloc(size, 16), b);
        ck_assert_ptr_eq(arena_alloc(size, 16), a);
        arena_free(a, size, 16);
        arena_free(b, size, 16);
    }
}
END_TEST

START_TEST(fixed_memory_of_one_size_serves_no_other)
{ /* H11: the price; the list would give the large block */
    uint8_t *blocks[32];
    unsigned n = 0;

    arena_open_named("fixed", 16 * PAGE_SIZE, 0);
    while (n < 32 && (blocks[n] = heap_alloc(&arena.heap, layout(2048, 16)))) {
        n++;
    }
    ck_assert_uint_eq(n, 32);
    while (n-- > 0) {
        arena_free(blocks[n], 2048, 16);
    }
    ck_assert_uint_eq(heap_stats(&arena.heap).live_blocks, 0);
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(2049, 16)));
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(1024, 16)));
    arena_free(arena_alloc(2048, 16), 2048, 16);
}
END_TEST

START_TEST(fixed_grows_and_shrinks_in_place_within_its_size)
{ /* H1 */
    uint8_t *p, *large;

    arena_open_named("fixed", 16 * PAGE_SIZE, 0);
    p = arena_alloc(100, 16);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, p, layout(100, 16), 128), p);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, p, layout(128, 16), 70), p);
    large = arena_alloc(PAGE_SIZE, 16);
    ck_assert_ptr_eq(
        heap_realloc(&arena.heap, large, layout(PAGE_SIZE, 16), 3000), large);
    ck_assert_ptr_eq(
        heap_realloc(&arena.heap, large, layout(3000, 16), PAGE_SIZE), large);
    ck_assert_ptr_null(
        heap_realloc(&arena.heap, large, layout(PAGE_SIZE, 16), MIB));
    arena_free(p, 70, 16);
    arena_free(large, PAGE_SIZE, 16);
}
END_TEST

START_TEST(damaged_stacks_are_noticed)
{ /* H19 */
    struct heap good;
    uint8_t *p;

    arena_open_named("fixed", 16 * PAGE_SIZE, 0);
    p = arena_alloc(64, 16);
    arena_free(p, 64, 16);
    good = arena.heap;
    arena.heap.fixed[2] = NULL; /* a block is lost */
    ck_assert(!heap_fixed.is_sound(&arena.heap));
    arena.heap = good;
    arena.heap.fixed[3] = pointer_of(vaddr(ARENA_BASE - 128));
    ck_assert(!heap_fixed.is_sound(&arena.heap));
    arena.heap.fixed[3] = pointer_of(vaddr(ARENA_BASE + 16));
    ck_assert(!heap_fixed.is_sound(&arena.heap));
    arena.heap = good;
    arena.heap.fixed_held += 16;
    ck_assert(!heap_fixed.is_sound(&arena.heap));
    arena.heap = good;
    arena.heap.list.holes++;
    ck_assert(!heap_fixed.is_sound(&arena.heap));
    arena.heap = good;
    arena.heap.fronts[0].counts.held_bytes = 16;
    ck_assert(!heap_fixed.is_sound(&arena.heap));
    arena.heap = good;
}
END_TEST

Suite *heap_fixed_suite(void) {
    Suite *suite = suite_create("heap fixed");
    TCase *tc = tcase_create("fixed");

    tcase_add_checked_fixture(tc, arena_setup, arena_teardown);
    tcase_add_test(
        tc, fixed_blocks_are_aligned_to_their_size_and_come_back_newest_first);
    tcase_add_test(tc, fixed_memory_of_one_size_serves_no_other);
    tcase_add_test(tc, fixed_grows_and_shrinks_in_place_within_its_size);
    tcase_add_test(tc, damaged_stacks_are_noticed);
    suite_add_tcase(suite, tc);
    return suite;
}
