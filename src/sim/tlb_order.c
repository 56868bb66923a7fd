/*
 * The order of use, put right only when somebody asks for it.
 *
 *   newest -> 7 -> 3 -> 9 -> oldest      as linked
 *             12   31   8                numbers of their newest uses
 *
 * A use only takes the next number.  The list is in the order in which entries
 * were linked into it, and the oldest is the least recently used one unless its
 * number says that it was used since: then all are sorted anew.
 */
#include "sim/tlb_inside.h"

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

unsigned tlb_least_recent(struct tlb *tlb) {
    const struct tlb_slot *s = &tlb->slots[tlb->oldest];

    if (s->entry.used != s->linked) {
        settle(tlb);
    }
    return tlb->oldest;
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
