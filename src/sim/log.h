/**
 * @file log.h
 * Events as JSON lines: one object a line, in the order of events.
 *
 *   {"event":"walk","cpu":0,"address":"0x444444440000","reads":4}
 *   {"event":"fill","cpu":0,"page":"0x444444440000","physical":"0x500000"}
 *
 * Names are those of sim_event_name(), which tells the kernel's events too
 * ("pmm gives"); addresses and register values are strings in hex, since 64
 * bits do not survive in every reader of JSON.  A stale use brings its sentence
 * with it.
 */
#ifndef SIM_LOG_H
#define SIM_LOG_H

#include <stdio.h>

#include "sim/events.h"

#define SIM_LOG_LINE_MAX 1024

/** The event as one object, without a newline.  @events  whose it is */
void sim_event_json(const struct sim_events *events,
                    const struct sim_event *event, char *text, size_t size);

struct sim_log {
    struct sim_watch watch; /* first */
    struct sim_events *events;
    FILE *out;
};

/** Write every event to @out from now on, until sim_unwatch(); what could not
 *  be written, ferror(@out) tells. */
void sim_log_start(struct sim_log *log, struct sim_events *events, FILE *out);

#endif
