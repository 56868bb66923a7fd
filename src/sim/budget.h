/**
 * @file budget.h
 * What a run costs, in counts, and how much it may.
 *
 * Every event has a price; prices add up per kind and in total.  A limit that
 * is passed is reported once, in one sentence, and stops the machine: so that a
 * run-away loop ends the same way, at the same event, on every host, and a
 * test or a grader can bound a cost without a clock.
 *
 *   kind      counts                                    in the total, each
 *   reads     table entries read by walks                 1
 *   fills     translations remembered                     1
 *   faults    exceptions                                200
 *   flushes   INVLPG, INVPCID, CR3 loads, flushes        50
 *   frames    frames that the kernel handed out          64
 *   events    all of the above and whatever else          0
 *
 * The unit of the total is one read of a table entry.  The prices are the
 * orders of magnitude of a processor (an exception in and out, a serializing
 * instruction, clearing 4 KiB by cache lines), chosen once and never measured:
 * they are for comparing kernels on this machine, not for predicting time.
 */
#ifndef SIM_BUDGET_H
#define SIM_BUDGET_H

#include "sim/events.h"

enum sim_cost {
    SIM_COST_READS,
    SIM_COST_FILLS,
    SIM_COST_FAULTS,
    SIM_COST_FLUSHES,
    SIM_COST_FRAMES, /* where the kernel's events are heard: sim_listen() */
    SIM_COST_EVENTS,
    SIM_COST_TOTAL,
    SIM_COSTS
};

struct sim_budget {
    struct sim_watch watch;    /* first */
    uint64_t limit[SIM_COSTS]; /* 0: none */
    uint64_t spent[SIM_COSTS];
    bool is_over;
    char report[160]; /* when it is over: a sentence */
    /** Called once, when it is over; may not return (longjmp()).  NULL: nobody.
     *  The live machine stops by itself: sim_set_budget(). */
    void (*on_over)(struct sim_budget *budget, void *ctx);
    void *ctx;
};

/** Count from 0 what @events sees from now on, until sim_unwatch(). */
void sim_budget_start(struct sim_budget *budget, struct sim_events *events);

/** "reads", "fills" ... "total"; NULL when @cost is none. */
const char *sim_cost_name(enum sim_cost cost);
/** How much one event, or what it counts, adds to the total. */
uint64_t sim_cost_price(enum sim_cost cost);

#endif
