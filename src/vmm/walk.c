/*
 * Going through the tree of tables in address order: to look (vmm_walk), and
 * to give back the tables that hold nothing (vmm_reclaim_tables).
 *
 * A range is kept as its first and last byte, since its end may be 2^64.  What
 * an entry translates is canonical, so an unsigned comparison with the range
 * also does the right thing when the range begins or ends in the hole:
 *
 *   PML4 entry   0 ... 255                    256 ... 511
 *   addresses    0 ... 7fff_ffff_ffff  (hole) ffff_8000_0000_0000 ...
 */
#include "vmm/table.h"

struct span {
    uint64_t first, last; /* bytes */
};

/** The bytes of @range, which is not empty; cut at 2^64. */
static struct span span_of(struct vrange range) {
    struct span span = { range.base.v, UINT64_MAX };

    if (range.len - 1 < UINT64_MAX - range.base.v) {
        span.last = range.base.v + (range.len - 1);
    }
    return span;
}

/** What entry @index of a table at @level translates, when the table's first
 *  entry translates @base. */
static struct span span_of_entry(uint64_t base, unsigned level,
                                 unsigned index) {
    const vaddr_t first =
        vaddr_sign_extend(vaddr(base + index * level_size(level)));

    return (struct span){ first.v, first.v + (level_size(level) - 1) };
}

static bool spans_meet(struct span a, struct span b) {
    return a.first <= b.last && b.first <= a.last;
}

struct visitor {
    vmm_visit *visit;
    void *ctx;
};

static void visit_table(const struct vmm_space *space, paddr_t table,
                        unsigned level, uint64_t base, struct span wanted,
                        struct visitor visitor) {
    for (unsigned index = 0; index < TABLE_ENTRIES; index++) {
        const struct span here = span_of_entry(base, level, index);
        const pte_t seen = entry_get(&table_at(space, table)[index]);

        if (!pte_is_present(seen) || !spans_meet(here, wanted)) {
            continue;
        }
        visitor.visit(visitor.ctx, vaddr(here.first), level, seen);
        if (!pte_is_leaf(seen, level)) {
            visit_table(space, pte_address(seen), level - 1, here.first, wanted,
                        visitor);
        }
    }
}

void vmm_walk(const struct vmm_space *space, struct vrange range,
              vmm_visit *visit, void *ctx) {
    if (range.len > 0) {
        visit_table(space, space->root, PAGING_LEVELS, 0, span_of(range),
                    (struct visitor){ visit, ctx });
    }
}

static bool table_is_empty(const struct vmm_space *space, paddr_t table) {
    const pte_t *entries = table_at(space, table);

    for (unsigned index = 0; index < TABLE_ENTRIES; index++) {
        if (entry_get(&entries[index]).v != 0) {
            return false;
        }
    }
    return true;
}

/** Unlink the empty tables below @table, lowest first, onto @unlinked. */
static void unlink_empty(struct vmm_space *space, paddr_t table, unsigned level,
                         uint64_t base, struct span wanted,
                         struct frame_chain *unlinked) {
    for (unsigned index = 0; index < TABLE_ENTRIES; index++) {
        const struct span here = span_of_entry(base, level, index);
        pte_t *entry = &table_at(space, table)[index];
        const pte_t seen = entry_get(entry);
        const paddr_t child = pte_address(seen);

        if (!pte_is_present(seen) || pte_is_leaf(seen, level) ||
            !spans_meet(here, wanted)) {
            continue;
        }
        if (level > 2) {
            unlink_empty(space, child, level - 1, here.first, wanted, unlinked);
        }
        if (table_is_empty(space, child) &&
            pmm_is_managed(space->pmm, pfn_of(child))) {
            entry_set(entry, pte(0));
            space->stats.tables--;
            chain_push(space, unlinked, pfn_of(child));
        }
    }
}

uint64_t vmm_reclaim_tables(struct vmm_space *space, struct vrange range) {
    struct frame_chain unlinked = { 0 };
    uint64_t count;

    if (range.len == 0) {
        return 0;
    }
    unlink_empty(space, space->root, PAGING_LEVELS, 0, span_of(range),
                 &unlinked);
    count = unlinked.count;
    if (count > 0) {
        hw_invlpg(vaddr(0)); /* of any page: drops every cached path */
        events_add(space->events, EVENT_VMM_FLUSHES, 0, 0);
        chain_give_back(space, &unlinked);
    }
    return count;
}
