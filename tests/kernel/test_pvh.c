/*
 * Reading what a boot loader says, right and wrong, from a forged start info.
 *
 *   a frame, shown at its physical address as entry.S would show it:
 *   0            256         512             1024
 *   [ start info ][ modules ][ command line ][ memory map ...... ]
 *
 * The forged map is the real one, so that pvh_read() may keep it.
 */
#include <string.h>

#include "boot/boot.h"
#include "kernel/forged.h"
#include "kernel/runtime.h"
#include "support/asserts.h"

#define MODULES 256
#define CMDLINE 512
#define MAP 1024

/* As "x86/HVM direct boot ABI" has it; written apart from pvh.c on purpose. */
struct forged_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, cmdline, rsdp, map;
    uint32_t map_count, reserved;
};

static uint8_t *bytes;
static struct forged_info *info;

static void put_words(unsigned at, const uint64_t *words, size_t count) {
    memcpy(bytes + at, words, count * sizeof(*words));
}

static void forge(void) {
    const uint64_t base = forged_at().v;
    const uint64_t modules[] = { 0x123000, 0x456, 0, 0, 0x777000, 1, 0, 0 };

    *info = (struct forged_info){
        .magic = 0x336ec578,
        .version = 1,
        .module_count = 1,
        .modules = base + MODULES,
        .cmdline = base + CMDLINE,
        .map = base + MAP,
        .map_count = (uint32_t)m.boot->map_count,
    };
    put_words(MODULES, modules, sizeof(modules) / sizeof(modules[0]));
    memcpy(bytes + CMDLINE, "one two", sizeof("one two"));
    for (unsigned i = 0; i < m.boot->map_count; i++) {
        const struct memmap_entry *e = &m.boot->map[i];
        const uint64_t words[] = { e->range.base.v, e->range.len, e->type };

        put_words(MAP + 24 * i, words, 3);
    }
}

static void start(void) {
    bytes = forged_start();
    info = (struct forged_info *)bytes;
    forge();
}

static struct hw_boot read_it(void) {
    struct hw_boot boot = { .map_count = 0 };

    pvh_read((uint32_t)forged_at().v, &boot);
    return boot;
}

START_TEST(map_module_and_command_line_are_read)
{
    const struct hw_boot boot = read_it();

    ck_assert_uint_eq(boot.map_count, m.boot->map_count);
    for (unsigned i = 0; i < boot.map_count; i++) {
        ck_assert_int_eq(memcmp(&boot.map[i].range, &m.boot->map[i].range,
                                sizeof(boot.map[i].range)),
                         0);
        ck_assert_uint_eq(boot.map[i].type, m.boot->map[i].type);
    }
    ck_assert_hex_eq(boot.module.base.v, 0x123000);
    ck_assert_hex_eq(boot.module.len, 0x456);
    ck_assert_str_eq(boot_cmdline(), "one two");
}
END_TEST

START_TEST(nothing_is_needed_but_the_map)
{
    struct hw_boot boot;

    info->module_count = 0;
    info->modules = 0;
    info->cmdline = 0;
    boot = read_it();
    ck_assert_uint_eq(boot.map_count, m.boot->map_count);
    ck_assert_hex_eq(boot.module.len, 0);
    ck_assert_str_eq(boot_cmdline(), "");
}
END_TEST

START_TEST(a_long_command_line_is_cut_and_ended)
{
    memset(bytes + CMDLINE, 'w', MAP - CMDLINE);
    (void)read_it();
    ck_assert_uint_eq(strlen(boot_cmdline()), BOOT_CMDLINE_MAX - 1);
}
END_TEST

/* --- what is refused --------------------------------------------------------
 */

static void wrong_magic(void) {
    info->magic ^= 1;
}
static void too_old(void) {
    info->version = 0;
}
static void no_map(void) {
    info->map_count = 0;
}
static void too_large_a_map(void) {
    info->map_count = 257;
}
static void map_nowhere(void) {
    info->map = 0;
}
static void map_beyond_4_gib(void) {
    info->map = 4 * GIB - 8;
}
static void two_modules(void) {
    info->module_count = 2;
}

static void (*const wrongs[])(void) = { wrong_magic, too_old,
                                        no_map,      too_large_a_map,
                                        map_nowhere, map_beyond_4_gib,
                                        two_modules };

START_TEST(a_start_info_that_cannot_be_used_is_a_panic)
{
    wrongs[_i]();
    (void)read_it();
}
END_TEST

Suite *pvh_suite(void) {
    Suite *suite = suite_create("pvh");
    TCase *tc = tcase_create("pvh");

    tcase_add_checked_fixture(tc, start, forged_stop);
    tcase_add_test(tc, map_module_and_command_line_are_read);
    tcase_add_test(tc, nothing_is_needed_but_the_map);
    tcase_add_test(tc, a_long_command_line_is_cut_and_ended);
    tcase_add_loop_exit_test(tc, a_start_info_that_cannot_be_used_is_a_panic,
                             HW_EXIT_PANIC, 0,
                             sizeof(wrongs) / sizeof(wrongs[0]));
    suite_add_tcase(suite, tc);
    return suite;
}
