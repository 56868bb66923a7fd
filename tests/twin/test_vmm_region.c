/*
 * Regions: what may be declared, extended, removed; and guards around them.
 */
#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static const uint64_t base = UINT64_C(0x444444440000);

static void setup(void) {
    machine_start_pages(&m);
}
static void teardown(void) {
    machine_stop_pages(&m);
}

static enum mm_status add(uint64_t at, uint64_t len, enum vmm_backing backing) {
    return vmm_region_add(&m.space,
                          (struct vmm_region){ .name = "test",
                                               .range = { vaddr(at), len },
                                               .access = VMM_WRITE,
                                               .backing = backing });
}

static void expect_refused(enum mm_status seen, enum mm_status expected) {
    ck_assert_status(seen, expected);
    ck_assert_msg(machine_tables_hash(&m.space) == m.tables_at_start,
                  "a refused call changed the page tables");
    ck_assert_uint_eq(m.pmm.stats.allocated, 0);
    ck_assert(vmm_is_sound(&m.space, NULL));
}

START_TEST(a_range_that_is_no_row_of_pages_is_refused)
{ /* V7 */
    const uint64_t last = UINT64_C(0xfffffffffffff000);
    const uint64_t low_last = UINT64_C(0x00007ffffffff000);

    expect_refused(add(base + 1, 4096, VMM_DEMAND), MM_NOT_ALIGNED);
    expect_refused(add(base, 4097, VMM_DEMAND), MM_NOT_ALIGNED);
    expect_refused(add(low_last + 4096, 1, VMM_DEMAND), MM_NOT_CANONICAL);
    expect_refused(add(low_last + 4096, 4096, VMM_DEMAND), MM_NOT_CANONICAL);
    expect_refused(add(base, 0, VMM_DEMAND), MM_BAD_RANGE);
    expect_refused(add(last, 8192, VMM_GUARD), MM_BAD_RANGE);
    expect_refused(add(low_last, 8192, VMM_GUARD), MM_BAD_RANGE);
    expect_refused(add(base, UINT64_MAX - 0xfff, VMM_DEMAND), MM_BAD_RANGE);
    ck_assert_uint_eq(m.space.region_count, 0);
}
END_TEST

START_TEST(an_access_or_backing_that_means_nothing_is_refused)
{
    struct vmm_region region = { .range = { vaddr(base), PAGE_SIZE },
                                 .access = VMM_ACCESS_ALL + 1,
                                 .backing = VMM_DEMAND };

    expect_refused(vmm_region_add(&m.space, region), MM_BAD_ARGUMENT);
    region.access = VMM_WRITE;
    region.backing = VMM_BACKINGS;
    expect_refused(vmm_region_add(&m.space, region), MM_BAD_ARGUMENT);
}
END_TEST

START_TEST(a_region_may_end_with_the_address_space)
{ /* V7 */
    const uint64_t last = UINT64_C(0xfffffffffffff000);

    ck_assert_status(add(last, 4096, VMM_DEMAND), MM_OK);
    ck_assert_status(add(last - 8192, 8192, VMM_GUARD), MM_OK);
    ck_assert_status(add(last, 4096, VMM_DEMAND), MM_OVERLAP);
    ck_assert_status(add(last - 4096, 8192, VMM_DEMAND), MM_OVERLAP);
    ck_assert_ptr_nonnull(vmm_region_at(&m.space, vaddr(UINT64_MAX)));
    ck_assert_ptr_null(vmm_region_at(&m.space, vaddr(0)));
    ck_assert_ptr_null(
        vmm_region_next(&m.space, vmm_region_at(&m.space, vaddr(UINT64_MAX))));
    ck_assert_status(vmm_region_extend(&m.space, vaddr(last), 8192),
                     MM_BAD_RANGE);
    ck_assert_status(vmm_region_extend(&m.space, vaddr(last - 8192), 12288),
                     MM_OVERLAP);
}
END_TEST

/*
 *   pages     0  1  2  3  4  5  6  7
 *   there           [ region ]
 *   refused      [  ]  [  ]  [  ]  and all around it
 */
START_TEST(a_region_that_touches_another_is_refused)
{ /* V9 */
    ck_assert_status(add(base + 2 * 4096, 3 * 4096, VMM_DEMAND), MM_OK);
    ck_assert_status(add(base + 4096, 2 * 4096, VMM_DEMAND), MM_OVERLAP);
    ck_assert_status(add(base + 3 * 4096, 4096, VMM_DEMAND), MM_OVERLAP);
    ck_assert_status(add(base + 4 * 4096, 2 * 4096, VMM_DEMAND), MM_OVERLAP);
    ck_assert_status(add(base, 8 * 4096, VMM_DEMAND), MM_OVERLAP);
    ck_assert_status(add(base, 2 * 4096, VMM_DEMAND), MM_OK);
    ck_assert_status(add(base + 5 * 4096, 4096, VMM_DEMAND), MM_OK);
    ck_assert_uint_eq(m.space.region_count, 3);
}
END_TEST

START_TEST(regions_are_kept_in_order_and_found_by_any_address_in_them)
{
    static const unsigned order[] = { 3, 0, 4, 1, 2 }; /* V9 */
    const struct vmm_region *region = NULL;

    for (size_t i = 0; i < 5; i++) {
        ck_assert_status(add(base + order[i] * MIB, 2 * PAGE_SIZE, VMM_GUARD),
                         MM_OK);
    }
    for (size_t i = 0; i < 5; i++) {
        const uint64_t at = base + i * MIB;

        region = vmm_region_next(&m.space, region);
        ck_assert_hex_eq(region->range.base.v, at);
        ck_assert_ptr_eq(vmm_region_at(&m.space, vaddr(at + 8191)), region);
        ck_assert_ptr_null(vmm_region_at(&m.space, vaddr(at + 8192)));
        ck_assert_ptr_null(vmm_region_at(&m.space, vaddr(at - 1)));
    }
    ck_assert_status(vmm_region_remove(&m.space, vaddr(base + MIB)), MM_OK);
    ck_assert_status(vmm_region_remove(&m.space, vaddr(base + MIB)),
                     MM_NO_REGION);
    ck_assert_status(vmm_region_remove(&m.space, vaddr(base + 4096)),
                     MM_NO_REGION);
    ck_assert_uint_eq(m.space.region_count, 4);
    ck_assert_ptr_null(vmm_region_next(&m.space, region));
    region = vmm_region_at(&m.space, vaddr(base));
    region = vmm_region_next(&m.space, region);
    ck_assert_hex_eq(region->range.base.v, base + 2 * MIB);
    ck_assert(vmm_is_sound(&m.space, NULL));
}
END_TEST

START_TEST(a_region_does_not_swallow_a_page_that_is_mapped)
{ /* V8 */
    const vaddr_t va = vaddr(base + 5 * PAGE_SIZE);
    struct vmm_unmapped gone;
    uint64_t before;
    pfn_t f;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, va, f, VMM_WRITE), MM_OK);
    before = machine_tables_hash(&m.space);
    for (int backing = VMM_GUARD; backing <= VMM_IMMEDIATE; backing++) {
        ck_assert_status(add(base, 6 * PAGE_SIZE, (enum vmm_backing)backing),
                         MM_ALREADY_MAPPED);
    }
    ck_assert_status(add(base, 5 * PAGE_SIZE, VMM_DEMAND), MM_OK);
    ck_assert_status(vmm_region_extend(&m.space, vaddr(base), 6 * PAGE_SIZE),
                     MM_ALREADY_MAPPED);
    ck_assert(machine_tables_hash(&m.space) == before);
    gone = vmm_unmap(&m.space, va);
    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

static void expect_zeroed(uint64_t at, uint64_t pages) {
    const volatile uint64_t *words = pointer_of(vaddr(at));

    for (uint64_t i = 0; i < pages * 512; i++) {
        ck_assert_msg(words[i] == 0, "0x%lx holds junk",
                      (unsigned long)(at + 8 * i));
    }
}

START_TEST(an_immediate_region_has_all_its_pages_zeroed_from_the_start)
{
    ck_assert_status(add(base, 3 * PAGE_SIZE, VMM_IMMEDIATE), MM_OK); /* V11 */
    ck_assert_uint_eq(m.space.stats.maps, 3);
    ck_assert_uint_eq(m.pmm.stats.allocated, 3 + 3);
    expect_zeroed(base, 3);
    ck_assert_status(vmm_region_extend(&m.space, vaddr(base), 5 * PAGE_SIZE),
                     MM_OK);
    expect_zeroed(base, 5);
    ck_assert_uint_eq(m.space.stats.faults, 0);
}
END_TEST

START_TEST(a_demand_region_gets_a_zeroed_page_at_each_first_touch)
{ /* V11 */
    ck_assert_status(add(base, 4 * PAGE_SIZE, VMM_DEMAND), MM_OK);
    ck_assert_uint_eq(m.pmm.stats.allocated, 0);
    *(volatile uint8_t *)pointer_of(vaddr(base + 2 * PAGE_SIZE + 77)) = 0;
    expect_zeroed(base + 2 * PAGE_SIZE, 1);
    ck_assert_uint_eq(m.pmm.stats.allocated, 1 + 3);
    ck_assert_uint_eq(m.space.stats.maps, 1);
    ck_assert_uint_eq(m.space.stats.faults, 1); /* counted once */
    ck_assert_uint_eq(m.space.stats.faults_refused, 0);
    expect_zeroed(base, 4);
    ck_assert_uint_eq(m.space.stats.faults, 4);
    ck_assert_uint_eq(m.pmm.stats.allocated, 4 + 3);
}
END_TEST

START_TEST(an_address_is_found_with_its_region_its_frame_and_its_rights)
{ /* V16 */
    const vaddr_t byte = vaddr(base + PAGE_SIZE + 77);
    struct vmm_query query;

    ck_assert_status(add(base, 2 * PAGE_SIZE, VMM_DEMAND), MM_OK);
    query = vmm_region_query(&m.space, byte);
    ck_assert_status(query.status, MM_NOT_MAPPED); /* not touched yet */
    ck_assert_str_eq(query.region->name, "test");
    expect_zeroed(base + PAGE_SIZE, 1);
    query = vmm_region_query(&m.space, byte);
    ck_assert_status(query.status, MM_OK);
    ck_assert_hex_eq(query.pa.v, vmm_translate(&m.space, byte).pa.v);
    ck_assert_hex_eq(query.pa.v % PAGE_SIZE, 77);
    ck_assert_uint_eq(query.page_size, PAGE_SIZE);
    ck_assert_uint_eq(query.access, VMM_WRITE);
    ck_assert_ptr_eq(query.region, vmm_region_at(&m.space, vaddr(base)));

    query = vmm_region_query(&m.space, vaddr(base + 2 * PAGE_SIZE));
    ck_assert_status(query.status, MM_NO_REGION);
    ck_assert_ptr_null(query.region);
    query = vmm_region_query(&m.space, m.space.direct_base); /* shows RAM */
    ck_assert_status(query.status, MM_NO_REGION);
    query = vmm_region_query(&m.space, vaddr(UINT64_C(0x800000000000)));
    ck_assert_status(query.status, MM_NO_REGION); /* not canonical */
}
END_TEST

START_TEST(extending_moves_the_end_and_nothing_else)
{ /* H14 */
    uint8_t value;
    struct trap_fault fault;
    const vaddr_t next = vaddr(base + PAGE_SIZE);

    ck_assert_status(vmm_region_extend(&m.space, vaddr(base), 4096),
                     MM_NO_REGION);
    ck_assert_status(add(base, PAGE_SIZE, VMM_DEMAND), MM_OK);
    ck_assert(!trap_try_read(next, &value, &fault));
    ck_assert_status(vmm_region_extend(&m.space, next, 8192), MM_NO_REGION);
    ck_assert_status(vmm_region_extend(&m.space, vaddr(base), 8193),
                     MM_NOT_ALIGNED);
    ck_assert_status(vmm_region_extend(&m.space, vaddr(base), 4096),
                     MM_BAD_RANGE);
    ck_assert_status(vmm_region_extend(&m.space, vaddr(base), 0), MM_BAD_RANGE);
    ck_assert_status(
        vmm_region_extend(&m.space, vaddr(base), UINT64_C(1) << 63),
        MM_BAD_RANGE);
    ck_assert_status(vmm_region_extend(&m.space, vaddr(base), 8192), MM_OK);
    ck_assert(trap_try_read(next, &value, &fault));
    ck_assert_uint_eq(value, 0);
}
END_TEST

START_TEST(a_removed_region_gives_every_frame_back)
{ /* V13 */
    const uint64_t tables = m.space.stats.tables;
    const uint64_t len = 3 * 512 * PAGE_SIZE;

    ck_assert_status(add(base, len, VMM_DEMAND), MM_OK);
    for (uint64_t at = base; at < base + len; at += 37 * PAGE_SIZE) {
        *(volatile uint8_t *)pointer_of(vaddr(at)) = 1;
    }
    ck_assert_status(vmm_region_remove(&m.space, vaddr(base)), MM_OK);
    ck_assert_uint_eq(m.pmm.stats.allocated, m.space.stats.tables - tables);
    ck_assert_uint_eq(m.space.stats.unmaps, m.space.stats.maps);
    vmm_reclaim_tables(&m.space, (struct vrange){ vaddr(base), len });
    ck_assert_uint_eq(m.space.stats.tables, tables); /* V4 */
    ck_assert_uint_eq(m.pmm.stats.allocated, 0);
}
END_TEST

START_TEST(a_frame_that_is_not_the_pmms_is_not_given_to_it)
{ /* V12 */
    const vaddr_t va = vaddr(base + PAGE_SIZE);

    ck_assert_status(add(base, 2 * PAGE_SIZE, VMM_DEMAND), MM_OK);
    ck_assert_status(vmm_map(&m.space, va, pfn(0xfee00), VMM_UNCACHED), MM_OK);
    ck_assert_status(vmm_region_remove(&m.space, vaddr(base)), MM_OK);
    ck_assert_unmapped(&m.space, va);
    ck_assert_hex_eq(machine_entry(&m.space, va, 1)->v, 0);
    ck_assert(pmm_is_sound(&m.pmm));
}
END_TEST

/*
 *   [ guard ][ region ][ guard ]
 *          ^            ^          the first byte on either side
 */
START_TEST(overrun_and_underrun_fault_at_the_first_byte)
{ /* V19 */
    const vaddr_t under = vaddr(base - 1), over = vaddr(base + 8192);
    const vaddr_t edges[] = { under, over };
    struct trap_fault fault;

    ck_assert_status(add(base - 4096, 4096, VMM_GUARD), MM_OK);
    ck_assert_status(add(base, 8192, VMM_DEMAND), MM_OK);
    ck_assert_status(add(base + 8192, 4096, VMM_GUARD), MM_OK);
    *(volatile uint8_t *)pointer_of(vaddr(base)) = 1;
    *(volatile uint8_t *)pointer_of(vaddr(base + 8191)) = 1;
    for (size_t i = 0; i < 2; i++) {
        ck_assert(!trap_try_write(edges[i], 1, &fault));
        ck_assert_hex_eq(fault.error, PF_WRITE);
        ck_assert_hex_eq(fault.address.v, edges[i].v);
        ck_assert_unmapped(&m.space, edges[i]);
    }
    ck_assert_uint_eq(m.space.stats.faults_refused, 2);
}
END_TEST

/* The flow of a miss: fault, vmm asks, pmm gives (page, then tables), maps. */
START_TEST(a_first_touch_is_recorded_step_by_step)
{ /* H14 */
    static const enum event_kind kinds[] = {
        EVENT_FAULT,     EVENT_VMM_ASKS, EVENT_PMM_GIVES, EVENT_VMM_ASKS,
        EVENT_PMM_GIVES, EVENT_VMM_ASKS, EVENT_PMM_GIVES, EVENT_VMM_ASKS,
        EVENT_PMM_GIVES, EVENT_VMM_MAPS, EVENT_FAULT,     EVENT_VMM_ASKS,
        EVENT_PMM_GIVES, EVENT_VMM_MAPS,
    };
    const struct event *ring = m.events.ring;

    ck_assert_status(add(base, 8192, VMM_DEMAND), MM_OK);
    ck_assert_uint_eq(m.events.total, 0);
    *(volatile uint8_t *)pointer_of(vaddr(base + 5)) = 1;
    *(volatile uint8_t *)pointer_of(vaddr(base + 4096)) = 1;
    ck_assert_uint_eq(m.events.total, sizeof(kinds) / sizeof(kinds[0]));
    for (uint64_t i = 0; i < m.events.total; i++) {
        ck_assert_msg(ring[i].kind == kinds[i], "event %lu is \"%s\"",
                      (unsigned long)i, event_name(ring[i].kind));
    }
    ck_assert_hex_eq(ring[0].a, base + 5);
    ck_assert_hex_eq(ring[0].b, PF_WRITE);
    ck_assert_hex_eq(ring[1].a, base);
    ck_assert_uint_eq(ring[1].b, 0); /* a page; its tables follow */
    ck_assert_uint_eq(ring[3].b, 1);
    ck_assert_hex_eq(ring[9].a, base);
    ck_assert_hex_eq(ring[9].b, ring[2].a);
}
END_TEST

START_TEST(a_space_without_a_ring_records_nothing_and_works)
{
    struct vmm_unmapped gone;

    m.space.events = m.pmm.events = NULL;
    ck_assert_status(add(base, 8192, VMM_DEMAND), MM_OK);
    *(volatile uint8_t *)pointer_of(vaddr(base)) = 1;
    *(volatile uint8_t *)pointer_of(vaddr(base + 4096)) = 1;
    gone = vmm_unmap(&m.space, vaddr(base));
    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
    ck_assert_status(pmm_free(&m.pmm, gone.frame), MM_OK);
    ck_assert_status(vmm_region_remove(&m.space, vaddr(base)), MM_OK);
    ck_assert_uint_eq(m.events.total, 0);
}
END_TEST

/*
 *   page 0 --> A, freed by its owner        a mistake of somebody's, but the
 *   page 1 --> B                            region goes all the same
 *   page 2 --> B
 */
START_TEST(a_frame_freed_behind_a_regions_back_is_counted_when_it_goes)
{ /* V8 */
    const char *why = "";
    pfn_t a, b;

    ck_assert_status(add(base, 3 * PAGE_SIZE, VMM_DEMAND), MM_OK);
    ck_assert_status(pmm_alloc(&m.pmm, &a), MM_OK);
    ck_assert_status(pmm_alloc(&m.pmm, &b), MM_OK);
    ck_assert_status(vmm_map(&m.space, vaddr(base), a, VMM_WRITE), MM_OK);
    ck_assert(vmm_is_sound(&m.space, &why));
    ck_assert_status(pmm_free(&m.pmm, a), MM_OK);
    ck_assert(!vmm_is_sound(&m.space, &why));
    ck_assert_str_eq(why, "a page of a region shows a free frame");

    ck_assert_status(vmm_map(&m.space, vaddr(base + PAGE_SIZE), b, VMM_WRITE),
                     MM_OK);
    ck_assert_status(
        vmm_map(&m.space, vaddr(base + 2 * PAGE_SIZE), b, VMM_WRITE), MM_OK);
    ck_assert_status(vmm_region_remove(&m.space, vaddr(base)), MM_OK);
    ck_assert_uint_eq(m.space.stats.not_taken_back, 2); /* A, B once */
    ck_assert_uint_eq(m.space.stats.unmaps, 3);
}
END_TEST

Suite *vmm_region_suite(void) {
    Suite *suite = suite_create("vmm_region");
    TCase *tc = tcase_create("regions");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_range_that_is_no_row_of_pages_is_refused);
    tcase_add_test(tc, an_access_or_backing_that_means_nothing_is_refused);
    tcase_add_test(tc, a_region_may_end_with_the_address_space);
    tcase_add_test(tc, a_region_that_touches_another_is_refused);
    tcase_add_test(tc,
                   regions_are_kept_in_order_and_found_by_any_address_in_them);
    tcase_add_test(tc, a_region_does_not_swallow_a_page_that_is_mapped);
    suite_add_tcase(suite, tc);

    tc = tcase_create("backing");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc,
                   an_immediate_region_has_all_its_pages_zeroed_from_the_start);
    tcase_add_test(tc, a_demand_region_gets_a_zeroed_page_at_each_first_touch);
    tcase_add_test(
        tc, an_address_is_found_with_its_region_its_frame_and_its_rights);
    tcase_add_test(tc, extending_moves_the_end_and_nothing_else);
    tcase_add_test(tc, a_removed_region_gives_every_frame_back);
    tcase_add_test(tc, a_frame_that_is_not_the_pmms_is_not_given_to_it);
    tcase_add_test(tc, overrun_and_underrun_fault_at_the_first_byte);
    tcase_add_test(tc, a_first_touch_is_recorded_step_by_step);
    tcase_add_test(tc, a_space_without_a_ring_records_nothing_and_works);
    tcase_add_test(tc,
                   a_frame_freed_behind_a_regions_back_is_counted_when_it_goes);
    suite_add_tcase(suite, tc);
    return suite;
}
