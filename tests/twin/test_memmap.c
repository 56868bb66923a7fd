/*
 * From a firmware map to runs: no machine needed, only numbers.
 */
#include <string.h>

#include "base/hash.h"
#include "twin/suites.h"
#include "twin/test_memmap.h"

#define RUNS 64

static struct pmm_run runs[RUNS];

static void expect_run(size_t i, uint64_t first, uint64_t count) {
    expect_same_run(i, runs[i], first, count);
}

static size_t usable(const struct memmap_entry *map, size_t count) {
    memset(runs, 0xee, sizeof(runs));
    return memmap_usable(map, count, runs, RUNS);
}

/*
 *   as given   [ c ]            [ a ]   [ b ]
 *   runs       [ 0 ]            [ 1 ]   [ 2 ]
 */
START_TEST(entries_in_any_order_give_ascending_runs)
{ /* P2 */
    const struct memmap_entry map[] = {
        entry(F(20), F(24), MEMMAP_USABLE),
        entry(F(30), F(31), MEMMAP_USABLE),
        entry(F(1), F(4), MEMMAP_USABLE),
    };

    ck_assert_uint_eq(usable(map, COUNT(map)), 3);
    expect_run(0, 1, 3);
    expect_run(1, 20, 4);
    expect_run(2, 30, 1);
}
END_TEST

START_TEST(overlapping_usable_entries_are_counted_once)
{ /* P2 */
    const struct memmap_entry map[] = {
        entry(F(4), F(10), MEMMAP_USABLE),
        entry(F(2), F(6), MEMMAP_USABLE),
        entry(F(2), F(6), MEMMAP_USABLE),
    };

    ck_assert_uint_eq(usable(map, COUNT(map)), 1);
    expect_run(0, 2, 8);
    ck_assert_uint_eq(memmap_frames(map, COUNT(map)), 8);
}
END_TEST

START_TEST(whatever_is_claimed_otherwise_wins_over_usable)
{ /* P2 */
    static const uint32_t others[] = { MEMMAP_RESERVED,
                                       MEMMAP_ACPI_RECLAIMABLE,
                                       MEMMAP_ACPI_NVS,
                                       MEMMAP_BAD,
                                       0,
                                       7,
                                       0xefffffff };

    for (size_t i = 0; i < COUNT(others); i++) {
        const struct memmap_entry map[] = {
            entry(F(4), F(5), others[i]),
            entry(F(0), F(10), MEMMAP_USABLE),
            entry(F(8), F(20), others[i]),
        };

        ck_assert_uint_eq(usable(map, COUNT(map)), 2);
        expect_run(0, 0, 4);
        expect_run(1, 5, 3);
    }
}
END_TEST

START_TEST(an_entry_of_length_zero_changes_nothing)
{ /* P2 */
    const struct memmap_entry map[] = {
        entry(F(5), F(5), MEMMAP_RESERVED), entry(F(2), F(9), MEMMAP_USABLE),
        entry(F(0), F(0), MEMMAP_USABLE),   entry(F(50), F(50), MEMMAP_USABLE),
        entry(F(3), F(3), MEMMAP_USABLE),
    };

    ck_assert_uint_eq(usable(map, COUNT(map)), 1);
    expect_run(0, 2, 7);
}
END_TEST

START_TEST(adjacent_entries_become_one_run)
{ /* P2 */
    const struct memmap_entry map[] = {
        entry(F(6), F(9), MEMMAP_USABLE),
        entry(F(2), F(6), MEMMAP_USABLE),
    };

    ck_assert_uint_eq(usable(map, COUNT(map)), 1);
    expect_run(0, 2, 7);
}
END_TEST

/*
 *   frames   |   2   |   3   |   4   |
 *   entries  [ a       ][ b          ]     frame 3 is whole, in two pieces
 */
START_TEST(two_usable_entries_that_meet_inside_a_frame_give_that_frame)
{
    const struct memmap_entry map[] = {
        entry(F(2), F(3) + 0x234, MEMMAP_USABLE),
        entry(F(3) + 0x234, F(5), MEMMAP_USABLE),
    };

    ck_assert_uint_eq(usable(map, COUNT(map)), 1); /* P2 */
    expect_run(0, 2, 3);
}
END_TEST

START_TEST(a_frame_that_lacks_one_byte_is_not_usable)
{ /* P2 */
    const struct memmap_entry lacks[] = {
        entry(F(2) + 1, F(5), MEMMAP_USABLE),
        entry(F(8), F(11) - 1, MEMMAP_USABLE),
        entry(F(20) + 1, F(21) + 0xfff, MEMMAP_USABLE),
        entry(F(30), F(33), MEMMAP_USABLE),
        entry(F(31) + 7, F(31) + 8, MEMMAP_BAD),
    };

    ck_assert_uint_eq(usable(lacks, COUNT(lacks)), 4);
    expect_run(0, 3, 2);
    expect_run(1, 8, 2);
    expect_run(2, 30, 1);
    expect_run(3, 32, 1);
}
END_TEST

START_TEST(memory_below_1_mib_and_beyond_4_gib_is_found)
{ /* P2 */
    const struct memmap_entry map[] = {
        entry(0, 0x9fc00, MEMMAP_USABLE),
        entry(0x9fc00, 0xa0000, MEMMAP_RESERVED),
        entry(0x100000, 0xc0000000, MEMMAP_USABLE),
        entry(4 * GIB, 40 * GIB, MEMMAP_USABLE),
        entry(2 * TIB, 2 * TIB + F(1), MEMMAP_USABLE),
    };

    ck_assert_uint_eq(usable(map, COUNT(map)), 4);
    expect_run(0, 0, 0x9f);
    expect_run(1, 0x100, 0xbff00);
    expect_run(2, 0x100000, 36 * GIB >> PAGE_SHIFT);
    expect_run(3, 2 * TIB >> PAGE_SHIFT, 1);
}
END_TEST

START_TEST(an_entry_that_runs_past_the_address_space_is_cut_there)
{                                               /* P2 */
    const uint64_t top = UINT64_MAX - F(4) + 1; /* 2^64 - 4 frames */
    const struct memmap_entry wraps[] = {
        { { paddr(top), F(100) }, MEMMAP_USABLE },
    };
    const struct memmap_entry to_the_end[] = {
        { { paddr(top), F(4) }, MEMMAP_USABLE },
    };
    const struct memmap_entry all_of_it[] = {
        { { paddr(0), UINT64_MAX }, MEMMAP_USABLE },
    };

    ck_assert_uint_eq(usable(wraps, 1), 1);
    expect_run(0, top >> PAGE_SHIFT, 4);
    ck_assert_uint_eq(usable(to_the_end, 1), 1);
    expect_run(0, top >> PAGE_SHIFT, 4);
    ck_assert_uint_eq(usable(all_of_it, 1), 1);
    expect_run(0, 0, (UINT64_C(1) << 52) - 1); /* the last byte is missing */
}
END_TEST

START_TEST(a_map_without_usable_memory_gives_no_run)
{ /* P3 */
    const struct memmap_entry map[] = {
        entry(F(0), F(100), MEMMAP_RESERVED),
        entry(F(200) + 1, F(201), MEMMAP_USABLE),
    };

    ck_assert_uint_eq(usable(map, COUNT(map)), 0);
    ck_assert_uint_eq(usable(map, 0), 0);
    ck_assert_uint_eq(memmap_frames(map, COUNT(map)), 0);
}
END_TEST

/* 100 entries, every second frame, given from the top down. */
START_TEST(more_than_64_entries_all_count_and_the_largest_runs_are_kept)
{
    struct memmap_entry map[100]; /* P2 */

    for (size_t i = 0; i < COUNT(map); i++) {
        const uint64_t at = F(2 * (COUNT(map) - i));

        map[i] = entry(at, at + F(1), MEMMAP_USABLE);
    }
    map[10].range.len = F(5); /* frames 180..184: swallows 182 and 184 */
    ck_assert_uint_eq(memmap_frames(map, COUNT(map)), 102);
    ck_assert_uint_eq(usable(map, COUNT(map)), RUNS);
    ck_assert_uint_eq(memmap_usable(map, COUNT(map), runs, 1), 1);
    expect_run(0, 180, 5);
    ck_assert_uint_eq(memmap_usable(map, COUNT(map), runs, 0), 0);
}
END_TEST

/* --- against an oracle ---------------------------------------------------- */

/*
 * Random maps of 24 frames whose edges lie at multiples of 1 KiB, or one or two
 * bytes above.  Bytes 0, 1, 2 and the last of each KiB then speak for all.
 */
#define SMALL_FRAMES 24u
#define ENTRIES_MAX 10

struct random {
    uint64_t state;
};

static uint64_t below(struct random *random, uint64_t limit) {
    return hash_mix(random->state++) % limit;
}

static uint64_t random_edge(struct random *random) {
    return below(random, 4 * SMALL_FRAMES + 1) * KIB + below(random, 3);
}

static struct memmap_entry random_entry(struct random *random) {
    const uint64_t a = random_edge(random), b = random_edge(random);
    const uint32_t type =
        below(random, 3) > 0 ? MEMMAP_USABLE : (uint32_t)below(random, 8);

    return entry(a < b ? a : b, a < b ? b : a, type);
}

static bool byte_is_usable(const struct memmap_entry *map, size_t count,
                           uint64_t byte) {
    bool covered = false;

    for (size_t i = 0; i < count; i++) {
        if (byte >= map[i].range.base.v &&
            byte - map[i].range.base.v < map[i].range.len) {
            if (map[i].type != MEMMAP_USABLE) {
                return false;
            }
            covered = true;
        }
    }
    return covered;
}

static bool frame_is_usable(const struct memmap_entry *map, size_t count,
                            uint64_t f) {
    for (uint64_t k = 0; k < 4; k++) {
        const uint64_t at = F(f) + k * KIB;

        if (!byte_is_usable(map, count, at) ||
            !byte_is_usable(map, count, at + 1) ||
            !byte_is_usable(map, count, at + 2) ||
            !byte_is_usable(map, count, at + KIB - 1)) {
            return false;
        }
    }
    return true;
}

static bool run_holds(size_t count, uint64_t f) {
    for (size_t i = 0; i < count; i++) {
        if (range_holds(runs[i].first.v, runs[i].count, f)) {
            return true;
        }
    }
    return false;
}

static void expect_runs_apart(size_t count) {
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_gt(runs[i].count, 0);
        if (i > 0) {
            ck_assert_uint_gt(runs[i].first.v,
                              runs[i - 1].first.v + runs[i - 1].count);
        }
    }
}

START_TEST(random_maps_and_holes_agree_with_a_look_at_every_frame)
{
    for (uint64_t seed = 0; seed < 400; seed++) { /* P2 P4 */
        struct random random = { seed << 20 };
        struct memmap_entry map[ENTRIES_MAX];
        const size_t count = (size_t)below(&random, ENTRIES_MAX + 1);
        struct prange hole;
        size_t kept;

        for (size_t i = 0; i < count; i++) {
            map[i] = random_entry(&random);
        }
        hole = random_entry(&random).range;
        kept = usable(map, count);
        expect_runs_apart(kept);
        for (uint64_t f = 0; f <= SMALL_FRAMES; f++) {
            ck_assert_msg(run_holds(kept, f) == frame_is_usable(map, count, f),
                          "seed %lu: frame %lu is wrong", (unsigned long)seed,
                          (unsigned long)f);
        }
        kept = memmap_reserve(runs, kept, RUNS, hole);
        expect_runs_apart(kept);
        for (uint64_t f = 0; f <= SMALL_FRAMES; f++) {
            const bool hit =
                ranges_overlap(hole.base.v, hole.len, F(f), PAGE_SIZE);

            ck_assert_msg(run_holds(kept, f) ==
                              (frame_is_usable(map, count, f) && !hit),
                          "seed %lu: frame %lu is wrong after the hole",
                          (unsigned long)seed, (unsigned long)f);
        }
    }
}
END_TEST

Suite *memmap_suite(void) {
    Suite *suite = suite_create("memmap");
    TCase *tc = tcase_create("usable");

    tcase_add_test(tc, entries_in_any_order_give_ascending_runs);
    tcase_add_test(tc, overlapping_usable_entries_are_counted_once);
    tcase_add_test(tc, whatever_is_claimed_otherwise_wins_over_usable);
    tcase_add_test(tc, an_entry_of_length_zero_changes_nothing);
    tcase_add_test(tc, adjacent_entries_become_one_run);
    tcase_add_test(tc,
                   two_usable_entries_that_meet_inside_a_frame_give_that_frame);
    tcase_add_test(tc, a_frame_that_lacks_one_byte_is_not_usable);
    tcase_add_test(tc, memory_below_1_mib_and_beyond_4_gib_is_found);
    tcase_add_test(tc, an_entry_that_runs_past_the_address_space_is_cut_there);
    tcase_add_test(tc, a_map_without_usable_memory_gives_no_run);
    tcase_add_test(
        tc, more_than_64_entries_all_count_and_the_largest_runs_are_kept);
    suite_add_tcase(suite, tc);

    memmap_add_holes(suite);

    tc = tcase_create("oracle");
    tcase_add_test(tc, random_maps_and_holes_agree_with_a_look_at_every_frame);
    suite_add_tcase(suite, tc);
    return suite;
}
