/**
 * @file table.h
 * Inside the vmm: page tables reached through the direct map, and frames taken
 * ahead of a change.
 */
#ifndef VMM_TABLE_H
#define VMM_TABLE_H

#include "vmm/vmm.h"

/* Every right, so that the leaf alone decides: the processor ANDs R/W and U/S
 * over the levels and ORs XD.  Intel SDM vol. 3A, "Determination of Access
 * Rights". */
#define TABLE_BITS (PTE_PRESENT | PTE_WRITABLE | PTE_USER)

/** The bits of a leaf that @access decides. */
#define LEAF_BITS                                                              \
    (PTE_PRESENT | PTE_WRITABLE | PTE_USER | PTE_WRITE_THROUGH |               \
     PTE_CACHE_DISABLE | PTE_GLOBAL | PTE_NO_EXECUTE)

/** What the processor itself writes into entries. */
#define HARDWARE_BITS (PTE_ACCESSED | PTE_DIRTY)

/** Where the direct map shows frame @f, for tables and for clearing. */
static inline void *frame_bytes(const struct vmm_space *space, pfn_t f) {
    return pointer_of(vaddr_add(space->direct_base, paddr_of(f).v));
}
/** The 512 entries of the table at @pa. */
static inline pte_t *table_at(const struct vmm_space *space, paddr_t pa) {
    return frame_bytes(space, pfn_of(pa));
}

/** The processor reads and writes entries too: one load, one store each. */
static inline pte_t entry_get(const pte_t *entry) {
    return pte(__atomic_load_n(&entry->v, __ATOMIC_RELAXED));
}
static inline void entry_set(pte_t *entry, pte_t value) {
    __atomic_store_n(&entry->v, value.v, __ATOMIC_RELAXED);
}

/** Where the walk for an address ends: at level 1, at a large leaf, or at an
 *  entry that is not present. */
struct slot {
    pte_t *entry;
    unsigned level;
};
struct slot table_walk(const struct vmm_space *space, vaddr_t va);

/** Pages from @va to the end of what the entry at @slot covers, at most
 *  @limit: a loop over pages steps over absent tables at once. */
static inline uint64_t slot_pages(struct slot slot, vaddr_t va,
                                  uint64_t limit) {
    const uint64_t size = level_size(slot.level);
    const uint64_t left = (size - (va.v & (size - 1))) >> PAGE_SHIFT;

    return left < limit ? left : limit;
}

/** MM_OK, MM_NOT_CANONICAL or MM_NOT_ALIGNED. */
static inline enum mm_status page_check(vaddr_t va) {
    if (!vaddr_is_canonical(va)) {
        return MM_NOT_CANONICAL;
    }
    return vaddr_is_page_aligned(va) ? MM_OK : MM_NOT_ALIGNED;
}
/** page_check(), and MM_BAD_RANGE when @count pages from @va are none, wrap or
 *  leave the canonical half of @va. */
enum mm_status pages_check(vaddr_t va, uint64_t count);

uint64_t leaf_bits(unsigned access);
unsigned leaf_access(pte_t leaf);

/* --- chain.c: frames outside the tables, strung through their own bytes -- */

/** Frames that nobody else knows: the first eight bytes of each hold the
 *  address of the next. */
struct frame_chain {
    paddr_t first;
    uint64_t count;
};

void chain_push(const struct vmm_space *space, struct frame_chain *chain,
                pfn_t f);
/** Take a frame out and clear it.  @chain is not empty. */
pfn_t chain_pop_zeroed(const struct vmm_space *space,
                       struct frame_chain *chain);
/** Take a frame from the pmm for the page at @va, or for a table of it. */
enum mm_status chain_take(struct vmm_space *space, struct frame_chain *chain,
                          vaddr_t va, bool for_table);
/** Give all of @chain to the pmm. */
void chain_give_back(struct vmm_space *space, struct frame_chain *chain);

/* --- range.c: all or none ------------------------------------------------ */

/** Do @count pages at @va show nothing?  MM_OK, MM_ALREADY_MAPPED or
 *  MM_HUGE_PAGE; *@tables: how many tables it takes to map them all. */
enum mm_status pages_survey(const struct vmm_space *space, vaddr_t va,
                            uint64_t count, uint64_t *tables);
/** Map @count pages at @va onto the frames from *@f, or onto a zeroed frame
 *  each when @f is NULL; all or none.  The range and rights are checked. */
enum mm_status pages_map(struct vmm_space *space, vaddr_t va, uint64_t count,
                         const pfn_t *f, unsigned access);
/** Unmap what is mapped among @count pages at @va, flush, and only then give
 *  the frames back. */
void pages_drop(struct vmm_space *space, vaddr_t va, uint64_t count);

/* --- flush.c ------------------------------------------------------------- */

/** A debt of @pages pages from @va, counted until it is paid. */
struct vmm_token token_owe(struct vmm_space *space, vaddr_t va, uint64_t pages,
                           bool global);

#endif
