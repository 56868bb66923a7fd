/**
 * @file cpu_inside.h
 * What the files of the processor share; cpu.h is for users.
 */
#ifndef SIM_CPU_INSIDE_H
#define SIM_CPU_INSIDE_H

#include "sim/cpu.h"

/** Where the first byte was found, before anything was changed. */
struct cpu_found {
    paddr_t pa;
    struct tlb_entry *hit; /* NULL: the walk found it, and ... */
    struct walk_result walk;
    struct walk_start start; /* ... began here */
    bool missed;             /* nothing was remembered of it ... */
    uint64_t insertions;     /* ... when so many had been into the TLB */
    struct tlb_origin above; /* of the start, while stale uses are reported */
};

/* cpu.c */
/** Find @va for @access without setting A or D. */
bool cpu_look(struct sim_cpu *cpu, vaddr_t va, enum sim_access access,
              struct cpu_found *found, struct sim_fault *fault);
/** The access happens: A and D into memory, the translation into the TLB. */
struct tlb_entry *cpu_arrive(struct sim_cpu *cpu, vaddr_t va,
                             const struct cpu_found *found);
/** Remember what the walk of @found came to.  An entry that only turns dirty is
 *  the same entry still, so nobody is told that it went. */
struct tlb_entry *cpu_remember(struct sim_cpu *cpu, vaddr_t va,
                               const struct cpu_found *found);
/** Raise the #GP or #SS of an address that is not canonical.
 *  @return false, for the caller to return */
bool cpu_refuse_address(struct sim_cpu *cpu, vaddr_t va, enum sim_access access,
                        struct sim_fault *fault);
static inline bool cpu_is_user(const struct sim_cpu *cpu) {
    return cpu->cpl == 3;
}

/* cpu_access.c */
/** Load or store @bytes at @pa, in one frame, with the events and records that
 *  are kept; @call stands for the instruction. */
uint64_t cpu_get(struct sim_cpu *cpu, paddr_t pa, unsigned bytes);
void cpu_put(struct sim_cpu *cpu, paddr_t pa, unsigned bytes, uint64_t value,
             uint64_t call);

/* cpu_upper.c */
/** Where a walk for @va may begin: at a remembered upper entry, else the root.
 *  @entry: that upper entry, or NULL */
struct walk_start cpu_walk_start(struct sim_cpu *cpu,
                                 const struct walk_control *control, vaddr_t va,
                                 const struct tlb_entry **entry);
/** The walk succeeded: remember the upper entries that it read. */
void cpu_remember_upper(struct sim_cpu *cpu, vaddr_t va,
                        const struct cpu_found *found);

/* cpu_inject.c */
/** About to walk: flip the bit that is to be flipped, if its turn has come. */
void cpu_inject_flip(struct sim_cpu *cpu, const struct walk_control *control,
                     struct walk_start start, vaddr_t va,
                     enum sim_access access);

/* cpu_stale.c; all are called only while cpu->report_stale */
/** Note from which table entries, down to level @lowest, @entry of @tlb came.
 */
void cpu_note_origin(const struct tlb *tlb, const struct tlb_entry *entry,
                     const struct cpu_found *found, unsigned lowest);
/** What an access came to. */
struct cpu_outcome {
    enum walk_reason reason;
    uint32_t error;
    paddr_t pa;
    bool sets_no_dirty; /* a write through a translation believed dirty */
};
/** Something remembered, with that @origin, decided the access: report it if
 *  the tables decide otherwise.  @global: it is a global translation */
void cpu_check_stale(struct sim_cpu *cpu, vaddr_t va, enum sim_access access,
                     const struct tlb_origin *origin, bool global,
                     struct cpu_outcome outcome);

/** Complete @stale by what is known of @origin (NULL: nothing), keep it, and
 *  tell. */
void cpu_add_stale(struct sim_cpu *cpu, struct sim_stale *stale,
                   const struct tlb_origin *origin);

#endif
