/**
 * @file measure.h
 * What one contender costs on one workload.
 *
 * Every function starts an empty heap first.
 *
 * @return of each: how many operations went well; fewer than @w->count when
 *         memory ran out, and then there is no figure
 */
#ifndef MEMTWIN_MEASURE_H
#define MEMTWIN_MEASURE_H

#include "memtwin/contender.h"

/** Nanoseconds of the thread's processor time per operation, for two replays
 *  in a heap that was used before. */
size_t measure_time(const struct contender *c, const struct workload *w,
                    double *ns);

/** Cycles of one operation: of 1000 the tenth worst and so on. */
struct measured_cycles {
    uint32_t p50, p99, p9999, worst;
};

/** The clock is in every figure, and interrupts of the machine hit any
 *  operation: each counts with the least of five runs, which are alike in all
 *  else. */
size_t measure_cycles(const struct contender *c, const struct workload *w,
                      struct measured_cycles *cycles);

/** What the process has of memory of its own, in bytes; 0: not known. */
uint64_t measure_resident(void);

#define MEASURE_SAMPLES 100

/** A moment of a replay. */
struct measured_sample {
    uint64_t done;           /* operations */
    uint64_t live, resident; /* bytes asked for; bytes that are there for it */
};

struct measured_memory {
    struct measured_sample samples[MEASURE_SAMPLES + 3];
    size_t count;
    uint64_t before; /* resident before the start */
};

/** Every page of a block is touched, so all that is handed out is resident. */
size_t measure_memory(const struct contender *c, const struct workload *w,
                      struct measured_memory *m);

/** The largest resident of all samples. */
uint64_t measured_resident_peak(const struct measured_memory *m);

/** How much of what is resident holds nothing that lives: 0 .. 1. */
double measured_waste(const struct measured_sample *s);

/** The smallest heap that the workload fits in, in bytes, found by halving; of
 *  a heap only.  0: none below CONTENDER_WINDOW. */
uint64_t measure_arena(const struct contender *c, const struct workload *w);

/** Instructions of one replay of user code, counted by the processor.
 *  @return false: this host does not count */
bool measure_instructions(const struct contender *c, const struct workload *w,
                          uint64_t *count);

#endif
