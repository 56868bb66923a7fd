/*
 * What code of the host may rely on while a machine is live, and what keeps the
 * host's mappings in step with the recorded translations.
 */
#include <errno.h>

#include "sim/live_machine.h"

/* --- what code of the host may rely on ----------------------------------- */

static bool map_it(struct trap_hook *h, struct trap_frame *frame) {
    (void)h;
    (void)frame;
    map_page(HEAP, FRAME, ALL);
    return true;
}

START_TEST(a_fault_leaves_the_red_zone_alone)
{
    uint64_t seen = 0;

    hook.handle = map_it;
    __asm__ volatile("movq %2, -8(%%rsp)\n\t"
                     "movq %2, -128(%%rsp)\n\t"
                     "movb (%1), %%al\n\t"
                     "movq -8(%%rsp), %0\n\t"
                     "xorq -128(%%rsp), %0\n\t"
                     "xorq %2, %0"
                     : "=&r"(seen)
                     : "r"(at(HEAP)), "r"(UINT64_C(0x5ca1ab1e))
                     : "rax", "memory");
    ck_assert_uint_eq(seen, 0x5ca1ab1e);
}
END_TEST

START_TEST(a_fault_leaves_errno_alone)
{
    map_page(HEAP, FRAME, ALL);
    errno = ERANGE;
    (void)*at(HEAP);
    ck_assert_int_eq(errno, ERANGE);
}
END_TEST

static volatile uint64_t frame_at;

static bool look_at_entry(struct trap_hook *h, struct trap_frame *frame) {
    (void)h;
    frame_at = (uint64_t)(uintptr_t)&frame->error;
    map_page(HEAP, FRAME, ALL);
    return true;
}

START_TEST(a_frame_is_aligned_wherever_the_stack_was)
{
    hook.handle = look_at_entry;
    __asm__ volatile("subq $264, %%rsp\n\t" /* in the middle of 16 bytes */
                     "movb (%0), %%al\n\t"
                     "addq $264, %%rsp" ::"r"(at(HEAP))
                     : "rax", "memory", "cc");
    ck_assert_uint_eq(frame_at % 16, 0);
    map_page(HEAP, FRAME, 0);
    hw_invlpg(vaddr(HEAP));
    __asm__ volatile("subq $256, %%rsp\n\t"
                     "movb (%0), %%al\n\t"
                     "addq $256, %%rsp" ::"r"(at(HEAP))
                     : "rax", "memory", "cc");
    ck_assert_uint_eq(frame_at % 16, 0);
}
END_TEST

/* --- vectors that the host's processor raises itself ---------------------- */

static void divide_by_zero(void *arg) {
    __asm__ volatile("xorl %%edx, %%edx\n\tdivl %0" ::"r"(*(uint32_t *)arg),
                     "a"(1)
                     : "rdx", "cc");
}

static void undefined(void *arg) {
    (void)arg;
    __asm__ volatile("ud2");
}

static void breakpoint(void *arg) {
    (void)arg;
    __asm__ volatile("int3");
}

static const struct vector_case {
    void (*fn)(void *);
    uint64_t vector;
} vector_cases[] = {
    { divide_by_zero, 0 },
    { breakpoint, 3 },
    { undefined, 6 },
};

START_TEST(an_exception_of_the_host_is_one_of_the_machine)
{
    struct trap_fault fault = { .vector = 99 };
    uint32_t zero = 0;

    ck_assert(!trap_try(vector_cases[_i].fn, &zero, vaddr(0), &fault));
    ck_assert_uint_eq(fault.vector, vector_cases[_i].vector);
    ck_assert_uint_eq(fault.error, 0);
}
END_TEST

static void nothing(void *arg) {
    (void)arg;
}

/* No stack there: the first push faults, its frame can't be pushed either. */
static const uint64_t wild_stacks[] = {
    UINT64_C(0x300000001000), /* inside no window */
    UINT64_C(0x900000000000), /* not canonical */
    0x1000,                   /* the page of null pointers */
};

START_TEST(a_wild_stack_pointer_is_a_double_fault)
{
    struct trap_fault fault = { 0 };

    ck_assert(!trap_try(nothing, NULL, vaddr(wild_stacks[_i]), &fault));
    ck_assert_uint_eq(fault.vector, 8);
}
END_TEST

/* --- mappings and entries in step ----------------------------------------- */

START_TEST(changed_controls_are_obeyed_by_pages_shown_before)
{
    struct trap_fault fault;
    uint8_t seen;

    map_page(HEAP, FRAME, PTE_PRESENT | PTE_DIRTY | PTE_ACCESSED);
    ck_assert(cpu_write_cr0(&sim->cpu, sim->cpu.cr0 & ~CR0_WP));
    sim_controls_changed(sim);
    *at(HEAP) = 1; /* supervisor, WP=0 */
    ck_assert(cpu_write_cr0(&sim->cpu, sim->cpu.cr0 | CR0_WP));
    sim_controls_changed(sim);
    ck_assert(!trap_try_write(vaddr(HEAP), 1, &fault));
    sim->cpu.cpl = 3;
    sim_controls_changed(sim);
    seen = 0;
    ck_assert(!trap_try_read(vaddr(HEAP), &seen, &fault));
    ck_assert_uint_eq(fault.error, PF_PRESENT | PF_USER);
}
END_TEST

/** One leaf of 1 GiB under two windows. */
START_TEST(a_large_page_goes_from_every_window_it_lies_in)
{
    struct sim_config config = sim_default_config;
    const uint64_t gib = UINT64_C(0x400000000000);
    struct trap_fault fault;
    char why[256] = "";
    uint8_t seen;

    power_off();
    ck_assert(mapfile_pc(&map, 32 * MIB, why, sizeof why));
    config.map = map.entries;
    config.map_count = map.count;
    config.windows[2] = (struct sim_window){ "one", { vaddr(gib), 8 * MIB } };
    config.windows[3] =
        (struct sim_window){ "two", { vaddr(gib + 16 * MIB), MIB } };
    config.window_count = 4;
    ck_assert_msg(sim_create(&sim, &config, why, sizeof why) == SIM_OK, "%s",
                  why);
    trap_init(&hook, &sim->boot);
    *entry_of(gib, 3) = ALL | PTE_HUGE;
    (void)*at(gib + 5 * MIB);
    (void)*at(gib + 16 * MIB);
    *entry_of(gib, 3) = 0;
    hw_invlpg(vaddr(gib));
    ck_assert(!trap_try_read(vaddr(gib + 5 * MIB), &seen, &fault));
    ck_assert(!trap_try_read(vaddr(gib + 16 * MIB), &seen, &fault));
}
END_TEST

/** Each piece is a mapping of the host, and the host has not many. */
START_TEST(the_pieces_of_large_leaves_are_bounded)
{
    sim->live->large_max = 16;
    for (uint64_t pa = 8 * MIB; pa < 24 * MIB; pa += 2 * RAM_CHUNK) {
        *(volatile uint64_t *)direct(paddr(pa)) = pa;
        ck_assert_uint_le(sim->live->large_shown, 16);
    }
    for (uint64_t pa = 8 * MIB; pa < 24 * MIB; pa += 2 * RAM_CHUNK) {
        ck_assert_uint_eq(*(volatile uint64_t *)direct(paddr(pa)), pa);
    }
}
END_TEST

START_TEST(a_direct_map_that_is_not_aligned_is_refused)
{
    struct sim_config config = sim_default_config;
    struct sim *other = NULL;
    char why[256] = "";

    power_off();
    ck_assert(mapfile_pc(&map, 32 * MIB, why, sizeof why));
    config.map = map.entries;
    config.map_count = map.count;
    config.direct_base = vaddr(SIM_DIRECT_BASE + 2 * MIB);
    ck_assert_int_eq(sim_create(&other, &config, why, sizeof why),
                     SIM_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(why, "multiple of 1 GiB"));
    mapfile_destroy(&map);
    power_on();
}
END_TEST

START_TEST(interrupts_are_switched_on_only_when_they_were_on)
{
    hw_irq_restore(true);
    hw_irq_restore(false);
    ck_assert(hw_irq_save());
    hw_irq_restore(false);
    ck_assert(!hw_irq_save());
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_host");
    TCase *tc = tcase_create("host");

    tcase_add_checked_fixture(tc, power_on, power_off);
    tcase_add_test(tc, a_fault_leaves_the_red_zone_alone);
    tcase_add_test(tc, a_fault_leaves_errno_alone);
    tcase_add_test(tc, a_frame_is_aligned_wherever_the_stack_was);
    tcase_add_loop_test(tc, an_exception_of_the_host_is_one_of_the_machine, 0,
                        sizeof vector_cases / sizeof vector_cases[0]);
    tcase_add_loop_test(tc, a_wild_stack_pointer_is_a_double_fault, 0,
                        sizeof wild_stacks / sizeof wild_stacks[0]);
    tcase_add_test(tc, changed_controls_are_obeyed_by_pages_shown_before);
    tcase_add_test(tc, a_large_page_goes_from_every_window_it_lies_in);
    tcase_add_test(tc, the_pieces_of_large_leaves_are_bounded);
    tcase_add_test(tc, a_direct_map_that_is_not_aligned_is_refused);
    tcase_add_test(tc, interrupts_are_switched_on_only_when_they_were_on);
    suite_add_tcase(suite, tc);
    return run(suite);
}
