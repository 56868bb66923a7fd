/**
 * @file oracle.h
 * A second opinion on the page walk, for its tests.
 */
#ifndef TESTS_SIM_ORACLE_H
#define TESTS_SIM_ORACLE_H

#include "sim/walk.h"

/** walk(), with every field held against the oracle; the test fails when they
 *  differ. */
struct walk_result walk_as_oracle(struct sim_ram *ram,
                                  const struct walk_control *c, uint64_t va,
                                  enum sim_access access, bool user);

#endif
