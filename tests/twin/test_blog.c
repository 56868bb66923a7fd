/*
 * The four heap tests of the tutorial that this subsystem follows, in C: a
 * box is a kmalloc() of one word, a vector grows by krealloc().
 *
 * Each runs on every class that can pass it.  A bump heap fails the last by
 * design: one block that lives long keeps it from starting again.
 */
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

static const struct heap_class *const classes[] = { &heap_bump, &heap_list };
#define BUMP 0
#define LIST 1

/** As the tutorial has it: 100 KiB and no more. */
static void start(int class) {
    struct mm_config config = mm_default_config;

    config.heap_class = classes[class];
    config.heap_limit = config.heap_size;
    machine_start(&mm, &config);
    ck_assert_uint_eq(heap_size(&mm.heap), 100 * KIB);
}

static void stop(void) {
    machine_stop(&mm);
}

static uint64_t *box(uint64_t value) {
    uint64_t *p = kmalloc(&mm, sizeof *p);

    if (p != NULL) {
        *p = value;
    }
    return p;
}

START_TEST(a_simple_allocation_holds_its_value)
{ /* H20 */
    uint64_t *a, *b;

    start(_i);
    a = box(41);
    b = box(13);
    ck_assert(a != NULL && b != NULL);
    ck_assert_uint_eq(*a, 41);
    ck_assert_uint_eq(*b, 13);
    kfree(&mm, a);
    kfree(&mm, b);
}
END_TEST

START_TEST(a_large_vector_keeps_its_elements_while_it_grows)
{ /* H20: on bump every doubling is in place, nothing stands behind it */
    const uint64_t n = 1000;
    uint64_t capacity = 0, sum = 0;
    uint64_t *vector = NULL;

    start(_i);
    for (uint64_t k = 0; k < n; k++) {
        if (k == capacity) {
            capacity = capacity == 0 ? 4 : 2 * capacity;
            vector = krealloc(&mm, vector, capacity * sizeof *vector);
            ck_assert_ptr_nonnull(vector);
        }
        vector[k] = k;
    }
    for (uint64_t k = 0; k < n; k++) {
        sum += vector[k];
    }
    ck_assert_uint_eq(sum, (n - 1) * n / 2);
    kfree(&mm, vector);
}
END_TEST

START_TEST(many_boxes_reuse_what_was_freed)
{ /* H20: as many as the heap has bytes, one at a time */
    start(_i);
    for (uint64_t k = 0; k < MM_HEAP_SIZE; k++) {
        uint64_t *p = box(k);

        if (p == NULL || *p != k) {
            ck_abort_msg("box %lu", (unsigned long)k);
        }
        kfree(&mm, p);
    }
    ck_assert_uint_eq(heap_size(&mm.heap), 100 * KIB);
}
END_TEST

/** @return how many boxes the heap had, up to as many as it has bytes */
static uint64_t boxes_beside_a_long_lived_one(void) {
    uint64_t *long_lived = box(1);
    uint64_t k;

    ck_assert_ptr_nonnull(long_lived);
    for (k = 0; k < MM_HEAP_SIZE; k++) {
        uint64_t *p = box(k);

        if (p == NULL) {
            break;
        }
        if (*p != k) {
            ck_abort_msg("box %lu", (unsigned long)k);
        }
        kfree(&mm, p);
    }
    ck_assert_uint_eq(*long_lived, 1);
    kfree(&mm, long_lived);
    return k;
}

START_TEST(many_boxes_beside_a_long_lived_one_reuse_what_was_freed)
{ /* H20 */
    start(LIST);
    ck_assert_uint_eq(boxes_beside_a_long_lived_one(), MM_HEAP_SIZE);
}
END_TEST

START_TEST(a_bump_heap_runs_out_beside_a_long_lived_box)
{ /* H7: by design; a box takes 16 bytes of header and 16 of its own */
    start(BUMP);
    ck_assert_uint_eq(boxes_beside_a_long_lived_one(), MM_HEAP_SIZE / 32 - 1);
}
END_TEST

Suite *blog_suite(void) {
    Suite *suite = suite_create("blog");
    TCase *tc = tcase_create("blog");

    tcase_add_checked_fixture(tc, NULL, stop);
    tcase_add_loop_test(tc, a_simple_allocation_holds_its_value, 0, 2);
    tcase_add_loop_test(tc, a_large_vector_keeps_its_elements_while_it_grows, 0,
                        2);
    tcase_add_loop_test(tc, many_boxes_reuse_what_was_freed, 0, 2);
    tcase_add_test(tc, many_boxes_beside_a_long_lived_one_reuse_what_was_freed);
    tcase_add_test(tc, a_bump_heap_runs_out_beside_a_long_lived_box);
    suite_add_tcase(suite, tc);
    return suite;
}
