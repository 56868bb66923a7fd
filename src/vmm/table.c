/*
 * Page tables: the meaning of an entry's bits, and what may be asked for.
 *
 *   CR3 --> [ PML4 ] --> [ PDPT ] --> [ PD ] --> [ PT ] --> frame
 *   level      4            3           2          1
 *
 * The walk that every edit starts with is in table.h.
 */
#include "vmm/table.h"

#include <string.h>

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

enum mm_status frames_check(const struct vmm_space *space, pfn_t f,
                            uint64_t count, unsigned access) {
    const uint64_t limit = UINT64_C(1) << (space->phys_bits - PAGE_SHIFT);

    if ((access & ~(unsigned)VMM_ACCESS_ALL) != 0 || f.v >= limit ||
        count > limit - f.v) {
        return MM_BAD_ARGUMENT;
    }
    return MM_OK;
}

uint64_t leaf_bits(unsigned access, unsigned level) {
    uint64_t bits = PTE_PRESENT | (level > 1 ? PTE_HUGE : 0);

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
    space->largest = boot->has_1gib ? 3 : 2;
    vmm_walk(space, everything, count_table, &space->stats);
}
