/*
 * hw.h on the simulated machine.
 *
 * Calls that change what the processor remembers run on a host stack: the
 * caller's own stack may be a page whose translation is being dropped, and a
 * fill in the middle of a flush would change the TLB under the flush.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim/live.h"

static struct sim *sim_now;

struct sim *sim_current(void) {
    return sim_now;
}
void sim_make_current(struct sim *sim) {
    sim_now = sim;
}

static struct sim *machine(void) {
    if (sim_now == NULL) {
        fprintf(stderr, "memtwin: hw.h was used, but no machine is on\n");
        abort();
    }
    return sim_now;
}

/** What on_host_stack() was asked for; not on any stack of the kernel's. */
static struct {
    void (*fn)(void *);
    void *arg;
} call;

static void run_call(void *arg) {
    struct sim *sim = arg;

    sim->live->busy = true;
    call.fn(call.arg);
    sim->live->busy = false;
}

static void on_host_stack(struct sim *sim, void (*fn)(void *), void *arg) {
    uint64_t rsp = (uint64_t)(uintptr_t)__builtin_frame_address(0);

    call.fn = fn;
    call.arg = arg;
    if (live_window_at(sim->live, vaddr(rsp)) != NULL) {
        guest_call_on(
            (uint64_t)(uintptr_t)(sim->live->host_stack + LIVE_STACK_SIZE),
            run_call, sim);
    } else {
        run_call(sim);
    }
}

static void do_putc(void *arg) {
    struct sim *sim = sim_now;
    char c = *(char *)arg;

    if (sim->config.putc != NULL) {
        sim->config.putc(sim->config.putc_ctx, c);
    } else {
        putchar(c);
    }
}

void hw_putc(char c) {
    /* Not a pointer into the caller's stack: it may not be shown now. */
    static char out;

    out = c;
    on_host_stack(machine(), do_putc, &out);
}

MM_NO_SANITIZE static void do_exit(void *arg) {
    struct sim *sim = sim_now;

    (void)arg;
    fflush(stdout);
    sim->live->busy = false;
    if (sim->live->running) {
        live_leave(sim, 0);
    }
    exit(sim->live->exit_code == HW_EXIT_PASS ? 0 : (int)sim->live->exit_code);
}

_Noreturn void hw_exit(enum hw_exit_code code) {
    struct sim *sim = machine();

    sim->live->exit_code = code;
    on_host_stack(sim, do_exit, NULL);
    abort();
}

static void put(void *ctx, char c) {
    (void)ctx;
    hw_putc(c);
}

_Noreturn void hw_panic(const char *what, const char *file, int line) {
    if (sim_now != NULL) {
        fmt_print(put, NULL, "panic: %s (%s:%d)\n", what, file, line);
        hw_exit(HW_EXIT_PANIC);
    }
    fprintf(stderr, "panic: %s (%s:%d)\n", what, file, line);
    exit(HW_EXIT_PANIC);
}

paddr_t hw_read_cr3(void) {
    return machine()->cpu.cr3;
}
vaddr_t hw_read_cr2(void) {
    return machine()->cpu.cr2;
}

static uint64_t operand; /* of the instruction under way */

static void do_write_cr3(void *arg) {
    (void)arg;
    if (!cpu_write_cr3(&sim_now->cpu, paddr(operand))) {
        sim_now->live->busy = false;
        hw_panic("MOV to CR3 raises #GP: a bit beyond MAXPHYADDR is set",
                 __FILE__, __LINE__);
    }
}

void hw_write_cr3(paddr_t root) {
    struct sim *sim = machine();

    operand = root.v;
    on_host_stack(sim, do_write_cr3, NULL);
}

static void do_invlpg(void *arg) {
    (void)arg;
    cpu_invlpg(&sim_now->cpu, vaddr(operand));
}

void hw_invlpg(vaddr_t va) {
    struct sim *sim = machine();

    operand = va.v;
    on_host_stack(sim, do_invlpg, NULL);
}

static void do_flush_all(void *arg) {
    struct sim_cpu *cpu = &sim_now->cpu;
    bool off = cpu_write_cr4(cpu, cpu->cr4 & ~CR4_PGE);
    bool on = cpu_write_cr4(cpu, cpu->cr4 | CR4_PGE);

    (void)arg;
    if (!off || !on) {
        abort(); /* both are legal in every state of ours */
    }
    sim_events_add(&sim_now->events, SIM_EVENT_FLUSH_ALL, 0, 0);
}

void hw_flush_all(void) {
    on_host_stack(machine(), do_flush_all, NULL);
}

bool hw_irq_save(void) {
    struct sim *sim = machine();
    bool were_on = sim->cpu.interrupts;

    sim->cpu.interrupts = false;
    return were_on;
}

void hw_irq_restore(bool were_on) {
    machine()->cpu.interrupts = were_on;
}

void *hw_local(void) {
    return machine()->cpu.local;
}
void hw_set_local(void *local) {
    machine()->cpu.local = local;
}

void hw_load_traps(const struct hw_traps *traps) {
    machine()->cpu.traps = *traps;
}
