/**
 * @file cpu.h
 * The simulated processor: control registers, TLB, loads, stores, fetches.
 *
 * This is the functional machine, and the one header that a program needs to
 * use it: plain C11, any POSIX host, no kernel.  Every access is a call; a
 * failed one is a value that says which exception the processor would raise.
 * The live machine (live.h) puts host mappings in front of the same
 * cpu_translate().
 *
 *   memory       ram_init(), ram_load(), ram_store()      ram.h
 *   processor    cpu_init(), cpu_write_cr3() ...          here
 *   accesses     cpu_load(), cpu_store(), cpu_rmw(), cpu_fetch()
 *   flushes      cpu_invlpg(), cpu_invpcid(), cpu_write_cr3()
 *   the walk     walk(ram, &control, ...)                 walk.h
 *
 * Units: virtual (vaddr_t) and physical (paddr_t) addresses count bytes; sizes
 * are in bytes, 1 to 8; *_bits and *_shift count bits.  Memory is
 * little-endian.  An example: doc/simulator.md, "In a program of your own".
 */
#ifndef SIM_CPU_H
#define SIM_CPU_H

#include <string.h>

#include "hw/hw.h"
#include "sim/events.h"
#include "sim/inject.h"
#include "sim/ram.h"
#include "sim/tlb.h"
#include "sim/walk.h"
#include "sim/writes.h"

#define CR0_PE (UINT64_C(1) << 0)
#define CR0_WP (UINT64_C(1) << 16)
#define CR0_PG (UINT64_C(1) << 31)
#define CR3_PCID_MASK UINT64_C(0xfff)
#define CR3_NOFLUSH (UINT64_C(1) << 63) /* MOV to CR3 while PCIDE is 1 */
#define CR4_PAE (UINT64_C(1) << 5)
#define CR4_PGE (UINT64_C(1) << 7)
#define CR4_LA57 (UINT64_C(1) << 12)
#define CR4_PCIDE (UINT64_C(1) << 17)
#define CR4_SMEP (UINT64_C(1) << 20)
#define CR4_SMAP (UINT64_C(1) << 21)
#define CR4_PKE (UINT64_C(1) << 22)
#define EFER_LME (UINT64_C(1) << 8)
#define EFER_LMA (UINT64_C(1) << 10)
#define EFER_NXE (UINT64_C(1) << 11)

#define CPU_PHYS_BITS 46 /* MAXPHYADDR after cpu_init() */

/** Hits of loads and stores by host address, while nothing changed: a cache of
 *  the TLB and of the mode, as cpu_access.c tells.  Never the truth: who puts
 *  other arrays into the TLB, or other memory into the RAM, adds one to
 *  tlb.generation. */
#define CPU_FRONT_LINES 1024 /* a power of two */
struct cpu_line {
    uint64_t last;       /* byte of the page; 0: no line */
    uint64_t generation; /* of the TLB when it was noted */
    uint8_t *bytes;      /* of the page, on the host */
    struct tlb_entry *entry;
};
struct cpu_front {
    /* The mode that lines were noted in; with another they count for nothing.
     */
    unsigned cpl;
    uint32_t pkru;
    bool ac;
    struct cpu_line lines[2][CPU_FRONT_LINES]; /* for loads, for stores */
};

struct sim_cpu {
    struct sim_ram *ram;
    struct sim_events *events;
    struct tlb tlb;
    struct tlb upper; /* remembered upper entries; in use with TLB_HOSTILE */

    /* Read at will; written by the calls below, which know what is legal. */
    uint64_t cr0, cr4, efer;
    paddr_t cr3; /* with PCIDE, bits 11:0 are the PCID */

    /* To be set at will: obeyed from the next access on. */
    vaddr_t cr2;
    unsigned cpl;    /* 0 .. 3; only 3 is user mode */
    bool interrupts; /* RFLAGS.IF */
    bool ac;         /* RFLAGS.AC */
    bool stack;      /* loads and stores go through SS */
    uint32_t pkru;   /* two bits for each of 16 keys */

    /* What the processor has.  To be set between cpu_init() or cpu_reset() and
     * the first access. */
    unsigned phys_bits; /* MAXPHYADDR, 36 .. 52 */
    bool huge_1gib, has_nx, has_smep, has_smap, has_keys, has_pcid, has_la57;
    bool amd; /* bit 8 of upper entries is reserved; Intel ignores it */

    struct hw_traps traps; /* IDT and TSS; gates NULL until loaded */
    uint64_t pending[4];   /* interrupt requests, a bit per vector */
    void *local;           /* GS base */

    bool report_stale; /* cpu_report_stale() */

    struct table_writes *writes; /* cpu_record_writes(); NULL: not recorded */
    struct injection *injection; /* cpu_inject(); NULL: nothing */
    unsigned number;             /* of this processor, in records */
    /** Of the instruction under way, in records; to be set at will.  0: the
     *  call of cpu_store() or cpu_rmw() stands for the instruction. */
    uint64_t rip;
    struct cpu_front front;
};

/** An exception instead of a result. */
struct sim_fault {
    uint8_t vector;  /* 12, 13 or 14 */
    uint32_t error;  /* PF_ bits (hw/paging.h); 0 for vectors 12 and 13 */
    vaddr_t address; /* first byte in the page at fault; CR2 when vector 14 */
    struct walk_result walk; /* the walk that decided */
    bool stale; /* decided by a remembered translation; the walk has no steps */
};

/** After power-up and a boot loader: long mode, paging on, WP, PGE, NXE; every
 *  feature present but LA57 off, Intel's rules; CR3 is 0, CPL 0.
 *
 *  @cpu           holds nothing yet; whatever its bytes are
 *  @ram           laid out by ram_init()
 *  @events        all zero, or in use by other processors of this machine
 *  @tlb_capacity  entries, 1 to TLB_CAPACITY_MAX; 0 counts as 1, and
 *                 TLB_HOSTILE and TLB_NONE do not ask
 *  @return false when the host has no memory for the TLB */
bool cpu_init(struct sim_cpu *cpu, struct sim_ram *ram,
              struct sim_events *events, enum tlb_policy policy,
              unsigned tlb_capacity);
void cpu_destroy(struct sim_cpu *cpu);
/** Back into protected mode with paging off and nothing remembered, where
 *  features may be changed and LA57 may be set.  Features stay as they are.
 *  The next access comes after CR0.PG is set again: there is no model of
 *  paging that is off. */
void cpu_reset(struct sim_cpu *cpu);

/** Control registers.  @return false: the processor would raise #GP(0) (a
 *  reserved bit, PG without PAE, LMA changed ...); then nothing changed.  Bits
 *  of features that this processor lacks are reserved; cpu_control.c lists what
 *  it has, and what each write invalidates.  Rights are judged at each access,
 *  so changing WP, SMAP, PKE or NXE drops nothing.  The privilege level is not
 *  asked: this is the machine's hand, not an instruction of a program. */
bool cpu_write_cr0(struct sim_cpu *cpu, uint64_t value);
/** Root in bits 51:12, PCID in bits 11:0 (PCIDE) and CR3_NOFLUSH. */
bool cpu_write_cr3(struct sim_cpu *cpu, paddr_t value);
bool cpu_write_cr4(struct sim_cpu *cpu, uint64_t value);
bool cpu_write_efer(struct sim_cpu *cpu, uint64_t value);

void cpu_invlpg(struct sim_cpu *cpu, vaddr_t va);

enum invpcid_type {
    INVPCID_ADDRESS,       /* @va under @pcid, but not when global */
    INVPCID_CONTEXT,       /* all of @pcid but global ones */
    INVPCID_ALL,           /* everything */
    INVPCID_ALL_BUT_GLOBAL /* of every PCID */
};
/** @return false: #GP(0) (or #UD: the processor has no PCIDs), nothing done */
bool cpu_invpcid(struct sim_cpu *cpu, uint64_t type, uint64_t pcid, vaddr_t va);

/** Request interrupt @vector (0 .. 255).  One that is pending already is the
 *  same one.  Intel SDM vol. 3A, "Interrupt Acceptance for Fixed Interrupts".
 */
void cpu_interrupt(struct sim_cpu *cpu, unsigned vector);
/** Is one pending?  And are interrupts on, so that it can be taken? */
bool cpu_is_called(const struct sim_cpu *cpu);
bool cpu_is_interrupted(const struct sim_cpu *cpu);
/** Take the highest pending vector, which there is: it is pending no more, and
 *  interrupts are off. */
unsigned cpu_take_interrupt(struct sim_cpu *cpu);

/** The controls that a walk sees now. */
struct walk_control cpu_control(const struct sim_cpu *cpu);
/** The PCID in force; 0 while CR4.PCIDE is 0. */
unsigned cpu_pcid(const struct sim_cpu *cpu);

/**
 * Record every access whose result depended on a stale translation, as
 * SIM_EVENT_STALE and struct sim_stale.  Costs a walk for each use of what is
 * remembered.  Translations from before are reported without their entry.
 * In the live machine hits are native and unseen, so there only misses are.
 * @return false when the host has no memory to remember origins
 */
bool cpu_report_stale(struct sim_cpu *cpu);

/** Record every store from now on, and every entry that a walk finds changed
 *  (SIM_EVENT_CHANGE), in @writes; NULL: no longer.  Stores by host address
 *  (hits of the front) are slow meanwhile. */
void cpu_record_writes(struct sim_cpu *cpu, struct table_writes *writes);

/** @frames went back to the kernel's frame allocator: report every translation
 *  and every upper entry that still leads to them, as SIM_EVENT_STALE with
 *  STALE_FREED; but not the pages of @except, which the kernel keeps mapped for
 *  good (its direct map).  Cost: the TLB's entries. */
void cpu_frames_freed(struct sim_cpu *cpu, struct prange frames,
                      struct vrange except);

/** List what @cpu remembers, oldest use first, up to @max in @out.
 *  @return how many there are */
unsigned cpu_remembered(struct sim_cpu *cpu, struct hw_remembered *out,
                        unsigned max);

/** Let @injection (INJECT_FLIP, INJECT_SPURIOUS) happen; occasions count from
 *  now.  NULL: nothing any more. */
void cpu_inject(struct sim_cpu *cpu, struct injection *injection);

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

/**
 * What a processor may do unasked: remember the 4 KiB page at @va, if the
 * tables have it with A set on every level, so that nothing in memory changes.
 * Nothing happens where that is not so, where something is remembered of @va
 * already, and where the page is no RAM.  A page whose D is clear is remembered
 * as clean.
 *
 * Cost: a walk; a full TLB evicts for it.
 * @return the new entry, or NULL.  Intel SDM vol. 3A, "Details of TLB Use" and
 * "Accessed and Dirty Flags".
 */
const struct tlb_entry *cpu_fill_ahead(struct sim_cpu *cpu, vaddr_t va);

/**
 * @bytes 1 to 8 at any address, also across a page boundary, and from the last
 * byte of the address space to the first; other sizes are not looked for.
 *
 * @return true; or false with *@fault, and *@value, memory, A and D are as they
 *         were, also when only the second page is at fault
 */
bool cpu_load(struct sim_cpu *cpu, vaddr_t va, unsigned bytes, uint64_t *value,
              struct sim_fault *fault);
bool cpu_store(struct sim_cpu *cpu, vaddr_t va, unsigned bytes, uint64_t value,
               struct sim_fault *fault);
/** An instruction byte. */
bool cpu_fetch(struct sim_cpu *cpu, vaddr_t va, uint8_t *value,
               struct sim_fault *fault);
/** Read, @change, write: one instruction such as LOCK XADD.  @old is what was
 *  there; both pages must be writable before anything is read. */
bool cpu_rmw(struct sim_cpu *cpu, vaddr_t va, unsigned bytes,
             uint64_t (*change)(void *ctx, uint64_t old), void *ctx,
             uint64_t *old, struct sim_fault *fault);

/* --- hits, inline ---------------------------------------------------------
 */

/** Where @bytes at @va are on the host, if a line knows; or NULL. */
static inline uint8_t *cpu_front(struct sim_cpu *cpu, vaddr_t va,
                                 unsigned bytes, bool store) {
    struct cpu_front *f = &cpu->front;
    struct cpu_line *line =
        &f->lines[store][(va.v >> PAGE_SHIFT) & (CPU_FRONT_LINES - 1)];
    uint64_t offset = va.v & (PAGE_SIZE - 1);

    if (line->last != (va.v | (PAGE_SIZE - 1)) ||
        line->generation != cpu->tlb.generation || f->cpl != cpu->cpl ||
        f->pkru != cpu->pkru || f->ac != cpu->ac ||
        offset + bytes > PAGE_SIZE) {
        return NULL;
    }
    tlb_use(&cpu->tlb, line->entry);
    return line->bytes + offset;
}

/* cpu_access.c: what the two calls do without a line. */
bool cpu_load_slowly(struct sim_cpu *cpu, vaddr_t va, unsigned bytes,
                     uint64_t *value, struct sim_fault *fault);
bool cpu_store_slowly(struct sim_cpu *cpu, vaddr_t va, unsigned bytes,
                      uint64_t value, struct sim_fault *fault);

/* Always inline: cpu_store_slowly() records who called. */
#define CPU_INLINE static inline __attribute__((always_inline))

CPU_INLINE bool cpu_load_inline(struct sim_cpu *cpu, vaddr_t va, unsigned bytes,
                                uint64_t *value, struct sim_fault *fault) {
    const uint8_t *p = cpu_front(cpu, va, bytes, false);

    if (p == NULL) {
        return cpu_load_slowly(cpu, va, bytes, value, fault);
    }
    if (bytes == 8) { /* a constant size: one instruction */
        memcpy(value, p, 8);
    } else {
        *value = 0;
        memcpy(value, p, bytes);
    }
    return true;
}

CPU_INLINE bool cpu_store_inline(struct sim_cpu *cpu, vaddr_t va,
                                 unsigned bytes, uint64_t value,
                                 struct sim_fault *fault) {
    uint8_t *p = cpu_front(cpu, va, bytes, true);

    if (p == NULL) {
        return cpu_store_slowly(cpu, va, bytes, value, fault);
    }
    if (bytes == 8) {
        memcpy(p, &value, 8);
    } else {
        memcpy(p, &value, bytes);
    }
    return true;
}

/* They are functions as well, as those of the C library. */
#define cpu_load(cpu, va, bytes, value, fault)                                 \
    cpu_load_inline(cpu, va, bytes, value, fault)
#define cpu_store(cpu, va, bytes, value, fault)                                \
    cpu_store_inline(cpu, va, bytes, value, fault)

#endif
