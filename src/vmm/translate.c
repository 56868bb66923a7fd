/*
 * Where an address leads, and with which rights: the same answer as the
 * processor's, found without it.
 *
 *   rights = R/W and U/S of every level ANDed, XD of every level ORed;
 *   caching and G come from the leaf alone.
 */
#include "vmm/table.h"

#define DECIDED_BY_ALL ((unsigned)(VMM_WRITE | VMM_EXECUTE | VMM_USER))

static struct vmm_translation shows(pte_t leaf, unsigned level, vaddr_t va,
                                    unsigned rights) {
    const uint64_t size = level_size(level);

    return (struct vmm_translation){
        .status = MM_OK,
        .pa = paddr_add(pte_leaf_address(leaf, level), va.v & (size - 1)),
        .page_size = size,
        .access = rights | (leaf_access(leaf) & ~DECIDED_BY_ALL),
    };
}

struct vmm_translation vmm_translate(const struct vmm_space *space,
                                     vaddr_t va) {
    unsigned rights = DECIDED_BY_ALL, level = PAGING_LEVELS;
    paddr_t table = space->root;

    if (!vaddr_is_canonical(va)) {
        return (struct vmm_translation){ .status = MM_NOT_CANONICAL };
    }
    for (;;) {
        const pte_t seen =
            entry_get(&table_at(space, table)[table_index(va, level)]);

        if (!pte_is_present(seen)) {
            return (struct vmm_translation){ .status = MM_NOT_MAPPED };
        }
        rights &= leaf_access(seen);
        if (pte_is_leaf(seen, level)) {
            return shows(seen, level, va, rights);
        }
        table = pte_address(seen);
        level--;
    }
}
