#include "base/events.h"

static const char *const names[EVENT_KIND_COUNT] = {
    [EVENT_HEAP_ASKS] = "heap asks",   [EVENT_HEAP_GROWN] = "heap grown",
    [EVENT_VMM_ASKS] = "vmm asks",     [EVENT_PMM_GIVES] = "pmm gives",
    [EVENT_PMM_TAKES] = "pmm takes",   [EVENT_VMM_MAPS] = "vmm maps",
    [EVENT_VMM_UNMAPS] = "vmm unmaps", [EVENT_VMM_FLUSHES] = "vmm flushes",
    [EVENT_FAULT] = "page fault",      [EVENT_HEAP_GIVES] = "heap gives",
    [EVENT_HEAP_TAKES] = "heap takes",
};

const char *event_name(enum event_kind kind) {
    return (unsigned)kind < EVENT_KIND_COUNT ? names[kind] : "?";
}
