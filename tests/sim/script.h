/**
 * @file script.h
 * Scripts: the processor of processor.h against oracle_cpu.h, step by step.
 *
 * A few frames are tables of any level at once, so that tables point to
 * themselves and to each other; stores through the processor land on them too.
 * Every step is a change of an entry, a control register, an invalidation or an
 * access; after each access the result is compared, and A and D with it.  What
 * a step does is up to a function that chooses: random, or a fuzzer's input.
 */
#ifndef TESTS_SIM_SCRIPT_H
#define TESTS_SIM_SCRIPT_H

#include "sim/tlb.h"

/** A number below @n; n <= 4096. */
typedef uint64_t script_choice(uint64_t n);

/** Entries of the tables that a script begins with. */
#define SCRIPT_ENTRIES 5120u
void script_draw(uint64_t *tables, script_choice *choose);

/** Both machines with these tables.
 *  @seed  of TLB_RANDOM */
void script_start(enum tlb_policy policy, uint64_t seed, const uint64_t *tables,
                  script_choice *choose);
/** The next step; the test fails when the two differ.
 *  @return an access was made, and it succeeded */
bool script_step(unsigned step);
void script_end(void);
/** Without it the machines stay on for the next script. */
void script_power_off(void);

#endif
