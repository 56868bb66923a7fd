/*
 * Places for regions: the lowest that fits.
 *
 *   bounds     [...........................................)
 *   regions      [ a ]   [ b ]              [ c ]
 *   tried        x       |<- gap + len + gap ->|
 *
 * A place that a region disturbs moves to the lowest hole behind it that is
 * large enough, which the tree of regions finds; one in which a page shows
 * something moves behind that page.
 */
#include "vmm/regions.h"

/** @a + @b, at most 2^64 - 1. */
static uint64_t plus(uint64_t a, uint64_t b) {
    uint64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/** Move *@place behind a region that stands in its way, within @gap bytes on
 *  either side; false: none does.  To 0 when there is no room behind. */
static bool move_behind_region(struct vmm_space *space, struct vrange *place,
                               uint64_t gap) {
    const uint64_t low = place->base.v < gap ? 0 : place->base.v - gap;
    const uint64_t last = plus(place->base.v, plus(place->len - 1, gap));
    const struct vmm_region *next = region_from(space, low);
    uint64_t hole;

    if (next == NULL || next->range.base.v > last) {
        return false;
    }
    hole =
        tree_hole(space->regions, span_of(next->range).last,
                  plus(place->len, plus(gap, gap)), &space->stats.region_steps);
    if (hole == 0) {
        hole = space->regions->last + 1; /* behind all; 0: nothing is */
    }
    place->base =
        vaddr(hole == 0 || plus(hole, gap) == UINT64_MAX ? 0 : hole + gap);
    return true;
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

enum mm_status vmm_region_find(struct vmm_space *space, struct vrange bounds,
                               uint64_t len, uint64_t gap, vaddr_t *va) {
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
    while (place.base.v != 0 && vrange_holds(bounds, place.base) &&
           bounds.len - (place.base.v - bounds.base.v) >= len) {
        if (!move_behind_region(space, &place, gap) &&
            !move_behind_page(space, &place)) {
            *va = place.base;
            return MM_OK;
        }
    }
    return MM_NO_MEMORY;
}
