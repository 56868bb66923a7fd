/**
 * @file program.h
 * Programs of calls of the vmm: drawn, run beside the model, shrunk, printed.
 */
#ifndef PROGRAMS_PROGRAM_H
#define PROGRAMS_PROGRAM_H

#include "programs/world.h"

enum op_kind {
    OP_MAP,
    OP_MAP_LARGE,
    OP_UNMAP,
    OP_PROTECT,
    OP_UPDATE,
    OP_SPLIT,
    OP_MERGE,
    OP_RECLAIM,
    OP_TOUCH,
    OP_CREATE,
    OP_DESTROY,
    OP_SWITCH,
    OP_FORK,
    OP_REGION,
    OP_REMOVE,
    OP_COPY,
    OP_KINDS
};

/** A call with all that it is given, so that it means the same when others
 *  before it are left out; one that makes no sense then does nothing. */
struct op {
    enum op_kind kind;
    unsigned space, other;
    uint64_t page, count, frame;
    unsigned access;
    bool write;
    uint64_t word;
};

#define PROGRAM_MAX 4000 /* calls */

/** A call as op_print() writes it: OP(OP_MAP, .page = 3, .count = 1). */
#define OP(what, ...) (&(const struct op){ .kind = what, __VA_ARGS__ })

/** The next call; *@dice moves on. */
struct op op_draw(uint64_t *dice);

/** Run a call and compare its status and the pages around with the model.
 *  @return false: world.why says what is wrong */
bool op_run(const struct op *op);

/** The call as a line of C, to be pasted into a test. */
void op_print(const struct op *op, char *line, size_t size);

/** Run all on a fresh machine, @whole: comparing all pages after each call.
 *  @return how many ran before one was wrong, which world.why describes;
 *  @count: all were right */
size_t program_run(const struct op *ops, size_t count, bool whole, bool deaf);

/** Leave calls out, and make them smaller, as long as the program still goes
 *  wrong.  @return how many are left */
size_t program_shrink(struct op *ops, size_t count, bool deaf);

#endif
