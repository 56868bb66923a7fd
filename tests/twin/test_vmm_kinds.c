/*
 * Kinds of regions beyond demand and immediate: a device's registers, a stack
 * that grows, and finding a place for one.
 */
#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static const vaddr_t base = { UINT64_C(0x444444440000) };

static void setup(void) {
    machine_start_pages(&m);
}
static void teardown(void) {
    machine_stop_pages(&m);
}

static vaddr_t nth(uint64_t n) {
    return vaddr_add(base, n * PAGE_SIZE);
}

static struct vmm_region region(uint64_t first, uint64_t pages,
                                enum vmm_backing backing) {
    return (struct vmm_region){ .name = "test",
                                .range = { nth(first), pages * PAGE_SIZE },
                                .access = VMM_WRITE,
                                .backing = backing };
}

static void add(uint64_t first, uint64_t pages, enum vmm_backing backing) {
    ck_assert_status(vmm_region_add(&m.space, region(first, pages, backing)),
                     MM_OK);
}

/* --- W^X --------------------------------------------------------------------
 */

START_TEST(a_page_both_writable_and_executable_is_refused_by_default)
{ /* V24 */
    const unsigned both = VMM_WRITE | VMM_EXECUTE;
    struct vmm_region wx = region(0, 1, VMM_DEMAND);
    struct vmm_space fresh;
    uint64_t hash;

    vmm_space_adopt(&fresh, &m.pmm, m.boot);
    ck_assert(!fresh.write_execute);
    m.space.write_execute = false;
    wx.access = both;
    ck_assert_status(vmm_map(&m.space, base, pfn(300), VMM_WRITE), MM_OK);
    hash = machine_tables_hash(&m.space);
    ck_assert_status(vmm_map(&m.space, nth(1), pfn(300), both), MM_REFUSED);
    ck_assert_status(vmm_map_range(&m.space, nth(1), pfn(300), 2, both),
                     MM_REFUSED);
    ck_assert_status(vmm_protect(&m.space, base, both).status, MM_REFUSED);
    ck_assert_status(vmm_protect_range(&m.space, base, 1, both).status,
                     MM_REFUSED);
    ck_assert_status(vmm_update(&m.space, base, pfn(301), both).status,
                     MM_REFUSED);
    ck_assert_status(vmm_region_add(&m.space, wx), MM_REFUSED);
    ck_assert(machine_tables_hash(&m.space) == hash);
    m.space.write_execute = true;
    vmm_flush(vmm_protect(&m.space, base, both).token);
    ck_assert_uint_eq(vmm_translate(&m.space, base).access, both);
    vmm_flush(vmm_unmap(&m.space, base).token);
}
END_TEST

/* --- devices ----------------------------------------------------------------
 */

START_TEST(a_device_region_shows_its_registers_uncached_and_keeps_them)
{ /* V12: the local APIC */
    const pfn_t apic = pfn(UINT64_C(0xfee00000) >> PAGE_SHIFT);
    struct vmm_region device = region(0, 3, VMM_DEVICE);
    uint64_t frees;

    device.device = apic;
    ck_assert_status(vmm_region_add(&m.space, device), MM_OK);
    for (uint64_t n = 0; n < 3; n++) {
        ck_assert_shows(&m.space, nth(n), pfn_add(apic, n));
        ck_assert_uint_eq(vmm_translate(&m.space, nth(n)).access,
                          VMM_WRITE | VMM_UNCACHED);
        ck_assert(pte_has(*machine_entry(&m.space, nth(n), 1),
                          PTE_CACHE_DISABLE | PTE_WRITE_THROUGH));
    }
    ck_assert_status(vmm_region_extend(&m.space, base, 5 * PAGE_SIZE), MM_OK);
    ck_assert_shows(&m.space, nth(4), pfn_add(apic, 4));
    ck_assert(vmm_is_sound(&m.space, NULL));
    frees = m.pmm.stats.frees;
    ck_assert_status(vmm_region_remove(&m.space, base), MM_OK);
    ck_assert_uint_eq(m.pmm.stats.frees, frees);
    ck_assert_uint_eq(m.space.stats.not_taken_back, 0);
    ck_assert_unmapped(&m.space, base);
}
END_TEST

START_TEST(a_device_in_ram_is_not_given_to_the_pmm)
{ /* V12: a frame buffer, say */
    struct vmm_region device = region(0, 2, VMM_DEVICE);
    pfn_t f;

    ck_assert_status(pmm_alloc_run(&m.pmm, pmm_block(1), &f), MM_OK);
    device.device = f;
    ck_assert_status(vmm_region_add(&m.space, device), MM_OK);
    *(volatile uint8_t *)pointer_of(nth(1)) = 9;
    ck_assert_status(vmm_region_remove(&m.space, base), MM_OK);
    ck_assert(pmm_is_used(&m.pmm, f) && pmm_is_used(&m.pmm, pfn_add(f, 1)));
    ck_assert_status(pmm_free_run(&m.pmm, f, 2), MM_OK);
}
END_TEST

START_TEST(a_device_beyond_the_bus_is_refused)
{ /* V12 */
    struct vmm_region device = region(0, 2, VMM_DEVICE);

    device.device = pfn((UINT64_C(1) << (m.space.phys_bits - PAGE_SHIFT)) - 1);
    ck_assert_status(vmm_region_add(&m.space, device), MM_BAD_ARGUMENT);
    device.range.len = PAGE_SIZE;
    ck_assert_status(vmm_region_add(&m.space, device), MM_OK);
    ck_assert_status(vmm_region_extend(&m.space, base, 2 * PAGE_SIZE),
                     MM_BAD_ARGUMENT);
    device.backing = VMM_BACKINGS;
    ck_assert_status(vmm_region_add(&m.space, device), MM_BAD_ARGUMENT);
}
END_TEST

START_TEST(a_page_taken_from_a_device_is_not_filled)
{ /* V12 V18 */
    struct vmm_region device = region(0, 1, VMM_DEVICE);
    struct trap_fault fault;

    device.device = pfn(UINT64_C(0xfee00));
    ck_assert_status(vmm_region_add(&m.space, device), MM_OK);
    vmm_flush(vmm_unmap(&m.space, base).token);
    ck_assert(!vmm_is_sound(&m.space, NULL));
    ck_assert(!trap_try_write(base, 1, &fault));
    ck_assert_status(vmm_map(&m.space, base, device.device, VMM_WRITE), MM_OK);
}
END_TEST

/* --- stacks -----------------------------------------------------------------
 */

/*
 *   page   2        10 ........... 18 19
 *          [ region ]              [ stack ]     limit: 6 pages, 14 .. 19
 *                      ^ 14 is the last that fits, 13 is refused
 */
static void add_stack(uint64_t limit) {
    struct vmm_region stack = region(18, 2, VMM_STACK);

    stack.limit = limit * PAGE_SIZE;
    ck_assert_status(vmm_region_add(&m.space, stack), MM_OK);
}

static struct vmm_verdict touch(uint64_t n, unsigned error) {
    return vmm_fault(&m.space, vaddr_add(nth(n), 0x123), error);
}

START_TEST(a_stack_grows_by_being_touched_up_to_its_limit)
{ /* V18 V10 */
    struct trap_fault fault;
    struct vmm_verdict seen;

    add_stack(6);
    ck_assert(trap_try_write(nth(19), 1, &fault));
    ck_assert(trap_try_write(nth(16), 1, &fault)); /* over a page */
    ck_assert_hex_eq(vmm_region_at(&m.space, nth(17))->range.base.v, nth(16).v);
    ck_assert_uint_eq(vmm_region_at(&m.space, nth(17))->range.len,
                      4 * PAGE_SIZE);
    ck_assert_uint_eq(m.space.stats.maps, 2);
    ck_assert(trap_try_write(nth(17), 1, &fault)); /* left out, filled now */
    ck_assert(trap_try_write(nth(14), 1, &fault));
    ck_assert(!trap_try_write(nth(13), 1, &fault));
    seen = touch(13, PF_WRITE);
    ck_assert_status(seen.status, MM_NO_REGION);
    ck_assert_str_eq(seen.reason, "the stack has reached its limit");
    ck_assert(vmm_is_sound(&m.space, NULL));
    ck_assert_status(vmm_region_remove(&m.space, nth(14)), MM_OK);
}
END_TEST

START_TEST(a_stack_keeps_a_page_free_between_it_and_what_lies_below)
{ /* V19 */
    struct vmm_verdict seen;

    add(2, 8, VMM_DEMAND); /* 2 .. 9 */
    add_stack(100);
    seen = touch(10, PF_WRITE);
    ck_assert_status(seen.status, MM_NO_REGION);
    ck_assert_str_eq(seen.reason, "the stack would touch what lies below it");
    ck_assert_uint_eq(m.space.stats.maps, 0);
    ck_assert_status(touch(11, PF_WRITE).status, MM_OK);
    ck_assert_status(vmm_region_remove(&m.space, nth(2)), MM_OK);
    ck_assert_status(vmm_map(&m.space, nth(8), pfn(300), 0), MM_OK);
    ck_assert_status(touch(9, PF_WRITE).status, MM_NO_REGION);
    ck_assert_status(touch(10, PF_WRITE).status, MM_OK);
    vmm_flush(vmm_unmap(&m.space, nth(8)).token);
}
END_TEST

START_TEST(a_stack_does_not_grow_for_what_it_forbids)
{ /* V18 */
    const uint64_t len = 2 * PAGE_SIZE;

    add_stack(6);
    ck_assert_str_eq(touch(17, PF_WRITE | PF_USER).reason,
                     "user mode touched a region of the kernel");
    ck_assert_str_eq(touch(17, PF_FETCH).reason,
                     "instruction fetch from a region that is not executable");
    ck_assert_uint_eq(vmm_region_at(&m.space, nth(19))->range.len, len);
    machine_leave_free(&m.pmm, 0);
    ck_assert_status(touch(17, PF_WRITE).status, MM_NO_MEMORY);
    ck_assert_uint_eq(vmm_region_at(&m.space, nth(19))->range.len, len);
    machine_give_back(&m.pmm);
    ck_assert_str_eq(touch(17, PF_WRITE).reason, "the stack grew");
}
END_TEST

START_TEST(only_the_region_next_above_grows)
{ /* V18 */
    add_stack(100);
    add(14, 1, VMM_DEMAND);
    ck_assert_str_eq(touch(12, PF_WRITE).reason, "no region holds the address");
    ck_assert_str_eq(touch(30, PF_WRITE).reason, "no region holds the address");
}
END_TEST

START_TEST(a_stack_with_a_limit_that_cannot_be_is_refused)
{ /* V10 */
    struct vmm_region stack = region(18, 2, VMM_STACK);

    stack.limit = PAGE_SIZE;
    ck_assert_status(vmm_region_add(&m.space, stack), MM_BAD_ARGUMENT);
    stack.limit = 3 * PAGE_SIZE + 1;
    ck_assert_status(vmm_region_add(&m.space, stack), MM_BAD_ARGUMENT);
    stack.limit = 3 * PAGE_SIZE;
    ck_assert_status(vmm_region_add(&m.space, stack), MM_OK);
    ck_assert_status(vmm_region_extend(&m.space, nth(18), 4 * PAGE_SIZE),
                     MM_BAD_ARGUMENT);
    ck_assert_status(vmm_region_extend(&m.space, nth(18), 3 * PAGE_SIZE),
                     MM_OK);
}
END_TEST

/* Near address 0 there is no page below for a guard. */
START_TEST(a_stack_does_not_reach_the_first_page)
{ /* V18 */
    struct vmm_region stack = region(0, 1, VMM_STACK);

    stack.range.base = vaddr(4 * PAGE_SIZE);
    stack.limit = 100 * PAGE_SIZE;
    ck_assert_status(vmm_region_add(&m.space, stack), MM_OK);
    ck_assert_status(vmm_fault(&m.space, vaddr(1), PF_WRITE).status,
                     MM_NO_REGION);
    ck_assert_status(vmm_fault(&m.space, vaddr(PAGE_SIZE), PF_WRITE).status,
                     MM_NO_REGION);
    ck_assert_status(vmm_fault(&m.space, vaddr(2 * PAGE_SIZE), PF_WRITE).status,
                     MM_OK);
}
END_TEST

/* --- places -----------------------------------------------------------------
 */

static const struct place {
    uint64_t len, gap; /* pages */
    uint64_t found;    /* page, or UINT64_MAX */
} places[] = {
    /* page   0   2       6   8    11 12          20
     *        [  )[ region )  [ region )[ mapped )  end of the bounds */
    { 2, 0, 0 },  { 3, 0, 13 },         { 1, 1, 0 },  { 2, 1, 13 },
    { 7, 0, 13 }, { 8, 0, UINT64_MAX }, { 1, 2, 13 }, { 1, 3, 14 },
};

START_TEST(the_first_place_that_fits_is_found)
{ /* V10: in front, exactly between, behind the last */
    const struct place *p = &places[_i];
    const struct vrange bounds = { base, 20 * PAGE_SIZE };
    vaddr_t va = vaddr(1);
    enum mm_status status;

    add(2, 4, VMM_DEMAND);
    add(8, 3, VMM_DEMAND);
    ck_assert_status(vmm_map(&m.space, nth(12), pfn(300), 0), MM_OK);
    status = vmm_region_find(&m.space, bounds, p->len * PAGE_SIZE,
                             p->gap * PAGE_SIZE, &va);
    if (p->found == UINT64_MAX) {
        ck_assert_status(status, MM_NO_MEMORY);
        ck_assert_hex_eq(va.v, 1);
    } else {
        ck_assert_status(status, MM_OK);
        ck_assert_hex_eq(va.v, nth(p->found).v);
    }
    vmm_flush(vmm_unmap(&m.space, nth(12)).token);
}
END_TEST

START_TEST(a_place_is_never_page_0_and_lies_within_its_bounds)
{ /* V10 */
    const vaddr_t last = vaddr(UINT64_C(0xfffffffffffff000));
    struct vmm_space *space = &m.space;
    struct vrange bounds = { vaddr(0), 3 * PAGE_SIZE };
    vaddr_t va;

    ck_assert_status(vmm_region_find(space, bounds, PAGE_SIZE, 0, &va), MM_OK);
    ck_assert_hex_eq(va.v, PAGE_SIZE);
    ck_assert_status(vmm_region_find(space, bounds, 3 * PAGE_SIZE, 0, &va),
                     MM_NO_MEMORY);
    bounds = (struct vrange){ last, PAGE_SIZE };
    ck_assert_status(vmm_region_find(space, bounds, PAGE_SIZE, 0, &va), MM_OK);
    ck_assert_hex_eq(va.v, last.v);
    ck_assert_status(vmm_region_find(space, bounds, 2 * PAGE_SIZE, 0, &va),
                     MM_NO_MEMORY);
    ck_assert_status(vmm_region_find(space, bounds, 0, 0, &va), MM_BAD_RANGE);
    ck_assert_status(vmm_region_find(space, bounds, 1, 0, &va), MM_NOT_ALIGNED);
    ck_assert_status(vmm_region_find(space, bounds, PAGE_SIZE, 8, &va),
                     MM_NOT_ALIGNED);
    bounds = (struct vrange){ vaddr(UINT64_C(0x7ffffffff000)), 2 * PAGE_SIZE };
    ck_assert_status(vmm_region_find(space, bounds, PAGE_SIZE, 0, &va),
                     MM_BAD_RANGE);
}
END_TEST

START_TEST(a_place_lies_behind_a_large_page)
{ /* V10 V24 */
    const vaddr_t large = vaddr(align_down(base.v, 2 * MIB));
    const struct vrange bounds = { vaddr_add(large, PAGE_SIZE), 4 * MIB };
    vaddr_t va;

    ck_assert_status(vmm_map_leaf(&m.space, large, pfn(512), 2, 0), MM_OK);
    ck_assert_status(vmm_region_find(&m.space, bounds, PAGE_SIZE, 0, &va),
                     MM_OK);
    ck_assert_hex_eq(va.v, large.v + 2 * MIB);
    vmm_flush(vmm_unmap_leaf(&m.space, large, 2).token);
}
END_TEST

Suite *vmm_kinds_suite(void) {
    Suite *suite = suite_create("vmm_kinds");
    TCase *tc = tcase_create("kinds");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc,
                   a_page_both_writable_and_executable_is_refused_by_default);
    tcase_add_test(tc,
                   a_device_region_shows_its_registers_uncached_and_keeps_them);
    tcase_add_test(tc, a_device_in_ram_is_not_given_to_the_pmm);
    tcase_add_test(tc, a_device_beyond_the_bus_is_refused);
    tcase_add_test(tc, a_page_taken_from_a_device_is_not_filled);
    tcase_add_test(tc, a_stack_grows_by_being_touched_up_to_its_limit);
    tcase_add_test(tc,
                   a_stack_keeps_a_page_free_between_it_and_what_lies_below);
    tcase_add_test(tc, a_stack_does_not_grow_for_what_it_forbids);
    tcase_add_test(tc, only_the_region_next_above_grows);
    tcase_add_test(tc, a_stack_with_a_limit_that_cannot_be_is_refused);
    tcase_add_test(tc, a_stack_does_not_reach_the_first_page);
    tcase_add_loop_test(tc, the_first_place_that_fits_is_found, 0,
                        (int)(sizeof(places) / sizeof(places[0])));
    tcase_add_test(tc, a_place_is_never_page_0_and_lies_within_its_bounds);
    tcase_add_test(tc, a_place_lies_behind_a_large_page);
    suite_add_tcase(suite, tc);
    return suite;
}
