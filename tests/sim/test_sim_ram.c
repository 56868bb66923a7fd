/*
 * Simulated RAM: layout from a map, holes, junk, size without cost.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/ram.h"
#include "sim/tables.h"

static struct sim_ram ram, other;
static char why[200];

static struct memmap_entry entry(uint64_t base, uint64_t len, uint32_t type) {
    return (struct memmap_entry){ { { base }, len }, type };
}

static void must_start(struct sim_ram *r, const struct memmap_entry *map,
                       size_t count, uint64_t seed) {
    ck_assert_msg(ram_init(r, map, count, seed, vaddr(0), why, sizeof why),
                  "%s", why);
}

static void assert_run(size_t i, uint64_t from, uint64_t to) {
    ck_assert(i < ram.run_count);
    ck_assert_hex_eq(ram.runs[i].base.v, from);
    ck_assert_hex_eq(ram.runs[i].base.v + ram.runs[i].len, to);
}

/* --- layout ------------------------------------------------------------- */

/*
 *   map   [1  ][3 ]      [1 [2 inside] ]  [5]   [4 ]
 *   runs  [       ]      [             ]        [  ]     whole frames
 */
START_TEST(runs_are_the_frames_that_usable_and_acpi_entries_touch)
{
    const struct memmap_entry map[] = {
        entry(0x9000, 0x1001, MEMMAP_ACPI_NVS),
        entry(0x4000, 0x3000, MEMMAP_USABLE),
        entry(0x5000, 0x1000, MEMMAP_RESERVED),
        entry(0x8000, 0x1000, MEMMAP_BAD),
        entry(0x10, 0x1800, MEMMAP_USABLE),
        entry(0x1810, 0x10, MEMMAP_ACPI_RECLAIMABLE),
        entry(0xc000, 0, MEMMAP_USABLE),
        entry(0xd000, 0x1000, 7),
    };

    must_start(&ram, map, 8, 0);
    ck_assert_uint_eq(ram.run_count, 3);
    assert_run(0, 0x0, 0x2000);
    assert_run(1, 0x4000, 0x7000);
    assert_run(2, 0x9000, 0xb000);
    ck_assert_hex_eq(ram.size, 0xb000);
    ram_destroy(&ram);
}
END_TEST

/** Random maps against a byte per frame. */
START_TEST(random_maps_are_laid_out_as_a_byte_per_frame_says)
{
    srand((unsigned)_i);
    for (unsigned round = 0; round < 50; round++) {
        struct memmap_entry map[24];
        uint8_t frame[128] = { 0 };
        bool any = false;

        for (unsigned i = 0; i < 24; i++) {
            uint64_t base = (uint64_t)rand() % (100 * PAGE_SIZE);
            uint64_t len = (uint64_t)rand() % (8 * PAGE_SIZE);

            map[i] = entry(base, len, 1 + (unsigned)rand() % 7);
            for (uint64_t b = base; b < base + len; b++) {
                unsigned type = map[i].type;

                frame[b / PAGE_SIZE] |= type == 1 || type == 3 || type == 4;
            }
        }
        must_start(&ram, map, 24, 0);
        for (unsigned f = 0; f < 128; f++) {
            paddr_t pa = paddr(f * PAGE_SIZE);
            bool seen = ram_holds(&ram, pa, PAGE_SIZE);

            any |= seen;
            if (seen != (frame[f] != 0) ||
                seen != (ram_run_at(&ram, pa).len != 0)) {
                ck_abort_msg("frame %u is %d, expected %d", f, seen, frame[f]);
            }
        }
        for (size_t i = 1; i < ram.run_count; i++) {
            ck_assert(ram.runs[i - 1].base.v + ram.runs[i - 1].len <
                      ram.runs[i].base.v);
        }
        ck_assert(any);
        ram_destroy(&ram);
    }
}
END_TEST

START_TEST(ram_holds_only_what_lies_in_one_run_entirely)
{
    tables_ram(&ram);
    ck_assert(ram_holds(&ram, paddr(0), 0xa0000));
    ck_assert(!ram_holds(&ram, paddr(0), 0xa0001));
    ck_assert(!ram_holds(&ram, paddr(0x9ffff), 2));
    ck_assert(!ram_holds(&ram, paddr(0xa0000), 1));
    ck_assert(ram_holds(&ram, paddr(0xa0000), 0));
    ck_assert(ram_holds(&ram, paddr(32 * MIB - 1), 1));
    ck_assert(!ram_holds(&ram, paddr(32 * MIB), 1));
    ck_assert(!ram_holds(&ram, paddr(UINT64_MAX), 1));
    ck_assert(!ram_holds(&ram, paddr(0), UINT64_MAX));
    ck_assert(!ram_holds(&ram, paddr(0x1000), UINT64_MAX));
    ram_destroy(&ram);
}
END_TEST

static void refused(const struct memmap_entry *map, size_t count,
                    const char *expected) {
    ck_assert(!ram_init(&ram, map, count, 0, vaddr(0), why, sizeof why));
    ck_assert_str_eq(why, expected);
}

START_TEST(a_map_that_cannot_be_ram_is_refused_with_a_sentence)
{
    const struct memmap_entry reserved = entry(0, MIB, MEMMAP_RESERVED);
    const struct memmap_entry far = entry(RAM_SIZE_MAX, 1, MEMMAP_USABLE);
    const struct memmap_entry wraps = entry(UINT64_MAX - 9, 100, MEMMAP_USABLE);
    static struct memmap_entry many[RAM_RUNS_MAX + 1];

    refused(NULL, 0, "the map has no RAM: no entry of type 1, 3 or 4");
    refused(&reserved, 1, "the map has no RAM: no entry of type 1, 3 or 4");
    refused(&far, 1,
            "the RAM at 0x100000000000 reaches beyond the 16 TiB that can be "
            "simulated");
    refused(&wraps, 1,
            "the RAM at 0xfffffffffffffff6 reaches beyond the 16 TiB that can "
            "be simulated");
    for (unsigned i = 0; i <= RAM_RUNS_MAX; i++) {
        many[i] = entry(2 * i * PAGE_SIZE, PAGE_SIZE, MEMMAP_USABLE);
    }
    refused(many, RAM_RUNS_MAX + 1, "the map has more than 1024 runs of RAM");
    must_start(&ram, many, RAM_RUNS_MAX, 0);
    ram_destroy(&ram);
    /* it is runs that count, not entries */
    many[0] = entry(0, MIB, MEMMAP_USABLE);
    must_start(&ram, many, RAM_RUNS_MAX + 1, 0);
    ram_destroy(&ram);
}
END_TEST

START_TEST(the_alias_lies_where_it_was_wanted_or_nowhere)
{
    const struct memmap_entry map = entry(0, MIB, MEMMAP_USABLE);
    void *taken =
        mmap(NULL, MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    vaddr_t place = vaddr_of_pointer(taken);

    ck_assert(taken != MAP_FAILED);
    ck_assert(!ram_init(&ram, &map, 1, 0, place, why, sizeof why));
    ck_assert_msg(strstr(why, "something else is there") != NULL, "%s", why);
    ck_assert_int_eq(*(volatile char *)taken, 0);
    munmap(taken, MIB);
    ck_assert_msg(ram_init(&ram, &map, 1, 0, place, why, sizeof why), "%s",
                  why);
    ck_assert_ptr_eq(ram.alias, taken);
    ram_destroy(&ram);
}
END_TEST

/* --- holes: I1 ---------------------------------------------------------- */

START_TEST(a_hole_reads_as_ones_swallows_writes_and_is_counted)
{
    static const uint64_t holes[] = { 0xa0000, 0xfffff8, 32 * MIB,
                                      UINT64_C(1) << 51 };
    const struct memmap_entry map[] = { entry(0, 0x9fc00, 1),
                                        entry(16 * MIB, 16 * MIB, 1) };

    must_start(&ram, map, 2, 0);
    for (unsigned i = 0; i < 4; i++) {
        paddr_t pa = paddr(holes[i]);

        ram_store64(&ram, pa, 0x1234);
        ram_store8(&ram, pa, 0x12);
        ram_store(&ram, pa, 3, 0x12);
        ck_assert_hex_eq(ram_load64(&ram, pa), UINT64_MAX);
        ck_assert_hex_eq(ram_load8(&ram, pa), 0xff);
        ck_assert_hex_eq(ram_load(&ram, pa, 3), 0xffffff);
        ck_assert_uint_eq(ram.hole_accesses, 6 * (i + 1));
    }
    /* the rest of the frame that the map cuts is RAM */
    ram_store8(&ram, paddr(0x9ffff), 0x77);
    ck_assert_hex_eq(ram_load8(&ram, paddr(0x9ffff)), 0x77);
    ck_assert_uint_eq(ram.hole_accesses, 24);
    ram_destroy(&ram);
}
END_TEST

START_TEST(memory_is_little_endian)
{
    tables_ram(&ram);
    ram_store64(&ram, paddr(0x1000), UINT64_C(0x1122334455667788));
    ck_assert_hex_eq(ram_load8(&ram, paddr(0x1000)), 0x88);
    ck_assert_hex_eq(ram_load(&ram, paddr(0x1001), 3), 0x556677);
    ram_store(&ram, paddr(0x1003), 4, 0xaabbccdd);
    ck_assert_hex_eq(ram_load64(&ram, paddr(0x1000)),
                     UINT64_C(0x11aabbccdd667788));
    ram_store8(&ram, paddr(0x1007), 0xee);
    ck_assert_hex_eq(ram_load64(&ram, paddr(0x1000)),
                     UINT64_C(0xeeaabbccdd667788));
    ck_assert_hex_eq(ram.alias[0x1000], 0x88);
    ram_destroy(&ram);
}
END_TEST

/* --- junk --------------------------------------------------------------- */

START_TEST(fresh_ram_has_no_zero_word_and_repeats_nothing)
{
    const struct memmap_entry map = entry(0, 4 * RAM_CHUNK, MEMMAP_USABLE);
    uint64_t ones = 0;

    must_start(&ram, &map, 1, (uint64_t)_i);
    for (uint64_t pa = 0; pa < ram.size; pa += 8) {
        uint64_t word = ram_load64(&ram, paddr(pa));

        if (word == 0 || (pa >= PAGE_SIZE &&
                          word == ram_load64(&ram, paddr(pa - PAGE_SIZE)))) {
            ck_abort_msg("0x%llx at 0x%llx", (unsigned long long)word,
                         (unsigned long long)pa);
        }
        ones += (uint64_t)__builtin_popcountll(word);
    }
    /* 8 bits of a byte, half of them set, within 1 % */
    ck_assert(ones > ram.size * 4 / 100 * 99 && ones < ram.size * 4 / 99 * 100);
    ram_destroy(&ram);
}
END_TEST

START_TEST(equal_seeds_give_equal_junk_in_whatever_order_it_is_touched)
{
    const struct memmap_entry map = entry(0, 8 * RAM_CHUNK, MEMMAP_USABLE);
    unsigned same = 0;

    must_start(&ram, &map, 1, 42);
    must_start(&other, &map, 1, 42);
    ram_touch(&ram, (struct prange){ paddr(0), ram.size });
    for (uint64_t c = 8; c-- > 0;) {
        (void)ram_load8(&other, paddr(c * RAM_CHUNK + 5));
    }
    ck_assert_int_eq(memcmp(ram.alias, other.alias, ram.size), 0);
    ram_destroy(&other);
    must_start(&other, &map, 1, 43);
    for (uint64_t pa = 0; pa < ram.size; pa += 8) {
        same += ram_load64(&ram, paddr(pa)) == ram_load64(&other, paddr(pa));
    }
    ck_assert_uint_eq(same, 0);
    ram_destroy(&other);
    ram_destroy(&ram);
}
END_TEST

START_TEST(touching_again_keeps_what_was_stored)
{
    tables_ram(&ram);
    ram_store64(&ram, paddr(2 * MIB), 7);
    ram_touch(&ram, (struct prange){ paddr(0), UINT64_MAX });
    ram_touch(&ram, (struct prange){ paddr(2 * MIB), 1 });
    ram_touch(&ram, (struct prange){ paddr(2 * MIB), 0 });
    ram_touch(&ram, (struct prange){ paddr(32 * MIB), 1 });
    ck_assert_hex_eq(ram_load64(&ram, paddr(2 * MIB)), 7);
    ram_destroy(&ram);
}
END_TEST

/** What the file holds beside the runs stays zero: nothing is written there. */
START_TEST(junk_is_written_in_all_of_the_touched_range_and_nowhere_else)
{
    const struct memmap_entry map[] = { entry(0, 0x3000, 1),
                                        entry(0x5000, 0x1000, 1),
                                        entry(RAM_CHUNK - 0x1000, 0x2000, 1),
                                        entry(3 * RAM_CHUNK, 0x1000, 1) };
    uint64_t zero = 0;

    must_start(&ram, map, 4, 3);
    ram_touch(&ram, (struct prange){ paddr(3 * RAM_CHUNK), 0 });
    ram_touch(&ram, (struct prange){ paddr(0x5000), RAM_CHUNK - 0x5000 + 1 });
    for (uint64_t pa = 0; pa < ram.size; pa += 8) {
        bool written = memcmp(ram.alias + pa, &zero, 8) != 0;
        bool due = pa < 3 * RAM_CHUNK && ram_holds(&ram, paddr(pa), 8);

        if (written != due) {
            ck_abort_msg("0x%llx: written %d, due %d", (unsigned long long)pa,
                         written, due);
        }
    }
    ram_destroy(&ram);
}
END_TEST

/* --- size --------------------------------------------------------------- */

#ifdef __linux__
#include <stdio.h>
#include <sys/stat.h>

START_TEST(a_machine_of_16_tib_costs_only_what_is_touched)
{
    const struct memmap_entry map = entry(0, RAM_SIZE_MAX, MEMMAP_USABLE);
    struct stat st;

    must_start(&ram, &map, 1, 1);
    ck_assert_hex_eq(ram.size, RAM_SIZE_MAX);
    ck_assert_int_ge(ram.memfd, 0);
    ck_assert_int_eq(fstat(ram.memfd, &st), 0);
    ck_assert_int_eq(st.st_size, (off_t)RAM_SIZE_MAX);
    ck_assert_int_eq(st.st_blocks, 0);
    ram_store64(&ram, paddr(RAM_SIZE_MAX - 8), 99);
    ck_assert_hex_eq(ram_load64(&ram, paddr(RAM_SIZE_MAX - 8)), 99);
    ck_assert_int_eq(fstat(ram.memfd, &st), 0);
    ck_assert_int_le(st.st_blocks * 512, (off_t)RAM_CHUNK);
    ram_destroy(&ram);
}
END_TEST

START_TEST(the_offset_in_the_file_is_the_physical_address)
{
    const uint64_t pa = 3 * MIB + 0x5000;
    uint64_t *seen;

    tables_ram(&ram);
    ck_assert_int_ge(ram.memfd, 0);
    ram_store64(&ram, paddr(pa), 0xfeed);
    seen = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, ram.memfd, (off_t)pa);
    ck_assert(seen != MAP_FAILED);
    ck_assert_hex_eq(*seen, 0xfeed);
    munmap(seen, PAGE_SIZE);
    ram_destroy(&ram);
}
END_TEST
#endif

int main(void) {
    Suite *s = suite_create("sim ram");
    TCase *layout = tcase_create("layout");
    TCase *holes = tcase_create("holes");
    TCase *junk = tcase_create("junk");
    TCase *size = tcase_create("size");

    tcase_add_test(layout,
                   runs_are_the_frames_that_usable_and_acpi_entries_touch);
    tcase_add_loop_test(
        layout, random_maps_are_laid_out_as_a_byte_per_frame_says, 0, 4);
    tcase_add_test(layout, ram_holds_only_what_lies_in_one_run_entirely);
    tcase_add_test(layout, a_map_that_cannot_be_ram_is_refused_with_a_sentence);
    tcase_add_test(layout, the_alias_lies_where_it_was_wanted_or_nowhere);
    suite_add_tcase(s, layout);
    tcase_add_test(holes, a_hole_reads_as_ones_swallows_writes_and_is_counted);
    tcase_add_test(holes, memory_is_little_endian);
    suite_add_tcase(s, holes);
    tcase_add_loop_test(junk, fresh_ram_has_no_zero_word_and_repeats_nothing, 0,
                        3);
    tcase_add_test(junk,
                   equal_seeds_give_equal_junk_in_whatever_order_it_is_touched);
    tcase_add_test(junk, touching_again_keeps_what_was_stored);
    tcase_add_test(
        junk, junk_is_written_in_all_of_the_touched_range_and_nowhere_else);
    suite_add_tcase(s, junk);
#ifdef __linux__
    tcase_add_test(size, a_machine_of_16_tib_costs_only_what_is_touched);
    tcase_add_test(size, the_offset_in_the_file_is_the_physical_address);
#endif
    suite_add_tcase(s, size);
    return tables_run(s);
}
