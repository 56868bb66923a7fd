/*
 * What stops the live machine: each with one sentence that says what happened,
 * at which address, by which line; never in silence, never by a loop.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/poison.h"
#include "sim/live_machine.h"

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

static void past_the_end_of_ram(void) {
    map_page(HEAP, 24 * MIB, ALL);
    (void)*at(HEAP); /* its junk is there now */
    hw_invlpg(vaddr(HEAP));
    ck_assert_int_eq(ftruncate(sim->ram.memfd, 24 * MIB), 0);
    (void)*at(HEAP);
}

static void privileged(void) {
    __asm__ volatile("cli");
}

static void set_ac(void) {
    __asm__ volatile("stac");
}

static void load_cr3(void) {
    __asm__ volatile("movq %0, %%cr3" ::"r"(0ul));
}

/** Each fault is taken before the one outside it is repaired. */
static bool fault_again(struct trap_hook *h, struct trap_frame *frame) {
    (void)h;
    (void)frame;
    (void)*at(HEAP);
    return true;
}

static void faults_without_end(void) {
    hook.handle = fault_again;
    (void)*at(HEAP);
}

static void on_user_signal(int signal) {
    (void)signal;
}

/** Its page is shown by the fault of the push; the page below, which the
 *  host's frame needs, is mapped and not shown. */
static void send_a_signal(void *arg) {
    __asm__ volatile("pushq $0\n\t"
                     "syscall\n\t"
                     "popq %%rcx"
                     :
                     : "a"(SYS_kill), "D"(*(pid_t *)arg), "S"(SIGUSR1)
                     : "rcx", "r11", "memory");
}

static void signal_on_a_hidden_stack(void) {
    struct trap_fault fault;
    pid_t pid = getpid();

    signal(SIGUSR1, on_user_signal);
    map_page(HEAP, FRAME, ALL);
    map_page(HEAP + PAGE_SIZE, FRAME + PAGE_SIZE, ALL);
    (void)trap_try(send_a_signal, &pid, vaddr(HEAP + PAGE_SIZE + 256), &fault);
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
    { triple_fault, SIM_EXIT_STOPPED, "triple fault" }, /* I6 */
    { past_the_end_of_ram, SIM_EXIT_STOPPED, "leads past the end of RAM" },
    { privileged, SIM_EXIT_STOPPED, "privileged instruction cli" },
    { set_ac, SIM_EXIT_STOPPED, "privileged instruction stac" },
    { load_cr3, SIM_EXIT_STOPPED, "mov to a control register" },
    { faults_without_end, SIM_EXIT_STOPPED, "traps are nested" },
    { signal_on_a_hidden_stack, SIM_EXIT_STOPPED, "needs SA_ONSTACK" },
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

static void touch_new(void) {
    (void)*at(HEAP + PAGE_SIZE);
}

static void touch_shown(void) {
    (void)*at(HEAP);
}

static void use_hw(void) {
    hw_invlpg(vaddr(HEAP));
}

static void (*const orphan_acts[])(void) = { touch_new, touch_shown, use_hw };

/** fork() shares the RAM, so the child must not go on with the machine. */
START_TEST(a_machine_from_before_fork_is_not_used_after_it)
{
    int pipe_ends[2], status;
    char said[512] = "";
    pid_t child;

    map_page(HEAP, FRAME, ALL);
    map_page(HEAP + PAGE_SIZE, FRAME + PAGE_SIZE, ALL);
    *at(HEAP) = 1;
    ck_assert_int_eq(pipe(pipe_ends), 0);
    child = fork();
    if (child == 0) {
        dup2(pipe_ends[1], STDERR_FILENO);
        orphan_acts[_i]();
        _exit(0);
    }
    close(pipe_ends[1]);
    (void)!read(pipe_ends[0], said, sizeof said - 1);
    close(pipe_ends[0]);
    waitpid(child, &status, 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == SIM_EXIT_STOPPED);
    ck_assert_msg(strstr(said, "powered on before fork()") != NULL, "said: %s",
                  said);
    ck_assert_uint_eq(*at(HEAP), 1); /* the parent goes on */
}
END_TEST

START_TEST(a_sent_signal_is_not_a_fault)
{
    struct rlimit none = { 0, 0 };
    int status;
    pid_t child = fork();

    if (child == 0) {
        setrlimit(RLIMIT_CORE, &none);
        power_off();
        power_on();
        close(STDERR_FILENO);
        raise(SIGSEGV);
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

int main(void) {
    Suite *suite = suite_create("sim_stops");
    TCase *tc = tcase_create("stops");

    tcase_add_checked_fixture(tc, power_on, power_off);
    tcase_add_loop_test(tc, what_can_not_go_on_stops_with_a_sentence, 0,
                        sizeof stop_cases / sizeof stop_cases[0]);
    tcase_add_test(tc, a_refused_host_mapping_is_never_ignored);
    tcase_add_loop_test(tc, a_machine_from_before_fork_is_not_used_after_it, 0,
                        sizeof orphan_acts / sizeof orphan_acts[0]);
    tcase_add_test(tc, a_sent_signal_is_not_a_fault);
    tcase_add_test(tc, a_taken_window_is_named);
    suite_add_tcase(suite, tc);
    return run(suite);
}
