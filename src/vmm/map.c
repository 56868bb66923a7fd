/*
 * The mapper: one leaf at a time, each wrong request with its own status.
 *
 * Check, find, act.  Not-present to present needs no flush, since a processor
 * does not cache what is not there; every other change gives a token.
 *
 *   change                     token
 *   absent -> present          none
 *   present -> absent          owes
 *   W, X or U added            none: a stale "no" faults once and looks again
 *   W, X, U or G taken away    owes
 *   caching changed            owes: the old memory type is cached as well
 */
#include "vmm/table.h"

/** MM_OK, or what is wrong with asking for a leaf of @level at @va. */
static enum mm_status leaf_check(const struct vmm_space *space, vaddr_t va,
                                 unsigned level) {
    const enum mm_status status = page_check(space, va);

    if (status != MM_OK) {
        return status;
    }
    if (level < 1 || level > space->largest) {
        return MM_BAD_ARGUMENT;
    }
    return (va.v & (level_size(level) - 1)) == 0 ? MM_OK : MM_NOT_ALIGNED;
}

/** MM_OK, or what is wrong with showing the frames from @f there. */
static enum mm_status shown_check(const struct vmm_space *space, vaddr_t va,
                                  pfn_t f, unsigned level, unsigned access) {
    enum mm_status status = access_check(space, va, access);

    if (status == MM_OK) {
        status = frames_check(space, f, level_pages(level));
    }
    if (status == MM_OK && (f.v & (level_pages(level) - 1)) != 0) {
        status = MM_NOT_ALIGNED;
    }
    return status;
}

/** @entry, of @level, shows nothing; all is checked. */
static inline void leaf_put(struct vmm_space *space, vaddr_t va, pte_t *entry,
                            pfn_t f, unsigned level, unsigned access) {
    entry_set(entry, pte_make(f, leaf_bits(access, level)));
    space->stats.maps++;
    leaf_event(space, EVENT_VMM_MAPS, va, f);
}

enum mm_status vmm_map(struct vmm_space *space, vaddr_t va, pfn_t f,
                       unsigned access) {
    pte_t *entry = near_entry(space, va);

    if (entry != NULL && !pte_is_present(entry_get(entry)) &&
        access_check(space, va, access) == MM_OK &&
        frames_check(space, f, 1) == MM_OK) {
        leaf_put(space, va, entry, f, 1, access);
        return MM_OK;
    }
    return vmm_map_leaf(space, va, f, 1, access);
}

enum mm_status vmm_map_leaf(struct vmm_space *space, vaddr_t va, pfn_t f,
                            unsigned level, unsigned access) {
    enum mm_status status = leaf_check(space, va, level);
    struct slot slot;

    if (status == MM_OK) {
        status = shown_check(space, va, f, level, access);
    }
    if (status != MM_OK) {
        return status;
    }
    slot = table_walk_to(space, va, level);
    if (slot.level == level && !pte_is_present(entry_get(slot.entry))) {
        /* No table is missing: the usual case, and one walk is enough. */
        leaf_put(space, va, slot.entry, f, level, access);
        near_note_slot(space, va, slot);
        return MM_OK;
    }
    return pages_map(space, (struct mapping){ .va = va,
                                              .pages = level_pages(level),
                                              .f = f,
                                              .access = access,
                                              .largest = level });
}

static enum mm_status map_range(struct vmm_space *space, vaddr_t va, pfn_t f,
                                uint64_t count, unsigned access,
                                unsigned largest) {
    enum mm_status status;

    if (count == 1) {
        return vmm_map(space, va, f, access);
    }
    status = pages_check(space, va, count);
    if (status == MM_OK) {
        status = access_check(space, va, access);
    }
    if (status == MM_OK) {
        status = frames_check(space, f, count);
    }
    if (status != MM_OK) {
        return status;
    }
    return pages_map(space, (struct mapping){ .va = va,
                                              .pages = count,
                                              .f = f,
                                              .access = access,
                                              .largest = largest });
}

enum mm_status vmm_map_range(struct vmm_space *space, vaddr_t va, pfn_t f,
                             uint64_t count, unsigned access) {
    return map_range(space, va, f, count, access, 1);
}

enum mm_status vmm_map_large(struct vmm_space *space, vaddr_t va, pfn_t f,
                             uint64_t count, unsigned access) {
    return map_range(space, va, f, count, access, space->largest);
}

enum mm_status vmm_identity_map(struct vmm_space *space, pfn_t f,
                                unsigned access) {
    if (f.v > UINT64_MAX >> PAGE_SHIFT) {
        return MM_BAD_ARGUMENT;
    }
    return vmm_map(space, vaddr(paddr_of(f).v), f, access);
}

/** The leaf of @level that shows something at @va. */
static enum mm_status leaf_of(struct vmm_space *space, vaddr_t va,
                              unsigned level, pte_t **leaf) {
    const enum mm_status status = leaf_check(space, va, level);
    struct slot slot;

    if (status != MM_OK) {
        return status;
    }
    slot = table_walk_to(space, va, level);
    if (!pte_is_present(entry_get(slot.entry))) {
        return MM_NOT_MAPPED;
    }
    *leaf = slot.entry;
    near_note_slot(space, va, slot);
    if (slot.level > level) {
        return MM_HUGE_PAGE;
    }
    return pte_is_leaf(entry_get(slot.entry), level) ? MM_OK : MM_SMALL_PAGES;
}

struct vmm_unmapped vmm_unmap(struct vmm_space *space, vaddr_t va) {
    pte_t *leaf = near_entry(space, va);

    return leaf != NULL && pte_is_present(entry_get(leaf))
               ? leaf_take(space, va, leaf, 1)
               : vmm_unmap_leaf(space, va, 1);
}

struct vmm_unmapped vmm_unmap_leaf(struct vmm_space *space, vaddr_t va,
                                   unsigned level) {
    pte_t *leaf;
    const enum mm_status status = leaf_of(space, va, level, &leaf);

    return status == MM_OK ? leaf_take(space, va, leaf, level)
                           : (struct vmm_unmapped){ .status = status };
}

struct vmm_unmapped vmm_update_leaf(struct vmm_space *space, vaddr_t va,
                                    pfn_t f, unsigned level, unsigned access) {
    struct vmm_unmapped result = { 0 };
    pte_t *leaf, seen;

    result.status = leaf_of(space, va, level, &leaf);
    if (result.status == MM_OK) {
        result.status = shown_check(space, va, f, level, access);
    }
    if (result.status != MM_OK) {
        return result;
    }
    seen = entry_get(leaf);
    entry_set(leaf, pte_make(f, leaf_bits(access, level)));
    result.frame = pfn_of(pte_leaf_address(seen, level));
    result.token = token_owe(space, va, level, 1, pte_has(seen, PTE_GLOBAL));
    space->stats.maps++;
    space->stats.unmaps++;
    leaf_event(space, EVENT_VMM_UNMAPS, va, result.frame);
    leaf_event(space, EVENT_VMM_MAPS, va, f);
    return result;
}

struct vmm_changed vmm_protect_leaf(struct vmm_space *space, vaddr_t va,
                                    unsigned level, unsigned access) {
    struct vmm_changed result = { 0 };
    pte_t *leaf, seen;

    result.status = access_check(space, va, access);
    if (result.status == MM_OK) {
        result.status = leaf_of(space, va, level, &leaf);
    }
    if (result.status != MM_OK) {
        return result;
    }
    seen = entry_get(leaf);
    entry_set(leaf, leaf_with(space, seen, level, access));
    space->changes++;
    if (access_is_taken(leaf_access(seen), access)) {
        result.token =
            token_owe(space, va, level, 1, pte_has(seen, PTE_GLOBAL));
    }
    return result;
}

#define TABLE_RIGHTS ((unsigned)(VMM_WRITE | VMM_EXECUTE | VMM_USER))

/** The entry of @level that translates @va and leads to a table. */
static enum mm_status table_entry_of(const struct vmm_space *space, vaddr_t va,
                                     unsigned level, pte_t **entry) {
    paddr_t table = space->root;

    for (unsigned l = PAGING_LEVELS;; l--) {
        *entry = &table_of(space, va, l, table)[table_index(va, l)];
        if (!pte_is_present(entry_get(*entry))) {
            return MM_NOT_MAPPED;
        }
        if (pte_is_leaf(entry_get(*entry), l)) {
            return MM_HUGE_PAGE;
        }
        if (l == level) {
            return MM_OK;
        }
        table = pte_address(entry_get(*entry));
    }
}

struct vmm_changed vmm_protect_table(struct vmm_space *space, vaddr_t va,
                                     unsigned level, unsigned access) {
    struct vmm_changed result = { .status = page_check(space, va) };
    const uint64_t rights = PTE_WRITABLE | PTE_USER | PTE_NO_EXECUTE;
    pte_t *entry, seen;

    if (result.status == MM_OK &&
        (level < 2 || level > PAGING_LEVELS || (access & ~TABLE_RIGHTS) != 0)) {
        result.status = MM_BAD_ARGUMENT;
    }
    if (result.status == MM_OK) {
        result.status = table_entry_of(space, va, level, &entry);
    }
    if (result.status != MM_OK) {
        return result;
    }
    seen = entry_get(entry);
    upper_set(space, entry, level,
              pte((seen.v & ~rights) | (leaf_bits(access, 1) & rights)));
    space->changes++;
    if ((leaf_access(seen) & ~access & TABLE_RIGHTS) != 0) {
        result.token =
            token_owe(space, vaddr(align_down(va.v, level_size(level))), 1,
                      level_pages(level), true);
    }
    return result;
}
