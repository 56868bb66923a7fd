/*
 * The maps of real machines: the frames that expected.json says, to the frame,
 * from the map as it stands and from thousands of ways to say the same.
 *
 * expected.json comes from two other programs, so it is a judge.  Maps are
 * found under $top_srcdir/tests/data/maps; make check sets it.
 */
#include <check.h>
#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "pmm/memmap.h"
#include "sim/mapfile.h"

#define VARIANTS 100 /* of each map */
#define ENTRIES_MAX 1024
#define MAPS_MAX 100

static json_t *expected; /* all of expected.json */
static const char *names[MAPS_MAX];
static int name_count;
static char folder[400];

/** One map, and what is said of it. */
static const char *name;
static json_t *said;
static struct mapfile map;

static void setup(void) {
    map = (struct mapfile){ NULL, 0 };
}

static void teardown(void) {
    mapfile_destroy(&map);
}

static void read_map(int i) {
    char path[600], why[300];

    name = names[i];
    said = json_object_get(expected, name);
    snprintf(path, sizeof path, "%s/%s.map", folder, name);
    ck_assert_msg(mapfile_read(&map, path, why, sizeof why), "%s", why);
}

/* --- what is expected ----------------------------------------------------- */

static uint64_t said_number(const char *key) {
    const json_t *value = json_object_get(said, key);

    ck_assert_msg(json_is_integer(value), "%s: no %s is expected", name, key);
    return (uint64_t)json_integer_value(value);
}

static struct pmm_run said_run(size_t i) {
    const json_t *pair = json_array_get(json_object_get(said, "ranges"), i);
    const char *first = json_string_value(json_array_get(pair, 0));
    const char *last = json_string_value(json_array_get(pair, 1));
    uint64_t from, to;

    ck_assert_msg(first != NULL && last != NULL, "%s: no range %zu", name, i);
    from = strtoull(first, NULL, 16) >> PAGE_SHIFT;
    to = (strtoull(last, NULL, 16) + 1) >> PAGE_SHIFT;
    return (struct pmm_run){ pfn(from), to - from };
}

static void expect(const char *key, uint64_t seen) {
    ck_assert_msg(seen == said_number(key),
                  "%s: %s is %" PRIu64 ", expected %" PRIu64, name, key, seen,
                  said_number(key));
}

/** The runs of @entries are the ranges that are expected of the map. */
static void expect_runs(const struct memmap_entry *entries, size_t count,
                        const char *what, uint64_t seed) {
    const size_t ranges = json_array_size(json_object_get(said, "ranges"));
    struct memmap_cursor cursor = { .at = 0 };
    struct pmm_run run;
    size_t n = 0;

    while (memmap_next(entries, count, &cursor, &run)) {
        struct pmm_run right;

        ck_assert_msg(n < ranges, "%s, %s, seed %" PRIu64 ": a run too many",
                      name, what, seed);
        right = said_run(n);
        ck_assert_msg(run.first.v == right.first.v && run.count == right.count,
                      "%s, %s, seed %" PRIu64 ": run %zu is %" PRIu64
                      " frames from 0x%" PRIx64 ", expected %" PRIu64
                      " from 0x%" PRIx64,
                      name, what, seed, n, run.count, run.first.v, right.count,
                      right.first.v);
        n++;
    }
    ck_assert_msg(n == ranges,
                  "%s, %s, seed %" PRIu64 ": %zu runs, expected %zu", name,
                  what, seed, n, ranges);
}

START_TEST(a_real_map_has_the_frames_that_are_expected_of_it)
{ /* P2 */
    struct memmap_figures sum;

    read_map(_i);
    sum = memmap_figures(map.entries, map.count);
    expect("entries", map.count);
    expect("usable_frames", sum.frames);
    expect("usable_bytes", sum.frames * PAGE_SIZE);
    expect("frames_below_1MiB", sum.below_1m);
    expect("frames_below_16MiB", sum.below_16m);
    expect("frames_below_4GiB", sum.below_4g);
    expect("full_2MiB_blocks", sum.blocks_2m);
    expect("full_1GiB_blocks", sum.blocks_1g);
    expect("lowest_usable_frame", sum.lowest.v);
    expect("highest_usable_frame", sum.highest.v);
    ck_assert_uint_eq(sum.runs,
                      json_array_size(json_object_get(said, "ranges")));
    ck_assert_uint_eq(memmap_frames(map.entries, map.count), sum.frames);
    expect_runs(map.entries, map.count, "as it stands", 0);
}
END_TEST

/** A pmm keeps 256 runs; real maps have far fewer. */
START_TEST(no_real_map_has_more_runs_than_are_kept)
{
    struct pmm_run runs[PMM_RUNS_MAX];
    size_t kept;

    read_map(_i);
    kept = memmap_usable(map.entries, map.count, runs, PMM_RUNS_MAX);
    ck_assert_uint_eq(kept, memmap_figures(map.entries, map.count).runs);
    for (size_t i = 0; i < kept; i++) {
        const struct pmm_run right = said_run(i);

        ck_assert(runs[i].first.v == right.first.v &&
                  runs[i].count == right.count);
    }
}
END_TEST

/* --- other ways to say the same ------------------------------------------- */

struct draft {
    struct memmap_entry entries[ENTRIES_MAX];
    size_t count;
    uint64_t random;
};

static struct draft draft;

static uint64_t below(struct draft *d, uint64_t limit) {
    return hash_mix(d->random++) % limit;
}

static void add(struct draft *d, uint64_t base, uint64_t len, uint32_t type) {
    if (d->count < ENTRIES_MAX) {
        d->entries[d->count++] =
            (struct memmap_entry){ { paddr(base), len }, type };
    }
}

static uint32_t other_type(struct draft *d) {
    static const uint32_t others[] = { 0, 2, 3, 4, 5, 7, 12, 20, 4026531839u };

    return others[below(d, sizeof(others) / sizeof(others[0]))];
}

/** Any order. */
static void shuffle(struct draft *d) {
    for (size_t i = d->count; i > 1; i--) {
        const size_t j = (size_t)below(d, i);
        const struct memmap_entry held = d->entries[i - 1];

        d->entries[i - 1] = d->entries[j];
        d->entries[j] = held;
    }
}

/** Entries in pieces, cut at any byte. */
static void split(struct draft *d) {
    const size_t count = d->count;

    for (size_t i = 0; i < count; i++) {
        struct memmap_entry *e = &d->entries[i];

        while (e->range.len > 1 && d->count < ENTRIES_MAX && below(d, 3) != 0) {
            const uint64_t left = 1 + below(d, e->range.len - 1);

            add(d, e->range.base.v + left, e->range.len - left, e->type);
            e->range.len = left;
        }
    }
}

/** Entries twice, and parts of them once more: said already. */
static void repeat(struct draft *d) {
    const size_t count = d->count;

    for (size_t i = 0; i < count; i++) {
        const struct memmap_entry e = d->entries[i];

        if (e.range.len > 0 && below(d, 2) == 0) {
            const uint64_t from = below(d, 2) * below(d, e.range.len);

            add(d, e.range.base.v + from,
                below(d, e.range.len - from) + (from == 0), e.type);
        }
    }
}

/** What is not usable is so whatever it is called and who else claims it. */
static void contradict(struct draft *d) {
    const size_t count = d->count;

    for (size_t i = 0; i < count; i++) {
        struct memmap_entry *e = &d->entries[i];

        if (e->type != MEMMAP_USABLE) {
            e->type = below(d, 2) == 0 ? other_type(d) : e->type;
            if (e->range.len > 0 && below(d, 2) == 0) {
                const uint64_t from = below(d, e->range.len);

                add(d, e->range.base.v + from,
                    1 + below(d, e->range.len - from),
                    below(d, 2) == 0 ? MEMMAP_USABLE : other_type(d));
            }
        }
    }
}

/** Empty entries, anywhere. */
static void sprinkle(struct draft *d) {
    for (uint64_t n = below(d, 20); n > 0; n--) {
        add(d, below(d, UINT64_MAX), 0,
            below(d, 2) == 0 ? MEMMAP_USABLE : other_type(d));
    }
}

static const struct {
    const char *what;
    void (*change)(struct draft *d);
} changes[] = {
    { "split", split },           { "duplicated", repeat },
    { "overlapped", contradict }, { "with empty entries", sprinkle },
    { "shuffled", shuffle },
};
#define CHANGES (sizeof(changes) / sizeof(changes[0]))

START_TEST(every_way_to_say_a_map_gives_the_same_frames)
{ /* P2 */
    read_map(_i);
    for (uint64_t seed = 0; seed < VARIANTS; seed++) {
        /* One change alone first, then any set of them. */
        const uint64_t which = seed < CHANGES ? UINT64_C(1) << seed
                                              : hash_mix(seed) % (1 << CHANGES);
        const char *what = "as it stands";

        memcpy(draft.entries, map.entries, map.count * sizeof(*map.entries));
        draft.count = map.count;
        draft.random = (seed + 1) << 32 | (uint64_t)_i << 24;
        for (size_t c = 0; c < CHANGES; c++) {
            if ((which >> c & 1) != 0) {
                changes[c].change(&draft);
                what = changes[c].what;
            }
        }
        expect_runs(draft.entries, draft.count, what, seed);
    }
}
END_TEST

START_TEST(every_map_in_the_folder_is_expected)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int seen = 0;

    ck_assert_msg(dir != NULL, "%s cannot be opened", folder);
    while ((entry = readdir(dir)) != NULL) {
        char *end = strstr(entry->d_name, ".map");

        if (end != NULL) {
            *end = '\0';
            ck_assert_msg(json_object_get(expected, entry->d_name) != NULL,
                          "nothing is expected of %s", entry->d_name);
            seen++;
        }
    }
    closedir(dir);
    ck_assert_int_eq(seen, name_count);
}
END_TEST

static void load_expected(void) {
    const char *top = getenv("top_srcdir");
    char path[500];
    json_error_t error;
    const char *key;
    json_t *value;

    snprintf(folder, sizeof folder, "%s/tests/data/maps",
             top != NULL ? top : ".");
    snprintf(path, sizeof path, "%s/expected.json", folder);
    expected = json_load_file(path, 0, &error);
    if (expected == NULL) {
        printf("Bail out! %s:%d: %s\n", path, error.line, error.text);
        exit(EXIT_FAILURE);
    }
    json_object_foreach(expected, key, value) {
        if (name_count < MAPS_MAX) {
            names[name_count++] = key;
        }
    }
}

int main(void) {
    Suite *suite = suite_create("real maps");
    TCase *tc = tcase_create("maps");
    SRunner *runner;

    load_expected();
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, every_map_in_the_folder_is_expected);
    tcase_add_loop_test(tc, a_real_map_has_the_frames_that_are_expected_of_it,
                        0, name_count);
    tcase_add_loop_test(tc, no_real_map_has_more_runs_than_are_kept, 0,
                        name_count);
    tcase_add_loop_test(tc, every_way_to_say_a_map_gives_the_same_frames, 0,
                        name_count);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    json_decref(expected);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
