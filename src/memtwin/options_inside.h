/**
 * @file options_inside.h
 * What the files of the options of "memtwin run" share; options.h is for users.
 */
#ifndef MEMTWIN_OPTIONS_INSIDE_H
#define MEMTWIN_OPTIONS_INSIDE_H

#include "memtwin/options.h"

/* options_value.c: what argp's parser returns: 0, or EINVAL after one line. */
int option_is_bad(const char *option, const char *value, const char *right);
int option_on(struct run_options *o, const char *value);
int option_tlb(struct run_options *o, const char *value);
int option_backing(struct run_options *o, const char *value);
int option_heap(struct run_options *o, const char *value);
int option_heap_debug(struct run_options *o, const char *value);
int option_pmm(struct run_options *o, const char *value);
int option_ram(struct run_options *o, const char *value);
int option_base(struct run_options *o, const char *value);
int option_walk(struct run_options *o, const char *value);
/** A size in whole pages. */
int option_pages(uint64_t *bytes, const char *option, const char *value);
/** A count from @min to @max. */
int option_count(uint64_t *count, const char *option, const char *value,
                 uint64_t min, uint64_t max);

/* options_fit.c */
/** As much as most traces need, more for a larger start, but no more than
 *  there is room for. */
uint64_t options_heap_limit(const struct run_options *o);
/** @return false after one line: the options do not go together */
bool options_fit(const struct run_options *o);

#endif
