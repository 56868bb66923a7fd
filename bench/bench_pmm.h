/**
 * @file bench_pmm.h
 * A machine for frame benchmarks: a memory map and a window of host memory
 * where its RAM would be.
 */
#ifndef BENCH_PMM_H
#define BENCH_PMM_H

#include "pmm/pmm.h"

/** A fresh pmm of @class on a machine with @ram bytes, 3 GiB of them below
 *  4 GiB; ends the program when that fails. */
void bench_start(struct pmm *pmm, const struct pmm_class *class, uint64_t ram);
void bench_stop(void);

/** Processor time of this thread, in ns. */
double bench_now(void);
/** The clock on the wall, in ns. */
double bench_wall(void);
/** A pseudo-random number below @limit. */
uint64_t bench_dice(uint64_t limit);
double bench_median(double *values, int count);

/** A list of all frames that can be handed out, for those who need to keep
 *  them: room for @pmm's free frames. */
pfn_t *bench_room(const struct pmm *pmm);

/** The share of free 2 MiB blocks that could be free, in percent. */
double bench_blocks_left(const struct pmm *pmm);

/** Two threads at work on @pmm: ns per call. */
double bench_threads(struct pmm *pmm);

/** Replay the trace of frames at @path through all strategies.
 *  @return exit status */
int bench_trace(const char *path);

#endif
