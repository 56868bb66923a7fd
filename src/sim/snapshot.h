/**
 * @file snapshot.h
 * A whole machine, kept and put back: memory, processors, what they remember,
 * events.
 *
 *   snapshot 1   [page][page][page]
 *                   |     |
 *   snapshot 2   [page]  [page'][page]      equal pages are kept once
 *
 * Kept are the pages that exist (RAM nobody touched is junk made from the seed,
 * and is made again).  Time: one look at all of them, and at each 128 KiB chunk
 * of the RAM.  Memory: the pages that differ from @like, and what each TLB ever
 * held: some 100 bytes an entry, as much again while stale uses are reported,
 * and a table of 32 KiB (4096 entries) to 128 KiB (hostile).
 *
 * What is not the machine's stays as it is: records of writes, watches, faults
 * to inject, whether stale uses are reported.
 */
#ifndef SIM_SNAPSHOT_H
#define SIM_SNAPSHOT_H

#include "sim/cpu.h"

#define SNAPSHOT_CPUS_MAX 8
#define SNAPSHOT_PARTS_MAX 8

struct snapshot;

/**
 * Keep the machine of these @count processors (1 to SNAPSHOT_CPUS_MAX, one RAM
 * and one struct sim_events for all).
 * @like  an older snapshot of the same machine, to share equal pages with; may
 *        be dropped before this one; NULL: none
 * @return NULL when the host has no memory for it
 */
struct snapshot *snapshot_take(struct sim_cpu *const *cpus, unsigned count,
                               const struct snapshot *like);

/** Keep also @size bytes at @at of the host: what a kernel has outside of
 *  simulated memory (struct mm).  At most SNAPSHOT_PARTS_MAX.
 *  @return false: too many, or no memory */
bool snapshot_keep(struct snapshot *snapshot, void *at, size_t size);

/** The machine, the same one, is as it was.  Any number of times. */
void snapshot_restore(const struct snapshot *snapshot);
void snapshot_drop(struct snapshot *snapshot);

/** Pages kept, and of these not shared with an older snapshot. */
uint64_t snapshot_pages(const struct snapshot *snapshot);
uint64_t snapshot_own_pages(const struct snapshot *snapshot);

#endif
