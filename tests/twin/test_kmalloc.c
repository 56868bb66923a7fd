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

    add_conformance(suite, "slab", start);
    add_conformance(suite, "list", start_with_headers);
    add_conformance(suite, "debug mode", start_with_zones);
    add_conformance(suite, "debug mode with pages", start_with_pages);
    tcase_add_checked_fixture(bare, start, stop);
    tcase_add_test(bare, a_slab_heap_gives_blocks_without_headers);
    tcase_add_test(bare, krealloc_goes_to_a_header_and_keeps_it);
    suite_add_tcase(suite, bare);
    return suite;
}
