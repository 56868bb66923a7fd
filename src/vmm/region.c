/*
 * Regions: what each range of addresses is for.
 *
 *   space.regions   [ guard ][ heap .......... ][ guard ]       [ stack ]
 *                    0        1                  2               3
 *   ascending, apart; a record in the space, never from a heap
 *
 * A range may end at the very last byte of the address space, so ranges are
 * compared by differences from their base, never by their end.  Declaring a
 * region demands that nothing is mapped in it: from then on what its pages
 * show is the region's, and goes back to the pmm when the region goes.
 */
#include "vmm/table.h"

#include <string.h>

static enum mm_status range_check(const struct vmm_space *space,
                                  struct vrange range) {
    const uint64_t count = range.len >> PAGE_SHIFT;

    if (!vaddr_is_page_aligned(vaddr(range.len))) {
        const enum mm_status status = page_check(space, range.base);

        return status != MM_OK ? status : MM_NOT_ALIGNED;
    }
    return pages_check(space, range.base, count);
}

static bool meets_region(const struct vmm_space *space, struct vrange range) {
    for (size_t i = 0; i < space->region_count; i++) {
        if (vranges_overlap(space->regions[i].range, range)) {
            return true;
        }
    }
    return false;
}

/** Is @range fit for a region, and what its pages show nothing yet? */
static enum mm_status claim_check(const struct vmm_space *space,
                                  struct vrange range) {
    enum mm_status status = range_check(space, range);

    if (status != MM_OK) {
        return status;
    }
    if (meets_region(space, range)) {
        return MM_OVERLAP;
    }
    return pages_survey(space, range.base, range.len >> PAGE_SHIFT);
}

/** The frames that @backing wants in @range from the start. */
static enum mm_status back(struct vmm_space *space, struct vrange range,
                           const struct vmm_region *region) {
    if (region->backing != VMM_IMMEDIATE) {
        return MM_OK;
    }
    return pages_map(space, (struct mapping){ .va = range.base,
                                              .pages = range.len >> PAGE_SHIFT,
                                              .anonymous = true,
                                              .access = region->access,
                                              .largest = 1 });
}

static void insert(struct vmm_space *space, struct vmm_region region) {
    size_t at = space->region_count;

    while (at > 0 &&
           space->regions[at - 1].range.base.v > region.range.base.v) {
        space->regions[at] = space->regions[at - 1];
        at--;
    }
    space->regions[at] = region;
    space->region_count++;
}

enum mm_status vmm_region_add(struct vmm_space *space,
                              struct vmm_region region) {
    enum mm_status status;

    if (access_check(region.range.base, region.access) != MM_OK ||
        (unsigned)region.backing > VMM_IMMEDIATE) {
        return MM_BAD_ARGUMENT;
    }
    status = claim_check(space, region.range);
    if (status == MM_OK && space->region_count == VMM_REGIONS_MAX) {
        status = MM_NO_MEMORY;
    }
    if (status == MM_OK) {
        status = back(space, region.range, &region);
    }
    if (status == MM_OK) {
        insert(space, region);
    }
    return status;
}

static struct vmm_region *region_from(struct vmm_space *space, vaddr_t base) {
    for (size_t i = 0; i < space->region_count; i++) {
        if (space->regions[i].range.base.v == base.v) {
            return &space->regions[i];
        }
    }
    return NULL;
}

enum mm_status vmm_region_extend(struct vmm_space *space, vaddr_t base,
                                 uint64_t len) {
    struct vmm_region *region = region_from(space, base);
    struct vrange more;
    enum mm_status status;

    if (region == NULL) {
        return MM_NO_REGION;
    }
    if (!vaddr_is_page_aligned(vaddr(len))) {
        return MM_NOT_ALIGNED;
    }
    if (len <= region->range.len ||
        pages_check(space, base, len >> PAGE_SHIFT) != MM_OK) {
        return MM_BAD_RANGE;
    }
    more.base = vaddr_add(base, region->range.len);
    more.len = len - region->range.len;
    status = claim_check(space, more);
    if (status == MM_OK) {
        status = back(space, more, region);
    }
    if (status == MM_OK) {
        region->range.len = len;
    }
    return status;
}

enum mm_status vmm_region_remove(struct vmm_space *space, vaddr_t base) {
    struct vmm_region *region = region_from(space, base);
    size_t after;

    if (region == NULL) {
        return MM_NO_REGION;
    }
    pages_drop(space, base, region->range.len >> PAGE_SHIFT);
    after = space->region_count - (size_t)(region - space->regions) - 1;
    memmove(region, region + 1, after * sizeof(*region));
    space->region_count--;
    return MM_OK;
}

const struct vmm_region *vmm_region_at(const struct vmm_space *space,
                                       vaddr_t va) {
    if (!space_owns(space, va)) {
        space = space->kernel;
    }
    for (size_t i = 0; i < space->region_count; i++) {
        if (vrange_holds(space->regions[i].range, va)) {
            return &space->regions[i];
        }
    }
    return NULL;
}
