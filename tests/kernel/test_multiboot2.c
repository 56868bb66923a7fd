/*
 * Reading what a multiboot2 loader says, right and wrong, from a forged frame.
 *
 *   a frame, shown at its physical address as entry.S would show it:
 *   [ size | 0 ][ unknown tag ][ command line ][ module ][ map ][ end ]
 *
 * The forged map is the real one, so that multiboot2_read() may keep it.
 */
#include <string.h>

#include "boot/boot.h"
#include "kernel/forged.h"
#include "kernel/runtime.h"
#include "support/asserts.h"

/* As the Multiboot2 Specification numbers them; written apart on purpose. */
#define CMDLINE 1
#define MODULE 3
#define MAP 6
#define UNKNOWN 21

static uint32_t *words; /* the frame */
static uint32_t used;   /* of its words */
/** Where tags start, in words. */
static uint32_t cmdline_at, module_at, map_at;

static void put(uint32_t word) {
    words[used++] = word;
}

static void put64(uint64_t value) {
    put((uint32_t)value);
    put((uint32_t)(value >> 32));
}

/** Begin a tag with @size bytes.  @return where */
static uint32_t put_tag(uint32_t type, uint32_t size) {
    const uint32_t at = used;

    put(type);
    put(size);
    return at;
}

static void put_cmdline(const char *text) {
    const uint32_t len = (uint32_t)strlen(text) + 1;

    cmdline_at = put_tag(CMDLINE, 8 + len);
    memcpy(&words[used], text, len);
    used += (len + 7) / 8 * 2;
}

static void put_module(uint32_t first, uint32_t end) {
    module_at = put_tag(MODULE, 16 + 1);
    put(first);
    put(end);
    put64(0); /* no words, padded */
}

static void put_map(uint32_t entry_size) {
    map_at = put_tag(MAP, 16 + entry_size * (uint32_t)m.boot->map_count);
    put(entry_size);
    put(0);
    for (size_t i = 0; i < m.boot->map_count; i++) {
        const struct memmap_entry *e = &m.boot->map[i];
        const uint32_t start = used;

        put64(e->range.base.v);
        put64(e->range.len);
        put(e->type);
        used = start + entry_size / 4;
    }
}

static void put_end(void) {
    put_tag(0, 8);
    words[0] = used * 4;
}

static void forge(uint32_t entry_size) {
    used = 2;
    words[1] = 0;
    put_tag(UNKNOWN, 12);
    put64(UINT64_MAX);
    put_cmdline("one two");
    put_module(0x123000, 0x123456);
    put_map(entry_size);
    put_end();
}

static void start(void) {
    words = forged_start();
    forge(24);
}

static struct hw_boot read_it(void) {
    struct hw_boot boot = { .map_count = 0 };

    multiboot2_read((uint32_t)forged_at().v, &boot);
    return boot;
}

static void expect_the_real_map(const struct hw_boot *boot) {
    ck_assert_uint_eq(boot->map_count, m.boot->map_count);
    for (unsigned i = 0; i < boot->map_count; i++) {
        ck_assert_hex_eq(boot->map[i].range.base.v,
                         m.boot->map[i].range.base.v);
        ck_assert_hex_eq(boot->map[i].range.len, m.boot->map[i].range.len);
        ck_assert_uint_eq(boot->map[i].type, m.boot->map[i].type);
    }
}

START_TEST(map_module_and_command_line_are_read_and_the_rest_passed_over)
{
    const struct hw_boot boot = read_it();

    expect_the_real_map(&boot);
    ck_assert_hex_eq(boot.module.base.v, 0x123000);
    ck_assert_hex_eq(boot.module.len, 0x456);
    ck_assert_str_eq(boot_cmdline(), "one two");
}
END_TEST

START_TEST(nothing_is_needed_but_the_map)
{
    struct hw_boot boot;

    used = 2;
    put_map(24);
    put_end();
    boot = read_it();
    expect_the_real_map(&boot);
    ck_assert_hex_eq(boot.module.len, 0);
    ck_assert_str_eq(boot_cmdline(), "");
}
END_TEST

START_TEST(larger_entries_of_a_later_version_are_read)
{
    struct hw_boot boot;

    forge(40);
    boot = read_it();
    expect_the_real_map(&boot);
}
END_TEST

START_TEST(what_follows_the_end_tag_is_not_read)
{
    put_module(0x777000, 0x888000);
    words[0] = used * 4;
    ck_assert_hex_eq(read_it().module.base.v, 0x123000);
}
END_TEST

START_TEST(tags_may_end_without_an_end_tag)
{
    struct hw_boot boot;

    words[0] -= 8;
    boot = read_it();
    expect_the_real_map(&boot);
}
END_TEST

START_TEST(a_command_line_ends_with_its_tag)
{
    words[cmdline_at + 1] = 8 + 3; /* no '\0' in it */
    (void)read_it();
    ck_assert_str_eq(boot_cmdline(), "one");
}
END_TEST

START_TEST(a_long_command_line_is_cut_and_ended)
{
    char text[BOOT_CMDLINE_MAX + 40];

    memset(text, 'w', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    used = 2;
    put_cmdline(text);
    put_map(24);
    put_end();
    (void)read_it();
    ck_assert_uint_eq(strlen(boot_cmdline()), BOOT_CMDLINE_MAX - 1);
}
END_TEST

/* --- what is refused --------------------------------------------------------
 */

static void no_size(void) {
    words[0] = 4;
}
static void too_large(void) {
    words[0] = 2 * MIB;
}
static void no_map(void) {
    words[map_at] = UNKNOWN;
}
static void an_empty_map(void) {
    words[map_at + 1] = 16;
}
static void too_short_a_map(void) {
    words[map_at + 1] = 12;
    words[0] = (map_at + 3) * 4;
}
static void too_small_entries(void) {
    words[map_at + 2] = 16;
}
static void odd_entries(void) {
    words[map_at + 2] = 28;
}
static void a_tag_without_size(void) {
    words[cmdline_at + 1] = 0;
}
static void a_tag_past_the_end(void) {
    words[map_at + 1] = 4 * PAGE_SIZE;
}
static void half_a_tag_at_the_end(void) {
    words[0] = (map_at + 1) * 4;
}
static void two_modules(void) {
    used -= 2;
    put_module(0x777000, 0x888000);
    put_end();
}
static void a_module_that_ends_before_it_starts(void) {
    words[module_at + 3] = 0x122fff;
}
static void too_short_a_module(void) {
    words[module_at + 1] = 8;
}

static void (*const wrongs[])(void) = {
    no_size,
    too_large,
    no_map,
    an_empty_map,
    too_short_a_map,
    too_small_entries,
    odd_entries,
    a_tag_without_size,
    a_tag_past_the_end,
    half_a_tag_at_the_end,
    two_modules,
    a_module_that_ends_before_it_starts,
    too_short_a_module,
};

START_TEST(what_cannot_be_used_is_a_panic)
{
    wrongs[_i]();
    (void)read_it();
}
END_TEST

Suite *multiboot2_suite(void) {
    Suite *suite = suite_create("multiboot2");
    TCase *tc = tcase_create("multiboot2");

    tcase_add_checked_fixture(tc, start, forged_stop);
    tcase_add_test(
        tc, map_module_and_command_line_are_read_and_the_rest_passed_over);
    tcase_add_test(tc, nothing_is_needed_but_the_map);
    tcase_add_test(tc, larger_entries_of_a_later_version_are_read);
    tcase_add_test(tc, what_follows_the_end_tag_is_not_read);
    tcase_add_test(tc, tags_may_end_without_an_end_tag);
    tcase_add_test(tc, a_command_line_ends_with_its_tag);
    tcase_add_test(tc, a_long_command_line_is_cut_and_ended);
    tcase_add_loop_exit_test(tc, what_cannot_be_used_is_a_panic, HW_EXIT_PANIC,
                             0, sizeof(wrongs) / sizeof(wrongs[0]));
    suite_add_tcase(suite, tc);
    return suite;
}
