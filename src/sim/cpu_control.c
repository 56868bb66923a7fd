/*
 * Power-up, control registers, INVLPG.
 *
 * The way into long mode, each step refused when it comes too early:
 *
 *   CR4.PAE --> CR3 --> EFER.LME --> CR0.PG  ==> EFER.LMA, 64-bit code
 *
 * From then on PG, PAE and LME stay as they are: the processor raises #GP(0)
 * for 64-bit code that changes one of them, and so does this one.  It has no
 * legacy paging, so PG without LME is refused as well.
 *
 * Intel SDM vol. 3A, "Control Registers", "IA-32e Mode Operation"; vol. 2,
 * "MOV - Move to/from Control Registers"; AMD APM vol. 2, "Extended Feature
 * Enable Register" (a write that changes LMA is #GP there, ignored by Intel).
 */
#include <string.h>

#include "sim/cpu.h"

/* Features that the simulated processor has; a bit of any other is reserved. */
#define CR0_MP (UINT64_C(1) << 1)
#define CR0_EM (UINT64_C(1) << 2)
#define CR0_TS (UINT64_C(1) << 3)
#define CR0_ET (UINT64_C(1) << 4) /* always 1 */
#define CR0_NE (UINT64_C(1) << 5)
#define CR0_AM (UINT64_C(1) << 18)
#define CR0_NW (UINT64_C(1) << 29)
#define CR0_CD (UINT64_C(1) << 30)
#define CR0_KNOWN                                                              \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM |   \
     CR0_NW | CR0_CD | CR0_PG)
#define CR4_KNOWN UINT64_C(0x7ff) /* VME .. OSXMMEXCPT */
#define EFER_SCE (UINT64_C(1) << 0)
#define EFER_KNOWN (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)

/** Bits @low .. 63. */
static uint64_t bits_from(unsigned low) {
    return ~UINT64_C(0) << low;
}

bool cpu_init(struct sim_cpu *cpu, struct sim_ram *ram,
              struct sim_events *events, enum tlb_policy policy,
              unsigned tlb_capacity) {
    memset(cpu, 0, sizeof(*cpu));
    cpu->ram = ram;
    cpu->events = events;
    cpu->cr0 = CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_PE;
    cpu->cr4 = CR4_PAE | CR4_PGE;
    cpu->efer = EFER_LME | EFER_LMA | EFER_NXE;
    cpu->phys_bits = CPU_PHYS_BITS;
    cpu->huge_1gib = true;
    return tlb_init(&cpu->tlb, policy, tlb_capacity);
}

void cpu_destroy(struct sim_cpu *cpu) {
    tlb_destroy(&cpu->tlb);
}

/** 64-bit code is running: it cannot leave long mode. */
static bool in_long_mode(const struct sim_cpu *cpu) {
    return (cpu->efer & EFER_LMA) != 0;
}

bool cpu_write_cr0(struct sim_cpu *cpu, uint64_t value) {
    bool paging = (value & CR0_PG) != 0;

    if ((value & bits_from(32)) != 0 ||
        ((value & CR0_NW) != 0 && (value & CR0_CD) == 0)) {
        return false;
    }
    if (paging && ((value & CR0_PE) == 0 || (cpu->cr4 & CR4_PAE) == 0 ||
                   (cpu->efer & EFER_LME) == 0)) {
        return false;
    }
    if (!paging && in_long_mode(cpu)) {
        return false;
    }
    cpu->cr0 = (value & CR0_KNOWN) | CR0_ET;
    if (paging) {
        cpu->efer |= EFER_LMA;
    }
    return true;
}

bool cpu_write_cr3(struct sim_cpu *cpu, paddr_t value) {
    if ((value.v & bits_from(cpu->phys_bits)) != 0) {
        return false;
    }
    cpu->cr3 = value;
    sim_events_add(cpu->events, SIM_EVENT_CR3, value.v, 0);
    tlb_drop_all(&cpu->tlb, (cpu->cr4 & CR4_PGE) != 0);
    return true;
}

bool cpu_write_cr4(struct sim_cpu *cpu, uint64_t value) {
    uint64_t changed = cpu->cr4 ^ value;

    if ((value & ~CR4_KNOWN) != 0 ||
        (in_long_mode(cpu) && (value & CR4_PAE) == 0)) {
        return false;
    }
    cpu->cr4 = value;
    if ((changed & CR4_PGE) != 0) {
        sim_events_add(cpu->events, SIM_EVENT_FLUSH_ALL, 0, 0);
        tlb_drop_all(&cpu->tlb, false);
    }
    return true;
}

bool cpu_write_efer(struct sim_cpu *cpu, uint64_t value) {
    uint64_t changed = cpu->efer ^ value;

    if ((value & ~EFER_KNOWN) != 0 || (changed & EFER_LMA) != 0) {
        return false;
    }
    if ((changed & EFER_LME) != 0 && (cpu->cr0 & CR0_PG) != 0) {
        return false;
    }
    cpu->efer = value;
    return true;
}

void cpu_invlpg(struct sim_cpu *cpu, vaddr_t va) {
    sim_events_add(cpu->events, SIM_EVENT_INVLPG, va.v, 0);
    if (vaddr_is_canonical(va)) {
        tlb_drop_page(&cpu->tlb, va);
    }
}
