/*
 * Page tables, reached through the direct map: the walk that every edit starts
 * with, and the meaning of an entry's bits.
 *
 *   CR3 --> [ PML4 ] --> [ PDPT ] --> [ PD ] --> [ PT ] --> frame
 *   level      4            3           2          1
 *
 * This is the one place that turns the address in an entry into a pointer.
 */
#include "vmm/table.h"

#include <string.h>

struct slot table_walk(const struct vmm_space *space, vaddr_t va) {
    paddr_t table = space->root;
    unsigned level = PAGING_LEVELS;

    for (;;) {
        pte_t *entry = &table_at(space, table)[table_index(va, level)];
        const pte_t seen = entry_get(entry);

        if (!pte_is_present(seen) || pte_is_leaf(seen, level)) {
            return (struct slot){ entry, level };
        }
        table = pte_address(seen);
        level--;
    }
}

enum mm_status pages_check(vaddr_t va, uint64_t count) {
    const enum mm_status status = page_check(va);
    uint64_t last; /* byte */

    if (status != MM_OK) {
        return status;
    }
    if (count == 0 || count > UINT64_MAX >> PAGE_SHIFT ||
        __builtin_add_overflow(va.v, count * PAGE_SIZE - 1, &last) ||
        last >> 47 != va.v >> 47) {
        return MM_BAD_RANGE;
    }
    return MM_OK;
}

uint64_t leaf_bits(unsigned access) {
    uint64_t bits = PTE_PRESENT;

    bits |= (access & VMM_WRITE) ? PTE_WRITABLE : 0;
    bits |= (access & VMM_EXECUTE) ? 0 : PTE_NO_EXECUTE;
    bits |= (access & VMM_USER) ? PTE_USER : 0;
    bits |= (access & VMM_UNCACHED) ? PTE_CACHE_DISABLE | PTE_WRITE_THROUGH : 0;
    bits |= (access & VMM_GLOBAL) ? PTE_GLOBAL : 0;
    return bits;
}

unsigned leaf_access(pte_t leaf) {
    unsigned access = VMM_READ;

    access |= pte_has(leaf, PTE_WRITABLE) ? VMM_WRITE : 0u;
    access |= pte_has(leaf, PTE_NO_EXECUTE) ? 0u : VMM_EXECUTE;
    access |= pte_has(leaf, PTE_USER) ? VMM_USER : 0u;
    access |= pte_has(leaf, PTE_CACHE_DISABLE) ? VMM_UNCACHED : 0u;
    access |= pte_has(leaf, PTE_GLOBAL) ? VMM_GLOBAL : 0u;
    return access;
}

static void count_table(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct vmm_stats *stats = ctx;

    (void)va;
    stats->tables += !pte_is_leaf(entry, level);
}

void vmm_space_adopt(struct vmm_space *space, struct pmm *pmm,
                     const struct hw_boot *boot) {
    const struct vrange everything = { vaddr(0), UINT64_MAX };

    memset(space, 0, sizeof(*space));
    space->pmm = pmm;
    space->direct_base = boot->direct_base;
    space->root = boot->root;
    space->phys_bits = boot->phys_bits;
    vmm_walk(space, everything, count_table, &space->stats);
}
