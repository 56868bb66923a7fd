#include "memtwin/watch.h"

#include "program/number.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* --- options ------------------------------------------------------------ */

/** The number behind "NAME:", from 1; 0: @value begins otherwise. */
static uint64_t number_after(const char *value, const char *name) {
    size_t len = strlen(name);
    uint64_t n;

    if (strncmp(value, name, len) != 0 || value[len] != ':' ||
        !number_parse(value + len + 1, strlen(value + len + 1), &n)) {
        return 0;
    }
    return n;
}

bool watch_parse_inject(struct watch_options *options, const char *value) {
    static const enum inject_kind kinds[] = { INJECT_FRAME, INJECT_BLOCK,
                                              INJECT_FLIP, INJECT_SPURIOUS };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        uint64_t n = number_after(value, inject_name(kinds[i]));

        if (n != 0) {
            options->injection = (struct injection){
                .kind = kinds[i], .nth = n, .level = 1 /* P of a PTE */
            };
            return true;
        }
    }
    return false;
}

bool watch_parse_budget(struct watch_options *options, const char *value) {
    for (unsigned cost = 0; cost < SIM_COSTS; cost++) {
        uint64_t n = number_after(value, sim_cost_name((enum sim_cost)cost));

        if (n != 0) {
            options->limit[cost] = n;
            options->has_limit = true;
            return true;
        }
    }
    return false;
}

bool watch_is_wanted(const struct watch_options *options) {
    return options->events_path != NULL || options->has_limit ||
           options->injection.kind != INJECT_NOTHING;
}

/* --- the run ------------------------------------------------------------ */

enum outcome_code watch_start(struct run_watch *watch, struct sim *sim,
                              const struct watch_options *options) {
    *watch = (struct run_watch){ .options = options,
                                 .injection = options->injection };
    if (!watch_is_wanted(options)) {
        return EXIT_GOOD;
    }
    if (options->events_path != NULL) {
        FILE *out = fopen(options->events_path, "w");

        if (out == NULL) {
            complain("%s: %s", options->events_path, strerror(errno));
            return EXIT_USAGE;
        }
        sim_log_start(&watch->log, &sim->events, out);
    }
    sim_listen(sim);
    memcpy(watch->budget.limit, options->limit, sizeof(options->limit));
    if (options->injection.kind != INJECT_NOTHING) {
        uint64_t *faults = &watch->budget.limit[SIM_COST_FAULTS];

        sim_inject(sim, &watch->injection);
        *faults = *faults != 0 ? *faults : WATCH_INJECTED_FAULTS;
    }
    if (options->has_limit || options->injection.kind != INJECT_NOTHING) {
        sim_set_budget(sim, &watch->budget);
    }
    return EXIT_GOOD;
}

enum outcome_code watch_end(struct run_watch *watch, struct sim *sim,
                            enum outcome_code code) {
    const struct injection *injection = &watch->injection;
    bool written = true;

    sim_set_budget(sim, NULL);
    sim_inject(sim, NULL);
    if (injection->kind != INJECT_NOTHING &&
        injection->occasions < injection->nth) {
        complain("--inject %s:%" PRIu64 ": the run came to %" PRIu64
                 " of these only, so nothing was injected",
                 inject_name(injection->kind), injection->nth,
                 injection->occasions);
    }
    if (watch->log.out != NULL) {
        sim_unwatch(&sim->events, &watch->log.watch);
        written = ferror(watch->log.out) == 0;
        written = fclose(watch->log.out) == 0 && written;
    }
    if (!written) {
        complain("%s: the log could not be written to its end",
                 watch->options->events_path);
        return EXIT_WRONG;
    }
    return code;
}
