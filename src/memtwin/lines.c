/*
 * Lines end with a newline, the last one too; words are separated by one blank.
 *
 *   m 2 64 4096\n        words: "m" "2" "64" "4096"
 */
#include "memtwin/lines.h"

#include <string.h>

struct quote quote(struct word w) {
    struct quote q;
    size_t len = w.len < QUOTE_MAX ? w.len : QUOTE_MAX;
    size_t i;

    for (i = 0; i < len; i++) {
        bool printable = w.at[i] >= ' ' && w.at[i] <= '~';

        q.text[i] = printable ? w.at[i] : '?';
    }
    strcpy(q.text + len, w.len > len ? "..." : "");
    return q;
}

bool word_is(struct word w, const char *s) {
    return w.len == strlen(s) && memcmp(w.at, s, w.len) == 0;
}

static void split(struct lines *l) {
    const char *at = l->line.at;
    const char *end = at + l->line.len;

    for (l->word_count = 0; l->word_count <= WORDS_MAX; l->word_count++) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        const char *stop = blank != NULL ? blank : end;

        if (l->word_count < WORDS_MAX) {
            l->words[l->word_count] = (struct word){ at, (size_t)(stop - at) };
        }
        if (blank == NULL) {
            l->word_count++;
            return;
        }
        at = blank + 1;
    }
}

bool lines_next(struct lines *l) {
    const char *start = l->text.bytes + l->next;
    size_t left = l->text.len - l->next;
    const char *newline = left > 0 ? memchr(start, '\n', left) : NULL;

    l->place.line++;
    if (newline == NULL) {
        return false;
    }
    l->line = (struct word){ start, (size_t)(newline - start) };
    l->next += l->line.len + 1;
    split(l);
    return true;
}

bool lines_ended(const struct lines *l, const char *missing) {
    if (l->next < l->text.len) {
        return complain_at(l->place, "the last line has no end; the file is "
                                     "cut short");
    }
    return complain_at(l->place, "the file ends where %s is due", missing);
}
