/**
 * @file reach.h
 * How the entries of tables are reached, where all RAM is not mapped once more.
 *
 * The usual way is the direct map, a sum (frame_bytes() in table.h).  The two
 * others take its place behind the same calls once a space was told to:
 *
 *   temporary   a window of pages, each shows the frame that is asked for
 *   recursive   an entry of the root leads to the root itself, so that a walk
 *               runs through tables once more and ends at one of them; a frame
 *               that is no table of the kernel's space, by the window
 *
 * Frames of data are reached by the direct map nevertheless.
 */
#ifndef VMM_REACH_H
#define VMM_REACH_H

#include "vmm/vmm.h"

#define REACH_PAGES 64u /* so many frames are shown at once */

/** One for all spaces of a kernel; the caller's, all zero but for the two. */
struct vmm_reach {
    vaddr_t window; /* 2 MiB-aligned, in the kernel's part, with nothing mapped
                       in its 2 MiB */
    unsigned slot;  /* entry of the root, of the kernel's part and absent: the
                       addresses that it translates show the tables; 0: none */
    pte_t *entries; /* of the window; shown by its own last page */
    pfn_t shown[REACH_PAGES];
    uint64_t used[REACH_PAGES]; /* when last; 0: shows nothing */
    uint64_t now;
};

/**
 * Reach tables of all spaces of @kernel through @reach from now on, instead of
 * the direct map, which must be there now.
 *
 * @return MM_OK, MM_NO_MEMORY, MM_NOT_ALIGNED, MM_ALREADY_MAPPED, MM_HUGE_PAGE
 *         (the window), MM_BAD_ARGUMENT (the slot); then nothing changed
 */
MM_MUST_CHECK enum mm_status vmm_reach_by(struct vmm_space *kernel,
                                          struct vmm_reach *reach);
/** Reach them by the direct map again.  Page tables of the window stay:
 *  vmm_reclaim_tables() takes them. */
void vmm_reach_directly(struct vmm_space *kernel);

/**
 * Where the table of @level (1 .. 4) that translates @va is seen when entry
 * @slot (0 .. 511) of the root leads to the root:
 *
 *   level 4   [ slot ][ slot ][ slot ][ slot ]     the root
 *   level 3   [ slot ][ slot ][ slot ][ PML4 ]
 *   level 2   [ slot ][ slot ][ PML4 ][ PDPT ]
 *   level 1   [ slot ][ PML4 ][ PDPT ][  PD  ]     indices out of @va
 */
static inline vaddr_t vmm_recursive_table(unsigned slot, vaddr_t va,
                                          unsigned level) {
    uint64_t page = (va.v & ((UINT64_C(1) << 48) - 1)) >> PAGE_SHIFT;

    page >>= 9 * level;
    for (unsigned n = 0; n < level; n++) {
        page |= (uint64_t)slot << (9 * (PAGING_LEVELS - 1 - n));
    }
    return vaddr_sign_extend(vaddr(page << PAGE_SHIFT));
}

#endif
