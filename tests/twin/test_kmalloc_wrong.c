/*
 * Pointers that kfree() and its family can't take: without the debug mode each
 * is a panic that says which.
 */
#include "base/poison.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

static void start_with(const struct heap_class *class) {
    struct mm_config config = mm_default_config;

    config.heap_poison = true;
    config.heap_class = class;
    machine_start(&mm, &config);
}

static void start(void) {
    start_with(&heap_slab);
}

static void stop(void) {
    machine_stop(&mm);
}

static void free_twice(size_t size) {
    uint8_t *p = kmalloc(&mm, size);

    kfree(&mm, p);
    kfree(&mm, p);
}

static void free_at(size_t size, size_t offset) {
    uint8_t *p = kzalloc(&mm, size);

    ck_assert_ptr_nonnull(p);
    kfree(&mm, p + offset);
}

START_TEST(freeing_twice_is_a_panic)
{ /* H18 */
    free_twice(100);
}
END_TEST

START_TEST(freeing_twice_after_the_memory_was_merged_is_a_panic)
{ /* H18: the header is in the middle of a hole by now */
    uint8_t *a = kmalloc(&mm, 100);
    uint8_t *b = kmalloc(&mm, 100);

    kfree(&mm, a);
    kfree(&mm, b);
    kfree(&mm, b);
}
END_TEST

/*
 * A bump heap counts its blocks and knows none; the second free of A would
 * bring the count to 0 and hand B's memory out again.
 */
START_TEST(freeing_twice_is_a_panic_on_a_heap_that_can_not_tell)
{ /* H7, H18 */
    struct mm_config config = mm_default_config;
    uint8_t *a;

    machine_stop(&mm);
    config.heap_class = &heap_bump;
    machine_start(&mm, &config);
    a = kmalloc(&mm, 100);
    (void)kmalloc(&mm, 100);
    kfree(&mm, a);
    kfree(&mm, a);
}
END_TEST

/*
 *   before   [ hdr | p ][ hdr | wall ]
 *   after    [ ??? |   ][ hdr | wall ][ hdr | q ......... ]
 *
 * The old pointer is in free memory, which bump does not know.  Alignment 64:
 * the header is not where a list keeps its own of a hole.
 */
static uint8_t *left_by_a_move(const struct heap_class *class) {
    struct mm_config config = mm_default_config;
    uint8_t *old, *new;

    machine_stop(&mm);
    config.heap_class = class;
    machine_start(&mm, &config);
    old = kmemalign(&mm, 64, 100);
    ck_assert_ptr_nonnull(old);
    ck_assert_ptr_nonnull(kmalloc(&mm, 16));
    new = krealloc(&mm, old, 1000);
    ck_assert(new != NULL &&new != old);
    ck_assert_uint_eq(ksize(&mm, new), 1000);
    return old;
}

START_TEST(freeing_what_krealloc_moved_away_from_is_a_panic_on_bump)
{ /* H18 */
    kfree(&mm, left_by_a_move(&heap_bump));
}
END_TEST

START_TEST(freeing_what_krealloc_moved_away_from_is_a_panic_on_the_list)
{ /* H18 */
    kfree(&mm, left_by_a_move(&heap_list));
}
END_TEST

START_TEST(resizing_what_krealloc_moved_away_from_is_a_panic_on_bump)
{ /* H18 */
    (void)krealloc(&mm, left_by_a_move(&heap_bump), 50);
}
END_TEST

START_TEST(resizing_what_krealloc_moved_away_from_is_a_panic_on_the_list)
{ /* H18 */
    (void)krealloc(&mm, left_by_a_move(&heap_list), 50);
}
END_TEST

START_TEST(freeing_the_inside_of_a_block_is_a_panic)
{ /* H18 */
    free_at(100, 32);
}
END_TEST

START_TEST(freeing_a_misaligned_pointer_is_a_panic)
{ /* H18 */
    free_at(100, 1);
}
END_TEST

START_TEST(freeing_what_is_not_in_the_heap_is_a_panic)
{ /* H18 */
    uint64_t words[8] __attribute__((aligned(16))) = { 0 };

    kfree(&mm, &words[4]);
}
END_TEST

START_TEST(freeing_the_first_bytes_of_the_heap_is_a_panic)
{ /* H18: no header fits in front of it */
    kfree(&mm, pointer_of(mm.heap.start));
}
END_TEST

/* Under the sanitizer the write itself is the report. */
#ifndef MM_ASAN
START_TEST(freeing_a_block_with_a_damaged_header_is_a_panic)
{ /* H18: an underrun of one word */
    uint64_t *p;

    machine_stop(&mm);
    start_with(&heap_list);
    p = kmalloc(&mm, 100);
    p[-2] += 16;
    kfree(&mm, p);
}
END_TEST
#endif

START_TEST(resizing_what_was_freed_is_a_panic)
{ /* H18 */
    uint8_t *p = kmalloc(&mm, 100);

    kfree(&mm, p);
    (void)krealloc(&mm, p, 200);
}
END_TEST

START_TEST(asking_the_size_of_what_was_freed_is_a_panic)
{ /* H18 */
    uint8_t *p = kmalloc(&mm, 100);

    kfree(&mm, p);
    (void)ksize(&mm, p);
}
END_TEST

/** Blocks that are not kmalloc()'s, as its records show. */
START_TEST(freeing_a_slot_that_kmalloc_has_not_is_a_panic)
{ /* H18: 24 bytes are no multiple of 16 */
    kfree(&mm, heap_alloc(&mm.heap, layout(24, 8)));
}
END_TEST

START_TEST(freeing_a_large_block_of_another_call_is_a_panic)
{ /* H18 */
    kfree(&mm, heap_alloc(&mm.heap, layout(40 * KIB, 64)));
}
END_TEST

START_TEST(freeing_a_small_aligned_block_of_another_call_is_a_panic)
{ /* H18: it is no slot */
    void *p = heap_alloc(&mm.heap, layout(100, 4096));

    ck_assert_ptr_nonnull(heap_alloc(&mm.heap, layout(600, 64)));
    kfree(&mm, p);
}
END_TEST

START_TEST(freeing_between_granules_is_a_panic)
{ /* H18 */
    free_at(5000, 32);
}
END_TEST

START_TEST(freeing_a_free_run_is_a_panic)
{ /* H18 */
    free_twice(20000);
}
END_TEST

Suite *kmalloc_wrong_suite(void) {
    Suite *suite = suite_create("kmalloc wrong");
    TCase *wrong = tcase_create("wrong pointers");

    tcase_add_checked_fixture(wrong, start, stop);
#define PANICS(test) machine_add_exit_test(wrong, test, HW_EXIT_PANIC)
    PANICS(freeing_twice_is_a_panic);
    PANICS(freeing_twice_after_the_memory_was_merged_is_a_panic);
    PANICS(freeing_twice_is_a_panic_on_a_heap_that_can_not_tell);
    PANICS(freeing_what_krealloc_moved_away_from_is_a_panic_on_bump);
    PANICS(freeing_what_krealloc_moved_away_from_is_a_panic_on_the_list);
    PANICS(resizing_what_krealloc_moved_away_from_is_a_panic_on_bump);
    PANICS(resizing_what_krealloc_moved_away_from_is_a_panic_on_the_list);
    PANICS(freeing_the_inside_of_a_block_is_a_panic);
    PANICS(freeing_a_misaligned_pointer_is_a_panic);
    PANICS(freeing_what_is_not_in_the_heap_is_a_panic);
    PANICS(freeing_the_first_bytes_of_the_heap_is_a_panic);
#ifndef MM_ASAN
    PANICS(freeing_a_block_with_a_damaged_header_is_a_panic);
#endif
    PANICS(freeing_a_slot_that_kmalloc_has_not_is_a_panic);
    PANICS(freeing_a_large_block_of_another_call_is_a_panic);
    PANICS(freeing_a_small_aligned_block_of_another_call_is_a_panic);
    PANICS(freeing_between_granules_is_a_panic);
    PANICS(freeing_a_free_run_is_a_panic);
    PANICS(resizing_what_was_freed_is_a_panic);
    PANICS(asking_the_size_of_what_was_freed_is_a_panic);
#undef PANICS
    suite_add_tcase(suite, wrong);
    return suite;
}
