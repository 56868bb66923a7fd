/*
 * From characters to lines, from lines to what they say.
 *
 *   replay: progress 120 500
 *   replay: result faults 17
 *   replay: error op 131: block 7 is corrupt ...
 *   replay: state 0x444444440000 0x8000000000305063
 *   replay: verdict good
 *   boot: map 0x100000 0xff00000 1
 *   boot: module 0xffe0000 0x1f000
 *   boot: reserved 0x100000 0x300000
 *
 * A line that is too long is cut; one that is not understood changes nothing
 * but the last words.
 */
#include "memtwin/outcome.h"

#include "memtwin/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void see_progress(struct outcome *o, const char *rest) {
    uint64_t done, total;

    if (sscanf(rest, "%" SCNu64 " %" SCNu64, &done, &total) != 2) {
        return;
    }
    if (o->total == 0) {
        o->started = now();
    }
    o->done = done;
    o->total = total;
    o->ended = now();
    if (o->show_progress) {
        progress_show(o->machine, done, total);
    }
}

static void see_result(struct outcome *o, const char *rest) {
    struct fact *f = &o->facts[o->fact_count];

    if (o->fact_count < OUTCOME_FACTS_MAX &&
        sscanf(rest, "%31s %47s", f->key, f->value) == 2) {
        o->fact_count++;
    }
}

static void see_error(struct outcome *o, const char *rest) {
    int text = 0;

    if (o->error_place != ERROR_NONE) {
        return; /* what follows the first may follow from it */
    }
    if (sscanf(rest, "op %" SCNu64 ": %n", &o->error_op, &text) == 1 &&
        text > 0) {
        o->error_place = ERROR_AT_OP;
        rest += text;
    } else if (strncmp(rest, "at the end: ", 12) == 0) {
        o->error_place = ERROR_AT_END;
        rest += 12;
    } else {
        o->error_place = ERROR_AT_START;
        rest += strncmp(rest, "at start: ", 10) == 0 ? 10 : 0;
    }
    snprintf(o->error, sizeof(o->error), "%s", rest);
}

static void see_state(struct outcome *o, const char *rest) {
    if (o->state_count == o->state_room) {
        size_t room = o->state_room == 0 ? 1024 : o->state_room * 2;
        char **state = realloc(o->state, room * sizeof(*state));

        if (state == NULL) {
            o->state_cut = true;
            return;
        }
        o->state = state;
        o->state_room = room;
    }
    o->state[o->state_count] = strdup(rest);
    if (o->state[o->state_count] == NULL) {
        o->state_cut = true;
        return;
    }
    o->state_count++;
}

static void see_verdict(struct outcome *o, const char *rest) {
    o->has_verdict = true;
    o->good = strcmp(rest, "good") == 0;
}

static void see_map(struct outcome *o, const char *rest) {
    struct memmap_entry *e = &o->map[o->map_count];

    if (o->map_count < OUTCOME_MAP_MAX &&
        sscanf(rest, "0x%" SCNx64 " 0x%" SCNx64 " %" SCNu32, &e->range.base.v,
               &e->range.len, &e->type) == 3) {
        o->map_count++;
    }
}

static void see_module(struct outcome *o, const char *rest) {
    struct prange r;

    if (sscanf(rest, "0x%" SCNx64 " 0x%" SCNx64, &r.base.v, &r.len) == 2) {
        o->module = r;
    }
}

static void see_reserved(struct outcome *o, const char *rest) {
    struct prange *r = &o->reserved[o->reserved_count];

    if (o->reserved_count < BOOT_RESERVED_MAX &&
        sscanf(rest, "0x%" SCNx64 " 0x%" SCNx64, &r->base.v, &r->len) == 2) {
        o->reserved_count++;
    }
}

static void see_nothing(struct outcome *o, const char *rest) {
    (void)o;
    (void)rest;
}

static const struct {
    const char *prefix;
    void (*see)(struct outcome *o, const char *rest);
} kinds[] = {
    { "replay: progress ", see_progress },
    { "replay: result ", see_result },
    { "replay: error ", see_error },
    { "replay: state ", see_state },
    { "replay: verdict ", see_verdict },
    { "boot: map ", see_map },
    { "boot: module ", see_module },
    { "boot: reserved ", see_reserved },
    { "boot: ", see_nothing },
};

/** A panic may come in the middle of any line; the first is the one that
 *  counts. */
static bool see_panic(struct outcome *o) {
    const char *panic = strstr(o->line, "panic: ");

    if (panic == NULL) {
        return false;
    }
    if (!o->panicked) {
        snprintf(o->last_words, sizeof(o->last_words), "%s", panic);
        o->panicked = true;
    }
    return true;
}

/** A trap that nobody repairs is told in several lines. */
static void see_story(struct outcome *o) {
    if (strncmp(o->line, "trap: ", 6) == 0) {
        o->story_len = 0;
    } else if (o->story_len == 0) {
        return;
    }
    if (o->line_len + 2 < sizeof(o->story) - o->story_len) {
        o->story_len +=
            (size_t)sprintf(o->story + o->story_len, "%s\n", o->line);
    }
}

static void see_line(struct outcome *o) {
    size_t i;

    if (see_panic(o)) {
        return;
    }
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].prefix);

        if (strncmp(o->line, kinds[i].prefix, len) == 0) {
            kinds[i].see(o, o->line + len);
            return;
        }
    }
    if (o->line[0] != '\0' && !o->panicked) {
        see_story(o);
        snprintf(o->last_words, sizeof(o->last_words), "%s", o->line);
    }
}

void outcome_init(struct outcome *o, const char *machine,
                  const struct trace *trace, bool show_progress) {
    *o = (struct outcome){ .machine = machine,
                           .trace = trace,
                           .show_progress = show_progress };
}

void outcome_destroy(struct outcome *o) {
    size_t i;

    for (i = 0; i < o->state_count; i++) {
        free(o->state[i]);
    }
    table_writes_destroy(&o->writes);
    free(o->state);
    o->state = NULL;
    o->state_count = o->state_room = 0;
}

void outcome_char(void *outcome, char c) {
    struct outcome *o = outcome;

    if (c == '\n') {
        o->line[o->line_len] = '\0';
        see_line(o);
        o->line_len = 0;
    } else if (c >= ' ' && c <= '~' && o->line_len + 1 < sizeof(o->line)) {
        o->line[o->line_len++] = c;
    }
}

const char *outcome_fact(const struct outcome *o, const char *key) {
    size_t i;

    for (i = 0; i < o->fact_count; i++) {
        if (strcmp(o->facts[i].key, key) == 0) {
            return o->facts[i].value;
        }
    }
    return NULL;
}

uint64_t outcome_number(const struct outcome *o, const char *key) {
    const char *value = outcome_fact(o, key);

    return value != NULL ? strtoull(value, NULL, 0) : 0;
}

double outcome_us_per_op(const struct outcome *o) {
    return o->done != 0 ? (o->ended - o->started) * 1e6 / (double)o->done : 0;
}
