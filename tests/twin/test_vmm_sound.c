/*
 * What vmm_is_sound() must notice: each kind of damage, made by hand and
 * repaired again.
 */
#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static const vaddr_t page = { UINT64_C(0x444444440000) };

static void add(uint64_t at, uint64_t pages, enum vmm_backing backing) {
    ck_assert_status(
        vmm_region_add(
            &m.space,
            (struct vmm_region){
                .name = "test",
                .range = { vaddr_add(page, at * PAGE_SIZE), pages * PAGE_SIZE },
                .access = VMM_WRITE,
                .backing = backing }),
        MM_OK);
}

/* regions 0, 1, 2: immediate, demand, guard, a page apart */
static void setup(void) {
    machine_start_pages(&m);
    add(0, 2, VMM_IMMEDIATE);
    add(3, 2, VMM_DEMAND);
    add(6, 1, VMM_GUARD);
}
static void teardown(void) {
    machine_stop_pages(&m);
}

static void expect_complaint(const char *expected) {
    const char *why = "nothing";

    ck_assert_msg(!vmm_is_sound(&m.space, &why), "not noticed: %s", expected);
    ck_assert_str_eq(why, expected);
    ck_assert(!vmm_is_sound(&m.space, NULL));
}

static pte_t *leaf(uint64_t n) {
    return machine_entry(&m.space, vaddr_add(page, n * PAGE_SIZE), 1);
}

START_TEST(a_sound_space_is_called_sound)
{
    const char *why = "";

    ck_assert_msg(vmm_is_sound(&m.space, &why), "%s", why);
    ck_assert(vmm_is_sound(&m.space, NULL));
}
END_TEST

START_TEST(regions_in_disorder_are_noticed)
{
    struct vmm_region *regions[3];

    for (size_t i = 0; i < 3; i++) {
        regions[i] = (struct vmm_region *)(uintptr_t)vmm_region_next(
            &m.space, i == 0 ? NULL : regions[i - 1]);
    }
    regions[0]->range.len += 2 * PAGE_SIZE;
    expect_complaint("two regions overlap or are out of order");
    regions[0]->range.len -= 2 * PAGE_SIZE;
    regions[2]->range.base.v -= 7 * PAGE_SIZE;
    expect_complaint("two regions overlap or are out of order");
    regions[2]->range.base.v += 7 * PAGE_SIZE;
    regions[1]->range.len += 1;
    expect_complaint("a region is no range of whole pages");
    regions[1]->range.len = 0;
    expect_complaint("a region is no range of whole pages");
    regions[1]->range.len = PAGE_SIZE;
    expect_complaint("the tree of regions does not fit them");
    regions[1]->range.len = 2 * PAGE_SIZE;
}
END_TEST

START_TEST(a_page_that_does_not_fit_its_region_is_noticed)
{
    const pte_t kept = *leaf(1);

    *leaf(1) = pte(0);
    expect_complaint("a page of an immediate region shows no frame");
    *leaf(1) = pte_make(pfn(m.pmm.frames - 1), PTE_PRESENT);
    expect_complaint("a page of a region shows a free frame");
    *leaf(1) = kept;
    *leaf(6) = kept;
    expect_complaint("a page of a guard region shows a frame");
    *leaf(6) = pte(0);
    hw_invlpg(page);
}
END_TEST

START_TEST(a_page_with_more_rights_than_its_region_is_noticed)
{
    const pte_t kept = *leaf(1);

    *leaf(1) = pte(kept.v | PTE_USER);
    expect_complaint("a page has a right that its region has not");
    *leaf(1) = pte(kept.v & ~PTE_NO_EXECUTE);
    expect_complaint("a page has a right that its region has not");
    *leaf(1) = pte(kept.v & ~PTE_WRITABLE); /* fewer are no damage */
    ck_assert(vmm_is_sound(&m.space, NULL));
    *leaf(1) = kept;
    hw_invlpg(page);
}
END_TEST

START_TEST(a_frame_shown_by_two_pages_of_regions_is_noticed)
{
    const pte_t kept = *leaf(1);

    *leaf(1) = *leaf(0);
    expect_complaint("two pages of regions show the same frame");
    *leaf(1) = kept;
    ck_assert(vmm_is_sound(&m.space, NULL));
    *leaf(3) = kept; /* of another region */
    expect_complaint("two pages of regions show the same frame");
    *leaf(3) = pte(0);
    hw_invlpg(page);
}
END_TEST

START_TEST(a_large_page_in_a_region_is_noticed)
{
    pte_t *entry = machine_entry(&m.space, page, 2);

    entry->v |= PTE_HUGE;
    m.space.stats.tables--;
    expect_complaint("a large page lies in a region");
    m.space.stats.tables++;
    entry->v &= ~PTE_HUGE;
    hw_invlpg(page);
}
END_TEST

START_TEST(a_page_table_in_free_memory_is_noticed)
{
    const pfn_t table = pfn(m.pmm.frames - 1); /* free, and cleared */
    pte_t *entry = machine_entry(&m.space, vaddr_add(page, 2 * MIB), 2);

    memset(pointer_of(vaddr_add(m.space.direct_base, paddr_of(table).v)), 0,
           PAGE_SIZE);
    *entry = pte_make(table, PTE_PRESENT);
    m.space.stats.tables++;
    expect_complaint("a page table lies in a free frame");
    m.space.stats.tables--;
    *entry = pte(0);
    hw_invlpg(page);
}
END_TEST

START_TEST(a_wrong_count_of_tables_is_noticed)
{
    m.space.stats.tables++;
    expect_complaint("there are not as many page tables as were counted");
    m.space.stats.tables--;
}
END_TEST

Suite *vmm_sound_suite(void) {
    Suite *suite = suite_create("vmm_sound");
    TCase *tc = tcase_create("sound");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_sound_space_is_called_sound);
    tcase_add_test(tc, regions_in_disorder_are_noticed);
    tcase_add_test(tc, a_page_that_does_not_fit_its_region_is_noticed);
    tcase_add_test(tc, a_page_with_more_rights_than_its_region_is_noticed);
    tcase_add_test(tc, a_frame_shown_by_two_pages_of_regions_is_noticed);
    tcase_add_test(tc, a_large_page_in_a_region_is_noticed);
    tcase_add_test(tc, a_page_table_in_free_memory_is_noticed);
    tcase_add_test(tc, a_wrong_count_of_tables_is_noticed);
    suite_add_tcase(suite, tc);
    return suite;
}
