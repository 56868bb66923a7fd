/**
 * @file watch.h
 * A run that is logged, bounded, or disturbed: --events, --budget, --inject.
 */
#ifndef MEMTWIN_WATCH_H
#define MEMTWIN_WATCH_H

#include "program/say.h"
#include "sim/log.h"
#include "sim/sim.h"

/** Faults that a run with --inject may take unless --budget says otherwise: a
 *  bit flipped under the fault handler itself makes it fault for ever.  A page
 *  faults once, so this is a heap of 4 GiB. */
#define WATCH_INJECTED_FAULTS 1000000

struct watch_options {
    const char *events_path;    /* NULL: no log */
    struct injection injection; /* INJECT_NOTHING: none */
    uint64_t limit[SIM_COSTS];  /* 0: none */
    bool has_limit;
};

/** "KIND:N" into @options.  @return false: it is no such thing */
bool watch_parse_inject(struct watch_options *options, const char *value);
bool watch_parse_budget(struct watch_options *options, const char *value);
/** Was anything asked for? */
bool watch_is_wanted(const struct watch_options *options);

struct run_watch {
    const struct watch_options *options;
    struct sim_log log;
    struct sim_budget budget;
    struct injection injection;
};

/** Before the kernel starts.  @return not EXIT_GOOD, after one message: the log
 *  cannot be opened */
enum outcome_code watch_start(struct run_watch *watch, struct sim *sim,
                              const struct watch_options *options);
/** After it ended; @code is how.  Says what was not reached, or not written.
 *  @return @code, or EXIT_WRONG when the log is not whole */
enum outcome_code watch_end(struct run_watch *watch, struct sim *sim,
                            enum outcome_code code);

#endif
