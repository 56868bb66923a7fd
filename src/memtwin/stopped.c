/*
 * What is known of a machine that stopped on the way:
 *
 *   replay: progress 60 512        operations 0 to 59 are done
 *   ... silence ...                so it was number 60, or a later one
 *   trap: page fault error ...     the story of a trap, if it was one
 *   write at 0x444444459000 ...
 *   panic: ...                     its last words
 */
#include "memtwin/stopped.h"

#include "memtwin/trace.h"
#include "program/say.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

static void complain_story(const struct outcome *o) {
    const char *line = o->story;

    while (*line != '\0') {
        size_t len = strcspn(line, "\n");

        complain("  %.*s", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

void complain_stopped(const struct outcome *o, const char *words,
                      const char *what, ...) {
    struct place at = { o->trace->path, 0 };
    char when[80], event[160];
    va_list args;

    va_start(args, what);
    vsnprintf(event, sizeof(event), what, args);
    va_end(args);
    if (words == NULL) {
        words = o->last_words[0] != '\0' ? o->last_words : "it said nothing";
    }
    if (o->total == 0) {
        snprintf(when, sizeof(when), "before the first operation");
    } else if (o->done == o->total) {
        snprintf(when, sizeof(when), "after the last operation");
    } else {
        snprintf(when, sizeof(when), "after operation %" PRIu64 " or later",
                 o->done);
    }
    if (o->total != 0 && o->done < o->trace->lines) {
        at.line = o->trace->first_line + (unsigned long)o->done;
    }
    complain_at(at, "%s %s: %s", event, when, words);
    complain_story(o);
}
