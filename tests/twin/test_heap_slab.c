/*
 * What the class "slab" does beyond what every class must: slots, slabs that
 * come and go, runs that are kept, and frees that its records refuse.
 *
 * Each test runs twice: the long way, and the short way of a heap that is alone
 * and not poisoned.
 */
#include <string.h>

#include "base/poison.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

#define SLOTS_OF_64 (PAGE_SIZE / 64)

/** @way 1: the short one. */
static void open_slab(int way, uint64_t initial, uint64_t more) {
    arena_open_named("slab", initial, more);
    arena.heap.alone = way == 1;
    heap_set_poison(&arena.heap, way != 1);
}

START_TEST(blocks_of_every_small_size_are_apart_and_aligned)
{ /* H11, H15: 8 when so much is asked for, 16 else */
    static uint8_t *blocks[2][513];

    open_slab(_i, 0, ARENA_LIMIT);
    for (size_t size = 1; size <= 512; size++) {
        for (size_t k = 0; k < 2; k++) {
            blocks[k][size] = arena_alloc(size, k == 0 ? 8 : 16);
            memset(blocks[k][size], (int)size, size);
        }
    }
    for (size_t size = 1; size <= 512; size++) {
        for (size_t k = 0; k < 2; k++) {
            const uint8_t *p = blocks[k][size];

            ck_assert(p[0] == (uint8_t)size && p[size - 1] == (uint8_t)size);
            arena_free(blocks[k][size], size, k == 0 ? 8 : 16);
        }
    }
    ck_assert_uint_eq(heap_stats(&arena.heap).live_blocks, 0);
    ck_assert_uint_eq(heap_stats(&arena.heap).held_bytes, 0);
}
END_TEST

START_TEST(what_the_records_contradict_is_not_freed)
{ /* H18: twice, between slots, another size, where nothing is */
    uint64_t before;
    uint8_t *p, *run;

    open_slab(_i, 16 * PAGE_SIZE, 0);
    p = arena_alloc(64, 16);
    (void)arena_alloc(64, 16);
    run = arena_alloc(3 * PAGE_SIZE, 16);
    arena_alloc(2000, 16);
    before = arena_state();
#define REFUSED(at, size, align)                                               \
    ck_assert_status(heap_free(&arena.heap, (at), layout((size), (align))),    \
                     MM_NOT_ALLOCATED)
    REFUSED(p + 16, 64, 16);
    REFUSED(p + 8, 64, 8);
    REFUSED(p, 32, 16);
    REFUSED(p, 128, 16);
    REFUSED(p, 600, 16);
    REFUSED(p + 128, 64, 16); /* never handed out */
    REFUSED(run, 64, 16);
    REFUSED(run, 2 * PAGE_SIZE, 16);
    REFUSED(run, 4 * PAGE_SIZE, 16);
    REFUSED(run + 64, 3 * PAGE_SIZE - 64, 16);
    REFUSED(pointer_of(vaddr(ARENA_BASE)), 64, 16);   /* its books */
    REFUSED(pointer_of(vaddr(ARENA_BASE)), 1000, 16); /* likewise */
    ck_assert(arena_state() == before);
    arena_free(p, 64, 16);
    REFUSED(p, 64, 16);
    arena_free(run, 3 * PAGE_SIZE, 16);
    REFUSED(run, 3 * PAGE_SIZE, 16);
#undef REFUSED
    ck_assert(heap_is_sound(&arena.heap));
}
END_TEST

/*
 *   [ slab: 64 slots ][ slab: 64 slots ][ slab: 1 slot in use ]
 */
START_TEST(an_empty_slab_gives_its_page_back_and_a_full_one_is_found_again)
{ /* H12 */
    static uint8_t *blocks[2 * SLOTS_OF_64 + 1];
    uint8_t *again;

    open_slab(_i, 64 * KIB, 0);
    for (size_t k = 0; k < 2 * SLOTS_OF_64 + 1; k++) {
        blocks[k] = arena_alloc(64, 16);
    }
    arena_free(blocks[5], 64, 16); /* the first slab was full */
    for (size_t k = 0; k < SLOTS_OF_64 - 1; k++) {
        (void)arena_alloc(64, 16); /* the third slab is */
    }
    again = arena_alloc(64, 16);
    ck_assert_ptr_eq(again, blocks[5]);
    for (size_t k = SLOTS_OF_64; k < 2 * SLOTS_OF_64; k++) {
        arena_free(blocks[k], 64, 16);
    }
    /* The page of the second slab, which was in no use but as that. */
    ck_assert_ptr_eq(arena_alloc(PAGE_SIZE, PAGE_SIZE), blocks[SLOTS_OF_64]);
    ck_assert(heap_is_sound(&arena.heap));
}
END_TEST

/*
 *   [ slab: slot 5 freed first ][ slab: slot 5 freed next ][ full ]
 */
START_TEST(the_slab_that_waited_longest_is_used_first)
{ /* H12: it has had time to get more of its slots back */
    static uint8_t *blocks[3 * SLOTS_OF_64];

    open_slab(_i, 64 * KIB, 0);
    for (size_t k = 0; k < 3 * SLOTS_OF_64; k++) {
        blocks[k] = arena_alloc(64, 16);
    }
    arena_free(blocks[5], 64, 16);
    arena_free(blocks[SLOTS_OF_64 + 5], 64, 16);
    ck_assert_ptr_eq(arena_alloc(64, 16), blocks[5]);
    ck_assert_ptr_eq(arena_alloc(64, 16), blocks[SLOTS_OF_64 + 5]);
}
END_TEST

START_TEST(blocks_of_every_alignment_are_apart_and_refused_as_others)
{ /* H11, H15, H18: slots and runs, both with much alignment */
    static const size_t sizes[] = { 1, 100, 500, 600, 3000, 70 * KIB };
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    uint8_t *blocks[COUNT];

    open_slab(_i, 0, ARENA_LIMIT);
    for (size_t align = 32; align <= 4 * PAGE_SIZE; align *= 2) {
        for (size_t k = 0; k < COUNT; k++) {
            blocks[k] = arena_alloc(sizes[k], align);
            memset(blocks[k], (int)k, sizes[k]);
        }
        for (size_t k = 0; k < COUNT; k++) {
            uint8_t *p = blocks[k];
            const struct layout had = layout(sizes[k], align);

            ck_assert(p[0] == k && p[sizes[k] - 1] == k);
            ck_assert_status(heap_free(&arena.heap, p + 16, had),
                             MM_NOT_MANAGED);
            ck_assert_status(heap_free(&arena.heap, p, layout(4000, align)),
                             MM_NOT_ALLOCATED);
            arena_free(p, sizes[k], align);
            ck_assert_status(heap_free(&arena.heap, p, had), MM_NOT_ALLOCATED);
        }
        ck_assert(heap_is_sound(&arena.heap));
    }
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(100, 48)));
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(100, 0)));
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(0, 32)));
    ck_assert_uint_eq(heap_stats(&arena.heap).live_blocks, 0);
    ck_assert_uint_eq(heap_stats(&arena.heap).held_bytes, 0);
}
END_TEST

START_TEST(memory_of_all_small_sizes_serves_one_large_block_again)
{ /* H12: all goes back, the current slabs last */
    static uint8_t *blocks[512];
    const size_t most = 60 * PAGE_SIZE;
    uint8_t *p;

    open_slab(_i, 62 * PAGE_SIZE, 0);
    p = arena_alloc(most, 16);
    arena_free(p, most, 16);
    for (size_t k = 0; k < 512; k++) {
        blocks[k] = arena_alloc(k + 1, 8);
    }
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(most, 16)));
    for (size_t k = 0; k < 512; k++) {
        arena_free(blocks[k], k + 1, 8);
    }
    p = arena_alloc(most, 16);
    arena_free(p, most, 16);
}
END_TEST

START_TEST(a_freed_run_serves_the_next_block_of_its_length)
{ /* H11: kept as it is, more than can be kept at once */
    enum { COUNT = 128 };
    static uint8_t *blocks[COUNT];
    uint8_t *p;

    open_slab(_i, 0, ARENA_LIMIT);
    for (size_t k = 0; k < COUNT; k++) {
        blocks[k] = arena_alloc(1000 + 100 * (k % 8), 16);
    }
    for (size_t k = 0; k < COUNT; k++) {
        arena_free(blocks[k], 1000 + 100 * (k % 8), 16);
        ck_assert(heap_is_sound(&arena.heap));
    }
    ck_assert_uint_le(arena.heap.fronts[1].slab.kept_granules,
                      arena.heap.slab.kept_max);
    ck_assert_uint_ge(arena.heap.fronts[1].slab.kept_granules,
                      arena.heap.slab.kept_max - 64);
    p = arena_alloc(3000, 16);
    arena_free(p, 3000, 16);
    ck_assert_ptr_eq(arena_alloc(3000, 16), p);
}
END_TEST

START_TEST(books_grow_with_the_heap)
{ /* H14: more records, and their pointers move to a larger place */
    static uint8_t *blocks[64];

    open_slab(_i, 0, ARENA_LIMIT);
    for (size_t k = 0; k < 60; k++) {
        blocks[k] = arena_alloc(200 * KIB, 16);
        ck_assert(heap_is_sound(&arena.heap));
    }
    ck_assert_uint_gt(arena.heap.slab.book_count, 90);
    for (size_t k = 0; k < 60; k++) {
        arena_free(blocks[k], 200 * KIB, 16);
    }
    ck_assert(heap_is_sound(&arena.heap));
    blocks[0] = arena_alloc(ARENA_LIMIT / 4, HEAP_ALIGN_MAX);
    arena_free(blocks[0], ARENA_LIMIT / 4, HEAP_ALIGN_MAX);
}
END_TEST

START_TEST(memory_too_small_for_its_books_waits_for_more)
{ /* H14: pages come one by one, and 9 books need more pointers */
    uint8_t *p;

    open_slab(_i, 0, ARENA_LIMIT);
    arena.heap.quantum = PAGE_SIZE;
    for (unsigned k = 0; k < 300; k++) {
        p = arena_alloc(PAGE_SIZE - 64, 16);
        memset(p, 1, PAGE_SIZE - 64);
    }
    ck_assert(heap_is_sound(&arena.heap));
    ck_assert_uint_le(arena.heap.slab.pages << PAGE_SHIFT,
                      heap_size(&arena.heap));
}
END_TEST

START_TEST(a_run_grows_and_shrinks_where_it_stands)
{ /* H1 */
    uint8_t *p, *q;

    open_slab(_i, 0, ARENA_LIMIT);
    p = arena_alloc(100 * KIB, 16);
    pattern_fill(p, 100 * KIB, 1);
    q = heap_realloc(&arena.heap, p, layout(100 * KIB, 16), 20 * KIB);
    ck_assert_ptr_eq(q, p);
    q = heap_realloc(&arena.heap, p, layout(20 * KIB, 16), 90 * KIB);
    ck_assert_ptr_eq(q, p);
    pattern_check(p, 20 * KIB, 1);
    q = heap_realloc(&arena.heap, p, layout(90 * KIB, 16), 100);
    ck_assert_ptr_ne(q, p); /* a slot now */
    pattern_check(q, 100, 1);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, q, layout(100, 16), 105), q);
    ck_assert(heap_is_sound(&arena.heap));
}
END_TEST

START_TEST(a_large_block_at_the_end_seldom_moves_when_it_grows)
{ /* H1, H14: only where the records of new pages come in its way */
    uint8_t *p, *q;
    size_t size = 100 * KIB;
    unsigned moves = 0;

    open_slab(_i, 0, ARENA_LIMIT);
    p = arena_alloc(size, 16);
    pattern_fill(p, size, 1);
    for (size_t larger = 200 * KIB; larger < 5 * MIB; larger += 100 * KIB) {
        q = heap_realloc(&arena.heap, p, layout(size, 16), larger);
        ck_assert_ptr_nonnull(q);
        moves += q != p;
        p = q;
        size = larger;
    }
    ck_assert_uint_le(moves, 12);
    pattern_check(p, 100 * KIB, 1);
    ck_assert_ptr_null(
        heap_realloc(&arena.heap, p, layout(size, 16), ARENA_LIMIT));
    ck_assert(heap_is_sound(&arena.heap));
    arena_free(p, size, 16);
}
END_TEST

START_TEST(a_kept_run_is_not_freed_again)
{ /* H18: to the records it is in use */
    uint8_t *p;

    open_slab(_i, 0, ARENA_LIMIT);
    p = arena_alloc(3000, 16);
    arena_alloc(3000, 16);
    arena_free(p, 3000, 16);
    ck_assert_uint_gt(arena.heap.fronts[1].slab.kept_granules, 0);
    ck_assert_status(heap_free(&arena.heap, p, layout(3000, 16)),
                     MM_NOT_ALLOCATED);
    ck_assert_ptr_null(heap_realloc(&arena.heap, p, layout(3000, 16), 2000));
    ck_assert(heap_is_sound(&arena.heap));
    ck_assert_ptr_eq(arena_alloc(3000, 16), p);
    arena_free(p, 3000, 16); /* now it lives */
}
END_TEST

START_TEST(all_kept_runs_serve_one_block_before_a_request_fails)
{ /* H12: more of them than are sent away at a time */
    static uint8_t *blocks[400];
    const size_t most = 60 * PAGE_SIZE;

    open_slab(_i, 62 * PAGE_SIZE, 0);
    arena.heap.slab.kept_max = 64 * 64;
    arena_free(arena_alloc(most, 16), most, 16);
    for (size_t k = 0; k < 400; k++) {
        blocks[k] = arena_alloc(513 + k % 8, 16);
    }
    for (size_t k = 0; k < 400; k++) {
        arena_free(blocks[k], 513 + k % 8, 16);
    }
    ck_assert_uint_eq(arena.heap.fronts[1].slab.kept_granules, 400 * 9);
    arena_free(arena_alloc(most, 16), most, 16);
    ck_assert_uint_eq(arena.heap.fronts[1].slab.kept_granules, 0);
}
END_TEST

/* Under the sanitizer the write itself is a report. */
#ifndef MM_ASAN
START_TEST(a_write_into_a_freed_run_ends_in_a_panic)
{ /* H18 */
    uint8_t *p;

    open_slab(1, 0, ARENA_LIMIT);
    p = arena_alloc(20 * KIB, 16);
    arena_alloc(100, 16);
    arena_free(p, 20 * KIB, 16);
    memset(p, 0x41, 64);
    (void)heap_alloc(&arena.heap, layout(20 * KIB, 16));
}
END_TEST

static void write_into_kept_run(size_t bytes) {
    uint8_t *p, *q;

    open_slab(1, 0, ARENA_LIMIT);
    p = arena_alloc(1000, 16);
    q = arena_alloc(1000, 16);
    arena_free(p, 1000, 16);
    arena_free(q, 1000, 16);
    memset(q, 0x41, bytes);
    (void)heap_alloc(&arena.heap, layout(1000, 16));
}

START_TEST(a_write_into_a_kept_run_ends_in_a_panic)
{ /* H18 */
    write_into_kept_run(64);
}
END_TEST

START_TEST(a_write_over_the_link_of_a_kept_run_ends_in_a_panic)
{ /* H18: nobody follows it */
    write_into_kept_run(8);
}
END_TEST
#endif

START_TEST(damaged_books_are_noticed)
{ /* H19 */
    struct heap good;
    const struct {
        uint64_t *field;
        uint64_t add;
    } damage[] = {
        { &arena.heap.slab.pages, 1 },
        { &arena.heap.slab.pages, 1000 },
        { &arena.heap.slab.pages, (uint64_t)-1 },
        { &arena.heap.fronts[1].slab.none.free, 1 },
        { &arena.heap.fronts[1].counts.allocs, 1 },
        { &arena.heap.fronts[1].counts.held_bytes, 0 },
    };
    const struct {
        uint32_t *field;
        uint32_t add;
    } pages[] = {
        { &arena.heap.fronts[1].slab.partial[7].first, 1 },
        { &arena.heap.fronts[1].slab.partial[7].first, 1000 },
        { &arena.heap.fronts[1].slab.partial[7].last, 1 },
        { &arena.heap.fronts[1].slab.sizes[7].current, 1 },
    };
    struct slab_word *word;

    open_slab(0, 16 * PAGE_SIZE, 0);
    arena_alloc(64, 16);
    arena_alloc(1000, 16);
    good = arena.heap;
    for (size_t k = 0; k < sizeof damage / sizeof damage[0]; k++) {
        *damage[k].field += damage[k].add;
        ck_assert_msg(heap_slab.is_sound(&arena.heap) == (damage[k].add == 0),
                      "damage %lu went unnoticed", (unsigned long)k);
        arena.heap = good;
    }
    for (size_t k = 0; k < sizeof pages / sizeof pages[0]; k++) {
        *pages[k].field += pages[k].add;
        ck_assert_msg(!heap_slab.is_sound(&arena.heap),
                      "page number %lu went unnoticed", (unsigned long)k);
        arena.heap = good;
    }
    word = arena.heap.fronts[1].slab.sizes[7].word;
    word->free |= 1; /* a slot in use is free */
    ck_assert(!heap_slab.is_sound(&arena.heap));
    word->free &= ~UINT64_C(1);
    ck_assert(heap_is_sound(&arena.heap));
}
END_TEST

Suite *heap_slab_suite(void) {
    Suite *suite = suite_create("heap slab");
    TCase *tc = tcase_create("slab");

    tcase_add_checked_fixture(tc, arena_setup, arena_teardown);
#define BOTH(test) tcase_add_loop_test(tc, test, 0, 2)
    BOTH(blocks_of_every_small_size_are_apart_and_aligned);
    BOTH(what_the_records_contradict_is_not_freed);
    BOTH(an_empty_slab_gives_its_page_back_and_a_full_one_is_found_again);
    BOTH(the_slab_that_waited_longest_is_used_first);
    BOTH(blocks_of_every_alignment_are_apart_and_refused_as_others);
    BOTH(memory_of_all_small_sizes_serves_one_large_block_again);
    BOTH(a_freed_run_serves_the_next_block_of_its_length);
    BOTH(a_kept_run_is_not_freed_again);
    BOTH(all_kept_runs_serve_one_block_before_a_request_fails);
    BOTH(books_grow_with_the_heap);
    BOTH(memory_too_small_for_its_books_waits_for_more);
    BOTH(a_run_grows_and_shrinks_where_it_stands);
    BOTH(a_large_block_at_the_end_seldom_moves_when_it_grows);
#undef BOTH
#ifndef MM_ASAN
    machine_add_exit_test(tc, a_write_into_a_freed_run_ends_in_a_panic,
                          HW_EXIT_PANIC);
    machine_add_exit_test(tc, a_write_into_a_kept_run_ends_in_a_panic,
                          HW_EXIT_PANIC);
    machine_add_exit_test(
        tc, a_write_over_the_link_of_a_kept_run_ends_in_a_panic, HW_EXIT_PANIC);
#endif
    tcase_add_test(tc, damaged_books_are_noticed);
    suite_add_tcase(suite, tc);
    return suite;
}
