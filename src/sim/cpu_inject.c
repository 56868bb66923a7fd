/*
 * Faults that the processor itself meets; inject.h lists them all.
 *
 * A flip is done just before the walk reads the entry, so that walk is the
 * first to see it; what the TLB remembers from before stands.  A spurious fault
 * (cpu.c) is one that the manual allows: a remembered translation denies, and
 * for once the processor does not look again.  Intel SDM vol. 3A, "Optional
 * Invalidation".
 */
#include "sim/cpu_inside.h"

void cpu_inject(struct sim_cpu *cpu, struct injection *injection) {
    cpu->injection = injection;
    if (injection != NULL) {
        injection->occasions = 0;
        injection->is_done = false;
    }
    cpu->tlb.generation++;
}

/** The entry to flip: the named one, or the one of that level which this walk
 *  will read.  @return false: it reads none */
static bool find_target(struct sim_cpu *cpu, const struct walk_control *control,
                        struct walk_start start, vaddr_t va,
                        enum sim_access access, paddr_t *at) {
    unsigned level = cpu->injection->level;
    struct walk_result ahead;

    *at = cpu->injection->at;
    if (level == 0) {
        return true;
    }
    ahead = walk_from(cpu->ram, control, start, va, access, cpu_is_user(cpu));
    if (ahead.top < level || ahead.top - level >= ahead.step_count) {
        return false;
    }
    *at = ahead.steps[ahead.top - level].at;
    return true;
}

void cpu_inject_flip(struct sim_cpu *cpu, const struct walk_control *control,
                     struct walk_start start, vaddr_t va,
                     enum sim_access access) {
    struct injection *injection = cpu->injection;
    uint64_t holes = cpu->ram->hole_accesses;
    paddr_t at;

    if (injection->kind == INJECT_FLIP &&
        find_target(cpu, control, start, va, access, &at) &&
        inject_is_due(injection, INJECT_FLIP)) {
        injection->at = at;
        ram_store64(cpu->ram, at,
                    ram_load64(cpu->ram, at) ^ UINT64_C(1) << injection->bit);
    }
    cpu->ram->hole_accesses = holes; /* looking is no access */
}
