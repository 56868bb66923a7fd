/**
 * @file judge.h
 * One script, carried out.
 */
#ifndef GRADE_JUDGE_H
#define GRADE_JUDGE_H

#include "grade/test.h"

/** Run @script in this process, which ends with it; the verdict is in @verdict
 *  by then. */
_Noreturn void judge(const struct script *script,
                     const struct transport *transport, const char *program,
                     uint64_t seed, unsigned cpu_seconds,
                     struct verdict *verdict);

/** The numbers that a script draws: of the assignment's salt, the student and
 *  the test. */
uint64_t seed_of(const char *salt, const char *student, const char *test);

#endif
