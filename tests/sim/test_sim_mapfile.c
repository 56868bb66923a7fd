/*
 * Memory maps from files: three real ones, every kind of mistake, and the map
 * of QEMU's default PC.
 *
 * Maps are found under $top_srcdir/tests/data/maps; make check sets it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/mapfile.h"
#include "sim/tables.h"

static struct mapfile map;
static char why[300];

static void assert_entry(size_t i, uint64_t first, uint64_t last,
                         uint32_t type) {
    ck_assert(i < map.count);
    ck_assert_hex_eq(map.entries[i].range.base.v, first);
    ck_assert_hex_eq(map.entries[i].range.base.v + map.entries[i].range.len - 1,
                     last);
    ck_assert_uint_eq(map.entries[i].type, type);
}

static void read_bundled(const char *name) {
    const char *top = getenv("top_srcdir");
    char path[500];

    snprintf(path, sizeof path, "%s/tests/data/maps/%s",
             top != NULL ? top : ".", name);
    ck_assert_msg(mapfile_read(&map, path, why, sizeof why), "%s", why);
}

/** A file that holds @text, until unlink_temporary(). */
static char temporary[] = "test-sim-mapfile-XXXXXX";
static void write_temporary(const char *text, size_t len) {
    int fd;

    strcpy(temporary + sizeof temporary - 7, "XXXXXX");
    fd = mkstemp(temporary);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
}

static bool read_text(const char *text, size_t len) {
    bool good;

    write_temporary(text, len);
    good = mapfile_read(&map, temporary, why, sizeof why);
    unlink(temporary);
    return good;
}

/** The complaint about @text is "<file>:" and @expected, on one line. */
static void refused(const char *text, const char *expected) {
    ck_assert_msg(!read_text(text, strlen(text)), "accepted: %s", text);
    ck_assert_int_eq(strncmp(why, temporary, strlen(temporary)), 0);
    ck_assert_str_eq(why + strlen(temporary), expected);
    ck_assert_ptr_null(strchr(why, '\n'));
    ck_assert_ptr_null(map.entries);
    ck_assert_uint_eq(map.count, 0);
}

/* --- files -------------------------------------------------------------- */

START_TEST(a_real_map_is_read_as_it_stands)
{
    read_bundled("firecracker-1g-two-entries.map");
    ck_assert_uint_eq(map.count, 2);
    assert_entry(0, 0x0, 0x9fbff, 1);
    assert_entry(1, 0x100000, 0x3fffffff, 1);
    mapfile_destroy(&map);
    read_bundled("intel-d875pbz-multiboot.map");
    ck_assert_uint_eq(map.count, 11);
    assert_entry(5, 0x7fe41810, 0x7ff2ffff, 1);
    mapfile_destroy(&map);
}
END_TEST

START_TEST(order_overlaps_and_unknown_types_are_left_to_the_reader)
{
    read_bundled("derived-soft-reserved-inside-ram.map");
    ck_assert_uint_eq(map.count, 8);
    ck_assert_uint_eq(map.entries[7].type, 4026531839u);
    mapfile_destroy(&map);
}
END_TEST

START_TEST(blanks_comments_empty_ranges_and_line_ends_do_not_matter)
{
    const char *text = "\n"
                       "# a comment\r\n"
                       "ABCDEFabcdef0000 ABCDEFabcdef0000 2\n"
                       "\t 0000000000001000   0000000000001FFF\t1\r\n"
                       "  # another\n"
                       "0000000000003000 0000000000002fff 2#empty\n"
                       "ffffffffffffff00 ffffffffffffffff 4294967295";

    ck_assert_msg(read_text(text, strlen(text)), "%s", why);
    ck_assert_uint_eq(map.count, 4);
    assert_entry(0, UINT64_C(0xabcdefabcdef0000), UINT64_C(0xabcdefabcdef0000),
                 2);
    assert_entry(1, 0x1000, 0x1fff, 1);
    ck_assert_hex_eq(map.entries[2].range.base.v, 0x3000);
    ck_assert_hex_eq(map.entries[2].range.len, 0);
    assert_entry(3, UINT64_C(0xffffffffffffff00), UINT64_MAX, UINT32_MAX);
    mapfile_destroy(&map);
}
END_TEST

#define GOOD "0000000000000000 000000000009fbff 1\n"

START_TEST(each_mistake_is_named_with_its_line_and_what_would_be_right)
{
    const char *start = ":2: the start is no address; it should be 16 "
                        "hexadecimal digits";
    const char *end = ":2: the end is no address; it should be 16 hexadecimal "
                      "digits";
    const char *type = ":2: the type is no number of 32 bits; it should be "
                       "decimal, 1 for usable";
    const char *missing = ":2: the type is missing; it should be a decimal "
                          "number, 1 for usable";

    refused(GOOD "100000 000000000fffffff 1\n", start);
    refused(GOOD "000000000010000g 000000000fffffff 1\n", start);
    refused(GOOD "0x00000000100000 000000000fffffff 1\n", start);
    refused(GOOD "00000000000100000 000000000fffffff 1\n", start);
    refused(GOOD "usable\n", start);
    refused(GOOD "0000000000100000\n", end);
    refused(GOOD "0000000000100000 # 1\n", end);
    refused(GOOD "0000000000100000-000000000fffffff 1\n", start);
    refused(GOOD "0000000000100000 fffffff 1\n", end);
    refused(GOOD "0000000000100000 000000000fffffff\n", missing);
    refused(GOOD "0000000000100000 000000000fffffff # usable\n", missing);
    refused(GOOD "0000000000100000 000000000fffffff usable\n", type);
    refused(GOOD "0000000000100000 000000000fffffff -1\n", type);
    refused(GOOD "0000000000100000 000000000fffffff 0x1\n", type);
    refused(GOOD "0000000000100000 000000000fffffff 4294967296\n", type);
    refused(GOOD "0000000000100000 000000000fffffff 99999999999999999999999\n",
            type);
    refused(GOOD "0000000000100000 000000000fffffff 1 usable\n",
            ":2: something follows the type; only a # comment should");
    refused(GOOD "0000000000100000 00000000000ffffe 1\n",
            ":2: the end lies before the start; it should be the last byte, or "
            "start - 1 for an empty range");
    refused(GOOD "0000000000000000 ffffffffffffffff 1\n",
            ":2: the range is the whole address space; the end should be "
            "lower");
}
END_TEST

START_TEST(a_map_without_entries_or_usable_memory_is_refused)
{
    refused("", ":1: the map ends without an entry; there should be lines of "
                "start, end, type");
    refused("# nothing\n\n",
            ":2: the map ends without an entry; there should be lines of "
            "start, end, type");
    refused("0000000000000000 000000000009fbff 2\n"
            "0000000000100000 00000000000fffff 1\n",
            ":2: the map ends without usable memory; there should be an entry "
            "of type 1");
}
END_TEST

START_TEST(a_file_that_is_no_text_is_refused)
{
    const char bytes[] = GOOD "0000000000100000\0 000000000fffffff 1\n";

    ck_assert(!read_text(bytes, sizeof bytes - 1));
    ck_assert_str_eq(why + strlen(temporary),
                     ":2: a zero byte; the file should be text");
    ck_assert(!mapfile_read(&map, ".", why, sizeof why));
    ck_assert_str_eq(why, ".:1: cannot be read: Is a directory; it should be a "
                          "text file");
}
END_TEST

START_TEST(a_line_has_at_most_4094_characters)
{
    static char text[sizeof GOOD + 5000] = GOOD;
    const size_t good = strlen(GOOD);

    memset(text + good, '#', 4094);
    ck_assert_msg(read_text(text, good + 4094), "%s", why);
    ck_assert_uint_eq(map.count, 1);
    mapfile_destroy(&map);
    memset(text + good, '#', 4095);
    ck_assert(!read_text(text, good + 4095));
    ck_assert_str_eq(why + strlen(temporary),
                     ":2: a line without an end; it should have at most 4094 "
                     "characters");
    ck_assert_ptr_null(map.entries);
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_is_named_with_the_reason)
{
    ck_assert(!mapfile_read(&map, "no/such.map", why, sizeof why));
    ck_assert_str_eq(why, "no/such.map: cannot be opened: No such file or "
                          "directory; it should be a readable memory map");
    ck_assert_ptr_null(map.entries);
}
END_TEST

START_TEST(entry_4096_is_read_and_entry_4097_refused)
{
    size_t line = sizeof GOOD - 1;
    char *text = malloc(line * (MAPFILE_ENTRIES_MAX + 1) + 1);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i <= MAPFILE_ENTRIES_MAX; i++) {
        memcpy(text + i * line, GOOD, line + 1);
    }
    ck_assert(read_text(text, line * MAPFILE_ENTRIES_MAX));
    ck_assert_uint_eq(map.count, MAPFILE_ENTRIES_MAX);
    mapfile_destroy(&map);
    refused(text, ":4097: too many entries; there should be at most 4096");
    free(text);
}
END_TEST

/* --- QEMU's PC: each list was printed by a kernel in QEMU 7.2 ------------ */

START_TEST(the_pc_of_128_mib_is_the_one_qemu_shows)
{
    ck_assert(mapfile_pc(&map, 128 * MIB, why, sizeof why));
    ck_assert_uint_eq(map.count, 7);
    assert_entry(0, 0x0, 0x9fbff, 1);
    assert_entry(1, 0x9fc00, 0x9ffff, 2);
    assert_entry(2, 0xf0000, 0xfffff, 2);
    assert_entry(3, 0x100000, 0x7fdffff, 1);
    assert_entry(4, 0x7fe0000, 0x7ffffff, 2);
    assert_entry(5, 0xfffc0000, 0xffffffff, 2);
    assert_entry(6, UINT64_C(0xfd00000000), UINT64_C(0xffffffffff), 2);
    mapfile_destroy(&map);
}
END_TEST

START_TEST(from_3584_mib_on_low_ram_is_3_gib_and_the_rest_above_4_gib)
{
    ck_assert(mapfile_pc(&map, 3583 * MIB, why, sizeof why));
    ck_assert_uint_eq(map.count, 7);
    assert_entry(3, 0x100000, 0xdfedffff, 1);
    assert_entry(4, 0xdfee0000, 0xdfefffff, 2);
    mapfile_destroy(&map);
    ck_assert(mapfile_pc(&map, 3584 * MIB, why, sizeof why));
    ck_assert_uint_eq(map.count, 8);
    assert_entry(3, 0x100000, 0xbffdffff, 1);
    assert_entry(4, 0xbffe0000, 0xbfffffff, 2);
    assert_entry(6, UINT64_C(0x100000000), UINT64_C(0x11fffffff), 1);
    mapfile_destroy(&map);
    ck_assert(mapfile_pc(&map, 5000 * MIB, why, sizeof why));
    assert_entry(6, UINT64_C(0x100000000), UINT64_C(0x1787fffff), 1);
    mapfile_destroy(&map);
}
END_TEST

START_TEST(the_largest_pc_ends_below_the_hypertransport_window)
{
    ck_assert(mapfile_pc(&map, 64 * GIB, why, sizeof why));
    assert_entry(4, 0xbffe0000, 0xbfffffff, 2);
    mapfile_destroy(&map);
    ck_assert(mapfile_pc(&map, 65 * GIB, why, sizeof why));
    assert_entry(3, 0x100000, 0xbffdefff, 1);
    assert_entry(4, 0xbffdf000, 0xbfffffff, 2);
    mapfile_destroy(&map);
    ck_assert(mapfile_pc(&map, 1009 * GIB, why, sizeof why));
    assert_entry(6, UINT64_C(0x100000000), UINT64_C(0xfc7fffffff), 1);
    assert_entry(7, UINT64_C(0xfd00000000), UINT64_C(0xffffffffff), 2);
    mapfile_destroy(&map);
}
END_TEST

START_TEST(a_pc_of_a_size_that_is_not_modelled_is_refused)
{
    static const uint64_t bad[] = { 0, 7 * MIB, 8 * MIB + 1, 1009 * GIB + MIB,
                                    UINT64_MAX };

    for (unsigned i = 0; i < 5; i++) {
        ck_assert(!mapfile_pc(&map, bad[i], why, sizeof why));
        ck_assert_ptr_null(map.entries);
    }
    ck_assert(!mapfile_pc(&map, 7 * MIB, why, sizeof why));
    ck_assert_str_eq(why, "a PC with 7340032 bytes of RAM is not modelled; it "
                          "should be whole MiB, from 8 MiB to 1009 GiB (a map "
                          "file can describe any other machine)");
    ck_assert(mapfile_pc(&map, 8 * MIB, why, sizeof why));
    assert_entry(3, 0x100000, 0x7dffff, 1);
    mapfile_destroy(&map);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim mapfile");
    TCase *files = tcase_create("files");
    TCase *pc = tcase_create("pc");

    tcase_add_test(files, a_real_map_is_read_as_it_stands);
    tcase_add_test(files,
                   order_overlaps_and_unknown_types_are_left_to_the_reader);
    tcase_add_test(files,
                   blanks_comments_empty_ranges_and_line_ends_do_not_matter);
    tcase_add_test(files,
                   each_mistake_is_named_with_its_line_and_what_would_be_right);
    tcase_add_test(files, a_map_without_entries_or_usable_memory_is_refused);
    tcase_add_test(files, a_file_that_is_no_text_is_refused);
    tcase_add_test(files, a_line_has_at_most_4094_characters);
    tcase_add_test(files,
                   a_file_that_cannot_be_opened_is_named_with_the_reason);
    tcase_add_test(files, entry_4096_is_read_and_entry_4097_refused);
    suite_add_tcase(s, files);
    tcase_add_test(pc, the_pc_of_128_mib_is_the_one_qemu_shows);
    tcase_add_test(pc,
                   from_3584_mib_on_low_ram_is_3_gib_and_the_rest_above_4_gib);
    tcase_add_test(pc, the_largest_pc_ends_below_the_hypertransport_window);
    tcase_add_test(pc, a_pc_of_a_size_that_is_not_modelled_is_refused);
    suite_add_tcase(s, pc);
    return tables_run(s);
}
