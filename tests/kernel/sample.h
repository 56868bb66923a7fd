/**
 * @file sample.h
 * Tests that pass, fail and exit in every way, to compare two runners by.
 */
#ifndef KERNEL_SAMPLE_H
#define KERNEL_SAMPLE_H

#include <check.h>

Suite *sample_suite(void);

/** End the test as a machine ends: exit() on the host, hw_exit() in a kernel.
 */
_Noreturn void sample_exit(int value);

#endif
