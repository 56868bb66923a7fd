#include "sim/budget.h"

#include <string.h>

#include "base/fmt.h"

static const struct {
    const char *name;
    uint64_t price;
} costs[SIM_COSTS] = {
    [SIM_COST_READS] = { "reads", 1 },
    [SIM_COST_FILLS] = { "fills", 1 },
    [SIM_COST_FAULTS] = { "faults", 200 },
    [SIM_COST_FLUSHES] = { "flushes", 50 },
    [SIM_COST_FRAMES] = { "frames", 64 },
    [SIM_COST_EVENTS] = { "events", 0 },
    [SIM_COST_TOTAL] = { "total", 1 },
};

const char *sim_cost_name(enum sim_cost cost) {
    return (unsigned)cost < SIM_COSTS ? costs[cost].name : NULL;
}

uint64_t sim_cost_price(enum sim_cost cost) {
    return costs[cost].price;
}

/** What @event costs, and how much of it. */
static enum sim_cost cost_of(const struct sim_event *event, uint64_t *count) {
    *count = 1;
    switch ((unsigned)event->kind) {
    case SIM_EVENT_WALK:
        *count = event->b;
        return SIM_COST_READS;
    case SIM_EVENT_FILL:
        return SIM_COST_FILLS;
    case SIM_EVENT_FAULT:
        return SIM_COST_FAULTS;
    case SIM_EVENT_INVLPG:
    case SIM_EVENT_INVPCID:
    case SIM_EVENT_CR3:
    case SIM_EVENT_FLUSH_ALL:
        return SIM_COST_FLUSHES;
    case SIM_EVENT_KERNEL + EVENT_PMM_GIVES:
        *count = event->b + 1;
        return SIM_COST_FRAMES;
    default:
        *count = 0;
        return SIM_COST_EVENTS;
    }
}

static void check(struct sim_budget *budget, enum sim_cost cost,
                  const struct sim_event *event) {
    if (budget->is_over || budget->limit[cost] == 0 ||
        budget->spent[cost] <= budget->limit[cost]) {
        return;
    }
    budget->is_over = true;
    fmt_format(budget->report, sizeof(budget->report),
               "the budget is over: %s %ju, at most %ju allowed; passed by "
               "event %ju, %s at 0x%jx",
               costs[cost].name, (uintmax_t)budget->spent[cost],
               (uintmax_t)budget->limit[cost],
               (uintmax_t)budget->spent[SIM_COST_EVENTS],
               sim_event_name(event->kind), (uintmax_t)event->a);
    if (budget->on_over != NULL) {
        budget->on_over(budget, budget->ctx);
    }
}

static void seen(struct sim_watch *watch, const struct sim_event *event) {
    struct sim_budget *budget = (struct sim_budget *)watch;
    uint64_t count;
    enum sim_cost cost = cost_of(event, &count);

    budget->spent[SIM_COST_EVENTS]++;
    if (count != 0) {
        budget->spent[cost] += count;
        budget->spent[SIM_COST_TOTAL] += count * costs[cost].price;
        check(budget, cost, event);
        check(budget, SIM_COST_TOTAL, event);
    }
    check(budget, SIM_COST_EVENTS, event);
}

void sim_budget_start(struct sim_budget *budget, struct sim_events *events) {
    memset(budget->spent, 0, sizeof(budget->spent));
    budget->is_over = false;
    budget->report[0] = '\0';
    budget->watch.seen = seen;
    sim_watch(events, &budget->watch);
}
