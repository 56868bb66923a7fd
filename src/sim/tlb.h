/**
 * @file tlb.h
 * The translations that the simulated processor remembers.
 *
 * A recorded entry is the truth about what the processor believes; the host
 * mappings of the live machine are a cache of it.  Whenever an entry goes
 * (invalidated, evicted, or in the way of a new one), the drop call-back is
 * told first; not at tlb_destroy().
 *
 * Policies: TLB_LRU keeps at most `capacity` entries and drops the one used
 * longest ago (in the live machine hits are native and unseen, so there "used"
 * means filled).  TLB_HOSTILE keeps every entry until exactly the invalidation
 * that must end it, as the manual permits; only when TLB_CAPACITY_MAX are held
 * does the oldest go.  Intel SDM vol. 3A, "Caching
 * Translation Information".
 */
#ifndef SIM_TLB_H
#define SIM_TLB_H

#include "hw/paging.h"
#include "sim/walk.h"

enum tlb_policy { TLB_LRU, TLB_HOSTILE };

#define TLB_CAPACITY_DEFAULT 1024
#define TLB_CAPACITY_MAX 16384

struct tlb_entry {
    vaddr_t page;        /* first byte */
    unsigned page_shift; /* 12, 21 or 30 */
    paddr_t frame;       /* first byte it shows */
    struct walk_rights rights;
    bool global, dirty;
};

typedef void tlb_drop(void *ctx, const struct tlb_entry *entry);

struct tlb {
    enum tlb_policy policy;
    unsigned capacity; /* 1 .. TLB_CAPACITY_MAX; hostile: always the maximum */
    unsigned count;
    struct tlb_slot *slots; /* tlb.c */
    unsigned *buckets;
    unsigned bucket_mask;
    unsigned newest, oldest, unused;
    unsigned by_shift[3]; /* entries of 4 KiB, 2 MiB, 1 GiB */
    tlb_drop *on_drop;    /* NULL: nobody is told */
    void *on_drop_ctx;
    uint64_t evictions;
    vaddr_t evicted; /* page of the newest eviction */
};

/** @return false when the host has no memory for it */
bool tlb_init(struct tlb *tlb, enum tlb_policy policy, unsigned capacity);
void tlb_destroy(struct tlb *tlb);

/** The entry that translates @va, now the most recently used; or NULL.  The
 *  pointer holds until the next insertion or invalidation. */
struct tlb_entry *tlb_lookup(struct tlb *tlb, vaddr_t va);
/** Remember; an entry that overlaps it (of any size) is dropped first. */
struct tlb_entry *tlb_insert(struct tlb *tlb, struct tlb_entry entry);
/** INVLPG: every entry that translates @va, global or not. */
void tlb_drop_page(struct tlb *tlb, vaddr_t va);
/** MOV to CR3: all, or all but the global ones. */
void tlb_drop_all(struct tlb *tlb, bool keep_global);
/** Call @visit for every entry, oldest use first. */
void tlb_each(const struct tlb *tlb, tlb_drop *visit, void *ctx);

#endif
