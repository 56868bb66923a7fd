/*
 * The TLB: slots in one array, found by hash, ordered by use.
 *
 *   buckets [ . | 3 | . | 7 | ... ]      by page and size
 *                 |       |
 *   slots         3 -> 9  7              chain within a bucket
 *
 *   newest -> 7 -> 3 -> 9 -> oldest      order of use
 *   unused -> 1 -> 2 -> ...              through the chain field
 *
 * A use only takes the next number.  The list is in the order in which entries
 * were linked into it, and the oldest is the least recently used one unless its
 * number says that it was used since: then all are sorted anew.
 *
 * No two entries share a byte under one PCID, so at most one translates an
 * address; a global entry counts for every PCID.  A nested TLB (of upper
 * entries) has at most one of each size.  Nothing is allocated after the start:
 * lookups happen inside a signal handler.
 */
#include "sim/tlb.h"

#include <stdlib.h>
#include <string.h>

#define NONE (~0u)

struct tlb_slot {
    struct tlb_entry entry; /* first: an entry's address is its slot's */
    unsigned chain;
    unsigned newer, older;
    uint64_t linked; /* entry.used when it took its place in the order */
};

/* --- helpers ------------------------------------------------------------ */

/** 0, 1, 2 ... for pages of 4 KiB, 2 MiB, 1 GiB ... */
static unsigned size_of_shift(unsigned page_shift) {
    return (page_shift - PAGE_SHIFT) / 9;
}

static unsigned shift_of_size(unsigned size) {
    return PAGE_SHIFT + 9 * size;
}

static vaddr_t page_of(vaddr_t va, unsigned page_shift) {
    return vaddr(align_down(va.v, UINT64_C(1) << page_shift));
}

static unsigned *bucket(const struct tlb *tlb, vaddr_t page,
                        unsigned page_shift) {
    uint64_t h = (page.v >> PAGE_SHIFT) ^ ((uint64_t)page_shift << 56);

    h *= UINT64_C(0x9e3779b97f4a7c15);
    return &tlb->buckets[(h >> 32) & tlb->bucket_mask];
}

/** The first slot from @i on along the chain with that page and in @scope. */
static unsigned next_match(const struct tlb *tlb, unsigned i, vaddr_t page,
                           unsigned page_shift, struct tlb_scope scope) {
    while (i != NONE) {
        const struct tlb_entry *e = &tlb->slots[i].entry;

        if (e->page.v == page.v && e->page_shift == page_shift &&
            tlb_scope_means(scope, e)) {
            break;
        }
        i = tlb->slots[i].chain;
    }
    return i;
}

static unsigned find(const struct tlb *tlb, vaddr_t va, unsigned pcid) {
    const struct tlb_scope visible = { .pcid = pcid, .globals = true };

    for (unsigned size = 0; size < TLB_SIZES; size++) {
        unsigned shift = shift_of_size(size);
        vaddr_t page = page_of(va, shift);

        if (tlb->by_shift[size] != 0) {
            unsigned i = next_match(tlb, *bucket(tlb, page, shift), page, shift,
                                    visible);

            if (i != NONE) {
                return i;
            }
        }
    }
    return NONE;
}

/** Take slot @i out of the order of use. */
static void unlink_use(struct tlb *tlb, unsigned i) {
    struct tlb_slot *s = &tlb->slots[i];

    *(s->newer != NONE ? &tlb->slots[s->newer].older : &tlb->newest) = s->older;
    *(s->older != NONE ? &tlb->slots[s->older].newer : &tlb->oldest) = s->newer;
}

static void link_newest(struct tlb *tlb, unsigned i) {
    struct tlb_slot *s = &tlb->slots[i];

    s->linked = s->entry.used = ++tlb->uses;
    s->newer = NONE;
    s->older = tlb->newest;
    *(tlb->newest != NONE ? &tlb->slots[tlb->newest].newer : &tlb->oldest) = i;
    tlb->newest = i;
}

/** Two lists, linked by newer and in order, become one. */
static unsigned merge(struct tlb *tlb, unsigned a, unsigned b) {
    unsigned first = NONE;
    unsigned *link = &first;

    while (a != NONE && b != NONE) {
        unsigned *less =
            tlb->slots[a].entry.used < tlb->slots[b].entry.used ? &a : &b;

        *link = *less;
        link = &tlb->slots[*less].newer;
        *less = *link;
    }
    *link = a != NONE ? a : b;
    return first;
}

/** Sort the order of use by the numbers: bins[n] holds 2^n entries, or none. */
static void settle(struct tlb *tlb) {
    unsigned bins[16]; /* 2^16 > TLB_CAPACITY_MAX */
    unsigned all = NONE, older = NONE;

    for (unsigned n = 0; n < 16; n++) {
        bins[n] = NONE;
    }
    for (unsigned i = tlb->oldest; i != NONE;) {
        unsigned next = tlb->slots[i].newer, n = 0;

        tlb->slots[i].newer = NONE;
        for (; bins[n] != NONE; n++) {
            i = merge(tlb, bins[n], i);
            bins[n] = NONE;
        }
        bins[n] = i;
        i = next;
    }
    for (unsigned n = 0; n < 16; n++) {
        all = merge(tlb, bins[n], all);
    }
    tlb->oldest = all;
    for (unsigned i = all; i != NONE; i = tlb->slots[i].newer) {
        tlb->slots[i].older = older;
        tlb->slots[i].linked = tlb->slots[i].entry.used;
        older = i;
    }
    tlb->newest = older;
}

/** The slot of the entry that was used longest ago. */
static unsigned least_recent(struct tlb *tlb) {
    const struct tlb_slot *s = &tlb->slots[tlb->oldest];

    if (s->entry.used != s->linked) {
        settle(tlb);
    }
    return tlb->oldest;
}

/** The entry in slot @i goes; whoever maps it on the host hears first. */
static void drop(struct tlb *tlb, unsigned i) {
    struct tlb_slot *s = &tlb->slots[i];
    unsigned *link = bucket(tlb, s->entry.page, s->entry.page_shift);

    if (tlb->on_drop != NULL) {
        tlb->on_drop(tlb->on_drop_ctx, &s->entry);
    }
    while (*link != i) {
        link = &tlb->slots[*link].chain;
    }
    *link = s->chain;
    unlink_use(tlb, i);
    tlb->generation++;
    tlb->by_shift[size_of_shift(s->entry.page_shift)]--;
    tlb->count--;
    s->chain = tlb->unused;
    tlb->unused = i;
}

/** One of @n, evenly enough (xorshift64). */
static unsigned chance(struct tlb *tlb, unsigned n) {
    uint64_t x = tlb->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    tlb->random = x;
    return (unsigned)(x >> 33) % n;
}

/* --- life --------------------------------------------------------------- */

static unsigned capacity_of(enum tlb_policy policy, unsigned wanted) {
    if (policy == TLB_NONE || wanted == 0) {
        wanted = 1;
    }
    return policy == TLB_HOSTILE || wanted > TLB_CAPACITY_MAX ? TLB_CAPACITY_MAX
                                                              : wanted;
}

bool tlb_init(struct tlb *tlb, enum tlb_policy policy, unsigned capacity) {
    unsigned buckets = 1;

    memset(tlb, 0, sizeof(*tlb));
    tlb->policy = policy;
    tlb->capacity = capacity_of(policy, capacity);
    tlb->random = UINT64_C(88172645463325252);
    while (buckets < 2 * tlb->capacity) {
        buckets *= 2;
    }
    tlb->bucket_mask = buckets - 1;
    tlb->slots = calloc(tlb->capacity, sizeof(*tlb->slots));
    tlb->buckets = malloc(buckets * sizeof(*tlb->buckets));
    if (tlb->slots == NULL || tlb->buckets == NULL) {
        tlb_destroy(tlb);
        return false;
    }
    for (unsigned i = 0; i < buckets; i++) {
        tlb->buckets[i] = NONE;
    }
    for (unsigned i = 0; i < tlb->capacity; i++) {
        tlb->slots[i].chain = i + 1 < tlb->capacity ? i + 1 : NONE;
    }
    tlb->newest = NONE;
    tlb->oldest = NONE;
    return true;
}

void tlb_destroy(struct tlb *tlb) {
    free(tlb->slots);
    free(tlb->origins);
    free(tlb->buckets);
    memset(tlb, 0, sizeof(*tlb));
}

/** Where they came from, for whoever keeps it; else it is not known. */
static void copy_origins(struct tlb *to, const struct tlb *from) {
    for (unsigned i = 0; to->origins != NULL && i < from->used; i++) {
        to->origins[i] =
            from->origins != NULL ? from->origins[i] : (struct tlb_origin){ 0 };
    }
}

/** Slots that @from never used, and @to did, are as at the start. */
static void forget_slots(struct tlb *to, const struct tlb *from) {
    for (unsigned i = from->used; i < to->used; i++) {
        to->slots[i].chain = i + 1 < to->capacity ? i + 1 : NONE;
    }
}

void tlb_copy(struct tlb *to, const struct tlb *from) {
    struct tlb was = *to;

    memcpy(to->slots, from->slots, from->used * sizeof(*to->slots));
    forget_slots(to, from);
    memcpy(to->buckets, from->buckets,
           (from->bucket_mask + 1) * sizeof(*to->buckets));
    copy_origins(to, from);
    *to = *from;
    to->slots = was.slots;
    to->buckets = was.buckets;
    to->origins = was.origins;
    to->on_drop = was.on_drop;
    to->on_flush = was.on_flush;
    to->on_drop_ctx = was.on_drop_ctx;
    to->generation = (was.generation > from->generation ? was.generation
                                                        : from->generation) +
                     1; /* what was noted of either is out of date */
}

bool tlb_keep(struct tlb *kept, const struct tlb *from) {
    size_t used = from->used;

    memset(kept, 0, sizeof(*kept));
    kept->slots = malloc(used * sizeof(*kept->slots) + 1);
    kept->buckets = malloc((from->bucket_mask + 1) * sizeof(*kept->buckets));
    if (from->origins != NULL) {
        kept->origins = malloc(used * sizeof(*kept->origins) + 1);
    }
    if (kept->slots == NULL || kept->buckets == NULL ||
        (from->origins != NULL && kept->origins == NULL)) {
        tlb_destroy(kept);
        return false;
    }
    tlb_copy(kept, from);
    return true;
}

bool tlb_keep_origins(struct tlb *tlb) {
    if (tlb->origins == NULL) {
        tlb->origins = calloc(tlb->capacity, sizeof(*tlb->origins));
    }
    return tlb->origins != NULL;
}

struct tlb_origin *tlb_origin_of(const struct tlb *tlb,
                                 const struct tlb_entry *entry) {
    const struct tlb_slot *slot = (const struct tlb_slot *)(const void *)entry;

    return tlb->origins != NULL ? &tlb->origins[slot - tlb->slots] : NULL;
}

/* --- use ---------------------------------------------------------------- */

const struct tlb_entry *tlb_find(const struct tlb *tlb, vaddr_t va,
                                 unsigned pcid) {
    unsigned i = find(tlb, va, pcid);

    return i != NONE ? &tlb->slots[i].entry : NULL;
}

struct tlb_entry *tlb_lookup(struct tlb *tlb, vaddr_t va, unsigned pcid) {
    unsigned i = find(tlb, va, pcid);

    if (i == NONE || tlb->policy == TLB_NONE) {
        return NULL;
    }
    if (tlb->policy == TLB_RANDOM && chance(tlb, 16) == 0) {
        drop(tlb, i);
        return NULL;
    }
    tlb_use(tlb, &tlb->slots[i].entry);
    return &tlb->slots[i].entry;
}

bool tlb_denial_stands(struct tlb *tlb) {
    return tlb->policy == TLB_HOSTILE ||
           (tlb->policy == TLB_RANDOM && chance(tlb, 2) == 0);
}

/** Room for one more: the policy says who goes. */
static void make_room(struct tlb *tlb) {
    unsigned victim;

    if (tlb->count < tlb->capacity) {
        return;
    }
    victim = tlb->policy == TLB_RANDOM
                 ? chance(tlb, tlb->capacity) /* full: every slot is in use */
                 : least_recent(tlb);
    if (tlb->policy != TLB_NONE) {
        tlb->evicted = tlb->slots[victim].entry.page;
        tlb->evictions++;
    }
    drop(tlb, victim);
}

/** Drop the entries that lie inside the large page @page. */
static void drop_inside(struct tlb *tlb, vaddr_t page, unsigned page_shift,
                        struct tlb_scope scope) {
    unsigned i = tlb->oldest;

    while (i != NONE) {
        const struct tlb_slot *s = &tlb->slots[i];
        unsigned next = s->newer;

        if (s->entry.page_shift < page_shift &&
            page_of(s->entry.page, page_shift).v == page.v &&
            tlb_scope_means(scope, &s->entry)) {
            drop(tlb, i);
        }
        i = next;
    }
}

/** Drop what shows the page @page of one size. */
static void drop_size(struct tlb *tlb, vaddr_t va, unsigned page_shift,
                      struct tlb_scope scope) {
    vaddr_t page = page_of(va, page_shift);
    unsigned i = *bucket(tlb, page, page_shift);

    while ((i = next_match(tlb, i, page, page_shift, scope)) != NONE) {
        unsigned next = tlb->slots[i].chain;

        drop(tlb, i);
        i = next;
    }
}

/** Drop the smaller entries in the way of @entry. */
static void clear_inside(struct tlb *tlb, const struct tlb_entry *entry,
                         struct tlb_scope in_the_way) {
    unsigned size = size_of_shift(entry->page_shift);
    unsigned smaller = 0;

    for (unsigned s = 0; s < size; s++) {
        smaller += tlb->by_shift[s];
    }
    if (smaller != 0) {
        drop_inside(tlb, entry->page, entry->page_shift, in_the_way);
    }
}

/** Put @entry, which has nothing in its way, into a slot. */
static struct tlb_entry *put(struct tlb *tlb, const struct tlb_entry *entry) {
    unsigned i;
    unsigned *link;

    make_room(tlb);
    i = tlb->unused;
    tlb->unused = tlb->slots[i].chain;
    tlb->used = i < tlb->used ? tlb->used : i + 1;
    tlb->slots[i].entry = *entry;
    if (tlb->origins != NULL) {
        tlb->origins[i].count = 0;
    }
    link = bucket(tlb, entry->page, entry->page_shift);
    tlb->slots[i].chain = *link;
    *link = i;
    link_newest(tlb, i);
    tlb->by_shift[size_of_shift(entry->page_shift)]++;
    tlb->count++;
    tlb->insertions++;
    return &tlb->slots[i].entry;
}

struct tlb_entry *tlb_insert(struct tlb *tlb, struct tlb_entry entry) {
    const struct tlb_scope in_the_way = { .every_pcid = entry.global,
                                          .pcid = entry.pcid,
                                          .globals = true };

    if (tlb->nested) {
        drop_size(tlb, entry.page, entry.page_shift, in_the_way);
    } else {
        clear_inside(tlb, &entry, in_the_way);
        tlb_drop_page(tlb, entry.page, in_the_way);
    }
    return put(tlb, &entry);
}

struct tlb_entry *tlb_insert_missed(struct tlb *tlb, struct tlb_entry entry) {
    clear_inside(tlb, &entry,
                 (struct tlb_scope){ .pcid = entry.pcid, .globals = true });
    return put(tlb, &entry);
}

/* --- invalidation ------------------------------------------------------- */

void tlb_drop_page(struct tlb *tlb, vaddr_t va, struct tlb_scope scope) {
    for (unsigned size = 0; size < TLB_SIZES; size++) {
        if (tlb->by_shift[size] != 0) {
            drop_size(tlb, va, shift_of_size(size), scope);
        }
    }
}

void tlb_drop_all(struct tlb *tlb, struct tlb_scope scope) {
    tlb_drop *on_drop = tlb->on_drop;
    unsigned i;

    if (on_drop != NULL && tlb->on_flush != NULL &&
        tlb->on_flush(tlb->on_drop_ctx, tlb, &scope)) {
        tlb->on_drop = NULL; /* that was enough */
    }
    for (i = tlb->oldest; i != NONE;) {
        unsigned next = tlb->slots[i].newer;

        if (tlb_scope_means(scope, &tlb->slots[i].entry)) {
            drop(tlb, i);
        }
        i = next;
    }
    tlb->on_drop = on_drop;
}

void tlb_each(struct tlb *tlb, tlb_drop *visit, void *ctx) {
    unsigned i;

    settle(tlb);
    i = tlb->oldest;
    while (i != NONE) {
        unsigned next = tlb->slots[i].newer;

        visit(ctx, &tlb->slots[i].entry);
        i = next;
    }
}
