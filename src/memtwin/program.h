/**
 * @file program.h
 * Can a program be recorded?
 */
#ifndef MEMTWIN_PROGRAM_H
#define MEMTWIN_PROGRAM_H

#include <stdbool.h>

/**
 * The file that execvp() would start for @name takes a library in front of its
 * own: a 64-bit program for this machine that is linked dynamically and runs as
 * who starts it; or a script for such a one.  What is not there or cannot be
 * read is left to execvp() to report.
 * @return false after a message
 */
bool program_can_be_recorded(const char *name);

#endif
