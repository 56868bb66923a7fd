/**
 * @file record.h
 * The parts of memtwin record.
 */
#ifndef MEMTWIN_RECORD_H
#define MEMTWIN_RECORD_H

#include "memtwin/calls.h"
#include "memtwin/trace.h"

/** Add to the empty @trace what the @count calls come to; every block is freed
 * at the end.  @return false after a message: no memory */
bool trace_of_calls(struct trace *trace, const struct call *calls,
                    size_t count);

/** Write @trace as text to the file @path, xz-compressed when that ends in
 * ".xz".
 *  @return false after a message; then there is no file */
bool trace_write(const struct trace *trace, const char *path);

#endif
