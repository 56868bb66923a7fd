/*
 * The head of a trace: comments, the format, and what the trace claims of
 * itself; the claims are checked when all operations are read.
 *
 *   # comments
 *   ktrace 1
 *   name cc1
 *   ops 509018      needed
 *   ids 9039        needed
 *   peak 3357708    and peakn, tail
 *   begin
 */
#include "memtwin/trace.h"

#include "program/number.h"

#include <inttypes.h>
#include <string.h>

static const char *const key_names[TRACE_KEY_COUNT] = {
    "name", "ops", "ids", "peak", "peakn", "tail"
};

static bool is_comment(const struct lines *l) {
    return l->line.len > 0 && l->line.at[0] == '#';
}

static bool next_header_line(struct lines *l, const char *missing) {
    do {
        if (!lines_next(l)) {
            return lines_ended(l, missing);
        }
    } while (is_comment(l));
    return true;
}

static bool read_frame_format(struct lines *l) {
    return next_header_line(l, "'ftrace 1'") &&
           (word_is(l->line, "ftrace 1") ||
            complain_at(l->place,
                        "'%s' is no trace of frames; one starts with "
                        "'ftrace 1'",
                        quote(l->line).text));
}

static bool read_format(struct lines *l) {
    if (!next_header_line(l, "'ktrace 1'")) {
        return false;
    }
    if (l->word_count == 2 && word_is(l->words[0], "ftrace")) {
        return complain_at(l->place, "a trace of frames (ftrace); 'run' "
                                     "replays heap traces (ktrace 1)");
    }
    if (word_is(l->line, "ktrace 1")) {
        return true;
    }
    if (l->word_count == 2 && word_is(l->words[0], "ktrace")) {
        return complain_at(l->place,
                           "version '%s' of the format is not known; "
                           "this program reads 'ktrace 1'",
                           quote(l->words[1]).text);
    }
    return complain_at(l->place,
                       "'%s' is no trace; a trace starts with "
                       "'ktrace 1'",
                       quote(l->line).text);
}

static bool read_claim(const struct lines *l, struct trace *trace,
                       struct trace_claims *claims) {
    unsigned key = 0;

    while (key < TRACE_KEY_COUNT && !word_is(l->words[0], key_names[key])) {
        key++;
    }
    if (key == TRACE_KEY_COUNT) {
        return complain_at(l->place,
                           "unknown header line '%s'; known are "
                           "name, ops, ids, peak, peakn, tail, begin",
                           quote(l->line).text);
    }
    if (claims->line[key] != 0) {
        return complain_at(l->place, "a second '%s'; the first is in line %lu",
                           key_names[key], claims->line[key]);
    }
    claims->line[key] = l->place.line;
    if (key == TRACE_NAME) {
        struct word rest = { l->line.at + 4, l->line.len - 4 };

        if (rest.len < 2) {
            return complain_at(l->place, "'name' without a name");
        }
        snprintf(trace->name, sizeof(trace->name), "%s",
                 quote((struct word){ rest.at + 1, rest.len - 1 }).text);
        return true;
    }
    return (l->word_count == 2 && number_parse(l->words[1].at, l->words[1].len,
                                               &claims->value[key])) ||
           complain_at(l->place, "'%s'; right would be '%s NUMBER'",
                       quote(l->line).text, key_names[key]);
}

/** A claim that must be there and be at most @max. */
static bool need(const struct lines *l, const struct trace_claims *claims,
                 enum trace_key key, uint64_t max) {
    if (claims->line[key] == 0) {
        return complain_at(l->place, "'begin' before a line '%s NUMBER'",
                           key_names[key]);
    }
    return claims->value[key] <= max ||
           complain_at((struct place){ l->place.path, claims->line[key] },
                       "%s %" PRIu64 " is absurd; at most %" PRIu64,
                       key_names[key], claims->value[key], max);
}

bool trace_read_header(struct trace *trace, struct trace_claims *claims,
                       struct lines *l) {
    if (!(trace->of_frames ? read_frame_format(l) : read_format(l))) {
        return false;
    }
    while (true) {
        if (!next_header_line(l, "'begin'")) {
            return false;
        }
        if (word_is(l->line, "begin")) {
            break;
        }
        if (!read_claim(l, trace, claims)) {
            return false;
        }
    }
    trace->id_count = claims->value[TRACE_IDS];
    trace->first_line = l->place.line + 1;
    return need(l, claims, TRACE_OPS, REPLAY_OPS_MAX) &&
           need(l, claims, TRACE_IDS, REPLAY_ID_MAX);
}
