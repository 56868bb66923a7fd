/*
 * Tables that hold nothing.
 *
 * Unmapping leaves tables where they are: a page that comes and goes would
 * otherwise pay for up to three of them each time.  They are given back when
 * somebody asks (vmm_reclaim_tables), when their space ends, and when a large
 * leaf takes the place of the entry that leads to them.
 *
 *   unlink    entry --> 0, the table onto a chain
 *   flush     INVLPG of any page: paging-structure caches may lead to it
 *   give back to the pmm
 *
 * A table that was never the pmm's (the boot loader's) stays where it is.
 * Intel SDM vol. 3A, "Operations that Invalidate TLBs and Paging-Structure
 * Caches".
 */
#include "vmm/reach.h"
#include "vmm/span.h"

bool table_is_vacant(const struct vmm_space *space, paddr_t pa,
                     unsigned level) {
    if (!pmm_is_managed(space->pmm, pfn_of(pa))) {
        return false;
    }
    for (unsigned index = 0; index < TABLE_ENTRIES; index++) {
        const pte_t seen = entry_get(&table_at(space, pa)[index]);

        if (seen.v != 0 &&
            (!pte_is_present(seen) || pte_is_leaf(seen, level) ||
             !table_is_vacant(space, pte_address(seen), level - 1))) {
            return false;
        }
    }
    return true;
}

void table_unlink(struct vmm_space *space, paddr_t pa, unsigned level,
                  struct frame_chain *unlinked) {
    for (unsigned index = 0; level > 1 && index < TABLE_ENTRIES; index++) {
        const pte_t seen = entry_get(&table_at(space, pa)[index]);

        if (seen.v != 0) {
            table_unlink(space, pte_address(seen), level - 1, unlinked);
        }
    }
    space->stats.tables--;
    near_forget(space);
    chain_push(space, unlinked, pfn_of(pa));
}

void tables_give_back(struct vmm_space *space, struct frame_chain *unlinked) {
    if (unlinked->count > 0) {
        if (space->reach != NULL && space->reach->slot != 0) {
            hw_write_cr3(hw_read_cr3()); /* they were pages as well */
        } else if (space_is_cached(space)) {
            hw_invlpg(vaddr(0)); /* of any page: drops every cached path */
            space->stats.invlpgs++;
            events_add(space->events, EVENT_VMM_FLUSHES, 0, 0);
        }
        chain_give_back(space, unlinked);
    }
}

/** Unlink the vacant tables below the table at @pa. */
static void unlink_vacant(struct vmm_space *space, paddr_t pa, unsigned level,
                          uint64_t base, struct span wanted,
                          struct frame_chain *unlinked) {
    for (unsigned index = 0; index < TABLE_ENTRIES; index++) {
        const struct span here = span_of_entry(base, level, index);
        const pte_t seen = entry_get(&table_at(space, pa)[index]);

        if (!pte_is_present(seen) || pte_is_leaf(seen, level) ||
            !spans_meet(here, wanted) ||
            entry_is_recursive(space, level, seen)) {
            continue;
        }
        if (table_is_vacant(space, pte_address(seen), level - 1)) {
            upper_set(space, &table_at(space, pa)[index], level, pte(0));
            table_unlink(space, pte_address(seen), level - 1, unlinked);
        } else if (level > 2) {
            unlink_vacant(space, pte_address(seen), level - 1, here.first,
                          wanted, unlinked);
        }
    }
}

uint64_t vmm_reclaim_tables(struct vmm_space *space, struct vrange range) {
    struct frame_chain unlinked = { 0 };
    struct span span;
    uint64_t count;

    if (range.len == 0 || !space_owns(space, range.base)) {
        return 0;
    }
    span = span_of(range);
    if (!space_owns(space, vaddr(span.last))) {
        span.last = VMM_PRIVATE_SIZE - 1;
    }
    unlink_vacant(space, space->root, PAGING_LEVELS, 0, span, &unlinked);
    count = unlinked.count;
    tables_give_back(space, &unlinked);
    return count;
}
