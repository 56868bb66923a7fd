/*
 * The signal handler: from a host fault to a fill, an exception or a halt.
 *
 *   SIGSEGV, address known   a page fault of the machine: translate it
 *   no address, SIGSEGV      #GP: an iretq to complete, a non-canonical
 *                            address or a privileged instruction
 *   no address, SIGBUS       #SS: non-canonical through rsp or rbp
 *   SIGBUS with an address   a physical address past the end of RAM
 *
 * The handler runs on a stack of its own and never touches an address of the
 * machine, so it does not nest; a fault while it runs is its own bug and kills
 * the process in the ordinary way.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/live.h"

#define ERR_WRITE (1 << 1)
#define ERR_FETCH (1 << 4)
#define TRAP_STACK_SEGMENT 12
#define KERNEL_HALF UINT64_C(0x800000000000)

/* Not sanitized: it runs on a stack that the run-time library does not know. */
MM_NO_SANITIZE _Noreturn void live_leave(struct sim *sim, int value) {
    sim->live->busy = false;
    fiber_return(&sim->live->home);
    guest_leave(sim->live->run_rsp, value);
}

/** Where halted code goes on: a host stack, outside the handler. */
MM_NO_SANITIZE static void halted(struct sim *sim) {
    struct sim_live *live = sim->live;

    live->busy = false;
    if (live->running) {
        live_leave(sim, 2);
    }
    fflush(stdout);
    fprintf(stderr, "memtwin: machine stopped: %s\n", live->stop_text);
    exit(SIM_EXIT_STOPPED);
}

void live_halt(struct sim *sim, ucontext_t *context, const char *format, ...) {
    struct sim_live *live = sim->live;
    greg_t *regs = context->uc_mcontext.gregs;
    va_list args;

    va_start(args, format);
    fmt_vformat(live->stop_text, sizeof live->stop_text, format, args);
    va_end(args);
    live->exit_code = HW_EXIT_FAIL;
    regs[REG_RIP] = (greg_t)(uintptr_t)halted;
    regs[REG_RDI] = (greg_t)(uintptr_t)sim;
    regs[REG_RSP] = (greg_t)(uintptr_t)(live->host_stack + LIVE_STACK_SIZE - 8);
}

/** Not ours: let it happen again without us. */
static void give_back(struct sim_live *live) {
    sigaction(SIGSEGV, &live->old_segv, NULL);
    sigaction(SIGBUS, &live->old_bus, NULL);
}

static const char *access_name(enum sim_access access) {
    return access == SIM_WRITE   ? "write to"
           : access == SIM_FETCH ? "fetch from"
                                 : "read of";
}

static void page_fault(struct sim *sim, ucontext_t *context) {
    greg_t *regs = context->uc_mcontext.gregs;
    vaddr_t va = vaddr((uint64_t)regs[REG_CR2]);
    enum sim_access access = (regs[REG_ERR] & ERR_FETCH) != 0   ? SIM_FETCH
                             : (regs[REG_ERR] & ERR_WRITE) != 0 ? SIM_WRITE
                                                                : SIM_READ;
    unsigned long rip = (unsigned long)regs[REG_RIP];
    struct tlb_entry *entry;
    struct sim_fault fault;
    paddr_t pa;

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
    } else if (!live_show(sim, entry, va)) {
        sim_events_add(&sim->events, SIM_EVENT_HOLE, pa.v, 0);
        live_halt(sim, context,
                  "%s 0x%lx at rip 0x%lx: it leads to physical 0x%lx, where "
                  "there is no RAM",
                  access_name(access), va.v, rip, pa.v);
    }
}

static void protection_fault(struct sim *sim, ucontext_t *context) {
    greg_t *regs = context->uc_mcontext.gregs;

    if ((const void *)(uintptr_t)regs[REG_RIP] == sim->cpu.traps.iretq) {
        deliver_iretq(sim, context);
    } else {
        deliver(sim, context, regs[REG_TRAPNO] == TRAP_STACK_SEGMENT ? 12 : 13,
                0, vaddr(0));
    }
}

static void on_signal(int signal, siginfo_t *info, void *raw) {
    struct sim *sim = sim_current();
    ucontext_t *context = raw;
    int saved = errno;

    if (sim == NULL) { /* firmware is at work: no machine yet */
        struct sigaction ordinary = { .sa_handler = SIG_DFL };

        sigaction(signal, &ordinary, NULL);
        return;
    }
    if (sim->live->busy || sim->live->owner != getpid()) {
        give_back(sim->live);
        if (!sim->live->busy) {
            static const char text[] =
                "memtwin: a machine powered on before fork() was used after "
                "it: its RAM is shared, power on in the child\n";
            ssize_t done = write(STDERR_FILENO, text, sizeof text - 1);

            (void)done;
        }
        return;
    }
    sim->live->busy = true;
    if (info->si_code == SI_KERNEL) {
        protection_fault(sim, context);
    } else if (signal == SIGBUS) {
        live_halt(sim, context,
                  "access to 0x%lx at rip 0x%lx leads past the end of RAM",
                  (unsigned long)(uintptr_t)info->si_addr,
                  (unsigned long)context->uc_mcontext.gregs[REG_RIP]);
    } else if (info->si_code == SEGV_MAPERR || info->si_code == SEGV_ACCERR) {
        page_fault(sim, context);
    } else { /* sent by kill() or the like */
        give_back(sim->live);
    }
    sim->live->busy = false;
    errno = saved;
}

static uint8_t *map_stack(size_t size) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static void install(struct sim_live *live) {
    stack_t stack = { .ss_sp = live->signal_stack, .ss_size = LIVE_STACK_SIZE };
    struct sigaction action = { .sa_sigaction = on_signal,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK };

    sigfillset(&action.sa_mask);
    sigaltstack(&stack, &live->old_signal_stack);
    sigaction(SIGSEGV, &action, &live->old_segv);
    sigaction(SIGBUS, &action, &live->old_bus);
    live->handling = true;
}

/** Under valgrind iretq ignores privilege and would never trap. */
static bool iretq_is_native(void) {
    const char *preload = getenv("LD_PRELOAD");

    return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

static void list_windows(struct sim *sim) {
    struct sim_live *live = sim->live;
    const struct sim_config *config = &sim->config;
    uint64_t direct_size = align_down(sim->ram.size + GIB - 1, GIB);

    live->windows[live->window_count++] =
        (struct sim_window){ "direct map",
                             { config->direct_base, direct_size } };
    live->windows[live->window_count++] =
        (struct sim_window){ "stack", { config->stack_base, GIB } };
    for (size_t i = 0; i < config->window_count; i++) {
        live->windows[live->window_count++] = config->windows[i];
    }
}

bool live_start(struct sim *sim, char *why, size_t why_size) {
    struct sim_live *live = calloc(1, sizeof *live);
    uint8_t *fpu = map_stack((size_t)LIVE_FPU_SLOTS * LIVE_FPU_BYTES);

    sim->live = live;
    if (live == NULL || fpu == NULL ||
        (live->signal_stack = map_stack(LIVE_STACK_SIZE)) == NULL ||
        (live->host_stack = map_stack(LIVE_STACK_SIZE)) == NULL) {
        snprintf(why, why_size, "the host has no memory for signal stacks");
        return false;
    }
    for (unsigned i = 0; i < LIVE_FPU_SLOTS; i++) {
        live->fpu[i].bytes = fpu + (size_t)i * LIVE_FPU_BYTES;
    }
    live->owner = getpid();
    live->native_iretq = iretq_is_native();
    list_windows(sim);
    if (!live_reserve(live, why, why_size)) {
        return false;
    }
    install(live);
    sim->cpu.tlb.on_drop = live_hide;
    sim->cpu.tlb.on_drop_ctx = sim;
    return true;
}

void live_stop(struct sim *sim) {
    struct sim_live *live = sim->live;

    if (live == NULL) {
        return;
    }
    sim->cpu.tlb.on_drop = NULL;
    if (live->handling) {
        give_back(live);
        sigaltstack(&live->old_signal_stack, NULL);
    }
    live_release(live);
    if (live->signal_stack != NULL) {
        munmap(live->signal_stack, LIVE_STACK_SIZE);
    }
    if (live->host_stack != NULL) {
        munmap(live->host_stack, LIVE_STACK_SIZE);
    }
    if (live->fpu[0].bytes != NULL) {
        munmap(live->fpu[0].bytes, (size_t)LIVE_FPU_SLOTS * LIVE_FPU_BYTES);
    }
    free(live);
    sim->live = NULL;
}
