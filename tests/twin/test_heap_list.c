/*
 * The list heap: holes in address order, split and merged.
 *
 * Most tests carve the arena's first page into blocks side by side:
 *
 *   start  +1024   +2048   +3072   +4096
 *   [ A    ][ B    ][ C    ][ D    ]
 */
#include <string.h>

#include "base/poison.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

#define QUARTER (PAGE_SIZE / 4)

static void open_list(uint64_t pages) {
    arena_open_named("list", pages * PAGE_SIZE, 0);
}

static uint8_t *at(uint64_t offset) {
    return pointer_of(vaddr(ARENA_BASE + offset));
}

static void carve_quarters(void) {
    for (uint64_t k = 0; k < 4; k++) {
        ck_assert_ptr_eq(arena_alloc(QUARTER, 16), at(k * QUARTER));
    }
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(1, 1)));
}

static void free_quarter(uint64_t k) {
    arena_free(at(k * QUARTER), QUARTER, 16);
}

static void assert_holes(uint64_t holes, uint64_t bytes) {
    ck_assert_uint_eq(arena.heap.list.holes, holes);
    ck_assert_uint_eq(arena.heap.list.hole_bytes, bytes);
    ck_assert(heap_is_sound(&arena.heap));
}

START_TEST(the_first_hole_that_fits_is_taken)
{ /* H9 */
    open_list(1);
    carve_quarters();
    free_quarter(0);
    free_quarter(2);
    ck_assert_ptr_eq(arena_alloc(100, 16), at(0));
    ck_assert_ptr_eq(arena_alloc(1000, 16), at(2 * QUARTER));
    ck_assert_ptr_eq(arena_alloc(100, 16), at(112));
}
END_TEST

START_TEST(a_block_leaves_the_rest_of_its_hole_behind)
{ /* H9 */
    open_list(1);
    ck_assert_ptr_eq(arena_alloc(PAGE_SIZE - 16, 16), at(0));
    assert_holes(1, 16);
    ck_assert_ptr_eq(arena_alloc(16, 16), at(PAGE_SIZE - 16));
    assert_holes(0, 0);
    arena_free(at(0), PAGE_SIZE - 16, 16);
    assert_holes(1, PAGE_SIZE - 16);
    ck_assert_ptr_eq(arena_alloc(PAGE_SIZE - 16, 16), at(0)); /* exact fit */
    assert_holes(0, 0);
}
END_TEST

START_TEST(the_smallest_blocks_fill_the_heap_without_loss)
{ /* H15: 16 bytes are held for a block of 1, and no more */
    open_list(1);
    for (uint64_t k = 0; k < PAGE_SIZE / 16; k++) {
        ck_assert_ptr_eq(arena_alloc(1, 1), at(k * 16));
    }
    assert_holes(0, 0);
    for (uint64_t k = 0; k < PAGE_SIZE / 16; k += 2) {
        arena_free(at(k * 16), 1, 1);
    }
    assert_holes(PAGE_SIZE / 32, PAGE_SIZE / 2);
    for (uint64_t k = 1; k < PAGE_SIZE / 16; k += 2) {
        arena_free(at(k * 16), 1, 1);
    }
    assert_holes(1, PAGE_SIZE);
}
END_TEST

START_TEST(what_alignment_leaves_in_front_is_a_hole_and_comes_back)
{ /* H9: alignment padding was lost in the design this one follows */
    uint8_t *a, *b;

    open_list(4);
    a = arena_alloc(16, 16);
    b = arena_alloc(100, PAGE_SIZE);
    ck_assert_ptr_eq(b, at(PAGE_SIZE));
    assert_holes(2, 4 * PAGE_SIZE - 16 - 112);
    ck_assert_ptr_eq(arena_alloc(PAGE_SIZE - 16, 16), at(16));
    assert_holes(1, 3 * PAGE_SIZE - 112);
    arena_free(at(16), PAGE_SIZE - 16, 16);
    arena_free(b, 100, PAGE_SIZE);
    arena_free(a, 16, 16);
    assert_holes(1, 4 * PAGE_SIZE);
}
END_TEST

START_TEST(a_freed_block_merges_with_the_holes_it_touches_and_no_other)
{ /* H9: next to a hole below, above, both, none */
    open_list(1);
    carve_quarters();
    free_quarter(0);
    assert_holes(1, QUARTER);
    free_quarter(2); /* B lies between: list neighbours that do not touch */
    assert_holes(2, 2 * QUARTER);
    free_quarter(3); /* below */
    assert_holes(2, 3 * QUARTER);
    free_quarter(1); /* both */
    assert_holes(1, PAGE_SIZE);
    carve_quarters();
    free_quarter(1);
    free_quarter(0); /* above */
    assert_holes(1, 2 * QUARTER);
}
END_TEST

/** The @n-th permutation of 0 .. 5 (n < 720), by its factorial digits. */
static void permutation(unsigned n, unsigned order[6]) {
    unsigned left[6] = { 0, 1, 2, 3, 4, 5 };

    for (unsigned k = 6; k > 0; k--) {
        unsigned pick = n % k;

        n /= k;
        order[6 - k] = left[pick];
        memmove(&left[pick], &left[pick + 1], (k - pick - 1) * sizeof left[0]);
    }
}

START_TEST(six_blocks_freed_in_any_order_leave_one_hole)
{ /* H9 */
    static const size_t sizes[6] = { 16, 500, 32, 1000, 17, 48 };
    static const size_t aligns[6] = { 16, 64, 16, 512, 1, 256 };

    open_list(1);
    for (unsigned n = 0; n < 720; n++) {
        uint8_t *blocks[6];
        unsigned order[6];

        for (unsigned k = 0; k < 6; k++) {
            blocks[k] = arena_alloc(sizes[k], aligns[k]);
        }
        permutation(n, order);
        for (unsigned k = 0; k < 6; k++) {
            arena_free(blocks[order[k]], sizes[order[k]], aligns[order[k]]);
            ck_assert_msg(heap_is_sound(&arena.heap),
                          "permutation %u, after %u frees", n, k + 1);
        }
        assert_holes(1, PAGE_SIZE);
    }
}
END_TEST

START_TEST(what_overlaps_a_hole_is_not_freed)
{ /* H18: freed twice, or a block that is half free; D stays in use */
    static const struct {
        uint64_t offset;
        size_t size;
    } wrong[] = {
        { 0, QUARTER },           /* A again */
        { 16, 16 },               /* inside A */
        { QUARTER - 16, 32 },     /* from A into B */
        { 2 * QUARTER - 16, 32 }, /* from B into C */
        { 2 * QUARTER, QUARTER }, /* C again */
        { QUARTER, 2 * QUARTER }, /* B and C */
        { 3 * QUARTER - 16, 32 }, /* from C into D */
        { 0, PAGE_SIZE },         /* all */
    };
    uint64_t before;

    open_list(1);
    carve_quarters();
    free_quarter(0);
    free_quarter(2);
    before = arena_state();
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        ck_assert_status(heap_free(&arena.heap, at(wrong[k].offset),
                                   layout(wrong[k].size, 16)),
                         MM_NOT_ALLOCATED);
        ck_assert_msg(arena_state() == before, "wrong free %lu",
                      (unsigned long)k);
    }
}
END_TEST

START_TEST(a_block_freed_twice_is_not_handed_out_twice)
{ /* H18 */
    open_list(1);
    carve_quarters();
    free_quarter(1);
    ck_assert_status(heap_free(&arena.heap, at(QUARTER), layout(QUARTER, 16)),
                     MM_NOT_ALLOCATED);
    ck_assert_ptr_eq(arena_alloc(QUARTER, 16), at(QUARTER));
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(QUARTER, 16)));
}
END_TEST

START_TEST(fragments_too_small_are_not_put_together_over_a_live_block)
{ /* H9 */
    open_list(1);
    carve_quarters();
    free_quarter(0);
    free_quarter(2);
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(QUARTER + 1, 16)));
    free_quarter(1);
    ck_assert_ptr_eq(arena_alloc(3 * QUARTER, 16), at(0));
}
END_TEST

/* --- realloc in place ---------------------------------------------------- */

START_TEST(a_block_grows_into_the_hole_behind_it_where_it_stands)
{
    open_list(1);
    carve_quarters();
    pattern_fill(at(0), QUARTER, 1);
    pattern_fill(at(2 * QUARTER), QUARTER, 3);
    free_quarter(1);
    ck_assert_ptr_eq(
        heap_realloc(&arena.heap, at(0), layout(QUARTER, 16), QUARTER + 500),
        at(0));
    assert_holes(1, QUARTER - 512);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, at(0), layout(QUARTER + 500, 16),
                                  2 * QUARTER),
                     at(0));
    assert_holes(0, 0);
    pattern_check(at(0), QUARTER, 1);
    pattern_check(at(2 * QUARTER), QUARTER, 3);
}
END_TEST

START_TEST(a_block_does_not_grow_into_a_live_neighbour)
{
    uint64_t before;

    open_list(1);
    carve_quarters();
    free_quarter(3);
    for (uint64_t k = 0; k < 3; k++) {
        pattern_fill(at(k * QUARTER), QUARTER, k);
    }
    before = arena_state();
    ck_assert_ptr_null(
        heap_realloc(&arena.heap, at(0), layout(QUARTER, 16), QUARTER + 16));
    ck_assert_ptr_null(heap_realloc(&arena.heap, at(2 * QUARTER),
                                    layout(QUARTER, 16), 2 * QUARTER + 1));
    ck_assert(arena_state() == before);
    for (uint64_t k = 0; k < 3; k++) {
        pattern_check(at(k * QUARTER), QUARTER, k);
    }
}
END_TEST

START_TEST(a_block_shrinks_where_it_stands_and_its_tail_merges)
{
    open_list(1);
    carve_quarters();
    pattern_fill(at(0), QUARTER, 1);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, at(0), layout(QUARTER, 16), 100),
                     at(0));
    assert_holes(1, QUARTER - 112);
    free_quarter(1);
    assert_holes(1, 2 * QUARTER - 112);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, at(0), layout(100, 16), 1),
                     at(0));
    assert_holes(1, 2 * QUARTER - 16);
    pattern_check(at(0), 1, 1);
}
END_TEST

/* --- the walk ------------------------------------------------------------ */

struct seen {
    struct {
        uint64_t offset, bytes;
        bool used;
    } runs[8];
    unsigned count;
};

static void see_run(void *ctx, vaddr_t start, uint64_t bytes, bool used) {
    struct seen *seen = ctx;

    ck_assert_uint_lt(seen->count, 8);
    seen->runs[seen->count].offset = start.v - ARENA_BASE;
    seen->runs[seen->count].bytes = bytes;
    seen->runs[seen->count].used = used;
    seen->count++;
}

static void assert_run(const struct seen *seen, unsigned k, uint64_t offset,
                       uint64_t bytes, bool used) {
    ck_assert_uint_lt(k, seen->count);
    ck_assert_hex_eq(seen->runs[k].offset, offset);
    ck_assert_hex_eq(seen->runs[k].bytes, bytes);
    ck_assert_int_eq(seen->runs[k].used, used);
}

START_TEST(a_walk_tells_free_and_used_runs_in_order)
{ /* H19: A free, B and C in use (one run), D free */
    struct seen seen = { .count = 0 };

    open_list(1);
    carve_quarters();
    free_quarter(0);
    free_quarter(3);
    heap_walk(&arena.heap, see_run, &seen);
    ck_assert_uint_eq(seen.count, 3);
    assert_run(&seen, 0, 0, QUARTER, false);
    assert_run(&seen, 1, QUARTER, 2 * QUARTER, true);
    assert_run(&seen, 2, 3 * QUARTER, QUARTER, false);
}
END_TEST

/*
 * The demonstration: 16 blocks fill the heap and are freed; then one of two
 * blocks' size is wanted.
 *
 *   merging    [ hole .............................. ]   there
 *   not        [ hole ][ hole ][ hole ] ... [ hole ]     refused
 */
START_TEST(the_merging_list_passes_the_fragmentation_demo_and_the_other_fails)
{ /* H9 */
    const bool merges = _i == 0;
    uint8_t *blocks[16], *big;

    arena_open_named(merges ? "list" : "list-nomerge", PAGE_SIZE, 0);
    for (size_t k = 0; k < 16; k++) {
        blocks[k] = arena_alloc(PAGE_SIZE / 16, 16);
    }
    for (size_t k = 0; k < 16; k++) {
        arena_free(blocks[(k * 7) % 16], PAGE_SIZE / 16, 16);
    }
    ck_assert_uint_eq(arena.heap.list.hole_bytes, PAGE_SIZE);
    ck_assert_uint_eq(arena.heap.list.holes, merges ? 1 : 16);
    big = heap_alloc(&arena.heap, layout(PAGE_SIZE / 8, 16));
    ck_assert_msg((big != NULL) == merges, "%s",
                  merges ? "fragmented although holes merge"
                         : "a block over two holes that were never merged");
    ck_assert_ptr_nonnull(heap_alloc(&arena.heap, layout(PAGE_SIZE / 16, 16)));
}
END_TEST

MM_NO_SANITIZE static bool all_are(const uint8_t *p, size_t size,
                                   uint8_t value) {
    for (size_t k = 0; k < size; k++) {
        if (p[k] != value) {
            return false;
        }
    }
    return true;
}

START_TEST(the_tail_of_a_block_that_shrinks_is_poisoned)
{ /* H16; the first 16 bytes of the tail are the hole's own */
    uint8_t *p;

    arena_open_named(_i == 0 ? "list" : "bump", PAGE_SIZE, 0);
    p = arena_alloc(256, 16);
    pattern_fill(p, 256, 1);
    ck_assert_ptr_eq(heap_realloc(&arena.heap, p, layout(256, 16), 64), p);
    pattern_check(p, 64, 1);
    ck_assert(all_are(p + 80, 256 - 80, HEAP_FREED_BYTE));
}
END_TEST

Suite *heap_list_suite(void) {
    Suite *suite = suite_create("heap list");
    TCase *tc = tcase_create("list");

    tcase_add_checked_fixture(tc, arena_setup, arena_teardown);
    tcase_add_test(tc, the_first_hole_that_fits_is_taken);
    tcase_add_test(tc, a_block_leaves_the_rest_of_its_hole_behind);
    tcase_add_test(tc, the_smallest_blocks_fill_the_heap_without_loss);
    tcase_add_test(tc, what_alignment_leaves_in_front_is_a_hole_and_comes_back);
    tcase_add_test(tc,
                   a_freed_block_merges_with_the_holes_it_touches_and_no_other);
    tcase_add_test(tc, six_blocks_freed_in_any_order_leave_one_hole);
    tcase_add_test(tc, what_overlaps_a_hole_is_not_freed);
    tcase_add_test(tc, a_block_freed_twice_is_not_handed_out_twice);
    tcase_add_test(tc,
                   fragments_too_small_are_not_put_together_over_a_live_block);
    tcase_add_test(tc, a_block_grows_into_the_hole_behind_it_where_it_stands);
    tcase_add_test(tc, a_block_does_not_grow_into_a_live_neighbour);
    tcase_add_test(tc, a_block_shrinks_where_it_stands_and_its_tail_merges);
    tcase_add_test(tc, a_walk_tells_free_and_used_runs_in_order);
    tcase_add_loop_test(
        tc, the_merging_list_passes_the_fragmentation_demo_and_the_other_fails,
        0, 2);
    tcase_add_loop_test(tc, the_tail_of_a_block_that_shrinks_is_poisoned, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
