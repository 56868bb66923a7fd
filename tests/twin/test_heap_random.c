/*
 * Random operations against an oracle that is only a table of what lives:
 *
 *   slots    [ p, size, align, seed ] ...        every byte of p follows from
 *                                                the seed
 *   granules a byte per 8 bytes of arena: who holds it
 *
 * Each operation checks alignment, bounds, overlap and contents; every so many
 * the heap's own soundness.  The seed of a run is its loop number.
 */
#include <string.h>

#include "base/hash.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

#define SLOTS 96
#define OPS 20000
#define GRANULE 8                /* no class knows a smaller unit */
#define GRANULES (MIB / GRANULE) /* no heap here is larger */

struct slot {
    uint8_t *p; /* NULL: empty */
    size_t size, align;
    uint64_t seed;
};

static struct slot slots[SLOTS];
static uint8_t holder[GRANULES]; /* slot number + 1; 0: nobody */
static uint64_t state;

static uint64_t dice(uint64_t sides) {
    state = hash_mix(state);
    return state % sides;
}

static void hold(const struct slot *slot, uint8_t from, uint8_t to) {
    uint64_t first = (vaddr_of_pointer(slot->p).v - ARENA_BASE) / GRANULE;
    uint64_t last =
        (vaddr_of_pointer(slot->p).v - ARENA_BASE + slot->size - 1) / GRANULE;

    ck_assert_uint_lt(last, GRANULES);
    for (uint64_t g = first; g <= last; g++) {
        if (holder[g] != from) {
            ck_abort_msg("two blocks share granule %lu", (unsigned long)g);
        }
        holder[g] = to;
    }
}

static uint8_t tag(const struct slot *slot) {
    return (uint8_t)(slot - slots + 1);
}

/** Mostly small, sometimes large, sizes and aligns of all kinds. */
static size_t some_size(void) {
    return 1 + dice(dice(8) == 0 ? 6000 : 200);
}

static void adopt(struct slot *slot, uint8_t *p, size_t size, size_t align) {
    ck_assert_uint_eq(vaddr_of_pointer(p).v % align, 0);
    *slot = (struct slot){ p, size, align, dice(UINT64_MAX) };
    hold(slot, 0, tag(slot));
    pattern_fill(p, size, slot->seed);
}

static void give_up(struct slot *slot) {
    pattern_check(slot->p, slot->size, slot->seed);
    hold(slot, tag(slot), 0);
    arena_free(slot->p, slot->size, slot->align);
    slot->p = NULL;
}

static void change_size(struct slot *slot) {
    size_t size = some_size();
    size_t kept = size < slot->size ? size : slot->size;
    uint8_t *p;

    p = heap_realloc(&arena.heap, slot->p, layout(slot->size, slot->align),
                     size);
    if (p == NULL) {
        pattern_check(slot->p, slot->size, slot->seed);
        return;
    }
    pattern_check(p, kept, slot->seed);
    hold(slot, tag(slot), 0);
    adopt(slot, p, size, slot->align);
}

static void one_operation(void) {
    struct slot *slot = &slots[dice(SLOTS)];
    size_t size = some_size();
    size_t align = (size_t)1 << dice(dice(4) == 0 ? 13 : 5);
    uint8_t *p;

    if (slot->p == NULL) {
        p = heap_alloc(&arena.heap, layout(size, align));
        if (p != NULL) {
            adopt(slot, p, size, align);
        }
    } else if (dice(3) == 0) {
        change_size(slot);
    } else {
        give_up(slot);
    }
}

static void run(uint64_t seed, unsigned ops) {
    memset(slots, 0, sizeof slots);
    memset(holder, 0, sizeof holder);
    state = seed;
    for (unsigned k = 0; k < ops; k++) {
        one_operation();
        if (k % 64 == 0) {
            ck_assert_msg(heap_is_sound(&arena.heap), "unsound after op %u", k);
        }
    }
    for (unsigned k = 0; k < SLOTS; k++) {
        if (slots[k].p != NULL) {
            give_up(&slots[k]);
        }
    }
    ck_assert_uint_eq(heap_stats(&arena.heap).live_blocks, 0);
    ck_assert_uint_eq(heap_stats(&arena.heap).live_bytes, 0);
}

START_TEST(random_operations_agree_with_the_oracle)
{ /* H1, H7, H9: the heap holds little more than half of what they ask for */
    arena_open(_i % ARENA_CLASSES, 0, 192 * KIB);
    if (_i >= 2 * ARENA_CLASSES) { /* the short ways */
        arena.heap.alone = true;
        heap_set_poison(&arena.heap, false);
    }
    run((uint64_t)_i, arena_reuses() ? OPS : OPS / 10);
    if (arena_reuses()) {
        ck_assert_uint_gt(heap_stats(&arena.heap).grown, 0);
    }
    if (arena.heap.class == &heap_list) {
        ck_assert_uint_eq(arena.heap.list.holes, 1);
    }
}
END_TEST

START_TEST(realloc_keeps_the_bytes_from_any_size_to_any_size)
{ /* H1: in place or moved, up or down, with live neighbours on both sides */
    static const size_t sizes[] = { 1,  15, 16,  17,  31,  32,   33,
                                    48, 64, 100, 255, 256, 1000, 4097 };
    const size_t count = sizeof sizes / sizeof sizes[0];

    arena_open(_i, PAGE_SIZE, 4 * MIB);
    for (size_t k = 0; arena_serves() && k < count * count; k++) {
        size_t old = sizes[k / count], new = sizes[k % count];
        uint8_t *below = arena_alloc(40, 16);
        uint8_t *p = arena_alloc(old, 32);
        uint8_t *above = arena_alloc(40, 16);

        pattern_fill(below, 40, 1);
        pattern_fill(p, old, 2);
        pattern_fill(above, 40, 3);
        p = heap_realloc(&arena.heap, p, layout(old, 32), new);
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq(vaddr_of_pointer(p).v % 32, 0);
        pattern_check(p, old < new ? old : new, 2);
        pattern_fill(p, new, 4);
        pattern_check(below, 40, 1);
        pattern_check(above, 40, 3);
        arena_free(above, 40, 16);
        arena_free(p, new, 32);
        arena_free(below, 40, 16);
    }
    ck_assert(heap_is_sound(&arena.heap));
}
END_TEST

/*
 *   [ hole: 3 pages                     ][ block ] end
 *     ^ 2 pages fit here, and 1 is copied
 *
 * One byte read behind the block is in the apron, and its page shows.
 */
START_TEST(realloc_reads_no_byte_behind_the_old_block)
{ /* H1 */
    uint8_t *hole, *block;

    arena_open_named("list", 4 * PAGE_SIZE, 0);
    hole = arena_alloc(3 * PAGE_SIZE, 16);
    block = arena_alloc(PAGE_SIZE, 16);
    pattern_fill(block, PAGE_SIZE, 1);
    arena_free(hole, 3 * PAGE_SIZE, 16);
    ck_assert_ptr_eq(
        heap_realloc(&arena.heap, block, layout(PAGE_SIZE, 16), 2 * PAGE_SIZE),
        hole);
    pattern_check(hole, PAGE_SIZE, 1);
    ck_assert_unmapped(&arena.mm.space, arena.heap.end);
}
END_TEST

static enum mm_status never_here(struct heap *heap, void *p, struct layout had,
                                 size_t size) {
    (void)heap, (void)p, (void)had, (void)size;
    return MM_NO_MEMORY;
}

/*
 *   [ block, 1 page ][ filler            ][16] end
 *                                          ^ only this much is copied
 */
START_TEST(realloc_writes_no_byte_behind_the_new_block)
{ /* H1: a list that moves blocks also to make them smaller */
    struct heap_class mover = heap_list;
    uint8_t *block, *smaller;

    mover.resize = never_here;
    arena_open_named("list", 2 * PAGE_SIZE, 0);
    arena.heap.class = &mover;
    block = arena_alloc(PAGE_SIZE, 16);
    pattern_fill(block, PAGE_SIZE, 1);
    arena_alloc(PAGE_SIZE - 16, 16);
    smaller = heap_realloc(&arena.heap, block, layout(PAGE_SIZE, 16), 16);
    ck_assert_hex_eq(vaddr_of_pointer(smaller).v, arena.heap.end.v - 16);
    pattern_check(smaller, 16, 1);
    ck_assert_unmapped(&arena.mm.space, arena.heap.end);
    arena.heap.class = &heap_list;
}
END_TEST

START_TEST(a_realloc_that_fails_leaves_the_block_as_it_was)
{ /* H1 */
    static const size_t sizes[] = { 0, 2 * PAGE_SIZE, SIZE_MAX / 2,
                                    SIZE_MAX - 31, SIZE_MAX };
    uint64_t before;
    uint8_t *p;

    arena_open(_i, PAGE_SIZE, 0);
    if (!arena_serves()) {
        return;
    }
    p = arena_alloc(100, 16);
    arena_alloc(100, 16);
    pattern_fill(p, 100, 9);
    before = arena_state();
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        ck_assert_ptr_null(
            heap_realloc(&arena.heap, p, layout(100, 16), sizes[k]));
        ck_assert_uint_eq(heap_stats(&arena.heap).failures, k + 1);
        pattern_check(p, 100, 9);
    }
    ck_assert(arena_state() == before);
    ck_assert_uint_eq(arena.told, 3); /* not of 0 and SIZE_MAX */
    arena_free(p, 100, 16);
}
END_TEST

START_TEST(a_realloc_of_what_is_free_is_refused)
{ /* H18: smaller, the same and larger, when the new block would lie there */
    static const size_t sizes[] = { 1, 32, 64, 65, 200, 2000 };
    uint64_t before;
    uint8_t *p = pointer_of(vaddr(ARENA_BASE));

    arena_open(_i, PAGE_SIZE, 0);
    if (arena_serves()) {
        p = arena_alloc(64, 16);
        arena_free(p, 64, 16);
    }
    before = arena_state();
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        ck_assert_ptr_null(
            heap_realloc(&arena.heap, p, layout(64, 16), sizes[k]));
        ck_assert(arena_state() == before);
    }
    ck_assert_uint_eq(arena.told, 0);
    p = pointer_of(vaddr(ARENA_BASE + 2048)); /* nobody's, never was */
    ck_assert_ptr_null(heap_realloc(&arena.heap, p, layout(64, 16), 100));
    ck_assert(arena_state() == before);
}
END_TEST

START_TEST(a_realloc_of_no_block_is_refused)
{ /* H18 */
    const struct layout had = { 64, 16 };
    uint64_t before;
    uint8_t *p = NULL;

    arena_open(_i, PAGE_SIZE, 0);
    if (arena_serves()) {
        p = arena_alloc(64, 16);
    }
    before = arena_state();
    ck_assert_ptr_null(heap_realloc(&arena.heap, NULL, had, 32));
    ck_assert_ptr_null(heap_realloc(&arena.heap, &before, had, 32));
    ck_assert_ptr_null(heap_realloc(&arena.heap, p, layout(0, 16), 32));
    ck_assert_ptr_null(heap_realloc(&arena.heap, p, layout(64, 5), 32));
    ck_assert_ptr_null(
        heap_realloc(&arena.heap, p, layout(2 * PAGE_SIZE, 16), 32));
    ck_assert(arena_state() == before);
    ck_assert_uint_eq(arena.told, 0);
}
END_TEST

Suite *heap_random_suite(void) {
    Suite *suite = suite_create("heap oracle");
    TCase *tc = tcase_create("oracle");

    tcase_add_checked_fixture(tc, arena_setup, arena_teardown);
    tcase_add_loop_test(tc, random_operations_agree_with_the_oracle, 0,
                        4 * ARENA_CLASSES);
    tcase_add_loop_test(tc, realloc_keeps_the_bytes_from_any_size_to_any_size,
                        0, ARENA_CLASSES);
    tcase_add_loop_test(tc, a_realloc_that_fails_leaves_the_block_as_it_was, 0,
                        ARENA_CLASSES);
    tcase_add_test(tc, realloc_reads_no_byte_behind_the_old_block);
    tcase_add_test(tc, realloc_writes_no_byte_behind_the_new_block);
    tcase_add_loop_test(tc, a_realloc_of_what_is_free_is_refused, 0,
                        ARENA_CLASSES);
    tcase_add_loop_test(tc, a_realloc_of_no_block_is_refused, 0, ARENA_CLASSES);
    suite_add_tcase(suite, tc);
    return suite;
}
