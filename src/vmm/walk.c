/*
 * Looking at the tree of tables in address order.
 *
 * A range is kept as its first and last byte, since its end may be 2^64.  What
 * an entry translates is canonical, so an unsigned comparison with the range
 * also does the right thing when the range begins or ends in the hole:
 *
 *   PML4 entry   0 ... 255                    256 ... 511
 *   addresses    0 ... 7fff_ffff_ffff  (hole) ffff_8000_0000_0000 ...
 */
#include "vmm/span.h"

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

        if (!pte_is_present(seen) || !spans_meet(here, wanted) ||
            entry_is_recursive(space, level, seen)) {
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
