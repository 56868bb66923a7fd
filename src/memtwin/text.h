/**
 * @file text.h
 * A whole text file in memory, unpacked when it is xz-compressed.
 */
#ifndef MEMTWIN_TEXT_H
#define MEMTWIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define TEXT_MAX ((size_t)1 << 30)

struct text {
    char *bytes; /* malloc()ed; NULL when empty */
    size_t len;
};

/** Read @path; @return false after a message (unreadable, too large, packed
 * data that are damaged). */
bool text_read(struct text *text, const char *path);
void text_destroy(struct text *text);

#endif
