/*
 * Power-up, control registers, INVLPG, INVPCID: what each write may do, and
 * which translations each must end.
 *
 * The way into long mode, each step refused when it comes too early:
 *
 *   CR4.PAE --> CR3 --> EFER.LME --> CR0.PG  ==> EFER.LMA, 64-bit code
 *
 * LA57 goes with PAE, before PG.  From then on PG, PAE, LA57 and LME stay: the
 * processor raises #GP(0) for 64-bit code that changes one of them, and so does
 * this one.  It has no legacy paging, so PG without LME is refused as well.
 *
 * Intel SDM vol. 3A, "Control Registers", "IA-32e Mode Operation"; vol. 2,
 * "MOV - Move to/from Control Registers"; AMD APM vol. 2, "Extended Feature
 * Enable Register" (a write that changes LMA is #GP there, ignored by Intel);
 * vol. 3A, "Operations that Invalidate TLBs and Paging-Structure Caches".
 */
#include <string.h>

#include "sim/cpu_inside.h"

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
#define EFER_KNOWN (EFER_SCE | EFER_LME | EFER_LMA)

static const struct tlb_scope everything = { .every_pcid = true,
                                             .globals = true };

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
    cpu->huge_1gib = cpu->has_nx = true;
    cpu->has_smep = cpu->has_smap = cpu->has_keys = true;
    cpu->has_pcid = cpu->has_la57 = true;
    if (!tlb_init(&cpu->tlb, policy, tlb_capacity) ||
        !tlb_init(&cpu->upper, policy, 1)) {
        cpu_destroy(cpu);
        return false;
    }
    cpu->upper.nested = true;
    return true;
}

void cpu_destroy(struct sim_cpu *cpu) {
    tlb_destroy(&cpu->tlb);
    tlb_destroy(&cpu->upper);
}

/* --- what is remembered ------------------------------------------------- */

/** Drop all of @scope, upper entries (which are never global) as well. */
static void forget(struct sim_cpu *cpu, struct tlb_scope scope) {
    tlb_drop_all(&cpu->tlb, scope);
    tlb_drop_all(&cpu->upper, scope);
}

static void forget_everything(struct sim_cpu *cpu) {
    sim_events_add(cpu->events, SIM_EVENT_FLUSH_ALL, 0, 0);
    forget(cpu, everything);
}

void cpu_reset(struct sim_cpu *cpu) {
    cpu->cr0 = CR0_NE | CR0_ET | CR0_PE;
    cpu->cr4 = 0;
    cpu->efer = 0;
    cpu->cr3 = paddr(0);
    cpu->cpl = 0;
    cpu->interrupts = cpu->ac = cpu->stack = false;
    cpu->pkru = 0;
    forget_everything(cpu);
}

/* --- control registers -------------------------------------------------- */

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
    cpu->tlb.generation++;
    if (paging) {
        cpu->efer |= EFER_LMA;
    }
    return true;
}

/*
 * With PCIDs, a load drops what belongs to the new one, or with bit 63 nothing;
 * what belongs to others stays.  Global pages stay: while PGE is 0 there are
 * none.  "MOV to CR3".
 */
bool cpu_write_cr3(struct sim_cpu *cpu, paddr_t value) {
    bool pcids = (cpu->cr4 & CR4_PCIDE) != 0;
    bool keep = pcids && (value.v & CR3_NOFLUSH) != 0;

    if (pcids) {
        value.v &= ~CR3_NOFLUSH;
    }
    if ((value.v & bits_from(cpu->phys_bits)) != 0) {
        return false;
    }
    cpu->cr3 = value;
    cpu->tlb.generation++;
    sim_events_add(cpu->events, SIM_EVENT_CR3, value.v, 0);
    if (!keep) {
        forget(cpu, (struct tlb_scope){ .pcid = cpu_pcid(cpu) });
    }
    return true;
}

static uint64_t cr4_known(const struct sim_cpu *cpu) {
    return CR4_KNOWN | (cpu->has_la57 ? CR4_LA57 : 0) |
           (cpu->has_pcid ? CR4_PCIDE : 0) | (cpu->has_smep ? CR4_SMEP : 0) |
           (cpu->has_smap ? CR4_SMAP : 0) | (cpu->has_keys ? CR4_PKE : 0);
}

/** PAE and LA57 stand while in long mode; PCIDs start there, and from 0. */
static bool cr4_is_legal(const struct sim_cpu *cpu, uint64_t value) {
    uint64_t changed = cpu->cr4 ^ value;
    bool starts_pcids = (changed & value & CR4_PCIDE) != 0;

    if ((value & ~cr4_known(cpu)) != 0) {
        return false;
    }
    if (in_long_mode(cpu) &&
        ((value & CR4_PAE) == 0 || (changed & CR4_LA57) != 0)) {
        return false;
    }
    return !starts_pcids ||
           (in_long_mode(cpu) && (cpu->cr3.v & CR3_PCID_MASK) == 0);
}

/*
 * PGE changed, or PCIDE cleared: everything goes.  SMEP set: all of the current
 * PCID, and global ones too, since the manual does not except them here.
 */
bool cpu_write_cr4(struct sim_cpu *cpu, uint64_t value) {
    uint64_t changed = cpu->cr4 ^ value;

    if (!cr4_is_legal(cpu, value)) {
        return false;
    }
    if ((changed & CR4_PGE) != 0 || (changed & ~value & CR4_PCIDE) != 0) {
        forget_everything(cpu);
    } else if ((changed & value & CR4_SMEP) != 0) {
        forget(cpu,
               (struct tlb_scope){ .pcid = cpu_pcid(cpu), .globals = true });
    }
    cpu->cr4 = value;
    cpu->tlb.generation++;
    return true;
}

bool cpu_write_efer(struct sim_cpu *cpu, uint64_t value) {
    uint64_t known = EFER_KNOWN | (cpu->has_nx ? EFER_NXE : 0);
    uint64_t changed = cpu->efer ^ value;

    if ((value & ~known) != 0 || (changed & EFER_LMA) != 0) {
        return false;
    }
    if ((changed & EFER_LME) != 0 && (cpu->cr0 & CR0_PG) != 0) {
        return false;
    }
    cpu->efer = value;
    cpu->tlb.generation++;
    return true;
}

/* --- invalidations ------------------------------------------------------ */

static bool is_canonical(const struct sim_cpu *cpu, vaddr_t va) {
    struct walk_control control = cpu_control(cpu);

    return walk_is_canonical(&control, va);
}

/** The page under the current PCID or global, and all upper entries of the
 *  current PCID, whatever their addresses. */
void cpu_invlpg(struct sim_cpu *cpu, vaddr_t va) {
    struct tlb_scope here = { .pcid = cpu_pcid(cpu), .globals = true };

    sim_events_add(cpu->events, SIM_EVENT_INVLPG, va.v, 0);
    if (is_canonical(cpu, va)) {
        tlb_drop_page(&cpu->tlb, va, here);
        tlb_drop_all(&cpu->upper, here);
    }
}

/** @return false: the operands raise #GP(0) (or the instruction #UD) */
static bool invpcid_is_legal(const struct sim_cpu *cpu, uint64_t type,
                             uint64_t pcid, vaddr_t va) {
    bool names_pcid = type == INVPCID_ADDRESS || type == INVPCID_CONTEXT;

    if (!cpu->has_pcid || type > INVPCID_ALL_BUT_GLOBAL ||
        pcid > CR3_PCID_MASK) {
        return false;
    }
    if (names_pcid && (cpu->cr4 & CR4_PCIDE) == 0 && pcid != 0) {
        return false;
    }
    return type != INVPCID_ADDRESS || is_canonical(cpu, va);
}

bool cpu_invpcid(struct sim_cpu *cpu, uint64_t type, uint64_t pcid,
                 vaddr_t va) {
    struct tlb_scope scope = { .pcid = (unsigned)pcid };

    if (!invpcid_is_legal(cpu, type, pcid, va)) {
        return false;
    }
    sim_events_add(cpu->events, SIM_EVENT_INVPCID, va.v, type << 32 | pcid);
    if (type == INVPCID_ADDRESS) {
        tlb_drop_page(&cpu->tlb, va, scope);
        tlb_drop_page(&cpu->upper, va, scope);
        return true;
    }
    scope.every_pcid = type != INVPCID_CONTEXT;
    scope.globals = type == INVPCID_ALL;
    forget(cpu, scope);
    return true;
}
