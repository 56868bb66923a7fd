/**
 * @file tlb_inside.h
 * How the translations are kept: slots, hashed into chains, and ordered by use.
 * What the files of the TLB share; tlb.h is for users.
 *
 *   buckets [ . | 3 | . | 7 | ... ]      by page and size
 *                 |       |
 *   slots         3 -> 9  7              chain within a bucket
 *
 *   newest -> 7 -> 3 -> 9 -> oldest      order of use
 *   unused -> 1 -> 2 -> ...              through the chain field
 *
 * No two entries share a byte under one PCID, so at most one translates an
 * address; a global entry counts for every PCID.  A nested TLB (of upper
 * entries) has at most one of each size.  Nothing is allocated after the start:
 * lookups happen inside a signal handler.
 */
#ifndef SIM_TLB_INSIDE_H
#define SIM_TLB_INSIDE_H

#include "sim/tlb.h"

#define NONE (~0u)

struct tlb_slot {
    struct tlb_entry entry; /* first: an entry's address is its slot's */
    unsigned chain;
    unsigned newer, older;
    uint64_t linked; /* entry.used when it took its place in the order */
};

/** 0, 1, 2 ... for pages of 4 KiB, 2 MiB, 1 GiB ... */
static inline unsigned size_of_shift(unsigned page_shift) {
    return (page_shift - PAGE_SHIFT) / 9;
}

static inline unsigned shift_of_size(unsigned size) {
    return PAGE_SHIFT + 9 * size;
}

static inline vaddr_t page_of(vaddr_t va, unsigned page_shift) {
    return vaddr(align_down(va.v, UINT64_C(1) << page_shift));
}

/** Where the chain of a page begins.  Neighbours, of which many are used
 *  together, have neighbouring buckets. */
static inline unsigned *bucket(const struct tlb *tlb, vaddr_t page,
                               unsigned page_shift) {
    uint64_t number = page.v >> page_shift;
    uint64_t h = (number >> 4) ^ ((uint64_t)page_shift << 56);

    h *= UINT64_C(0x9e3779b97f4a7c15);
    return &tlb->buckets[((h >> 32) + number) & tlb->bucket_mask];
}

/** Take slot @i out of the order of use. */
static inline void unlink_use(struct tlb *tlb, unsigned i) {
    struct tlb_slot *s = &tlb->slots[i];

    *(s->newer != NONE ? &tlb->slots[s->newer].older : &tlb->newest) = s->older;
    *(s->older != NONE ? &tlb->slots[s->older].newer : &tlb->oldest) = s->newer;
}

static inline void link_newest(struct tlb *tlb, unsigned i) {
    struct tlb_slot *s = &tlb->slots[i];

    s->linked = s->entry.used = ++tlb->uses;
    s->newer = NONE;
    s->older = tlb->newest;
    *(tlb->newest != NONE ? &tlb->slots[tlb->newest].newer : &tlb->oldest) = i;
    tlb->newest = i;
}

/* tlb_order.c */
/** The slot of the entry that was used longest ago. */
unsigned tlb_least_recent(struct tlb *tlb);

#endif
