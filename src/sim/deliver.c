/*
 * Exceptions enter as on the hardware, and iretq ends them.
 *
 *   interrupted RSP --> [ ...      ]
 *   aligned to 16       [ SS       ]
 *                       [ RSP      ]
 *                       [ RFLAGS   ]   each word stored through the emulated
 *                       [ CS       ]   MMU when the stack lies in simulated
 *                       [ RIP      ]   memory: a stack in a guard page fails
 *   RSP in the stub --> [ error    ]   and becomes #DF, that failing: triple
 *
 * Selectors are the kernel's (0x08, 0x10), so frames look as on bare metal;
 * iretq to them is privileged on the host, traps, and is completed here.
 * Intel SDM vol. 3A, "64-Bit Mode Stack Frame", "Interrupt 8".
 */
#include <string.h>

#include "base/poison.h"
#include "sim/live.h"

#define KERNEL_CS 0x08
#define KERNEL_SS 0x10
#define FLAG_ALWAYS (INT64_C(1) << 1)
#define FLAG_TRAP (INT64_C(1) << 8)
#define FLAG_INTERRUPT (INT64_C(1) << 9)
#define FLAG_RESUME (INT64_C(1) << 16)

/* glibc: struct _fpx_sw_bytes in the reserved tail of the FXSAVE area. */
#define FPU_MAGIC_AT 464
#define FPU_MAGIC 0x46505853u
#define FPU_FXSAVE_BYTES 512

/** Ordinary memory, which the page tables know nothing of? */
static bool is_host_stack(const struct sim_live *live, uint64_t at) {
    return vrange_holds(live->thread_stack, vaddr(at)) ||
           range_holds((uint64_t)(uintptr_t)live->host_stack, LIVE_STACK_SIZE,
                       at);
}

/** Host code interrupted on the host's stack may use the red zone; so may a
 *  sanitizer's run-time on any stack. */
static uint64_t below_red_zone(const struct sim_live *live, uint64_t rsp) {
#ifdef MM_ASAN
    (void)live;
    return rsp - 128;
#else
    return is_host_stack(live, rsp) ? rsp - 128 : rsp;
#endif
}

static bool load(struct sim *sim, uint64_t at, uint64_t *value,
                 struct sim_fault *fault) {
    if (is_host_stack(sim->live, at)) {
        memcpy(value, pointer_of(vaddr(at)), sizeof *value);
        return true;
    }
    return cpu_load(&sim->cpu, vaddr(at), 8, value, fault);
}

static bool store(struct sim *sim, uint64_t at, uint64_t value,
                  struct sim_fault *fault) {
    if (is_host_stack(sim->live, at)) {
        memcpy(pointer_of(vaddr(at)), &value, sizeof value);
        return true;
    }
    return cpu_store(&sim->cpu, vaddr(at), 8, value, fault);
}

static size_t fpu_size(const void *area) {
    uint32_t magic, size;

    memcpy(&magic, (const uint8_t *)area + FPU_MAGIC_AT, sizeof magic);
    memcpy(&size, (const uint8_t *)area + FPU_MAGIC_AT + 4, sizeof size);
    return magic == FPU_MAGIC && size <= LIVE_FPU_BYTES ? size
                                                        : FPU_FXSAVE_BYTES;
}

/** Frames that lie below a new one on the same stack were given up (longjmp(),
 *  trap_try()): nobody returns through them. */
static void fpu_forget_below(struct sim_live *live, uint64_t frame) {
    while (live->fpu_count > 0) {
        uint64_t last = live->fpu[live->fpu_count - 1].frame;

        if (last > frame || frame - last >= LIVE_STACK_SIZE) {
            return;
        }
        live->fpu_count--;
    }
}

/** @return false: too many traps are under way */
static bool fpu_save(struct sim_live *live, const ucontext_t *context,
                     uint64_t frame) {
    const void *area = context->uc_mcontext.fpregs;
    struct live_fpu *slot;

    fpu_forget_below(live, frame);
    if (live->fpu_count == LIVE_FPU_SLOTS) {
        return false;
    }
    slot = &live->fpu[live->fpu_count++];
    slot->frame = frame;
    slot->size = area != NULL ? fpu_size(area) : 0;
    memcpy(slot->bytes, area, slot->size);
    return true;
}

static void fpu_restore(struct sim_live *live, ucontext_t *context,
                        uint64_t frame) {
    for (unsigned i = live->fpu_count; i-- > 0;) {
        if (live->fpu[i].frame == frame) {
            memcpy(context->uc_mcontext.fpregs, live->fpu[i].bytes,
                   live->fpu[i].size);
            live->fpu_count = i; /* newer ones were given up */
            return;
        }
    }
}

static bool has_error_code(unsigned vector) {
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

/** @return false: a store faulted, *@fault says why; nothing else changed */
static bool push_frame(struct sim *sim, ucontext_t *context, unsigned vector,
                       uint32_t error, uint64_t *rsp, struct sim_fault *fault) {
    greg_t *regs = context->uc_mcontext.gregs;
    uint64_t selectors = (uint64_t)regs[REG_CSGSFS]; /* cs, .., .., ss */
    bool native = sim->live->native_iretq;
    greg_t flags = (regs[REG_EFL] & ~(FLAG_INTERRUPT | FLAG_TRAP)) |
                   (sim->cpu.interrupts || native ? FLAG_INTERRUPT : 0) |
                   FLAG_ALWAYS;
    uint64_t words[6] = {
        native ? selectors >> 48 : KERNEL_SS,
        (uint64_t)regs[REG_RSP],
        (uint64_t)flags,
        native ? selectors & 0xffff : KERNEL_CS,
        (uint64_t)regs[REG_RIP],
        error,
    };
    unsigned count = has_error_code(vector) ? 6 : 5;
    uint64_t at = align_down(*rsp, 16);

    for (unsigned i = 0; i < count; i++) {
        at -= 8;
        if (!store(sim, at, words[i], fault)) {
            return false;
        }
    }
    *rsp = at;
    return true;
}

static void enter(struct sim *sim, ucontext_t *context, unsigned vector,
                  uint64_t rsp) {
    greg_t *regs = context->uc_mcontext.gregs;

    if (!fpu_save(sim->live, context, rsp + (has_error_code(vector) ? 8 : 0))) {
        live_halt(sim, context,
                  "more than %d traps are nested at rip 0x%lx: each was taken "
                  "before the one outside it was repaired",
                  LIVE_FPU_SLOTS, (unsigned long)regs[REG_RIP]);
        return;
    }
    regs[REG_RSP] = (greg_t)rsp;
    regs[REG_RIP] = (greg_t)(uintptr_t)sim->cpu.traps.gates[vector].entry;
    regs[REG_EFL] &= ~(FLAG_TRAP | FLAG_RESUME); /* sigreturn keeps NT */
    sim->cpu.interrupts = false;
}

void deliver(struct sim *sim, ucontext_t *context, unsigned vector,
             uint32_t error, vaddr_t cr2) {
    const struct hw_traps *traps = &sim->cpu.traps;
    uint64_t rip = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
    struct sim_fault fault;

    (void)live_close_tables(sim, context);
    if (vector == 14) {
        sim->cpu.cr2 = cr2;
    }
    if (vector >= traps->count) {
        live_halt(sim, context,
                  "exception %u (error 0x%x, address 0x%lx) at rip 0x%lx, but "
                  "the kernel has loaded no gate for it yet",
                  vector, error, cr2.v, rip);
        return;
    }
    for (;;) {
        unsigned ist = traps->gates[vector].ist;
        uint64_t rsp =
            ist != 0
                ? traps->ist_top[ist - 1].v
                : below_red_zone(sim->live,
                                 (uint64_t)context->uc_mcontext.gregs[REG_RSP]);

        if (push_frame(sim, context, vector, error, &rsp, &fault)) {
            enter(sim, context, vector, rsp);
            return;
        }
        if (vector == 8) {
            live_halt(sim, context,
                      "triple fault: the frame of a double fault can't be "
                      "pushed at 0x%lx (address 0x%lx faults); first cause at "
                      "rip 0x%lx, rsp 0x%lx",
                      rsp, fault.address.v, rip,
                      (uint64_t)context->uc_mcontext.gregs[REG_RSP]);
            return;
        }
        sim_events_add(&sim->events, SIM_EVENT_FAULT, fault.address.v,
                       UINT64_C(8) << 32);
        vector = 8;
        error = 0;
    }
}

void deliver_interrupt(struct sim *sim, ucontext_t *context) {
    unsigned vector = cpu_take_interrupt(&sim->cpu);

    sim->cpu.interrupts = true; /* what the frame shows; off at the gate */
    deliver(sim, context, vector, 0, vaddr(0));
}

void deliver_iretq(struct sim *sim, ucontext_t *context) {
    greg_t *regs = context->uc_mcontext.gregs;
    uint64_t rsp = (uint64_t)regs[REG_RSP];
    uint64_t words[5]; /* rip, cs, rflags, rsp, ss */
    struct sim_fault fault;

    for (unsigned i = 0; i < 5; i++) {
        if (!load(sim, rsp + 8 * i, &words[i], &fault)) {
            deliver(sim, context, fault.vector, fault.error, fault.address);
            return;
        }
    }
    if (words[1] != KERNEL_CS || words[4] != KERNEL_SS) {
        live_halt(sim, context,
                  "iretq to cs 0x%lx, ss 0x%lx: the kernel's are 0x%x and "
                  "0x%x; the frame at 0x%lx is damaged",
                  words[1], words[4], KERNEL_CS, KERNEL_SS, rsp);
        return;
    }
    fpu_restore(sim->live, context, rsp);
    regs[REG_RIP] = (greg_t)words[0];
    regs[REG_RSP] = (greg_t)words[3];
    regs[REG_EFL] =
        ((greg_t)words[2] | FLAG_INTERRUPT | FLAG_ALWAYS) & ~FLAG_TRAP;
    sim->cpu.interrupts = ((greg_t)words[2] & FLAG_INTERRUPT) != 0;
}
