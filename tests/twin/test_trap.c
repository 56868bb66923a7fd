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

    ck_assert(!trap_try_read(vaddr(PAGE_A), &value, &fault)); /* sets CR2 */
    ck_assert(!trap_try_read(vaddr(UINT64_C(0x800000000000)), &value, &fault));
    /* #SS when the compiler chose rbp as the base; QEMU says #GP always. */
    ck_assert(fault.vector == TRAP_PROTECTION ||
              fault.vector == TRAP_STACK_FAULT);
    ck_assert_hex_eq(fault.error, 0);
    ck_assert_hex_eq(fault.address.v, 0); /* CR2 is the last #PF's */
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
    const struct vmm_region guard = {
        .name = "guard below the test stack",
        .range = { vaddr(STACK - PAGE_SIZE), PAGE_SIZE },
        .access = VMM_READ,
        .backing = VMM_GUARD,
    };
    const struct vmm_region stack = {
        .name = "test stack",
        .range = { vaddr(STACK), 2 * PAGE_SIZE },
        .access = VMM_WRITE,
        .backing = VMM_IMMEDIATE,
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

/* --- registers and flags -------------------------------------------------- */

#define FLAG_DIRECTION (UINT64_C(1) << 10)

/*
 * wreck_and_fault()  overwrites what a function must keep, sets DF, and writes
 *                    to PAGE_A, where nothing is; never comes back
 * kept_around_try()  loads kept[0..5] into the registers that a call keeps,
 *                    calls trap_try_enter(try, fn, NULL, 0), stores them
 *                    again, the flags into kept[6], the result into kept[7]
 * touch_with_all()   loads all[0..14] (the order of struct trap_frame) into
 *                    all registers, sets DF, touches what rax points to, and
 *                    stores them again, and the flags into all[15]
 */
void wreck_and_fault(void *arg) __attribute__((visibility("hidden")));
void kept_around_try(uint64_t kept[8], void (*fn)(void *),
                     struct trap_try *trying)
    __attribute__((visibility("hidden")));
void touch_with_all(uint64_t all[16]) __attribute__((visibility("hidden")));

/* clang-format off */
__asm__(
    ".text\n"
    ".hidden wreck_and_fault, kept_around_try, touch_with_all\n"
    ".globl wreck_and_fault, kept_around_try, touch_with_all\n"
    ".type wreck_and_fault, @function\n"
    "wreck_and_fault:\n"
    "   movabsq $0x444480000000, %rax\n" /* PAGE_A */
    "   xorl %ebx, %ebx\n"
    "   xorl %ebp, %ebp\n"
    "   xorl %r12d, %r12d\n"
    "   xorl %r13d, %r13d\n"
    "   xorl %r14d, %r14d\n"
    "   xorl %r15d, %r15d\n"
    "   std\n"
    "   movb $1, (%rax)\n"
    "   cld\n"
    "   ud2\n"
    ".size wreck_and_fault, . - wreck_and_fault\n"

    ".macro keep\n"
    "   pushq %rbx\n   pushq %rbp\n   pushq %r12\n"
    "   pushq %r13\n   pushq %r14\n   pushq %r15\n"
    "   pushq %rdi\n"
    ".endm\n"
    ".macro unkeep\n"
    "   popq %r15\n   popq %r14\n   popq %r13\n"
    "   popq %r12\n   popq %rbp\n   popq %rbx\n"
    "   ret\n"
    ".endm\n"

    ".type kept_around_try, @function\n"
    "kept_around_try:\n"
    "   keep\n"
    "   movq 0(%rdi), %rbx\n   movq 8(%rdi), %rbp\n"
    "   movq 16(%rdi), %r12\n  movq 24(%rdi), %r13\n"
    "   movq 32(%rdi), %r14\n  movq 40(%rdi), %r15\n"
    "   movq %rdx, %rdi\n"
    "   xorl %edx, %edx\n      xorl %ecx, %ecx\n"
    "   call trap_try_enter\n"
    "   pushfq\n"
    "   cld\n"
    "   popq %rcx\n"
    "   popq %rdi\n"
    "   movq %rbx, 0(%rdi)\n   movq %rbp, 8(%rdi)\n"
    "   movq %r12, 16(%rdi)\n  movq %r13, 24(%rdi)\n"
    "   movq %r14, 32(%rdi)\n  movq %r15, 40(%rdi)\n"
    "   movq %rcx, 48(%rdi)\n  movq %rax, 56(%rdi)\n"
    "   unkeep\n"
    ".size kept_around_try, . - kept_around_try\n"

    ".type touch_with_all, @function\n"
    "touch_with_all:\n"
    "   keep\n"
    "   movq 0(%rdi), %r15\n   movq 8(%rdi), %r14\n"
    "   movq 16(%rdi), %r13\n  movq 24(%rdi), %r12\n"
    "   movq 32(%rdi), %r11\n  movq 40(%rdi), %r10\n"
    "   movq 48(%rdi), %r9\n   movq 56(%rdi), %r8\n"
    "   movq 64(%rdi), %rbp\n  movq 80(%rdi), %rsi\n"
    "   movq 88(%rdi), %rdx\n  movq 96(%rdi), %rcx\n"
    "   movq 104(%rdi), %rbx\n movq 112(%rdi), %rax\n"
    "   movq 72(%rdi), %rdi\n"
    "   std\n"
    "   incb (%rax)\n"
    "   pushfq\n"
    "   cld\n"
    "   pushq %rdi\n"
    "   movq 16(%rsp), %rdi\n"
    "   movq %r15, 0(%rdi)\n   movq %r14, 8(%rdi)\n"
    "   movq %r13, 16(%rdi)\n  movq %r12, 24(%rdi)\n"
    "   movq %r11, 32(%rdi)\n  movq %r10, 40(%rdi)\n"
    "   movq %r9, 48(%rdi)\n   movq %r8, 56(%rdi)\n"
    "   movq %rbp, 64(%rdi)\n  movq %rsi, 80(%rdi)\n"
    "   movq %rdx, 88(%rdi)\n  movq %rcx, 96(%rdi)\n"
    "   movq %rbx, 104(%rdi)\n movq %rax, 112(%rdi)\n"
    "   popq %rax\n            movq %rax, 72(%rdi)\n"
    "   popq %rax\n            movq %rax, 120(%rdi)\n"
    "   popq %rdi\n"
    "   unkeep\n"
    ".size touch_with_all, . - touch_with_all\n");
/* clang-format on */

/** What a hook that came in between saw. */
static struct {
    bool (*handle)(struct trap_hook *hook, struct trap_frame *frame);
    uint64_t flags, flags_outside;
} noted;

static bool note_flags(struct trap_hook *hook, struct trap_frame *frame) {
    __asm__ volatile("pushfq; popq %0" : "=r"(noted.flags));
    noted.flags_outside = frame->rflags;
    return noted.handle(hook, frame);
}

static void note_flags_of_traps(void) {
    noted.handle = mm.hook.handle;
    mm.hook.handle = note_flags;
}

/** Whatever struct trap_try is: trap.c keeps it to itself. */
static uint64_t room_for_a_try[32];

/** trap_try() less its own saving of registers.
 *  @return was @fn given up? */
static bool try_with(uint64_t kept[8], void (*fn)(void *)) {
    struct trap_try *trying = (struct trap_try *)(void *)room_for_a_try;

    note_flags_of_traps();
    mm.hook.trying = trying;
    kept_around_try(kept, fn, trying);
    mm.hook.trying = NULL;
    mm.hook.handle = noted.handle;
    return (uint32_t)kept[7] != 0;
}

static void do_nothing(void *arg) {
    (void)arg;
}

START_TEST(after_a_try_registers_are_as_before)
{
    for (int given_up = 0; given_up <= 1; given_up++) {
        uint64_t kept[8];

        for (uint64_t k = 0; k < 8; k++) {
            kept[k] = 0x1111 * (k + 1);
        }
        ck_assert_int_eq(
            try_with(kept, given_up ? wreck_and_fault : do_nothing), given_up);
        for (uint64_t k = 0; k < 6; k++) {
            ck_assert_hex_eq(kept[k], 0x1111 * (k + 1));
        }
    }
}
END_TEST

START_TEST(after_a_try_that_was_given_up_the_direction_is_up)
{ /* DF set: memset() and memcpy() would run backwards from then on */
    uint64_t kept[8] = { 0 };

    ck_assert(try_with(kept, wreck_and_fault));
    ck_assert(noted.flags_outside & FLAG_DIRECTION);
    ck_assert(!(kept[6] & FLAG_DIRECTION));
}
END_TEST

START_TEST(a_handler_runs_with_the_direction_up_whatever_it_interrupted)
{
    uint64_t kept[8] = { 0 };

    ck_assert(try_with(kept, wreck_and_fault));
    ck_assert(noted.flags_outside & FLAG_DIRECTION);
    ck_assert(!(noted.flags & FLAG_DIRECTION));
}
END_TEST

START_TEST(a_repaired_fault_leaves_every_register_and_flag)
{
    const struct vmm_region region = {
        .name = "test",
        .range = { vaddr(PAGE_A), PAGE_SIZE },
        .access = VMM_WRITE,
        .backing = VMM_DEMAND,
    };
    uint64_t all[16];

    ck_assert_status(vmm_region_add(&mm.space, region), MM_OK);
    for (uint64_t k = 0; k < 16; k++) {
        all[k] = 0x2222 * (k + 1);
    }
    all[14] = PAGE_A;
    note_flags_of_traps();
    touch_with_all(all);
    for (uint64_t k = 0; k < 14; k++) {
        ck_assert_hex_eq(all[k], 0x2222 * (k + 1));
    }
    ck_assert_hex_eq(all[14], PAGE_A);
    ck_assert(all[15] & FLAG_DIRECTION);
    ck_assert(noted.flags_outside & FLAG_DIRECTION);
    ck_assert(!(noted.flags & FLAG_DIRECTION));
    ck_assert_uint_eq(*(volatile uint8_t *)pointer_of(vaddr(PAGE_A)), 1);
    ck_assert_status(vmm_region_remove(&mm.space, vaddr(PAGE_A)), MM_OK);
}
END_TEST

static void jump_nowhere(void *arg) {
    (void)arg;
    ((void (*)(void))(uintptr_t)PAGE_A)();
}

START_TEST(a_trap_nobody_repairs_is_a_panic)
{ jump_nowhere(NULL); }
END_TEST

static bool repairs_nothing(struct trap_hook *hook, struct trap_frame *frame) {
    (void)hook, (void)frame;
    return false;
}

/* A hook that says nothing, one that does nothing, none at all; by #PF, and by
 * #GP, which has no address. */
START_TEST(a_trap_without_a_word_of_the_hook_is_a_panic)
{ /* A8 */
    static struct trap_hook silent;

    silent =
        (struct trap_hook){ .handle = _i / 2 == 0 ? repairs_nothing : NULL };
    trap_init(&silent, mm.boot);
    if (_i / 2 == 2) {
        hw_set_local(NULL);
    }
    *(volatile uint8_t *)pointer_of(
        vaddr(_i % 2 == 0 ? PAGE_A : UINT64_C(1) << 62)) = 1;
}
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
    tcase_add_test(tc, after_a_try_registers_are_as_before);
    tcase_add_test(tc, after_a_try_that_was_given_up_the_direction_is_up);
    tcase_add_test(
        tc, a_handler_runs_with_the_direction_up_whatever_it_interrupted);
    tcase_add_test(tc, a_repaired_fault_leaves_every_register_and_flag);
    machine_add_exit_test(tc, a_trap_nobody_repairs_is_a_panic, HW_EXIT_PANIC);
    if (machine_can_exit()) {
        tcase_add_loop_exit_test(tc,
                                 a_trap_without_a_word_of_the_hook_is_a_panic,
                                 HW_EXIT_PANIC, 0, 6);
    }
    tcase_add_test(tc, every_vector_has_an_entry_and_unknown_ones_no_name);
    suite_add_tcase(suite, tc);
    return suite;
}
