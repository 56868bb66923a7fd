/*
 * Many regions: as many as there are frames for their records, each call a
 * logarithmic number of steps, and places found as a look at every page finds
 * them.
 */
#include <check.h>

#include "base/hash.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static const vaddr_t base = { UINT64_C(0x444444440000) };
static uint64_t dice;

static void setup(void) {
    machine_start_pages(&m);
}
static void teardown(void) {
    machine_stop_pages(&m);
}

static uint64_t below(uint64_t limit) {
    dice = hash_mix(dice);
    return dice % limit;
}

static enum mm_status add(vaddr_t va, uint64_t pages,
                          enum vmm_backing backing) {
    return vmm_region_add(
        &m.space, (struct vmm_region){ .name = "test",
                                       .range = { va, pages * PAGE_SIZE },
                                       .access = VMM_WRITE,
                                       .backing = backing });
}

/* --- thousands --------------------------------------------------------------
 */

#define SLOTS UINT64_C(4096)
/* A balanced tree of 4096 is at most 1.44 * log2(4098) records high. */
#define HIGHEST 17u

static bool is_there[SLOTS];

static vaddr_t slot(uint64_t n) {
    return vaddr_add(base, n * 2 * PAGE_SIZE);
}

static void toggle(uint64_t n) {
    const uint64_t before = m.space.stats.region_steps;
    uint64_t steps;

    if (is_there[n]) {
        ck_must(vmm_region_remove(&m.space, slot(n)) == MM_OK,
                "region %lu is not removed", (unsigned long)n);
    } else {
        ck_must(add(slot(n), 1, VMM_GUARD) == MM_OK, "region %lu is not added",
                (unsigned long)n);
    }
    is_there[n] = !is_there[n];
    steps = m.space.stats.region_steps - before;
    ck_must(steps <= HIGHEST, "%lu steps for one of %lu regions",
            (unsigned long)steps, (unsigned long)m.space.region_count);
}

static void expect_all(void) {
    const struct vmm_region *region = NULL;
    const char *why = "";

    for (uint64_t n = 0; n < SLOTS; n++) {
        const struct vmm_region *here = vmm_region_at(&m.space, slot(n));

        ck_must((here != NULL) == is_there[n], "region %lu is there: %d",
                (unsigned long)n, here != NULL);
        if (is_there[n]) {
            region = vmm_region_next(&m.space, region);
            ck_must(here == region, "region %lu is out of order",
                    (unsigned long)n);
        }
    }
    ck_assert_ptr_null(vmm_region_next(&m.space, region));
    ck_assert_msg(vmm_is_sound(&m.space, &why), "%s", why);
}

/** In ascending, descending or random order. */
static uint64_t nth_of(int order, uint64_t n) {
    return order == 0 ? n : order == 1 ? SLOTS - 1 - n : n * 1237 % SLOTS;
}

START_TEST(thousands_of_regions_take_a_logarithmic_number_of_steps)
{ /* V9 */
    for (uint64_t n = 0; n < SLOTS; n++) {
        is_there[n] = false;
    }
    for (uint64_t n = 0; n < SLOTS; n++) {
        toggle(nth_of(_i, n));
    }
    ck_assert_uint_eq(m.space.region_count, SLOTS);
    expect_all();
    dice = (uint64_t)_i + 1;
    for (unsigned step = 0; step < SLOTS; step++) {
        toggle(below(SLOTS));
    }
    expect_all();
    for (uint64_t n = 0; n < SLOTS; n++) {
        if (is_there[nth_of(_i, n)]) {
            toggle(nth_of(_i, n));
        }
    }
    ck_assert_uint_eq(m.space.region_count, 0);
    ck_assert_uint_eq(m.pmm.stats.allocated, 0); /* the records' frames */
}
END_TEST

/*
 *   [ 1 ] [ 1 ] [ 1 ] ... [ 1 ]   [ 1 ]     one hole of 3 pages near the end
 */
START_TEST(the_one_hole_among_thousands_of_regions_is_found_in_few_steps)
{ /* V10 */
    const struct vrange bounds = { base, 3 * SLOTS * PAGE_SIZE };
    uint64_t before;
    vaddr_t va;

    for (uint64_t n = 0; n < SLOTS; n++) {
        ck_must(n == SLOTS - 100 || add(slot(n), 1, VMM_GUARD) == MM_OK,
                "region %lu is not added", (unsigned long)n);
    }
    before = m.space.stats.region_steps;
    ck_assert_status(vmm_region_find(&m.space, bounds, 3 * PAGE_SIZE, 0, &va),
                     MM_OK);
    ck_assert_hex_eq(va.v, slot(SLOTS - 100).v - PAGE_SIZE);
    ck_assert_uint_le(m.space.stats.region_steps - before, 4 * HIGHEST);

    before = m.space.stats.region_steps;
    ck_assert_status(
        vmm_region_find(&m.space, bounds, 2 * PAGE_SIZE, PAGE_SIZE, &va),
        MM_OK);
    ck_assert_hex_eq(va.v, slot(SLOTS).v); /* behind all */
    ck_assert_uint_le(m.space.stats.region_steps - before, 4 * HIGHEST);
}
END_TEST

/* --- records ----------------------------------------------------------------
 */

START_TEST(without_a_frame_for_its_record_a_region_is_refused)
{ /* V8 V9 */
    uint64_t n = 0;

    machine_leave_free(&m.pmm, 0);
    while (add(slot(n), 1, VMM_GUARD) == MM_OK) {
        n++;
    }
    ck_assert_uint_eq(n, VMM_RECORDS_INSIDE);
    ck_assert_status(add(slot(n), 1, VMM_GUARD), MM_NO_MEMORY);
    ck_assert_uint_eq(m.space.region_count, n);
    ck_assert_ptr_null(vmm_region_at(&m.space, slot(n)));
    ck_assert_status(vmm_region_remove(&m.space, slot(3)), MM_OK);
    ck_assert_status(add(slot(n), 1, VMM_GUARD), MM_OK);
    machine_leave_free(&m.pmm, 1);
    ck_assert_status(add(slot(n + 1), 1, VMM_GUARD), MM_OK);
    ck_assert_uint_eq(pmm_free_count(&m.pmm), 0);
}
END_TEST

START_TEST(a_region_whose_pages_get_no_frame_leaves_no_record)
{ /* V8 */
    machine_leave_free(&m.pmm, 2);
    ck_assert_status(add(slot(0), 1, VMM_IMMEDIATE), MM_NO_MEMORY);
    ck_assert_uint_eq(m.space.region_count, 0);
    ck_assert_ptr_null(vmm_region_at(&m.space, slot(0)));
    ck_assert_uint_eq(m.space.inside_used, 0);
}
END_TEST

START_TEST(a_record_in_a_free_frame_is_noticed)
{
    struct pmm_stats stats;
    const char *why = "";
    pfn_t f;

    for (uint64_t n = 0; n <= VMM_RECORDS_INSIDE; n++) {
        ck_assert_status(add(slot(n), 1, VMM_GUARD), MM_OK);
    }
    f = pfn_of(paddr(vaddr_page(vaddr_of_pointer(m.space.records)).v -
                     m.space.direct_base.v));
    stats = m.pmm.stats;
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
    ck_assert(!vmm_is_sound(&m.space, &why));
    ck_assert_str_eq(why, "the record of a region lies in a free frame");
    ck_assert(m.pmm.class->take(&m.pmm, f, 1)); /* as if it had not been */
    m.pmm.stats = stats;
    ck_assert(vmm_is_sound(&m.space, NULL));
}
END_TEST

/*
 *        [ 1 ]            [ 0 ]                          [ 2 ]
 *       /     \                \                        /
 *    [ 0 ]   [ 2 ]             [ 1 ]                [ 1 ]
 *                                  \              /
 *      balanced                   [ 2 ]        [ 0 ]
 */
static void expect_misfit(const char *what) {
    const char *why = "";

    ck_assert_msg(!vmm_is_sound(&m.space, &why), "not noticed: %s", what);
    ck_assert_str_eq(why, "the tree of regions does not fit them");
}

START_TEST(a_tree_that_does_not_fit_its_regions_is_noticed)
{ /* V9 */
    struct vmm_record *root, *low, *high, kept[3];

    for (uint64_t n = 0; n < 3; n++) {
        ck_assert_status(add(slot(n), 1, VMM_GUARD), MM_OK);
    }
    root = m.space.regions;
    low = root->child[0];
    high = root->child[1];
    kept[0] = *low;
    kept[1] = *root;
    kept[2] = *high;
    root->first++;
    expect_misfit("the first byte");
    *root = kept[1];
    root->last++;
    expect_misfit("the last byte");
    *root = kept[1];
    root->hole++;
    expect_misfit("the hole");
    *root = kept[1];
    root->height++;
    expect_misfit("the height");
    *root = kept[1];
    low->hole = 1;
    expect_misfit("the hole of the lower branch");
    *low = kept[0];
    high->hole = 1;
    expect_misfit("the hole of the higher branch");
    *high = kept[2];

    for (unsigned side = 0; side < 2; side++) { /* a list is no tree */
        struct vmm_record *top = side == 0 ? high : low;

        root->child[!side] = NULL;
        root->height = 2;
        root->hole = PAGE_SIZE;
        (side == 0 ? &root->last : &root->first)[0] =
            side == 0 ? kept[1].region.range.base.v + PAGE_SIZE - 1
                      : kept[1].region.range.base.v;
        top->child[side] = root;
        top->height = 3;
        top->hole = PAGE_SIZE;
        top->first = kept[1].first;
        top->last = kept[1].last;
        m.space.regions = top;
        expect_misfit("one branch much higher than the other");
        *low = kept[0];
        *root = kept[1];
        *high = kept[2];
        m.space.regions = root;
    }
    ck_assert(vmm_is_sound(&m.space, NULL));
}
END_TEST

/* --- places beside a look at every page -------------------------------------
 */

#define PAGES 64u

static bool taken[PAGES]; /* by a region */

/** No region within @gap pages of the @len pages at @first? */
static bool is_free(uint64_t first, uint64_t len, uint64_t gap) {
    for (uint64_t n = first < gap ? 0 : first - gap;
         n < first + len + gap && n < PAGES; n++) {
        if (taken[n]) {
            return false;
        }
    }
    return true;
}

static void expect_place(uint64_t low, uint64_t high, uint64_t len,
                         uint64_t gap) {
    const struct vrange bounds = { vaddr_add(base, low * PAGE_SIZE),
                                   (high - low) * PAGE_SIZE };
    enum mm_status status;
    uint64_t want = low;
    vaddr_t va = vaddr(0);

    while (want + len <= high && !is_free(want, len, gap)) {
        want++;
    }
    status = vmm_region_find(&m.space, bounds, len * PAGE_SIZE, gap * PAGE_SIZE,
                             &va);
    ck_must((status == MM_OK) == (want + len <= high),
            "%lu pages, %lu apart, in %lu .. %lu: %s", (unsigned long)len,
            (unsigned long)gap, (unsigned long)low, (unsigned long)high,
            mm_status_name(status));
    ck_must(status != MM_OK || va.v == base.v + want * PAGE_SIZE,
            "%lu pages, %lu apart, in %lu .. %lu: at %lu, expected %lu",
            (unsigned long)len, (unsigned long)gap, (unsigned long)low,
            (unsigned long)high, (unsigned long)((va.v - base.v) >> PAGE_SHIFT),
            (unsigned long)want);
}

START_TEST(a_place_is_the_lowest_that_a_look_at_every_page_finds)
{ /* V10: the search of N4 took the start of the region before for its end */
    dice = (uint64_t)_i + 1;
    for (uint64_t n = 0; n < PAGES; n++) {
        taken[n] = false;
    }
    for (unsigned k = 0; k < 12; k++) {
        const uint64_t len = 1 + below(6), first = below(PAGES - len);

        if (add(vaddr_add(base, first * PAGE_SIZE), len, VMM_GUARD) == MM_OK) {
            for (uint64_t n = first; n < first + len; n++) {
                taken[n] = true;
            }
        }
    }
    for (unsigned k = 0; k < 600; k++) {
        const uint64_t low = below(PAGES), high = low + 1 + below(PAGES - low);

        expect_place(low, high, 1 + below(10), below(4));
    }
}
END_TEST

/* Sums of lengths and gaps may pass 2^64. */
START_TEST(a_gap_larger_than_the_address_space_leaves_no_place)
{ /* V10 */
    const vaddr_t last = vaddr(UINT64_C(0xfffffffffffff000));
    const struct vrange bounds = { vaddr_add(last, -UINT64_C(0xf000)),
                                   16 * PAGE_SIZE };
    const uint64_t huge = UINT64_MAX - 0xfff;
    vaddr_t va;

    ck_assert_status(vmm_region_find(&m.space, bounds, PAGE_SIZE, huge, &va),
                     MM_OK);
    ck_assert_status(add(bounds.base, 1, VMM_GUARD), MM_OK);
    ck_assert_status(vmm_region_find(&m.space, bounds, PAGE_SIZE, huge, &va),
                     MM_NO_MEMORY);
    ck_assert_status(vmm_region_find(&m.space, bounds, 15 * PAGE_SIZE, 0, &va),
                     MM_OK);
    ck_assert_status(add(last, 1, VMM_GUARD), MM_OK);
    ck_assert_status(vmm_region_find(&m.space, bounds, 15 * PAGE_SIZE, 0, &va),
                     MM_NO_MEMORY);
}
END_TEST

Suite *vmm_tree_suite(void) {
    Suite *suite = suite_create("vmm_tree");
    TCase *tc = tcase_create("tree");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(
        tc, thousands_of_regions_take_a_logarithmic_number_of_steps, 0, 3);
    tcase_add_test(
        tc, the_one_hole_among_thousands_of_regions_is_found_in_few_steps);
    tcase_add_test(tc, without_a_frame_for_its_record_a_region_is_refused);
    tcase_add_test(tc, a_region_whose_pages_get_no_frame_leaves_no_record);
    tcase_add_test(tc, a_record_in_a_free_frame_is_noticed);
    tcase_add_test(tc, a_tree_that_does_not_fit_its_regions_is_noticed);
    tcase_add_loop_test(
        tc, a_place_is_the_lowest_that_a_look_at_every_page_finds, 0, 6);
    tcase_add_test(tc, a_gap_larger_than_the_address_space_leaves_no_place);
    suite_add_tcase(suite, tc);
    return suite;
}
