/**
 * @file lines.h
 * A text line by line, each split into words, and pieces of it fit to print.
 */
#ifndef MEMTWIN_LINES_H
#define MEMTWIN_LINES_H

#include "memtwin/text.h"
#include "program/say.h"

#define WORDS_MAX 4
#define QUOTE_MAX 32

/** A piece of the text. */
struct word {
    const char *at;
    size_t len;
};

/** Where the reading stands. */
struct lines {
    struct text text;
    size_t next; /* first byte of the line after the current */
    struct place place;
    struct word line;
    struct word words[WORDS_MAX]; /* of the line, split at single blanks */
    size_t word_count;            /* WORDS_MAX + 1: too many */
};

/** Step to the next line.  @return false: there is none that is whole */
bool lines_next(struct lines *lines);

/** The text ended where @missing was due: say how.  @return false */
bool lines_ended(const struct lines *lines, const char *missing);

bool word_is(struct word w, const char *s);

/** A piece of the text that is fit to print: short, without odd characters. */
struct quote {
    char text[QUOTE_MAX + 4];
};
struct quote quote(struct word w);

#endif
