/*
 * Going through the tree of tables in address order: to look (vmm_walk), and
 * to give back the tables that hold nothing (vmm_reclaim_tables).
 *
 * A range is kept as its first and last byte, both canonical.  The hole in the
 * middle of the address space lies between two entries of the PML4:
 *
 *   PML4 entry   0 ... 255                    256 ... 511
 *   addresses    0 ... 7fff_ffff_ffff  (hole) ffff_8000_0000_0000 ...
 */
#include "vmm/table.h"

struct span {
    uint64_t first, last; /* bytes, canonical */
};

/** The canonical part of @range; false when there is none. */
static bool span_of(struct vrange range, struct span *span) {
    const uint64_t low_last = UINT64_C(0x00007fffffffffff);
    const uint64_t high_first = UINT64_C(0xffff800000000000);

    if (range.len == 0) {
        return false;
    }
    span->first = range.base.v;
    if (__builtin_add_overflow(range.base.v, range.len - 1, &span->last)) {
        span->last = UINT64_MAX;
    }
    if (!vaddr_is_canonical(vaddr(span->first))) {
        span->first = high_first;
    }
    if (!vaddr_is_canonical(vaddr(span->last))) {
        span->last = low_last;
    }
    return span->first <= span->last;
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
    struct span wanted;

    if (span_of(range, &wanted)) {
        visit_table(space, space->root, PAGING_LEVELS, 0, wanted,
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
    struct span wanted;
    uint64_t count;

    if (!span_of(range, &wanted)) {
        return 0;
    }
    unlink_empty(space, space->root, PAGING_LEVELS, 0, wanted, &unlinked);
    count = unlinked.count;
    if (count > 0) {
        /* One INVLPG of any page drops every cached path to the tables. */
        hw_invlpg(vaddr(wanted.first));
        chain_give_back(space, &unlinked);
    }
    return count;
}
