/*
 * Many pages at once, all or none, a row of entries at a time.
 *
 *   survey   is every page free, how many tables are missing?   no effect
 *   take     that many frames, strung on chains                 may fail
 *   link     tables and leaves                                  cannot fail
 *
 * Whatever goes wrong does so before the first entry is written, so a failed
 * call leaves the tables byte-identical, and needs no flush: the processor
 * never saw any of it.
 *
 * A row is a run of entries in one table.  One walk finds its first entry, and
 * the rest is a loop over an array:
 *
 *   table   [ . . . . . . | row: leaves of one size ............ ]
 *                           ^ one walk
 *
 * A range that may have large leaves begins and ends with smaller ones where it
 * is not aligned; a row never leaves its table, so each takes the largest
 * leaves that fit where it begins:
 *
 *   4 KiB up to a 2 MiB boundary, 2 MiB up to 1 GiB, 1 GiB ..., 2 MiB, 4 KiB
 */
#include "vmm/table.h"

enum mm_status pages_survey(const struct vmm_space *space, vaddr_t va,
                            uint64_t count) {
    while (count > 0) {
        const struct slot slot = table_walk(space, va);
        uint64_t pages = slot_pages(slot, va, count);
        uint64_t any = entry_get(slot.entry).v;

        if (slot.level == 1) {
            pages = row_entries(va, 1, count);
            any = row_bits(slot.entry, pages).any;
        }
        if ((any & PTE_PRESENT) != 0) {
            return slot.level == 1 ? MM_ALREADY_MAPPED : MM_HUGE_PAGE;
        }
        va = vaddr_add(va, pages * PAGE_SIZE);
        count -= pages;
    }
    return MM_OK;
}

/* --- mapping ------------------------------------------------------------- */

/** Leaves of one size that a row takes. */
struct piece {
    unsigned level;
    uint64_t entries;
};

/** The next piece of @m: the largest leaves that fit at its start. */
static struct piece next_piece(const struct mapping *m) {
    const uint64_t page = m->va.v >> PAGE_SHIFT | (m->anonymous ? 0 : m->f.v);
    unsigned level = m->anonymous && m->block_count == 0 ? 1 : m->largest;

    while (level > 1 && ((page & (level_pages(level) - 1)) != 0 ||
                         m->pages < level_pages(level))) {
        level--;
    }
    return (struct piece){ level, level > 1 && m->anonymous
                                      ? 1
                                      : row_entries(m->va, level, m->pages) };
}

static void step_over(struct mapping *m, struct piece piece) {
    const uint64_t pages = piece.entries * level_pages(piece.level);

    m->va = vaddr_add(m->va, pages * PAGE_SIZE);
    m->f = pfn_add(m->f, pages);
    m->pages -= pages;
    m->block_count -= m->anonymous && piece.level > 1;
}

/** May leaves stand in @piece, which begins at @slot or below it? */
static enum mm_status piece_check(const struct vmm_space *space, vaddr_t va,
                                  struct slot slot, struct piece piece) {
    if (slot.level > piece.level) {
        return pte_is_present(entry_get(slot.entry)) ? MM_HUGE_PAGE : MM_OK;
    }
    if ((row_bits(slot.entry, piece.entries).any & PTE_PRESENT) == 0) {
        return MM_OK;
    }
    for (uint64_t n = 0; n < piece.entries; n++) {
        const pte_t seen = entry_get(&slot.entry[n]);

        if (pte_is_present(seen)) {
            if (pte_is_leaf(seen, piece.level) ||
                !table_is_vacant(space, pte_address(seen), piece.level - 1)) {
                return MM_ALREADY_MAPPED;
            }
            slot = table_walk_to(space, va, piece.level);
        }
    }
    return MM_OK;
}

/** Is there room for all of @m, and how many tables are missing?  Two pieces of
 *  the same absent table count it once. */
static enum mm_status survey(const struct vmm_space *space, struct mapping m,
                             uint64_t *tables) {
    uint64_t counted[PAGING_LEVELS];

    for (unsigned level = 1; level < PAGING_LEVELS; level++) {
        counted[level] = UINT64_MAX;
    }
    *tables = 0;
    while (m.pages > 0) {
        const struct piece piece = next_piece(&m);
        const struct slot slot = table_walk_near(space, m.va, piece.level);
        const enum mm_status status = piece_check(space, m.va, slot, piece);

        if (status != MM_OK) {
            return status;
        }
        for (unsigned level = piece.level; level < slot.level; level++) {
            const uint64_t table = m.va.v >> level_shift(level + 1);

            *tables += counted[level] != table;
            counted[level] = table;
        }
        step_over(&m, piece);
    }
    return MM_OK;
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

/** Link tables until there is an entry of @level for @va. */
static pte_t *link_tables(struct vmm_space *space, vaddr_t va, unsigned level,
                          struct frame_chain *tables) {
    struct slot slot = table_walk_near(space, va, level);

    while (slot.level > level) {
        const pfn_t table = chain_pop_zeroed(space, tables);

        upper_set(space, slot.entry, slot.level, pte_make(table, TABLE_BITS));
        space->stats.tables++;
        slot.level--;
        slot.entry = &table_of(space, va, slot.level,
                               paddr_of(table))[table_index(va, slot.level)];
    }
    near_note_slot(space, va, slot);
    return slot.entry;
}

enum mm_status entry_make(struct vmm_space *space, vaddr_t va, pte_t **entry) {
    const struct slot slot = table_walk(space, va);
    struct frame_chain tables = { 0 };
    enum mm_status status;

    MM_ASSERT(slot.level == 1 || !pte_is_present(entry_get(slot.entry)));
    status = take(space, &tables, va, slot.level - 1, true);
    if (status == MM_OK) {
        *entry = link_tables(space, va, 1, &tables);
    }
    return status;
}

/** Large leaves take the place of vacant tables. */
static void link_large(struct vmm_space *space, vaddr_t va, pte_t *entries,
                       struct piece piece, pte_t leaf,
                       struct frame_chain *unlinked) {
    for (uint64_t n = 0; n < piece.entries; n++) {
        const pte_t seen = entry_get(&entries[n]);

        entry_set(&entries[n], leaf);
        leaf.v += level_size(piece.level);
        if (pte_is_present(seen)) {
            table_unlink(space, pte_address(seen), piece.level - 1, unlinked);
            entries = table_walk_to(space, va, piece.level).entry;
        }
    }
}

static void link_small(pte_t *entries, struct piece piece, pte_t leaf) {
#pragma GCC unroll 8
    for (uint64_t n = 0; n < piece.entries; n++) {
        entry_set(&entries[n], leaf);
        leaf.v += PAGE_SIZE;
    }
}

/** What a map has in hand. */
struct supplies {
    struct frame_chain pages, tables, unlinked;
};

static void link_piece(struct vmm_space *space, const struct mapping *m,
                       struct piece piece, struct supplies *in) {
    pte_t *entries = link_tables(space, m->va, piece.level, &in->tables);
    const uint64_t bits = leaf_bits(m->access, piece.level);
    pfn_t first = m->f;

    if (m->anonymous && piece.level == 1) {
        first = chain_pop_zeroed(space, &in->pages);
        entry_set(&entries[0], pte_make(first, bits));
    } else if (piece.level > 1) {
        first = m->anonymous ? block_pop_zeroed(space, m->blocks) : first;
        link_large(space, m->va, entries, piece, pte_make(first, bits),
                   &in->unlinked);
    } else {
        link_small(entries, piece, pte_make(first, bits));
    }
    space->stats.maps += piece.entries;
    events_add(space->events, EVENT_VMM_MAPS, m->va.v + piece.entries - 1,
               first.v);
}

enum mm_status pages_map(struct vmm_space *space, struct mapping mapping) {
    struct supplies in = { 0 };
    uint64_t tables;
    enum mm_status status = survey(space, mapping, &tables);

    if (status == MM_OK && mapping.anonymous) {
        status =
            take(space, &in.pages, mapping.va,
                 mapping.pages - mapping.block_count * level_pages(2), false);
    }
    if (status == MM_OK) {
        status = take(space, &in.tables, mapping.va, tables, true);
    }
    if (status != MM_OK) {
        chain_give_back(space, &in.pages);
        return status;
    }
    while (mapping.pages > 0) {
        struct piece piece = next_piece(&mapping);

        piece.entries = mapping.anonymous ? 1 : piece.entries;
        link_piece(space, &mapping, piece, &in);
        step_over(&mapping, piece);
    }
    MM_ASSERT(in.tables.count == 0 && in.pages.count == 0);
    tables_give_back(space, &in.unlinked);
    return MM_OK;
}
