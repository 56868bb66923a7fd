/*
 * What each call of the vmm costs the processor, exactly: no page forgotten
 * that could be kept, none kept that must be forgotten.
 *
 *   page   0 ........ 63 | 64 ...... 511 | 512 ......... 1023
 *          mapped, all     nothing         one page of 2 MiB
 *          remembered                      remembered
 *
 * Each row is a call on that machine: INVLPGs, CR3 loads, flushes of
 * everything, and how many translations the processor has to fill again to read
 * all pages that still show something.  The processor drops nothing unasked.
 */
#include <check.h>
#include <stdlib.h>

#include "programs/program.h"
#include "support/asserts.h"

#define MAPPED UINT64_C(64)

static struct vmm_space *kernel;

static void ok(enum mm_status status) {
    ck_assert_status(status, MM_OK);
}
static vaddr_t page(uint64_t n) {
    return at(0, n);
}
static vaddr_t own(uint64_t n) { /* of space 1 */
    return at(1, n);
}

/* --- the calls ------------------------------------------------------------ */

static void map(void) {
    ok(vmm_map(kernel, page(64), frame(64), VMM_WRITE));
}
static void map_refused(void) {
    ck_assert_status(vmm_map(kernel, page(1), frame(64), VMM_WRITE),
                     MM_ALREADY_MAPPED);
}
static void map_leaf(void) {
    ok(vmm_map_leaf(kernel, page(1536), frame(0), 2, VMM_WRITE));
}
static void map_range(void) {
    ok(vmm_map_range(kernel, page(64), frame(64), 400, VMM_WRITE));
}
static void map_large_over_a_vacant_table(void) {
    ok(vmm_map_large(kernel, page(2048), frame(0), 512, VMM_WRITE));
}
static void identity_map(void) {
    ok(vmm_identity_map(kernel, pfn(0x1000), VMM_WRITE));
}
static void unmap(void) {
    vmm_flush(vmm_unmap(kernel, page(3)).token);
}
static void unmap_skipped(void) {
    vmm_flush_skip(vmm_unmap(kernel, page(63)).token);
    hw_invlpg(page(63)); /* the test's own */
}
static void unmap_leaf(void) {
    vmm_flush(vmm_unmap_leaf(kernel, page(512), 2).token);
}
static void unmap_nothing(void) {
    vmm_flush(vmm_unmap(kernel, page(100)).token);
    vmm_flush(vmm_unmap_range(kernel, page(100), 50).token);
}
static void unmap_32(void) {
    vmm_flush(vmm_unmap_range(kernel, page(0), 32).token);
}
static void unmap_33(void) {
    vmm_flush(vmm_unmap_range(kernel, page(0), 33).token);
}
static void unmap_33_global(void) {
    vmm_flush(vmm_unmap_range(kernel, page(1026), 33).token);
}
static void update(void) {
    vmm_flush(vmm_update(kernel, page(3), frame(9), VMM_WRITE).token);
}
static void protect_less(void) {
    vmm_flush(vmm_protect(kernel, page(3), VMM_READ).token);
}
static void protect_more(void) {
    vmm_flush(vmm_protect(kernel, page(3), VMM_WRITE | VMM_USER).token);
}
static void protect_range_less(void) {
    vmm_flush(vmm_protect_range(kernel, page(3), 10, VMM_READ).token);
}
static void protect_range_same(void) {
    vmm_flush(vmm_protect_range(kernel, page(0), 64, VMM_WRITE).token);
}
static void protect_table_less(void) {
    vmm_flush(vmm_protect_table(kernel, page(0), 2, VMM_USER).token);
}
static void protect_table_same(void) {
    vmm_flush(vmm_protect_table(kernel, page(0), 2,
                                VMM_WRITE | VMM_USER | VMM_EXECUTE)
                  .token);
}
static void split(void) {
    ok(vmm_split(kernel, page(512), 1));
}
static void split_small(void) {
    ok(vmm_split(kernel, page(3), 1));
}
static void split_then_merge(void) {
    ok(vmm_split(kernel, page(512), 1));
    ok(vmm_merge(kernel, page(512), 2));
}
static void reclaim(void) {
    ck_assert_uint_eq(
        vmm_reclaim_tables(kernel, (struct vrange){ page(2048), 2 * MIB }), 1);
}
static void reclaim_none(void) {
    ck_assert_uint_eq(
        vmm_reclaim_tables(kernel, (struct vrange){ page(0), 2 * MIB }), 0);
}
static void translate(void) {
    ok(vmm_translate(kernel, page(3)).status);
}
static void batch_of_3(void) {
    struct vmm_batch batch = { 0 };

    for (uint64_t n = 0; n < 3; n++) {
        vmm_batch_add(&batch, vmm_unmap(kernel, page(7 * n)).token);
    }
    vmm_batch_flush(&batch);
}
static void batch_of_40(void) {
    struct vmm_batch batch = { 0 };

    for (uint64_t n = 0; n < 40; n++) {
        vmm_batch_add(&batch, vmm_unmap(kernel, page(n)).token);
    }
    vmm_batch_flush(&batch);
}

static void batch_of_40_not_in_force(void) {
    struct vmm_batch batch = { 0 };

    ok(vmm_space_create(&world.s[2], kernel));
    ok(vmm_map_range(&world.s[2], own(0), frame(0), 40, VMM_WRITE));
    for (uint64_t n = 0; n < 40; n++) {
        vmm_batch_add(&batch, vmm_unmap(&world.s[2], own(n)).token);
    }
    vmm_batch_flush(&batch);
    ck_assert_uint_eq(world.s[2].stats.flushes, 0);
    ck_assert(vmm_all_are_sound(kernel, NULL));
}

/* --- spaces and regions: space 1 is in force, with a region of 16 pages, of
 * which four were written ---------------------------------------------------
 */

static void region_add(void) {
    ck_assert(op_run(OP(OP_REGION, .space = 1, .other = 1, .count = 1,
                        .page = REGIONS_AT + 32)));
}
static void region_remove(void) {
    ok(vmm_region_remove(&world.s[1], own(REGIONS_AT)));
}
static void region_extend(void) {
    ok(vmm_region_extend(&world.s[1], own(REGIONS_AT), 20 * PAGE_SIZE));
}
static void region_split(void) {
    ok(vmm_region_split(&world.s[1], own(REGIONS_AT + 2)));
}
static void region_protect(void) {
    ok(vmm_region_protect(&world.s[1], own(REGIONS_AT), VMM_USER));
}
static void region_find(void) {
    vaddr_t va;

    ok(vmm_region_find(&world.s[1], (struct vrange){ own(0), GIB }, PAGE_SIZE,
                       0, &va));
}
static void evict(void) {
    ck_assert_status(vmm_evict(&world.s[1]), MM_NO_MEMORY);
}
static void ask(void) {
    ck_assert(vmm_all_are_sound(kernel, NULL));
}
static void fault_zero(void) {
    ok(vmm_fault(kernel, own(REGIONS_AT + 9), PF_WRITE).status);
}
static void fork_it(void) {
    ok(vmm_space_fork(&world.s[2], &world.s[1]));
}
static void fork_then_write(void) {
    ok(vmm_space_fork(&world.s[2], &world.s[1]));
    ok(vmm_fault(kernel, own(REGIONS_AT), PF_WRITE | PF_PRESENT).status);
}
static void create(void) {
    ok(vmm_space_create(&world.s[2], kernel));
}
static void create_use_destroy(void) {
    ok(vmm_space_create(&world.s[2], kernel));
    ok(vmm_map_range(&world.s[2], own(0), frame(0), 40, VMM_WRITE));
    vmm_flush(vmm_unmap_range(&world.s[2], own(0), 2).token);
    ok(vmm_space_destroy(&world.s[2]));
}
static void switch_to_kernel(void) {
    vmm_space_switch(kernel);
}
static void switch_to_the_same(void) {
    vmm_space_switch(&world.s[1]);
}
static void copy_in_and_out(void) {
    uint64_t word;

    ok(vmm_copy_in(&word, &world.s[1], own(REGIONS_AT), 8).status);
    ok(vmm_copy_out(&world.s[1], own(REGIONS_AT), &word, 8).status);
}

static const struct {
    const char *name;
    void (*call)(void);
    uint64_t invlpgs, cr3_loads, flushes_all, fills;
} rows[] = {
    { "map", map, 0, 0, 0, 0 },
    { "map, refused", map_refused, 0, 0, 0, 0 },
    { "map_leaf", map_leaf, 0, 0, 0, 0 },
    { "map_range", map_range, 0, 0, 0, 0 },
    { "map_large over a vacant table", map_large_over_a_vacant_table, 1, 0, 0,
      0 },
    { "identity_map", identity_map, 0, 0, 0, 0 },
    { "unmap", unmap, 1, 0, 0, 0 },
    { "unmap, skipped, and one by hand", unmap_skipped, 1, 0, 0, 0 },
    { "unmap_leaf", unmap_leaf, 1, 0, 0, 0 },
    { "unmap of nothing", unmap_nothing, 0, 0, 0, 0 },
    { "unmap_range of 32", unmap_32, 32, 0, 0, 0 },
    { "unmap_range of 33", unmap_33, 0, 1, 0, 31 + 1 + 4 },
    { "unmap_range of 33, global", unmap_33_global, 0, 0, 1, 64 + 1 + 4 },
    { "update", update, 1, 0, 0, 1 },
    { "protect, less", protect_less, 1, 0, 0, 1 },
    { "protect, more", protect_more, 0, 0, 0, 0 },
    { "protect_range, less", protect_range_less, 10, 0, 0, 10 },
    { "protect_range, the same", protect_range_same, 0, 0, 0, 0 },
    { "protect_table, less", protect_table_less, 0, 0, 1, 64 + 1 + 4 },
    { "protect_table, the same", protect_table_same, 0, 0, 0, 0 },
    { "split", split, 1, 0, 0, 1 },
    { "split of a small page", split_small, 0, 0, 0, 0 },
    { "split, then merge", split_then_merge, 1, 1, 0, 64 + 1 + 4 },
    { "reclaim", reclaim, 1, 0, 0, 0 },
    { "reclaim of nothing", reclaim_none, 0, 0, 0, 0 },
    { "translate", translate, 0, 0, 0, 0 },
    { "a batch of 3", batch_of_3, 3, 0, 0, 0 },
    { "a batch of 40", batch_of_40, 0, 1, 0, 24 + 1 + 4 },
    { "a batch of 40, not in force", batch_of_40_not_in_force, 0, 0, 0, 0 },
    { "region_add", region_add, 0, 0, 0, 0 },
    { "region_extend", region_extend, 0, 0, 0, 0 },
    { "region_remove", region_remove, 4, 0, 0, 0 },
    { "region_split", region_split, 0, 0, 0, 0 },
    { "region_protect, less", region_protect, 4, 0, 0, 4 },
    { "region_find", region_find, 0, 0, 0, 0 },
    { "evict, nothing is paged", evict, 0, 0, 0, 0 },
    { "all_are_sound", ask, 0, 0, 0, 0 },
    { "fault, a zeroed frame", fault_zero, 0, 0, 0, 1 },
    { "fork", fork_it, 4, 0, 0, 4 },
    { "fork, then a write", fork_then_write, 5, 0, 0, 4 },
    { "create", create, 0, 0, 0, 0 },
    { "create, use, destroy", create_use_destroy, 0, 0, 0, 0 },
    { "switch", switch_to_kernel, 0, 1, 0, 64 + 1 },
    { "switch to the same", switch_to_the_same, 0, 0, 0, 0 },
    { "copy_in, copy_out", copy_in_and_out, 0, 0, 0, 0 },
};

/* --- around ------------------------------------------------------------------
 */

static uint64_t count(unsigned kind) {
    return world.sim_events.counts[kind];
}

static void read_all(void) {
    struct sim_fault fault;
    uint64_t word;

    for (uint64_t n = 0; n < MAPPED; n++) {
        (void)cpu_load(&world.cpu, page(n), 8, &word, &fault);
    }
    (void)cpu_load(&world.cpu, page(600), 8, &word, &fault);
    for (uint64_t n = 0; n < REGION_PAGES; n++) {
        (void)cpu_load(&world.cpu, own(REGIONS_AT + n), 8, &word, &fault);
    }
}

static void setup(void) {
    world_start();
    kernel = &world.s[0];
    ok(vmm_space_create(&world.s[1], kernel));
    world.model.live[1] = true;
    vmm_space_switch(&world.s[1]);
    ok(vmm_map_range(kernel, page(0), frame(0), MAPPED, VMM_WRITE));
    ok(vmm_map_large(kernel, page(512), frame(512), 512, VMM_WRITE));
    ok(vmm_map_range(kernel, page(1026), frame(0), 33, VMM_WRITE | VMM_GLOBAL));
    ok(vmm_map(kernel, page(2048), frame(0), VMM_WRITE)); /* vacant: */
    vmm_flush(vmm_unmap(kernel, page(2048)).token);
    ck_assert(op_run(
        OP(OP_REGION, .space = 1, .other = 1, .count = 1, .page = REGIONS_AT)));
    for (uint64_t n = 0; n < 4; n++) {
        world.model.current = 1;
        ck_assert(touch(1, REGIONS_AT + n, true, n));
    }
    read_all();
}

START_TEST(a_call_flushes_exactly_what_it_must)
{ /* V2 V5 A5 */
    uint64_t before[SIM_EVENT_KIND_COUNT], invlpgs, loads, all, fills;
    const uint64_t told = world.s[0].stats.invlpgs + world.s[1].stats.invlpgs;
    const char *name = rows[_i].name;

    for (unsigned k = 0; k < SIM_EVENT_KIND_COUNT; k++) {
        before[k] = count(k);
    }
    rows[_i].call();
    invlpgs = count(SIM_EVENT_INVLPG) - before[SIM_EVENT_INVLPG];
    loads = count(SIM_EVENT_CR3) - before[SIM_EVENT_CR3];
    all = count(SIM_EVENT_FLUSH_ALL) - before[SIM_EVENT_FLUSH_ALL];
    all /= 2; /* CR4.PGE off and on */
    before[SIM_EVENT_FILL] = count(SIM_EVENT_FILL);
    read_all();
    fills = count(SIM_EVENT_FILL) - before[SIM_EVENT_FILL];
    ck_assert_msg(
        invlpgs == rows[_i].invlpgs && loads == rows[_i].cr3_loads &&
            all == rows[_i].flushes_all && fills == rows[_i].fills,
        "%s: %lu INVLPGs, %lu CR3 loads, %lu flushes of all, %lu fills; "
        "expected %lu, %lu, %lu, %lu",
        name, (unsigned long)invlpgs, (unsigned long)loads, (unsigned long)all,
        (unsigned long)fills, (unsigned long)rows[_i].invlpgs,
        (unsigned long)rows[_i].cr3_loads, (unsigned long)rows[_i].flushes_all,
        (unsigned long)rows[_i].fills);
    ck_assert(rows[_i].call == unmap_skipped ||
              world.s[0].stats.invlpgs + world.s[1].stats.invlpgs - told ==
                  invlpgs);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("counts");
    TCase *tc = tcase_create("counts");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, world_end);
    tcase_add_loop_test(tc, a_call_flushes_exactly_what_it_must, 0,
                        sizeof rows / sizeof rows[0]);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
