/*
 * The signal handler: from a host fault to a fill, an exception or a halt.
 *
 *   SIGSEGV, address known   a page fault of the machine: translate it
 *   SIGSEGV, no address      #GP: an iretq to complete, a non-canonical
 *                            address, or a privileged instruction; after a
 *                            page fault: the host found no room on the stack
 *                            for another signal
 *   SIGBUS, no address       #SS: non-canonical through rsp or rbp
 *   SIGBUS with an address   a physical address past the end of RAM
 *   SIGILL, SIGFPE, SIGTRAP  #UD, #DE, #BP ...: the vector is the host's own
 *   sent by kill(), raise()  not ours: it happens again without us
 *
 * The handler runs on a stack of its own and never touches an address of the
 * machine, so it does not nest; a fault while it runs is its own bug and kills
 * the process in the ordinary way.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/live.h"

#define ERR_WRITE (1 << 1)
#define ERR_FETCH (1 << 4)
#define KERNEL_HALF UINT64_C(0x800000000000)

/* Not sanitized: they run on a stack that the run-time library does not know.
 */
MM_NO_SANITIZE _Noreturn void live_leave(struct sim *sim, int value) {
    sim->live->busy = false;
    fiber_return(&sim->live->home);
    guest_leave(sim->live->run_rsp, value);
}

/** Also where halted code goes on: a host stack, outside the handler. */
MM_NO_SANITIZE _Noreturn void live_stopped(struct sim *sim) {
    struct sim_live *live = sim->live;

    live->busy = false;
    live->exit_code = HW_EXIT_FAIL;
    if (live->running) {
        live_leave(sim, 2);
    }
    fflush(stdout);
    fprintf(stderr, "memtwin: machine stopped: %s\n", live->stop_text);
    exit(SIM_EXIT_STOPPED);
}

/** The interrupted code goes on there; stop_text says why. */
static void go_to_stop(struct sim *sim, ucontext_t *context) {
    greg_t *regs = context->uc_mcontext.gregs;

    regs[REG_RIP] = (greg_t)(uintptr_t)live_stopped;
    regs[REG_RDI] = (greg_t)(uintptr_t)sim;
    regs[REG_RSP] =
        (greg_t)(uintptr_t)(sim->live->host_stack + LIVE_STACK_SIZE - 8);
}

void live_halt(struct sim *sim, ucontext_t *context, const char *format, ...) {
    struct sim_live *live = sim->live;
    va_list args;

    va_start(args, format);
    fmt_vformat(live->stop_text, sizeof live->stop_text, format, args);
    va_end(args);
    go_to_stop(sim, context);
}

_Noreturn void live_refuse_orphan(void) {
    static const char text[] =
        "memtwin: a machine powered on before fork() was used after it: its "
        "RAM is shared with the parent; power one on in the child\n";
    ssize_t done = write(STDERR_FILENO, text, sizeof text - 1);

    (void)done;
    _exit(SIM_EXIT_STOPPED);
}

static const char *access_name(enum sim_access access) {
    return access == SIM_WRITE   ? "write to"
           : access == SIM_FETCH ? "fetch from"
                                 : "read of";
}

/** What the code that faulted was doing.  Valgrind tells no fetches; but who
 *  faults at the address of his own instruction was fetching it. */
static enum sim_access access_of(const greg_t *regs) {
    if ((regs[REG_ERR] & ERR_FETCH) != 0 || regs[REG_CR2] == regs[REG_RIP]) {
        return SIM_FETCH;
    }
    return (regs[REG_ERR] & ERR_WRITE) != 0 ? SIM_WRITE : SIM_READ;
}

/** The access leads to @pa, a hole; a device there is only named. */
static void no_ram(struct sim *sim, ucontext_t *context, enum sim_access access,
                   vaddr_t va, paddr_t pa) {
    const struct ram_device *device = ram_device_at(&sim->ram, pa);

    sim_events_add(&sim->events,
                   device != NULL ? SIM_EVENT_DEVICE : SIM_EVENT_HOLE, pa.v,
                   device != NULL && access_writes(access));
    live_halt(sim, context,
              "%s 0x%lx at rip 0x%lx: it leads to physical 0x%lx, where there "
              "is no RAM%s%s%s",
              access_name(access), va.v,
              (unsigned long)context->uc_mcontext.gregs[REG_RIP], pa.v,
              device != NULL ? " but the device \"" : "",
              device != NULL ? device->name : "",
              device != NULL ? "\", which only the functional machine runs"
                             : "");
}

static void page_fault(struct sim *sim, ucontext_t *context) {
    greg_t *regs = context->uc_mcontext.gregs;
    vaddr_t va = vaddr((uint64_t)regs[REG_CR2]);
    enum sim_access access = access_of(regs);
    unsigned long rip = (unsigned long)regs[REG_RIP];
    struct tlb_entry *entry;
    struct sim_fault fault;
    paddr_t pa;

    sim->live->misses++;
    if (va.v >= KERNEL_HALF) {
        live_halt(sim, context,
                  "%s 0x%lx at rip 0x%lx: a kernel-half address, which no host "
                  "process can map; a base is hard-coded that must come from "
                  "struct hw_boot",
                  access_name(access), va.v, rip);
    } else if (!cpu_translate(&sim->cpu, va, access, &pa, &entry, &fault)) {
        deliver(sim, context, fault.vector, fault.error, fault.address);
    } else if (live_window_at(sim->live, va) == NULL) {
        live_halt(sim, context,
                  "%s 0x%lx at rip 0x%lx: the page tables map it, but it lies "
                  "outside every window reserved on this host",
                  access_name(access), va.v, rip);
    } else {
        if (access == SIM_WRITE) {
            live_open_table(sim, context, va, pa);
        }
        if (!live_show_ahead(sim, entry, va)) {
            no_ram(sim, context, access, va, pa);
        }
    }
}

/** The host's processor raised @vector for reasons that hold for ours too. */
static void same_exception(struct sim *sim, ucontext_t *context,
                           unsigned vector) {
    sim_events_add(&sim->events, SIM_EVENT_FAULT, 0, (uint64_t)vector << 32);
    deliver(sim, context, vector, 0, vaddr(0));
}

/** #GP, #SS or #UD: or what ring 0 may do, and a process may not? */
static void no_address(struct sim *sim, ucontext_t *context, unsigned vector) {
    greg_t *regs = context->uc_mcontext.gregs;
    const void *rip = (const void *)(uintptr_t)regs[REG_RIP];
    const char *privileged;

    if (rip == sim->cpu.traps.iretq) {
        deliver_iretq(sim, context);
        return;
    }
    if (rip == guest_interrupt_at) {
        regs[REG_RIP]++; /* over the hlt */
        deliver_interrupt(sim, context);
        return;
    }
    if (vector == 14) { /* a page fault has an address: the last one's number */
        live_halt(sim, context,
                  "a signal of the host arrived at rip 0x%lx on the simulated "
                  "stack 0x%lx, where it finds no room: its handler needs "
                  "SA_ONSTACK",
                  (unsigned long)regs[REG_RIP], (unsigned long)regs[REG_RSP]);
        return;
    }
    privileged = privileged_name(rip);
    if (privileged != NULL) {
        live_halt(sim, context,
                  "privileged instruction %s at rip 0x%lx: kernel code reaches "
                  "the processor through hw.h alone",
                  privileged, (unsigned long)regs[REG_RIP]);
    } else {
        same_exception(sim, context, vector);
    }
}

static void handle(struct sim *sim, int signal, const siginfo_t *info,
                   ucontext_t *context) {
    const greg_t *regs = context->uc_mcontext.gregs;

    sim->cpu.rip = (uint64_t)regs[REG_RIP];
    if (signal == SIGILL || ((signal == SIGSEGV || signal == SIGBUS) &&
                             info->si_code == SI_KERNEL)) {
        no_address(sim, context,
                   signal == SIGILL ? 6 : (unsigned)regs[REG_TRAPNO]);
    } else if (signal == SIGSEGV) {
        page_fault(sim, context);
    } else if (signal == SIGTRAP && live_close_tables(sim, context)) {
        return; /* behind a store to a table */
    } else if (signal == SIGBUS && info->si_code == BUS_ADRERR) {
        live_halt(sim, context,
                  "access to 0x%lx at rip 0x%lx leads past the end of RAM",
                  (unsigned long)(uintptr_t)info->si_addr,
                  (unsigned long)regs[REG_RIP]);
    } else {
        same_exception(sim, context, (unsigned)regs[REG_TRAPNO]);
    }
}

/** Not ours: let it happen again without us. */
static void pass_on(struct sim *sim, int signal, const siginfo_t *info) {
    if (sim == NULL) { /* firmware is at work: no machine yet */
        struct sigaction ordinary = { .sa_handler = SIG_DFL };

        sigaction(signal, &ordinary, NULL);
    } else {
        live_give_back(sim->live);
    }
    if (info->si_code <= 0) { /* a sent one would not come again by itself */
        raise(signal);
    }
}

void live_on_signal(int signal, siginfo_t *info, void *raw) {
    struct sim *sim = sim_current();
    int saved = errno;

    if (sim == NULL || sim->live->busy || info->si_code <= 0) {
        pass_on(sim, signal, info);
    } else if (sim->live->orphaned) {
        live_refuse_orphan();
    } else {
        sim->live->busy = true;
        handle(sim, signal, info, raw);
        if (live_budget_is_over(sim)) {
            go_to_stop(sim, raw);
        }
        sim->live->busy = false;
    }
    errno = saved;
}
