/**
 * @file kernel_path.h
 * Where the kernel image for QEMU is, and the helpers.
 */
#ifndef MEMTWIN_KERNEL_PATH_H
#define MEMTWIN_KERNEL_PATH_H

#include "program/own_file.h"
#include "program/say.h"

#define KERNEL_PATH_MAX OWN_FILE_MAX

/**
 * Find the kernel image; @asked is the option's value or NULL.
 * @return EXIT_GOOD with @path filled in; after a message EXIT_USAGE when the
 *         image asked for can't be read, EXIT_CANNOT when there is none
 */
enum outcome_code kernel_path(char path[KERNEL_PATH_MAX], const char *asked);

/** Find memtwin-record.so, or another file @name that stands beside it.
 *  @return EXIT_GOOD with @path filled in; EXIT_CANNOT after a message */
enum outcome_code helper_path(char path[KERNEL_PATH_MAX], const char *name);

#endif
