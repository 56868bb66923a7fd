/**
 * @file rows.h
 * The differences that have a name: doc/conformance.md tells each of them.
 */
#ifndef CONFORMANCE_ROWS_H
#define CONFORMANCE_ROWS_H

#include "conformance/sim_machine.h"

/** Bits of a set. */
enum row {
    ROW_A_ON_THE_WAY = 1 << 0,
    ROW_RESERVED_WITHOUT_P = 1 << 1,
    ROW_STACK_IS_GP = 1 << 2,
    ROW_A_IN_1GIB = 1 << 3,
    ROW_FETCH_AFTER_INVLPG = 1 << 4,
    ROW_RMW_READS_FIRST = 1 << 5,
    ROW_D_OF_FIRST_PAGE = 1 << 6,
    ROW_NOT_KEPT = 1 << 7,
    ROW_1GIB_ANYWAY = 1 << 8,
    ROW_FETCH_LETS_READ = 1 << 9,
    ROW_COUNT = 10
};
#define ROWS_UNEXPLAINED (~0u)

extern const char *const row_names[ROW_COUNT];

/**
 * Is @seen what @expected is, but for named differences?
 *
 * @s  as it is after the run that gave @expected
 * @return the rows needed, 0 when they are equal, ROWS_UNEXPLAINED
 */
unsigned rows_between(const struct sim_machine *s, const struct conf_case *c,
                      const struct conf_record *expected,
                      const struct conf_record *seen);

/** The same for the run that needs the fewest rows, all of them in the mask
 *  @allowed.  @return the rows needed, or ROWS_UNEXPLAINED */
unsigned rows_explain(struct sim_machine *s, const struct conf_case *c,
                      const struct conf_record *seen, unsigned allowed);

#endif
