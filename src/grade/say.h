/**
 * @file say.h
 * Messages of memtwin-grade, and what it ends with.
 */
#ifndef GRADE_SAY_H
#define GRADE_SAY_H

#include <stdio.h>

enum grade_exit {
    GRADE_DONE = 0,   /* a result was written, whatever the score */
    GRADE_FAILED = 1, /* with --only: that test has not passed */
    GRADE_USAGE = 2,  /* bad input or usage */
    GRADE_CANNOT = 77 /* this host cannot */
};

/** "memtwin-grade: ..." and a newline on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
