/*
 * Where an address leads, and with which rights: the same answer as the
 * processor's, found without it.
 *
 *   rights = R/W and U/S of every level ANDed, XD of every level ORed;
 *   caching and G come from the leaf alone.
 */
#include "vmm/table.h"

#define DECIDED_BY_ALL ((unsigned)(VMM_WRITE | VMM_EXECUTE | VMM_USER))

struct vmm_translation vmm_translate(const struct vmm_space *space,
                                     vaddr_t va) {
    struct vmm_translation result = { .status = MM_NOT_CANONICAL };
    unsigned rights = DECIDED_BY_ALL;
    paddr_t table = space->root;

    if (!vaddr_is_canonical(va)) {
        return result;
    }
    result.status = MM_NOT_MAPPED;
    for (unsigned level = PAGING_LEVELS; level > 0; level--) {
        const pte_t seen =
            entry_get(&table_at(space, table)[table_index(va, level)]);

        if (!pte_is_present(seen)) {
            return result;
        }
        rights &= leaf_access(seen);
        if (pte_is_leaf(seen, level)) {
            const uint64_t size = level_size(level);

            result.status = MM_OK;
            result.pa =
                paddr_add(pte_leaf_address(seen, level), va.v & (size - 1));
            result.page_size = size;
            result.access = rights | (leaf_access(seen) & ~DECIDED_BY_ALL);
            return result;
        }
        table = pte_address(seen);
    }
    return result; /* not reached: level 1 is always a leaf */
}
