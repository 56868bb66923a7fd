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

/** What the pages of @range show from the start: @first is what the first of
 *  them does in a device region. */
static enum mm_status back(struct vmm_space *space, struct vrange range,
                           const struct vmm_region *region, pfn_t first) {
    const bool device = region->backing == VMM_DEVICE;

    if (!device && region->backing != VMM_IMMEDIATE) {
        return MM_OK;
    }
    return pages_map(space, (struct mapping){ .va = range.base,
                                              .pages = range.len >> PAGE_SHIFT,
                                              .f = first,
                                              .anonymous = !device,
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

/** MM_OK, or what no region can be. */
static enum mm_status kind_check(const struct vmm_space *space,
                                 const struct vmm_region *region) {
    const uint64_t pages = region->range.len >> PAGE_SHIFT;

    if ((unsigned)region->backing >= VMM_BACKINGS ||
        (region->backing == VMM_STACK &&
         (region->limit < region->range.len ||
          !vaddr_is_page_aligned(vaddr(region->limit))))) {
        return MM_BAD_ARGUMENT;
    }
    if (region->backing == VMM_DEVICE &&
        frames_check(space, region->device, pages) != MM_OK) {
        return MM_BAD_ARGUMENT;
    }
    return access_check(space, region->range.base, region->access);
}

enum mm_status vmm_region_add(struct vmm_space *space,
                              struct vmm_region region) {
    enum mm_status status = kind_check(space, &region);

    if (status != MM_OK) {
        return status;
    }
    if (region.backing == VMM_DEVICE) {
        region.access |= VMM_UNCACHED;
    }
    status = claim_check(space, region.range);
    if (status == MM_OK && space->region_count == VMM_REGIONS_MAX) {
        status = MM_NO_MEMORY;
    }
    if (status == MM_OK) {
        status = back(space, region.range, &region, region.device);
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

/** A stack has a limit, and a device's frames lie below another. */
static bool may_be_as_long(const struct vmm_space *space,
                           const struct vmm_region *region, uint64_t len) {
    struct vmm_region longer = *region;

    longer.range.len = len;
    return kind_check(space, &longer) == MM_OK;
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
    if (!may_be_as_long(space, region, len)) {
        return MM_BAD_ARGUMENT;
    }
    status = claim_check(space, more);
    if (status == MM_OK) {
        status = back(space, more, region,
                      pfn_add(region->device, region->range.len >> PAGE_SHIFT));
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
    pages_drop(space, base, region->range.len >> PAGE_SHIFT,
               region->backing != VMM_DEVICE);
    after = space->region_count - (size_t)(region - space->regions) - 1;
    memmove(region, region + 1, after * sizeof(*region));
    space->region_count--;
    return MM_OK;
}

/* --- stacks -----------------------------------------------------------------
 */

struct vmm_region *stack_above(struct vmm_space *space, vaddr_t va) {
    for (size_t i = 0; i < space->region_count; i++) {
        struct vmm_region *region = &space->regions[i];

        if (region->range.base.v > va.v) {
            return region->backing == VMM_STACK ? region : NULL;
        }
    }
    return NULL;
}

const char *stack_objection(const struct vmm_space *space,
                            const struct vmm_region *stack, vaddr_t page) {
    const uint64_t more = stack->range.base.v - page.v;
    const struct vrange wanted = { vaddr(page.v - PAGE_SIZE),
                                   more + PAGE_SIZE };

    if (page.v < 2 * PAGE_SIZE || more > stack->limit - stack->range.len) {
        return "the stack has reached its limit";
    }
    return claim_check(space, wanted) == MM_OK
               ? NULL
               : "the stack would touch what lies below it";
}

void stack_grow(struct vmm_region *stack, vaddr_t page) {
    stack->range.len += stack->range.base.v - page.v;
    stack->range.base = page;
}

/* --- places -----------------------------------------------------------------
 */

/** Move *@place behind a region that stands in its way, within @gap bytes on
 *  either side; false: none does. */
static bool move_behind_region(const struct vmm_space *space,
                               struct vrange *place, uint64_t gap) {
    const uint64_t low = place->base.v < gap ? place->base.v : gap;
    const struct vrange wide = { vaddr(place->base.v - low),
                                 low + place->len + gap };

    for (size_t i = 0; i < space->region_count; i++) {
        const struct vrange taken = space->regions[i].range;

        if (vranges_overlap(taken, wide)) {
            place->base = vaddr_add(taken.base, taken.len + gap);
            return true;
        }
    }
    return false;
}

/** Behind a page of it that shows something; false: none does. */
static bool move_behind_page(const struct vmm_space *space,
                             struct vrange *place) {
    vaddr_t va = place->base;
    uint64_t left = place->len >> PAGE_SHIFT;

    while (left > 0) {
        const struct slot slot = table_walk(space, va);
        const uint64_t pages = slot_pages(slot, va, left);
        const uint64_t size = level_size(slot.level);

        if (pte_is_present(entry_get(slot.entry))) {
            place->base = vaddr(align_down(va.v, size) + size);
            return true;
        }
        va = vaddr_add(va, pages * PAGE_SIZE);
        left -= pages;
    }
    return false;
}

enum mm_status vmm_region_find(const struct vmm_space *space,
                               struct vrange bounds, uint64_t len, uint64_t gap,
                               vaddr_t *va) {
    struct vrange place = { bounds.base, len };

    if (!vaddr_is_page_aligned(vaddr(bounds.base.v | bounds.len | len | gap))) {
        return MM_NOT_ALIGNED;
    }
    if (len == 0 ||
        pages_check(space, bounds.base, bounds.len >> PAGE_SHIFT) != MM_OK) {
        return MM_BAD_RANGE;
    }
    if (place.base.v == 0) {
        place.base = vaddr(PAGE_SIZE);
    }
    while (vrange_holds(bounds, place.base) &&
           bounds.len - (place.base.v - bounds.base.v) >= len) {
        if (!move_behind_region(space, &place, gap) &&
            !move_behind_page(space, &place)) {
            *va = place.base;
            return MM_OK;
        }
    }
    return MM_NO_MEMORY;
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
