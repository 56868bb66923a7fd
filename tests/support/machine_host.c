/*
 * The host's half of machine.h: a simulated PC of 32 MiB, as QEMU is given.
 *
 * TWIN_TLB=hostile in the environment chooses the policy that keeps every
 * translation for as long as the manual permits, and makes some unasked.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/mapfile.h"
#include "sim/sim.h"
#include "support/machine.h"

static struct sim *sim;

/** The window of the heap goes on across a 512 GiB boundary. */
static void widen_heap_window(struct sim_config *config) {
    for (size_t i = 0; i < config->window_count; i++) {
        if (strcmp(config->windows[i].name, "heap") == 0) {
            config->windows[i].range.len = TIB;
        }
    }
}

const struct hw_boot *machine_power_on(void) {
    struct sim_config config = sim_default_config;
    const char *policy = getenv("TWIN_TLB");
    struct mapfile map;
    char why[256] = "";
    enum sim_status status;

    if (!mapfile_pc(&map, 32 * MIB, why, sizeof why)) {
        fprintf(stderr, "Bail out! %s\n", why);
        exit(EXIT_FAILURE);
    }
    config.map = map.entries;
    config.map_count = map.count;
    if (policy != NULL && strcmp(policy, "hostile") == 0) {
        config.tlb_policy = TLB_HOSTILE;
        config.fill_ahead = 64;
    }
    widen_heap_window(&config);
    status = sim_create(&sim, &config, why, sizeof why);
    mapfile_destroy(&map);
    if (status != SIM_OK) {
        fprintf(stderr, "Bail out! %s\n", why);
        exit(EXIT_FAILURE);
    }
    if (config.tlb_policy == TLB_HOSTILE) {
        sim_listen(sim);
    }
    return &sim->boot;
}

/** A frame that came back while the processor knew a way to it? */
static void look_for_freed(void) {
    uint64_t count = sim->events.counts[SIM_EVENT_STALE];
    char text[500];

    for (uint64_t n = 0; n < count && n < SIM_STALES_KEPT; n++) {
        sim_stale_explain(&sim->events.stales[n], text, sizeof text);
        ck_assert_msg(sim->events.stales[n].effect != STALE_FREED, "%s", text);
    }
}

bool machine_can_exit(void) {
    const char *fork = getenv("CK_FORK");

    return fork == NULL || strcmp(fork, "no") != 0;
}

void machine_power_off(void) {
    look_for_freed();
    sim_destroy(sim);
    sim = NULL;
}
