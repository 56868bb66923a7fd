/**
 * @file trace.h
 * A trace: the allocations of a real program, read and checked.
 */
#ifndef MEMTWIN_TRACE_H
#define MEMTWIN_TRACE_H

#include "replay/replay.h"

#include "memtwin/lines.h"

struct trace {
    const char *path;
    char name[64]; /* of the recorded program; "" when the trace has none */
    struct replay_op *ops; /* malloc()ed */
    uint64_t op_count, id_count;
    unsigned long first_line; /* line of ops[0] in the file */
    bool of_frames;           /* not of bytes: trace_read_frames() */
    bool is_rep;              /* another format: trace_rep.c */
    uint64_t lines;           /* operations that stand in the file; any after
                                 them were added by trace_cut() */
};

/** Read the text or xz file at @path and check all of it.
 *  @return false after one message with file and line */
bool trace_read(struct trace *trace, const char *path);

/** The same for what a kernel asked of its frame allocator: 2^order frames,
 *  aligned to their size.  An operation is REPLAY_ALLOC with the size in bytes,
 *  or REPLAY_FREE. */
bool trace_read_frames(struct trace *trace, const char *path);

/** The highest order that a trace of frames may ask for: 4 MiB. */
#define TRACE_ORDER_MAX 10

/** Add frees of what is live at the end, oldest first.
 *  @return false after a message: no memory */
bool trace_balance(struct trace *trace);

/** Keep the first @count operations and add frees of what is live then, oldest
 *  first.  A trace that is not longer stays as it is.
 *  @return false after a message: no memory */
bool trace_cut(struct trace *trace, uint64_t count);

void trace_destroy(struct trace *trace);

/** The header lines of the format; doc/traces.md. */
enum trace_key {
    TRACE_NAME,
    TRACE_OPS,
    TRACE_IDS,
    TRACE_PEAK,
    TRACE_PEAKN,
    TRACE_TAIL,
    TRACE_KEY_COUNT
};

/** What the header claims: value and line (0: it claims nothing). */
struct trace_claims {
    uint64_t value[TRACE_KEY_COUNT];
    unsigned long line[TRACE_KEY_COUNT];
};

/** Read up to the line "begin".  @return false after a message */
bool trace_read_header(struct trace *trace, struct trace_claims *claims,
                       struct lines *lines);

/* --- trace_rep.c: another format ------------------------------------------ */

struct trace_check;

/** Does it start as a .rep trace does? */
bool trace_is_rep(const struct text *text);
/** Read its four numbers.  @return false after a message */
bool trace_read_rep_header(struct trace *trace, struct trace_claims *claims,
                           struct lines *lines);
/** Make @op one of ours.  @return false after a message */
bool trace_fit_rep(const struct trace_check *check, struct replay_op *op,
                   struct place at);

/* --- trace_check.c: does the sequence make sense? ----------------------- */

struct trace_check {
    uint64_t *size; /* by id, of the live block + 1; 0: not live */
    uint64_t id_count;
    uint64_t live_bytes, peak_bytes, live_blocks, peak_blocks;
    uint64_t frees_at_end; /* operations at the end that are all frees */
};

bool trace_check_begin(struct trace_check *check, uint64_t id_count,
                       struct place at);
/** One more operation; @return false after a message */
bool trace_check_op(struct trace_check *check, const struct replay_op *op,
                    struct place at);
/** The end of the trace: nothing live, and all as the header claims. */
bool trace_check_end(const struct trace_check *check,
                     const struct trace_claims *claims, struct place at);
void trace_check_destroy(struct trace_check *check);

#endif
