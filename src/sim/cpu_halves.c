#include "sim/cpu_halves.h"

bool cpu_begin(struct sim_cpu *cpu, vaddr_t va, enum sim_access access,
               struct cpu_begun *begun, struct sim_fault *fault) {
    begun->va = va;
    begun->access = access;
    return cpu_look(cpu, va, access, &begun->found, fault);
}

bool cpu_finish(struct sim_cpu *cpu, struct cpu_begun *begun, unsigned bytes,
                uint64_t *value, struct sim_fault *fault) {
    struct cpu_found *found = &begun->found;

    while (found->hit == NULL && !walk_holds(cpu->ram, &found->walk)) {
        if (!cpu_look(cpu, begun->va, begun->access, found, fault)) {
            return false;
        }
    }
    (void)cpu_arrive(cpu, begun->va, found);
    if (access_writes(begun->access)) {
        cpu_put(cpu, found->pa, bytes, *value,
                (uint64_t)(uintptr_t)__builtin_return_address(0));
        return true;
    }
    *value = cpu_get(cpu, found->pa, bytes);
    return true;
}
