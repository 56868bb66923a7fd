/**
 * @file memmap.h
 * From a firmware map as it really is to runs of whole frames.
 */
#ifndef PMM_MEMMAP_H
#define PMM_MEMMAP_H

#include "hw/memmap.h"
#include "pmm/pmm.h"

/**
 * The usable frames of @map, ascending, joined, none touching the next.
 *
 * A byte is usable when some MEMMAP_USABLE entry covers it and no entry of
 * another type does; bytes that touch are joined first and frames cut out
 * after, so two entries that meet inside a frame give that frame.  Entries may
 * come in any order, overlap, be empty, or run past the end of the address
 * space (cut there).
 *
 * @runs  room for @max runs; when the map has more, the largest are kept
 * @return how many runs were written
 *
 * O(entries^2), no memory of its own.
 */
size_t memmap_usable(const struct memmap_entry *map, size_t count,
                     struct pmm_run *runs, size_t max);

/** How many frames memmap_usable() finds with room for every run. */
uint64_t memmap_frames(const struct memmap_entry *map, size_t count);

/** Take the frames that @hole touches out of the runs.
 *  @return the new number of runs (at most @max: the smallest is dropped when
 *  a split leaves one too many) */
size_t memmap_reserve(struct pmm_run *runs, size_t count, size_t max,
                      struct prange hole);

#endif
