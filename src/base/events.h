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

#include <stdbool.h>
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
    EVENT_VMM_MAPS,    /* pages show frames now: address of the first, plus how
                          many more behind it in the same table; first frame */
    EVENT_VMM_UNMAPS,  /* pages show nothing now: likewise */
    EVENT_VMM_FLUSHES, /* the processor forgot: first address, pages; 0
                          pages: no page, but every path to one */
    EVENT_FAULT,       /* a page fault arrived: address, error code */

    /* Too many to keep: told to the ear alone. */
    EVENT_HEAP_GIVES, /* a block was handed out: address, bytes asked for */
    EVENT_HEAP_TAKES, /* a block came back: likewise */
    EVENT_KIND_COUNT
};

#define EVENTS_KEPT 256 /* a power of two */

struct event {
    enum event_kind kind;
    uint64_t a, b;
};

/** A machine that listens: the simulator, for its log and its faults to
 *  inject.  Nobody does on bare metal.  Called with locks held, so it may not
 *  come back to the subsystem. */
struct events_ear {
    void (*hear)(struct events_ear *ear, enum event_kind kind, uint64_t a,
                 uint64_t b);
    /** Before EVENT_PMM_GIVES and EVENT_HEAP_GIVES: false lets the request fail
     *  for want of memory. */
    bool (*permits)(struct events_ear *ear, enum event_kind kind);
};

struct events {
    struct event ring[EVENTS_KEPT];
    uint64_t total; /* events ever; the newest is ring[(total - 1) % kept] */
    struct events_ear *ear; /* NULL: nobody listens */
};

/** Tell the ear, and keep nothing. */
static inline void events_tell(const struct events *events,
                               enum event_kind kind, uint64_t a, uint64_t b) {
    if (events != NULL && events->ear != NULL) {
        events->ear->hear(events->ear, kind, a, b);
    }
}

/** May the frame or block of @kind be handed out? */
static inline bool events_permit(const struct events *events,
                                 enum event_kind kind) {
    return events == NULL || events->ear == NULL ||
           events->ear->permits(events->ear, kind);
}

static inline void events_add(struct events *events, enum event_kind kind,
                              uint64_t a, uint64_t b) {
    if (events != NULL) {
        events->ring[events->total % EVENTS_KEPT] =
            (struct event){ kind, a, b };
        events->total++;
        events_tell(events, kind, a, b);
    }
}

/** The name of a kind, as "vmm maps". */
const char *event_name(enum event_kind kind);

#endif
