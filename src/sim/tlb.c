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
 * No two entries share a byte, so at most one translates an address.  Nothing
 * is allocated after tlb_init(): lookups happen inside a signal handler.
 */
#include "sim/tlb.h"

#include <stdlib.h>
#include <string.h>

#define NONE (~0u)
#define SIZES 3u

struct tlb_slot {
    struct tlb_entry entry; /* first: an entry's address is its slot's */
    unsigned chain;
    unsigned newer, older;
};

/* --- helpers ------------------------------------------------------------ */

/** 0, 1, 2 for pages of 4 KiB, 2 MiB, 1 GiB. */
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

static unsigned find(const struct tlb *tlb, vaddr_t va, unsigned page_shift) {
    vaddr_t page = page_of(va, page_shift);
    unsigned i = *bucket(tlb, page, page_shift);

    while (i != NONE && (tlb->slots[i].entry.page.v != page.v ||
                         tlb->slots[i].entry.page_shift != page_shift)) {
        i = tlb->slots[i].chain;
    }
    return i;
}

/** Take slot @i out of the order of use. */
static void unlink_use(struct tlb *tlb, unsigned i) {
    struct tlb_slot *s = &tlb->slots[i];

    *(s->newer != NONE ? &tlb->slots[s->newer].older : &tlb->newest) = s->older;
    *(s->older != NONE ? &tlb->slots[s->older].newer : &tlb->oldest) = s->newer;
}

static void link_newest(struct tlb *tlb, unsigned i) {
    struct tlb_slot *s = &tlb->slots[i];

    s->newer = NONE;
    s->older = tlb->newest;
    *(tlb->newest != NONE ? &tlb->slots[tlb->newest].newer : &tlb->oldest) = i;
    tlb->newest = i;
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
    tlb->by_shift[size_of_shift(s->entry.page_shift)]--;
    tlb->count--;
    s->chain = tlb->unused;
    tlb->unused = i;
}

/* --- life --------------------------------------------------------------- */

bool tlb_init(struct tlb *tlb, enum tlb_policy policy, unsigned capacity) {
    unsigned buckets = 1;

    memset(tlb, 0, sizeof(*tlb));
    if (policy == TLB_HOSTILE || capacity > TLB_CAPACITY_MAX) {
        capacity = TLB_CAPACITY_MAX;
    }
    tlb->policy = policy;
    tlb->capacity = capacity > 0 ? capacity : 1;
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
    free(tlb->buckets);
    memset(tlb, 0, sizeof(*tlb));
}

/* --- use ---------------------------------------------------------------- */

struct tlb_entry *tlb_lookup(struct tlb *tlb, vaddr_t va) {
    for (unsigned size = 0; size < SIZES; size++) {
        unsigned i = tlb->by_shift[size] != 0
                         ? find(tlb, va, shift_of_size(size))
                         : NONE;

        if (i != NONE) {
            if (i != tlb->newest) {
                unlink_use(tlb, i);
                link_newest(tlb, i);
            }
            return &tlb->slots[i].entry;
        }
    }
    return NULL;
}

/** Drop the entries that lie inside the large page @page. */
static void drop_inside(struct tlb *tlb, vaddr_t page, unsigned page_shift) {
    unsigned i = tlb->oldest;

    while (i != NONE) {
        const struct tlb_slot *s = &tlb->slots[i];
        unsigned next = s->newer;

        if (s->entry.page_shift < page_shift &&
            page_of(s->entry.page, page_shift).v == page.v) {
            drop(tlb, i);
        }
        i = next;
    }
}

struct tlb_entry *tlb_insert(struct tlb *tlb, struct tlb_entry entry) {
    unsigned size = size_of_shift(entry.page_shift);
    unsigned smaller = 0;
    unsigned i;
    unsigned *link;

    for (unsigned s = 0; s < size; s++) {
        smaller += tlb->by_shift[s];
    }
    if (smaller != 0) {
        drop_inside(tlb, entry.page, entry.page_shift);
    }
    tlb_drop_page(tlb, entry.page);
    if (tlb->count == tlb->capacity) {
        tlb->evicted = tlb->slots[tlb->oldest].entry.page;
        tlb->evictions++;
        drop(tlb, tlb->oldest);
    }
    i = tlb->unused;
    tlb->unused = tlb->slots[i].chain;
    tlb->slots[i].entry = entry;
    link = bucket(tlb, entry.page, entry.page_shift);
    tlb->slots[i].chain = *link;
    *link = i;
    link_newest(tlb, i);
    tlb->by_shift[size]++;
    tlb->count++;
    return &tlb->slots[i].entry;
}

void tlb_drop_page(struct tlb *tlb, vaddr_t va) {
    for (unsigned size = 0; size < SIZES; size++) {
        unsigned i = tlb->by_shift[size] != 0
                         ? find(tlb, va, shift_of_size(size))
                         : NONE;

        if (i != NONE) {
            drop(tlb, i);
        }
    }
}

void tlb_drop_all(struct tlb *tlb, bool keep_global) {
    unsigned i = tlb->oldest;

    while (i != NONE) {
        unsigned next = tlb->slots[i].newer;

        if (!keep_global || !tlb->slots[i].entry.global) {
            drop(tlb, i);
        }
        i = next;
    }
}

void tlb_each(const struct tlb *tlb, tlb_drop *visit, void *ctx) {
    unsigned i = tlb->oldest;

    while (i != NONE) {
        unsigned next = tlb->slots[i].newer;

        visit(ctx, &tlb->slots[i].entry);
        i = next;
    }
}
