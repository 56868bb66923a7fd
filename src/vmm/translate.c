/*
 * Where an address leads, and with which rights: the same answer as the
 * processor's, found without it.
 *
 *   rights = R/W and U/S of every level ANDed, XD of every level ORed;
 *   caching and G come from the leaf alone.
 */
#include "vmm/table.h"

struct vmm_translation vmm_translate(const struct vmm_space *space,
                                     vaddr_t va) {
    const uint64_t both = PTE_WRITABLE | PTE_USER;
    uint64_t all = UINT64_MAX, any = 0; /* of the entries, ANDed and ORed */
    unsigned level = PAGING_LEVELS;
    paddr_t table = space->root;
    pte_t seen;

    if (!vaddr_is_canonical(va)) {
        return (struct vmm_translation){ .status = MM_NOT_CANONICAL };
    }
    for (;; level--) {
        seen = entry_get(
            &table_of(space, va, level, table)[table_index(va, level)]);
        all &= seen.v;
        any |= seen.v;
        if ((all & PTE_PRESENT) == 0) {
            return (struct vmm_translation){ .status = MM_NOT_MAPPED };
        }
        if (pte_is_leaf(seen, level)) {
            break;
        }
        table = pte_address(seen);
    }
    seen.v = (seen.v & ~both) | (all & both) | (any & PTE_NO_EXECUTE);
    return (struct vmm_translation){
        .status = MM_OK,
        .pa = paddr_add(pte_leaf_address(seen, level),
                        va.v & (level_size(level) - 1)),
        .page_size = level_size(level),
        .access = leaf_access(seen),
    };
}
