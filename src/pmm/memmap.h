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

/** Where a walk over the usable runs stands; start with all zero. */
struct memmap_cursor {
    uint64_t at;   /* the byte that comes next */
    bool done;     /* @at would be 2^64 */
    uint32_t also; /* a type that counts as usable, too; 0: none */
};

/** The next run of usable frames, ascending: all of them, however many.
 *  @return false: there are no more.  O(entries^2) for the whole walk. */
bool memmap_next(const struct memmap_entry *map, size_t count,
                 struct memmap_cursor *cursor, struct pmm_run *run);

/** What a map is worth, in whole usable frames. */
struct memmap_figures {
    uint64_t runs, frames;
    uint64_t below_1m, below_16m, below_4g; /* frames below these limits */
    uint64_t blocks_2m, blocks_1g; /* aligned and usable from end to end */
    pfn_t lowest, highest;         /* frames; 0 when there are none */
};
struct memmap_figures memmap_figures(const struct memmap_entry *map,
                                     size_t count);
/** Their number alone. */
uint64_t memmap_frames(const struct memmap_entry *map, size_t count);

/** As memmap_usable(), of what is usable or will be when the ACPI tables have
 *  been read. */
size_t memmap_reclaimable(const struct memmap_entry *map, size_t count,
                          struct pmm_run *runs, size_t max);
/** How many frames that is, with room for every run. */
uint64_t memmap_reclaimable_frames(const struct memmap_entry *map,
                                   size_t count);

/** Take the frames that @hole touches out of the runs.
 *  @return the new number of runs (at most @max: the smallest is dropped when
 *  a split leaves one too many) */
size_t memmap_reserve(struct pmm_run *runs, size_t count, size_t max,
                      struct prange hole);

#endif
