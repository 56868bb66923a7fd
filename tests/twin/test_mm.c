/*
 * The subsystem wired together: the heap's window and its guards, the flow of
 * a miss, and the story of a fault.
 */
#include <string.h>

#include "base/poison.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

static struct mm_config config;

static void setup(void) {
    config = mm_default_config;
    config.heap_class = &heap_list; /* addresses and pages are foreseen */
}

static void stop(void) {
    machine_stop(&mm);
}

static void start(void) {
    machine_start(&mm, &config);
}

struct leaves {
    uint64_t pages;
    uint64_t odd; /* not present, writable, never executable */
};

static void see_leaf(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct leaves *leaves = ctx;

    (void)va;
    if (pte_is_leaf(entry, level)) {
        leaves->pages++;
        if (!pte_has(entry, PTE_PRESENT | PTE_WRITABLE | PTE_NO_EXECUTE) ||
            pte_has(entry, PTE_USER)) {
            leaves->odd++;
        }
    }
}

static uint64_t pages_in_window(void) {
    const struct vrange window = {
        vaddr(config.heap_base.v - PAGE_SIZE),
        config.heap_limit + 2 * PAGE_SIZE,
    };
    struct leaves leaves = { 0, 0 };

    vmm_walk(&mm.space, window, see_leaf, &leaves);
    ck_assert_uint_eq(leaves.odd, 0);
    return leaves.pages;
}

static void assert_refused(uint64_t va, enum mm_status status) {
    struct trap_fault fault = { 0 };
    uint8_t value;

    ck_assert_msg(!trap_try_read(vaddr(va), &value, &fault),
                  "0x%lx can be read", (unsigned long)va);
    ck_assert_hex_eq(fault.address.v, va);
    ck_assert_uint_eq(fault.error, 0);
    ck_assert_status(mm.verdict.status, status);
    ck_assert_msg(!trap_try_write(vaddr(va), 1, &fault), "0x%lx can be written",
                  (unsigned long)va);
    ck_assert_hex_eq(fault.address.v, va);
    ck_assert_uint_eq(fault.error, PF_WRITE);
    ck_assert_status(mm.verdict.status, status);
}

static void assert_usable(uint64_t va) {
    struct trap_fault fault;
    uint8_t value = 0;

    ck_assert(trap_try_write(vaddr(va), 0x5a, &fault));
    ck_assert(trap_try_read(vaddr(va), &value, &fault));
    ck_assert_uint_eq(value, 0x5a);
}

/* --- the window ---------------------------------------------------------- */

START_TEST(an_immediate_heap_of_100_kib_shows_exactly_25_pages)
{ /* H5 */
    config.heap_backing = VMM_IMMEDIATE;
    start();
    ck_assert_hex_eq(mm.heap.start.v, UINT64_C(0x444444440000));
    ck_assert_uint_eq(heap_size(&mm.heap), 100 * 1024);
    ck_assert_uint_eq(pages_in_window(), 25);
}
END_TEST

START_TEST(a_heap_on_demand_shows_what_was_touched)
{ /* H5, V11: the list wrote its first hole; one block per page after that */
    start();
    ck_assert_uint_eq(pages_in_window(), 1);
    for (unsigned k = 1; k <= 10; k++) {
        uint8_t *p = heap_alloc(&mm.heap, layout(PAGE_SIZE, PAGE_SIZE));

        ck_assert_ptr_nonnull(p);
        p[0] = 1;
    }
    ck_assert_uint_eq(pages_in_window(), 11); /* the hole comes after them */
    ck_assert_uint_eq(mm.heap_pages_filled, 11);
}
END_TEST

START_TEST(a_heap_of_1000_pages_at_0x8000000_works)
{ /* H5: 4 096 000 bytes */
    size_t size = 1000 * PAGE_SIZE - 16;
    uint8_t *p;

    config.heap_base = vaddr(0x8000000);
    config.heap_size = 1000 * PAGE_SIZE;
    config.heap_limit = config.heap_size;
    config.heap_backing = _i == 0 ? VMM_DEMAND : VMM_IMMEDIATE;
    start();
    p = kmalloc(&mm, size);
    ck_assert_hex_eq(vaddr_of_pointer(p).v, 0x8000000 + 16);
    for (uint64_t k = 0; k < 1000; k++) {
        p[k * PAGE_SIZE] = (uint8_t)k;
    }
    p[size - 1] = 77;
    ck_assert_uint_eq(pages_in_window(), 1000);
    for (uint64_t k = 0; k < 1000; k++) {
        ck_assert_uint_eq(p[k * PAGE_SIZE], (uint8_t)k);
    }
    ck_assert_ptr_null(kmalloc(&mm, 1));
    kfree(&mm, p);
}
END_TEST

START_TEST(the_bytes_before_and_after_the_heap_fault)
{ /* H5, V19: guard, start ... end, not asked for, guard */
    uint64_t base, limit;

    config.heap_backing = _i == 0 ? VMM_DEMAND : VMM_IMMEDIATE;
    config.heap_limit = MIB;
    start();
    base = mm.heap.start.v;
    limit = mm.heap.limit.v;
    assert_refused(base - 1, MM_REFUSED);
    assert_refused(base - PAGE_SIZE, MM_REFUSED);
    assert_refused(base - PAGE_SIZE - 1, MM_NO_REGION);
    assert_refused(mm.heap.end.v, MM_NO_REGION);
    assert_refused(limit - 1, MM_NO_REGION);
    assert_refused(limit, MM_REFUSED);
    assert_refused(limit + PAGE_SIZE - 1, MM_REFUSED);
    assert_refused(limit + PAGE_SIZE, MM_NO_REGION);
}
END_TEST

START_TEST(a_full_heap_ends_at_its_guard)
{ /* V19 */
    uint8_t *p;

    config.heap_limit = config.heap_size;
    config.heap_class = &heap_bump;
    start();
    p = heap_alloc(&mm.heap, layout(config.heap_size, 16));
    ck_assert_ptr_nonnull(p);
    assert_usable(mm.heap.end.v - 1);
    assert_refused(mm.heap.end.v, MM_REFUSED);
}
END_TEST

/* --- under the heap's lock ---------------------------------------------------
 */

/** The heap's own, and no block: poisoned under a sanitizer. */
MM_NO_SANITIZE static void touch(vaddr_t va) {
    *(volatile uint8_t *)pointer_of(va) = 1;
}

START_TEST(a_fault_while_the_heap_is_locked_is_repaired)
{ /* V18: heap_alloc() itself touches pages for the first time */
    const vaddr_t last = vaddr(MM_HEAP_BASE + MM_HEAP_SIZE - 1);

    start();
    lock_acquire(&mm.heap.lock);
    touch(last);
    lock_release(&mm.heap.lock);
    ck_assert_status(mm.verdict.status, MM_OK);
}
END_TEST

static bool handle_with_the_heap(struct trap_hook *hook,
                                 struct trap_frame *frame) {
    (void)hook;
    (void)frame;
    return kmalloc(&mm, 16) != NULL;
}

START_TEST(
    a_handler_that_wants_the_heap_while_it_is_locked_is_reported_not_hung)
{ /* V18 */
    start();
    mm.hook.handle = handle_with_the_heap;
    lock_acquire(&mm.heap.lock);
    touch(vaddr(MM_HEAP_BASE + 0x5000));
}
END_TEST

START_TEST(before_there_is_a_heap_its_window_faults_and_kmalloc_has_nothing)
{ /* H3, H5 */
    struct mm_init_result result;

    machine_forget_held();
    result = mm_init_frames(&mm, machine_power_on(), &config);
    ck_assert_status(result.status, MM_OK);
    ck_assert(!mm_has_heap(&mm));
    ck_assert(mm_check(&mm, NULL));
    assert_refused(MM_HEAP_BASE, MM_NO_REGION);
    assert_refused(MM_HEAP_BASE - 1, MM_NO_REGION);
    ck_assert_ptr_null(kmalloc(&mm, 5));
    result = mm_init_heap(&mm);
    ck_assert_status(result.status, MM_OK);
    ck_assert(mm_has_heap(&mm));
    kfree(&mm, kmalloc(&mm, 5));
    assert_refused(MM_HEAP_BASE - 1, MM_REFUSED);
}
END_TEST

START_TEST(a_second_heap_is_refused_and_the_first_lives_on)
{ /* H3 */
    uint8_t *p;
    struct mm_init_result result;

    start();
    p = kmalloc(&mm, 100);
    pattern_fill(p, 100, 1);
    result = mm_init_heap(&mm);
    ck_assert_status(result.status, MM_OVERLAP);
    pattern_check(p, 100, 1);
    kfree(&mm, p);
}
END_TEST

START_TEST(a_teardown_gives_everything_back_and_the_heap_can_return)
{ /* V13 */
    uint64_t free_before, tables_before;
    struct mm_init_result result;

    config.heap_backing = _i == 0 ? VMM_DEMAND : VMM_IMMEDIATE;
    machine_forget_held();
    result = mm_init_frames(&mm, machine_power_on(), &config);
    ck_assert_status(result.status, MM_OK);
    free_before = pmm_free_count(&mm.pmm);
    tables_before = machine_tables_hash(&mm.space);
    for (unsigned round = 0; round < 3; round++) {
        result = mm_init_heap(&mm);
        ck_assert_status(result.status, MM_OK);
        memset(kmalloc(&mm, 300 * KIB), 1, 300 * KIB);
        ck_assert(mm_check(&mm, NULL));
        mm_teardown(&mm);
        ck_assert(!mm_has_heap(&mm));
        ck_assert_uint_eq(pmm_free_count(&mm.pmm), free_before);
        ck_assert_uint_eq(mm.space.region_count, 0);
        ck_assert(machine_tables_hash(&mm.space) == tables_before);
        assert_refused(MM_HEAP_BASE, MM_NO_REGION);
        mm_teardown(&mm); /* nothing to do */
    }
}
END_TEST

START_TEST(a_heap_may_start_with_nothing_and_grow)
{ /* H14 */
    config.heap_size = 0;
    start();
    ck_assert_uint_eq(heap_size(&mm.heap), 0);
    ck_assert_uint_eq(mm.space.region_count, 2);
    ck_assert(mm_check(&mm, NULL));
    assert_refused(MM_HEAP_BASE, MM_NO_REGION);
    kfree(&mm, kmalloc(&mm, 5));
    ck_assert_uint_eq(heap_size(&mm.heap), HEAP_QUANTUM);
    ck_assert_uint_eq(mm.space.region_count, 3);
}
END_TEST

START_TEST(a_map_without_ram_is_refused_and_faults_are_nobodys)
{ /* H6 */
    struct hw_boot boot;
    struct mm_init_result result;
    struct trap_fault fault = { 0 };
    uint8_t value;

    machine_forget_held();
    boot = *machine_power_on();
    boot.map_count = 0;
    result = mm_init(&mm, &boot, &config);
    ck_assert_status(result.status, MM_BAD_MAP);
    ck_assert_str_eq(result.step, "pmm");
    ck_assert(!trap_try_read(vaddr(MM_HEAP_BASE), &value, &fault));
    ck_assert_hex_eq(fault.address.v, MM_HEAP_BASE);
    ck_assert_uint_eq(mm.space.stats.faults, 0);
    machine_power_off();
    start(); /* for the teardown */
}
END_TEST

START_TEST(a_window_that_makes_no_sense_is_refused)
{ /* H6 */
    static const struct {
        uint64_t base, size, limit;
        enum vmm_backing backing;
        enum mm_status status;
        const char *step;
    } cases[] = {
        { 0x8000001, MIB, MIB, VMM_DEMAND, MM_NOT_ALIGNED, "configuration" },
        { 0x8000000, MIB, MIB + 1, VMM_DEMAND, MM_NOT_ALIGNED,
          "configuration" },
        { 0x8000000, MIB, PAGE_SIZE, VMM_DEMAND, MM_BAD_RANGE,
          "configuration" },
        { 0x8000000, 0, 0, VMM_DEMAND, MM_BAD_RANGE, "configuration" },
        { 0, MIB, MIB, VMM_DEMAND, MM_BAD_RANGE, "configuration" },
        { 0x1000, MIB, UINT64_MAX - 0x1fff, VMM_DEMAND, MM_BAD_RANGE,
          "configuration" },
        { 0x8000000, MIB, -PAGE_SIZE, VMM_DEMAND, MM_BAD_RANGE,
          "configuration" },
        { UINT64_MAX - MIB + 1, MIB, MIB, VMM_DEMAND, MM_BAD_RANGE,
          "configuration" },
        { 0x8000000, MIB, MIB, VMM_GUARD, MM_BAD_ARGUMENT, "configuration" },
        { UINT64_C(0x800000001000), MIB, MIB, VMM_DEMAND, MM_NOT_CANONICAL,
          "guard below the heap" },
        { UINT64_C(0x7ffffff00000), MIB, MIB, VMM_DEMAND, MM_NOT_CANONICAL,
          "guard above the heap" },
    };
    struct mm_init_result result;
    uint64_t free_before, tables_before;

    machine_forget_held();
    result = mm_init_frames(&mm, machine_power_on(), &config);
    ck_assert_status(result.status, MM_OK);
    free_before = pmm_free_count(&mm.pmm);
    tables_before = machine_tables_hash(&mm.space);
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        mm.config.heap_base = vaddr(cases[k].base);
        mm.config.heap_size = cases[k].size;
        mm.config.heap_limit = cases[k].limit;
        mm.config.heap_backing = cases[k].backing;
        result = mm_init_heap(&mm);
        ck_assert_msg(result.status == cases[k].status,
                      "case %lu: %s at \"%s\"", (unsigned long)k,
                      mm_status_name(result.status), result.step);
        ck_assert_str_eq(result.step, cases[k].step);
        ck_assert_uint_eq(mm.space.region_count, 0);
        ck_assert_uint_eq(pmm_free_count(&mm.pmm), free_before);
        ck_assert(machine_tables_hash(&mm.space) == tables_before);
    }
}
END_TEST

START_TEST(a_heap_whose_place_is_taken_leaves_what_is_there)
{ /* H6: the region of somebody else under each of the three of ours */
    static const uint64_t bases[] = { MM_HEAP_BASE - PAGE_SIZE, MM_HEAP_BASE,
                                      MM_HEAP_BASE + GIB };
    static const char *const steps[] = { "guard below the heap", "heap",
                                         "guard above the heap" };
    struct vmm_region other = { .name = "other",
                                .range = { vaddr(bases[_i]), PAGE_SIZE },
                                .access = VMM_WRITE,
                                .backing = VMM_DEMAND };
    struct mm_init_result result;

    machine_forget_held();
    result = mm_init_frames(&mm, machine_power_on(), &config);
    ck_assert_status(result.status, MM_OK);
    ck_assert_status(vmm_region_add(&mm.space, other), MM_OK);
    assert_usable(bases[_i]);
    result = mm_init_heap(&mm);
    ck_assert_status(result.status, MM_OVERLAP);
    ck_assert_str_eq(result.step, steps[_i]);
    ck_assert_uint_eq(mm.space.region_count, 1);
    assert_usable(bases[_i]);
    ck_assert_status(vmm_region_remove(&mm.space, vaddr(bases[_i])), MM_OK);
    ck_assert_status(mm_init_heap(&mm).status, MM_OK);
}
END_TEST

/* size 1 .. 4096: one page; 4097: two; 100 * 1024 - 1: 25 */
START_TEST(a_size_that_is_no_row_of_pages_is_rounded_up_to_one)
{ /* H5 */
    static const uint64_t sizes[] = { 1, 4095, 4096, 4097, 100 * 1024 - 1 };
    static const uint64_t pages[] = { 1, 1, 1, 2, 25 };

    config.heap_size = sizes[_i];
    config.heap_backing = VMM_IMMEDIATE;
    machine_start(&mm, &config);
    ck_assert_uint_eq(heap_size(&mm.heap), pages[_i] * PAGE_SIZE);
    ck_assert_uint_eq(mm.space.stats.maps, pages[_i]);
    ck_assert(heap_alloc(&mm.heap, layout(pages[_i] * PAGE_SIZE, 16)) != NULL);
}
END_TEST

Suite *mm_suite(void) {
    Suite *suite = suite_create("mm");
    TCase *tc = tcase_create("mm");

    tcase_add_checked_fixture(tc, setup, stop);
    tcase_add_test(tc, an_immediate_heap_of_100_kib_shows_exactly_25_pages);
    tcase_add_test(tc, a_heap_on_demand_shows_what_was_touched);
    tcase_add_loop_test(tc, a_heap_of_1000_pages_at_0x8000000_works, 0, 2);
    tcase_add_loop_test(tc, the_bytes_before_and_after_the_heap_fault, 0, 2);
    tcase_add_test(tc, a_full_heap_ends_at_its_guard);
    tcase_add_test(
        tc, before_there_is_a_heap_its_window_faults_and_kmalloc_has_nothing);
    tcase_add_test(tc, a_fault_while_the_heap_is_locked_is_repaired);
    machine_add_exit_test(
        tc,
        a_handler_that_wants_the_heap_while_it_is_locked_is_reported_not_hung,
        HW_EXIT_PANIC);
    tcase_add_test(tc, a_second_heap_is_refused_and_the_first_lives_on);
    tcase_add_loop_test(
        tc, a_teardown_gives_everything_back_and_the_heap_can_return, 0, 2);
    tcase_add_test(tc, a_heap_may_start_with_nothing_and_grow);
    tcase_add_test(tc, a_map_without_ram_is_refused_and_faults_are_nobodys);
    tcase_add_test(tc, a_window_that_makes_no_sense_is_refused);
    tcase_add_loop_test(tc, a_heap_whose_place_is_taken_leaves_what_is_there, 0,
                        3);
    tcase_add_loop_test(tc, a_size_that_is_no_row_of_pages_is_rounded_up_to_one,
                        0, 5);
    suite_add_tcase(suite, tc);
    return suite;
}
