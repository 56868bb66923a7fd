/**
 * @file runtime.h
 * Check's runner for a kernel: the functions that <check.h> promises to test
 * cases, without processes, signals or a C library.
 *
 *   check_build.c   suite_create(), tcase_add_..(): what there is to run
 *   check_run.c     runs it, prints TAP, catches assertions and hw_exit()
 *
 * The header of Check itself is included here, so a changed prototype does
 * not compile.  Output is what srunner_set_tap() prints on the host; only the
 * plan comes first, so that an early end shows.
 *
 * Not supported, and refused when a test asks: signals.  Timeouts belong to
 * whoever runs QEMU.
 */
#ifndef KERNEL_RUNTIME_H
#define KERNEL_RUNTIME_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

#include "hw/boot.h"

struct fixture {
    SFun setup, teardown; /* either may be NULL */
    struct fixture *next, *previous;
};

struct fixtures {
    struct fixture *first, *last;
};

struct test {
    const TTest *code;
    int exit_value; /* that it must end with; 0: by returning */
    int start, end; /* runs with _i = start .. end - 1 */
    struct test *next;
};

struct TCase {
    const char *name;
    struct fixtures checked, unchecked;
    struct test *first, *last;
    TCase *next;
};

struct Suite {
    const char *name;
    TCase *first, *last;
    Suite *next;
};

/** Which tests to run; NULL: any. */
struct selection {
    const char *suite, *test;
};

/**
 * Run the selected tests of @suites, a list by ->next, and print TAP.
 * @return whether there was a test and all passed
 */
bool run_suites(const Suite *suites, struct selection selection);

/** @boot is what each machine_power_on() of machine.h returns to. */
void machine_keep(const struct hw_boot *boot);

/** misbehave.c: a suite whose second test does what @how names; NULL when
 *  there is no such way. */
Suite *misbehave_suite(const char *how);

/** Of this machine alone; run after the shared ones. */
Suite *boot_suite(void);
Suite *pvh_suite(void);
Suite *multiboot2_suite(void);
Suite *string_suite(void);

#endif
