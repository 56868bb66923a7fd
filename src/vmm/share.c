/*
 * Frames with several owners: fork, and the copy before the first write.
 *
 *   before    parent  [ frame 5, W ]
 *   fork      parent  [ frame 5, copy ]    child  [ frame 5, copy ]    2 owners
 *   a write   parent  [ frame 9, W ]       child  [ frame 5, copy ]    1 owner
 *   a write                                child  [ frame 5, W ]       no copy
 *
 * The mark in the leaf tells a page that may be written, once it has a frame of
 * its own, from one that was made read-only on purpose.  The books of the pmm
 * count the owners, so the last one knows that it is alone.
 *
 * A fork does first what may fail, all of it in the child, which can be
 * destroyed.  Only then is the parent write-protected, and the processor told:
 * a translation that is remembered as writable would write to both.
 */
#include "vmm/table.h"

#include <string.h>

enum mm_status page_unshare(struct vmm_space *space, vaddr_t va) {
    pte_t *leaf = table_walk(space, va).entry;
    const pte_t seen = entry_get(leaf);
    const pfn_t shared = pfn_of(pte_address(seen));
    const uint64_t bits =
        (seen.v & ~PTE_ADDRESS_MASK & ~LEAF_COPY) | PTE_WRITABLE;
    struct frame_chain own = { 0 };
    enum mm_status status;
    pfn_t f;

    if (!frame_is_shared(space, shared)) {
        entry_set(leaf, pte_make(shared, bits)); /* the others are gone */
        space->changes++;
        return MM_OK;
    }
    if (chain_take(space, &own, va, false) != MM_OK) {
        return MM_NO_MEMORY;
    }
    f = chain_pop_zeroed(space, &own);
    memcpy(frame_bytes(space, f), frame_bytes(space, shared), PAGE_SIZE);
    entry_set(leaf, pte_make(f, bits));
    space->changes++;
    space->stats.copies++;
    vmm_flush(token_owe(space, va, 1, 1, pte_has(seen, PTE_GLOBAL)));
    status = pmm_free(space->pmm, shared);
    MM_ASSERT(status == MM_OK); /* it had another owner */
    return MM_OK;
}

/* --- fork ------------------------------------------------------------------
 */

/** @child's leaf for a page whose leaf is @seen; the frame has one owner more.
 *  What is not the pmm's is shown to both as it is. */
static enum mm_status give_page(struct vmm_space *child, vaddr_t va,
                                pte_t seen) {
    const pfn_t f = pfn_of(pte_address(seen));
    enum mm_status status;
    pte_t *leaf;

    status = entry_make(child, va, &leaf);
    if (status == MM_OK && pmm_is_managed(child->pmm, f)) {
        status = pmm_share(child->pmm, f);
        seen = (seen.v & PTE_WRITABLE) != 0 ? leaf_shared(seen) : seen;
    }
    if (status == MM_OK) {
        entry_set(leaf, seen);
        child->stats.maps++;
        events_add(child->events, EVENT_VMM_MAPS, va.v, f.v);
    }
    return status;
}

static enum mm_status give_pages(struct vmm_space *child,
                                 const struct vmm_space *parent,
                                 struct vrange range) {
    uint64_t left = range.len >> PAGE_SHIFT;
    vaddr_t va = range.base;
    struct row row;

    while (row_next(parent, &va, &left, &row)) {
        for (uint64_t n = 0; n < row.entries; n++) {
            const pte_t seen = entry_get(&row.entry[n]);
            enum mm_status status;

            if (!pte_is_present(seen)) {
                continue;
            }
            status = give_page(child, vaddr_add(row.va, n * PAGE_SIZE), seen);
            if (status != MM_OK) {
                return status;
            }
        }
    }
    return MM_OK;
}

/** Give @child the region of its parent; a paged one with a pager of its own.
 */
static enum mm_status insert_same(struct vmm_space *child,
                                  const struct vmm_region *region) {
    struct vmm_region same = *region;
    enum mm_status status = MM_OK;

    if (same.backing == VMM_PAGED) {
        status = same.pager->fork == NULL
                     ? MM_REFUSED
                     : same.pager->fork(same.pager, region, &same.pager);
    }
    if (status != MM_OK) {
        return status;
    }
    status = region_insert(child, same);
    if (status != MM_OK && same.backing == VMM_PAGED) {
        pager_end(&same);
    }
    return status;
}

static enum mm_status give_region(struct vmm_space *child,
                                  struct vmm_space *parent,
                                  const struct vmm_region *region) {
    const struct vrange range = region->range;
    enum mm_status status = insert_same(child, region);

    if (status != MM_OK) {
        return status;
    }
    if (region->backing == VMM_DEVICE) {
        return pages_map(child,
                         (struct mapping){ .va = range.base,
                                           .pages = range.len >> PAGE_SHIFT,
                                           .f = region->device,
                                           .access = region->access,
                                           .largest = region->large ? 2 : 1 });
    }
    status = region_split_leaves(parent, range);
    if (status != MM_OK) {
        return status;
    }
    return give_pages(child, parent, range);
}

/** As vmm_region_next(), of the private part. */
static const struct vmm_region *private_next(const struct vmm_space *space,
                                             const struct vmm_region *region) {
    region = vmm_region_next(space, region);
    return region != NULL && vmm_is_private(region->range.base) ? region : NULL;
}

/** What may fail, all of it in @child. */
static enum mm_status begin_fork(struct vmm_space *child,
                                 struct vmm_space *parent) {
    enum mm_status status = vmm_space_create(child, parent->kernel);
    const struct vmm_region *region = NULL;

    if (status != MM_OK) {
        return status;
    }
    child->write_execute = parent->write_execute;
    while (status == MM_OK && (region = private_next(parent, region)) != NULL) {
        status = give_region(child, parent, region);
    }
    if (status != MM_OK) {
        const enum mm_status undone = vmm_space_destroy(child);

        MM_ASSERT(undone == MM_OK); /* it was never in force */
    }
    return status;
}

enum mm_status vmm_space_fork(struct vmm_space *child,
                              struct vmm_space *parent) {
    const struct vmm_region *region = NULL;
    enum mm_status status;

    do {
        status = begin_fork(child, parent);
    } while (room_is_made(parent, status));
    if (status != MM_OK) {
        return status;
    }
    while ((region = private_next(parent, region)) != NULL) {
        if (region->backing != VMM_DEVICE) {
            vmm_flush(pages_share(parent, region->range.base,
                                  region->range.len >> PAGE_SHIFT));
        }
    }
    return MM_OK;
}
