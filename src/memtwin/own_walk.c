/*
 * The walk behind a fault that nobody repaired: what the kernel told is its own
 * opinion, this is the processor's.
 */
#include "memtwin/own_walk.h"

#include "program/say.h"
#include "sim/walk_story.h"

/** A line on its way to complain(). */
struct line {
    char text[400];
    size_t len;
};

static void complain_char(void *ctx, char c) {
    struct line *line = ctx;

    if (c == '\n') {
        complain("  %s", line->text);
        line->len = 0;
    } else if (line->len + 1 < sizeof(line->text)) {
        line->text[line->len++] = c;
    }
    line->text[line->len] = '\0';
}

/** The newest fault; NULL: none, or it was long ago. */
static const struct sim_event *newest_fault(const struct sim_events *events) {
    uint64_t kept =
        events->total < SIM_EVENTS_KEPT ? events->total : SIM_EVENTS_KEPT;

    for (uint64_t i = 1; i <= kept; i++) {
        const struct sim_event *e =
            &events->ring[(events->total - i) % SIM_EVENTS_KEPT];

        if (e->kind == SIM_EVENT_FAULT) {
            return e;
        }
    }
    return NULL;
}

void complain_walk(struct sim *sim) {
    const struct sim_event *fault = newest_fault(&sim->events);
    struct walk_control control = cpu_control(&sim->cpu);
    struct walk_asked asked;
    struct walk_result result;
    struct line line = { "", 0 };
    uint32_t error;

    if (fault == NULL || fault->b >> 32 != 14) {
        return;
    }
    error = (uint32_t)fault->b;
    asked = (struct walk_asked){
        .va = vaddr(fault->a),
        .access = (error & PF_FETCH) != 0   ? SIM_FETCH
                  : (error & PF_WRITE) != 0 ? SIM_WRITE
                                            : SIM_READ,
        .user = (error & PF_USER) != 0,
    };
    result = walk(&sim->ram, &control, asked.va, asked.access, asked.user);
    complain("  the machine's own walk, through the tables as they are now:");
    walk_tell(&result, &control, asked, sim->cpu.writes, complain_char, &line);
}
