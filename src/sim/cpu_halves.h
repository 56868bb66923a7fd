/**
 * @file cpu_halves.h
 * A load or store in two halves, for who lets other processors act in between:
 *
 *   cpu_begin()    TLB, else the tables are read; nothing changes in memory
 *       ... another processor stores to an entry ...
 *   cpu_finish()   A and D by a locked update, then the bytes
 *
 * When an entry that is to get A or D has been changed meanwhile, the update
 * fails and cpu_finish() walks again: a store to an entry is never lost under a
 * flag, and no flag lands in an entry that another store has put there.  Other
 * entries are not read again; what was read once may be used until the end of
 * the instruction, as if it had been remembered.
 *
 * Intel SDM vol. 3A, "Accessed and Dirty Flags".
 */
#ifndef SIM_CPU_HALVES_H
#define SIM_CPU_HALVES_H

#include "sim/cpu_inside.h"

struct cpu_begun {
    vaddr_t va;
    enum sim_access access;
    struct cpu_found found;
};

/** @access SIM_READ or SIM_WRITE, in one page.  The processor does nothing else
 *  before cpu_finish(), and takes no interrupt.
 *  @return false: *@fault, and there is nothing to finish */
bool cpu_begin(struct sim_cpu *cpu, vaddr_t va, enum sim_access access,
               struct cpu_begun *begun, struct sim_fault *fault);
/** Load into or store from *@value, 1 to 8 @bytes.
 *  @return false: *@fault by the second walk; no byte has moved */
bool cpu_finish(struct sim_cpu *cpu, struct cpu_begun *begun, unsigned bytes,
                uint64_t *value, struct sim_fault *fault);

#endif
