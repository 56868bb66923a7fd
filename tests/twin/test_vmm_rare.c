/*
 * Turns that the other suites do not come by: a processor that knows less, an
 * entry damaged where nobody looks, a frame that went its own way.
 */
#include <check.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static const vaddr_t page = { UINT64_C(0x444444600000) }; /* 2 MiB-aligned */
static const vaddr_t own = { UINT64_C(0x8000000) };       /* private */

static void setup(void) {
    machine_start_pages(&m);
}
static void teardown(void) {
    machine_stop_pages(&m);
}

static void flush(struct vmm_token token) {
    vmm_flush(token);
}

START_TEST(a_processor_without_1_gib_pages_is_asked_for_none)
{ /* A3 V1 */
    struct hw_boot boot = *m.boot;
    static struct vmm_space space;

    boot.has_1gib = false;
    vmm_space_adopt(&space, &m.pmm, &boot);
    ck_assert_status(vmm_map_leaf(&space, vaddr(64 * TIB), pfn(0), 3, 0),
                     MM_BAD_ARGUMENT);
    ck_assert_status(vmm_merge(&space, vaddr(64 * TIB), 3), MM_BAD_ARGUMENT);
}
END_TEST

START_TEST(a_table_with_a_damaged_entry_is_not_given_back)
{ /* V4: its P bit is lost, and who knows what else is in there */
    const struct vrange range = { page, PAGE_SIZE };
    pte_t *entry;

    ck_assert_status(vmm_map(&m.space, page, pfn(1000), VMM_WRITE), MM_OK);
    entry = machine_entry(&m.space, page, 1);
    entry->v &= ~PTE_PRESENT;
    hw_invlpg(page);
    ck_assert_uint_eq(vmm_reclaim_tables(&m.space, range), 0);
    ck_assert_status(vmm_map_leaf(&m.space, page, pfn(512), 2, 0),
                     MM_ALREADY_MAPPED);
    entry->v |= PTE_PRESENT;
    flush(vmm_unmap(&m.space, page).token);
    ck_assert_uint_eq(vmm_reclaim_tables(&m.space, range), 3);
}
END_TEST

START_TEST(a_merge_within_a_larger_page_is_refused)
{ /* V24 */
    const vaddr_t gib = vaddr(align_down(page.v, GIB));

    if (m.space.largest == 3) {
        ck_assert_status(vmm_map_leaf(&m.space, gib, pfn(0), 3, 0), MM_OK);
        ck_assert_status(vmm_merge(&m.space, page, 2), MM_HUGE_PAGE);
        flush(vmm_unmap_leaf(&m.space, gib, 3).token);
    }
}
END_TEST

/* A device's register in a region of memory, mapped by hand. */
START_TEST(a_page_that_was_never_the_pmms_is_written_by_both_after_a_fork)
{ /* V22 */
    const pfn_t device = pfn_of(paddr(UINT64_C(0xfee00000)));
    static struct vmm_space parent, child;

    ck_assert_status(pmm_keep_books(&m.pmm), MM_OK);
    m.free_at_start = pmm_free_count(&m.pmm);
    ck_assert_status(vmm_space_create(&parent, &m.space), MM_OK);
    ck_assert_status(
        vmm_region_add(&parent,
                       (struct vmm_region){ .name = "some",
                                            .range = { own, 2 * PAGE_SIZE },
                                            .access = VMM_WRITE | VMM_USER,
                                            .backing = VMM_DEMAND }),
        MM_OK);
    ck_assert_status(vmm_map(&parent, own, device, VMM_WRITE | VMM_USER),
                     MM_OK);
    ck_assert_status(vmm_space_fork(&child, &parent), MM_OK);
    ck_assert_hex_eq(vmm_translate(&parent, own).access, VMM_WRITE | VMM_USER);
    ck_assert_hex_eq(vmm_translate(&child, own).access, VMM_WRITE | VMM_USER);
    ck_assert_hex_eq(vmm_translate(&child, own).pa.v, paddr_of(device).v);
    ck_assert_status(vmm_space_destroy(&child), MM_OK);
    ck_assert_status(vmm_space_destroy(&parent), MM_OK);
}
END_TEST

/* One of 512 frames went back by another way: the other 511 go with the region,
 * and the one is counted. */
START_TEST(a_frame_of_a_broken_large_page_that_was_freed_before_is_counted)
{ /* V13 */
    const struct vmm_region region = { .name = "large",
                                       .range = { page, 2 * MIB },
                                       .access = VMM_WRITE,
                                       .backing = VMM_IMMEDIATE,
                                       .large = true };
    pfn_t first;

    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    first = pfn_of(vmm_translate(&m.space, page).pa);
    ck_assert_uint_eq(vmm_translate(&m.space, page).page_size, 2 * MIB);
    ck_assert_status(vmm_split(&m.space, page, 1), MM_OK);
    ck_assert_status(vmm_merge(&m.space, page, 2), MM_OK);
    ck_assert_status(pmm_free(&m.pmm, pfn_add(first, 7)), MM_OK);
    ck_assert_status(vmm_region_remove(&m.space, page), MM_OK);
    ck_assert_uint_eq(m.space.stats.not_taken_back, 1);
}
END_TEST

/* The checker goes through RAM by windows. */
START_TEST(a_frame_far_from_the_others_that_is_shown_twice_is_noticed)
{
    const struct vmm_region region = { .name = "some",
                                       .range = { page, 4 * PAGE_SIZE },
                                       .access = VMM_WRITE,
                                       .backing = VMM_DEMAND };
    const pfn_t far = pfn(m.pmm.frames - 1);
    const char *why = "";

    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    ck_assert_status(vmm_fault(&m.space, page, PF_WRITE).status, MM_OK);
    machine_leave_free(&m.pmm, 0); /* so it is in use */
    for (uint64_t n = 2; n < 4; n++) {
        ck_assert_msg(vmm_all_are_sound(&m.space, &why), "%s", why);
        ck_assert_status(
            vmm_map(&m.space, vaddr_add(page, n * PAGE_SIZE), far, VMM_WRITE),
            MM_OK);
    }
    ck_assert(!vmm_is_sound(&m.space, NULL));
    ck_assert(!vmm_is_sound(&m.space, &why));
    ck_assert_str_eq(why, "two pages of regions show the same frame");
    flush(vmm_unmap_range(&m.space, vaddr_add(page, 2 * PAGE_SIZE), 2).token);
    machine_give_back(&m.pmm);
}
END_TEST

Suite *vmm_rare_suite(void) {
    Suite *suite = suite_create("vmm_rare");
    TCase *tc = tcase_create("rare");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_processor_without_1_gib_pages_is_asked_for_none);
    tcase_add_test(tc, a_table_with_a_damaged_entry_is_not_given_back);
    tcase_add_test(tc, a_merge_within_a_larger_page_is_refused);
    tcase_add_test(
        tc, a_page_that_was_never_the_pmms_is_written_by_both_after_a_fork);
    tcase_add_test(
        tc, a_frame_of_a_broken_large_page_that_was_freed_before_is_counted);
    tcase_add_test(tc,
                   a_frame_far_from_the_others_that_is_shown_twice_is_noticed);
    suite_add_tcase(suite, tc);
    return suite;
}
