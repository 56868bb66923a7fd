/*
 * A TLB is made, copied and kept; and where its entries came from.
 *
 * A copy has the same entries in the same slots, so it goes on as the original
 * would; only slots that were ever used are copied.
 */
#include "sim/tlb_inside.h"

#include <stdlib.h>
#include <string.h>

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
