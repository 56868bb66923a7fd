/**
 * @file stopped.h
 * A machine that did not come to its end: where, with which words.
 */
#ifndef MEMTWIN_STOPPED_H
#define MEMTWIN_STOPPED_H

#include "memtwin/outcome.h"

/**
 * "memtwin: TRACE:LINE: WHAT after operation N or later: WORDS", and under it
 * what the kernel told of the trap that nobody repaired.
 *
 * A machine that stops can't say in which operation: N is that of its newest
 * progress line, and LINE the first line of the trace that may be to blame.
 *
 * @words  NULL: the machine's last words
 */
void complain_stopped(const struct outcome *outcome, const char *words,
                      const char *what, ...)
    __attribute__((format(printf, 3, 4)));

#endif
