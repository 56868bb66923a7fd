/*
 * The Nth frame is missing, for every N: afterwards the tables are
 * byte-identical, no frame is gone, all is sound, and the call can be retried.
 *
 *   free frames   0    1    2   ...  n - 1          n
 *   the call      no memory ..................      succeeds
 */
#include <check.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

/** Two pages below a 1 GiB boundary, so that four pages need two page tables
 *  and two directories. */
static const vaddr_t start = { UINT64_C(0x44447fffe000) };

static void setup(void) {
    machine_start_pages(&m);
}
static void teardown(void) {
    machine_stop_pages(&m);
}

static struct vmm_region region(enum vmm_backing backing, uint64_t pages) {
    return (struct vmm_region){ .name = "test",
                                .range = { start, pages * PAGE_SIZE },
                                .access = VMM_WRITE,
                                .backing = backing };
}

static enum mm_status map_one(void) {
    return vmm_map(&m.space, start, pfn(300), VMM_WRITE);
}
static enum mm_status map_four(void) {
    return vmm_map_range(&m.space, start, pfn(300), 4, VMM_WRITE);
}
static enum mm_status add_four(void) {
    return vmm_region_add(&m.space, region(VMM_IMMEDIATE, 4));
}
static enum mm_status extend_to_six(void) {
    return vmm_region_extend(&m.space, start, 6 * PAGE_SIZE);
}
static enum mm_status touch(void) {
    return vmm_fault(&m.space, vaddr_add(start, 0x123), PF_WRITE).status;
}

static void nothing(void) {}
static void add_one_immediate(void) {
    ck_assert_status(vmm_region_add(&m.space, region(VMM_IMMEDIATE, 1)), MM_OK);
}
static void add_demand(void) {
    ck_assert_status(vmm_region_add(&m.space, region(VMM_DEMAND, 4)), MM_OK);
}
static void unmap_four(void) {
    for (uint64_t n = 0; n < 4; n++) {
        struct vmm_unmapped gone =
            vmm_unmap(&m.space, vaddr_add(start, n * PAGE_SIZE));

        vmm_flush(gone.token);
    }
}

static const struct sweep {
    const char *name;
    void (*before)(void);
    enum mm_status (*call)(void);
    void (*after)(void);
    uint64_t frames; /* that the call needs */
} sweeps[] = {
    /*               before             call           after       frames */
    { "map", nothing, map_one, unmap_four, 3 },
    { "map range", nothing, map_four, unmap_four, 1 + 2 + 2 },
    { "region add", nothing, add_four, nothing, 4 + 5 },
    { "extend", add_one_immediate, extend_to_six, nothing, 5 + 1 + 1 },
    { "first touch", add_demand, touch, nothing, 1 + 3 },
};
#define SWEEPS (int)(sizeof(sweeps) / sizeof(sweeps[0]))

static void fail_once(const struct sweep *sweep, uint64_t left) {
    const uint64_t hash = machine_tables_hash(&m.space);
    const struct vmm_stats stats = m.space.stats;
    const size_t regions = m.space.region_count;
    const char *why = "";

    machine_leave_free(&m.pmm, left);
    ck_assert_msg(sweep->call() == MM_NO_MEMORY,
                  "%s with %lu frames left did not run out of memory",
                  sweep->name, (unsigned long)left);
    ck_assert_msg(machine_tables_hash(&m.space) == hash,
                  "%s with %lu frames left changed the page tables",
                  sweep->name, (unsigned long)left);
    ck_assert_msg(pmm_free_count(&m.pmm) == left,
                  "%s with %lu frames left kept %lu of them", sweep->name,
                  (unsigned long)left,
                  (unsigned long)(left - pmm_free_count(&m.pmm)));
    ck_assert_msg(vmm_is_sound(&m.space, &why), "%s: %s", sweep->name, why);
    ck_assert(pmm_is_sound(&m.pmm));
    ck_assert_uint_eq(m.space.stats.maps, stats.maps);
    ck_assert_uint_eq(m.space.stats.tables, stats.tables);
    ck_assert_uint_eq(m.space.region_count, regions);
}

START_TEST(the_nth_missing_frame_changes_nothing_and_the_call_can_be_retried)
{
    const struct sweep *sweep = &sweeps[_i]; /* V8 */

    sweep->before();
    for (uint64_t left = 0; left < sweep->frames; left++) {
        fail_once(sweep, left);
    }
    machine_leave_free(&m.pmm, sweep->frames);
    ck_assert_status(sweep->call(), MM_OK);
    ck_assert_uint_eq(pmm_free_count(&m.pmm), 0); /* not one too many */
    ck_assert(vmm_is_sound(&m.space, NULL));
    machine_give_back(&m.pmm);
    sweep->after();
}
END_TEST

/* Tables that were there, empty, before a failed call are there after it. */
START_TEST(a_failed_call_leaves_empty_tables_that_were_there)
{ /* V8 */
    ck_assert_status(map_one(), MM_OK);
    unmap_four();
    fail_once(&sweeps[2], 3);
    machine_give_back(&m.pmm);
}
END_TEST

START_TEST(a_first_touch_without_a_frame_is_a_fault_and_can_be_retried)
{
    struct trap_fault fault; /* V11 V18 */

    add_demand();
    machine_leave_free(&m.pmm, 3);
    ck_assert(!trap_try_write(start, 7, &fault));
    ck_assert_hex_eq(fault.error, PF_WRITE);
    ck_assert_hex_eq(fault.address.v, start.v);
    ck_assert_uint_eq(m.space.stats.faults_refused, 1);
    machine_leave_free(&m.pmm, 4);
    ck_assert(trap_try_write(start, 7, &fault));
    ck_assert_uint_eq(*(volatile uint8_t *)pointer_of(start), 7);
}
END_TEST

Suite *vmm_sweep_suite(void) {
    Suite *suite = suite_create("vmm_sweep");
    TCase *tc = tcase_create("sweep");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(
        tc, the_nth_missing_frame_changes_nothing_and_the_call_can_be_retried,
        0, SWEEPS);
    tcase_add_test(tc, a_failed_call_leaves_empty_tables_that_were_there);
    tcase_add_test(tc,
                   a_first_touch_without_a_frame_is_a_fault_and_can_be_retried);
    suite_add_tcase(suite, tc);
    return suite;
}
