/*
 * hw_remembered() of the live machine: a list of all processors is made when
 * the first is asked for, since the kernel that goes through it touches memory
 * meanwhile, and so makes the processor remember more.
 */
#include <stdlib.h>

#include "sim/live.h"

static void list_all(struct sim *sim) {
    struct live_remembered *list = &sim->live->remembered;
    unsigned max = 0;

    for (unsigned n = 0; n < sim_cpu_count(sim); n++) {
        max += cpu_remembered(sim_cpu_at(sim, n), NULL, 0);
    }
    free(list->all);
    list->count = 0;
    list->all = calloc(max + 1, sizeof(*list->all));
    for (unsigned n = 0; list->all != NULL && n < sim_cpu_count(sim); n++) {
        list->count += cpu_remembered(
            sim_cpu_at(sim, n), &list->all[list->count], max - list->count);
    }
}

/** The guest's own memory is not touched while the simulator is at work. */
static void do_remembered(struct sim *sim, uint64_t n) {
    struct live_remembered *list = &sim->live->remembered;

    if (n == 0) {
        list_all(sim);
    }
    list->found = n < list->count;
    if (list->found) {
        list->asked = list->all[n];
    }
}

bool hw_remembered(uint64_t n, struct hw_remembered *seen) {
    const struct live_remembered *list;

    live_call(do_remembered, n);
    list = &sim_current()->live->remembered;
    if (list->found) {
        *seen = list->asked;
    }
    return list->found;
}
