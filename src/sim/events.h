/**
 * @file events.h
 * What the simulated machine did: counters, and a ring of the newest events.
 */
#ifndef SIM_EVENTS_H
#define SIM_EVENTS_H

#include "base/events.h"
#include "sim/walk.h"

enum sim_event_kind {
    SIM_EVENT_WALK,   /* a: address, b: entries read */
    SIM_EVENT_FILL,   /* a: page, b: physical */
    SIM_EVENT_EVICT,  /* a: page */
    SIM_EVENT_INVLPG, /* a: address */
    SIM_EVENT_CR3,    /* a: root */
    SIM_EVENT_FLUSH_ALL,
    SIM_EVENT_FAULT,     /* a: address, b: vector << 32 | error code */
    SIM_EVENT_HOLE,      /* a: physical address of an access to no RAM */
    SIM_EVENT_INVPCID,   /* a: address, b: type << 32 | PCID */
    SIM_EVENT_STALE,     /* a: address, b: number of its struct sim_stale */
    SIM_EVENT_CHANGE,    /* a: physical address of an entry that a walk found
                            changed since the walk before, b: what it holds */
    SIM_EVENT_IPI,       /* a: to which processor, b: vector */
    SIM_EVENT_INTERRUPT, /* a: vector; taken */
    SIM_EVENT_DEVICE,    /* a: physical address of an access to a device, b: 1
                            when it stores */
    SIM_EVENT_KERNEL, /* + enum event_kind: what the kernel says it did, where
                         it is heard; a and b as in base/events.h */
    SIM_EVENT_KIND_COUNT = SIM_EVENT_KERNEL + EVENT_KIND_COUNT
};

struct sim_event {
    enum sim_event_kind kind;
    unsigned cpu; /* the processor that acted */
    uint64_t a, b;
};

/** What of an access a stale translation decided. */
enum sim_stale_effect {
    STALE_ALLOWED,   /* the access was made; the tables forbid it now */
    STALE_ELSEWHERE, /* it was made in another place than the tables say */
    STALE_NOT_DIRTY, /* it was a write, and D stays 0 in the leaf */
    STALE_DENIED,    /* it faulted; the tables say otherwise */
    STALE_FREED      /* no access yet: its frame went back to the kernel */
};

/** An access whose result depended on a translation, or on an upper entry, that
 *  the tables no longer give. */
struct sim_stale {
    vaddr_t va;
    enum sim_access access;
    enum sim_stale_effect effect;
    unsigned level;   /* of the entry that changed; 0: none that is known of,
                         so another root was in force, or the translation is
                         from before reports began */
    paddr_t at;       /* that entry's place ... */
    pte_t then, now;  /* ... and what it held at the walk, and holds */
    paddr_t freed;    /* STALE_FREED: the first byte that went back */
    bool global;      /* a load of CR3 would not have ended it */
    unsigned pcid;    /* in force at the access */
    unsigned cpu;     /* the processor that made it ... */
    unsigned flusher; /* ... and another one, which flushed the page on itself
                         while this one remembered it; or SIM_NO_CPU */
    bool called;      /* an interrupt waits for this processor: perhaps the
                         call to flush */

    /* Who made it hold that, where writes are recorded (writes.h). */
    bool writer_is_known;
    unsigned writer_cpu;
    uint64_t writer_rip;
};

#define SIM_NO_CPU (~0u)
#define SIM_EVENTS_KEPT 1024 /* powers of two */
#define SIM_STALES_KEPT 64

/** Someone who is told of every event when it happens; part of a larger
 *  struct.  @seen may not cause events. */
struct sim_watch {
    void (*seen)(struct sim_watch *watch, const struct sim_event *event);
    struct sim_watch *next;
};

struct sim_events {
    uint64_t counts[SIM_EVENT_KIND_COUNT];
    uint64_t walk_reads; /* page-table entries read */
    struct sim_event ring[SIM_EVENTS_KEPT];
    uint64_t total;
    struct sim_stale stales[SIM_STALES_KEPT]; /* number n: [n % KEPT] */
    struct sim_watch *watches;                /* NULL: nobody */
    unsigned cpu; /* who acts; smp.h and live.h set it */
};

/** Tell all watches of the newest event. */
void sim_events_tell(struct sim_events *events);
/** From now on @watch is told, until sim_unwatch(); then it may be reused. */
void sim_watch(struct sim_events *events, struct sim_watch *watch);
void sim_unwatch(struct sim_events *events, struct sim_watch *watch);

static inline void sim_events_add(struct sim_events *events,
                                  enum sim_event_kind kind, uint64_t a,
                                  uint64_t b) {
    events->counts[kind]++;
    events->ring[events->total++ % SIM_EVENTS_KEPT] =
        (struct sim_event){ kind, events->cpu, a, b };
    if (events->watches != NULL) {
        sim_events_tell(events);
    }
}

const char *sim_event_name(enum sim_event_kind kind);

/** The record as two sentences: what happened, and which instruction after
 *  which change would have prevented it.  @size > 0 */
void sim_stale_explain(const struct sim_stale *stale, char *text, size_t size);

#endif
