/*
 * The options of "memtwin compare".
 */
#include "memtwin/compare.h"

#include "program/number.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum key {
    KEY_HEAP = 0x100,
    KEY_OPS,
    KEY_ROUNDS,
    KEY_PATIENCE,
    KEY_NO_COUNT,
    KEY_BUILT_IN,
    KEY_JSON,
    KEY_SVG
};

static const struct argp_option option_table[] = {
    { "heap", KEY_HEAP, "NAME,...", 0,
      "Only these: heap classes, with -locked for a heap of several users, "
      "mimalloc, glibc, jemalloc, tcmalloc; the first two are always there to "
      "compare with",
      1 },
    { "ops", KEY_OPS, "N", 0,
      "Only the first N operations; what is live then is freed, oldest first",
      1 },
    { "built-in", KEY_BUILT_IN, 0, 0,
      "Also workloads made here: pairs, churn, vectors, aligned blocks", 1 },
    { "rounds", KEY_ROUNDS, "N", 0,
      "How often time is taken, 1 to 99 (default 5)", 1 },
    { "patience", KEY_PATIENCE, "SECONDS", 0,
      "Give one contender up after that long on one trace (default 60)", 1 },
    { "no-count", KEY_NO_COUNT, 0, 0, "Do not count instructions", 1 },
    { "json", KEY_JSON, 0, 0, "Print JSON", 2 },
    { "svg", KEY_SVG, "FILE", 0,
      "Draw fragmentation over the operations into FILE", 2 },
    { 0 }
};

static const char doc[] =
    "Measure heap classes beside each other and beside malloc() of the "
    "libraries that are installed, on traces.\v"
    "Each contender runs in a process of its own. What the columns are is in "
    "doc/traces.md.\n\n"
    "Exit status: 0 the tables are printed, also when a contender failed; 2 "
    "bad "
    "input or usage, 77 this host cannot.";

static error_t bad(const char *option, const char *value, const char *right) {
    complain("--%s: '%s' is not right; right would be %s", option, value,
             right);
    return EINVAL;
}

static error_t parse_number(const char *option, const char *value,
                            uint64_t most, uint64_t *number) {
    char right[64];

    if (number_parse(value, strlen(value), number) && *number > 0 &&
        *number <= most) {
        return 0;
    }
    snprintf(right, sizeof(right), "a number from 1 to %" PRIu64, most);
    return bad(option, value, right);
}

static error_t add_row(struct compare_options *o, const char *name) {
    for (size_t i = 0; i < o->row_count; i++) {
        if (strcmp(o->rows[i], name) == 0) {
            return 0;
        }
    }
    if (o->row_count == COMPARE_ROWS_MAX) {
        complain("--heap: no more than %d", COMPARE_ROWS_MAX);
        return EINVAL;
    }
    o->rows[o->row_count++] = name;
    return 0;
}

static error_t parse_rows(struct compare_options *o, char *value) {
    o->some = true;
    for (char *name = strsep(&value, ","); name != NULL;
         name = strsep(&value, ",")) {
        if (!contender_is_known(name)) {
            return bad("heap", name,
                       "a heap class (with or without -locked), mimalloc, "
                       "glibc, jemalloc or tcmalloc");
        }
        if (add_row(o, name) != 0) {
            return EINVAL;
        }
    }
    return 0;
}

static error_t parse(int key, char *value, struct argp_state *state) {
    struct compare_options *o = state->input;
    uint64_t number = 0;
    error_t error;

    switch (key) {
    case ARGP_KEY_INIT:
        state->err_stream = NULL; /* no second line "Try ..." */
        return 0;
    case ARGP_KEY_ARGS:
        o->traces = state->argv + state->next;
        o->trace_count = (size_t)(state->argc - state->next);
        return 0;
    case KEY_HEAP:
        return parse_rows(o, value);
    case KEY_OPS:
        return parse_number("ops", value, REPLAY_OPS_MAX, &o->ops);
    case KEY_ROUNDS:
        error = parse_number("rounds", value, COMPARE_ROUNDS_MAX, &number);
        o->rounds = (unsigned)number;
        return error;
    case KEY_PATIENCE:
        return parse_number("patience", value, 86400, &o->patience);
    case KEY_NO_COUNT:
        o->count = false;
        return 0;
    case KEY_BUILT_IN:
        o->built_in = true;
        return 0;
    case KEY_JSON:
        o->json = true;
        return 0;
    case KEY_SVG:
        o->svg = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/** The default class has a row with and one without its lock. */
static void add_everyone(struct compare_options *o) {
    for (unsigned i = 0; contender_library_name(i) != NULL; i++) {
        (void)add_row(o, contender_library_name(i));
    }
    (void)add_row(o, "slab");
    (void)add_row(o, "slab-locked");
    for (size_t i = 0; heap_classes[i] != NULL; i++) {
        (void)add_row(o, heap_classes[i]->name);
    }
}

bool compare_options_parse(struct compare_options *o, int argc, char **argv) {
    static const struct argp argp = { option_table, parse, "TRACE...", doc,
                                      NULL,         NULL,  NULL };

    *o = (struct compare_options){
        .rounds = 5,
        .patience = 60,
        .count = true,
        .rows = { "mimalloc", "glibc" },
        .row_count = 2,
    };
    if (argp_parse(&argp, argc, argv, 0, NULL, o) != 0) {
        return false;
    }
    if (o->trace_count == 0 && !o->built_in) {
        complain("compare: no trace given; see 'memtwin compare --help'");
        return false;
    }
    if (!o->some) {
        add_everyone(o);
    }
    return true;
}
