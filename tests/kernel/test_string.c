/*
 * The kernel's own memcpy() and companions, against a byte at a time.
 *
 *   [ before ][ to ......... ][ after ]      what is around must stay
 *
 * Every length and offset up to a few words is tried, since words and the
 * bytes left over go different ways.
 */
#include <string.h>

#include "kernel/runtime.h"

#define ROOM 64
#define LONGEST 27

static uint8_t seen[ROOM], expected[ROOM], source[ROOM];

static void fresh(void) {
    for (unsigned i = 0; i < ROOM; i++) {
        seen[i] = expected[i] = (uint8_t)(i * 7 + 1);
        source[i] = (uint8_t)(i * 11 + 128);
    }
}

static void assert_equal(size_t at, size_t from, size_t n) {
    for (unsigned i = 0; i < ROOM; i++) {
        ck_assert_msg(seen[i] == expected[i],
                      "%zu bytes from %zu to %zu: byte %u is 0x%x, expected "
                      "0x%x",
                      n, from, at, i, seen[i], expected[i]);
    }
}

/** A byte at a time, in the order that spares what is still to be read. */
static void move_slowly(uint8_t *to, const uint8_t *from, size_t n) {
    for (volatile size_t i = 0; i < n; i++) {
        size_t k = to < from ? i : n - 1 - i;

        to[k] = from[k];
    }
}

/** Keeps the compiler from doing the work itself. */
static void *hidden(void *p) {
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

START_TEST(memcpy_copies_every_byte_and_no_more)
{
    for (size_t n = 0; n <= LONGEST; n++) {
        for (size_t at = 0; at < 9; at++) {
            fresh();
            move_slowly(expected + at, source + 3, n);
            ck_assert_ptr_eq(memcpy(hidden(seen + at), source + 3, n),
                             seen + at);
            assert_equal(at, 3, n);
        }
    }
}
END_TEST

START_TEST(memmove_copies_right_however_the_ranges_overlap)
{
    for (size_t n = 0; n <= LONGEST; n++) {
        for (size_t at = 0; at <= 32; at++) {
            fresh();
            move_slowly(expected + at, expected + 16, n);
            ck_assert_ptr_eq(memmove(hidden(seen + at), seen + 16, n),
                             seen + at);
            assert_equal(at, 16, n);
        }
    }
}
END_TEST

START_TEST(memset_fills_every_byte_and_no_more)
{
    for (size_t n = 0; n <= LONGEST; n++) {
        fresh();
        for (volatile size_t i = 0; i < n; i++) {
            expected[5 + i] = 0xee;
        }
        ck_assert_ptr_eq(memset(hidden(seen + 5), 0x7ee, n), seen + 5);
        assert_equal(5, 0, n);
    }
}
END_TEST

START_TEST(comparisons_go_by_the_first_difference_unsigned)
{
    ck_assert_int_eq(memcmp("abc", "abd", 2), 0);
    ck_assert_int_lt(memcmp("abc", "abd", 3), 0);
    ck_assert_int_gt(memcmp("\x80", "\x7f", 1), 0);
    ck_assert_int_eq(memcmp("a", "b", 0), 0);
    ck_assert_int_eq(strcmp("same", "same"), 0);
    ck_assert_int_lt(strcmp("sam", "same"), 0);
    ck_assert_int_gt(strcmp("same", "sam"), 0);
    ck_assert_int_gt(strcmp("\x80", "\x7f"), 0);
    ck_assert_int_eq(strncmp("same as", "same again", 6), 0);
    ck_assert_int_gt(strncmp("same as", "same again", 7), 0);
    ck_assert_int_eq(strncmp("end\0x", "end\0y", 5), 0);
}
END_TEST

START_TEST(strlen_counts_up_to_the_end)
{
    ck_assert_uint_eq(strlen(hidden((char[]){ "" })), 0);
    ck_assert_uint_eq(strlen(hidden((char[]){ "four" })), 4);
}
END_TEST

Suite *string_suite(void) {
    Suite *suite = suite_create("string");
    TCase *tc = tcase_create("string");

    tcase_add_test(tc, memcpy_copies_every_byte_and_no_more);
    tcase_add_test(tc, memmove_copies_right_however_the_ranges_overlap);
    tcase_add_test(tc, memset_fills_every_byte_and_no_more);
    tcase_add_test(tc, comparisons_go_by_the_first_difference_unsigned);
    tcase_add_test(tc, strlen_counts_up_to_the_end);
    suite_add_tcase(suite, tc);
    return suite;
}
