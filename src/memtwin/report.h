/**
 * @file report.h
 * The outcome of a run for people and for programs.
 */
#ifndef MEMTWIN_REPORT_H
#define MEMTWIN_REPORT_H

#include "memtwin/options.h"
#include "memtwin/outcome.h"
#include "memtwin/trace.h"

/** A whole run; sim or qemu is NULL when that machine did not run. */
struct run {
    const struct run_options *options;
    const struct trace *trace;
    const struct outcome *sim, *qemu;
    bool compared, equal;
    const char *difference; /* a sentence; NULL when there is none */
};

/** A table on standard output. */
void report_text(const struct run *run);
/** One JSON object on standard output.  @return false after a message */
bool report_json(const struct run *run);

#endif
