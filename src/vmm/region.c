/*
 * Regions: what each range of addresses is for.
 *
 *   [ guard ][ heap .......... ][ guard ]       [ stack ]
 *   apart from each other; each has a record in the tree of its space (tree.c)
 *
 * A range may end at the very last byte of the address space, so ranges are
 * compared by differences from their base or by their last byte, never by their
 * end.  Declaring a region demands that nothing is mapped in it: from then on
 * what its pages show is the region's, and goes back to the pmm when the region
 * goes.
 */
#include "vmm/regions.h"

static enum mm_status range_check(const struct vmm_space *space,
                                  struct vrange range) {
    const uint64_t count = range.len >> PAGE_SHIFT;

    if (!vaddr_is_page_aligned(vaddr(range.len))) {
        const enum mm_status status = page_check(space, range.base);

        return status != MM_OK ? status : MM_NOT_ALIGNED;
    }
    return pages_check(space, range.base, count);
}

/** The record that @region begins. */
static struct vmm_record *record_of(struct vmm_region *region) {
    return (struct vmm_record *)region;
}

struct vmm_region *region_from(struct vmm_space *space, uint64_t first) {
    struct vmm_record *record =
        tree_from(space->regions, first, &space->stats.region_steps);

    return record == NULL ? NULL : &record->region;
}

enum mm_status claim_check(struct vmm_space *space, struct vrange range) {
    const enum mm_status status = range_check(space, range);
    const struct vmm_region *next;

    if (status != MM_OK) {
        return status;
    }
    next = region_from(space, range.base.v);
    if (next != NULL && vranges_overlap(next->range, range)) {
        return MM_OVERLAP;
    }
    return pages_survey(space, range.base, range.len >> PAGE_SHIFT);
}

/** What the pages of @range show from the start: @first is what the first of
 *  them does in a device region. */
static enum mm_status back(struct vmm_space *space, struct vrange range,
                           const struct vmm_region *region, pfn_t first) {
    const bool device = region->backing == VMM_DEVICE;
    struct mapping mapping = { .va = range.base,
                               .pages = range.len >> PAGE_SHIFT,
                               .f = first,
                               .anonymous = !device,
                               .access = region->access,
                               .largest = region->large ? 2 : 1 };
    struct frame_chain blocks = { 0 };
    enum mm_status status;

    if (!device && region->backing != VMM_IMMEDIATE) {
        return MM_OK;
    }
    if (mapping.anonymous && region->large) {
        mapping.blocks = &blocks;
        mapping.block_count = blocks_take(space, range, &blocks);
    }
    status = pages_map(space, mapping);
    blocks_give_back(space, &blocks);
    return status;
}

enum mm_status region_insert(struct vmm_space *space,
                             struct vmm_region region) {
    struct vmm_record *record = record_take(space);

    if (record == NULL) {
        return MM_NO_MEMORY;
    }
    record->region = region;
    space->regions = tree_insert(space->regions, record);
    space->region_count++;
    return MM_OK;
}

static void forget(struct vmm_space *space, struct vmm_region *region) {
    struct vmm_record *record = record_of(region);

    space->regions = tree_remove(space->regions, record);
    space->region_count--;
    record_give_back(space, record);
}

/** MM_OK, or what no region can be. */
static enum mm_status kind_check(const struct vmm_space *space,
                                 const struct vmm_region *region) {
    const uint64_t pages = region->range.len >> PAGE_SHIFT;

    if ((unsigned)region->backing >= VMM_BACKINGS ||
        (region->backing == VMM_STACK &&
         (region->limit < region->range.len ||
          !vaddr_is_page_aligned(vaddr(region->limit)))) ||
        (region->backing == VMM_PAGED && region->pager == NULL)) {
        return MM_BAD_ARGUMENT;
    }
    if (region->backing == VMM_DEVICE &&
        frames_check(space, region->device, pages) != MM_OK) {
        return MM_BAD_ARGUMENT;
    }
    return access_check(space, region->range.base, region->access);
}

/** Give @region, which is checked, a record and what its backing asks for. */
static enum mm_status declare(struct vmm_space *space,
                              const struct vmm_region *region) {
    enum mm_status status = region_insert(space, *region);

    if (status != MM_OK) {
        return status;
    }
    status = back(space, region->range, region, region->device);
    if (status != MM_OK) {
        forget(space, region_from(space, region->range.base.v));
    }
    return status;
}

enum mm_status vmm_region_add(struct vmm_space *space,
                              struct vmm_region region) {
    enum mm_status status = kind_check(space, &region);

    if (status == MM_OK) {
        status = claim_check(space, region.range);
    }
    if (status != MM_OK) {
        return status;
    }
    if (region.backing == VMM_DEVICE) {
        region.access |= VMM_UNCACHED;
    }
    do {
        status = declare(space, &region);
    } while (room_is_made(space, status));
    return status;
}

struct vmm_region *region_with_base(struct vmm_space *space, vaddr_t base) {
    struct vmm_region *region = region_from(space, base.v);

    return region != NULL && region->range.base.v == base.v ? region : NULL;
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
    struct vmm_region *region = region_with_base(space, base);
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
    if (status != MM_OK) {
        return status;
    }
    do {
        status = back(space, more, region,
                      pfn_add(region->device, region->range.len >> PAGE_SHIFT));
    } while (room_is_made(space, status));
    if (status == MM_OK) {
        region->range.len = len;
        tree_refresh(space->regions, record_of(region));
    }
    return status;
}

/** The lower part of @region ends at @at, and @upper begins there. */
static enum mm_status cut(struct vmm_space *space, struct vmm_region *region,
                          vaddr_t at, struct vmm_region upper) {
    const uint64_t len = region->range.len;
    enum mm_status status = MM_OK;

    if ((at.v & (level_size(2) - 1)) != 0) {
        status = region_split_leaves(space, (struct vrange){ at, PAGE_SIZE });
    }
    if (status != MM_OK) {
        return status;
    }
    region->range.len = at.v - region->range.base.v;
    tree_refresh(space->regions, record_of(region));
    status = region_insert(space, upper);
    if (status != MM_OK) {
        region->range.len = len;
        tree_refresh(space->regions, record_of(region));
    }
    return status;
}

enum mm_status vmm_region_split(struct vmm_space *space, vaddr_t at) {
    struct vmm_region *region = region_from(space, at.v);
    struct vmm_region upper;
    enum mm_status status;

    if (!vaddr_is_page_aligned(at)) {
        return MM_NOT_ALIGNED;
    }
    if (region == NULL || !vrange_holds(region->range, at)) {
        return MM_NO_REGION;
    }
    if (region->range.base.v == at.v) {
        return MM_OK;
    }
    if (region->backing == VMM_STACK) {
        return MM_REFUSED;
    }
    upper = *region;
    upper.range.base = at;
    upper.range.len -= at.v - region->range.base.v;
    upper.device =
        pfn_add(upper.device, (at.v - region->range.base.v) >> PAGE_SHIFT);
    do {
        status = cut(space, region, at, upper);
    } while (room_is_made(space, status));
    return status;
}

enum mm_status vmm_region_protect(struct vmm_space *space, vaddr_t base,
                                  unsigned access) {
    struct vmm_region *region = region_with_base(space, base);
    struct vmm_changed changed;
    struct vmm_region other;

    if (region == NULL) {
        return MM_NO_REGION;
    }
    other = *region;
    other.access = access | (other.backing == VMM_DEVICE ? VMM_UNCACHED : 0u);
    changed.status = kind_check(space, &other);
    if (changed.status == MM_OK) {
        changed = vmm_protect_range(space, base, other.range.len >> PAGE_SHIFT,
                                    other.access);
    }
    if (changed.status == MM_OK) {
        vmm_flush(changed.token);
        region->access = other.access;
    }
    return changed.status;
}

enum mm_status vmm_region_remove(struct vmm_space *space, vaddr_t base) {
    struct vmm_region *region = region_with_base(space, base);

    if (region == NULL) {
        return MM_NO_REGION;
    }
    pages_drop(space, base, region->range.len >> PAGE_SHIFT,
               region->backing != VMM_DEVICE);
    if (region->backing == VMM_PAGED) {
        pager_end(region);
    }
    forget(space, region);
    return MM_OK;
}

/* --- stacks -----------------------------------------------------------------
 */

bool stack_may_reach(const struct vmm_region *stack, vaddr_t page) {
    return page.v >= 2 * PAGE_SIZE &&
           stack->range.base.v - page.v <= stack->limit - stack->range.len;
}

bool stack_has_room(struct vmm_space *space, const struct vmm_region *stack,
                    vaddr_t page) {
    const uint64_t more = stack->range.base.v - page.v;

    return claim_check(space, (struct vrange){ vaddr(page.v - PAGE_SIZE),
                                               more + PAGE_SIZE }) == MM_OK;
}

void stack_grow(struct vmm_space *space, struct vmm_region *stack,
                vaddr_t page) {
    stack->range.len += stack->range.base.v - page.v;
    stack->range.base = page;
    tree_refresh(space->regions, record_of(stack));
}

/* --- questions -------------------------------------------------------------
 */

const struct vmm_region *vmm_region_at(const struct vmm_space *space,
                                       vaddr_t va) {
    const struct vmm_record *record;
    uint64_t steps = 0;

    if (!space_owns(space, va)) {
        space = space->kernel;
    }
    record = tree_from(space->regions, va.v, &steps);
    return record != NULL && vrange_holds(record->region.range, va)
               ? &record->region
               : NULL;
}

const struct vmm_region *vmm_region_next(const struct vmm_space *space,
                                         const struct vmm_region *region) {
    const struct vmm_record *record;
    uint64_t first = 0, steps = 0;

    if (region != NULL) {
        first = span_of(region->range).last + 1;
        if (first == 0) {
            return NULL; /* it ends with the address space */
        }
    }
    record = tree_from(space->regions, first, &steps);
    return record == NULL ? NULL : &record->region;
}

struct vmm_query vmm_region_query(const struct vmm_space *space, vaddr_t va) {
    struct vmm_query query = { .status = MM_NO_REGION,
                               .region = vmm_region_at(space, va) };
    struct vmm_translation page;

    if (query.region != NULL) {
        page = vmm_translate(space, va);
        query.status = page.status;
        query.pa = page.pa;
        query.page_size = page.page_size;
        query.access = page.access;
    }
    return query;
}
