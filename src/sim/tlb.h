/**
 * @file tlb.h
 * The translations that the simulated processor remembers.
 *
 * A recorded entry is the truth about what the processor believes; the host
 * mappings of the live machine are a cache of it.  Whenever an entry goes
 * (invalidated, evicted, forgotten, or in the way of a new one), the drop
 * call-back is told first; not at tlb_destroy().
 *
 * A processor may drop any translation at any time, and must drop it at the
 * invalidations that the manual lists: between these two lie the policies.
 *
 *   TLB_LRU      at most `capacity`; the one used longest ago goes (in the
 *                live machine hits are native and unseen: "used" means filled)
 *   TLB_HOSTILE  keeps every entry until exactly the invalidation that must
 *                end it; only when TLB_CAPACITY_MAX are held does one go
 *   TLB_RANDOM   at most `capacity`; any may go, and one that is found is
 *                forgotten now and then (seeded: `random`)
 *   TLB_NONE     finds nothing; the newest is held for its user alone
 *
 * Intel SDM vol. 3A, "Caching Translation Information".
 */
#ifndef SIM_TLB_H
#define SIM_TLB_H

#include "hw/paging.h"
#include "sim/walk.h"

enum tlb_policy { TLB_LRU, TLB_HOSTILE, TLB_RANDOM, TLB_NONE };
#define TLB_POLICIES 4

#define TLB_CAPACITY_DEFAULT 4096
#define TLB_CAPACITY_MAX 16384
#define TLB_SIZES 5 /* 2^12, 2^21, 2^30; 2^39 and 2^48 of upper entries */

struct tlb_entry {
    vaddr_t page;        /* first byte */
    unsigned page_shift; /* 12, 21 or 30; of an upper entry 21 to 48 */
    paddr_t frame;       /* first byte it shows; of an upper entry: the table */
    struct walk_rights rights;
    bool global, dirty;
    uint16_t pcid; /* in force when it was filled; says nothing when global */
    uint64_t used; /* number of the newest use; tlb.c's own */
};

/** Which entries an invalidation means. */
struct tlb_scope {
    bool every_pcid; /* else those of @pcid ... */
    unsigned pcid;
    bool globals; /* ... and, if so, the global ones, of whatever PCID */
};

/** Where an entry came from: the path of table entries, from the top. */
struct tlb_origin {
    unsigned count; /* 0: not known */
    unsigned top;   /* level of the first */
    paddr_t at[WALK_LEVELS_MAX];
    pte_t value[WALK_LEVELS_MAX]; /* after the walk had set A and D */
};

typedef void tlb_drop(void *ctx, const struct tlb_entry *entry);
struct tlb;
/** All of *@scope is about to go.  @return true: that is enough, tlb_drop need
 *  not be called for each */
typedef bool tlb_flush(void *ctx, struct tlb *tlb,
                       const struct tlb_scope *scope);

struct tlb {
    enum tlb_policy policy;
    unsigned capacity; /* 1 .. TLB_CAPACITY_MAX; hostile: always the maximum;
                          none: 1 */
    unsigned count;
    struct tlb_slot *slots;     /* tlb.c */
    struct tlb_origin *origins; /* a slot each; NULL: not kept */
    unsigned *buckets;
    unsigned bucket_mask;
    unsigned newest, oldest, unused;
    unsigned used;                /* slots 0 .. used - 1 have held an entry */
    uint64_t uses;                /* so far */
    uint64_t insertions;          /* so far */
    unsigned by_shift[TLB_SIZES]; /* entries of each size */
    unsigned sizes;               /* bit n: by_shift[n] is not 0 */
    uint64_t generation; /* counts what may make a permitted access another */
    bool nested;         /* upper entries: they lie inside one another */
    uint64_t random;     /* state of TLB_RANDOM; not 0 */
    tlb_drop *on_drop;   /* NULL: nobody is told */
    tlb_flush
        *on_flush; /* with on_drop, told first by tlb_drop_all(); or NULL */
    void *on_drop_ctx;
    uint64_t evictions;
    vaddr_t evicted; /* page of the newest eviction */
};

/** Is @entry one of those that @scope means? */
static inline bool tlb_scope_means(struct tlb_scope scope,
                                   const struct tlb_entry *entry) {
    return entry->global ? scope.globals
                         : scope.every_pcid || entry->pcid == scope.pcid;
}

/** @return false when the host has no memory for it */
bool tlb_init(struct tlb *tlb, enum tlb_policy policy, unsigned capacity);
void tlb_destroy(struct tlb *tlb);

/** @to, of the same capacity, holds what @from holds, in the same order, and
 *  goes on as it would; nobody is told of what goes. */
void tlb_copy(struct tlb *to, const struct tlb *from);
/** @kept, not yet made, is for tlb_copy() from it and tlb_destroy() alone: it
 * has room for what @from ever held.  @return false: no memory */
bool tlb_keep(struct tlb *kept, const struct tlb *from);

/** The entry that translates @va under @pcid; when several are nested, the
 *  smallest; or NULL.  The pointer holds until the next call that is not
 *  const. */
const struct tlb_entry *tlb_find(const struct tlb *tlb, vaddr_t va,
                                 unsigned pcid);
/** The same for an access: it becomes the most recently used, unless the policy
 *  has it forgotten. */
struct tlb_entry *tlb_lookup(struct tlb *tlb, vaddr_t va, unsigned pcid);
/** @entry, which is in @tlb, was used again.  Two instructions; the order of
 *  use is put right when somebody asks for it. */
static inline void tlb_use(struct tlb *tlb, struct tlb_entry *entry) {
    entry->used = ++tlb->uses;
}
/** When a remembered translation denies an access: does the processor fault at
 *  once, without looking into the tables? */
bool tlb_denial_stands(struct tlb *tlb);
/** Remember; an entry that overlaps it (of any size, visible where this one is)
 *  is dropped first.  Nested: only one of the same size. */
struct tlb_entry *tlb_insert(struct tlb *tlb, struct tlb_entry entry);
/** The same for a page that is not global, right after a lookup of an address
 *  in it has found nothing.  @return its entry, of which frame, rights and
 * dirty are for the caller to fill in */
struct tlb_entry *tlb_insert_missed(struct tlb *tlb, vaddr_t page,
                                    unsigned page_shift, unsigned pcid);
/** Drop, of @scope, what translates @va. */
void tlb_drop_page(struct tlb *tlb, vaddr_t va, struct tlb_scope scope);
/** Drop all of @scope. */
void tlb_drop_all(struct tlb *tlb, struct tlb_scope scope);
/** Call @visit for every entry, oldest use first. */
void tlb_each(struct tlb *tlb, tlb_drop *visit, void *ctx);

/** Keep an origin for each entry from now on.  @return false: no memory */
bool tlb_keep_origins(struct tlb *tlb);
/** The origin of @entry, which is in @tlb; NULL when none are kept. */
struct tlb_origin *tlb_origin_of(const struct tlb *tlb,
                                 const struct tlb_entry *entry);

#endif
