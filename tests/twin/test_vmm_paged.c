/*
 * Regions whose pages a pager brings and takes away: a working set larger than
 * RAM lives on a disk, and nothing is lost whatever fails.
 *
 *   region   [ 0 ][ 1 ][ 2 ] ...................... [ PAGES - 1 ]
 *   RAM           a few frames
 *   disk     [ 0 ][ 1 ][ 2 ] ...  one block a page   (frames set aside)
 *   oracle   the byte that each page should hold
 */
#include <check.h>
#include <string.h>

#include "base/hash.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

#define PAGES 64u
#define ROOM 12u /* frames for them */

static const vaddr_t base = { UINT64_C(0x444444440000) };
static uint8_t oracle[PAGES];

/* --- a disk -----------------------------------------------------------------
 */

static struct disk {
    struct vmm_pager pager; /* first */
    pfn_t first;
    unsigned loads[PAGES], saves[PAGES];
    /* 0: never; n: the nth from now on fails, once; or, dead, each does */
    uint64_t bad_load, bad_save;
    bool dead;
} disk;

static uint8_t *block(uint64_t n) {
    return pointer_of(
        vaddr_add(m.space.direct_base, paddr_of(pfn_add(disk.first, n)).v));
}

static bool fails(uint64_t *bad) {
    if (disk.dead) {
        return true;
    }
    return *bad != 0 && --*bad == 0;
}

static uint64_t page_number(const struct vmm_region *region, vaddr_t page) {
    return (page.v - region->range.base.v) >> PAGE_SHIFT;
}

static enum mm_status load(struct vmm_pager *pager,
                           const struct vmm_region *region, vaddr_t page,
                           void *bytes) {
    const uint64_t n = page_number(region, page);

    ck_must(pager == &disk.pager, "another pager was asked");
    if (fails(&disk.bad_load)) {
        return MM_REFUSED;
    }
    memcpy(bytes, block(n), PAGE_SIZE);
    disk.loads[n]++;
    return MM_OK;
}

static enum mm_status save(struct vmm_pager *pager,
                           const struct vmm_region *region, vaddr_t page,
                           const void *bytes) {
    const uint64_t n = page_number(region, page);

    ck_must(pager == &disk.pager, "another pager was asked");
    if (fails(&disk.bad_save)) {
        memset(block(n), 0xee, PAGE_SIZE); /* half written, who knows */
        return MM_REFUSED;
    }
    memcpy(block(n), bytes, PAGE_SIZE);
    disk.saves[n]++;
    return MM_OK;
}

/* --- the machine with it ----------------------------------------------------
 */

static struct vmm_region region_of(uint64_t pages) {
    return (struct vmm_region){ .name = "paged",
                                .range = { base, pages * PAGE_SIZE },
                                .access = VMM_WRITE,
                                .backing = VMM_PAGED,
                                .pager = &disk.pager };
}

static uint8_t *bytes_of(uint64_t n) {
    return pointer_of(vaddr_add(base, n * PAGE_SIZE + 5));
}

static void read_page(uint64_t n) {
    struct trap_fault fault;
    uint8_t seen = 0;

    ck_must(trap_try_read(vaddr_of_pointer(bytes_of(n)), &seen, &fault),
            "page %lu can not be read", (unsigned long)n);
    ck_must(seen == oracle[n], "page %lu holds %u, expected %u",
            (unsigned long)n, seen, oracle[n]);
}

static void write_page(uint64_t n, uint8_t value) {
    struct trap_fault fault;

    ck_must(trap_try_write(vaddr_of_pointer(bytes_of(n)), value, &fault),
            "page %lu can not be written", (unsigned long)n);
    oracle[n] = value;
}

static void setup(void) {
    const struct pmm_want want = { .count = PAGES };

    machine_start_pages(&m);
    disk = (struct disk){ .pager = { .load = load, .save = save } };
    ck_assert_status(pmm_alloc_run(&m.pmm, want, &disk.first), MM_OK);
    for (uint64_t n = 0; n < PAGES; n++) {
        memset(block(n), (int)n, PAGE_SIZE);
        oracle[n] = (uint8_t)n;
    }
    ck_assert_status(vmm_region_add(&m.space, region_of(PAGES)), MM_OK);
    read_page(0); /* the tables are there now */
    machine_leave_free(&m.pmm, ROOM - 1);
}

static void teardown(void) {
    ck_assert_status(pmm_free_run(&m.pmm, disk.first, PAGES), MM_OK);
    machine_stop_pages(&m);
}

static void expect_nothing_lost(void) {
    const char *why = "";

    ck_assert_msg(vmm_is_sound(&m.space, &why), "%s", why);
    for (uint64_t n = 0; n < PAGES; n++) {
        read_page(n);
    }
}

/* --- what should work -------------------------------------------------------
 */

START_TEST(a_working_set_larger_than_ram_keeps_what_was_written)
{ /* V23 */
    uint64_t dice = (uint64_t)_i + 1;

    for (unsigned step = 0; step < 4000; step++) {
        dice = hash_mix(dice);
        if ((dice >> 40 & 3) == 0) {
            write_page(dice % PAGES, (uint8_t)(dice >> 50));
        } else {
            read_page(dice % PAGES);
        }
    }
    expect_nothing_lost();
    ck_assert_uint_gt(m.space.stats.evictions, 1000);
    ck_assert_uint_eq(m.space.stats.loads,
                      m.space.stats.evictions + ROOM - pmm_free_count(&m.pmm));
    ck_assert_uint_lt(m.space.stats.saves, m.space.stats.evictions);
}
END_TEST

START_TEST(a_page_that_was_not_written_to_is_not_saved)
{ /* V23 */
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t n = 0; n < PAGES; n++) {
            read_page(n);
        }
    }
    ck_assert_uint_eq(m.space.stats.saves, 0);
    write_page(7, 99);
    for (unsigned round = 0; round < 3; round++) {
        for (uint64_t n = 0; n < PAGES; n++) {
            read_page(n);
        }
    }
    ck_assert_uint_eq(m.space.stats.saves, 1); /* clean again after it */
    ck_assert_uint_eq(disk.saves[7], 1);
}
END_TEST

START_TEST(a_page_that_is_used_all_the_time_stays)
{ /* V23: the clock's second chance, and A is set again after it */
    unsigned loads = 0; /* before the first round, which clears every A */

    for (unsigned round = 0; round < 4; round++) {
        for (uint64_t n = 1; n < PAGES; n++) {
            read_page(0);
            read_page(n);
        }
        loads = round == 0 ? disk.loads[0] : loads;
    }
    ck_assert_uint_eq(disk.loads[0], loads);
    ck_assert_uint_eq(disk.loads[PAGES - 1], 4);
}
END_TEST

START_TEST(a_caller_may_ask_for_a_frame_of_a_paged_region)
{ /* V23 */
    write_page(3, 33);
    for (unsigned pages = 2; pages > 0; pages--) {
        const uint64_t left = pmm_free_count(&m.pmm);

        ck_assert_status(vmm_evict(&m.space), MM_OK);
        ck_assert_uint_eq(pmm_free_count(&m.pmm), left + 1);
    }
    ck_assert_status(vmm_evict(&m.space), MM_NO_MEMORY);
    read_page(3);
    ck_assert_uint_eq(disk.saves[3], 1);
}
END_TEST

START_TEST(only_pages_of_paged_regions_are_taken_away)
{ /* V23 */
    struct vmm_region other = region_of(1);

    other.range.base = vaddr_add(base, -UINT64_C(2) * PAGE_SIZE);
    other.backing = VMM_IMMEDIATE;
    ck_assert_status(vmm_region_add(&m.space, other), MM_OK);
    other.range.base = vaddr_add(base, (PAGES + 1) * PAGE_SIZE);
    ck_assert_status(vmm_region_add(&m.space, other), MM_OK);
    ck_assert_status(vmm_evict(&m.space), MM_OK); /* page 0 */
    ck_assert_status(vmm_evict(&m.space), MM_NO_MEMORY);
    ck_assert_status(vmm_region_remove(&m.space, base), MM_OK);
    ck_assert_status(vmm_evict(&m.space), MM_NO_MEMORY);
    ck_assert(vmm_is_sound(&m.space, NULL));
}
END_TEST

START_TEST(a_paged_region_without_a_pager_is_refused)
{ /* V23 */
    static struct vmm_space a;
    struct vmm_region private = region_of(2);

    private.range.base = vaddr(0x8000000);
    private.pager = NULL;
    machine_leave_free(&m.pmm, 40);
    ck_assert_status(vmm_space_create(&a, &m.space), MM_OK);
    ck_assert_status(vmm_region_add(&a, private), MM_BAD_ARGUMENT);
    private.pager = &disk.pager;
    ck_assert_status(vmm_region_add(&a, private), MM_OK);
    ck_assert_status(vmm_space_destroy(&a), MM_OK);
}
END_TEST

/* The space that is short has nothing to give; another of its family has. */
START_TEST(a_fault_takes_a_page_from_another_space)
{ /* V23 */
    static struct vmm_space a;
    struct vmm_region demand = region_of(4);
    struct trap_fault fault;

    demand.range.base = vaddr(0x8000000);
    demand.backing = VMM_DEMAND;
    ck_assert_status(vmm_space_create(&a, &m.space), MM_OK);
    ck_assert_status(vmm_region_add(&a, demand), MM_OK);
    for (uint64_t n = 0; n < PAGES; n++) {
        write_page(n, (uint8_t)(n + 1));
    }
    ck_assert_uint_eq(pmm_free_count(&m.pmm), 0);
    vmm_space_switch(&a);
    for (uint64_t n = 0; n < 4; n++) {
        ck_assert(trap_try_write(vaddr_add(demand.range.base, n * PAGE_SIZE), 1,
                                 &fault));
    }
    ck_assert_uint_eq(a.stats.maps, 4);
    ck_assert_uint_eq(a.stats.faults_refused, 0);
    vmm_space_switch(&m.space);
    ck_assert_status(vmm_space_destroy(&a), MM_OK);
    expect_nothing_lost();
}
END_TEST

/* --- what fails -------------------------------------------------------------
 */

/** Dirties every page, then reads each: many saves and loads. */
static uint64_t run_with_retries(void) {
    uint64_t refused = 0;

    for (uint64_t n = 0; n < 2 * PAGES; n++) {
        const uint64_t page = n % PAGES;
        struct trap_fault fault;
        const vaddr_t va = vaddr_of_pointer(bytes_of(page));

        while (!trap_try_write(va, (uint8_t)(n + 3), &fault)) {
            refused++;
            ck_must(refused < 3, "page %lu can not be written any more",
                    (unsigned long)page);
        }
        oracle[page] = (uint8_t)(n + 3);
    }
    return refused;
}

START_TEST(the_nth_load_that_fails_refuses_one_access_and_loses_nothing)
{ /* V23 */
    uint64_t refused;

    for (uint64_t nth = 1; nth < 2 * PAGES; nth += 9) {
        disk.bad_load = nth;
        refused = run_with_retries();
        ck_assert_uint_eq(refused, disk.bad_load == 0);
        expect_nothing_lost();
    }
}
END_TEST

START_TEST(the_nth_save_that_fails_costs_no_access_and_loses_nothing)
{ /* V23: another page is taken */
    for (uint64_t nth = 1; nth < PAGES; nth += 5) {
        disk.bad_save = nth;
        ck_assert_uint_eq(run_with_retries(), 0);
        ck_assert_uint_eq(disk.bad_save, 0);
        expect_nothing_lost();
    }
}
END_TEST

START_TEST(with_a_dead_disk_the_pages_in_ram_stay)
{ /* V23 */
    const uint64_t first = PAGES - ROOM;
    struct trap_fault fault;
    struct vmm_verdict seen;
    uint8_t value;

    for (uint64_t n = 0; n < PAGES; n++) {
        write_page(n, (uint8_t)(200 - n));
    }
    disk.dead = true;
    ck_assert(!trap_try_read(base, &value, &fault));
    seen = vmm_fault(&m.space, base, 0);
    ck_assert_status(seen.status, MM_NO_MEMORY);
    ck_assert_str_eq(seen.reason,
                     "no frame is left for the page or its tables");
    ck_assert_status(vmm_evict(&m.space), MM_REFUSED); /* what the disk said */
    ck_assert(vmm_is_sound(&m.space, NULL));
    for (uint64_t n = first; n < PAGES; n++) {
        ck_assert_status(
            vmm_translate(&m.space, vaddr_page(vaddr_of_pointer(bytes_of(n))))
                .status,
            MM_OK);
        read_page(n);
    }
    machine_leave_free(&m.pmm, 1);
    seen = vmm_fault(&m.space, base, 0);
    ck_assert_status(seen.status, MM_REFUSED);
    ck_assert_str_eq(seen.reason, "the pager can not bring the page");
    ck_assert_uint_eq(pmm_free_count(&m.pmm), 1);
    disk.dead = false;
    expect_nothing_lost();
}
END_TEST

/*
 *   frames left   0     1     2     3     4
 *                 page  PT    PD    PDPT  enough
 */
START_TEST(the_nth_frame_that_is_missing_refuses_an_access_and_loses_nothing)
{ /* V8 V23 */
    const vaddr_t far = vaddr(base.v + 512 * GIB);
    struct vmm_region region = region_of(1);
    struct trap_fault fault;
    uint8_t value;

    ck_assert_status(vmm_evict(&m.space), MM_OK); /* no page to take */
    region.range.base = far;
    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    for (uint64_t left = 0; left < 4; left++) {
        machine_leave_free(&m.pmm, left);
        ck_assert(!trap_try_read(far, &value, &fault));
        ck_assert_uint_eq(pmm_free_count(&m.pmm), left);
        ck_assert_unmapped(&m.space, far);
    }
    machine_leave_free(&m.pmm, 4);
    ck_assert(trap_try_read(far, &value, &fault));
    ck_assert_uint_eq(value, oracle[0]);
    ck_assert_uint_eq(pmm_free_count(&m.pmm), 0);
}
END_TEST

Suite *vmm_paged_suite(void) {
    Suite *suite = suite_create("vmm_paged");
    TCase *tc = tcase_create("paged");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(
        tc, a_working_set_larger_than_ram_keeps_what_was_written, 0, 2);
    tcase_add_test(tc, a_page_that_was_not_written_to_is_not_saved);
    tcase_add_test(tc, a_page_that_is_used_all_the_time_stays);
    tcase_add_test(tc, a_caller_may_ask_for_a_frame_of_a_paged_region);
    tcase_add_test(tc, only_pages_of_paged_regions_are_taken_away);
    tcase_add_test(tc, a_paged_region_without_a_pager_is_refused);
    tcase_add_test(tc, a_fault_takes_a_page_from_another_space);
    tcase_add_test(
        tc, the_nth_load_that_fails_refuses_one_access_and_loses_nothing);
    tcase_add_test(tc,
                   the_nth_save_that_fails_costs_no_access_and_loses_nothing);
    tcase_add_test(tc, with_a_dead_disk_the_pages_in_ram_stay);
    tcase_add_test(
        tc, the_nth_frame_that_is_missing_refuses_an_access_and_loses_nothing);
    suite_add_tcase(suite, tc);
    return suite;
}
