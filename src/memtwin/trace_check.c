/*
 * The sense of a trace: an id names one block from its allocation to its free,
 * and the header's sums are those of the operations.
 *
 *   size[id]   0: free     n + 1: live, n bytes were asked for
 */
#include "memtwin/trace.h"

#include <inttypes.h>
#include <stdlib.h>

bool trace_check_begin(struct trace_check *check, uint64_t id_count,
                       struct place at) {
    *check = (struct trace_check){ .id_count = id_count };
    check->size = calloc(id_count == 0 ? 1 : id_count, sizeof(uint64_t));
    return check->size != NULL ||
           complain_at(at, "no memory for %" PRIu64 " ids", id_count);
}

static bool check_live(const struct trace_check *check,
                       const struct replay_op *op, struct place at) {
    bool live = check->size[op->id] != 0;

    switch (op->kind) {
    case REPLAY_FREE:
        return live || complain_at(at,
                                   "free of id %u, which is not live; "
                                   "allocate it first",
                                   op->id);
    case REPLAY_REALLOC:
        return live || complain_at(at,
                                   "reallocation of id %u, which is not live; "
                                   "allocate it first",
                                   op->id);
    default:
        return !live || complain_at(at,
                                    "allocation of id %u, which is live; "
                                    "free it first or use another id",
                                    op->id);
    }
}

static void count(struct trace_check *check, const struct replay_op *op) {
    uint64_t *size = &check->size[op->id];

    if (*size != 0) {
        check->live_bytes -= *size - 1;
        check->live_blocks--;
    }
    *size = 0;
    if (op->kind == REPLAY_FREE) {
        check->frees_at_end++;
        return;
    }
    *size = op->size + 1;
    check->live_bytes += op->size;
    check->live_blocks++;
    if (check->live_bytes > check->peak_bytes) {
        check->peak_bytes = check->live_bytes;
    }
    if (check->live_blocks > check->peak_blocks) {
        check->peak_blocks = check->live_blocks;
    }
    check->frees_at_end = 0;
}

bool trace_check_op(struct trace_check *check, const struct replay_op *op,
                    struct place at) {
    if (op->id >= check->id_count) {
        return complain_at(
            at, "id %u of a trace with %" PRIu64 " ids; ids are 0 .. ids - 1",
            op->id, check->id_count);
    }
    if (!check_live(check, op, at)) {
        return false;
    }
    count(check, op);
    return true;
}

/** The header's line @key, if there is one, must say @found. */
static bool check_claim(const struct trace_claims *claims, enum trace_key key,
                        uint64_t found, const char *what, const char *path) {
    struct place at = { path, claims->line[key] };

    return at.line == 0 || claims->value[key] == found ||
           complain_at(at,
                       "the header says %s is %" PRIu64
                       ", the operations come to %" PRIu64,
                       what, claims->value[key], found);
}

bool trace_check_end(const struct trace_check *check,
                     const struct trace_claims *claims, struct place at) {
    uint64_t id = 0;

    if (check->live_blocks != 0) {
        while (check->size[id] == 0) {
            id++;
        }
        return complain_at(at,
                           "the trace ends with %" PRIu64
                           " live blocks (id %" PRIu64
                           " is one); free all of them",
                           check->live_blocks, id);
    }
    if (claims->line[TRACE_TAIL] != 0 &&
        claims->value[TRACE_TAIL] > check->frees_at_end) {
        return complain_at((struct place){ at.path, claims->line[TRACE_TAIL] },
                           "the header says tail is %" PRIu64
                           ", but only the last %" PRIu64
                           " operations are all frees",
                           claims->value[TRACE_TAIL], check->frees_at_end);
    }
    return check_claim(claims, TRACE_PEAK, check->peak_bytes, "peak",
                       at.path) &&
           check_claim(claims, TRACE_PEAKN, check->peak_blocks, "peakn",
                       at.path);
}

void trace_check_destroy(struct trace_check *check) {
    free(check->size);
    check->size = NULL;
}
