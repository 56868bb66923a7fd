/*
 * What the class "boundary" does beyond what every class must.
 */
#include "base/poison.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

#define HEADER 32 /* in front of every block */

/*
 *   [ a ][ b ][ c ][ rest ]
 *
 * In each of the six orders a freed block takes in the next one, then the
 * previous one takes in both; a pointer to one that was taken in is no block.
 */
START_TEST(boundary_blocks_freed_in_any_order_are_one_again)
{ /* H10 H18 */
    arena_open_named("boundary", PAGE_SIZE, 0);
    arena_expect_joined((unsigned)_i, HEADER);
}
END_TEST

/* Texts forget the first header, and the heap ends beyond its end; or put the
 * new header into the block that was just handed out. */
START_TEST(boundary_blocks_fill_the_heap_to_its_last_byte_and_no_further)
{ /* H10 */
    const size_t half = PAGE_SIZE / 2 - HEADER;
    uint8_t *a, *b;

    arena_open_named("boundary", PAGE_SIZE, 0);
    a = arena_alloc(half, 16);
    pattern_fill(a, half, 1);
    b = arena_alloc(half, 16);
    pattern_fill(b, half, 2);
    ck_assert_hex_eq(vaddr_of_pointer(a).v, ARENA_BASE + HEADER);
    ck_assert_hex_eq(vaddr_of_pointer(b).v + half, arena.heap.end.v);
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(1, 1)));
    pattern_check(a, half, 1);
    arena_free(a, half, 16);
    pattern_check(b, half, 2);
    arena_free(b, half, 16);
    arena_expect_runs(1, 0);
}
END_TEST

/*
 *   [ a: 64 ][ 32 more, no room for a header and a block ]
 */
START_TEST(a_rest_too_small_for_a_header_stays_with_its_boundary_block)
{ /* H10 */
    uint8_t *a, *b, *c;

    arena_open_named("boundary", PAGE_SIZE, 0);
    a = arena_alloc(96, 16);
    b = arena_alloc(16, 16);
    arena_free(a, 96, 16);
    c = arena_alloc(64, 16);
    ck_assert_ptr_eq(c, a);
    arena_expect_runs(1, 2);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, c, layout(64, 16), 96), c);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, c, layout(96, 16), 48), c);
    arena_expect_runs(2, 2); /* 48 more are worth a header */
    arena_free(c, 48, 16);
    arena_free(b, 16, 16);
    arena_expect_runs(1, 0);
}
END_TEST

START_TEST(what_an_alignment_leaves_in_front_is_a_boundary_block)
{ /* H10: a gap of 16 bytes could hold no header, so the next place is taken */
    uint8_t *p, *q;

    arena_open_named("boundary", 16 * PAGE_SIZE, 0);
    p = arena_alloc(16, 16); /* what follows begins 16 bytes beyond a 32nd */
    q = arena_alloc(64, 32);
    ck_assert_ptr_eq(q, p + 16 + HEADER + 48);
    arena_expect_runs(2, 2);
    arena_free(p, 16, 16);
    arena_free(q, 64, 32);
    p = arena_alloc(64, 4096);
    arena_expect_runs(2, 1);
    arena_free(p, 64, 4096);
    arena_expect_runs(1, 0);
}
END_TEST

START_TEST(what_is_no_boundary_block_is_not_freed_or_resized)
{ /* H18 */
    arena_open_named("boundary", PAGE_SIZE, 0);
    arena_expect_one_block(arena_alloc(256, 16), HEADER);
}
END_TEST

START_TEST(a_growing_boundary_block_takes_what_is_free_behind_it)
{ /* H1 H10 */
    uint8_t *a, *b, *c;

    arena_open_named("boundary", PAGE_SIZE, 0);
    a = arena_alloc(64, 16);
    b = arena_alloc(64, 16);
    c = arena_alloc(64, 16);
    pattern_fill(a, 64, 4);
    arena_free(b, 64, 16);
    ck_assert_ptr_eq(
        heap_realloc(&arena.heap, a, layout(64, 16), 64 + HEADER + 64), a);
    arena_expect_runs(1, 2);
    pattern_check(a, 64, 4);
    ck_assert_ptr_eq(
        heap_realloc(&arena.heap, a, layout(64 + HEADER + 64, 16), 80), a);
    arena_expect_runs(2, 2);
    ck_assert_ptr_ne(heap_realloc(&arena.heap, a, layout(80, 16), 176), a);
    arena_free(c, 64, 16);
    ck_assert_uint_eq(heap_stats(&arena.heap).live_blocks, 1);
    arena_free(c + 64 + HEADER, 176, 16);
}
END_TEST

MM_NO_SANITIZE static void flip(uint64_t *word, uint64_t bits) {
    *word ^= bits;
}

/** previous, next, bytes, mark: of a used header and of a free one. */
START_TEST(a_damaged_boundary_header_is_noticed)
{ /* H19 */
    uint8_t *a, *b;
    uint64_t *used, *free;

    arena_open_named("boundary", PAGE_SIZE, 0);
    a = arena_alloc(64, 16);
    b = arena_alloc(64, 16);
    used = (uint64_t *)(void *)(b - HEADER);
    free = (uint64_t *)(void *)(b + 64);
    for (unsigned k = 0; k < 4; k++) {
        /* next is followed, so it has to lead to memory */
        const uint64_t bits =
            k == 1 ? (uint64_t)(uintptr_t)free ^ (uint64_t)(uintptr_t)used
                   : 0x1000;

        flip(&used[k], bits);
        ck_assert_msg(!heap_boundary.is_sound(&arena.heap), "used, word %u", k);
        flip(&used[k], bits);
        if (k != 1) {
            flip(&free[k], 0x1000);
            ck_assert_msg(!heap_boundary.is_sound(&arena.heap), "free, word %u",
                          k);
            flip(&free[k], 0x1000);
        }
    }
    arena.heap.boundary.last = NULL;
    ck_assert(!heap_boundary.is_sound(&arena.heap));
    arena.heap.boundary.last = (struct heap_header *)(void *)free;
    arena.heap.fronts[0].counts.allocs++; /* more live than used */
    ck_assert(!heap_boundary.is_sound(&arena.heap));
    arena.heap.fronts[0].counts.allocs--;
    arena_free(a, 64, 16);
    arena_free(b, 64, 16);
}
END_TEST

Suite *heap_boundary_suite(void) {
    Suite *suite = suite_create("heap boundary");
    TCase *tc = tcase_create("boundary");

    tcase_add_checked_fixture(tc, arena_setup, arena_teardown);
    tcase_add_loop_test(tc, boundary_blocks_freed_in_any_order_are_one_again, 0,
                        6);
    tcase_add_test(
        tc, boundary_blocks_fill_the_heap_to_its_last_byte_and_no_further);
    tcase_add_test(tc,
                   a_rest_too_small_for_a_header_stays_with_its_boundary_block);
    tcase_add_test(tc, what_an_alignment_leaves_in_front_is_a_boundary_block);
    tcase_add_test(tc, what_is_no_boundary_block_is_not_freed_or_resized);
    tcase_add_test(tc, a_growing_boundary_block_takes_what_is_free_behind_it);
    tcase_add_test(tc, a_damaged_boundary_header_is_noticed);
    suite_add_tcase(suite, tc);
    return suite;
}
