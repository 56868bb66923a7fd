/*
 * The examples of doc/examples: what they hold, what they leave when there is
 * no memory, and that nothing stays behind.  (H20)
 */
#include "examples/owners.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static void setup(void) {
    machine_start(&mm, NULL);
}

static void stop(void) {
    ck_assert_uint_eq(heap_stats(&mm.heap).live_blocks, 0);
    machine_stop(&mm);
}

/** Another machine, whose heap can't grow. */
static void start_small(void) {
    struct mm_config config = mm_default_config;

    config.heap_limit = config.heap_size;
    config.heap_class = &heap_list; /* when it is full, it is full */
    machine_stop(&mm);
    machine_start(&mm, &config);
}

static void no_more_memory(void) {
    while (kmalloc(&mm, 1024) != NULL) {
    }
    while (kmalloc(&mm, 1) != NULL) {
    }
}

START_TEST(a_box_holds_its_value_until_it_is_dropped)
{
    const uint64_t value = 41;
    uint64_t *box = box_make(&mm, &value, sizeof value);

    ck_assert_ptr_nonnull(box);
    ck_assert_uint_eq(*box, 41);
    ck_assert(vaddr_of_pointer(box).v >= MM_HEAP_BASE);
    box_drop(&mm, &box);
    ck_assert_ptr_null(box);
    box_drop(&mm, &box); /* no double free */
}
END_TEST

START_TEST(a_vector_keeps_its_elements_in_order_while_it_grows)
{
    struct vector vector = vector_make(&mm, sizeof(uint32_t));
    uint64_t sum = 0;

    for (uint32_t n = 0; n < 500; n++) {
        ck_assert(vector_push(&vector, &n));
    }
    for (size_t n = 0; n < vector.count; n++) {
        sum += *(uint32_t *)vector_at(&vector, n);
    }
    ck_assert_uint_eq(sum, 499 * 500 / 2);
    ck_assert_uint_eq(vector.room, 512);
    ck_assert_ptr_null(vector_at(&vector, 500));
    vector_shrink(&vector);
    ck_assert_uint_eq(vector.room, 500);
    ck_assert_uint_eq(*(uint32_t *)vector_at(&vector, 499), 499);
    vector_drop(&vector);
    ck_assert_ptr_null(vector_at(&vector, 0));
    vector_shrink(&vector); /* an empty one */
    ck_assert_ptr_null(vector.items);
}
END_TEST

START_TEST(a_vector_of_more_than_all_memory_is_refused)
{
    struct vector vector = vector_make(&mm, 24);
    const uint64_t value[3] = { 1, 2, 3 };

    ck_assert(vector_push(&vector, value));
    ck_assert(!vector_reserve(&vector, SIZE_MAX));
    ck_assert(!vector_reserve(&vector, SIZE_MAX - 1));
    ck_assert(!vector_reserve(&vector, SIZE_MAX / 24));
    ck_assert_uint_eq(vector.room, 4);
    ck_assert_mem_eq(vector_at(&vector, 0), value, sizeof value);
    vector_drop(&vector);
}
END_TEST

START_TEST(a_string_is_the_texts_added_to_it)
{
    struct string string = string_make(&mm);

    ck_assert_str_eq(string_text(&string), "");
    ck_assert_uint_eq(string_length(&string), 0);
    ck_assert(string_add(&string, "a heap of "));
    ck_assert(string_add_number(&string, 0));
    ck_assert(string_add(&string, " or "));
    ck_assert(string_add_number(&string, UINT64_MAX));
    ck_assert(string_add(&string, ""));
    ck_assert_str_eq(string_text(&string),
                     "a heap of 0 or 18446744073709551615");
    ck_assert_uint_eq(string_length(&string), 35);
    string_drop(&string);
    ck_assert_str_eq(string_text(&string), "");
}
END_TEST

START_TEST(a_shared_value_lives_as_long_as_its_last_owner)
{
    const uint64_t value[2] = { 1, 2 };
    uint64_t *a = shared_make(&mm, value, sizeof value), *b;

    ck_assert_ptr_nonnull(a);
    ck_assert_uint_eq(shared_count(a), 1);
    b = shared_clone(a);
    ck_assert_uint_eq(shared_count(a), 2);
    ck_assert(!shared_drop(&mm, &a));
    ck_assert_ptr_null(a);
    ck_assert_uint_eq(shared_count(b), 1);
    ck_assert_mem_eq(b, value, sizeof value);
    ck_assert_uint_eq(heap_stats(&mm.heap).live_blocks, 1);
    ck_assert(shared_drop(&mm, &b));
    ck_assert_uint_eq(heap_stats(&mm.heap).live_blocks, 0);
    ck_assert_ptr_null(shared_make(&mm, value, SIZE_MAX));
}
END_TEST

START_TEST(without_memory_the_examples_say_so_and_keep_what_they_have)
{
    const uint64_t value = 7;
    struct vector vector = vector_make(&mm, sizeof value);
    struct string string = string_make(&mm);

    start_small();
    for (int n = 0; n < 4; n++) {
        ck_assert(vector_push(&vector, &value));
    }
    ck_assert(string_add(&string, "abc"));
    no_more_memory();
    ck_assert_ptr_null(box_make(&mm, &value, sizeof value));
    ck_assert_ptr_null(shared_make(&mm, &value, sizeof value));
    ck_assert(!vector_push(&vector, &value));
    ck_assert(!string_add(&string, " and more than fits behind it"));
    ck_assert_uint_eq(vector.count, 4);
    ck_assert_uint_eq(*(uint64_t *)vector_at(&vector, 3), 7);
    ck_assert_str_eq(string_text(&string), "abc");
    start_small(); /* a fresh heap for stop() */
}
END_TEST

Suite *examples_suite(void) {
    Suite *suite = suite_create("examples");
    TCase *tc = tcase_create("examples");

    tcase_add_checked_fixture(tc, setup, stop);
    tcase_add_test(tc, a_box_holds_its_value_until_it_is_dropped);
    tcase_add_test(tc, a_vector_keeps_its_elements_in_order_while_it_grows);
    tcase_add_test(tc, a_vector_of_more_than_all_memory_is_refused);
    tcase_add_test(tc, a_string_is_the_texts_added_to_it);
    tcase_add_test(tc, a_shared_value_lives_as_long_as_its_last_owner);
    tcase_add_test(tc,
                   without_memory_the_examples_say_so_and_keep_what_they_have);
    suite_add_tcase(suite, tc);
    return suite;
}
