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

/** The bits of a leaf that its rights decide, which leaf_bits() gives. */
static inline uint64_t leaf_mask(unsigned level) {
    return PTE_PRESENT | PTE_WRITABLE | PTE_USER | PTE_WRITE_THROUGH |
           PTE_CACHE_DISABLE | PTE_GLOBAL | PTE_NO_EXECUTE |
           (level > 1 ? PTE_HUGE : 0);
}

/** May a processor that still believes @old do what @new forbids? */
static inline bool access_is_taken(unsigned old, unsigned new) {
    const unsigned taken = old & ~new;

    return (taken & ~(unsigned)VMM_UNCACHED) != 0 ||
           ((old ^ new) & VMM_UNCACHED) != 0;
}

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
/** As far as an entry of @level, 1..4, if not sooner. */
static inline struct slot table_walk_to(const struct vmm_space *space,
                                        vaddr_t va, unsigned level) {
    paddr_t table = space->root;

    for (unsigned l = PAGING_LEVELS;; l--) {
        pte_t *entry = &table_at(space, table)[table_index(va, l)];
        const pte_t seen = entry_get(entry);

        if (l == level || !pte_is_present(seen) || pte_is_leaf(seen, l)) {
            return (struct slot){ entry, l };
        }
        table = pte_address(seen);
    }
}
static inline struct slot table_walk(const struct vmm_space *space,
                                     vaddr_t va) {
    return table_walk_to(space, va, 1);
}

/** Pages of 4 KiB that an entry of @level covers. */
static inline uint64_t level_pages(unsigned level) {
    return level_size(level) >> PAGE_SHIFT;
}

/** The entries of a table of @level from the one for @va on that lie wholly
 *  within @pages pages; 0: not even the first. */
static inline uint64_t row_entries(vaddr_t va, unsigned level, uint64_t pages) {
    const uint64_t behind = TABLE_ENTRIES - table_index(va, level);
    const uint64_t fit = pages >> (level_shift(level) - PAGE_SHIFT);

    return fit < behind ? fit : behind;
}

/** What the entries of a row have in common. */
struct row_bits {
    uint64_t all, any; /* ANDed, ORed */
};
static inline struct row_bits row_bits(const pte_t *row, uint64_t entries) {
    struct row_bits bits = { UINT64_MAX, 0 };

    for (uint64_t n = 0; n < entries; n++) {
        const uint64_t seen = entry_get(&row[n]).v;

        bits.all &= seen;
        bits.any |= seen;
    }
    return bits;
}

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

/** The bits of a leaf of @level with the rights @access. */
uint64_t leaf_bits(unsigned access, unsigned level);
unsigned leaf_access(pte_t leaf);
/** MM_OK, or MM_BAD_ARGUMENT: frames beyond the bus, rights that are none. */
enum mm_status frames_check(const struct vmm_space *space, pfn_t f,
                            uint64_t count, unsigned access);

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
 *  MM_HUGE_PAGE. */
enum mm_status pages_survey(const struct vmm_space *space, vaddr_t va,
                            uint64_t count);

/** What is to be mapped, from va on. */
struct mapping {
    vaddr_t va;
    uint64_t pages; /* of 4 KiB */
    pfn_t f;        /* of the first page */
    bool anonymous; /* onto a zeroed frame each, not onto f and so on */
    unsigned access;
    unsigned largest; /* level of the largest leaves */
};
/** Map all or none, with leaves as large as fit; the range, the frames and the
 *  rights are checked. */
enum mm_status pages_map(struct vmm_space *space, struct mapping mapping);
/** Unmap what is mapped among @count pages at @va, flush, and only then give
 *  the frames back.  A leaf that reaches out of the range stays. */
void pages_drop(struct vmm_space *space, vaddr_t va, uint64_t count);

/* --- empty.c: tables that hold nothing ----------------------------------- */

/** Is the table at @pa of @level one of the pmm's, and does nothing show
 *  below it? */
bool table_is_vacant(const struct vmm_space *space, paddr_t pa, unsigned level);
/** Unlink a vacant table and all below it, onto @unlinked; the processor may
 *  still walk them until it is flushed. */
void table_unlink(struct vmm_space *space, paddr_t pa, unsigned level,
                  struct frame_chain *unlinked);
/** Make the processor forget the way to unlinked tables, and give them back. */
void tables_give_back(struct vmm_space *space, struct frame_chain *unlinked);

/* --- flush.c ------------------------------------------------------------- */

/** A debt of @pages pages of @level from @va, counted until it is paid. */
struct vmm_token token_owe(struct vmm_space *space, vaddr_t va, unsigned level,
                           uint64_t pages, bool global);

#endif
