/**
 * @file say.h
 * Messages of the programs, and what they end with.
 */
#ifndef PROGRAM_SAY_H
#define PROGRAM_SAY_H

#include <stdbool.h>
#include <stdio.h>

/** The exit codes; a host that cannot is what test drivers call a skip. */
enum outcome_code {
    EXIT_GOOD = 0,   /* all went well; a grade: a result was written */
    EXIT_WRONG = 1,  /* the run found something wrong; a test did not pass */
    EXIT_USAGE = 2,  /* bad input or usage */
    EXIT_CANNOT = 77 /* this host cannot */
};

/** "PROGRAM: ..." and a newline on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** A place in a text file. */
struct place {
    const char *path;
    unsigned long line; /* from 1; 0: the file as a whole */
};

/** "PROGRAM: FILE:LINE: ..."; @return false, for the caller to return */
bool complain_at(struct place at, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
