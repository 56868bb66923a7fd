/*
 * Frames held between the pmm and the tables, without memory of our own.
 *
 *   chain.first --> [ next | ... ] --> [ next | ... ] --> [ 0 | ... ]
 *                     frame              frame              frame
 *
 * A change takes every frame that it needs before it touches a table: after
 * that nothing can fail, so there is nothing to roll back.  On the way out,
 * unlinked tables wait here for the flush.  The link is page-aligned, so to a
 * processor that still walks such a table it is an entry that is not present.
 */
#include "vmm/table.h"

#include <string.h>

void chain_push(const struct vmm_space *space, struct frame_chain *chain,
                pfn_t f) {
    uint64_t *link = frame_reach(space, f);

    *link = chain->first.v;
    chain->first = paddr_of(f);
    chain->count++;
}

static pfn_t pop(const struct vmm_space *space, struct frame_chain *chain) {
    pfn_t f;

    MM_ASSERT(chain->count > 0);
    f = pfn_of(chain->first);
    chain->first = paddr(*(const uint64_t *)frame_reach(space, f));
    chain->count--;
    return f;
}

pfn_t chain_pop_zeroed(const struct vmm_space *space,
                       struct frame_chain *chain) {
    const pfn_t f = pop(space, chain);

    memset(frame_reach(space, f), 0, PAGE_SIZE);
    return f;
}

enum mm_status chain_take(struct vmm_space *space, struct frame_chain *chain,
                          vaddr_t va, bool for_table) {
    enum mm_status status;
    pfn_t f;

    events_add(space->events, EVENT_VMM_ASKS, va.v, for_table);
    status = pmm_alloc(space->pmm, &f);
    if (status == MM_OK) {
        chain_push(space, chain, f);
    }
    return status;
}

void chain_give_back(struct vmm_space *space, struct frame_chain *chain) {
    while (chain->count > 0) {
        const pfn_t f = pop(space, chain);
        enum mm_status status;

        frames_forget(space, f, 1);
        status = pmm_free(space->pmm, f);
        MM_ASSERT(status == MM_OK); /* every frame of a chain came from there */
    }
}
