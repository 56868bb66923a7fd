/*
 * What the class "tlsf" does beyond what every class must.
 */
#include "base/poison.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

#define HEADER 16 /* in front of every block */

START_TEST(tlsf_blocks_freed_in_any_order_are_one_again)
{
    arena_open_named("tlsf", PAGE_SIZE, 0);
    arena_expect_joined((unsigned)_i,
                        HEADER); /* the last byte: no multiple of a part, and
                                    found all the same */
}
END_TEST

/*
 *   [ a: 1040 ][16][ b: 1072 ][ rest, in use ]      one part: 1024 .. 1087
 *
 * The price of no walk: while a is the first of the part, b is not seen.
 */
START_TEST(tlsf_looks_at_the_first_block_of_a_part_only)
{
    const size_t rest = PAGE_SIZE - 4 * HEADER - 1040 - 16 - 1072;
    uint8_t *a, *wall, *b, *all;

    arena_open_named("tlsf", PAGE_SIZE, 0);
    a = arena_alloc(1040, 16);
    wall = arena_alloc(16, 16);
    b = arena_alloc(1072, 16);
    all = arena_alloc(rest, 16);
    arena_free(b, 1072, 16);
    arena_free(a, 1040, 16);
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(1072, 16)));
    ck_assert_ptr_eq(arena_alloc(1040, 16), a);
    ck_assert_ptr_eq(arena_alloc(1072, 16), b);
    arena_free(a, 1040, 16);
    arena_free(b, 1072, 16);
    arena_free(wall, 16, 16);
    arena_free(all, rest, 16);
    arena_expect_runs(1, 0);
}
END_TEST

START_TEST(tlsf_takes_the_smallest_part_that_fits)
{
    uint8_t *large, *wall, *small, *end;

    arena_open_named("tlsf", 2 * PAGE_SIZE, 0);
    large = arena_alloc(2000, 16);
    wall = arena_alloc(16, 16);
    small = arena_alloc(300, 16);
    end = arena_alloc(16, 16);
    arena_free(large, 2000, 16);
    arena_free(small, 300, 16);
    ck_assert_ptr_eq(arena_alloc(280, 16), small);
    ck_assert_ptr_eq(arena_alloc(310, 16), large);
    arena_free(small, 280, 16);
    arena_free(large, 310, 16);
    arena_free(wall, 16, 16);
    arena_free(end, 16, 16);
    arena_expect_runs(1, 0);
}
END_TEST

START_TEST(what_an_alignment_leaves_in_front_is_a_tlsf_block)
{
    uint8_t *p, *q;

    arena_open_named("tlsf", 16 * PAGE_SIZE, 0);
    p = arena_alloc(64, 32); /* 16 bytes off: no room for a block, 48 are */
    ck_assert_hex_eq(vaddr_of_pointer(p).v, ARENA_BASE + 64);
    q = arena_alloc(64, PAGE_SIZE);
    arena_expect_runs(3, 2);
    arena_free(p, 64, 32);
    arena_free(q, 64, PAGE_SIZE);
    arena_expect_runs(1, 0);
}
END_TEST

START_TEST(what_is_no_tlsf_block_is_not_freed_or_resized)
{ /* H18 */
    arena_open_named("tlsf", PAGE_SIZE, 0);
    ck_assert_status(
        heap_free(&arena.heap, pointer_of(vaddr(ARENA_BASE)), layout(16, 16)),
        MM_NOT_ALLOCATED);
    arena_expect_one_block(arena_alloc(256, 16), HEADER);
}
END_TEST

START_TEST(a_growing_tlsf_block_takes_what_is_free_behind_it)
{ /* H1 */
    uint8_t *a, *b;

    arena_open_named("tlsf", PAGE_SIZE, 0);
    a = arena_alloc(64, 16);
    b = arena_alloc(64, 16);
    pattern_fill(a, 64, 4);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, b, layout(64, 16), 16), b);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, b, layout(16, 16), 500), b);
    arena_free(b, 500, 16);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, a, layout(64, 16), 4080), a);
    arena_expect_runs(0, 1);
    pattern_check(a, 64, 4);
    ck_assert_ptr_null(heap_realloc(&arena.heap, a, layout(4080, 16), 4081));
    arena_free(a, 4080, 16);
}
END_TEST

MM_NO_SANITIZE static void flip(uint64_t *word, uint64_t bits) {
    *word ^= bits;
}

START_TEST(damage_to_a_tlsf_heap_is_noticed)
{ /* H19 */
    uint8_t *a, *b;
    uint64_t *used, *free;
    struct heap good;

    arena_open_named("tlsf", PAGE_SIZE, 0);
    a = arena_alloc(64, 16);
    b = arena_alloc(64, 16);
    used = (uint64_t *)(void *)(b - HEADER);
    free = (uint64_t *)(void *)(b + 64);
    for (unsigned k = 0; k < 2; k++) { /* the one before; check and size */
        for (unsigned bit = 0; bit < 64; bit += 3) {
            flip(&used[k], UINT64_C(1) << bit);
            ck_assert_msg(!heap_tlsf.is_sound(&arena.heap),
                          "bit %u of word %u, in use", bit, k);
            flip(&used[k], UINT64_C(1) << bit);
            flip(&free[k], UINT64_C(1) << bit);
            ck_assert_msg(!heap_tlsf.is_sound(&arena.heap),
                          "bit %u of word %u, free", bit, k);
            flip(&free[k], UINT64_C(1) << bit);
        }
    }
    flip(&free[3], 16); /* previous in its list */
    ck_assert(!heap_tlsf.is_sound(&arena.heap));
    flip(&free[3], 16);
    ck_assert(heap_tlsf.is_sound(&arena.heap));
    good = arena.heap;
    arena.heap.tlsf.last = NULL;
    ck_assert(!heap_tlsf.is_sound(&arena.heap));
    arena.heap = good;
    arena.heap.tlsf.levels ^= 2;
    ck_assert(!heap_tlsf.is_sound(&arena.heap));
    arena.heap = good;
    arena.heap.tlsf.parts[3] ^= 1;
    ck_assert(!heap_tlsf.is_sound(&arena.heap));
    arena.heap = good;
    arena.heap.tlsf = (struct heap_tlsf){ .last = good.tlsf.last };
    ck_assert(!heap_tlsf.is_sound(&arena.heap)); /* a free block in no list */
    arena.heap = good;
    arena.heap.fronts[0].counts.allocs++;
    ck_assert(!heap_tlsf.is_sound(&arena.heap));
    arena.heap = good;
    arena_free(a, 64, 16);
    arena_free(b, 64, 16);
}
END_TEST

Suite *heap_tlsf_suite(void) {
    Suite *suite = suite_create("heap tlsf");
    TCase *tc = tcase_create("tlsf");

    tcase_add_checked_fixture(tc, arena_setup, arena_teardown);
    tcase_add_loop_test(tc, tlsf_blocks_freed_in_any_order_are_one_again, 0, 6);
    tcase_add_test(tc, tlsf_looks_at_the_first_block_of_a_part_only);
    tcase_add_test(tc, tlsf_takes_the_smallest_part_that_fits);
    tcase_add_test(tc, what_an_alignment_leaves_in_front_is_a_tlsf_block);
    tcase_add_test(tc, what_is_no_tlsf_block_is_not_freed_or_resized);
    tcase_add_test(tc, a_growing_tlsf_block_takes_what_is_free_behind_it);
    tcase_add_test(tc, damage_to_a_tlsf_heap_is_noticed);
    suite_add_tcase(suite, tc);
    return suite;
}
