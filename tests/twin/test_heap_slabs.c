/*
 * Slabs as they come and go: the lists of those with a free slot, and the words
 * of those that have more slots than a word has bits.
 *
 *   partial --> [ slab 3 ]<-->[ slab 2 ]<-->[ slab 1 ]
 *
 * Each test runs the long way, and the short way of a heap that is alone.
 */
#include "heap/slab_inside.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

#define SLABS 4
#define SLOT 512
#define SLOTS (PAGE_SIZE / SLOT) /* of a slab */

static void open_slab(int way, uint64_t initial) {
    arena_open_named("slab", initial, 0);
    arena.heap.alone = way == 1;
    heap_set_poison(&arena.heap, way != 1);
}

static void free_slots(uint8_t **slots, size_t from, size_t end) {
    for (size_t k = from; k < end; k++) {
        arena_free(slots[k], SLOT, 16);
        ck_assert_msg(heap_slab.is_sound(&arena.heap),
                      "not sound after slot %lu", (unsigned long)k);
    }
}

START_TEST(a_slab_leaves_the_list_from_its_middle_and_from_its_ends)
{ /* H13: full ones join it one by one; in each order they become empty */
    static const uint8_t orders[][3] = {
        { 0, 1, 2 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 1, 0 }
    };
    uint8_t *slots[SLABS * SLOTS];

    open_slab(_i, 16 * PAGE_SIZE);
    for (size_t round = 0; round < 4; round++) {
        for (size_t k = 0; k < SLABS * SLOTS; k++) {
            slots[k] = arena_alloc(SLOT, 16);
        }
        for (size_t slab = 0; slab < 3; slab++) { /* 4 is current */
            free_slots(slots, slab * SLOTS, slab * SLOTS + 1);
        }
        for (size_t k = 0; k < 3; k++) {
            const size_t slab = orders[round][k];

            free_slots(slots, slab * SLOTS + 1, (slab + 1) * SLOTS);
        }
        free_slots(slots, 3 * SLOTS, SLABS * SLOTS);
    }
    ck_assert_uint_eq(heap_stats(&arena.heap).live_blocks, 0);
}
END_TEST

START_TEST(slabs_that_come_and_go_leave_no_words_behind)
{ /* H13: their words are runs of 64 bytes, of 3008 that are no slab */
    enum { COUNT = 2 * (PAGE_SIZE / 40) };
    static uint8_t *slots[COUNT];

    open_slab(_i, 2 * PAGE_SIZE);
    for (unsigned round = 0; round < 64; round++) {
        for (unsigned k = 0; k < COUNT; k++) {
            slots[k] = heap_alloc(&arena.heap, layout(40, 8));
            ck_must(slots[k] != NULL, "no memory in round %u", round);
        }
        for (unsigned k = 0; k < COUNT; k++) {
            ck_must(heap_free(&arena.heap, slots[k], layout(40, 8)) == MM_OK,
                    "a slot is not freed in round %u", round);
        }
    }
}
END_TEST

START_TEST(a_slab_without_room_for_its_words_is_not_begun)
{ /* H4, H13: one page is free, and nothing else, not even 64 bytes */
    uint8_t *page;

    open_slab(_i, 4 * PAGE_SIZE);
    page = arena_alloc(PAGE_SIZE, PAGE_SIZE);
    for (size_t size = 4 * PAGE_SIZE; size > SLOT; size -= 64) {
        while (heap_alloc(&arena.heap, layout(size, 16)) != NULL) {
        }
    }
    arena_free(page, PAGE_SIZE, PAGE_SIZE);
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(8, 8)));
    ck_assert(heap_is_sound(&arena.heap));
    ck_assert_ptr_eq(arena_alloc(PAGE_SIZE, PAGE_SIZE), page);
}
END_TEST

START_TEST(a_run_too_short_does_not_hide_the_long_enough_one)
{ /* H13: a list may hold runs of 16 and of 17 pages, its first is looked at;
   *
   *   [ 16 pages, free ][ used ][ 20 pages, free ][ used ... ]
   */
    const size_t long_enough = 20 * PAGE_SIZE, asked = 17 * PAGE_SIZE;
    uint8_t *first, *second;

    open_slab(_i, 48 * PAGE_SIZE);
    first = arena_alloc(16 * PAGE_SIZE, PAGE_SIZE);
    arena_alloc(PAGE_SIZE, PAGE_SIZE);
    second = arena_alloc(long_enough, PAGE_SIZE);
    for (size_t size = 16 * PAGE_SIZE; size > SLOT; size -= 64) {
        while (heap_alloc(&arena.heap, layout(size, 16)) != NULL) {
        }
    }
    arena_free(first, 16 * PAGE_SIZE, PAGE_SIZE);
    arena_free(second, long_enough, PAGE_SIZE);
    ck_assert_ptr_eq(arena_alloc(asked, 16), second);
}
END_TEST

/* --- damage --------------------------------------------------------------- */

START_TEST(damaged_records_of_slabs_are_noticed)
{ /* H19: one field after another */
    uint8_t *slots[2 * SLOTS];
    struct slab_page *page, *current;

    open_slab(0, 16 * PAGE_SIZE);
    for (size_t k = 0; k < 2 * SLOTS; k++) {
        slots[k] = arena_alloc(SLOT, 16);
    }
    arena_free(slots[1], SLOT, 16);
    page =
        slab_page(&arena.heap,
                  slab_page_number(&arena.heap, vaddr_of_pointer(slots[0]).v));
    current = slab_page(
        &arena.heap,
        slab_page_number(&arena.heap, vaddr_of_pointer(slots[SLOTS]).v));
#define DAMAGE(field, value)                                                   \
    do {                                                                       \
        const struct slab_page good_ = *page, also_ = *current;                \
        (field) = (value);                                                     \
        ck_assert_msg(!heap_slab.is_sound(&arena.heap),                        \
                      #field " = " #value " went unnoticed");                  \
        *page = good_;                                                         \
        *current = also_;                                                      \
        ck_assert(heap_slab.is_sound(&arena.heap));                            \
    } while (0)
    DAMAGE(page->kind, SLAB_SIZES + 1);
    DAMAGE(page->kind, page->kind - 1);
    DAMAGE(page->front, HEAP_FRONTS);
    DAMAGE(page->front, 2);
    DAMAGE(page->slab.word.given, 1 << 2); /* in no list */
    DAMAGE(page->slab.word.given, 1 << 1); /* free, too */
    DAMAGE(page->state, SLAB_FULL);
    DAMAGE(page->state, SLAB_CURRENT);
    DAMAGE(page->state, 77);
    DAMAGE(page->slab.prev, 1);
    DAMAGE(page->slab.word.free, page->slab.word.free | 1);
    DAMAGE(page->slab.word.free,
           page->slab.word.free & 0xff);        /* no such slots */
    DAMAGE(page->slab.word.free, ~UINT64_C(0)); /* empty, not given back */
    DAMAGE(current->state, SLAB_PARTIAL);
#undef DAMAGE
    arena_free(slots[0], SLOT, 16);
}
END_TEST

Suite *heap_slabs_suite(void) {
    Suite *suite = suite_create("heap slabs");
    TCase *tc = tcase_create("slabs");

    tcase_add_checked_fixture(tc, arena_setup, arena_teardown);
#define BOTH(test) tcase_add_loop_test(tc, test, 0, 2)
    BOTH(a_slab_leaves_the_list_from_its_middle_and_from_its_ends);
    BOTH(slabs_that_come_and_go_leave_no_words_behind);
    BOTH(a_run_too_short_does_not_hide_the_long_enough_one);
    BOTH(a_slab_without_room_for_its_words_is_not_begun);
#undef BOTH
    tcase_add_test(tc, damaged_records_of_slabs_are_noticed);
    suite_add_tcase(suite, tc);
    return suite;
}
