/**
 * @file journal.h
 * What was done to a functional machine, so that it can be done again: from the
 * beginning, or back to a moment that has passed.
 *
 *   operation   0   1   2   3   4   5   6   7   8
 *   snapshot    S               S               S      every few of them
 *   event              w f         w      stale
 *                                         ^ journal_back(5): restore S at 4,
 *                                           do 4 again
 *
 * A program that drives the machine by journal_do() alone is recorded whole:
 * the machine has no other input.  Its log (journal_log(), JSON lines) begins
 * with the machine and holds operations and events in order; journal_replay()
 * builds that machine, does the operations, and demands the same events.
 */
#ifndef SIM_JOURNAL_H
#define SIM_JOURNAL_H

#include <stdio.h>

#include "sim/log.h"
#include "sim/snapshot.h"

enum sim_op_kind {
    SIM_OP_LOAD,    /* at: address, bytes */
    SIM_OP_STORE,   /* at, bytes, value */
    SIM_OP_ADD,     /* at, bytes, value: one instruction, such as LOCK XADD */
    SIM_OP_FETCH,   /* at */
    SIM_OP_INVLPG,  /* at */
    SIM_OP_INVPCID, /* at; value: type << 32 | PCID */
    SIM_OP_CR0,     /* value */
    SIM_OP_CR3,
    SIM_OP_CR4,
    SIM_OP_EFER,
    SIM_OP_MODE,  /* value: sim_op_mode() */
    SIM_OP_POKE,  /* at: physical, 8-aligned; value: by no processor */
    SIM_OP_FREED, /* at: physical; value: bytes; cpu_frames_freed() */
    SIM_OP_KINDS
};

struct sim_op {
    enum sim_op_kind kind;
    unsigned cpu;   /* which processor does it */
    unsigned bytes; /* 1 to 8 */
    uint64_t at, value;
};

/** CPL, RFLAGS.AC and IF, and PKRU, as one value. */
static inline uint64_t sim_op_mode(unsigned cpl, bool ac, bool interrupts,
                                   uint32_t pkru) {
    return (uint64_t)pkru << 32 | (uint64_t)interrupts << 3 |
           (uint64_t)ac << 2 | cpl;
}

struct sim_op_result {
    bool done;              /* false: the processor raised an exception */
    uint64_t value;         /* loaded, or what was there */
    struct sim_fault fault; /* of loads, stores, fetches that were not done */
};

#define JOURNAL_SNAPSHOTS 32

struct journal {
    struct sim_cpu *cpus[SNAPSHOT_CPUS_MAX];
    unsigned cpu_count;
    struct sim_op *ops;
    uint64_t *events_before; /* of each operation: the events until then */
    uint64_t events_after;   /* of the last one */
    size_t count, room;
    size_t now; /* the next operation; count: nothing was gone back */

    struct snapshot *snapshots[JOURNAL_SNAPSHOTS];
    size_t taken_at[JOURNAL_SNAPSHOTS]; /* before that operation */
    unsigned snapshot_count;
    size_t every; /* operations between snapshots; doubles when all are used */

    bool is_fresh; /* it began with RAM that nobody had touched */
    FILE *out;     /* NULL: not logged */
    struct sim_log log;
};

/** The machine as it is now is the beginning.
 *  @every  operations between snapshots, at least 1
 *  @return false when the host has no memory */
bool journal_init(struct journal *journal, struct sim_cpu *const *cpus,
                  unsigned count, size_t every);
void journal_destroy(struct journal *journal);

/** Do @op and write it down.  After journal_back() what came after is gone.
 *  @return false: no memory to write it down; it was not done */
bool journal_do(struct journal *journal, struct sim_op op,
                struct sim_op_result *result);

/** The machine is as it was before operation @number (0 .. count).
 *  Cost: one snapshot_restore() and fewer than every operations. */
void journal_back(struct journal *journal, size_t number);

/** Write the machine, then every operation and its events, to @out from now on,
 *  until journal_destroy(); going back is not written.  To be called before the
 *  first operation. */
void journal_log(struct journal *journal, FILE *out);

/**
 * Read a log, build its machine, do its operations again.
 * @return true: the machine did what the log says; false: @why is a sentence
 *         with the line that is wrong or where it did something else
 */
bool journal_replay(FILE *in, char *why, size_t why_size);

/** Do @op on @cpu, and write nothing down. */
void sim_op_do(struct sim_cpu *cpu, const struct sim_op *op,
               struct sim_op_result *result);
/** The operation as one JSON object, and back.  @return false: it is none */
void sim_op_json(const struct sim_op *op, char *text, size_t size);
bool sim_op_parse(const char *text, struct sim_op *op);

/** The operation that made event @number (of sim_events.total), also when that
 *  moment was gone back from; or count: none of them. */
size_t journal_op_of_event(const struct journal *journal, uint64_t number);

#endif
