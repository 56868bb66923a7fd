/**
 * @file progress.h
 * A progress bar on standard error, when that is a terminal.
 */
#ifndef MEMTWIN_PROGRESS_H
#define MEMTWIN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/** Is somebody there to see it? */
bool progress_wanted(void);
/** Draw the bar of @machine, over the one before. */
void progress_show(const char *machine, uint64_t done, uint64_t total);
/** Wipe it: something else is to be printed. */
void progress_clear(void);

#endif
