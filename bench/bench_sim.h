/**
 * @file bench_sim.h
 * What the two halves of bench_sim share.
 */
#ifndef BENCH_SIM_H
#define BENCH_SIM_H

/** Nanoseconds of one tick of the time-stamp counter. */
double bench_ns_per_cycle(void);
/** The live machine's figures, each beside the bare signals and system calls.
 */
void bench_live(void);

#endif
