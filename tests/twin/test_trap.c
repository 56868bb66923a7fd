/*
 * Traps as the kernel side sees them: the same error codes, addresses and
 * frames from the simulated processor and from QEMU's.
 */
#include <check.h>

#include "hw/paging.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "trap/trap.h"
#include "twin/suites.h"

#define PAGE_A UINT64_C(0x444480000000) /* away from the heap */
#define STACK UINT64_C(0x444490000000)

static struct mm mm;

static void start(void) {
    machine_start(&mm, NULL);
}

static void stop(void) {
    machine_stop(&mm);
}

static pfn_t a_frame(void) {
    pfn_t f = pfn(0);

    ck_assert_status(pmm_alloc(&mm.pmm, &f), MM_OK);
    return f;
}

/** Show a frame at PAGE_A for the test, and take it back after. */
static pfn_t show(unsigned access) {
    pfn_t f = a_frame();

    ck_assert_status(vmm_map(&mm.space, vaddr(PAGE_A), f, access), MM_OK);
    return f;
}

static void hide(pfn_t f) {
    struct vmm_unmapped old = vmm_unmap(&mm.space, vaddr(PAGE_A));

    ck_assert_status(old.status, MM_OK);
    vmm_flush(old.token);
    ck_assert_status(pmm_free(&mm.pmm, f), MM_OK);
    (void)vmm_reclaim_tables(&mm.space,
                             (struct vrange){ vaddr(PAGE_A), PAGE_SIZE });
}

static void assert_page_fault(const struct trap_fault *fault, unsigned error,
                              uint64_t address) {
    ck_assert_str_eq(trap_name(fault->vector), "#PF");
    ck_assert_hex_eq(fault->error, error);
    ck_assert_hex_eq(fault->address.v, address);
}

START_TEST(an_access_to_nothing_tells_its_kind_and_address)
{ /* A8 */
    struct trap_fault fault = { 0 };
    uint8_t value;

    ck_assert(!trap_try_read(vaddr(PAGE_A + 0x123), &value, &fault));
    assert_page_fault(&fault, 0, PAGE_A + 0x123);
    ck_assert(!trap_try_write(vaddr(PAGE_A + 0xfff), 1, &fault));
    assert_page_fault(&fault, PF_WRITE, PAGE_A + 0xfff);
    ck_assert(!trap_try_call(vaddr(PAGE_A), &fault));
    assert_page_fault(&fault, PF_FETCH, PAGE_A);
}
END_TEST

START_TEST(a_forbidden_access_tells_that_the_page_is_present)
{ /* A8 */
    struct trap_fault fault = { 0 };
    uint8_t value;
    pfn_t f = show(VMM_READ);

    ck_assert(trap_try_read(vaddr(PAGE_A), &value, &fault));
    ck_assert(!trap_try_write(vaddr(PAGE_A), 1, &fault));
    assert_page_fault(&fault, PF_PRESENT | PF_WRITE, PAGE_A);
    ck_assert(!trap_try_call(vaddr(PAGE_A), &fault));
    assert_page_fault(&fault, PF_PRESENT | PF_FETCH, PAGE_A);
    ck_assert_hex_eq(fault.rip.v, PAGE_A);
    hide(f);
}
END_TEST

START_TEST(a_non_canonical_address_is_a_protection_fault)
{
    struct trap_fault fault = { 0 };
    uint8_t value;

    ck_assert(!trap_try_read(vaddr(UINT64_C(0x800000000000)), &value, &fault));
    /* #SS when the compiler chose rbp as the base; QEMU says #GP always. */
    ck_assert(fault.vector == TRAP_PROTECTION ||
              fault.vector == TRAP_STACK_FAULT);
    ck_assert_hex_eq(fault.error, 0);
}
END_TEST

START_TEST(what_succeeds_under_try_is_done)
{
    struct trap_fault fault = { .vector = 99 };
    uint8_t value = 0;
    pfn_t f = show(VMM_WRITE);

    ck_assert(trap_try_write(vaddr(PAGE_A + 3), 0x5a, &fault));
    ck_assert(trap_try_read(vaddr(PAGE_A + 3), &value, &fault));
    ck_assert_hex_eq(value, 0x5a);
    ck_assert_uint_eq(fault.vector, 99);
    hide(f);
}
END_TEST

/* --- nesting ------------------------------------------------------------- */

struct nested {
    struct trap_fault inner;
    bool inner_done, after_inner;
};

static void try_inside(void *arg) {
    struct nested *nested = arg;
    uint8_t value;

    nested->inner_done = trap_try_read(vaddr(PAGE_A), &value, &nested->inner);
    nested->after_inner = true;
    (void)*(volatile uint8_t *)(uintptr_t)(PAGE_A + PAGE_SIZE);
    nested->after_inner = false; /* not reached */
}

START_TEST(a_try_inside_a_try_lands_in_the_inner_one)
{
    struct nested nested = { .inner_done = true };
    struct trap_fault outer = { 0 };

    ck_assert(!trap_try(try_inside, &nested, vaddr(0), &outer));
    ck_assert(!nested.inner_done && nested.after_inner);
    assert_page_fault(&nested.inner, 0, PAGE_A);
    assert_page_fault(&outer, 0, PAGE_A + PAGE_SIZE);
}
END_TEST

/* --- another stack ------------------------------------------------------- */

static uint64_t on_stack;

static void note_stack(void *arg) {
    on_stack = (uint64_t)(uintptr_t)__builtin_frame_address(0);
    *(int *)arg += 1;
}

/** Recurses for as long as *@arg says so: for ever. */
static void eat_stack(void *arg) {
    const volatile bool *go_on = arg;
    volatile uint8_t frame[256];

    frame[0] = 1;
    if (*go_on) {
        eat_stack(arg);
    }
    frame[1] = frame[0]; /* no tail call */
}

/*
 *   STACK - 4 KiB       STACK                STACK + 8 KiB
 *   [ guard region      ][ stack region       ] <- rsp at the start
 */
static void add_stack(void) {
    struct vmm_region guard = { "guard below the test stack",
                                { vaddr(STACK - PAGE_SIZE), PAGE_SIZE },
                                VMM_READ,
                                VMM_GUARD };
    struct vmm_region stack = {
        "test stack", { vaddr(STACK), 2 * PAGE_SIZE }, VMM_WRITE, VMM_IMMEDIATE
    };

    ck_assert_status(vmm_region_add(&mm.space, guard), MM_OK);
    ck_assert_status(vmm_region_add(&mm.space, stack), MM_OK);
}

static void remove_stack(void) {
    ck_assert_status(vmm_region_remove(&mm.space, vaddr(STACK)), MM_OK);
    ck_assert_status(vmm_region_remove(&mm.space, vaddr(STACK - PAGE_SIZE)),
                     MM_OK);
}

START_TEST(a_function_runs_on_the_stack_it_is_given)
{
    struct trap_fault fault;
    int calls = 0;

    add_stack();
    ck_assert(
        trap_try(note_stack, &calls, vaddr(STACK + 2 * PAGE_SIZE), &fault));
    ck_assert_int_eq(calls, 1);
    ck_assert(on_stack > STACK && on_stack < STACK + 2 * PAGE_SIZE);
    remove_stack();
}
END_TEST

START_TEST(a_stack_overflow_is_a_double_fault_on_an_ist_stack)
{ /* A8, V19 */
    struct trap_fault fault = { 0 };
    bool go_on = true;
    uint64_t cr2;

    add_stack();
    ck_assert(
        !trap_try(eat_stack, &go_on, vaddr(STACK + 2 * PAGE_SIZE), &fault));
    cr2 = hw_read_cr2().v;
    ck_assert_str_eq(trap_name(fault.vector), "#DF");
    ck_assert_hex_eq(fault.error, 0);
    ck_assert_msg(cr2 >= STACK - PAGE_SIZE && cr2 < STACK,
                  "CR2 is 0x%lx, expected an address in the guard page",
                  (unsigned long)cr2);
    remove_stack();
}
END_TEST

static void jump_nowhere(void *arg) {
    (void)arg;
    ((void (*)(void))(uintptr_t)PAGE_A)();
}

START_TEST(a_trap_nobody_repairs_is_a_panic)
{ jump_nowhere(NULL); }
END_TEST

START_TEST(every_vector_has_an_entry_and_unknown_ones_no_name)
{
    ck_assert_str_eq(trap_name(TRAP_DOUBLE_FAULT), "#DF");
    ck_assert_str_eq(trap_name(TRAP_PAGE_FAULT), "#PF");
    ck_assert_str_eq(trap_name(9), "?");
    ck_assert_str_eq(trap_name(TRAP_VECTORS), "?");
}
END_TEST

Suite *trap_suite(void) {
    Suite *suite = suite_create("trap");
    TCase *tc = tcase_create("trap");

    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, an_access_to_nothing_tells_its_kind_and_address);
    tcase_add_test(tc, a_forbidden_access_tells_that_the_page_is_present);
    tcase_add_test(tc, a_non_canonical_address_is_a_protection_fault);
    tcase_add_test(tc, what_succeeds_under_try_is_done);
    tcase_add_test(tc, a_try_inside_a_try_lands_in_the_inner_one);
    tcase_add_test(tc, a_function_runs_on_the_stack_it_is_given);
    tcase_add_test(tc, a_stack_overflow_is_a_double_fault_on_an_ist_stack);
    tcase_add_exit_test(tc, a_trap_nobody_repairs_is_a_panic, HW_EXIT_PANIC);
    tcase_add_test(tc, every_vector_has_an_entry_and_unknown_ones_no_name);
    suite_add_tcase(suite, tc);
    return suite;
}
