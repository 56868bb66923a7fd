/**
 * @file processor.h
 * A fresh functional machine for each test, with two frames that are told apart
 * by their first word, and accesses that name what went wrong.
 */
#ifndef TESTS_SIM_PROCESSOR_H
#define TESTS_SIM_PROCESSOR_H

#include "sim/cpu.h"
#include "sim/tables.h"

extern struct sim_ram ram;
extern struct sim_events events;
extern struct sim_cpu cpu;
extern struct tables t;
extern struct sim_fault fault; /* of the newest access */

#define OLD_FRAME UINT64_C(0x400000)
#define NEW_FRAME UINT64_C(0x600000)
#define OLD UINT64_C(0x0123456789abcdef)
#define NEW UINT64_C(0xfedcba9876543210)
#define VA vaddr(UINT64_C(0x444444400000))     /* 4 MiB-aligned, unmapped */
#define SECOND vaddr(UINT64_C(0x444444401000)) /* the page after VA */

void power_on(enum tlb_policy policy, unsigned capacity);
void power_off(void);
/** The checked fixture: LRU, 16 entries. */
void setup(void);
/** A fresh machine with that policy; for tests that loop over policies. */
void setup_policy(int policy);

/** These accesses must succeed. */
uint64_t load(vaddr_t va);
void store(vaddr_t va, uint64_t value);
bool access_works(vaddr_t va, enum sim_access access);
/** The access must fault with @error, and CR2 show it. */
void faults(vaddr_t va, enum sim_access access, uint32_t error);

/** Add @test once for each of the policies that keep what they can, whose
 *  results a test can foretell. */
#define BOTH(tcase, test)                                                      \
    tcase_add_loop_test(tcase, test, TLB_LRU, TLB_HOSTILE + 1)

/** ... for every policy: what must hold whatever is remembered. */
#define EACH(tcase, test) tcase_add_loop_test(tcase, test, 0, TLB_POLICIES)

#endif
