/*
 * What is remembered is found, made room for, and dropped.
 *
 *   tlb_lookup()        a hit is a use; the policy may forget it instead
 *   tlb_insert()        what lies in the way goes first, then perhaps a victim
 *   tlb_drop_page() ..  invalidations: all of a scope, and nothing else
 *
 * How entries are kept: tlb_inside.h.
 */
#include "sim/tlb_inside.h"

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

    for (unsigned sizes = tlb->sizes; sizes != 0; sizes &= sizes - 1) {
        unsigned shift = shift_of_size((unsigned)__builtin_ctz(sizes));
        vaddr_t page = page_of(va, shift);
        unsigned i =
            next_match(tlb, *bucket(tlb, page, shift), page, shift, visible);

        if (i != NONE) {
            return i;
        }
    }
    return NONE;
}

/** One entry more or, -1, less of that size. */
static inline void count_size(struct tlb *tlb, unsigned page_shift, int more) {
    unsigned size = size_of_shift(page_shift);

    tlb->by_shift[size] += (unsigned)more;
    if (tlb->by_shift[size] != 0) {
        tlb->sizes |= 1u << size;
    } else {
        tlb->sizes &= ~(1u << size);
    }
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
    count_size(tlb, s->entry.page_shift, -1);
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
                 : tlb_least_recent(tlb);
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

/** Drop the smaller entries in the way of a page. */
static inline void clear_inside(struct tlb *tlb, vaddr_t page,
                                unsigned page_shift,
                                struct tlb_scope in_the_way) {
    unsigned smaller = (1u << size_of_shift(page_shift)) - 1;

    if ((tlb->sizes & smaller) != 0) {
        drop_inside(tlb, page, page_shift, in_the_way);
    }
}

/** A slot for that page, which has nothing in its way.  @return its entry, for
 *  the caller to fill in: only page, page_shift and used are set */
static struct tlb_entry *put(struct tlb *tlb, vaddr_t page,
                             unsigned page_shift) {
    struct tlb_entry *entry;
    unsigned i;
    unsigned *link;

    make_room(tlb);
    i = tlb->unused;
    tlb->unused = tlb->slots[i].chain;
    tlb->used = i < tlb->used ? tlb->used : i + 1;
    entry = &tlb->slots[i].entry;
    entry->page = page;
    entry->page_shift = page_shift;
    if (tlb->origins != NULL) {
        tlb->origins[i].count = 0;
    }
    link = bucket(tlb, page, page_shift);
    tlb->slots[i].chain = *link;
    *link = i;
    link_newest(tlb, i);
    count_size(tlb, page_shift, 1);
    tlb->count++;
    tlb->insertions++;
    return entry;
}

struct tlb_entry *tlb_insert(struct tlb *tlb, struct tlb_entry entry) {
    const struct tlb_scope in_the_way = { .every_pcid = entry.global,
                                          .pcid = entry.pcid,
                                          .globals = true };
    struct tlb_entry *kept;

    if (tlb->nested) {
        drop_size(tlb, entry.page, entry.page_shift, in_the_way);
    } else {
        clear_inside(tlb, entry.page, entry.page_shift, in_the_way);
        tlb_drop_page(tlb, entry.page, in_the_way);
    }
    kept = put(tlb, entry.page, entry.page_shift);
    entry.used = kept->used;
    *kept = entry;
    return kept;
}

struct tlb_entry *tlb_insert_missed(struct tlb *tlb, vaddr_t page,
                                    unsigned page_shift, unsigned pcid) {
    struct tlb_entry *kept;

    clear_inside(tlb, page, page_shift,
                 (struct tlb_scope){ .pcid = pcid, .globals = true });
    kept = put(tlb, page, page_shift);
    kept->global = false;
    kept->pcid = (uint16_t)pcid;
    return kept;
}

/* --- invalidation ------------------------------------------------------- */

void tlb_drop_page(struct tlb *tlb, vaddr_t va, struct tlb_scope scope) {
    for (unsigned size = 0; size < TLB_SIZES; size++) {
        if (tlb->by_shift[size] != 0) {
            drop_size(tlb, va, shift_of_size(size), scope);
        }
    }
}

/** Does @scope mean all there is? */
static bool means_all(const struct tlb *tlb, struct tlb_scope scope) {
    unsigned i = tlb->oldest;

    while (i != NONE && tlb_scope_means(scope, &tlb->slots[i].entry)) {
        i = tlb->slots[i].newer;
    }
    return i == NONE;
}

/** Drop everything.  Nobody wants to be told. */
static void empty(struct tlb *tlb) {
    for (unsigned i = tlb->oldest; i != NONE; i = tlb->slots[i].newer) {
        struct tlb_slot *s = &tlb->slots[i];

        *bucket(tlb, s->entry.page, s->entry.page_shift) = NONE;
        s->chain = tlb->unused;
        tlb->unused = i;
    }
    for (unsigned size = 0; size < TLB_SIZES; size++) {
        tlb->by_shift[size] = 0;
    }
    tlb->sizes = 0;
    tlb->newest = NONE;
    tlb->oldest = NONE;
    tlb->count = 0;
    tlb->generation++;
}

static void drop_each(struct tlb *tlb, struct tlb_scope scope) {
    for (unsigned i = tlb->oldest; i != NONE;) {
        unsigned next = tlb->slots[i].newer;

        if (tlb_scope_means(scope, &tlb->slots[i].entry)) {
            drop(tlb, i);
        }
        i = next;
    }
}

void tlb_drop_all(struct tlb *tlb, struct tlb_scope scope) {
    tlb_drop *on_drop = tlb->on_drop;

    if (on_drop != NULL && tlb->on_flush != NULL &&
        tlb->on_flush(tlb->on_drop_ctx, tlb, &scope)) {
        tlb->on_drop = NULL; /* that was enough */
    }
    if (tlb->on_drop == NULL && means_all(tlb, scope)) {
        empty(tlb);
    } else {
        drop_each(tlb, scope);
    }
    tlb->on_drop = on_drop;
}
