#include "sim/events.h"

static const char *const names[SIM_EVENT_KIND_COUNT] = {
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
};

const char *sim_event_name(enum sim_event_kind kind) {
    return (unsigned)kind < SIM_EVENT_KIND_COUNT ? names[kind] : "?";
}
