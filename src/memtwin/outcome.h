/**
 * @file outcome.h
 * What came of one run on one machine, gathered from its console.
 *
 * The lines are those of src/replay (doc/traces.md lists them) and, from a
 * kernel on bare metal, "boot: map", "boot: module" and
 * "boot: reserved".  Anything else is kept
 * as the machine's last words; after a line "trap: ..." all of it is kept, the
 * story of a fault.
 */
#ifndef MEMTWIN_OUTCOME_H
#define MEMTWIN_OUTCOME_H

#include "hw/boot.h"
#include "memtwin/options.h"
#include "sim/walk_story.h"

#include <stdint.h>

#define OUTCOME_FACTS_MAX 64
#define OUTCOME_MAP_MAX 256
#define OUTCOME_LINE_MAX 512
#define OUTCOME_STORY_MAX 2048

struct trace;

/** One line "replay: result KEY VALUE". */
struct fact {
    char key[32], value[48];
};

enum error_place { ERROR_NONE, ERROR_AT_START, ERROR_AT_OP, ERROR_AT_END };

/** What a simulated machine counts beside. */
struct machine_counters {
    uint64_t fills, signals, walk_reads, evictions, invlpgs, faults;
};

/** An address walked after the run. */
struct walked {
    struct walk_asked asked;
    struct walk_control control;
    struct walk_result result;
};

struct outcome {
    const char *machine; /* "simulator", "QEMU" */
    const struct trace *trace;

    struct fact facts[OUTCOME_FACTS_MAX];
    size_t fact_count;
    enum error_place error_place;
    uint64_t error_op;
    char error[OUTCOME_LINE_MAX];
    bool has_verdict, good;
    uint64_t done, total;  /* of the newest progress line */
    double started, ended; /* seconds, first and last progress line */

    char **state; /* lines "replay: state ...", without the prefix */
    size_t state_count, state_room;
    bool state_cut; /* the host had no memory for all of them */

    struct memmap_entry map[OUTCOME_MAP_MAX];
    size_t map_count;
    struct prange module;
    struct prange reserved[BOOT_RESERVED_MAX];
    size_t reserved_count;

    char last_words[OUTCOME_LINE_MAX]; /* last other line; a panic wins */
    bool panicked;
    char story[OUTCOME_STORY_MAX]; /* lines from the newest "trap: " on */
    size_t story_len;

    bool has_counters;
    struct machine_counters counters;
    bool has_stales; /* --report-stale */
    uint64_t stale_count;
    struct table_writes writes; /* as of the walks; ring NULL: not recorded */
    struct walked walks[RUN_WALKS_MAX]; /* --walk, on the simulator */
    unsigned walk_count;

    bool show_progress;
    char line[OUTCOME_LINE_MAX];
    size_t line_len;
};

/** @trace  what the machine replays; for messages */
void outcome_init(struct outcome *outcome, const char *machine,
                  const struct trace *trace, bool show_progress);
void outcome_destroy(struct outcome *outcome);

/** One character of the machine's console; @outcome is a struct outcome. */
void outcome_char(void *outcome, char c);

/** The value of @key, or NULL. */
const char *outcome_fact(const struct outcome *outcome, const char *key);
/** The same as a number; 0 when there is none. */
uint64_t outcome_number(const struct outcome *outcome, const char *key);

/** Microseconds per operation between the progress lines. */
double outcome_us_per_op(const struct outcome *outcome);

/**
 * Did both machines come to the same?  Every result line must be equal.
 * @text  when not: the first difference, as a sentence
 */
bool outcome_equal(const struct outcome *a, const struct outcome *b, char *text,
                   size_t size);
/** Did both give up before the first operation, for the same reason?  Then
 *  there is no state to compare. */
bool outcome_failed_alike(const struct outcome *a, const struct outcome *b);
/** As outcome_equal() for the listed state. */
bool outcome_state_equal(const struct outcome *a, const struct outcome *b,
                         char *text, size_t size);

#endif
