/*
 * A simulated machine from power-on to power-off, and starting its kernel.
 */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/live.h"

const struct sim_config sim_default_config = {
    .seed = 1,
    .tlb_policy = TLB_LRU,
    .tlb_capacity = TLB_CAPACITY_DEFAULT,
    .alias_base = { SIM_ALIAS_BASE },
    .stack_base = { SIM_STACK_BASE },
    .direct_base = { SIM_DIRECT_BASE },
    .windows = {
        { "low", { { 0x8000000 }, 128 * MIB } },
        { "heap", { { 0x444400000000 }, 64 * GIB } },
    },
    .window_count = 2,
};

/** Where the alias goes: below the windows while there is room, else anywhere.
 */
static vaddr_t alias_base(const struct sim_config *config) {
    const uint64_t room = config->stack_base.v - config->alias_base.v;

    for (size_t i = 0; i < config->map_count; i++) {
        const struct memmap_entry *e = &config->map[i];

        if (e->type == MEMMAP_USABLE && e->range.len != 0 &&
            (e->range.base.v >= room ||
             e->range.len > room - e->range.base.v)) {
            return vaddr(0);
        }
    }
    return config->alias_base;
}

static enum sim_status power_on(struct sim *sim, char *why, size_t why_size) {
    const struct sim_config *config = &sim->config;
    size_t map_bytes = config->map_count * sizeof *config->map;

    if (!live_check_host(why, why_size)) {
        return SIM_UNSUPPORTED;
    }
    if (config->tlb_policy == TLB_NONE ||
        (config->tlb_policy != TLB_HOSTILE &&
         config->tlb_capacity < SIM_TLB_MIN)) {
        snprintf(why, why_size,
                 "a TLB of %u entries is too small to run on: one instruction "
                 "and its exception frame may need %d at once",
                 config->tlb_policy == TLB_NONE ? 0 : config->tlb_capacity,
                 SIM_TLB_MIN);
        return SIM_UNSUPPORTED;
    }
    if (config->cpu_count > SCHEDULE_CPUS_MAX) {
        snprintf(why, why_size,
                 "%u processors are more than the %d there can "
                 "be",
                 config->cpu_count, SCHEDULE_CPUS_MAX);
        return SIM_UNSUPPORTED;
    }
    if ((config->direct_base.v & (GIB - 1)) != 0 ||
        !vaddr_is_page_aligned(config->stack_base)) {
        snprintf(why, why_size,
                 "the direct map at 0x%lx must begin at a multiple of 1 GiB, "
                 "the stacks at 0x%lx at one of 4 KiB",
                 config->direct_base.v, config->stack_base.v);
        return SIM_UNSUPPORTED;
    }
    sim->map = malloc(map_bytes + 1);
    if (sim->map == NULL) {
        snprintf(why, why_size, "the host has no memory for the map");
        return SIM_NO_MEMORY;
    }
    memcpy(sim->map, config->map, map_bytes);
    if (!ram_init(&sim->ram, config->map, config->map_count, config->seed,
                  alias_base(config), why, why_size)) {
        /* Laid out, but the host has no room for it? */
        return sim->ram.size != 0 ? SIM_NO_MEMORY : SIM_BAD_MAP;
    }
    sim->ram_is_on = true;
    if (!cpu_init(&sim->cpu, &sim->ram, &sim->events, config->tlb_policy,
                  config->tlb_capacity)) {
        snprintf(why, why_size, "the host has no memory for the TLB");
        return SIM_NO_MEMORY;
    }
    sim->cpu_is_on = true;
    if (!live_start(sim, why, why_size)) {
        return SIM_UNSUPPORTED;
    }
    return firmware_boot(sim, why, why_size);
}

enum sim_status sim_create(struct sim **out, const struct sim_config *config,
                           char *why, size_t why_size) {
    struct sim *sim = calloc(1, sizeof *sim);
    enum sim_status status;

    if (sim == NULL) {
        snprintf(why, why_size, "the host has no memory for a machine");
        return SIM_NO_MEMORY;
    }
    if (sim_current() != NULL) {
        snprintf(why, why_size, "a machine is live already; one at a time");
        free(sim);
        return SIM_UNSUPPORTED;
    }
    sim->config = *config;
    status = power_on(sim, why, why_size);
    if (status != SIM_OK) {
        sim_destroy(sim);
        return status;
    }
    sim_make_current(sim);
    *out = sim;
    return SIM_OK;
}

void sim_destroy(struct sim *sim) {
    if (sim_current() == sim) {
        sim_make_current(NULL);
    }
    live_stop(sim);
    if (sim->cpu_is_on) {
        cpu_destroy(&sim->cpu);
    }
    if (sim->ram_is_on) {
        ram_destroy(&sim->ram);
    }
    free(sim->map);
    free(sim);
}

/** The first code on the boot stack. */
static void run_kernel(const struct hw_boot *boot) {
    struct sim *sim = sim_current();

    fiber_arrive(&sim->live->home);
    sim->live->run_entry(boot);
    fiber_return(&sim->live->home);
}

enum hw_exit_code sim_run(struct sim *sim,
                          void (*entry)(const struct hw_boot *boot)) {
    struct sim_live *live = sim->live;
    int how;

    live->running = true;
    live->exit_code = HW_EXIT_FAIL;
    live->stop_text[0] = '\0';
    sim->cpu.interrupts = false;
    live->run_entry = entry;
    fiber_leave(&live->home, pointer_of(sim->boot_stack_bottom),
                sim->boot_stack_top.v - sim->boot_stack_bottom.v);
    how = guest_enter(run_kernel, &sim->boot, sim->boot_stack_top.v,
                      &live->run_rsp);
    fiber_home(&live->home);
    live_smp_home(sim);
    if (how == 1) {
        fmt_format(live->stop_text, sizeof live->stop_text,
                   "the kernel's entry function returned");
    }
    live->running = false;
    return live->exit_code;
}

const char *sim_stop_reason(const struct sim *sim) {
    return sim->live->stop_text[0] != '\0' ? sim->live->stop_text : NULL;
}

uint64_t sim_signals(const struct sim *sim) {
    return sim->live->misses;
}
