/*
 * Changes of several pages that a processor must be told of, each in the way
 * that a shorter flush would get wrong: sizes and rights mixed, private pages,
 * pages made one.
 *
 *   pages that are touched       remembered
 *   change, flush                forgotten, all of them
 *   touched again                a fault, or the new rights
 */
#include <check.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

/* 2 MiB-aligned; 512 pages before it are free as well. */
static const vaddr_t block = { UINT64_C(0x444444600000) };
static const vaddr_t own = { UINT64_C(0x8000000) }; /* private */

static pfn_t frames; /* 512, aligned */

static void setup(void) {
    const struct pmm_want want = { .count = 512, .align = 512 };

    machine_start_pages(&m);
    ck_assert_status(pmm_alloc_run(&m.pmm, want, &frames), MM_OK);
}
static void teardown(void) {
    ck_assert_status(pmm_free_run(&m.pmm, frames, 512), MM_OK);
    machine_stop_pages(&m);
}

static vaddr_t page_at(vaddr_t base, int64_t n) {
    return vaddr(base.v + (uint64_t)n * PAGE_SIZE);
}

static void touch(vaddr_t va) {
    *(volatile uint8_t *)pointer_of(va) = 1;
}

static void expect_fault(vaddr_t va, bool write) {
    struct trap_fault fault = { 0 };
    uint8_t value;

    ck_must(!(write ? trap_try_write(va, 1, &fault)
                    : trap_try_read(va, &value, &fault)),
            "0x%lx can still be %s", (unsigned long)va.v,
            write ? "written" : "read");
}

static void map_range(vaddr_t va, uint64_t count, unsigned access) {
    ck_assert_status(vmm_map_range(&m.space, va, frames, count, access), MM_OK);
}

static void unmap_range(vaddr_t va, uint64_t count) {
    const struct vmm_changed gone = vmm_unmap_range(&m.space, va, count);

    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
}

/*
 *   small pages -8 .. -1 | one of 2 MiB      9 INVLPGs, not 2
 */
START_TEST(small_pages_before_a_large_one_are_forgotten_with_it)
{ /* V24 */
    const vaddr_t first = page_at(block, -8);
    const uint64_t invlpgs = m.space.stats.invlpgs;

    map_range(first, 8, VMM_WRITE);
    ck_assert_status(vmm_map_leaf(&m.space, block, frames, 2, VMM_WRITE),
                     MM_OK);
    for (int64_t n = -8; n < 1; n++) {
        touch(page_at(block, n));
    }
    touch(page_at(block, 300));
    unmap_range(first, 8 + 512);
    for (int64_t n = -8; n < 1; n++) {
        expect_fault(page_at(block, n), false);
    }
    expect_fault(page_at(block, 300), false);
    ck_assert_uint_eq(m.space.stats.invlpgs, invlpgs + 9);
}
END_TEST

/*
 *   global -40 .. -1 | not global 0 .. 39     too many for INVLPG each
 */
START_TEST(global_pages_before_others_are_forgotten_with_them)
{ /* A5 */
    map_range(page_at(block, -40), 40, VMM_WRITE | VMM_GLOBAL);
    map_range(block, 40, VMM_WRITE);
    touch(page_at(block, -40));
    touch(page_at(block, -1));
    touch(page_at(block, 39));
    unmap_range(page_at(block, -40), 80);
    expect_fault(page_at(block, -40), false);
    expect_fault(page_at(block, -1), false);
    expect_fault(page_at(block, 39), false);
}
END_TEST

START_TEST(rights_that_a_table_loses_are_forgotten_for_all_its_pages)
{ /* V5 */
    struct vmm_changed changed;

    map_range(block, 3, VMM_WRITE | VMM_GLOBAL);
    touch(block);
    touch(page_at(block, 2));
    changed = vmm_protect_table(&m.space, block, 2, VMM_READ);
    ck_assert_status(changed.status, MM_OK);
    vmm_flush(changed.token);
    expect_fault(block, true);
    expect_fault(page_at(block, 2), true);
    changed = vmm_protect_table(&m.space, block, 2,
                                VMM_WRITE | VMM_EXECUTE | VMM_USER);
    ck_assert(!vmm_token_owes(changed.token));
    touch(block);
    unmap_range(block, 3);
}
END_TEST

/* INVLPG of the large page is only sure to drop translations of its size. */
START_TEST(small_pages_that_were_merged_are_forgotten_with_the_large_one)
{ /* V24 */
    struct vmm_unmapped gone;

    map_range(block, 512, VMM_WRITE);
    touch(page_at(block, 5));
    touch(page_at(block, 511));
    ck_assert_status(vmm_merge(&m.space, block, 2), MM_OK);
    gone = vmm_unmap_leaf(&m.space, block, 2);
    vmm_flush(gone.token);
    expect_fault(page_at(block, 5), false);
    expect_fault(page_at(block, 511), false);
}
END_TEST

/* Likewise the other way round. */
START_TEST(a_large_page_that_was_split_is_forgotten_with_its_parts)
{ /* V24 */
    ck_assert_status(vmm_map_leaf(&m.space, block, frames, 2, VMM_WRITE),
                     MM_OK);
    touch(block);
    ck_assert_status(vmm_split(&m.space, page_at(block, 7), 1), MM_OK);
    unmap_range(page_at(block, 7), 1);
    expect_fault(page_at(block, 7), false);
    touch(page_at(block, 8));
    unmap_range(block, 512);
    expect_fault(page_at(block, 8), false);
}
END_TEST

START_TEST(a_private_page_that_was_unmapped_is_forgotten)
{ /* V2 V14 */
    static struct vmm_space space;
    struct vmm_unmapped gone;

    ck_assert_status(vmm_space_create(&space, &m.space), MM_OK);
    ck_assert_status(vmm_map(&space, own, frames, VMM_WRITE), MM_OK);
    vmm_space_switch(&space);
    touch(own);
    gone = vmm_unmap(&space, own);
    vmm_flush(gone.token);
    expect_fault(own, false);
    vmm_space_switch(&m.space);
    ck_assert_status(vmm_space_destroy(&space), MM_OK);
}
END_TEST

Suite *vmm_stale_suite(void) {
    Suite *suite = suite_create("vmm_stale");
    TCase *tc = tcase_create("stale");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, small_pages_before_a_large_one_are_forgotten_with_it);
    tcase_add_test(tc, global_pages_before_others_are_forgotten_with_them);
    tcase_add_test(tc,
                   rights_that_a_table_loses_are_forgotten_for_all_its_pages);
    tcase_add_test(
        tc, small_pages_that_were_merged_are_forgotten_with_the_large_one);
    tcase_add_test(tc, a_large_page_that_was_split_is_forgotten_with_its_parts);
    tcase_add_test(tc, a_private_page_that_was_unmapped_is_forgotten);
    suite_add_tcase(suite, tc);
    return suite;
}
