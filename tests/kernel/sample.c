/*
 * The same object runs under the C library's Check and under the kernel's
 * runner; check_same.sh wants the same lines from both.
 */
#include "kernel/sample.h"

#include <stdint.h>

static int set_up_calls, order;

START_TEST(passes)
{ ck_assert_int_eq(2 + 2, 4); }
END_TEST

START_TEST(signed_numbers)
{ ck_assert_int_eq(INT64_MIN, INT64_MAX); }
END_TEST

START_TEST(unsigned_numbers)
{ ck_assert_uint_lt(UINT64_MAX, 40 + 2); }
END_TEST

START_TEST(plain)
{ ck_assert(1 > 2); }
END_TEST

START_TEST(message)
{ ck_assert_msg(0, "%s is %d, 0x%lx, %c%%", "it", -3, 0xbeefL, 'x'); }
END_TEST

START_TEST(strings)
{ ck_assert_str_eq("left", "right"); }
END_TEST

START_TEST(pointers)
{ ck_assert_ptr_eq((void *)0x1230, (void *)0xabc0); }
END_TEST

START_TEST(null)
{ ck_assert_ptr_null((void *)0x10); }
END_TEST

START_TEST(aborts)
{ ck_abort_msg("for %s", "a reason"); }
END_TEST

START_TEST(aborts_without_words)
{ ck_abort(); }
END_TEST

START_TEST(exits)
{ sample_exit(3); }
END_TEST

START_TEST(loops)
{ ck_assert_int_ne(_i, 6); }
END_TEST

START_TEST(loops_and_exits)
{
    if (_i != 1) {
        sample_exit(3);
    }
}
END_TEST

static void bad_fixture(void) {
    ck_abort_msg("in a fixture");
}

static void count_set_up(void) {
    set_up_calls++;
    order = 1;
}

static void set_up_second(void) {
    order = order == 1 ? 2 : 99;
}

START_TEST(fixtures_run_in_order)
{
    ck_assert_int_eq(set_up_calls, 1);
    ck_assert_int_eq(order, 2);
}
END_TEST

static void tear_down_first(void) {
    ck_assert_int_eq(order, 2);
    order = 3;
}

static void tear_down_second(void) {
    ck_assert_int_eq(order, 3);
    set_up_calls = 0;
}

static void add_assertions(Suite *suite) {
    TCase *tc = tcase_create("assertions");

    tcase_add_test(tc, passes);
    tcase_add_test(tc, signed_numbers);
    tcase_add_test(tc, unsigned_numbers);
    tcase_add_test(tc, plain);
    tcase_add_test(tc, message);
    tcase_add_test(tc, strings);
    tcase_add_test(tc, pointers);
    tcase_add_test(tc, null);
    tcase_add_test(tc, aborts);
    tcase_add_test(tc, aborts_without_words);
    suite_add_tcase(suite, tc);
}

static void add_exits(Suite *suite) {
    TCase *tc = tcase_create("exits");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, exits);
    tcase_add_exit_test(tc, exits, 3);
    tcase_add_exit_test(tc, exits, 1);
    tcase_add_exit_test(tc, passes, 3);
    tcase_add_loop_test(tc, loops, 5, 8);
    tcase_add_loop_exit_test(tc, loops_and_exits, 3, 0, 3);
    suite_add_tcase(suite, tc);
}

static void add_fixtures(Suite *suite) {
    TCase *before = tcase_create("bad before");
    TCase *after = tcase_create("bad after");
    TCase *order_of = tcase_create("in order");

    tcase_add_checked_fixture(before, bad_fixture, NULL);
    tcase_add_test(before, passes);
    suite_add_tcase(suite, before);

    tcase_add_checked_fixture(after, NULL, bad_fixture);
    tcase_add_test(after, passes);
    tcase_add_exit_test(after, exits, 3);
    suite_add_tcase(suite, after);

    tcase_add_checked_fixture(order_of, count_set_up, tear_down_second);
    tcase_add_checked_fixture(order_of, set_up_second, tear_down_first);
    tcase_add_test(order_of, fixtures_run_in_order);
    tcase_add_test(order_of, fixtures_run_in_order);
    suite_add_tcase(suite, order_of);
}

Suite *sample_suite(void) {
    Suite *suite = suite_create("sample");

    add_assertions(suite);
    add_exits(suite);
    add_fixtures(suite);
    return suite;
}
