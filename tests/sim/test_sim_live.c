/*
 * The live engine on its own, with a kernel of a few lines: the traps that
 * running compiled code on emulated page tables brings with it.
 *
 *   HEAP  0x4444_4444_0000  pages of the test, mapped by hand
 *   the direct map shows the tables, so the test edits them as a kernel would
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/poison.h"
#include "sim/live.h"
#include "sim/mapfile.h"
#include "trap/trap.h"

#define HEAP UINT64_C(0x444444440000)
#define FRAME UINT64_C(0x500000) /* free RAM above the load area */
#define ALL (PTE_PRESENT | PTE_WRITABLE)

static struct sim *sim;
static struct trap_hook hook;
static struct mapfile map;
static uint64_t next_table;

static void power_on_with(enum tlb_policy policy, unsigned capacity) {
    struct sim_config config = sim_default_config;
    char why[256] = "";

    ck_assert_msg(mapfile_pc(&map, 32 * MIB, why, sizeof why), "%s", why);
    config.map = map.entries;
    config.map_count = map.count;
    config.tlb_policy = policy;
    config.tlb_capacity = capacity;
    ck_assert_msg(sim_create(&sim, &config, why, sizeof why) == SIM_OK, "%s",
                  why);
    memset(&hook, 0, sizeof hook);
    trap_init(&hook, &sim->boot);
    next_table = 0x700000;
}

static void power_on(void) {
    power_on_with(TLB_LRU, TLB_CAPACITY_DEFAULT);
}

static void power_off(void) {
    sim_destroy(sim);
    mapfile_destroy(&map);
}

static uint64_t *direct(paddr_t pa) {
    return boot_direct(&sim->boot, pa);
}

/** The entry of @level for @va, tables made on the way. */
static uint64_t *entry_of(uint64_t va, unsigned level) {
    paddr_t table = hw_read_cr3();

    for (unsigned l = PAGING_LEVELS; l > level; l--) {
        uint64_t *e = direct(table) + table_index(vaddr(va), l);

        if ((*e & PTE_PRESENT) == 0) {
            memset(direct(paddr(next_table)), 0, PAGE_SIZE);
            *e = next_table | ALL;
            next_table += PAGE_SIZE;
        }
        table = pte_address(pte(*e));
    }
    return direct(table) + table_index(vaddr(va), level);
}

static void map_page(uint64_t va, uint64_t pa, uint64_t bits) {
    *entry_of(va, 1) = pa | bits;
}

static volatile uint8_t *at(uint64_t va) {
    return (volatile uint8_t *)(uintptr_t)va;
}

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

static uint64_t overflow_rsp;

__attribute__((noinline)) static unsigned eat_stack(unsigned n) {
    volatile uint8_t frame[512];

    frame[0] = (uint8_t)n;
    overflow_rsp = (uint64_t)(uintptr_t)frame;
    return frame[0] + (n == 0 ? 0 : eat_stack(n - 1)) + frame[0];
}

static void overflow(void *arg) {
    (void)arg;
    (void)eat_stack(100000);
}

/*
 *   HEAP           +4K             +8K
 *   [ guard: nothing ][ the stack ]   overflow -> push fails -> #DF on IST 1
 */
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
    power_on_with(TLB_LRU, LIVE_TLB_MIN);
    for (unsigned i = 0; i < PAGES; i++) {
        map_page(HEAP + i * PAGE_SIZE, FRAME + i * PAGE_SIZE, ALL);
        *at(HEAP + i * PAGE_SIZE) = (uint8_t)i;
    }
    for (unsigned i = 0; i < PAGES; i++) {
        ck_assert_uint_eq(*at(HEAP + i * PAGE_SIZE), i);
    }
    ck_assert_uint_le(sim->cpu.tlb.count, LIVE_TLB_MIN);
    ck_assert_uint_ge(sim->cpu.tlb.evictions, PAGES - LIVE_TLB_MIN);
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
    config.tlb_capacity = LIVE_TLB_MIN - 1;
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

/* --- what stops the machine ---------------------------------------------- */

/** Runs @fn in a child and gives its exit status and what it said. */
static int in_child(void (*fn)(void), char *said, size_t size) {
    int pipe_ends[2], status;
    size_t have = 0;
    ssize_t n;
    pid_t child;

    ck_assert_int_eq(pipe(pipe_ends), 0);
    child = fork();
    if (child == 0) {
        dup2(pipe_ends[1], STDERR_FILENO);
        power_off();
        power_on();
        fn();
        _exit(0);
    }
    close(pipe_ends[1]);
    while ((n = read(pipe_ends[0], said + have, size - 1 - have)) > 0) {
        have += (size_t)n;
    }
    said[have] = '\0';
    close(pipe_ends[0]);
    waitpid(child, &status, 0);
    return status;
}

static void touch_hole(void) {
    map_page(HEAP, UINT64_C(0xfee00000), ALL);
    (void)*at(HEAP);
}

/** A 1 GiB leaf over 32 MiB of RAM: clipped, the rest is no RAM. */
static void touch_clipped_part(void) {
    *entry_of(HEAP & ~(GIB - 1), 3) = ALL | PTE_HUGE;
    (void)*at((HEAP & ~(GIB - 1)) + 5 * MIB);
    (void)*at((HEAP & ~(GIB - 1)) + 100 * MIB);
}

/** A sanitizer would look up its shadow, which no such address has. */
MM_NO_SANITIZE static void touch_kernel_half(void) {
    (void)*at(UINT64_C(0xffff800000000000));
}

static void touch_outside_windows(void) {
    map_page(UINT64_C(0x300000000000), FRAME, ALL);
    (void)*at(UINT64_C(0x300000000000));
}

static void fault_without_gates(void) {
    sim->cpu.traps.count = 0;
    (void)*at(HEAP);
}

static void triple_fault(void) {
    struct trap_fault fault;

    sim->cpu.traps.ist_top[0] = vaddr(HEAP + 8 * PAGE_SIZE);
    map_page(HEAP + PAGE_SIZE, FRAME, ALL);
    (void)trap_try(overflow, NULL, vaddr(HEAP + 2 * PAGE_SIZE), &fault);
}

static bool damage_selector(struct trap_hook *h, struct trap_frame *frame) {
    (void)h;
    frame->cs = 0x1b;
    return true;
}

static void damaged_iretq(void) {
    hook.handle = damage_selector;
    (void)*at(HEAP);
}

static void unrepaired_fault(void) {
    *at(HEAP) = 1;
}

static const struct stop_case {
    void (*fn)(void);
    int status;
    const char *said;
} stop_cases[] = {
    { touch_hole, SIM_EXIT_STOPPED, "physical 0xfee00000, where there is no" },
    { touch_clipped_part, SIM_EXIT_STOPPED,
      "physical 0x6400000, where there is no RAM" },
    { touch_kernel_half, SIM_EXIT_STOPPED, "a kernel-half address" },
    { touch_outside_windows, SIM_EXIT_STOPPED,
      "outside every window reserved" },
    { fault_without_gates, SIM_EXIT_STOPPED, "loaded no gate" },
    { triple_fault, SIM_EXIT_STOPPED, "triple fault" },
    { damaged_iretq, SIM_EXIT_STOPPED, "iretq to cs 0x1b" },
    { unrepaired_fault, HW_EXIT_PANIC, "" },
};

START_TEST(what_can_not_go_on_stops_with_a_sentence)
{
    const struct stop_case *c = &stop_cases[_i];
    char said[2048];
    int status = in_child(c->fn, said, sizeof said);

    ck_assert_msg(WIFEXITED(status), "died by signal %d: %s", WTERMSIG(status),
                  said);
    ck_assert_msg(WEXITSTATUS(status) == c->status, "status %d: %s",
                  WEXITSTATUS(status), said);
    ck_assert_msg(strstr(said, c->said) != NULL, "said: %s", said);
}
END_TEST

static void refused_host_call(void) {
    struct rlimit none = { 0, 0 };

    setrlimit(RLIMIT_CORE, &none);
    map_page(HEAP, FRAME, ALL);
    (void)*at(HEAP);
    sim->live->fail_host_call = sim->live->host_calls + 1;
    hw_invlpg(vaddr(HEAP));
}

START_TEST(a_refused_host_mapping_is_never_ignored)
{
    char said[2048];
    int status = in_child(refused_host_call, said, sizeof said);

    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
    ck_assert_msg(strstr(said, "refused to map 0x444444440000") != NULL,
                  "said: %s", said);
}
END_TEST

START_TEST(a_machine_from_before_fork_is_not_used_after_it)
{
    struct rlimit none = { 0, 0 };
    int status;
    pid_t child;

    map_page(HEAP, FRAME, ALL);
    child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &none);
        close(STDERR_FILENO);
        (void)*at(HEAP);
        _exit(0);
    }
    waitpid(child, &status, 0);
    /* By SIGSEGV, or by a sanitizer's handler for it. */
    ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}
END_TEST

START_TEST(a_taken_window_is_named)
{
    struct sim_config config = sim_default_config;
    struct sim *other = NULL;
    char why[512] = "";
    void *taken;

    power_off();
    taken = mmap((void *)(uintptr_t)SIM_STACK_BASE, PAGE_SIZE, PROT_READ,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    ck_assert_ptr_ne(taken, MAP_FAILED);
    ck_assert(mapfile_pc(&map, 32 * MIB, why, sizeof why));
    config.map = map.entries;
    config.map_count = map.count;
    ck_assert_int_eq(sim_create(&other, &config, why, sizeof why),
                     SIM_UNSUPPORTED);
    ck_assert_msg(strstr(why, "the stack window 0x1f0000000000") != NULL &&
                      strstr(why, "is taken by") != NULL,
                  "said: %s", why);
    munmap(taken, PAGE_SIZE);
    mapfile_destroy(&map);
    power_on();
}
END_TEST

/* --- firmware and sim_run() ---------------------------------------------- */

static uint64_t ran_on;

static void small_kernel(const struct hw_boot *boot) {
    volatile uint64_t local = 1;

    ran_on = (uint64_t)(uintptr_t)&local;
    ck_assert_str_eq(boot->machine, "sim");
    hw_exit(HW_EXIT_PASS);
}

START_TEST(a_kernel_runs_on_the_boot_stack_and_ends_by_hw_exit)
{
    ck_assert_int_eq(sim_run(sim, small_kernel), HW_EXIT_PASS);
    ck_assert_uint_lt(ran_on, sim->boot_stack_top.v);
    ck_assert_uint_gt(ran_on, sim->boot_stack_top.v - 256 * KIB);
    ck_assert_int_eq(sim_run(sim, small_kernel), HW_EXIT_PASS);
}
END_TEST

static void returning_kernel(const struct hw_boot *boot) {
    (void)boot;
}

static void wild_kernel(const struct hw_boot *boot) {
    (void)boot;
    touch_hole();
}

START_TEST(a_kernel_that_stops_tells_its_reason)
{
    ck_assert_int_eq(sim_run(sim, returning_kernel), HW_EXIT_FAIL);
    ck_assert_ptr_nonnull(strstr(sim_stop_reason(sim), "returned"));
    ck_assert_int_eq(sim_run(sim, wild_kernel), HW_EXIT_FAIL);
    ck_assert_ptr_nonnull(strstr(sim_stop_reason(sim), "no RAM"));
}
END_TEST

START_TEST(the_direct_map_shows_all_ram_as_data_only)
{
    struct trap_fault fault = { 0 };
    volatile uint8_t *last =
        (volatile uint8_t *)direct(paddr(sim->ram.size - 1));

    *last = 0x77;
    ck_assert_uint_eq(sim->ram.alias[sim->ram.size - 1], 0x77);
    ck_assert(!trap_try_call(vaddr_of_pointer(direct(paddr(FRAME))), &fault));
    ck_assert_uint_eq(fault.error, PF_PRESENT | PF_FETCH);
}
END_TEST

START_TEST(a_module_lies_at_the_top_of_ram)
{
    struct sim_config config = sim_default_config;
    static const char text[] = "module";
    char why[256] = "";

    power_off();
    ck_assert(mapfile_pc(&map, 32 * MIB, why, sizeof why));
    config.map = map.entries;
    config.map_count = map.count;
    config.module = text;
    config.module_size = sizeof text;
    ck_assert_int_eq(sim_create(&sim, &config, why, sizeof why), SIM_OK);
    ck_assert_str_eq(boot_direct(&sim->boot, sim->boot.module.base), text);
    ck_assert_uint_eq(sim->boot.module.base.v, 32 * MIB - 128 * KIB - 4096);
    ck_assert_uint_eq(sim->boot.reserved_count, 2);
}
END_TEST

START_TEST(a_map_without_room_for_a_kernel_is_refused)
{
    static const struct memmap_entry small[] = {
        { { { 0 }, 0x9fc00 }, MEMMAP_USABLE },
        { { { 0x100000 }, MIB }, MEMMAP_USABLE },
    };
    struct sim_config config = sim_default_config;
    struct sim *other = NULL;
    char why[256] = "";

    power_off();
    config.map = small;
    config.map_count = 2;
    ck_assert_int_eq(sim_create(&other, &config, why, sizeof why), SIM_BAD_MAP);
    ck_assert_ptr_nonnull(strstr(why, "3 MiB"));
    power_on();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim live");
    TCase *tc = tcase_create("live");
    SRunner *runner;
    int failed;

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
    tcase_add_test(tc, a_stack_overflow_is_a_double_fault_on_its_own_stack);
    tcase_add_test(tc, a_stack_in_simulated_memory_survives_its_own_flush);
    tcase_add_test(tc,
                   a_system_call_sees_a_simulated_page_only_when_it_is_shown);
    tcase_add_test(tc, a_bounded_tlb_evicts_and_nobody_notices);
    tcase_add_test(tc, a_tlb_too_small_for_one_instruction_is_refused);
    tcase_add_test(tc, loosened_rights_need_no_flush);
    tcase_add_loop_test(tc, what_can_not_go_on_stops_with_a_sentence, 0,
                        sizeof stop_cases / sizeof stop_cases[0]);
    tcase_add_test(tc, a_refused_host_mapping_is_never_ignored);
    tcase_add_test(tc, a_machine_from_before_fork_is_not_used_after_it);
    tcase_add_test(tc, a_taken_window_is_named);
    tcase_add_test(tc, a_kernel_runs_on_the_boot_stack_and_ends_by_hw_exit);
    tcase_add_test(tc, a_kernel_that_stops_tells_its_reason);
    tcase_add_test(tc, the_direct_map_shows_all_ram_as_data_only);
    tcase_add_test(tc, a_module_lies_at_the_top_of_ram);
    tcase_add_test(tc, a_map_without_room_for_a_kernel_is_refused);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
