/**
 * @file paging.h
 * The bits of x86-64 4-level paging: what the processor defines, and nothing
 * that a kernel or a simulator decides.
 *
 *   63        48 47    39 38    30 29    21 20    12 11       0
 *   [ sign ext. ][ PML4 ][ PDPT ][  PD   ][  PT   ][  offset  ]
 *                level 4  level 3  level 2  level 1
 *
 * Intel SDM vol. 3A, "4-Level Paging and 5-Level Paging"; levels are counted
 * as there, from the page table (1) up to the PML4 (4).
 */
#ifndef HW_PAGING_H
#define HW_PAGING_H

#include "base/addr.h"

/** One entry of a table of any level. */
typedef struct {
    uint64_t v;
} pte_t;

#define PTE_PRESENT (UINT64_C(1) << 0)
#define PTE_WRITABLE (UINT64_C(1) << 1)
#define PTE_USER (UINT64_C(1) << 2)
#define PTE_WRITE_THROUGH (UINT64_C(1) << 3)
#define PTE_CACHE_DISABLE (UINT64_C(1) << 4)
#define PTE_ACCESSED (UINT64_C(1) << 5)
#define PTE_DIRTY (UINT64_C(1) << 6)
#define PTE_HUGE (UINT64_C(1) << 7)      /* PS: a leaf at level 2 or 3 */
#define PTE_PAT_4K (UINT64_C(1) << 7)    /* the same bit at level 1 */
#define PTE_PAT_HUGE (UINT64_C(1) << 12) /* PAT of a leaf at level 2 or 3 */
#define PTE_GLOBAL (UINT64_C(1) << 8)
#define PTE_NO_EXECUTE (UINT64_C(1) << 63)
#define PTE_KEY_SHIFT 59 /* bits 62:59 of a leaf: its protection key */

/** Bits 51:12, before MAXPHYADDR cuts them. */
#define PTE_ADDRESS_MASK UINT64_C(0x000ffffffffff000)

#define PAGING_LEVELS 4u
#define TABLE_ENTRIES 512u

/** The error code of a page fault.  "Interrupt 14", same volume. */
#define PF_PRESENT (1u << 0)  /* 0: an entry was not present */
#define PF_WRITE (1u << 1)    /* the access was a write */
#define PF_USER (1u << 2)     /* the access was made at CPL 3 */
#define PF_RESERVED (1u << 3) /* a reserved bit was set in an entry */
#define PF_FETCH (1u << 4)    /* the access was an instruction fetch */
#define PF_KEY (1u << 5)      /* the page's protection key denied */
#define PF_SHADOW (1u << 6)   /* the access was one to a shadow stack */
#define PF_HLAT (1u << 7)     /* during the HLAT part of a walk */
#define PF_SGX (1u << 15)     /* SGX denied; paging would have allowed it */

/** log2 of the bytes that one entry of @level (1..4) covers. */
static inline unsigned level_shift(unsigned level) {
    return PAGE_SHIFT + 9 * (level - 1);
}
/** The bytes that one entry of @level (1..4) covers. */
static inline uint64_t level_size(unsigned level) {
    return UINT64_C(1) << level_shift(level);
}
/** Which of the 512 entries of the table at @level translates @va. */
static inline unsigned table_index(vaddr_t va, unsigned level) {
    return (unsigned)(va.v >> level_shift(level)) & (TABLE_ENTRIES - 1);
}

/** Bits 63:47 are all equal.  Intel SDM vol. 1, "Canonical Addressing". */
static inline bool vaddr_is_canonical(vaddr_t va) {
    uint64_t top = va.v >> 47;

    return top == 0 || top == 0x1ffff;
}
/** @va with bit 47 copied into bits 63:48. */
static inline vaddr_t vaddr_sign_extend(vaddr_t va) {
    return vaddr((uint64_t)((int64_t)(va.v << 16) >> 16));
}

static inline pte_t pte(uint64_t v) {
    return (pte_t){ v };
}
/** An entry that shows frame @f, with @bits from the PTE_ list. */
static inline pte_t pte_make(pfn_t f, uint64_t bits) {
    return pte((paddr_of(f).v & PTE_ADDRESS_MASK) | bits);
}
static inline bool pte_is_present(pte_t e) {
    return (e.v & PTE_PRESENT) != 0;
}
static inline bool pte_has(pte_t e, uint64_t bits) {
    return (e.v & bits) == bits;
}
/** Does a present entry of @level end the walk? */
static inline bool pte_is_leaf(pte_t e, unsigned level) {
    return level == 1 || ((level == 2 || level == 3) && pte_has(e, PTE_HUGE));
}
/** The table below, or the frame of a 4 KiB leaf. */
static inline paddr_t pte_address(pte_t e) {
    return paddr(e.v & PTE_ADDRESS_MASK);
}
/** The first byte shown by a leaf of @level; PAT (bit 12) is not address. */
static inline paddr_t pte_leaf_address(pte_t e, unsigned level) {
    return paddr(e.v & PTE_ADDRESS_MASK & ~(level_size(level) - 1));
}

#endif
