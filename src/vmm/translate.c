/*
 * Where an address leads, and with which rights: the same answer as the
 * processor's, found without it.
 *
 *   rights = R/W and U/S of every level ANDed, XD of every level ORed;
 *   caching and G come from the leaf alone.
 */
#include "vmm/table.h"

/** The way so far. */
struct path {
    paddr_t table;
    pte_t seen;
    uint64_t all, any; /* of the entries, ANDed and ORed */
};

/** Read the entry of @level; is it present? */
static inline bool path_step(const struct vmm_space *space, vaddr_t va,
                             unsigned level, struct path *path) {
    path->seen = entry_get(
        &table_of(space, va, level, path->table)[table_index(va, level)]);
    path->all &= path->seen.v;
    path->any |= path->seen.v;
    path->table = pte_address(path->seen);
    return pte_is_present(path->seen);
}

struct vmm_translation vmm_translate(const struct vmm_space *space,
                                     vaddr_t va) {
    const struct vmm_translation none = { .status = MM_NOT_MAPPED };
    const uint64_t both = PTE_WRITABLE | PTE_USER;
    struct path path = { .table = space->root, .all = UINT64_MAX };
    unsigned level = PAGING_LEVELS;
    pte_t leaf;

    if (!vaddr_is_canonical(va)) {
        return (struct vmm_translation){ .status = MM_NOT_CANONICAL };
    }
#pragma GCC unroll 3
    for (; level > 1; level--) {
        if (!path_step(space, va, level, &path)) {
            return none;
        }
        if (pte_is_leaf(path.seen, level)) {
            break;
        }
    }
    if (level == 1 && !path_step(space, va, 1, &path)) {
        return none;
    }
    leaf = pte((path.seen.v & ~both) | (path.all & both) |
               (path.any & PTE_NO_EXECUTE));
    return (struct vmm_translation){
        .status = MM_OK,
        .pa = paddr_add(pte_leaf_address(leaf, level),
                        va.v & (level_size(level) - 1)),
        .page_size = level_size(level),
        .access = leaf_access(leaf),
    };
}
