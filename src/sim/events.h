/**
 * @file events.h
 * What the simulated machine did: counters, and a ring of the newest events.
 */
#ifndef SIM_EVENTS_H
#define SIM_EVENTS_H

#include "base/addr.h"

enum sim_event_kind {
    SIM_EVENT_WALK,   /* a: address, b: entries read */
    SIM_EVENT_FILL,   /* a: page, b: physical */
    SIM_EVENT_EVICT,  /* a: page */
    SIM_EVENT_INVLPG, /* a: address */
    SIM_EVENT_CR3,    /* a: root */
    SIM_EVENT_FLUSH_ALL,
    SIM_EVENT_FAULT, /* a: address, b: vector << 32 | error code */
    SIM_EVENT_HOLE,  /* a: physical address of an access to no RAM */
    SIM_EVENT_KIND_COUNT
};

struct sim_event {
    enum sim_event_kind kind;
    uint64_t a, b;
};

#define SIM_EVENTS_KEPT 1024 /* a power of two */

struct sim_events {
    uint64_t counts[SIM_EVENT_KIND_COUNT];
    uint64_t walk_reads; /* page-table entries read */
    struct sim_event ring[SIM_EVENTS_KEPT];
    uint64_t total;
};

static inline void sim_events_add(struct sim_events *events,
                                  enum sim_event_kind kind, uint64_t a,
                                  uint64_t b) {
    events->counts[kind]++;
    events->ring[events->total++ % SIM_EVENTS_KEPT] =
        (struct sim_event){ kind, a, b };
}

const char *sim_event_name(enum sim_event_kind kind);

#endif
