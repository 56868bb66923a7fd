/*
 * A trace that ends early is still a trace: what is live there is freed, oldest
 * first, as the recordings themselves end.
 *
 *   [ first N operations ][ f ][ f ][ f ]
 *                         blocks live at the cut, in order of allocation
 */
#include "memtwin/trace.h"

#include <stdlib.h>

/** For each id the operation that allocated its live block, + 1; 0: none. */
static uint64_t *find_live(const struct trace *trace, uint64_t count,
                           uint64_t *live) {
    uint64_t *born = calloc(trace->id_count + 1, sizeof(*born));
    uint64_t i;

    *live = 0;
    for (i = 0; born != NULL && i < count; i++) {
        const struct replay_op *op = &trace->ops[i];

        if (op->kind == REPLAY_FREE) {
            born[op->id] = 0;
            (*live)--;
        } else if (op->kind != REPLAY_REALLOC) {
            born[op->id] = i + 1;
            (*live)++;
        }
    }
    return born;
}

bool trace_balance(struct trace *trace) {
    const uint64_t count = trace->op_count;
    uint64_t live, i, end = count;
    uint64_t *born = find_live(trace, count, &live);
    struct replay_op *ops = NULL;

    if (born != NULL) {
        ops = realloc(trace->ops, (count + live + 1) * sizeof(*ops));
    }
    if (ops == NULL) {
        free(born);
        complain("no memory for the end of the trace");
        return false;
    }
    for (i = 0; i < count; i++) {
        if (ops[i].kind != REPLAY_FREE && born[ops[i].id] == i + 1) {
            ops[end++] =
                (struct replay_op){ .kind = REPLAY_FREE, .id = ops[i].id };
        }
    }
    free(born);
    trace->ops = ops;
    trace->op_count = end;
    trace->lines = count;
    return true;
}

bool trace_cut(struct trace *trace, uint64_t count) {
    if (count >= trace->op_count) {
        return true;
    }
    trace->op_count = count;
    return trace_balance(trace);
}
