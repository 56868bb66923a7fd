/*
 * Choosing, and going through all choices.
 *
 *   run 1   0 0 0 1 1 1      which  0 0 0 0 0 0     options  2 2 2 1 1 1
 *   run 2   0 0 1 0 1 1             0 0 1 0 0 0              2 2 2 2 1 1
 *               ^ the last choice that had another option takes it; what came
 *                 before is repeated, what comes after begins with the first
 *
 * A run is repeated from its start, not restored, so whoever runs it must do
 * the same for the same choices.
 */
#include "sim/schedule.h"

#include "base/fmt.h"

void schedule_start(struct schedule *s) {
    s->random = s->seed ^ UINT64_C(0x9e3779b97f4a7c15);
    s->random += s->random == 0;
    s->count = 0;
    s->planned = 0;
}

static unsigned chance(struct schedule *s, unsigned n) {
    uint64_t x = s->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    s->random = x;
    return (unsigned)(x >> 33) % n;
}

static unsigned cpu_of(uint8_t action) {
    return action & (SCHEDULE_INTERRUPT - 1);
}

/** The first processor after the last one to act, its interrupt first. */
static unsigned by_turns(const struct schedule *s, const uint8_t *enabled,
                         unsigned count) {
    unsigned last = s->count == 0 ? SCHEDULE_CPUS_MAX - 1 : cpu_of(s->last);
    unsigned best = 0, best_distance = ~0u;

    for (unsigned i = 0; i < count; i++) {
        unsigned distance =
            (cpu_of(enabled[i]) + SCHEDULE_CPUS_MAX - last - 1) %
            SCHEDULE_CPUS_MAX;
        bool interrupt = (enabled[i] & SCHEDULE_INTERRUPT) != 0;

        if (distance < best_distance ||
            (distance == best_distance && interrupt)) {
            best = i;
            best_distance = distance;
        }
    }
    return best;
}

/** @return @count: the listed one is not there */
static unsigned by_list(const struct schedule *s, const uint8_t *enabled,
                        unsigned count) {
    unsigned i = 0;

    if (s->count >= s->list_count) {
        return by_turns(s, enabled, count);
    }
    while (i < count && enabled[i] != s->list[s->count]) {
        i++;
    }
    return i;
}

static uint64_t limit_of(const struct schedule *s) {
    return s->limit == 0 || (s->kind == SCHEDULE_ALL && s->limit > SCHEDULE_MAX)
               ? SCHEDULE_MAX
               : s->limit;
}

uint8_t schedule_pick(struct schedule *s, const uint8_t *enabled,
                      unsigned count) {
    unsigned i = 0;

    if (s->count >= limit_of(s)) {
        return SCHEDULE_NONE;
    }
    switch (s->kind) {
    case SCHEDULE_TURNS:
        i = by_turns(s, enabled, count);
        break;
    case SCHEDULE_LIST:
        i = by_list(s, enabled, count);
        break;
    case SCHEDULE_SEEDED:
        i = chance(s, count);
        break;
    case SCHEDULE_ALL:
        i = s->count < s->planned ? s->which[s->count] : 0;
        break;
    }
    if (i >= count) {
        return SCHEDULE_NONE;
    }
    if (s->count < SCHEDULE_MAX) {
        s->which[s->count] = (uint8_t)i;
        s->options[s->count] = (uint8_t)count;
        s->taken[s->count] = enabled[i];
    }
    s->count++;
    s->last = enabled[i];
    return s->last;
}

bool schedule_next(struct schedule *s) {
    uint64_t i = s->count;

    s->count = 0;
    if (s->kind != SCHEDULE_ALL) {
        return true;
    }
    while (i > 0 && s->which[i - 1] + 1 == s->options[i - 1]) {
        i--;
    }
    s->planned = i;
    if (i == 0) {
        return false;
    }
    s->which[i - 1]++;
    return true;
}

void schedule_text(const struct schedule *s, char *text, size_t size) {
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < s->count && i < SCHEDULE_MAX && at + 1 < size; i++) {
        at += fmt_format(text + at, size - at, "%s%u%s", i == 0 ? "" : " ",
                         cpu_of(s->taken[i]),
                         (s->taken[i] & SCHEDULE_INTERRUPT) != 0 ? "!" : "");
    }
}
