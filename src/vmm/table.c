/*
 * Page tables: the meaning of an entry's bits, and what may be asked for.
 *
 *   CR3 --> [ PML4 ] --> [ PDPT ] --> [ PD ] --> [ PT ] --> frame
 *   level      4            3           2          1
 *
 * The walk that every edit starts with is in table.h.
 */
#include "vmm/table.h"

enum mm_status pages_check(const struct vmm_space *space, vaddr_t va,
                           uint64_t count) {
    const enum mm_status status = page_check(space, va);
    uint64_t last; /* byte */

    if (status != MM_OK) {
        return status;
    }
    if (count == 0 || count > UINT64_MAX >> PAGE_SHIFT ||
        __builtin_add_overflow(va.v, count * PAGE_SIZE - 1, &last) ||
        last >> 47 != va.v >> 47 || !space_owns(space, vaddr(last))) {
        return MM_BAD_RANGE;
    }
    return MM_OK;
}
