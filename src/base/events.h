/**
 * @file events.h
 * A ring of what the subsystem did, newest kept, for tests and debuggers.
 *
 * The ring belongs to whoever wired the subsystem; a floor that was given
 * none (NULL) records nothing.  The order of events is the flow of a miss:
 * heap asks vmm, vmm asks pmm, pmm gives a frame, vmm maps it, heap returns.
 */
#ifndef BASE_EVENTS_H
#define BASE_EVENTS_H

#include <stddef.h>
#include <stdint.h>

enum event_kind {
    EVENT_HEAP_ASKS,   /* the heap needs memory: address, bytes */
    EVENT_HEAP_GROWN,  /* the heap got it: address, bytes */
    EVENT_VMM_ASKS,    /* the vmm needs a frame: address of the page, 0; 1
                          when it is for a table of that page */
    EVENT_PMM_GIVES,   /* a frame was handed out: frame number, how
                          many more behind it */
    EVENT_PMM_TAKES,   /* a frame came back: likewise */
    EVENT_VMM_MAPS,    /* a page shows a frame now: address, frame number */
    EVENT_VMM_UNMAPS,  /* a page shows nothing now: address, frame number */
    EVENT_VMM_FLUSHES, /* the processor forgot: first address, pages; 0
                          pages: no page, but every path to one */
    EVENT_FAULT,       /* a page fault arrived: address, error code */
    EVENT_KIND_COUNT
};

#define EVENTS_KEPT 256 /* a power of two */

struct event {
    enum event_kind kind;
    uint64_t a, b;
};

struct events {
    struct event ring[EVENTS_KEPT];
    uint64_t total; /* events ever; the newest is ring[(total - 1) % kept] */
};

static inline void events_add(struct events *events, enum event_kind kind,
                              uint64_t a, uint64_t b) {
    if (events != NULL) {
        events->ring[events->total % EVENTS_KEPT] =
            (struct event){ kind, a, b };
        events->total++;
    }
}

/** The name of a kind, as "vmm maps". */
const char *event_name(enum event_kind kind);

#endif
