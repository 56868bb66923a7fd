/*
 * Lab 1: from a firmware map to runs of whole frames.  pmm/memmap.h says what
 * each function has to do; all of them say "nothing" so far.
 */
#include "pmm/memmap.h"

size_t memmap_usable(const struct memmap_entry *map, size_t count,
                     struct pmm_run *runs, size_t max) {
    (void)map, (void)count, (void)runs, (void)max;
    return 0; /* not implemented: lab1.memmap_usable */
}

bool memmap_next(const struct memmap_entry *map, size_t count,
                 struct memmap_cursor *cursor, struct pmm_run *run) {
    (void)map, (void)count, (void)cursor, (void)run;
    return false; /* not implemented: lab1.memmap_next */
}

size_t memmap_reclaimable(const struct memmap_entry *map, size_t count,
                          struct pmm_run *runs, size_t max) {
    (void)map, (void)count, (void)runs, (void)max;
    return 0; /* not implemented: lab1.memmap_reclaimable */
}

uint64_t memmap_reclaimable_frames(const struct memmap_entry *map,
                                   size_t count) {
    (void)map, (void)count;
    return 0; /* not implemented: lab1.memmap_reclaimable_frames */
}

size_t memmap_reserve(struct pmm_run *runs, size_t count, size_t max,
                      struct prange hole) {
    (void)runs, (void)max, (void)hole;
    return count; /* not implemented: lab1.memmap_reserve */
}
