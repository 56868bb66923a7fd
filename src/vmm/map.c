/*
 * The mapper: one page at a time, each wrong request with its own status.
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

static enum mm_status frames_check(const struct vmm_space *space, pfn_t f,
                                   uint64_t count, unsigned access) {
    const uint64_t limit = UINT64_C(1) << (space->phys_bits - PAGE_SHIFT);

    if ((access & ~(unsigned)VMM_ACCESS_ALL) != 0 || f.v >= limit ||
        count > limit - f.v) {
        return MM_BAD_ARGUMENT;
    }
    return MM_OK;
}

enum mm_status vmm_map_range(struct vmm_space *space, vaddr_t va, pfn_t f,
                             uint64_t count, unsigned access) {
    enum mm_status status = pages_check(va, count);

    if (status == MM_OK) {
        status = frames_check(space, f, count, access);
    }
    if (status == MM_OK) {
        status = pages_map(space, va, count, &f, access);
    }
    return status;
}

enum mm_status vmm_map(struct vmm_space *space, vaddr_t va, pfn_t f,
                       unsigned access) {
    return vmm_map_range(space, va, f, 1, access);
}

enum mm_status vmm_identity_map(struct vmm_space *space, pfn_t f,
                                unsigned access) {
    if (f.v > UINT64_MAX >> PAGE_SHIFT) {
        return MM_BAD_ARGUMENT;
    }
    return vmm_map(space, vaddr(paddr_of(f).v), f, access);
}

/** The 4 KiB leaf that shows something at @va. */
static enum mm_status leaf_of(const struct vmm_space *space, vaddr_t va,
                              pte_t **leaf) {
    const enum mm_status status = page_check(va);
    struct slot slot;

    if (status != MM_OK) {
        return status;
    }
    slot = table_walk(space, va);
    if (!pte_is_present(entry_get(slot.entry))) {
        return MM_NOT_MAPPED;
    }
    *leaf = slot.entry;
    return slot.level == 1 ? MM_OK : MM_HUGE_PAGE;
}

struct vmm_unmapped vmm_unmap(struct vmm_space *space, vaddr_t va) {
    struct vmm_unmapped result = { 0 };
    pte_t *leaf, seen;

    result.status = leaf_of(space, va, &leaf);
    if (result.status != MM_OK) {
        return result;
    }
    seen = entry_get(leaf);
    entry_set(leaf, pte(0));
    result.frame = pfn_of(pte_address(seen));
    result.token = token_owe(space, va, 1, pte_has(seen, PTE_GLOBAL));
    space->changes++;
    space->stats.unmaps++;
    events_add(space->events, EVENT_VMM_UNMAPS, va.v, result.frame.v);
    return result;
}

/** May a processor that still believes @old do what @new forbids? */
static bool must_flush(unsigned old, unsigned new) {
    const unsigned taken = old & ~new;

    return (taken & ~(unsigned)VMM_UNCACHED) != 0 ||
           ((old ^ new) & VMM_UNCACHED) != 0;
}

struct vmm_changed vmm_protect(struct vmm_space *space, vaddr_t va,
                               unsigned access) {
    struct vmm_changed result = { 0 };
    pte_t *leaf, seen;

    result.status = frames_check(space, pfn(0), 1, access);
    if (result.status == MM_OK) {
        result.status = leaf_of(space, va, &leaf);
    }
    if (result.status != MM_OK) {
        return result;
    }
    seen = entry_get(leaf);
    entry_set(leaf, pte((seen.v & ~LEAF_BITS) | leaf_bits(access)));
    space->changes++;
    if (must_flush(leaf_access(seen), access)) {
        result.token = token_owe(space, va, 1, pte_has(seen, PTE_GLOBAL));
    }
    return result;
}

#define TABLE_RIGHTS ((unsigned)(VMM_WRITE | VMM_EXECUTE | VMM_USER))

/** The entry of @level that translates @va and leads to a table. */
static enum mm_status table_entry_of(const struct vmm_space *space, vaddr_t va,
                                     unsigned level, pte_t **entry) {
    paddr_t table = space->root;

    for (unsigned l = PAGING_LEVELS;; l--) {
        *entry = &table_at(space, table)[table_index(va, l)];
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
    struct vmm_changed result = { .status = page_check(va) };
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
    entry_set(entry, pte((seen.v & ~rights) | (leaf_bits(access) & rights)));
    space->changes++;
    if ((leaf_access(seen) & ~access & TABLE_RIGHTS) != 0) {
        result.token =
            token_owe(space, vaddr(align_down(va.v, level_size(level))),
                      level_size(level) >> PAGE_SHIFT, true);
    }
    return result;
}
