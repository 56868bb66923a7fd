/*
 * From the text of a trace to its operations, line by line.
 *
 *   # comments                   header: comments, the format, claims
 *   ktrace 1
 *   ops 3 ...
 *   begin
 *   a 0 472                      one operation per line, numbers in decimal,
 *   f 0                          one blank between, a newline at the end
 *
 * Nothing is guessed: what is not exactly the format is a message with file
 * and line.  The numbers of the header are claims, checked at the end.
 */
#include "memtwin/trace.h"

#include "program/number.h"

#include <inttypes.h>
#include <stdlib.h>

/** How each operation is written. */
static const struct form {
    char letter;
    size_t words;
    const char *right;
} forms[REPLAY_KIND_COUNT] = {
    [REPLAY_ALLOC] = { 'a', 3, "a ID SIZE" },
    [REPLAY_ZEROED] = { 'z', 3, "z ID SIZE" },
    [REPLAY_ALIGNED] = { 'm', 4, "m ID ALIGNMENT SIZE" },
    [REPLAY_REALLOC] = { 'r', 3, "r ID SIZE" },
    [REPLAY_FREE] = { 'f', 2, "f ID" },
};

static bool read_alignment(struct lines *l, uint64_t align,
                           struct replay_op *op) {
    if (!is_power_of_two(align) || align <= HEAP_ALIGN_MIN ||
        align > HEAP_ALIGN_MAX) {
        return complain_at(l->place,
                           "alignment %s; right would be a power of two from "
                           "32 to %" PRIu64,
                           quote(l->words[2]).text, (uint64_t)HEAP_ALIGN_MAX);
    }
    op->align_shift = (uint8_t)__builtin_ctzll(align);
    return true;
}

static bool read_op(struct lines *l, struct replay_op *op) {
    uint64_t numbers[WORDS_MAX] = { 0 };
    unsigned kind = 0;
    size_t w;

    *op = (struct replay_op){ 0 };
    while (kind < REPLAY_KIND_COUNT &&
           !(l->words[0].len == 1 && l->words[0].at[0] == forms[kind].letter)) {
        kind++;
    }
    if (kind == REPLAY_KIND_COUNT) {
        return complain_at(l->place,
                           "unknown operation '%s'; operations are "
                           "a, z, m, r, f",
                           quote(l->line).text);
    }
    for (w = 1; w < l->word_count && w < WORDS_MAX; w++) {
        if (!number_parse(l->words[w].at, l->words[w].len, &numbers[w])) {
            break;
        }
    }
    if (l->word_count != forms[kind].words || w != l->word_count) {
        return complain_at(l->place, "'%s'; right would be '%s'",
                           quote(l->line).text, forms[kind].right);
    }
    if (numbers[1] >= REPLAY_ID_MAX) {
        return complain_at(l->place, "id %s is absurd; ids are below %u",
                           quote(l->words[1]).text, REPLAY_ID_MAX);
    }
    op->kind = (uint8_t)kind;
    op->id = (uint32_t)numbers[1];
    op->size = kind == REPLAY_FREE ? 0 : numbers[forms[kind].words - 1];
    if (op->size > REPLAY_SIZE_MAX) {
        return complain_at(
            l->place,
            "size %s is absurd; a block has at most %" PRIu64 " bytes",
            quote(l->words[forms[kind].words - 1]).text, REPLAY_SIZE_MAX);
    }
    return kind != REPLAY_ALIGNED || read_alignment(l, numbers[2], op);
}

/** An operation of a frame trace was read as if it were of bytes; its size is
 *  an order. */
static bool order_to_size(struct lines *l, struct replay_op *op) {
    if (op->kind != REPLAY_ALLOC && op->kind != REPLAY_FREE) {
        return complain_at(l->place,
                           "unknown operation '%s'; operations on frames are "
                           "a, f",
                           quote(l->line).text);
    }
    if (op->size > TRACE_ORDER_MAX) {
        return complain_at(l->place, "order %s is absurd; at most %u",
                           quote(l->words[2]).text, TRACE_ORDER_MAX);
    }
    if (op->kind == REPLAY_ALLOC) {
        op->size = PAGE_SIZE << op->size;
    }
    return true;
}

static bool add_op(struct trace *trace, struct replay_op op, size_t *room,
                   struct place at) {
    if (trace->op_count == *room) {
        size_t more = *room == 0 ? 4096 : *room * 2;
        struct replay_op *ops = realloc(trace->ops, more * sizeof(*ops));

        if (ops == NULL) {
            return complain_at(at, "no memory for more operations");
        }
        trace->ops = ops;
        *room = more;
    }
    trace->ops[trace->op_count++] = op;
    return true;
}

/** All that follows the last operation is nothing at all. */
static bool read_end(struct lines *l, const struct trace_claims *claims) {
    uint64_t ops = claims->value[TRACE_OPS];

    if (lines_next(l)) {
        return complain_at(l->place,
                           "more than the %" PRIu64
                           " operations of the header (line %lu)",
                           ops, claims->line[TRACE_OPS]);
    }
    if (l->next < l->text.len) {
        return lines_ended(l, "nothing");
    }
    l->place.line--;
    return true;
}

static bool read_ops(struct lines *l, struct trace *trace,
                     const struct trace_claims *claims,
                     struct trace_check *check) {
    uint64_t ops = claims->value[TRACE_OPS];
    size_t room = 0;

    while (trace->op_count < ops) {
        struct replay_op op;

        if (!lines_next(l)) {
            char missing[80];

            snprintf(missing, sizeof(missing),
                     "operation %" PRIu64 " of %" PRIu64 "",
                     trace->op_count + 1, ops);
            return lines_ended(l, missing);
        }
        if (!read_op(l, &op) || (trace->of_frames && !order_to_size(l, &op)) ||
            (trace->is_rep && !trace_fit_rep(check, &op, l->place)) ||
            !trace_check_op(check, &op, l->place) ||
            !add_op(trace, op, &room, l->place)) {
            return false;
        }
    }
    if (trace->is_rep) {
        return read_end(l, claims) && trace_balance(trace);
    }
    return read_end(l, claims) && trace_check_end(check, claims, l->place);
}

static bool read_header(struct trace *trace, struct trace_claims *claims,
                        struct lines *l) {
    return trace_is_rep(&l->text) && !trace->of_frames
               ? trace_read_rep_header(trace, claims, l)
               : trace_read_header(trace, claims, l);
}

static bool read_trace(struct trace *trace, const char *path, bool of_frames) {
    struct lines lines = { .place = { path, 0 } };
    struct trace_claims claims = { { 0 }, { 0 } };
    struct trace_check check = { .size = NULL };
    bool good;

    *trace = (struct trace){ .path = path, .of_frames = of_frames };
    good = text_read(&lines.text, path) &&
           read_header(trace, &claims, &lines) &&
           trace_check_begin(&check, trace->id_count, lines.place) &&
           read_ops(&lines, trace, &claims, &check);
    if (!trace->is_rep) { /* else trace_balance() has set it */
        trace->lines = trace->op_count;
    }
    trace_check_destroy(&check);
    text_destroy(&lines.text);
    if (!good) {
        trace_destroy(trace);
    }
    return good;
}

bool trace_read(struct trace *trace, const char *path) {
    return read_trace(trace, path, false);
}

bool trace_read_frames(struct trace *trace, const char *path) {
    return read_trace(trace, path, true);
}

void trace_destroy(struct trace *trace) {
    free(trace->ops);
    trace->ops = NULL;
    trace->op_count = 0;
}
