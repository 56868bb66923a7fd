/**
 * @file cpu.h
 * The simulated processor: control registers, TLB, loads, stores, fetches.
 *
 * This is the functional machine: plain C, any POSIX host.  Every access is a
 * call; a failed one is a value that says which exception the processor would
 * raise.  The live machine (live.h) puts host mappings in front of the same
 * cpu_translate().
 */
#ifndef SIM_CPU_H
#define SIM_CPU_H

#include "hw/hw.h"
#include "sim/events.h"
#include "sim/ram.h"
#include "sim/tlb.h"
#include "sim/walk.h"

#define CR0_WP (UINT64_C(1) << 16)
#define CR0_PE (UINT64_C(1) << 0)
#define CR0_PG (UINT64_C(1) << 31)
#define CR4_PAE (UINT64_C(1) << 5)
#define CR4_PGE (UINT64_C(1) << 7)
#define EFER_LME (UINT64_C(1) << 8)
#define EFER_LMA (UINT64_C(1) << 10)
#define EFER_NXE (UINT64_C(1) << 11)

#define CPU_PHYS_BITS 46 /* MAXPHYADDR after cpu_init() */

struct sim_cpu {
    struct sim_ram *ram;
    struct sim_events *events;
    struct tlb tlb;

    uint64_t cr0, cr4, efer;
    paddr_t cr3;
    vaddr_t cr2;
    unsigned cpl;    /* 0 or 3 */
    bool interrupts; /* RFLAGS.IF */
    unsigned phys_bits;
    bool huge_1gib;

    struct hw_traps traps; /* IDT and TSS; gates NULL until loaded */
    void *local;           /* GS base */
};

/** An exception instead of a result. */
struct sim_fault {
    uint8_t vector; /* 13 or 14 */
    uint32_t error;
    vaddr_t address; /* first byte in the page at fault; CR2 when vector 14 */
    struct walk_result walk; /* the walk that decided */
    bool stale; /* decided by a remembered translation; the walk has no steps */
};

/** After power-up and a boot loader: long mode, paging on, WP, PGE, NXE. */
bool cpu_init(struct sim_cpu *cpu, struct sim_ram *ram,
              struct sim_events *events, enum tlb_policy policy,
              unsigned tlb_capacity);
void cpu_destroy(struct sim_cpu *cpu);

/** Control registers.  @return false: the processor would raise #GP(0) (a
 *  reserved bit, PG without PAE, LMA changed ...); then nothing changed.  Bits
 *  of features that this processor lacks are reserved; cpu_control.c lists what
 *  it has.  Toggling CR4.PGE drops every translation; changing WP or NXE drops
 *  none, since rights are judged at each access. */
bool cpu_write_cr0(struct sim_cpu *cpu, uint64_t value);
bool cpu_write_cr3(struct sim_cpu *cpu, paddr_t value);
bool cpu_write_cr4(struct sim_cpu *cpu, uint64_t value);
bool cpu_write_efer(struct sim_cpu *cpu, uint64_t value);
void cpu_invlpg(struct sim_cpu *cpu, vaddr_t va);

/** The controls that a walk sees now. */
struct walk_control cpu_control(const struct sim_cpu *cpu);

/**
 * Translate one byte for @access at the current CPL: TLB, else walk; sets A
 * and D in memory; remembers the translation.
 *
 * @pa     physical byte, when true
 * @entry  the remembered translation, when true; may be NULL
 * @fault  when false
 *
 * A write through a clean translation walks again, to set D.  When a
 * remembered translation denies, TLB_LRU walks again and believes the tables;
 * TLB_HOSTILE faults at once.  Either way a fault drops it, so that the retry
 * sees the tables.  An entry that only turns dirty stays where it is, and the
 * TLB's drop call-back is not told.
 */
bool cpu_translate(struct sim_cpu *cpu, vaddr_t va, enum sim_access access,
                   paddr_t *pa, struct tlb_entry **entry,
                   struct sim_fault *fault);

/** 1 to 8 bytes at any address, also across a page boundary; a store that
 *  faults on its second page has stored nothing, and set neither A nor D. */
bool cpu_load(struct sim_cpu *cpu, vaddr_t va, unsigned bytes, uint64_t *value,
              struct sim_fault *fault);
bool cpu_store(struct sim_cpu *cpu, vaddr_t va, unsigned bytes, uint64_t value,
               struct sim_fault *fault);
/** Would an instruction byte at @va be fetched? */
bool cpu_fetch(struct sim_cpu *cpu, vaddr_t va, uint8_t *value,
               struct sim_fault *fault);

#endif
