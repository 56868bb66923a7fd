/*
 * Many pages at once, all or none.
 *
 *   survey   is every page free, how many tables are missing?   no effect
 *   take     that many frames, strung on chains                 may fail
 *   link     tables and leaves                                  cannot fail
 *
 * Whatever goes wrong does so before the first entry is written, so a failed
 * call leaves the tables byte-identical, and needs no flush: the processor
 * never saw any of it.
 *
 * Dropping goes the other way, in two rounds with the flush between:
 *
 *   leaf    [ frame | P=1 ]  -->  [ frame | P=0 ]  --flush-->  [ 0 ]
 *
 * The frame number stays in the entry, which the processor ignores once P is
 * 0, until no translation can lead to the frame any more; then it is given
 * back.  Intel SDM vol. 3A, "Recommended Invalidation".
 */
#include "vmm/table.h"

/** Tables below the absent entry of @level for @pages pages from @va. */
static uint64_t tables_below(vaddr_t va, uint64_t pages, unsigned level) {
    const uint64_t last = va.v + (pages - 1) * PAGE_SIZE;
    uint64_t tables = 0;

    for (unsigned l = level; l > 1; l--) {
        tables += (last >> level_shift(l)) - (va.v >> level_shift(l)) + 1;
    }
    return tables;
}

enum mm_status pages_survey(const struct vmm_space *space, vaddr_t va,
                            uint64_t count, uint64_t *tables) {
    *tables = 0;
    while (count > 0) {
        const struct slot slot = table_walk(space, va);
        const uint64_t pages = slot_pages(slot, va, count);

        if (pte_is_present(entry_get(slot.entry))) {
            return slot.level == 1 ? MM_ALREADY_MAPPED : MM_HUGE_PAGE;
        }
        *tables += tables_below(va, pages, slot.level);
        va = vaddr_add(va, pages * PAGE_SIZE);
        count -= pages;
    }
    return MM_OK;
}

/** Link tables until there is a leaf slot for @va. */
static pte_t *leaf_slot(struct vmm_space *space, vaddr_t va,
                        struct frame_chain *tables) {
    struct slot slot = table_walk(space, va);

    while (slot.level > 1) {
        const pfn_t table = chain_pop_zeroed(space, tables);

        entry_set(slot.entry, pte_make(table, TABLE_BITS));
        space->stats.tables++;
        slot.level--;
        slot.entry =
            &table_at(space, paddr_of(table))[table_index(va, slot.level)];
    }
    return slot.entry;
}

static void link_page(struct vmm_space *space, vaddr_t va, pfn_t f,
                      unsigned access, struct frame_chain *tables) {
    pte_t *leaf = leaf_slot(space, va, tables);

    MM_ASSERT(!pte_is_present(entry_get(leaf)));
    entry_set(leaf, pte_make(f, leaf_bits(access)));
    space->changes++;
    space->stats.maps++;
    events_add(space->events, EVENT_VMM_MAPS, va.v, f.v);
}

/** @count frames for the pages at @va; on failure none is kept. */
static enum mm_status take(struct vmm_space *space, struct frame_chain *chain,
                           vaddr_t va, uint64_t count, bool for_tables) {
    for (uint64_t n = 0; n < count; n++) {
        const vaddr_t page = for_tables ? va : vaddr_add(va, n * PAGE_SIZE);

        if (chain_take(space, chain, page, for_tables) != MM_OK) {
            chain_give_back(space, chain);
            return MM_NO_MEMORY;
        }
    }
    return MM_OK;
}

enum mm_status pages_map(struct vmm_space *space, vaddr_t va, uint64_t count,
                         const pfn_t *f, unsigned access) {
    struct frame_chain pages = { 0 }, tables = { 0 };
    uint64_t tables_needed;
    enum mm_status status;

    status = pages_survey(space, va, count, &tables_needed);
    if (status != MM_OK) {
        return status;
    }
    if (f == NULL && take(space, &pages, va, count, false) != MM_OK) {
        return MM_NO_MEMORY;
    }
    if (take(space, &tables, va, tables_needed, true) != MM_OK) {
        chain_give_back(space, &pages);
        return MM_NO_MEMORY;
    }
    for (uint64_t n = 0; n < count; n++) {
        const pfn_t shown =
            f != NULL ? pfn_add(*f, n) : chain_pop_zeroed(space, &pages);

        link_page(space, vaddr_add(va, n * PAGE_SIZE), shown, access, &tables);
    }
    MM_ASSERT(tables.count == 0);
    return MM_OK;
}

/** The first round; the token covers from the first to the last page that was
 *  mapped. */
static struct vmm_token unmap_present(struct vmm_space *space, vaddr_t va,
                                      uint64_t count) {
    const vaddr_t end = vaddr_add(va, count * PAGE_SIZE); /* may be 2^64: 0 */
    vaddr_t first = end, last = end;
    bool global = false;

    while (count > 0) {
        const struct slot slot = table_walk(space, va);
        const uint64_t pages = slot_pages(slot, va, count);
        const pte_t seen = entry_get(slot.entry);

        if (slot.level == 1 && pte_is_present(seen)) {
            entry_set(slot.entry, pte(seen.v & PTE_ADDRESS_MASK));
            space->changes++;
            space->stats.unmaps++;
            events_add(space->events, EVENT_VMM_UNMAPS, va.v,
                       pfn_of(pte_address(seen)).v);
            first = first.v == end.v ? va : first;
            last = va;
            global |= pte_has(seen, PTE_GLOBAL);
        }
        va = vaddr_add(va, pages * PAGE_SIZE);
        count -= pages;
    }
    if (first.v == end.v) {
        return (struct vmm_token){ 0 };
    }
    return token_owe(space, first, ((last.v - first.v) >> PAGE_SHIFT) + 1,
                     global);
}

/** The second round.  A frame that was never the pmm's (somebody mapped a
 *  device's) stays whose it is.  One that is free already was given back
 *  behind the region's back: that is counted, and no reason to stop. */
static void free_unmapped(struct vmm_space *space, vaddr_t va, uint64_t count) {
    while (count > 0) {
        const struct slot slot = table_walk(space, va);
        const uint64_t pages = slot_pages(slot, va, count);
        const pte_t seen = entry_get(slot.entry);

        if (slot.level == 1 && seen.v != 0) {
            const enum mm_status status =
                pmm_free(space->pmm, pfn_of(pte_address(seen)));

            space->stats.not_taken_back +=
                status != MM_OK && status != MM_NOT_MANAGED;
            entry_set(slot.entry, pte(0));
        }
        va = vaddr_add(va, pages * PAGE_SIZE);
        count -= pages;
    }
}

void pages_drop(struct vmm_space *space, vaddr_t va, uint64_t count) {
    vmm_flush(unmap_present(space, va, count));
    free_unmapped(space, va, count);
}
