/*
 * One leaf becomes 512 smaller ones, and 512 become one.
 *
 *   level 2   [ frame 512 .. 1023, PS, PAT in bit 12 ]
 *                   | split            ^ merge
 *                   v                  |
 *             [ table, allows all ] --> [ 512 ][ 513 ] ... [ 1023 ]  PAT in 7
 *
 * Rights, caching, G, key, A and D of each page are the same before and after:
 * the small leaves get those of the large one; the large one has A or D if any
 * small one has, and what the table's entry forbade.  So a translation that is
 * still remembered is no wrong one.  It is dropped nevertheless, since INVLPG
 * of one page is only sure to drop translations of the size that it has now:
 * by one INVLPG after a split, all 512 after a merge.  A processor may set D
 * between our look and our store, hence the exchange.  Intel SDM vol. 3A,
 * "Recommended Invalidation".
 */
#include "vmm/regions.h"

/** The bits of a leaf that are not address, PS or PAT. */
#define ATTRIBUTES (~(PTE_ADDRESS_MASK | PTE_HUGE))

static uint64_t pat_bit(unsigned level) {
    return level == 1 ? PTE_PAT_4K : PTE_PAT_HUGE;
}

/** The bits of a leaf of @to that mean what those of @leaf, of @from, mean. */
static uint64_t bits_at(pte_t leaf, unsigned from, unsigned to) {
    return (leaf.v & ATTRIBUTES) | (to > 1 ? PTE_HUGE : 0) |
           (pte_has(leaf, pat_bit(from)) ? pat_bit(to) : 0);
}

/** Fill @table with the leaves that @large, of @level, is made of. */
static void fill(pte_t *table, pte_t large, unsigned level) {
    pte_t leaf = pte(pte_leaf_address(large, level).v |
                     bits_at(large, level, level - 1));

    for (unsigned n = 0; n < TABLE_ENTRIES; n++) {
        entry_set(&table[n], leaf);
        leaf.v += level_size(level - 1);
    }
}

static pte_t entry_exchange(pte_t *entry, pte_t value) {
    return pte(__atomic_exchange_n(&entry->v, value.v, __ATOMIC_ACQ_REL));
}

/** @table is a cleared frame. */
static void split_once(struct vmm_space *space, struct slot slot, pfn_t table) {
    pte_t *leaves = table_at(space, paddr_of(table));
    const pte_t large = entry_get(slot.entry);
    pte_t now;

    fill(leaves, large, slot.level);
    now = entry_exchange(slot.entry, pte_make(table, TABLE_BITS));
    if (now.v != large.v) { /* LCOV_EXCL_BR_LINE: by another processor */
        fill(leaves, now, slot.level); /* LCOV_EXCL_LINE */
    }
    space->stats.tables++;
    space->changes++;
}

/** What the leaf @seen of @level showed at @va will come back frame by frame,
 * if it is a region's and the pmm's. */
static void break_up(struct vmm_space *space, vaddr_t va, pte_t seen,
                     unsigned level) {
    const struct vmm_region *region = vmm_region_at(space, va);

    if (region != NULL && region->backing != VMM_DEVICE) {
        const enum mm_status status =
            pmm_break_up(space->pmm, pfn_of(pte_leaf_address(seen, level)),
                         level_pages(level));

        (void)status; /* they may be somebody else's, mapped by hand */
    }
}

enum mm_status vmm_split(struct vmm_space *space, vaddr_t va, unsigned level) {
    const enum mm_status status = page_check(space, vaddr_page(va));
    struct frame_chain tables = { 0 };
    struct slot slot;
    unsigned was;
    pte_t seen;

    if (status != MM_OK) {
        return status;
    }
    if (level < 1 || level > 2) {
        return MM_BAD_ARGUMENT;
    }
    slot = table_walk_to(space, va, level);
    seen = entry_get(slot.entry);
    was = slot.level;
    if (!pte_is_present(seen)) {
        return MM_NOT_MAPPED;
    }
    if (was == level) {
        return MM_OK;
    }
    while (tables.count < slot.level - level) {
        if (chain_take(space, &tables, vaddr_page(va), true) != MM_OK) {
            chain_give_back(space, &tables);
            return MM_NO_MEMORY;
        }
    }
    while (slot.level > level) {
        split_once(space, slot, chain_pop_zeroed(space, &tables));
        slot = table_walk_to(space, va, slot.level - 1);
    }
    vmm_flush(token_owe(space, vaddr_page(va), 1, 1, false));
    break_up(space, va, seen, was);
    return MM_OK;
}

/* --- merge ---------------------------------------------------------------- */

/** What leaves may differ in: the processor sets them one by one. */
#define HARDWARE_BITS (PTE_ACCESSED | PTE_DIRTY)

/** The leaf of @level that shows what the 512 leaves of @table show. */
static enum mm_status merged(const struct vmm_space *space, const pte_t *table,
                             unsigned level, pte_t *large) {
    const pte_t first = entry_get(&table[0]);
    const uint64_t bits = bits_at(first, level - 1, level);
    uint64_t hardware = 0;

    for (unsigned n = 0; n < TABLE_ENTRIES; n++) {
        const pte_t seen = entry_get(&table[n]);

        if (!pte_is_present(seen)) {
            return MM_NOT_MAPPED;
        }
        if (!pte_is_leaf(seen, level - 1)) {
            return MM_SMALL_PAGES;
        }
        if (((seen.v ^ (first.v + n * level_size(level - 1))) &
             ~HARDWARE_BITS) != 0 ||
            frame_is_shared(space, pfn_of(pte_address(seen)))) {
            return MM_REFUSED;
        }
        hardware |= seen.v & HARDWARE_BITS;
    }
    *large = pte(pte_leaf_address(first, level - 1).v | bits | hardware);
    return (pte_leaf_address(first, level - 1).v & (level_size(level) - 1)) == 0
               ? MM_OK
               : MM_REFUSED;
}

/** Do the regions permit a leaf of @level at @va?  One that has large pages
 *  holds all of it, or there is none. */
static bool regions_permit(struct vmm_space *space, vaddr_t va,
                           unsigned level) {
    const struct vrange leaf = { va, level_size(level) };
    const struct vmm_region *region = region_from(space, va.v);

    if (region == NULL || !vranges_overlap(region->range, leaf)) {
        return true;
    }
    return region->large && level == 2 && vrange_holds(region->range, va) &&
           vrange_holds(region->range, vaddr_add(va, leaf.len - 1));
}

/** @leaf with no more rights than the table's entry @table had. */
static pte_t limited(pte_t leaf, pte_t table) {
    leaf.v &= table.v | ~(PTE_WRITABLE | PTE_USER);
    leaf.v |= table.v & PTE_NO_EXECUTE;
    return leaf;
}

enum mm_status vmm_merge(struct vmm_space *space, vaddr_t va, unsigned level) {
    struct frame_chain unlinked = { 0 };
    enum mm_status status = page_check(space, va);
    struct slot slot;
    paddr_t table;
    pte_t large;

    if (status != MM_OK) {
        return status;
    }
    if (level < 2 || level > space->largest) {
        return MM_BAD_ARGUMENT;
    }
    if ((va.v & (level_size(level) - 1)) != 0) {
        return MM_NOT_ALIGNED;
    }
    slot = table_walk_to(space, va, level);
    if (!pte_is_present(entry_get(slot.entry))) {
        return MM_NOT_MAPPED;
    }
    if (slot.level > level || pte_is_leaf(entry_get(slot.entry), level)) {
        return MM_HUGE_PAGE;
    }
    table = pte_address(entry_get(slot.entry));
    if (!pmm_is_managed(space->pmm, pfn_of(table)) ||
        !regions_permit(space, va, level)) {
        return MM_REFUSED;
    }
    status = merged(space, table_at(space, table), level, &large);
    if (status != MM_OK) {
        return status;
    }
    entry_set(slot.entry, limited(large, entry_get(slot.entry)));
    space->changes++;
    vmm_flush(token_owe(space, va, level - 1, TABLE_ENTRIES,
                        pte_has(large, PTE_GLOBAL)));
    space->stats.tables--;
    near_forget(space);
    chain_push(space, &unlinked, pfn_of(table));
    chain_give_back(space, &unlinked);
    return MM_OK;
}
