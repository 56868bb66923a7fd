/*
 * One page and many: every status of the mapper, what each leaves behind, and
 * what the processor then permits.
 */
#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static const vaddr_t page = { UINT64_C(0x444444440000) };
static uint64_t before; /* machine_tables_hash() */

static void setup(void) {
    machine_start_pages(&m);
    before = m.tables_at_start;
}
static void setup_temporary(void) {
    machine_tables = TABLES_TEMPORARY;
    setup();
}
static void setup_recursive(void) {
    machine_tables = TABLES_RECURSIVE;
    setup();
}
static void teardown(void) {
    machine_stop_pages(&m);
}

static pfn_t frame(void) {
    pfn_t f;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    return f;
}

static void give_back(pfn_t f) {
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}

static pfn_t unmap(vaddr_t va) {
    struct vmm_unmapped gone = vmm_unmap(&m.space, va);

    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
    return gone.frame;
}

static uint8_t *bytes_of(pfn_t f) {
    return pointer_of(vaddr_add(m.space.direct_base, paddr_of(f).v));
}

/** After a refusal: not one entry changed, not one frame is gone. */
static void expect_untouched(void) {
    ck_assert_msg(machine_tables_hash(&m.space) == before,
                  "a refused call changed the page tables");
    ck_assert_uint_eq(m.space.tokens - m.space.tokens_used, 0);
    ck_assert(vmm_is_sound(&m.space, NULL));
}

START_TEST(a_mapped_page_shows_its_frame_to_loads_and_stores)
{ /* V1 */
    const pfn_t f = frame();
    volatile uint8_t *bytes = pointer_of(page);

    bytes_of(f)[7] = 0x2a;
    ck_assert_status(vmm_map(&m.space, page, f, VMM_WRITE), MM_OK);
    ck_assert_uint_eq(bytes[7], 0x2a);
    bytes[4095] = 0x17;
    ck_assert_uint_eq(bytes_of(f)[4095], 0x17);
    ck_assert_shows(&m.space, page, f);
    ck_assert_uint_eq(unmap(page).v, f.v);
    give_back(f);
}
END_TEST

START_TEST(unmapping_frees_neither_frame_nor_tables)
{ /* V4 */
    const pfn_t f = frame();
    uint64_t tables = m.space.stats.tables, used;

    ck_assert_status(vmm_map(&m.space, page, f, VMM_WRITE), MM_OK);
    ck_assert_uint_eq(m.space.stats.tables, tables + 3);
    used = m.pmm.stats.allocated;
    ck_assert_uint_eq(unmap(page).v, f.v);
    ck_assert(pmm_is_used(&m.pmm, f));
    ck_assert_uint_eq(m.pmm.stats.allocated, used);
    give_back(f);
    ck_assert_uint_eq(
        vmm_reclaim_tables(&m.space, (struct vrange){ page, PAGE_SIZE }), 3);
    ck_assert_uint_eq(m.space.stats.tables, tables);
    expect_untouched();
}
END_TEST

START_TEST(a_page_is_not_mapped_twice)
{ /* V1 */
    const pfn_t f = frame();

    ck_assert_status(vmm_map(&m.space, page, f, VMM_WRITE), MM_OK);
    before = machine_tables_hash(&m.space);
    ck_assert_status(vmm_map(&m.space, page, f, VMM_WRITE), MM_ALREADY_MAPPED);
    ck_assert_status(vmm_map(&m.space, page, pfn(f.v + 1), VMM_READ),
                     MM_ALREADY_MAPPED);
    expect_untouched();
    give_back(unmap(page));
}
END_TEST

START_TEST(an_address_that_is_no_page_is_refused_by_every_call)
{ /* V1 */
    const vaddr_t odd = vaddr(page.v + 8);
    const vaddr_t wild = vaddr(UINT64_C(0x0000800000000000));
    const vaddr_t high = vaddr(UINT64_C(0xffff7ffffffff000));

    ck_assert_status(vmm_map(&m.space, odd, pfn(1), 0), MM_NOT_ALIGNED);
    ck_assert_status(vmm_unmap(&m.space, odd).status, MM_NOT_ALIGNED);
    ck_assert_status(vmm_protect(&m.space, odd, 0).status, MM_NOT_ALIGNED);
    ck_assert_status(vmm_map(&m.space, wild, pfn(1), 0), MM_NOT_CANONICAL);
    ck_assert_status(vmm_map(&m.space, high, pfn(1), 0), MM_NOT_CANONICAL);
    ck_assert_status(vmm_unmap(&m.space, wild).status, MM_NOT_CANONICAL);
    ck_assert_status(vmm_protect(&m.space, high, 0).status, MM_NOT_CANONICAL);
    ck_assert_status(vmm_translate(&m.space, wild).status, MM_NOT_CANONICAL);
    expect_untouched();
}
END_TEST

START_TEST(a_page_that_is_not_mapped_can_be_neither_unmapped_nor_protected)
{
    const pfn_t f = frame(); /* V1 */

    ck_assert_status(vmm_unmap(&m.space, page).status, MM_NOT_MAPPED);
    ck_assert_status(vmm_protect(&m.space, page, 0).status, MM_NOT_MAPPED);
    expect_untouched();
    ck_assert_status(vmm_map(&m.space, page, f, VMM_WRITE), MM_OK);
    ck_assert_status(vmm_unmap(&m.space, vaddr_add(page, PAGE_SIZE)).status,
                     MM_NOT_MAPPED);
    give_back(unmap(page));
    ck_assert_status(vmm_unmap(&m.space, page).status, MM_NOT_MAPPED);
}
END_TEST

START_TEST(a_frame_or_right_that_cannot_be_is_refused)
{ /* V1 */
    const pfn_t beyond = pfn(UINT64_C(1) << (m.space.phys_bits - PAGE_SHIFT));
    const pfn_t f = frame();

    ck_assert_status(vmm_map(&m.space, page, beyond, 0), MM_BAD_ARGUMENT);
    ck_assert_status(vmm_map(&m.space, page, pfn(UINT64_MAX), 0),
                     MM_BAD_ARGUMENT);
    ck_assert_status(vmm_map(&m.space, page, f, VMM_ACCESS_ALL + 1),
                     MM_BAD_ARGUMENT);
    ck_assert_status(
        vmm_map_range(&m.space, page, pfn(beyond.v - 1), 2, VMM_READ),
        MM_BAD_ARGUMENT);
    ck_assert_status(vmm_identity_map(&m.space, pfn(UINT64_C(1) << 52), 0),
                     MM_BAD_ARGUMENT);
    ck_assert_status(vmm_protect(&m.space, page, 0x80).status, MM_BAD_ARGUMENT);
    expect_untouched();
    give_back(f);
}
END_TEST

/** The PD entry (level 2) or PDPT entry (level 3) becomes a large leaf; the
 *  tables that it led to hang in the air meanwhile. */
static void make_huge(unsigned level) {
    const pfn_t f = frame();

    ck_assert_status(vmm_map(&m.space, page, f, VMM_WRITE), MM_OK);
    give_back(unmap(page));
    machine_entry(&m.space, page, level)->v |= PTE_HUGE;
    m.space.stats.tables -= level - 1;
    before = machine_tables_hash(&m.space);
}

static void end_huge(unsigned level) {
    machine_entry(&m.space, page, level)->v &= ~PTE_HUGE;
    m.space.stats.tables += level - 1;
    hw_invlpg(page);
}

START_TEST(a_large_leaf_is_left_alone_by_calls_for_small_pages)
{ /* V1 */
    const unsigned level = (unsigned)_i;
    const vaddr_t earlier = vaddr(page.v - level_size(level));

    make_huge(level);
    ck_assert_status(vmm_map(&m.space, page, pfn(1), 0), MM_HUGE_PAGE);
    ck_assert_status(vmm_unmap(&m.space, page).status, MM_HUGE_PAGE);
    ck_assert_status(vmm_protect(&m.space, page, 0).status, MM_HUGE_PAGE);
    ck_assert_status(vmm_map_range(&m.space, earlier, pfn(1),
                                   level_size(level) / PAGE_SIZE + 1, 0),
                     MM_HUGE_PAGE);
    ck_assert_status(vmm_region_add(&m.space,
                                    (struct vmm_region){
                                        .range = { page, PAGE_SIZE },
                                        .backing = VMM_DEMAND,
                                    }),
                     MM_HUGE_PAGE);
    expect_untouched();
    end_huge(level);
}
END_TEST

START_TEST(a_page_at_its_own_physical_address_is_an_identity_map)
{ /* V7 */
    const pfn_t f = frame();
    const vaddr_t same = vaddr(paddr_of(f).v);

    ck_assert_status(vmm_identity_map(&m.space, f, VMM_READ), MM_OK);
    ck_assert_shows(&m.space, same, f);
    ck_assert_status(vmm_identity_map(&m.space, f, 0), MM_ALREADY_MAPPED);
    give_back(unmap(same));
}
END_TEST

/*
 *   frames   f      f+1    f+2    f+3
 *   pages    |  2 MiB boundary -->|
 */
START_TEST(a_range_maps_page_by_page_across_tables)
{ /* V7 */
    const vaddr_t start = vaddr(align_down(page.v, GIB) + GIB - 2 * PAGE_SIZE);

    ck_assert_status(vmm_map_range(&m.space, start, pfn(100), 4, VMM_WRITE),
                     MM_OK);
    for (uint64_t n = 0; n < 4; n++) {
        ck_assert_shows(&m.space, vaddr_add(start, n * PAGE_SIZE),
                        pfn(100 + n));
    }
    ck_assert_unmapped(&m.space, vaddr_add(start, 4 * PAGE_SIZE));
    ck_assert_unmapped(&m.space, vaddr(start.v - PAGE_SIZE));
    ck_assert_uint_eq(m.space.stats.maps, 4);
    for (uint64_t n = 0; n < 4; n++) {
        unmap(vaddr_add(start, n * PAGE_SIZE));
    }
}
END_TEST

START_TEST(a_range_with_one_page_taken_is_not_mapped_at_all)
{ /* V8 */
    const pfn_t f = frame();
    const uint64_t free_frames = pmm_free_count(&m.pmm) - 3;

    ck_assert_status(
        vmm_map(&m.space, vaddr_add(page, 3 * PAGE_SIZE), f, VMM_WRITE), MM_OK);
    before = machine_tables_hash(&m.space);
    ck_assert_status(vmm_map_range(&m.space, page, pfn(100), 4, 0),
                     MM_ALREADY_MAPPED);
    expect_untouched();
    ck_assert_uint_eq(pmm_free_count(&m.pmm), free_frames);
    ck_assert_status(vmm_map_range(&m.space, page, pfn(100), 3, 0), MM_OK);
    for (uint64_t n = 0; n < 4; n++) {
        unmap(vaddr_add(page, n * PAGE_SIZE));
    }
    give_back(f);
}
END_TEST

START_TEST(a_range_that_wraps_or_leaves_its_half_is_refused)
{ /* V7 */
    const vaddr_t last = vaddr(UINT64_C(0xfffffffffffff000));
    const vaddr_t low_last = vaddr(UINT64_C(0x00007ffffffff000));
    static const uint64_t counts[] = { 0, UINT64_C(1) << 52,
                                       (UINT64_C(1) << 52) - 1, UINT64_MAX };

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        ck_assert_status(vmm_map_range(&m.space, page, pfn(0), counts[i], 0),
                         MM_BAD_RANGE);
    }
    ck_assert_status(vmm_map_range(&m.space, last, pfn(1), 2, 0), MM_BAD_RANGE);
    ck_assert_status(vmm_map_range(&m.space, low_last, pfn(1), 2, 0),
                     MM_BAD_RANGE);
    expect_untouched();
}
END_TEST

START_TEST(the_last_page_of_the_address_space_can_be_mapped)
{ /* V7 */
    const vaddr_t last = vaddr(UINT64_C(0xfffffffffffff000));
    const vaddr_t before_last = vaddr(last.v - PAGE_SIZE);

    ck_assert_status(vmm_map_range(&m.space, before_last, pfn(100), 2, 0),
                     MM_OK);
    ck_assert_shows(&m.space, before_last, pfn(100));
    ck_assert_shows(&m.space, vaddr(UINT64_MAX), pfn(101));
    ck_assert_uint_eq(unmap(last).v, 101);
    ck_assert_uint_eq(unmap(before_last).v, 100);
}
END_TEST

/* --- rights --------------------------------------------------------------- */

START_TEST(upper_levels_allow_everything_and_the_leaf_decides)
{ /* V3 A1 */
    const unsigned access = (unsigned)_i;
    const pfn_t f = frame();
    pte_t leaf;

    ck_assert_status(vmm_map(&m.space, page, f, access), MM_OK);
    for (unsigned level = 4; level > 1; level--) {
        const pte_t e = *machine_entry(&m.space, page, level);

        ck_assert(pte_has(e, PTE_PRESENT | PTE_WRITABLE | PTE_USER));
        ck_assert(!pte_has(e, PTE_NO_EXECUTE) && !pte_has(e, PTE_HUGE));
    }
    leaf = *machine_entry(&m.space, page, 1);
    ck_assert_hex_eq(pte_address(leaf).v, paddr_of(f).v);
    ck_assert_int_eq(pte_has(leaf, PTE_WRITABLE), (access & VMM_WRITE) != 0);
    ck_assert_int_eq(pte_has(leaf, PTE_NO_EXECUTE),
                     (access & VMM_EXECUTE) == 0);
    ck_assert_int_eq(pte_has(leaf, PTE_USER), (access & VMM_USER) != 0);
    ck_assert_int_eq(pte_has(leaf, PTE_GLOBAL), (access & VMM_GLOBAL) != 0);
    ck_assert_int_eq(pte_has(leaf, PTE_CACHE_DISABLE | PTE_WRITE_THROUGH),
                     (access & VMM_UNCACHED) != 0);
    ck_assert_uint_eq(vmm_translate(&m.space, page).access, access);
    give_back(unmap(page));
}
END_TEST

START_TEST(the_processor_permits_what_the_leaf_says_and_no_more)
{ /* V3 */
    const unsigned access = (unsigned)_i;
    const pfn_t f = frame();
    struct trap_fault fault;
    uint8_t value = 0;

    bytes_of(f)[0] = 0xc3; /* ret */
    ck_assert_status(vmm_map(&m.space, page, f, access), MM_OK);
    ck_assert(trap_try_read(page, &value, &fault));
    ck_assert_uint_eq(value, 0xc3);
    if (access & VMM_WRITE) {
        ck_assert(trap_try_write(page, 0xc3, &fault));
    } else {
        ck_assert(!trap_try_write(page, 0, &fault));
        ck_assert_hex_eq(fault.error, PF_PRESENT | PF_WRITE);
        ck_assert_hex_eq(fault.address.v, page.v);
    }
    if (access & VMM_EXECUTE) {
        ck_assert(trap_try_call(page, &fault));
    } else {
        ck_assert(!trap_try_call(page, &fault));
        ck_assert_hex_eq(fault.error, PF_PRESENT | PF_FETCH);
    }
    give_back(unmap(page));
}
END_TEST

START_TEST(protect_keeps_frame_accessed_and_dirty)
{ /* V5 */
    const pfn_t f = frame();
    struct vmm_changed changed;

    ck_assert_status(vmm_map(&m.space, page, f, VMM_WRITE), MM_OK);
    machine_entry(&m.space, page, 1)->v |=
        PTE_ACCESSED | PTE_DIRTY | UINT64_C(1) << 9;
    changed = vmm_protect(&m.space, page, VMM_USER | VMM_EXECUTE);
    ck_assert_status(changed.status, MM_OK);
    vmm_flush(changed.token);
    ck_assert_hex_eq(machine_entry(&m.space, page, 1)->v,
                     paddr_of(f).v | PTE_PRESENT | PTE_USER | PTE_ACCESSED |
                         PTE_DIRTY | UINT64_C(1) << 9);
    give_back(unmap(page));
}
END_TEST

/* The page table is near: the short way says no as the long one does. */
START_TEST(a_page_beside_a_mapped_one_is_refused_like_any_other)
{ /* V1 */
    const vaddr_t next = vaddr_add(page, PAGE_SIZE);
    struct vmm_unmapped gone;
    const pfn_t f = frame();

    ck_assert_status(vmm_map(&m.space, page, f, VMM_WRITE), MM_OK);
    ck_assert_status(vmm_map(&m.space, next, f, VMM_ACCESS_ALL + 1),
                     MM_BAD_ARGUMENT);
    ck_assert_status(vmm_map(&m.space, next, pfn(UINT64_C(1) << 50), 0),
                     MM_BAD_ARGUMENT);
    ck_assert_status(vmm_map(&m.space, vaddr_add(next, 1), f, 0),
                     MM_NOT_ALIGNED);
    ck_assert_status(vmm_unmap(&m.space, next).status, MM_NOT_MAPPED);
    ck_assert_unmapped(&m.space, next);
    gone = vmm_unmap(&m.space, page);
    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

static void add_cases(Suite *suite, SFun start) {
    TCase *tc = tcase_create("map");

    tcase_add_checked_fixture(tc, start, teardown);
    tcase_add_test(tc, a_mapped_page_shows_its_frame_to_loads_and_stores);
    tcase_add_test(tc, unmapping_frees_neither_frame_nor_tables);
    tcase_add_test(tc, a_page_is_not_mapped_twice);
    tcase_add_test(tc, an_address_that_is_no_page_is_refused_by_every_call);
    tcase_add_test(
        tc, a_page_that_is_not_mapped_can_be_neither_unmapped_nor_protected);
    tcase_add_test(tc, a_frame_or_right_that_cannot_be_is_refused);
    tcase_add_loop_test(tc, a_large_leaf_is_left_alone_by_calls_for_small_pages,
                        2, 4);
    tcase_add_test(tc, a_page_at_its_own_physical_address_is_an_identity_map);
    tcase_add_test(tc, a_range_maps_page_by_page_across_tables);
    tcase_add_test(tc, a_range_with_one_page_taken_is_not_mapped_at_all);
    tcase_add_test(tc, a_range_that_wraps_or_leaves_its_half_is_refused);
    tcase_add_test(tc, the_last_page_of_the_address_space_can_be_mapped);
    tcase_add_test(tc, a_page_beside_a_mapped_one_is_refused_like_any_other);
    suite_add_tcase(suite, tc);

    tc = tcase_create("rights");
    tcase_add_checked_fixture(tc, start, teardown);
    tcase_add_loop_test(tc, upper_levels_allow_everything_and_the_leaf_decides,
                        0, VMM_ACCESS_ALL + 1);
    tcase_add_loop_test(tc,
                        the_processor_permits_what_the_leaf_says_and_no_more, 0,
                        VMM_ACCESS_ALL + 1);
    tcase_add_test(tc, protect_keeps_frame_accessed_and_dirty);
    suite_add_tcase(suite, tc);
}

/* A4: the same by the direct map, by a window, by a recursive slot. */
Suite *vmm_map_suite(void) {
    Suite *suite = suite_create("vmm_map");

    add_cases(suite, setup);
    add_cases(suite, setup_temporary);
    add_cases(suite, setup_recursive);
    return suite;
}
