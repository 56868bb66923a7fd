/*
 * The module on the simulated machine, in this very process.
 *
 * On its own the machine has the map that QEMU's PC would have.  As the twin of
 * a run in QEMU it gets the map and the module address which the kernel found
 * there, so that frame n is the same frame on both.
 */
#include "memtwin/machines.h"

#include "memtwin/own_walk.h"
#include "memtwin/stale.h"
#include "memtwin/stopped.h"
#include "sim/mapfile.h"

#include <inttypes.h>
#include <stdlib.h>

#define WHY_MAX 400

static bool read_map(struct mapfile *map, const struct run_options *o) {
    char why[WHY_MAX];
    bool good = o->map_path != NULL
                    ? mapfile_read(map, o->map_path, why, sizeof(why))
                    : mapfile_pc(map, o->ram, why, sizeof(why));

    if (!good) {
        complain("%s", why);
    }
    return good;
}

static void take_counters(struct outcome *outcome, const struct sim *sim) {
    outcome->has_counters = true;
    outcome->counters = (struct machine_counters){
        .fills = sim->events.counts[SIM_EVENT_FILL],
        .signals = sim_signals(sim),
        .walk_reads = sim->events.walk_reads,
        .evictions = sim->cpu.tlb.evictions,
        .invlpgs = sim->events.counts[SIM_EVENT_INVLPG],
        .faults = sim->events.counts[SIM_EVENT_FAULT],
    };
}

/* --- addresses walked after the last operation --------------------------- */

struct console {
    struct outcome *outcome;
    const struct run_options *options;
};

/** As the kernel would read there. */
static void walk_addresses(const struct console *console, struct sim *sim) {
    const struct run_options *o = console->options;

    for (unsigned i = 0; i < o->walk_count; i++) {
        struct walked *w = &console->outcome->walks[i];

        w->asked = (struct walk_asked){ o->walk[i], SIM_READ, false };
        w->control = cpu_control(&sim->cpu);
        w->result = walk(&sim->ram, &w->control, o->walk[i], SIM_READ, false);
    }
    console->outcome->walk_count = o->walk_count;
    /* The heap is about to go, and with it these entries. */
    if (o->walk_count > 0 && sim->cpu.writes != NULL &&
        !table_writes_copy(&console->outcome->writes, sim->cpu.writes)) {
        complain("no memory to say who wrote the entries");
    }
}

/** The digest is the last result; the heap goes after it. */
static void console_char(void *ctx, char c) {
    const struct console *console = ctx;

    outcome_char(console->outcome, c);
    if (c == '\n' && console->outcome->walk_count == 0 &&
        outcome_fact(console->outcome, "digest") != NULL) {
        walk_addresses(console, sim_current());
    }
}

/** How the machine stopped. */
static enum outcome_code judge(const struct outcome *outcome, struct sim *sim,
                               enum hw_exit_code code) {
    const char *stopped = sim_stop_reason(sim);

    if (stopped != NULL) {
        complain_stopped(outcome, stopped, "the simulator stopped");
        return EXIT_WRONG;
    }
    if (code == HW_EXIT_PANIC) {
        complain_stopped(outcome, NULL, "the kernel on the simulator panicked");
        if (outcome->story_len > 0) {
            complain_walk(sim);
        }
        return EXIT_WRONG;
    }
    if (!outcome->has_verdict) {
        complain_stopped(outcome, NULL,
                         "the kernel on the simulator ended early");
        return EXIT_WRONG;
    }
    return EXIT_GOOD;
}

static enum outcome_code power_on(struct sim **sim,
                                  const struct sim_config *config,
                                  const struct run_options *o) {
    char why[WHY_MAX] = "";

    switch (sim_create(sim, config, why, sizeof(why))) {
    case SIM_OK:
        return EXIT_GOOD;
    case SIM_BAD_MAP:
        complain("%s%s%s", o->map_path != NULL ? o->map_path : "",
                 o->map_path != NULL ? ": " : "", why);
        return EXIT_USAGE;
    default:
        complain("no simulator on this host: %s", why);
        return EXIT_CANNOT;
    }
}

/** Firmware and the kernel's boot code must take the same frames, or the two
 *  machines would differ by that alone. */
static bool same_reserved(const struct hw_boot *boot,
                          const struct outcome *twin) {
    static const struct prange none;
    size_t i;

    for (i = 0; i < BOOT_RESERVED_MAX; i++) {
        const struct prange ours =
            i < boot->reserved_count ? boot->reserved[i] : none;
        const struct prange theirs =
            i < twin->reserved_count ? twin->reserved[i] : none;

        if (pfn_of(ours.base).v != pfn_of(theirs.base).v ||
            pages_for(ours.len) != pages_for(theirs.len)) {
            complain("the two machines are not the same: the kernel in QEMU "
                     "reserved %" PRIu64 " pages at 0x%" PRIx64
                     ", the simulator's firmware %" PRIu64 " at 0x%" PRIx64
                     "; is the kernel image of another version?",
                     pages_for(theirs.len), theirs.base.v, pages_for(ours.len),
                     ours.base.v);
            return false;
        }
    }
    return true;
}

/** From now on stores to page tables are recorded. */
static bool watch_tables(struct table_writes *writes, struct sim *sim) {
    if (table_writes_init(writes, TABLE_WRITES_DEFAULT) &&
        sim_watch_tables(sim, writes)) {
        return true;
    }
    complain("--watch-tables: this host has no memory for it, or does not step "
             "through instructions");
    return false;
}

static enum outcome_code run_with(struct outcome *outcome,
                                  const struct sim_config *config,
                                  const struct run_options *o,
                                  const struct outcome *twin) {
    struct sim *sim;
    struct run_watch watch;
    struct table_writes writes = { .ring = NULL };
    enum outcome_code result = power_on(&sim, config, o);

    if (result == EXIT_GOOD && twin != NULL &&
        !same_reserved(&sim->boot, twin)) {
        sim_destroy(sim);
        return EXIT_WRONG;
    }
    if (result != EXIT_GOOD) {
        return result;
    }
    result = watch_start(&watch, sim, &o->watch);
    if (result == EXIT_GOOD && o->watch_tables && !watch_tables(&writes, sim)) {
        result = EXIT_CANNOT;
    }
    if (result == EXIT_GOOD && o->report_stale && !stale_begin(sim)) {
        result = EXIT_CANNOT;
    }
    if (result == EXIT_GOOD) {
        enum hw_exit_code code = sim_run(sim, replay_main);

        take_counters(outcome, sim);
        result = watch_end(&watch, sim, judge(outcome, sim, code));
        if (o->report_stale) {
            stale_end(outcome, sim);
        }
    }
    sim_destroy(sim);
    table_writes_destroy(&writes);
    return result;
}

enum outcome_code run_on_sim(struct outcome *outcome,
                             const struct run_options *o,
                             const struct module *module,
                             const struct outcome *twin) {
    struct sim_config config = sim_default_config;
    struct console console = { outcome, o };
    struct mapfile map = { NULL, 0 };
    enum outcome_code result;

    config.module = module->header;
    config.module_size = module->size;
    config.seed = o->seed;
    config.tlb_policy = o->tlb_policy;
    config.tlb_capacity = o->tlb_capacity;
    config.fill_ahead = (unsigned)o->fill_ahead;
    config.putc = console_char;
    config.putc_ctx = &console;
    if (twin != NULL) {
        config.map = twin->map;
        config.map_count = twin->map_count;
        config.module_at = twin->module.base.v;
    } else {
        if (!read_map(&map, o)) {
            return EXIT_USAGE;
        }
        config.map = map.entries;
        config.map_count = map.count;
    }
    result = run_with(outcome, &config, o, twin);
    if (twin == NULL) {
        mapfile_destroy(&map);
    }
    return result;
}
