/*
 * What a memory map is worth, counted over its runs of usable frames.
 *
 *   frames     0    512   1024  1536  2048
 *   run           [...................]        3.2 times 2 MiB, but
 *   blocks           [ 1   ][ 2  ]              only two whole ones
 */
#include "pmm/memmap.h"

/** How many frames of @run lie below @limit. */
static uint64_t frames_below(struct pmm_run run, uint64_t limit) {
    if (run.first.v >= limit) {
        return 0;
    }
    return run.count < limit - run.first.v ? run.count : limit - run.first.v;
}

/** How many aligned blocks of @size frames lie in @run as a whole. */
static uint64_t blocks_in(struct pmm_run run, uint64_t size) {
    const uint64_t from = (run.first.v + size - 1) / size;
    const uint64_t to = (run.first.v + run.count) / size;

    return from < to ? to - from : 0;
}

struct memmap_figures memmap_figures(const struct memmap_entry *map,
                                     size_t count) {
    struct memmap_figures sum = { .runs = 0 };
    struct memmap_cursor cursor = { .at = 0 };
    struct pmm_run run;

    while (memmap_next(map, count, &cursor, &run)) {
        sum.lowest = sum.runs == 0 ? run.first : sum.lowest;
        sum.highest = pfn_add(run.first, run.count - 1);
        sum.runs++;
        sum.frames += run.count;
        sum.below_1m += frames_below(run, MIB >> PAGE_SHIFT);
        sum.below_16m += frames_below(run, 16 * MIB >> PAGE_SHIFT);
        sum.below_4g += frames_below(run, 4 * GIB >> PAGE_SHIFT);
        sum.blocks_2m += blocks_in(run, 2 * MIB >> PAGE_SHIFT);
        sum.blocks_1g += blocks_in(run, GIB >> PAGE_SHIFT);
    }
    return sum;
}

uint64_t memmap_frames(const struct memmap_entry *map, size_t count) {
    return memmap_figures(map, count).frames;
}
