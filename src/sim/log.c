#include "sim/log.h"

#include "base/fmt.h"

/** What a and b of a kind are called; NULL: not written. */
static const struct names {
    const char *a, *b;
    bool b_counts; /* a decimal number, not a hexadecimal string */
} names[SIM_EVENT_KIND_COUNT] = {
    [SIM_EVENT_WALK] = { "address", "reads", true },
    [SIM_EVENT_FILL] = { "page", "physical", false },
    [SIM_EVENT_EVICT] = { "page", NULL, false },
    [SIM_EVENT_INVLPG] = { "address", NULL, false },
    [SIM_EVENT_CR3] = { "root", NULL, false },
    [SIM_EVENT_FLUSH_ALL] = { NULL, NULL, false },
    [SIM_EVENT_FAULT] = { "address", NULL, false },
    [SIM_EVENT_HOLE] = { "physical", NULL, false },
    [SIM_EVENT_INVPCID] = { "address", NULL, false },
    [SIM_EVENT_STALE] = { "address", "number", true },
    [SIM_EVENT_CHANGE] = { "entry", "value", false },
    [SIM_EVENT_IPI] = { "to", "vector", true },
    [SIM_EVENT_DEVICE] = { "physical", "stores", true },
    [SIM_EVENT_INTERRUPT] = { "vector", NULL, false },
    [SIM_EVENT_KERNEL + EVENT_HEAP_ASKS] = { "address", "bytes", true },
    [SIM_EVENT_KERNEL + EVENT_HEAP_GROWN] = { "address", "bytes", true },
    [SIM_EVENT_KERNEL + EVENT_VMM_ASKS] = { "page", "for_table", true },
    [SIM_EVENT_KERNEL + EVENT_PMM_GIVES] = { "frame", "more", true },
    [SIM_EVENT_KERNEL + EVENT_PMM_TAKES] = { "frame", "more", true },
    [SIM_EVENT_KERNEL + EVENT_VMM_MAPS] = { "page", "frame", false },
    [SIM_EVENT_KERNEL + EVENT_VMM_UNMAPS] = { "page", "frame", false },
    [SIM_EVENT_KERNEL + EVENT_VMM_FLUSHES] = { "page", "pages", true },
    [SIM_EVENT_KERNEL + EVENT_FAULT] = { "address", "error", true },
    [SIM_EVENT_KERNEL + EVENT_HEAP_GIVES] = { "address", "bytes", true },
    [SIM_EVENT_KERNEL + EVENT_HEAP_TAKES] = { "address", "bytes", true },
};

struct text {
    char *at;
    size_t size, len;
};

static void put(struct text *text, const char *format, ...) MM_PRINTF(2, 3);

static void put(struct text *text, const char *format, ...) {
    va_list args;

    va_start(args, format);
    if (text->len < text->size) {
        text->len += fmt_vformat(text->at + text->len, text->size - text->len,
                                 format, args);
    }
    va_end(args);
}

/** What the two numbers alone do not say. */
static void put_more(struct text *text, const struct sim_events *events,
                     const struct sim_event *event) {
    char story[SIM_LOG_LINE_MAX / 2];

    switch ((unsigned)event->kind) {
    case SIM_EVENT_FAULT:
        put(text, ",\"vector\":%u,\"error\":%u", (unsigned)(event->b >> 32),
            (unsigned)event->b);
        break;
    case SIM_EVENT_INVPCID:
        put(text, ",\"type\":%u,\"pcid\":%u", (unsigned)(event->b >> 32),
            (unsigned)event->b);
        break;
    case SIM_EVENT_STALE:
        sim_stale_explain(&events->stales[event->b % SIM_STALES_KEPT], story,
                          sizeof(story));
        put(text, ",\"story\":\"%s\"",
            story); /* no quote, no backslash in it */
        break;
    default:
        break;
    }
}

void sim_event_json(const struct sim_events *events,
                    const struct sim_event *event, char *buf, size_t size) {
    const struct names *n = &names[event->kind];
    struct text text = { buf, size, 0 };

    put(&text, "{\"event\":\"%s\",\"cpu\":%u", sim_event_name(event->kind),
        event->cpu);
    if (n->a != NULL) {
        put(&text, ",\"%s\":\"0x%jx\"", n->a, (uintmax_t)event->a);
    }
    if (n->b != NULL && n->b_counts) {
        put(&text, ",\"%s\":%ju", n->b, (uintmax_t)event->b);
    } else if (n->b != NULL) {
        put(&text, ",\"%s\":\"0x%jx\"", n->b, (uintmax_t)event->b);
    }
    put_more(&text, events, event);
    put(&text, "}");
}

static void seen(struct sim_watch *watch, const struct sim_event *event) {
    struct sim_log *log = (struct sim_log *)watch;
    char line[SIM_LOG_LINE_MAX];

    sim_event_json(log->events, event, line, sizeof(line));
    fprintf(log->out, "%s\n", line);
}

void sim_log_start(struct sim_log *log, struct sim_events *events, FILE *out) {
    *log = (struct sim_log){ .events = events, .out = out };
    log->watch.seen = seen;
    sim_watch(events, &log->watch);
}
