/*
 * A snapshot of the live machine: between runs, when no kernel is under way on
 * a simulated stack.
 *
 * Everything that compiled code changed is in simulated memory, or in memory
 * that the kernel's owner names by snapshot_keep() (struct mm).  What is not
 * put back: registers and host stacks of code under way, so a kernel that runs
 * (sim_run()) cannot be left and entered again; and files, consoles, the
 * C library's memory.
 *
 * Other processors must not have been started since: a snapshot is of the first
 * one, and starting another one begins it afresh.
 *
 * Host mappings are hidden and shown again as the recorded entries say.
 */
#include "sim/live.h"

struct snapshot *sim_snapshot(struct sim *sim, const struct snapshot *like) {
    struct sim_cpu *cpus[1] = { &sim->cpu };

    return sim->live->running || live_smp_is_started(sim)
               ? NULL
               : snapshot_take(cpus, 1, like);
}

bool sim_restore(struct sim *sim, const struct snapshot *snapshot) {
    if (sim->live->running || live_smp_is_started(sim)) {
        return false;
    }
    live_hide_all(sim);
    snapshot_restore(snapshot);
    sim->live->fpu_count = 0;
    sim->live->interrupt_waits = false;
    return true;
}
