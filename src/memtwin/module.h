/**
 * @file module.h
 * The trace and the choices in the binary form that the kernel side reads.
 */
#ifndef MEMTWIN_MODULE_H
#define MEMTWIN_MODULE_H

#include "memtwin/options.h"
#include "memtwin/trace.h"
#include "program/say.h"

struct module {
    struct replay_header *header; /* malloc()ed; the operations follow */
    size_t size;                  /* bytes of both */
};

/** @return false after a message: no memory */
bool module_make(struct module *module, const struct trace *trace,
                 const struct run_options *options);
/** Write it to a file.  @return not EXIT_GOOD after a message: EXIT_USAGE when
 *  there can be no such file, EXIT_WRONG when it is not whole */
enum outcome_code module_save(const struct module *module, const char *path);
void module_destroy(struct module *module);

#endif
