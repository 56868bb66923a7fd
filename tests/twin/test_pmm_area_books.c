/*
 * The books of the default strategy: a count and a line of bits for each area,
 * the classes of fullness, and the index over them.
 */
#include <string.h>

#include "pmm/areas.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/test_pmm_areas.h"

static const struct hw_boot *boot_info;

static void setup(void) {
    boot_info = machine_power_on();
    ck_assert_status(pmm_init(&pmm, boot_info, &pmm_areas), MM_OK);
}

static void teardown(void) {
    ck_assert(pmm_is_sound(&pmm));
    machine_power_off();
}

static pfn_t alloc(void) {
    pfn_t f = pfn(0);

    ck_assert_status(pmm_alloc(&pmm, &f), MM_OK);
    return f;
}

static uint64_t area_number(pfn_t f) {
    return area_of(&pmm, f, pmm_run_of(&pmm, f));
}

START_TEST(metadata_is_at_most_35_kib_per_gib)
{ /* P9: what a machine of 16 TiB would need */
    static struct pmm large;

    large.runs[0] = (struct pmm_run){ pfn(256), 3 * GIB >> PAGE_SHIFT };
    large.runs[1] =
        (struct pmm_run){ pfn(4 * GIB >> PAGE_SHIFT), 16 * TIB >> PAGE_SHIFT };
    large.run_count = 2;
    large.spans[0] = large.runs[0];
    large.spans[1] = large.runs[1];
    large.span_count = 2;
    large.frames = large.runs[1].first.v + large.runs[1].count;
    ck_assert_uint_le(pmm_areas.metadata_size(&large),
                      35 * KIB * (16 * TIB / GIB));
    ck_assert_uint_ge(pmm_areas.metadata_size(&large),
                      33 * KIB * (16 * TIB / GIB)); /* and not nothing */
}
END_TEST

/** Something in the books is changed and has to be noticed. */
static void expect_noticed(uint64_t *word, uint64_t flip, const char *what) {
    *word ^= flip;
    ck_assert_msg(!pmm_is_sound(&pmm), "%s: not noticed", what);
    *word ^= flip;
    ck_assert(pmm_is_sound(&pmm));
}

START_TEST(damaged_books_of_areas_are_noticed)
{ /* P14 */
    const pfn_t f = alloc();
    const uint64_t n = area_number(f);
    struct pmm_zone *zone = &pmm.areas.zones[1];
    uint16_t *count = &pmm.areas.free[n];
    const uint16_t kept = *count;

    expect_noticed(&pmm.areas.lines[n * AREA_WORDS + f.v % 512 / 64],
                   UINT64_C(1) << (f.v % 64), "a bit of a used frame");
    expect_noticed(&zone->opened, UINT64_C(1) << 40, "areas opened");
    for (unsigned c = 0; c < PMM_AREA_CLASSES; c++) {
        expect_noticed(&zone->level[0]->in[c], 1, "a bit of the index");
    }
    *count = AREA_FRAMES + 1;
    ck_assert(!pmm_is_sound(&pmm));
    *count = (uint16_t)(kept + 1);
    ck_assert(!pmm_is_sound(&pmm));
    *count = kept;
    ck_assert_status(pmm_free(&pmm, f), MM_OK);
}
END_TEST

START_TEST(a_class_ends_only_where_it_may)
{                                     /* P14 */
    ck_assert(area_class_may_end(1)); /* from no class at all */
    for (unsigned free = 2; free <= AREA_FRAMES; free++) {
        if (area_class(free) != area_class(free - 1)) {
            ck_assert_uint_gt(area_class(free), area_class(free - 1));
            ck_assert_msg(area_class_may_end(free), "%u", free);
        }
    }
}
END_TEST

/*
 *   areas    [ 0 .. 63: nothing free ][ 64 .. 71: nothing free ][ 72: ...
 *            opened together            opened next
 */
START_TEST(the_search_goes_on_behind_areas_that_have_nothing)
{ /* P4, P5 */
    static struct pmm large;
    static const struct memmap_entry map[] = {
        { { { MIB }, GIB }, MEMMAP_USABLE },
    };
    struct hw_boot boot = *boot_info;
    pfn_t f;

    boot.map = map;
    boot.map_count = 1;
    boot.reserved[boot.reserved_count++] =
        (struct prange){ paddr(16 * MIB), 144 * MIB };
    ck_assert_status(pmm_init(&large, &boot, &pmm_areas), MM_OK);
    ck_assert_status(pmm_alloc(&large, &f), MM_OK);
    ck_assert_hex_eq(f.v, 160 * MIB >> PAGE_SHIFT);
    ck_assert_status(pmm_free(&large, f), MM_OK);
    ck_assert(pmm_is_sound(&large));
}
END_TEST

START_TEST(a_run_of_an_area_that_is_free_does_not_come_back)
{ /* P11 */
    const pfn_t other = pfn(PMM_BELOW_16M.v + 1024);
    const uint64_t n = area_number(other);
    pfn_t f;

    pmm.areas.free[n] = 5; /* junk that looks as if all were used but five */
    memset(&pmm.areas.lines[n * AREA_WORDS], 0, AREA_FRAMES / 8);
    ck_assert_status(pmm_free(&pmm, other), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_free_run(&pmm, other, 4), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_alloc_run(&pmm, pmm_block(3), &f), MM_OK);
    /* now it is described */
    ck_assert_uint_ne(align_down(f.v, 512), other.v);
    ck_assert_status(pmm_free_run(&pmm, other, 4), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_free(&pmm, other), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_free_run(&pmm, f, 8), MM_OK);
}
END_TEST

/*
 *   level 1   [ 1 1 1 ]              200 areas: four nodes below, one above
 *   level 0   [ 64 ][ 64 ][ 64 ][ 8 ]
 */
START_TEST(an_index_of_two_levels_finds_what_was_added)
{ /* P14 */
    static struct pmm_area_node nodes[5];
    struct pmm_zone zone = { .count = 200 };

    ck_assert_uint_eq(area_index_nodes(0), 0);
    ck_assert_uint_eq(area_index_nodes(1), 1);
    ck_assert_uint_eq(area_index_nodes(64), 1);
    ck_assert_uint_eq(area_index_nodes(65), 3);
    ck_assert_uint_eq(area_index_nodes(200), 5);
    memset(nodes, 0xff, sizeof(nodes)); /* junk until opened */
    area_index_place(&zone, nodes);
    ck_assert_uint_eq(zone.levels, 2);
    ck_assert_uint_eq(area_index_next(&zone, 0, 0), 200);
    ck_assert_uint_eq(area_index_fullest(&zone), 200);
    for (uint64_t n = 0; n < 200; n += 64) {
        area_index_open(&zone, n);
        zone.opened = n + 64 < 200 ? n + 64 : 200;
        ck_assert_uint_eq(area_index_next(&zone, 3, 0), 200);
    }
    area_index_add(&zone, 70, 3);
    area_index_add(&zone, 71, 3);
    area_index_add(&zone, 199, 3);
    ck_assert_uint_eq(area_index_next(&zone, 3, 0), 70);
    ck_assert_uint_eq(area_index_next(&zone, 3, 71), 71);
    ck_assert_uint_eq(area_index_next(&zone, 3, 72), 199);
    ck_assert_uint_eq(area_index_fullest(&zone), 70);
    area_index_add(&zone, 180, 2);
    ck_assert_uint_eq(area_index_fullest(&zone), 180);
    area_index_remove(&zone, 180, 2);
    ck_assert_uint_eq(area_index_next(&zone, 2, 0), 200);
    ck_assert(area_index_is_sound(&zone));
    nodes[4].in[3] ^= 1; /* "below the first node is one" */
    ck_assert(!area_index_is_sound(&zone));
    nodes[4].in[3] ^= 1;
    area_index_remove(&zone, 70, 3);
    ck_assert(area_index_has(&zone, 71, 3));
    area_index_remove(&zone, 71, 3);
    ck_assert_uint_eq(area_index_next(&zone, 3, 0), 199);
    ck_assert(area_index_is_sound(&zone));
}
END_TEST

void pmm_areas_add_books(Suite *suite) {
    TCase *tc = tcase_create("books");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, metadata_is_at_most_35_kib_per_gib);
    tcase_add_test(tc, damaged_books_of_areas_are_noticed);
    tcase_add_test(tc, a_class_ends_only_where_it_may);
    tcase_add_test(tc, the_search_goes_on_behind_areas_that_have_nothing);
    tcase_add_test(tc, a_run_of_an_area_that_is_free_does_not_come_back);
    tcase_add_test(tc, an_index_of_two_levels_finds_what_was_added);
    suite_add_tcase(suite, tc);
}
