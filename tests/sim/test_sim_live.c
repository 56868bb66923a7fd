/*
 * The live engine on its own, with a kernel of a few lines: the traps that
 * running compiled code on emulated page tables brings with it.
 *
 *   HEAP  0x4444_4444_0000  pages of the test, mapped by hand
 *   the direct map shows the tables, so the test edits them as a kernel would
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "sim/live_machine.h"

START_TEST(a_page_shows_its_frame_in_both_directions)
{
    map_page(HEAP, FRAME, ALL);
    *at(HEAP + 5) = 0x5a;
    ck_assert_uint_eq(*((uint8_t *)direct(paddr(FRAME)) + 5), 0x5a);
    *((uint8_t *)direct(paddr(FRAME)) + 6) = 0xa5;
    ck_assert_uint_eq(*at(HEAP + 6), 0xa5);
}
END_TEST

START_TEST(accessed_is_set_on_every_level_and_dirty_by_a_write_only)
{
    map_page(HEAP, FRAME, ALL);
    (void)*at(HEAP);
    for (unsigned level = 1; level <= 4; level++) {
        ck_assert_uint_ne(*entry_of(HEAP, level) & PTE_ACCESSED, 0);
        ck_assert_uint_eq(*entry_of(HEAP, level) & PTE_DIRTY, 0);
    }
    *at(HEAP) = 1;
    ck_assert_uint_ne(*entry_of(HEAP, 1) & PTE_DIRTY, 0);
    ck_assert_uint_eq(*entry_of(HEAP, 2) & PTE_DIRTY, 0);
}
END_TEST

START_TEST(a_cleared_entry_is_believed_until_invlpg)
{
    struct trap_fault fault;
    uint8_t seen;

    map_page(HEAP, FRAME, ALL);
    *at(HEAP) = 'A';
    *entry_of(HEAP, 1) = 0;
    ck_assert_uint_eq(*at(HEAP), 'A');
    hw_invlpg(vaddr(HEAP + 123));
    ck_assert(!trap_try_read(vaddr(HEAP), &seen, &fault));
    ck_assert_uint_eq(fault.vector, 14);
    ck_assert_uint_eq(fault.error, 0);
    ck_assert_uint_eq(fault.address.v, HEAP);
}
END_TEST

START_TEST(a_cr3_load_drops_what_is_not_global)
{
    uint8_t seen;
    struct trap_fault fault;

    map_page(HEAP, FRAME, ALL);
    map_page(HEAP + PAGE_SIZE, FRAME + PAGE_SIZE, ALL | PTE_GLOBAL);
    (void)*at(HEAP);
    (void)*at(HEAP + PAGE_SIZE);
    *entry_of(HEAP, 1) = 0;
    *entry_of(HEAP + PAGE_SIZE, 1) = 0;
    hw_write_cr3(hw_read_cr3());
    ck_assert(!trap_try_read(vaddr(HEAP), &seen, &fault));
    ck_assert(trap_try_read(vaddr(HEAP + PAGE_SIZE), &seen, &fault));
    hw_flush_all();
    ck_assert(!trap_try_read(vaddr(HEAP + PAGE_SIZE), &seen, &fault));
}
END_TEST

/* One row per kind of fault: what is done to the page, the access, the error
 * code, which real processors and QEMU give as well. */
static const struct fault_case {
    uint64_t bits;
    enum sim_access access;
    uint64_t error;
} fault_cases[] = {
    { 0, SIM_READ, 0 },
    { 0, SIM_WRITE, PF_WRITE },
    { 0, SIM_FETCH, PF_FETCH },
    { PTE_PRESENT, SIM_WRITE, PF_PRESENT | PF_WRITE },
    { ALL | PTE_NO_EXECUTE, SIM_FETCH, PF_PRESENT | PF_FETCH },
    { ALL | UINT64_C(1) << 51, SIM_READ, PF_PRESENT | PF_RESERVED },
    { ALL | UINT64_C(1) << 51, SIM_WRITE, PF_PRESENT | PF_RESERVED | PF_WRITE },
};

START_TEST(a_fault_has_the_error_code_and_address_of_the_access)
{
    const struct fault_case *c = &fault_cases[_i];
    struct trap_fault fault = { 0 };
    uint8_t seen;
    bool done = true;

    map_page(HEAP, FRAME, c->bits);
    switch (c->access) {
    case SIM_READ:
        done = trap_try_read(vaddr(HEAP + 7), &seen, &fault);
        break;
    case SIM_WRITE:
    case SIM_RMW:
        done = trap_try_write(vaddr(HEAP + 7), 1, &fault);
        break;
    case SIM_FETCH:
        done = trap_try_call(vaddr(HEAP + 7), &fault);
        break;
    }
    ck_assert(!done);
    ck_assert_uint_eq(fault.vector, 14);
    ck_assert_uint_eq(fault.error, c->error);
    ck_assert_uint_eq(fault.address.v, HEAP + 7);
}
END_TEST

START_TEST(code_in_simulated_memory_runs)
{
    static const uint8_t add_one[] = { 0x8d, 0x47, 0x01, 0xc3 }; /* lea, ret */
    int (*fn)(int);

    map_page(HEAP, FRAME, ALL);
    memcpy((void *)(uintptr_t)HEAP, add_one, sizeof add_one);
    fn = (int (*)(int))(uintptr_t)HEAP;
    ck_assert_int_eq(fn(41), 42);
}
END_TEST

START_TEST(a_non_canonical_address_is_a_protection_fault)
{
    struct trap_fault fault = { 0 };
    uint8_t seen;

    ck_assert(!trap_try_read(vaddr(UINT64_C(0x800000000000)), &seen, &fault));
    ck_assert(fault.vector == 13 || fault.vector == 12); /* 12: through rbp */
    ck_assert_uint_eq(fault.error, 0);
}
END_TEST

static void read_through_rbp(void *arg) {
    __asm__ volatile("pushq %%rbp\n\t"
                     "movq %0, %%rbp\n\t"
                     "movb (%%rbp), %%al\n\t"
                     "popq %%rbp" ::"r"(arg)
                     : "rax", "memory");
}

START_TEST(a_non_canonical_stack_address_is_a_stack_fault)
{
    struct trap_fault fault = { 0 };

    ck_assert(!trap_try(read_through_rbp,
                        (void *)(uintptr_t)UINT64_C(0x800000000000), vaddr(0),
                        &fault));
    ck_assert_uint_eq(fault.vector, 12);
    ck_assert_uint_eq(fault.error, 0);
}
END_TEST

START_TEST(a_null_pointer_is_a_page_fault_of_the_machine)
{
    struct trap_fault fault = { 0 };
    uint8_t seen;

    ck_assert(!trap_try_read(vaddr(8), &seen, &fault));
    ck_assert_uint_eq(fault.vector, 14);
    ck_assert_uint_eq(fault.address.v, 8);
}
END_TEST

/* --- repairing, nesting ------------------------------------------------- */

static volatile unsigned depth, deepest; /* changed by a trap */

/** Maps the page that faulted, after touching the next one down: each fault
 *  is taken while the one before is being repaired. */
static bool repair_nested(struct trap_hook *h, struct trap_frame *frame) {
    uint64_t va = hw_read_cr2().v;
    uint64_t page = align_down(va, PAGE_SIZE);

    (void)h;
    ck_assert_uint_eq(frame->vector, 14);
    if (++depth > deepest) {
        deepest = depth;
    }
    if (page > HEAP) {
        (void)*at(page - PAGE_SIZE);
    }
    map_page(page, FRAME + (page - HEAP), ALL);
    depth--;
    return true;
}

START_TEST(page_faults_nest_twenty_deep)
{
    depth = deepest = 0;
    hook.handle = repair_nested;
    *at(HEAP + 19 * PAGE_SIZE) = 7;
    ck_assert_uint_eq(deepest, 20);
    ck_assert_uint_eq(*at(HEAP + 19 * PAGE_SIZE), 7);
}
END_TEST

static jmp_buf out;

static bool jump_out(struct trap_hook *h, struct trap_frame *frame) {
    (void)h;
    (void)frame;
    longjmp(out, 1);
}

START_TEST(longjmp_out_of_a_fault_works_ten_thousand_times)
{
    volatile unsigned count = 0;
    sigset_t blocked;

    hook.handle = jump_out;
    while (count < 10000) {
        if (setjmp(out) == 0) {
            (void)*at(HEAP);
        } else {
            count++;
        }
    }
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    ck_assert_int_eq(sigismember(&blocked, SIGSEGV), 0);
}
END_TEST

static bool use_vector_registers(struct trap_hook *h,
                                 struct trap_frame *frame) {
    (void)h;
    (void)frame;
    map_page(HEAP, FRAME, ALL);
    __asm__ volatile("pxor %%xmm0, %%xmm0\n\tpxor %%xmm7, %%xmm7\n\t"
                     "pxor %%xmm15, %%xmm15" ::
                         : "xmm0", "xmm7", "xmm15");
    return true;
}

START_TEST(vector_registers_survive_a_fault)
{
    uint64_t in[2] = { UINT64_C(0x1122334455667788), 42 };
    uint64_t seen[3] = { 0 };

    hook.handle = use_vector_registers;
    __asm__ volatile("movdqu (%1), %%xmm0\n\t"
                     "movdqu (%1), %%xmm7\n\t"
                     "movdqu (%1), %%xmm15\n\t"
                     "movb (%2), %%al\n\t"
                     "movq %%xmm0, (%0)\n\t"
                     "movq %%xmm7, 8(%0)\n\t"
                     "movq %%xmm15, 16(%0)" ::"r"(seen),
                     "r"(in), "r"(at(HEAP))
                     : "rax", "xmm0", "xmm7", "xmm15", "memory");
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(seen[i], in[0]);
    }
}
END_TEST

static volatile uint64_t seen_cs, seen_ss, seen_flags;

static bool look_at_frame(struct trap_hook *h, struct trap_frame *frame) {
    (void)h;
    seen_cs = frame->cs;
    seen_ss = frame->ss;
    seen_flags = frame->rflags;
    ck_assert(!hw_irq_save());
    map_page(HEAP, FRAME, ALL);
    return true;
}

START_TEST(a_frame_looks_as_on_bare_metal)
{
    hook.handle = look_at_frame;
    hw_irq_restore(true);
    (void)*at(HEAP);
    ck_assert_uint_eq(seen_cs, 0x08);
    ck_assert_uint_eq(seen_ss, 0x10);
    ck_assert_uint_ne(seen_flags & (1u << 9), 0);
    ck_assert_msg(hw_irq_save(), "iretq did not bring IF back");
    (void)*at(HEAP); /* no fault: nothing changes */
    hw_invlpg(vaddr(HEAP));
    map_page(HEAP, FRAME, 0);
    (void)*at(HEAP);
    ck_assert_uint_eq(seen_flags & (1u << 9), 0);
}
END_TEST

/* --- stacks in simulated memory ----------------------------------------- */

/*
 *   HEAP           +4K             +8K
 *   [ guard: nothing ][ the stack ]   overflow -> push fails -> #DF on IST 1
 */
static unsigned steps;

static bool count_steps(struct trap_hook *h, struct trap_frame *frame) {
    (void)h;
    steps += frame->vector == 1;
    if (frame->vector == 14) {
        map_page(HEAP, FRAME, ALL);
    }
    return true;
}

/* RFLAGS.TF belongs to the debugger of the host, whose `stepi` sets it.  The
 * step ends with the fault: neither the stubs nor what iretq returns to run on
 * one by one. */
START_TEST(a_single_step_ends_at_a_fault)
{
    steps = 0;
    hook.handle = count_steps;
    __asm__ volatile("subq $128, %%rsp\n\t"
                     "pushfq\n\t"
                     "orq $0x100, (%%rsp)\n\t"
                     "popfq\n\t"
                     "movb (%0), %%al\n\t"
                     "nop\n\t"
                     "addq $128, %%rsp" ::"r"(at(HEAP))
                     : "rax", "memory", "cc");
    ck_assert_uint_eq(steps, 0);
}
END_TEST

START_TEST(a_stack_overflow_is_a_double_fault_on_its_own_stack)
{
    struct trap_fault fault = { 0 };

    map_page(HEAP + PAGE_SIZE, FRAME, ALL);
    ck_assert(!trap_try(overflow, NULL, vaddr(HEAP + 2 * PAGE_SIZE), &fault));
    ck_assert_uint_eq(fault.vector, 8);
    ck_assert_uint_eq(fault.error, 0);
    ck_assert_uint_ge(hw_read_cr2().v, HEAP);
    ck_assert_uint_lt(hw_read_cr2().v, HEAP + PAGE_SIZE);
}
END_TEST

/** Drops the very page it runs on, again and again. */
static void flush_own_stack(void *arg) {
    volatile unsigned *count = arg;

    for (unsigned i = 0; i < 100; i++) {
        hw_invlpg(vaddr_of_pointer(__builtin_frame_address(0)));
        hw_flush_all();
        ++*count;
    }
}

START_TEST(a_stack_in_simulated_memory_survives_its_own_flush)
{
    struct trap_fault fault = { 0 };
    volatile unsigned count = 0;

    map_page(HEAP, FRAME, ALL);
    ck_assert(trap_try(flush_own_stack, (void *)(uintptr_t)&count,
                       vaddr(HEAP + PAGE_SIZE), &fault));
    ck_assert_uint_eq(count, 100);
}
END_TEST

START_TEST(a_system_call_sees_a_simulated_page_only_when_it_is_shown)
{
    int zero = open("/dev/zero", O_RDONLY);

    map_page(HEAP, FRAME, ALL);
    ck_assert_int_eq((int)read(zero, (void *)(uintptr_t)HEAP, 8), -1);
    ck_assert_int_eq(errno, EFAULT);
    *at(HEAP) = 1; /* a touch shows it, writable */
    ck_assert_int_eq((int)read(zero, (void *)(uintptr_t)HEAP, 8), 8);
    ck_assert_int_eq((int)read(zero, sim->ram.alias + FRAME, 8), 8);
    close(zero);
}
END_TEST

/* --- the recorded TLB ---------------------------------------------------- */

START_TEST(a_bounded_tlb_evicts_and_nobody_notices)
{
    enum { PAGES = 64 };

    power_off();
    power_on_with(TLB_LRU, SIM_TLB_MIN);
    for (unsigned i = 0; i < PAGES; i++) {
        map_page(HEAP + i * PAGE_SIZE, FRAME + i * PAGE_SIZE, ALL);
        *at(HEAP + i * PAGE_SIZE) = (uint8_t)i;
    }
    for (unsigned i = 0; i < PAGES; i++) {
        ck_assert_uint_eq(*at(HEAP + i * PAGE_SIZE), i);
    }
    ck_assert_uint_le(sim->cpu.tlb.count, SIM_TLB_MIN);
    ck_assert_uint_ge(sim->cpu.tlb.evictions, PAGES - SIM_TLB_MIN);
}
END_TEST

START_TEST(a_tlb_too_small_for_one_instruction_is_refused)
{
    struct sim_config config = sim_default_config;
    struct sim *other;
    char why[256] = "";

    power_off();
    ck_assert(mapfile_pc(&map, 32 * MIB, why, sizeof why));
    config.map = map.entries;
    config.map_count = map.count;
    config.tlb_capacity = SIM_TLB_MIN - 1;
    ck_assert_int_eq(sim_create(&other, &config, why, sizeof why),
                     SIM_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(why, "too small"));
    mapfile_destroy(&map);
    power_on();
}
END_TEST

START_TEST(loosened_rights_need_no_flush)
{
    struct trap_fault fault;

    map_page(HEAP, FRAME, PTE_PRESENT);
    (void)*at(HEAP);
    *entry_of(HEAP, 1) |= PTE_WRITABLE;
    if (!trap_try_write(vaddr(HEAP), 1, &fault)) { /* one may be spurious */
        ck_assert(trap_try_write(vaddr(HEAP), 1, &fault));
    }
    ck_assert_uint_eq(*at(HEAP), 1);
}
END_TEST

/* --- flushes -------------------------------------------------------------- */

/* [0][1][2][3][4: global][5] . . [9]   two stretches go, one page stays */
START_TEST(a_flush_hides_what_goes_in_few_calls_and_nothing_that_stays)
{
    static const unsigned pages[] = { 0, 1, 2, 3, 4, 5, 9 };
    const size_t count = sizeof(pages) / sizeof(pages[0]);
    uint64_t calls, fills;

    for (size_t i = 0; i < count; i++) {
        const uint64_t va = HEAP + pages[i] * PAGE_SIZE;
        const uint64_t frame = FRAME + 3 * pages[i] * PAGE_SIZE;

        map_page(va, frame, ALL | (pages[i] == 4 ? PTE_GLOBAL : 0));
        *at(va) = 1;
        map_page(va, frame + PAGE_SIZE, ALL);
        *(uint8_t *)direct(paddr(frame + PAGE_SIZE)) = 2;
    }
    calls = sim->live->host_calls;
    hw_write_cr3(hw_read_cr3());
    ck_assert_uint_le(sim->live->host_calls - calls, 3);
    fills = sim->events.counts[SIM_EVENT_FILL];
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(*at(HEAP + pages[i] * PAGE_SIZE),
                          pages[i] == 4 ? 1 : 2);
    }
    ck_assert_uint_eq(sim->events.counts[SIM_EVENT_FILL] - fills, count - 1);
}
END_TEST

START_TEST(changed_controls_hide_every_page_and_forget_none)
{
    uint64_t fills, walks;

    for (unsigned i = 0; i < 6; i++) {
        map_page(HEAP + i * PAGE_SIZE, FRAME + 2 * i * PAGE_SIZE, ALL);
        *at(HEAP + i * PAGE_SIZE) = (uint8_t)i;
        map_page(HEAP + i * PAGE_SIZE, FRAME, PTE_PRESENT);
    }
    fills = sim->live->host_calls;
    walks = sim->events.counts[SIM_EVENT_WALK];
    sim_controls_changed(sim);
    for (unsigned i = 0; i < 6; i++) {
        ck_assert_uint_eq(*at(HEAP + i * PAGE_SIZE), i);
    }
    ck_assert_uint_ge(sim->live->host_calls - fills, 6 + 1);
    ck_assert_uint_eq(sim->events.counts[SIM_EVENT_WALK], walks);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_live");
    TCase *tc = tcase_create("engine");

    tcase_add_checked_fixture(tc, power_on, power_off);
    tcase_add_test(tc, a_page_shows_its_frame_in_both_directions);
    tcase_add_test(tc,
                   accessed_is_set_on_every_level_and_dirty_by_a_write_only);
    tcase_add_test(tc, a_cleared_entry_is_believed_until_invlpg);
    tcase_add_test(tc, a_cr3_load_drops_what_is_not_global);
    tcase_add_loop_test(tc,
                        a_fault_has_the_error_code_and_address_of_the_access, 0,
                        sizeof fault_cases / sizeof fault_cases[0]);
    tcase_add_test(tc, code_in_simulated_memory_runs);
    tcase_add_test(tc, a_non_canonical_address_is_a_protection_fault);
    tcase_add_test(tc, a_non_canonical_stack_address_is_a_stack_fault);
    tcase_add_test(tc, a_null_pointer_is_a_page_fault_of_the_machine);
    tcase_add_test(tc, page_faults_nest_twenty_deep);
    tcase_add_test(tc, longjmp_out_of_a_fault_works_ten_thousand_times);
    tcase_add_test(tc, vector_registers_survive_a_fault);
    tcase_add_test(tc, a_frame_looks_as_on_bare_metal);
    tcase_add_test(tc, a_single_step_ends_at_a_fault);
    tcase_add_test(tc, a_stack_overflow_is_a_double_fault_on_its_own_stack);
    tcase_add_test(tc, a_stack_in_simulated_memory_survives_its_own_flush);
    tcase_add_test(tc,
                   a_system_call_sees_a_simulated_page_only_when_it_is_shown);
    tcase_add_test(tc, a_bounded_tlb_evicts_and_nobody_notices);
    tcase_add_test(tc, a_tlb_too_small_for_one_instruction_is_refused);
    tcase_add_test(tc, loosened_rights_need_no_flush);
    tcase_add_test(tc,
                   a_flush_hides_what_goes_in_few_calls_and_nothing_that_stays);
    tcase_add_test(tc, changed_controls_hide_every_page_and_forget_none);
    suite_add_tcase(suite, tc);
    return run(suite);
}
