/*
 * What the class "buddy" does beyond what every class must.
 */
#include "base/poison.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

/* Number _i of the 24 orders of four. */
START_TEST(buddies_freed_in_any_order_are_one_page_again)
{ /* H13 */
    uint8_t *blocks[4];
    unsigned left = 4, draw = (unsigned)_i;

    arena_open_named("buddy", PAGE_SIZE, 0);
    for (unsigned k = 0; k < 4; k++) {
        blocks[k] = arena_alloc(1000, 16);
        ck_assert_ptr_eq(blocks[k], blocks[0] + k * 1024);
    }
    arena_expect_runs(0, 1);
    for (; left > 0; left--) {
        uint8_t **one = &blocks[draw % left];

        draw /= left;
        arena_free(*one, 1000, 16);
        *one = blocks[left - 1];
        ck_assert(heap_is_sound(&arena.heap));
    }
    arena_expect_runs(1, 0);
    arena_free(arena_alloc(PAGE_SIZE, 16), PAGE_SIZE, 16);
}
END_TEST

START_TEST(a_buddy_block_of_a_byte_more_takes_twice_the_room)
{ /* H13: the price */
    uint8_t *a, *b;

    arena_open_named("buddy", PAGE_SIZE, 0);
    a = arena_alloc(65, 16);
    b = arena_alloc(65, 16);
    ck_assert_ptr_eq(b, a + 128);
    arena_free(a, 65, 16);
    arena_free(b, 65, 16);
    a = arena_alloc(PAGE_SIZE / 2 + 1, 16);
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(16, 16)));
    arena_free(a, PAGE_SIZE / 2 + 1, 16);
}
END_TEST

START_TEST(alignment_takes_no_room_of_a_buddy_heap)
{ /* H13: what is behind a block of 32 bytes aligned to 2048 is free */
    uint8_t *a, *b;

    arena_open_named("buddy", PAGE_SIZE, 0);
    a = arena_alloc(32, 2048);
    b = arena_alloc(32, 16);
    ck_assert_ptr_eq(b, a + 32);
    arena_free(a, 32, 2048);
    arena_free(b, 32, 16);
    arena_expect_runs(1, 0);
}
END_TEST

/*
 *   heap   start ... 3 pages: one of 8 KiB and one of 4, or the other way
 * round; more   what is added later finds its buddy
 */
START_TEST(memory_added_to_a_buddy_heap_joins_what_is_there)
{ /* H13 H14 */
    uint8_t *p;

    arena_open_named("buddy", 3 * PAGE_SIZE, PAGE_SIZE);
    arena.heap.quantum = PAGE_SIZE;
    arena_expect_runs(2, 0);
    p = arena_alloc(PAGE_SIZE, 16); /* the smallest that fits */
    ck_assert_ptr_eq(p, pointer_of(vaddr(ARENA_BASE + 2 * PAGE_SIZE)));
    arena_free(arena_alloc(2 * PAGE_SIZE, 16), 2 * PAGE_SIZE, 16);
    arena_alloc(2 * PAGE_SIZE, 16);
    arena_alloc(PAGE_SIZE, 16);
    ck_assert_uint_eq(arena.asked, 1);
    arena_free(pointer_of(vaddr(ARENA_BASE)), 2 * PAGE_SIZE, 16);
    arena_free(p, PAGE_SIZE, 16);
    arena_free(p + PAGE_SIZE, PAGE_SIZE, 16);
    arena_expect_runs(1, 0);
}
END_TEST

START_TEST(what_is_no_buddy_block_is_not_freed_or_resized)
{ /* H18 */
    uint64_t before;
    uint8_t *p, *q;

    arena_open_named("buddy", PAGE_SIZE, 0);
    p = arena_alloc(256, 16);
    q = arena_alloc(256, 16);
    arena_free(q, 256, 16);
    before = arena_state();
    ck_assert_status(heap_free(&arena.heap, p + 32, layout(64, 16)),
                     MM_NOT_ALLOCATED); /* no multiple of its size */
    ck_assert_status(heap_free(&arena.heap, q, layout(256, 16)),
                     MM_NOT_ALLOCATED);
    ck_assert_status(heap_free(&arena.heap, q + 128, layout(32, 16)),
                     MM_NOT_ALLOCATED); /* part of a free block */
    ck_assert_ptr_null(heap_realloc(&arena.heap, q, layout(256, 16), 32));
    ck_assert(arena_state() == before);
    arena_free(p, 256, 16);
}
END_TEST

START_TEST(a_growing_buddy_block_takes_its_buddy)
{ /* H1 H13: if it is the first of the two, and the other is free */
    uint8_t *p, *q;

    arena_open_named("buddy", PAGE_SIZE, 0);
    p = arena_alloc(64, 16);
    pattern_fill(p, 64, 1);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, p, layout(64, 16), 1024), p);
    pattern_check(p, 64, 1);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, p, layout(1024, 16), 64), p);
    q = arena_alloc(64, 16);
    ck_assert_ptr_eq(q, p + 64);
    p = heap_realloc(&arena.heap, p, layout(64, 16), 128); /* it moves */
    ck_assert_ptr_eq(p, q + 64);
    q = heap_realloc(&arena.heap, q, layout(64, 16), 65); /* second of two */
    ck_assert_ptr_eq(q, p + 128);
    arena_free(p, 128, 16);
    arena_free(q, 65, 16);
    arena_expect_runs(1, 0);
}
END_TEST

MM_NO_SANITIZE static void flip(uint64_t *word, uint64_t bits) {
    *word ^= bits;
}

/** The order of blocks of @size bytes. */
static unsigned order(uint64_t size) {
    unsigned k = 0;

    while (UINT64_C(32) << k < size) {
        k++;
    }
    return k;
}

START_TEST(damage_to_a_buddy_heap_is_noticed)
{ /* H19 */
    struct heap good;
    uint8_t *p;
    uint64_t *block;

    arena_open_named("buddy", PAGE_SIZE, 0);
    p = arena_alloc(32, 16);
    block = (uint64_t *)(void *)(p + 64); /* a free one of 64 */
    for (unsigned k = 1; k < 3; k++) {
        flip(&block[k], 32); /* previous, mark */
        ck_assert_msg(!heap_buddy.is_sound(&arena.heap), "word %u", k);
        flip(&block[k], 32);
    }
    ck_assert(heap_buddy.is_sound(&arena.heap));
    good = arena.heap;
    arena.heap.buddy.first[order(64)] = NULL; /* a block is lost */
    ck_assert(!heap_buddy.is_sound(&arena.heap));
    arena.heap = good;
    arena.heap.buddy.first[order(128)] = good.buddy.first[order(64)];
    ck_assert(!heap_buddy.is_sound(&arena.heap));
    arena.heap = good;
    arena.heap.buddy.held += 32;
    ck_assert(!heap_buddy.is_sound(&arena.heap));
    arena.heap = good;
    arena.heap.fronts[0].counts.held_bytes += 32;
    ck_assert(!heap_buddy.is_sound(&arena.heap));
    arena.heap = good;
    arena_free(p, 32, 16);
}
END_TEST

Suite *heap_buddy_suite(void) {
    Suite *suite = suite_create("heap buddy");
    TCase *tc = tcase_create("buddy");

    tcase_add_checked_fixture(tc, arena_setup, arena_teardown);
    tcase_add_loop_test(tc, buddies_freed_in_any_order_are_one_page_again, 0,
                        24);
    tcase_add_test(tc, a_buddy_block_of_a_byte_more_takes_twice_the_room);
    tcase_add_test(tc, alignment_takes_no_room_of_a_buddy_heap);
    tcase_add_test(tc, memory_added_to_a_buddy_heap_joins_what_is_there);
    tcase_add_test(tc, what_is_no_buddy_block_is_not_freed_or_resized);
    tcase_add_test(tc, a_growing_buddy_block_takes_its_buddy);
    tcase_add_test(tc, damage_to_a_buddy_heap_is_noticed);
    suite_add_tcase(suite, tc);
    return suite;
}
