/**
 * @file vmm.h
 * Pages: which frame each virtual page shows, and what may be done to it.
 *
 * A space is a tree of page tables, reached through the direct map, and regions
 * that say what an address range is for.  The mapper edits the tree
 * (map, unmap, protect, translate); a region decides what a page fault in it
 * means.  Nothing here allocates from the heap.
 *
 *   space.h    spaces: create, switch, fork, destroy; page faults; copies
 *   region.h   regions: what is this address for?
 *   pager.h    who keeps pages that show no frame
 *   mapper.h   which frame, which rights?  token.h: and what must be forgotten
 *   sound.h    what must hold between two calls
 */
#ifndef VMM_VMM_H
#define VMM_VMM_H

#include "vmm/mapper.h"
#include "vmm/pager.h"
#include "vmm/region.h"
#include "vmm/sound.h"
#include "vmm/space.h"

#endif
