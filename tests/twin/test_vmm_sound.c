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
    struct vmm_region *regions[3], first;

    for (size_t i = 0; i < 3; i++) {
        regions[i] = (struct vmm_region *)(uintptr_t)vmm_region_next(
            &m.space, i == 0 ? NULL : regions[i - 1]);
    }
    first = *regions[0];
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
    regions[0]->range.base.v += 1; /* in a branch: the first mistake counts */
    expect_complaint("a region is no range of whole pages");
    regions[0]->range.base = vaddr(-(uint64_t)PAGE_SIZE); /* nothing behind */
    regions[0]->range.len = PAGE_SIZE;
    expect_complaint("two regions overlap or are out of order");
    *regions[0] = first;
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

START_TEST(an_entry_that_lost_its_p_bit_is_noticed)
{
    for (uint64_t n = 0; n < 4; n += 3) { /* immediate, demand */
        const pte_t kept = *leaf(n);

        *leaf(n) = pte(kept.v | PTE_DIRTY);
        *leaf(n) = pte(leaf(n)->v & ~PTE_PRESENT);
        expect_complaint(
            "an entry lost its P bit: it shows nothing, but is not empty");
        *leaf(n) = kept;
    }
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
    expect_complaint("a large page lies in a region that has none");
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

/* --- the trees, whoever wrote the entries -------------------------------- */

/** A page outside regions, in the page table of the others. */
#define LONE UINT64_C(9)

static vaddr_t lone_page(void) {
    return vaddr_add(page, LONE * PAGE_SIZE);
}

static void expect_complaint_of_all(const char *expected) {
    const char *why = "nothing";

    ck_assert_msg(!vmm_all_are_sound(&m.space, &why), "not noticed: %s",
                  expected);
    ck_assert_str_eq(why, expected);
    ck_assert(!vmm_all_are_sound(&m.space, NULL));
}

static void expect_no_complaint(void) {
    const char *why = "";

    ck_assert_msg(vmm_all_are_sound(&m.space, &why), "%s", why);
}

/** A frame in use, shown at the lone page. */
static pfn_t show_one(unsigned access) {
    pfn_t f;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, lone_page(), f, access), MM_OK);
    return f;
}

static void unshow_one(void) {
    struct vmm_unmapped gone = vmm_unmap(&m.space, lone_page());

    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
    if (pmm_is_used(&m.pmm, gone.frame)) {
        ck_assert_status(pmm_free(&m.pmm, gone.frame), MM_OK);
    }
}

START_TEST(a_free_frame_that_a_page_shows_is_noticed)
{
    const pfn_t f = show_one(VMM_WRITE);

    expect_no_complaint();
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
    expect_complaint_of_all("a page shows a free frame");
    unshow_one();
}
END_TEST

/* Bits 51 .. MAXPHYADDR anywhere, PS of a PML4 entry, address bits of a large
 * leaf below its size, but not PAT. */
START_TEST(a_reserved_bit_in_an_entry_is_noticed)
{
    pte_t *pml4e = machine_entry(&m.space, page, 4);
    pte_t *unused = machine_entry(&m.space, vaddr_add(page, 2 * MIB), 2);
    const pfn_t first = pfn(512 * 2); /* RAM of which all is in use below */
    const pfn_t f = show_one(VMM_WRITE);

    (void)f;
    leaf(LONE)->v |= UINT64_C(1) << 51;
    expect_complaint_of_all("an entry has a reserved bit set");
    leaf(LONE)->v &= ~(UINT64_C(1) << 51);
    expect_no_complaint();
    pml4e->v |= PTE_HUGE;
    expect_complaint_of_all("an entry has a reserved bit set");
    pml4e->v &= ~PTE_HUGE;
    *unused = pte_make(first, PTE_PRESENT | PTE_HUGE | PTE_NO_EXECUTE |
                                  (UINT64_C(1) << 13));
    expect_complaint_of_all("an entry has a reserved bit set");
    *unused = pte(0);
    unshow_one();
}
END_TEST

START_TEST(a_page_both_writable_and_executable_is_noticed)
{
    static const char complaint[] = "a page can be written and executed";
    pte_t *pde = machine_entry(&m.space, page, 2), kept;

    (void)show_one(VMM_WRITE | VMM_EXECUTE);
    expect_no_complaint(); /* tests may */
    m.space.write_execute = false;
    expect_complaint_of_all(complaint);
    pde->v |= PTE_NO_EXECUTE; /* forbids it to all pages of the table */
    expect_no_complaint();
    pde->v &= ~PTE_NO_EXECUTE;
    pde->v &= ~PTE_WRITABLE;
    expect_no_complaint();
    pde->v |= PTE_WRITABLE;
    kept = *leaf(LONE);
    *leaf(LONE) = pte_make(pfn(0x10), PTE_PRESENT | PTE_WRITABLE);
    expect_complaint_of_all(complaint); /* whosever frame it is */
    *leaf(LONE) = kept;
    m.space.write_execute = true;
    unshow_one();
    hw_flush_all();
}
END_TEST

START_TEST(a_space_may_write_and_execute_if_it_or_the_kernels_says_so)
{ /* V24 */
    const vaddr_t own = vaddr(UINT64_C(0x8000000));
    static struct vmm_space space;
    struct vmm_unmapped gone;

    ck_assert_status(vmm_space_create(&space, &m.space), MM_OK);
    space.write_execute = true;
    ck_assert_status(vmm_map(&space, own, pfn(0x10), VMM_WRITE | VMM_EXECUTE),
                     MM_OK);
    for (unsigned n = 0; n < 4; n++) {
        space.write_execute = (n & 1) != 0;
        m.space.write_execute = (n & 2) != 0;
        if (n == 0) {
            expect_complaint_of_all("a page can be written and executed");
        } else {
            expect_no_complaint();
        }
    }
    gone = vmm_unmap(&space, own);
    vmm_flush(gone.token);
    ck_assert_status(vmm_space_destroy(&space), MM_OK);
}
END_TEST

START_TEST(a_page_table_that_is_reached_twice_is_noticed)
{
    const pte_t *pde = machine_entry(&m.space, page, 2);
    pte_t *next = machine_entry(&m.space, vaddr_add(page, 2 * MIB), 2);
    const vaddr_t far = vaddr_add(page, 8 * MIB);
    struct vmm_unmapped gone;
    pfn_t f;

    *next = *pde;
    m.space.stats.tables++;
    (void)show_one(VMM_READ);
    /* the pages of the region below do not matter: they lie in none there */
    expect_complaint_of_all("a page table is reached by two entries");
    m.space.stats.tables--;
    *next = pte(0);
    unshow_one();
    hw_flush_all();

    /* The same where all frames below are taken: the tables lie far up. */
    machine_leave_free(&m.pmm, 2);
    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, far, f, VMM_READ), MM_OK);
    next = machine_entry(&m.space, vaddr_add(far, 2 * MIB), 2);
    *next = *machine_entry(&m.space, far, 2);
    m.space.stats.tables++;
    expect_complaint_of_all("a page table is reached by two entries");
    m.space.stats.tables--;
    *next = pte(0);
    gone = vmm_unmap(&m.space, far);
    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
    hw_flush_all();
}
END_TEST

static void count_table(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    (void)va;
    *(uint64_t *)ctx += !pte_is_leaf(entry, level);
}

START_TEST(a_page_table_of_two_spaces_is_noticed)
{
    const vaddr_t low = vaddr(TIB);
    struct vmm_space other;
    struct vmm_unmapped gone;
    pte_t *theirs;
    pfn_t f;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, low, f, VMM_READ), MM_OK);

    ck_assert_status(vmm_space_create(&other, &m.space), MM_OK);
    expect_no_complaint();
    theirs = machine_entry(&other, vaddr(0), 4);
    *theirs = *machine_entry(&m.space, low, 4);
    other.stats.tables = 0;
    vmm_walk(&other, (struct vrange){ vaddr(0), VMM_PRIVATE_SIZE }, count_table,
             &other.stats.tables);
    expect_complaint_of_all("a page table is reached by two entries");
    *theirs = pte(0);
    other.stats.tables = 0;
    ck_assert_status(vmm_space_destroy(&other), MM_OK);
    gone = vmm_unmap(&m.space, low);
    vmm_flush(gone.token);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

START_TEST(a_page_through_which_a_table_can_be_written_is_noticed)
{
    const pfn_t table = pfn_of(pte_address(*machine_entry(&m.space, page, 2)));
    const pfn_t f = show_one(VMM_READ);

    *leaf(LONE) = pte_make(table, PTE_PRESENT | PTE_NO_EXECUTE);
    expect_no_complaint(); /* to read it does no harm */
    *leaf(LONE) = pte_make(table, PTE_PRESENT | PTE_WRITABLE | PTE_NO_EXECUTE);
    expect_complaint_of_all("a page table can be written through a page");
    *leaf(LONE) = pte_make(pfn_of(m.space.root), /* the boot loader's */
                           PTE_PRESENT | PTE_WRITABLE | PTE_NO_EXECUTE);
    expect_complaint_of_all("a page table can be written through a page");
    *leaf(LONE) = pte_make(f, PTE_PRESENT);
    unshow_one();
}
END_TEST

/* --- what a processor remembers ------------------------------------------ */

/** Does one say that it remembers @f at @va, or as a table?  On bare metal none
 *  does. */
static bool is_remembered(vaddr_t va, pfn_t f) {
    struct hw_remembered seen;
    bool found = false;

    for (uint64_t n = 0; hw_remembered(n, &seen); n++) {
        found |= seen.f.v == f.v && (seen.is_table || seen.va.v == va.v);
    }
    return found;
}

START_TEST(a_free_frame_that_a_processor_remembers_is_noticed)
{ /* what no look at the tables shows */
    const pfn_t f = show_one(VMM_WRITE);
    struct vmm_unmapped gone;

    *(volatile uint8_t *)pointer_of(lone_page()) = 1;
    gone = vmm_unmap(&m.space, lone_page());
    vmm_flush_skip(gone.token); /* which is not true */
    expect_no_complaint();      /* the frame is still somebody's */
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
    if (is_remembered(lone_page(), f)) {
        expect_complaint_of_all("a processor remembers a page of a frame that "
                                "was freed");
    }
    hw_invlpg(lone_page());
    ck_assert(!is_remembered(lone_page(), f));
    expect_no_complaint();
}
END_TEST

START_TEST(a_free_table_that_a_processor_remembers_is_noticed)
{ /* by a paging-structure cache: the hostile TLB has one */
    const vaddr_t far = vaddr_add(page, 8 * MIB);
    const pte_t none = { 0 };
    pte_t *pde;
    pfn_t f, table;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, far, f, VMM_WRITE), MM_OK);
    *(volatile uint8_t *)pointer_of(far) = 1;
    vmm_flush_skip(vmm_unmap(&m.space, far).token);
    pde = machine_entry(&m.space, far, 2);
    table = pfn_of(pte_address(*pde));
    *pde = none;
    m.space.stats.tables--;
    ck_assert_status(pmm_free(&m.pmm, table), MM_OK);
    if (is_remembered(far, table)) {
        expect_complaint_of_all("a processor remembers the way to a page table "
                                "that was freed");
    }
    hw_invlpg(far);
    expect_no_complaint();
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

START_TEST(a_near_table_that_is_none_is_noticed)
{
    static const char complaint[] =
        "the page table walked to last is none of the tree";

    (void)show_one(VMM_READ);
    expect_no_complaint();
    m.space.near += TABLE_ENTRIES;
    expect_complaint_of_all(complaint);
    m.space.near -= TABLE_ENTRIES;
    m.space.near_at += 1; /* nothing is mapped there */
    expect_complaint_of_all(complaint);
    vmm_tables_edited(&m.space);
    unshow_one();
}
END_TEST

Suite *vmm_sound_suite(void) {
    Suite *suite = suite_create("vmm_sound");
    TCase *tc = tcase_create("sound");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_sound_space_is_called_sound);
    tcase_add_test(tc, regions_in_disorder_are_noticed);
    tcase_add_test(tc, a_page_that_does_not_fit_its_region_is_noticed);
    tcase_add_test(tc, an_entry_that_lost_its_p_bit_is_noticed);
    tcase_add_test(tc, a_page_with_more_rights_than_its_region_is_noticed);
    tcase_add_test(tc, a_frame_shown_by_two_pages_of_regions_is_noticed);
    tcase_add_test(tc, a_large_page_in_a_region_is_noticed);
    tcase_add_test(tc, a_page_table_in_free_memory_is_noticed);
    tcase_add_test(tc, a_wrong_count_of_tables_is_noticed);
    tcase_add_test(tc, a_free_frame_that_a_page_shows_is_noticed);
    tcase_add_test(tc, a_reserved_bit_in_an_entry_is_noticed);
    tcase_add_test(tc, a_page_both_writable_and_executable_is_noticed);
    tcase_add_test(tc,
                   a_space_may_write_and_execute_if_it_or_the_kernels_says_so);
    tcase_add_test(tc, a_page_table_that_is_reached_twice_is_noticed);
    tcase_add_test(tc, a_page_table_of_two_spaces_is_noticed);
    tcase_add_test(tc, a_page_through_which_a_table_can_be_written_is_noticed);
    tcase_add_test(tc, a_free_frame_that_a_processor_remembers_is_noticed);
    tcase_add_test(tc, a_free_table_that_a_processor_remembers_is_noticed);
    tcase_add_test(tc, a_near_table_that_is_none_is_noticed);
    suite_add_tcase(suite, tc);
    return suite;
}
