/*
 * The traces of a well-known malloc assignment (.rep), as heap traces.
 *
 *   20000            a heap size, of no use here
 *   12               ids
 *   3                operations
 *   1                a weight, of no use here
 *   a 0 2040         and r ID SIZE, f ID
 *
 * They differ from our own in what they leave open: blocks may be live at the
 * end (they are freed there), and a reallocation may name an id that is not
 * live (it allocates).
 */
#include "memtwin/trace.h"

#include "program/number.h"

#include <inttypes.h>

enum { HEAP_SIZE, IDS, OPS, WEIGHT, NUMBERS };

bool trace_is_rep(const struct text *text) {
    return text->len > 0 && text->bytes[0] >= '0' && text->bytes[0] <= '9';
}

bool trace_read_rep_header(struct trace *trace, struct trace_claims *claims,
                           struct lines *l) {
    static const char *const names[NUMBERS] = { "a heap size", "ids",
                                                "operations", "a weight" };
    static const uint64_t most[NUMBERS] = { [HEAP_SIZE] = UINT64_MAX,
                                            [IDS] = REPLAY_ID_MAX,
                                            [OPS] = REPLAY_OPS_MAX,
                                            [WEIGHT] = UINT64_MAX };
    uint64_t numbers[NUMBERS];

    for (unsigned n = 0; n < NUMBERS; n++) {
        if (!lines_next(l)) {
            return lines_ended(l, names[n]);
        }
        if (l->word_count != 1 ||
            !number_parse(l->line.at, l->line.len, &numbers[n]) ||
            numbers[n] > most[n]) {
            return complain_at(l->place,
                               "'%s'; right in this line of a .rep trace would "
                               "be the number of %s, at most %" PRIu64,
                               quote(l->line).text, names[n], most[n]);
        }
    }
    trace->id_count = numbers[IDS];
    trace->first_line = l->place.line + 1;
    trace->is_rep = true;
    claims->value[TRACE_OPS] = numbers[OPS];
    claims->line[TRACE_OPS] = 1 + OPS;
    return true;
}

bool trace_fit_rep(const struct trace_check *check, struct replay_op *op,
                   struct place at) {
    if (op->kind != REPLAY_ALLOC && op->kind != REPLAY_REALLOC &&
        op->kind != REPLAY_FREE) {
        return complain_at(at, "unknown operation; operations of a .rep trace "
                               "are a, r, f");
    }
    if (op->kind == REPLAY_REALLOC && op->id < check->id_count &&
        check->size[op->id] == 0) {
        op->kind = REPLAY_ALLOC;
    }
    return true;
}
