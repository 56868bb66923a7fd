#include "sim/events.h"

static const char *const names[SIM_EVENT_KERNEL] = {
    [SIM_EVENT_WALK] = "walk",
    [SIM_EVENT_FILL] = "fill",
    [SIM_EVENT_EVICT] = "evict",
    [SIM_EVENT_INVLPG] = "invlpg",
    [SIM_EVENT_CR3] = "load of CR3",
    [SIM_EVENT_FLUSH_ALL] = "flush of everything",
    [SIM_EVENT_FAULT] = "fault",
    [SIM_EVENT_HOLE] = "access to a hole",
    [SIM_EVENT_INVPCID] = "invpcid",
    [SIM_EVENT_STALE] = "use of a stale translation",
    [SIM_EVENT_CHANGE] = "change of an entry",
    [SIM_EVENT_IPI] = "interrupt sent",
    [SIM_EVENT_DEVICE] = "access to a device",
    [SIM_EVENT_INTERRUPT] = "interrupt taken",
};

const char *sim_event_name(enum sim_event_kind kind) {
    if ((unsigned)kind >= SIM_EVENT_KERNEL) {
        return event_name((enum event_kind)((unsigned)kind - SIM_EVENT_KERNEL));
    }
    return names[kind];
}

void sim_events_tell(struct sim_events *events) {
    const struct sim_event *newest =
        &events->ring[(events->total - 1) % SIM_EVENTS_KEPT];
    struct sim_watch *next;

    for (struct sim_watch *w = events->watches; w != NULL; w = next) {
        next = w->next; /* it may go */
        w->seen(w, newest);
    }
}

void sim_watch(struct sim_events *events, struct sim_watch *watch) {
    watch->next = events->watches;
    events->watches = watch;
}

void sim_unwatch(struct sim_events *events, struct sim_watch *watch) {
    struct sim_watch **link = &events->watches;

    while (*link != NULL && *link != watch) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = watch->next;
    }
}
