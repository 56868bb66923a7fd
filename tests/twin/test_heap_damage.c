/*
 * What soundness notices: books that were damaged one field at a time, and
 * classes that tell lies.  A checker that has never said no proves nothing.
 *
 *   [ used, QUARTER ][ hole, QUARTER ][ used ... ]   the list under damage
 */
#include <string.h>

#include "base/poison.h"
#include "heap/front.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

#define QUARTER (PAGE_SIZE / 4)

/** The words of the only hole: where the next one is, its bytes. */
struct words {
    uint64_t next, bytes;
};

MM_NO_SANITIZE static struct words words_read(void) {
    return *(const struct words *)pointer_of(vaddr(ARENA_BASE + QUARTER));
}

MM_NO_SANITIZE static void words_write(struct words words) {
    *(struct words *)pointer_of(vaddr(ARENA_BASE + QUARTER)) = words;
}

static void open_damaged(const char *class) {
    uint8_t *middle;

    arena_open_named(class, PAGE_SIZE, 0);
    arena_alloc(QUARTER, 16);
    middle = arena_alloc(QUARTER, 16);
    arena_alloc(2 * QUARTER, 16);
    arena_free(middle, QUARTER, 16);
    ck_assert(heap_is_sound(&arena.heap));
}

START_TEST(damaged_counters_are_noticed)
{ /* H19 */
    struct heap_counts *counts = &arena.heap.fronts[1].counts;
    struct heap good;
    const struct {
        uint64_t *field;
        uint64_t add;
    } damage[] = {
        { &counts->allocs, 2 * PAGE_SIZE },
        { &counts->frees, PAGE_SIZE },
        { (uint64_t *)&counts->below_peak, (uint64_t)-PAGE_SIZE },
        { (uint64_t *)&counts->below_peak, (uint64_t)-1 },
        { &counts->held_bytes, 16 },
        { &counts->held_bytes, 64 },
        { &counts->held_bytes, (uint64_t)-16 },
        { (uint64_t *)&counts->peak_bytes, (uint64_t)-PAGE_SIZE },
        { &arena.heap.end.v, 16 },
        { &arena.heap.limit.v, (uint64_t)-ARENA_LIMIT },
        { &arena.heap.start.v, 2 * PAGE_SIZE },
        { &arena.heap.list.holes, 1 },
        { &arena.heap.list.hole_bytes, 16 },
    };

    open_damaged("list");
    good = arena.heap;
    for (size_t k = 0; k < sizeof damage / sizeof damage[0]; k++) {
        *damage[k].field += damage[k].add;
        /* A byte more or less per block is no contradiction yet. */
        ck_assert_msg(!heap_is_sound(&arena.heap) ||
                          damage[k].add == (uint64_t)-1,
                      "damage %lu went unnoticed", (unsigned long)k);
        arena.heap = good;
    }
    arena.heap.lock.holder = 1;
    ck_assert(!heap_is_sound(&arena.heap));
    arena.heap = good;
    arena.heap.fronts[1].busy = FRONT_QUICK;
    ck_assert(!heap_is_sound(&arena.heap));
    arena.heap = good;
    arena.heap.fronts[2].number = 1;
    ck_assert(!heap_is_sound(&arena.heap));
    arena.heap = good;
    ck_assert(heap_is_sound(&arena.heap));
}
END_TEST

START_TEST(damaged_holes_are_noticed)
{ /* H19: the walk may not follow them anywhere, so only sizes are damaged
     here; is_sound() looks before it goes on */
    static const uint64_t sizes[] = { 0,           8,        16, QUARTER + 16,
                                      3 * QUARTER, PAGE_SIZE };
    struct words good;

    open_damaged("list");
    good = words_read();
    ck_assert_uint_eq(good.bytes, QUARTER);
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        words_write((struct words){ good.next, sizes[k] });
        ck_assert_msg(!heap_is_sound(&arena.heap), "size %lu went unnoticed",
                      (unsigned long)sizes[k]);
        ck_assert(!heap_list.is_sound(&arena.heap));
    }
    words_write(good);
    ck_assert(heap_is_sound(&arena.heap));
}
END_TEST

START_TEST(holes_out_of_place_are_noticed)
{ /* H19: the class alone, which does not touch a hole before it has looked
     where it lies */
    static const uint64_t nexts[] = {
        ARENA_BASE,               /* below */
        ARENA_BASE + QUARTER,     /* itself: a cycle */
        ARENA_BASE + 2 * QUARTER, /* touches */
        ARENA_BASE + PAGE_SIZE,   /* at the end */
        8,                        /* nowhere */
    };
    struct words good;

    open_damaged("list");
    good = words_read();
    for (size_t k = 0; k < sizeof nexts / sizeof nexts[0]; k++) {
        words_write((struct words){ nexts[k], good.bytes });
        ck_assert_msg(!heap_list.is_sound(&arena.heap),
                      "next 0x%lx went unnoticed", (unsigned long)nexts[k]);
    }
    words_write(good);
    arena.heap.list.first = pointer_of(vaddr(ARENA_BASE + QUARTER + 8));
    ck_assert(!heap_list.is_sound(&arena.heap));
    arena.heap.list.first = pointer_of(vaddr(ARENA_BASE + QUARTER));
    ck_assert(heap_is_sound(&arena.heap));
}
END_TEST

START_TEST(a_damaged_bump_pointer_is_noticed)
{ /* H7 */
    struct heap good;

    open_damaged("bump");
    good = arena.heap;
    arena.heap.bump.live++;
    ck_assert(!heap_is_sound(&arena.heap));
    arena.heap = good;
    arena.heap.bump.next.v = arena.heap.end.v + 16;
    ck_assert(!heap_bump.is_sound(&arena.heap));
    arena.heap.bump.next.v = arena.heap.start.v - 16;
    ck_assert(!heap_bump.is_sound(&arena.heap));
    arena.heap = good;
}
END_TEST

START_TEST(a_dummy_with_a_block_is_noticed)
{ /* H2 */
    arena_open_named("dummy", PAGE_SIZE, 0);
    arena.heap.fronts[1].counts.allocs = 1;
    ck_assert(!heap_dummy.is_sound(&arena.heap));
    arena.heap.fronts[1].counts.allocs = 0;
}
END_TEST

/* --- classes that lie ---------------------------------------------------- */

static void walk_with_a_gap(const struct heap *heap, heap_visit *visit,
                            void *ctx) {
    visit(ctx, heap->start, 16, true);
    visit(ctx, vaddr_add(heap->start, 32), heap_size(heap) - 32, true);
}

static void walk_that_overlaps(const struct heap *heap, heap_visit *visit,
                               void *ctx) {
    visit(ctx, heap->start, 32, true);
    visit(ctx, vaddr_add(heap->start, 16), heap_size(heap) - 16, true);
}

static void walk_of_nothing(const struct heap *heap, heap_visit *visit,
                            void *ctx) {
    visit(ctx, heap->start, 0, false);
    visit(ctx, heap->start, heap_size(heap), true);
}

static void walk_of_odd_bytes(const struct heap *heap, heap_visit *visit,
                              void *ctx) {
    visit(ctx, heap->start, 17, true);
    visit(ctx, vaddr_add(heap->start, 17), heap_size(heap) - 17, true);
}

static void walk_that_stops(const struct heap *heap, heap_visit *visit,
                            void *ctx) {
    visit(ctx, heap->start, heap_size(heap) - 16, true);
}

static void walk_without_blocks(const struct heap *heap, heap_visit *visit,
                                void *ctx) {
    visit(ctx, heap->start, heap_size(heap), false);
}

START_TEST(a_walk_that_does_not_tile_the_heap_is_noticed)
{ /* H19 */
    void (*const lies[])(const struct heap *, heap_visit *, void *) = {
        walk_with_a_gap,   walk_that_overlaps, walk_of_nothing,
        walk_of_odd_bytes, walk_that_stops,    walk_without_blocks,
    };
    struct heap_class liar = heap_list;

    open_damaged("list");
    arena.heap.class = &liar;
    for (size_t k = 0; k < sizeof lies / sizeof lies[0]; k++) {
        liar.walk = lies[k];
        ck_assert_msg(!heap_is_sound(&arena.heap), "lie %lu went unnoticed",
                      (unsigned long)k);
    }
    arena.heap.class = &heap_list;
}
END_TEST

static void see_all(void *ctx, vaddr_t start, uint64_t bytes, bool used) {
    unsigned *runs = ctx;

    ck_assert_hex_eq(start.v, ARENA_BASE);
    ck_assert_uint_eq(bytes, PAGE_SIZE);
    ck_assert(used);
    (*runs)++;
}

START_TEST(a_class_that_can_not_walk_is_one_run_in_use)
{ /* H19 */
    struct heap_class blind = heap_list;
    unsigned runs = 0;

    blind.walk = NULL;
    arena_open_named("list", 0, 0);
    arena.heap.class = &blind;
    heap_walk(&arena.heap, see_all, &runs);
    ck_assert_uint_eq(runs, 0);
    open_damaged("list");
    arena.heap.class = &blind;
    heap_walk(&arena.heap, see_all, &runs);
    ck_assert_uint_eq(runs, 1);
    ck_assert(heap_is_sound(&arena.heap));
    arena.heap.class = &heap_list;
}
END_TEST

Suite *heap_damage_suite(void) {
    Suite *suite = suite_create("heap damage");
    TCase *tc = tcase_create("damage");

    tcase_add_checked_fixture(tc, arena_setup, arena_teardown);
    tcase_add_test(tc, damaged_counters_are_noticed);
    tcase_add_test(tc, damaged_holes_are_noticed);
    tcase_add_test(tc, holes_out_of_place_are_noticed);
    tcase_add_test(tc, a_damaged_bump_pointer_is_noticed);
    tcase_add_test(tc, a_dummy_with_a_block_is_noticed);
    tcase_add_test(tc, a_walk_that_does_not_tile_the_heap_is_noticed);
    tcase_add_test(tc, a_class_that_can_not_walk_is_one_run_in_use);
    suite_add_tcase(suite, tc);
    return suite;
}
