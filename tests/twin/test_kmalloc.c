/*
 * kmalloc() and its family: blocks that know their size.
 */
#include <string.h>

#include "base/poison.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

/** Is the size of a block told to the byte? */
static bool is_exact;

static void start_with(const struct heap_class *class,
                       enum mm_heap_debug debug) {
    struct mm_config config = mm_default_config;

    config.heap_poison = true;
    config.heap_class = class;
    config.heap_debug = debug;
    is_exact = class->find == NULL || debug != MM_DEBUG_OFF;
    machine_start(&mm, &config);
}

static void start(void) {
    start_with(&heap_slab, MM_DEBUG_OFF);
}

static void start_with_headers(void) {
    start_with(&heap_list, MM_DEBUG_OFF);
}

static void start_with_zones(void) {
    start_with(&heap_slab, MM_DEBUG_ZONES);
}

static void start_with_pages(void) {
    start_with(&heap_list, MM_DEBUG_FENCED);
}

static void stop(void) {
    machine_stop(&mm);
}

/** Blocks that are not freed; the debug mode keeps some back. */
static uint64_t live(void) {
    return heap_stats(&mm.heap).live_blocks -
           (mm.heap.debug != NULL ? mm.debug.kept_blocks : 0);
}

static void expect_size(const void *p, size_t size) {
    const size_t seen = ksize(&mm, p);

    ck_must(is_exact ? seen == size
                     : seen >= size && seen < size + size / 4 + 64,
            "a block of %lu bytes has %lu", (unsigned long)size,
            (unsigned long)seen);
}

static bool is_zero(const uint8_t *p, size_t size) {
    for (size_t k = 0; k < size; k++) {
        if (p[k] != 0) {
            return false;
        }
    }
    return true;
}

START_TEST(a_block_is_aligned_and_knows_its_size)
{ /* H15 */
    for (size_t size = 1; size < 100000; size = size * 2 + 1) {
        uint8_t *p = kmalloc(&mm, size);

        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq(vaddr_of_pointer(p).v % 16, 0);
        expect_size(p, size);
        pattern_fill(p, size, size);
        expect_size(p, size);
        pattern_check(p, size, size);
        kfree(&mm, p);
    }
    ck_assert_uint_eq(live(), 0);
}
END_TEST

START_TEST(alignments_up_to_the_largest_are_kept_also_by_krealloc)
{ /* H1 */
    size_t align = (size_t)1 << _i;
    uint8_t *p = kmemalign(&mm, align, 300);
    uint8_t *wall = kmalloc(&mm, 16); /* so that it has to move */

    ck_assert(p != NULL && wall != NULL);
    ck_assert_uint_eq(vaddr_of_pointer(p).v % align, 0);
    expect_size(p, 300);
    pattern_fill(p, 300, 1);
    p = krealloc(&mm, p, 70000);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(vaddr_of_pointer(p).v % align, 0);
    pattern_check(p, 300, 1);
    expect_size(p, 70000);
    kfree(&mm, p);
    kfree(&mm, wall);
}
END_TEST

START_TEST(an_alignment_that_means_nothing_gives_no_block)
{ /* H1 */
    ck_assert_ptr_null(kmemalign(&mm, 0, 16));
    ck_assert_ptr_null(kmemalign(&mm, 3, 16));
    ck_assert_ptr_null(kmemalign(&mm, 48, 16));
    ck_assert_ptr_null(kmemalign(&mm, 2 * HEAP_ALIGN_MAX, 16));
    ck_assert_uint_eq(heap_stats(&mm.heap).allocs, 0);
}
END_TEST

START_TEST(sizes_that_overflow_give_no_block)
{ /* H1 */
    ck_assert_ptr_null(kmalloc(&mm, SIZE_MAX));
    ck_assert_ptr_null(kmalloc(&mm, SIZE_MAX - 15));
    ck_assert_ptr_null(kmalloc(&mm, SIZE_MAX - 40));
    ck_assert_ptr_null(kzalloc(&mm, SIZE_MAX - 15));
    ck_assert_ptr_null(kmemalign(&mm, 4096, SIZE_MAX - 4095));
    ck_assert_ptr_null(kcalloc(&mm, (size_t)1 << 33, (size_t)1 << 33));
    ck_assert_ptr_null(kcalloc(&mm, SIZE_MAX / 8 + 2, 8));
    ck_assert_ptr_null(kcalloc(&mm, 2, SIZE_MAX / 2 + 2));
    ck_assert_uint_eq(heap_stats(&mm.heap).allocs, 0);
}
END_TEST

START_TEST(no_bytes_are_no_block)
{
    ck_assert_ptr_null(kmalloc(&mm, 0));
    ck_assert_ptr_null(kzalloc(&mm, 0));
    ck_assert_ptr_null(kcalloc(&mm, 0, 8));
    ck_assert_ptr_null(kcalloc(&mm, 8, 0));
    ck_assert_ptr_null(kmemalign(&mm, 16, 0));
    kfree(&mm, NULL);
    ck_assert_uint_eq(heap_stats(&mm.heap).frees, 0);
}
END_TEST

START_TEST(zeroed_blocks_are_zero_over_all_of_used_memory)
{ /* H1, H16: the memory was written, freed and poisoned before */
    for (size_t size = 1; size < 5000; size = size * 2 + 3) {
        uint8_t *p = kmalloc(&mm, size);

        ck_assert_ptr_nonnull(p);
        memset(p, 0xff, size);
        kfree(&mm, p);
        p = kzalloc(&mm, size);
        ck_assert_ptr_nonnull(p);
        ck_assert(is_zero(p, size));
        memset(p, 0xff, size);
        kfree(&mm, p);
        p = kcalloc(&mm, size, 3);
        ck_assert_ptr_nonnull(p);
        expect_size(p, 3 * size);
        ck_assert(is_zero(p, 3 * size));
        kfree(&mm, p);
    }
}
END_TEST

/* --- krealloc ------------------------------------------------------------ */

START_TEST(krealloc_of_nothing_allocates_and_to_nothing_frees)
{ /* H1 */
    uint8_t *p = krealloc(&mm, NULL, 100);

    ck_assert_ptr_nonnull(p);
    expect_size(p, 100);
    ck_assert_ptr_null(krealloc(&mm, p, 0));
    ck_assert_uint_eq(live(), 0);
    ck_assert_ptr_null(krealloc(&mm, NULL, 0));
}
END_TEST

START_TEST(krealloc_keeps_the_bytes_from_any_size_to_any_size)
{ /* H1 */
    static const size_t sizes[] = {
        1, 15, 16, 17, 31, 32, 33, 100, 4096, 9000
    };
    const size_t count = sizeof sizes / sizeof sizes[0];

    for (size_t k = 0; k < count * count; k++) {
        size_t old = sizes[k / count], new = sizes[k % count];
        uint8_t *p = kmalloc(&mm, old);
        uint8_t *wall = k % 2 == 0 ? kmalloc(&mm, 16) : NULL;

        ck_assert_ptr_nonnull(p);
        pattern_fill(p, old, k);
        p = krealloc(&mm, p, new);
        ck_assert_ptr_nonnull(p);
        expect_size(p, new);
        pattern_check(p, old < new ? old : new, k);
        kfree(&mm, wall);
        kfree(&mm, p);
    }
    ck_assert_uint_eq(live(), 0);
}
END_TEST

START_TEST(a_krealloc_that_fails_leaves_the_block_as_it_was)
{ /* H1 */
    static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2,
                                    2 * GIB };
    uint8_t *p = kmalloc(&mm, 100);

    ck_assert_ptr_nonnull(p);
    pattern_fill(p, 100, 1);
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        ck_assert_ptr_null(krealloc(&mm, p, sizes[k]));
        expect_size(p, 100);
        pattern_check(p, 100, 1);
    }
    kfree(&mm, p);
    ck_assert_uint_eq(live(), 0);
}
END_TEST

/* --- wrong pointers ------------------------------------------------------ */

START_TEST(freeing_twice_is_a_panic)
{ /* H18 */
    uint8_t *p = kmalloc(&mm, 100);

    kfree(&mm, p);
    kfree(&mm, p);
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
    is_exact = true;
    old = kmemalign(&mm, 64, 100);
    ck_assert_ptr_nonnull(old);
    ck_assert_ptr_nonnull(kmalloc(&mm, 16));
    new = krealloc(&mm, old, 1000);
    ck_assert(new != NULL &&new != old);
    expect_size(new, 1000);
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
    uint8_t *p = kzalloc(&mm, 100);

    kfree(&mm, p + 32);
}
END_TEST

START_TEST(freeing_a_misaligned_pointer_is_a_panic)
{ /* H18 */
    uint8_t *p = kmalloc(&mm, 100);

    kfree(&mm, p + 1);
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
    start_with_headers();
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

/* --- without headers ------------------------------------------------------ */

START_TEST(a_slab_heap_gives_blocks_without_headers)
{ /* H15: two blocks of a size touch */
    static const size_t sizes[] = { 1, 16, 64, 500, 512, 513, 4096, 32 * KIB };

    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        const size_t size = sizes[k];
        uint8_t *a = kmalloc(&mm, size), *b = kmalloc(&mm, size);
        const size_t whole = ksize(&mm, a);

        ck_assert_uint_eq(ksize(&mm, b), whole);
        ck_assert_msg((uint64_t)(b - a) == whole, "%lu bytes take %lu, not %lu",
                      (unsigned long)size, (unsigned long)(b - a),
                      (unsigned long)whole);
        pattern_fill(a, whole, k);
        pattern_fill(b, whole, k + 100);
        pattern_check(a, whole, k);
        kfree(&mm, a);
        pattern_check(b, whole, k + 100);
        kfree(&mm, b);
    }
    ck_assert_uint_eq(live(), 0);
}
END_TEST

START_TEST(krealloc_goes_to_a_header_and_keeps_it)
{ /* H1: above 32 KiB */
    uint8_t *p = kmalloc(&mm, 32 * KIB), *wall = kmalloc(&mm, 600);

    pattern_fill(p, 32 * KIB, 1);
    ck_assert_ptr_null(krealloc(&mm, p, 2 * GIB));
    pattern_check(p, 32 * KIB, 1);
    p = krealloc(&mm, p, 32 * KIB + 1);
    ck_assert_ptr_nonnull(p);
    pattern_check(p, 32 * KIB, 1);
    ck_assert_uint_eq(ksize(&mm, p), 32 * KIB + 1); /* to the byte */
    p = krealloc(&mm, p, 100);
    ck_assert_uint_eq(ksize(&mm, p), 100);
    pattern_check(p, 100, 1);
    kfree(&mm, p);
    kfree(&mm, wall);
    ck_assert_uint_eq(live(), 0);
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
    uint8_t *p = kzalloc(&mm, 5000);

    kfree(&mm, p + 32);
}
END_TEST

START_TEST(freeing_a_free_run_is_a_panic)
{ /* H18 */
    uint8_t *p = kzalloc(&mm, 20000);

    kfree(&mm, p);
    kfree(&mm, p);
}
END_TEST

static void add_conformance(Suite *suite, const char *name,
                            void (*starts)(void)) {
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, starts, stop);
    tcase_add_test(tc, a_block_is_aligned_and_knows_its_size);
    tcase_add_loop_test(
        tc, alignments_up_to_the_largest_are_kept_also_by_krealloc, 0, 22);
    tcase_add_test(tc, an_alignment_that_means_nothing_gives_no_block);
    tcase_add_test(tc, sizes_that_overflow_give_no_block);
    tcase_add_test(tc, no_bytes_are_no_block);
    tcase_add_test(tc, zeroed_blocks_are_zero_over_all_of_used_memory);
    tcase_add_test(tc, krealloc_of_nothing_allocates_and_to_nothing_frees);
    tcase_add_test(tc, krealloc_keeps_the_bytes_from_any_size_to_any_size);
    tcase_add_test(tc, a_krealloc_that_fails_leaves_the_block_as_it_was);
    suite_add_tcase(suite, tc);
}

Suite *kmalloc_suite(void) {
    Suite *suite = suite_create("kmalloc");
    TCase *bare = tcase_create("without headers");
    TCase *wrong = tcase_create("wrong pointers");

    add_conformance(suite, "slab", start);
    add_conformance(suite, "list", start_with_headers);
    add_conformance(suite, "debug mode", start_with_zones);
    add_conformance(suite, "debug mode with pages", start_with_pages);
    tcase_add_checked_fixture(bare, start, stop);
    tcase_add_test(bare, a_slab_heap_gives_blocks_without_headers);
    tcase_add_test(bare, krealloc_goes_to_a_header_and_keeps_it);
    suite_add_tcase(suite, bare);
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
