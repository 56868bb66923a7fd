/*
 * hw.h on the simulated machine.
 *
 * Calls that change what the processor remembers run on a host stack: the
 * caller's own stack may be a page whose translation is being dropped, and a
 * fill in the middle of a flush would change the TLB under the flush.
 *
 * Where there are several processors another one may act before a flush, and
 * when interrupts are switched on: sim_point().
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

void sim_controls_changed(struct sim *sim) {
    live_hide_all(sim);
}

static struct sim *machine(void) {
    if (sim_now == NULL) {
        fprintf(stderr, "memtwin: hw.h was used, but no machine is on\n");
        abort();
    }
    if (sim_now->live->orphaned) {
        live_refuse_orphan();
    }
    return sim_now;
}

/** @fn at work, and a fault meanwhile is the simulator's own bug. */
static void run_call(struct sim *sim, guest_call *fn, uint64_t operand) {
    sim->live->busy = true;
    fn(sim, operand);
    sim->live->busy = false;
    if (live_budget_is_over(sim)) {
        live_stopped(sim);
    }
}

void live_call(guest_call *fn, uint64_t operand) {
    struct sim *sim = machine();
    uint64_t rsp = (uint64_t)(uintptr_t)__builtin_frame_address(0);

    if (live_window_at(sim->live, vaddr(rsp)) != NULL) {
        guest_call_on(
            (uint64_t)(uintptr_t)(sim->live->host_stack + LIVE_STACK_SIZE),
            run_call, sim, fn, operand);
    } else {
        run_call(sim, fn, operand);
    }
}

static void do_putc(struct sim *sim, uint64_t operand) {
    if (sim->config.putc != NULL) {
        sim->config.putc(sim->config.putc_ctx, (char)operand);
    } else {
        putchar((int)operand);
    }
}

void hw_putc(char c) {
    live_call(do_putc, (uint8_t)c);
}

MM_NO_SANITIZE static void do_exit(struct sim *sim, uint64_t code) {
    sim->live->exit_code = (enum hw_exit_code)code;
    fflush(stdout);
    sim->live->busy = false;
    if (sim->live->running) {
        live_leave(sim, 0);
    }
    exit(code == HW_EXIT_PASS ? 0 : (int)code);
}

_Noreturn void hw_exit(enum hw_exit_code code) {
    live_call(do_exit, code);
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
    return paddr(machine()->cpu.cr3.v & PTE_ADDRESS_MASK);
}
vaddr_t hw_read_cr2(void) {
    return machine()->cpu.cr2;
}

static void do_write_cr3(struct sim *sim, uint64_t root) {
    if (!cpu_write_cr3(&sim->cpu, paddr(root))) {
        sim->live->busy = false;
        hw_panic("MOV to CR3 raises #GP: a bit beyond MAXPHYADDR is set",
                 __FILE__, __LINE__);
    }
    if ((sim->cpu.cr4 & CR4_PCIDE) != 0) {
        live_hide_all(sim); /* other tags stay remembered, but not in force */
    }
}

void hw_write_cr3(paddr_t root) {
    sim_point(machine());
    live_call(do_write_cr3, root.v);
}

static void do_invlpg(struct sim *sim, uint64_t va) {
    cpu_invlpg(&sim->cpu, vaddr(va));
}

void hw_invlpg(vaddr_t va) {
    sim_point(machine());
    live_call(do_invlpg, va.v);
}

static void do_flush_all(struct sim *sim, uint64_t unused) {
    bool off = cpu_write_cr4(&sim->cpu, sim->cpu.cr4 & ~CR4_PGE);
    bool on = cpu_write_cr4(&sim->cpu, sim->cpu.cr4 | CR4_PGE);

    (void)unused;
    if (!off || !on) {
        abort(); /* both are legal in every state of ours */
    }
}

void hw_flush_all(void) {
    sim_point(machine());
    live_call(do_flush_all, 0);
}

bool hw_irq_save(void) {
    struct sim *sim = machine();
    bool were_on;

    live_interrupt(sim, true);
    were_on = sim->cpu.interrupts;
    sim->cpu.interrupts = false;
    return were_on;
}

void hw_irq_restore(bool were_on) {
    struct sim *sim = machine();

    if (were_on) {
        sim->cpu.interrupts = true;
        sim_point(sim);
    }
    live_interrupt(sim, true);
}

unsigned hw_cpu(void) {
    return machine()->cpu.number;
}

void hw_pause(void) {
    sim_pause(machine());
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
