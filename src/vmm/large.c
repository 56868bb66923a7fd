/*
 * Large pages in regions: 2 MiB of zeroes behind one leaf, where that is
 * possible.
 *
 *   region         [ 4 KiB ..|   2 MiB   |   2 MiB   |.. 4 KiB ]
 *   2 MiB borders            |           |           |
 *
 * A block is 2 MiB of RAM in one piece, aligned, so it may be missing although
 * many frames are free; and a block of addresses in which a small page was made
 * already can't have one.  Then there are small pages, and nobody notices but
 * the TLB.  Who changes a part of a large page splits it first (vmm_split); its
 * frames come back one by one from then on.
 */
#include "vmm/regions.h"

#include <string.h>

#define BLOCK_SIZE level_size(2)
#define BLOCK_PAGES level_pages(2)

uint64_t blocks_take(struct vmm_space *space, struct vrange range,
                     struct frame_chain *chain) {
    const uint64_t lead = (0 - range.base.v) & (BLOCK_SIZE - 1);
    const uint64_t count =
        range.len < lead ? 0 : (range.len - lead) / BLOCK_SIZE;
    pfn_t f;

    while (chain->count < count &&
           pmm_alloc_run(space->pmm, pmm_block(PMM_ORDER_2M), &f) == MM_OK) {
        chain_push(space, chain, f);
    }
    return chain->count;
}

void blocks_give_back(struct vmm_space *space, struct frame_chain *chain) {
    while (chain->count > 0) {
        const pfn_t f = chain_pop_zeroed(space, chain);
        enum mm_status status;

        frames_forget(space, f, 1);
        status = pmm_free_run(space->pmm, f, BLOCK_PAGES);
        MM_ASSERT(status == MM_OK); /* it came from there */
    }
}

pfn_t block_pop_zeroed(const struct vmm_space *space,
                       struct frame_chain *chain) {
    const pfn_t f = chain_pop_zeroed(space, chain);

    memset(frame_bytes(space, f), 0, BLOCK_SIZE);
    return f;
}

/** Does something show in the 2 MiB at @va, which no large page covers? */
static bool block_is_begun(const struct vmm_space *space, vaddr_t va) {
    const struct slot slot = table_walk_to(space, va, 2);
    const pte_t seen = entry_get(slot.entry);

    return pte_is_present(seen) &&
           !table_is_vacant(space, pte_address(seen), 1);
}

enum mm_status block_fill(struct vmm_space *space, vaddr_t page,
                          const struct vmm_region *region) {
    const struct vrange block = { vaddr(align_down(page.v, BLOCK_SIZE)),
                                  BLOCK_SIZE };
    struct frame_chain chain = { 0 };
    enum mm_status status;

    if (!region->large || !vrange_holds(region->range, block.base) ||
        !vrange_holds(region->range, vaddr_add(block.base, BLOCK_SIZE - 1))) {
        return MM_BAD_RANGE;
    }
    if (block_is_begun(space, block.base)) {
        return MM_ALREADY_MAPPED;
    }
    if (blocks_take(space, block, &chain) == 0) {
        return MM_NO_MEMORY;
    }
    status = pages_map(space, (struct mapping){ .va = block.base,
                                                .pages = BLOCK_PAGES,
                                                .anonymous = true,
                                                .blocks = &chain,
                                                .block_count = 1,
                                                .access = region->access,
                                                .largest = 2 });
    blocks_give_back(space, &chain);
    return status;
}

enum mm_status region_split_leaves(struct vmm_space *space,
                                   struct vrange range) {
    uint64_t left = range.len >> PAGE_SHIFT;
    vaddr_t va = range.base;

    while (left > 0) {
        const struct slot slot = table_walk(space, va);
        const uint64_t pages = slot_pages(slot, va, left);

        if (slot.level > 1 && pte_is_present(entry_get(slot.entry))) {
            const enum mm_status status = vmm_split(space, va, 1);

            if (status != MM_OK) {
                return status;
            }
            continue;
        }
        va = vaddr_add(va, pages * PAGE_SIZE);
        left -= pages;
    }
    return MM_OK;
}
