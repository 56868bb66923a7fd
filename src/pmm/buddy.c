/*
 * Frames by buddies: free memory as blocks of 2^k frames, aligned to their
 * size.
 *
 *   order 2   [               ]                    free[2]  bit per 4 frames
 *   order 1                   [       ]            free[1]  bit per 2 frames
 *   order 0                           [   ]        free[0]  bit per frame
 *   frames    | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7*|    * used
 *
 * The two halves of a block are buddies: their numbers differ in one bit.  A
 * block is split in halves until it fits; a block that comes back joins its
 * buddy if that is free as a whole, and the joined block its own buddy, and so
 * on.  Both take at most as many steps as there are orders.
 *
 * Free blocks of an order are linked through their first frames, the newest
 * first; a bit per possible block says which are there.  Only free memory is
 * described, so a frame is used when no block of any order holds it, and a
 * frame outside every run can't be a buddy of anything.
 */
#include <string.h>

#include "pmm/inside.h"

#define ORDERS PMM_BUDDY_ORDERS

static uint64_t words_of_order(const struct pmm *pmm, unsigned order) {
    return words_for((pmm->frames >> order) + 1);
}

static uint64_t buddy_metadata_size(const struct pmm *pmm) {
    uint64_t words = 0;

    for (unsigned k = 0; k < ORDERS; k++) {
        words += words_of_order(pmm, k);
    }
    return words * sizeof(uint64_t);
}

static bool is_free_block(const struct pmm *pmm, pfn_t f, unsigned order) {
    return f.v < pmm->frames &&
           bit_is_set(pmm->buddy.free[order], f.v >> order);
}

static void add_block(struct pmm *pmm, pfn_t f, unsigned order) {
    bit_set(pmm->buddy.free[order], f.v >> order);
    pmm_list_push(pmm, &pmm->buddy.first[order], f);
}

static void remove_block(struct pmm *pmm, pfn_t f, unsigned order) {
    bit_clear(pmm->buddy.free[order], f.v >> order);
    pmm_list_remove(pmm, &pmm->buddy.first[order], f);
}

/** The largest order of a block that ends at frame @end, within @count. */
static unsigned order_before(uint64_t end, uint64_t count) {
    unsigned order = 0;

    while (order + 1 < ORDERS && end % (UINT64_C(2) << order) == 0 &&
           count >= UINT64_C(2) << order) {
        order++;
    }
    return order;
}

/** From the top of memory down, so that the lowest block comes first. */
static void buddy_init(struct pmm *pmm) {
    uint64_t *words = pmm_metadata(pmm);

    memset(words, 0, buddy_metadata_size(pmm));
    for (unsigned k = 0; k < ORDERS; k++) {
        pmm->buddy.free[k] = words;
        pmm->buddy.first[k] = pfn(0);
        words += words_of_order(pmm, k);
    }
    for (size_t i = pmm->run_count; i-- > 0;) {
        const pfn_t first = pmm->runs[i].first;
        uint64_t count = pmm->runs[i].count;

        while (count > 0) {
            const unsigned order = order_before(first.v + count, count);

            count -= UINT64_C(1) << order;
            add_block(pmm, pfn_add(first, count), order);
        }
    }
}

/** The order of the free block that holds @f, or ORDERS. */
static unsigned block_order(const struct pmm *pmm, pfn_t f) {
    unsigned order = 0;

    while (order < ORDERS &&
           !is_free_block(pmm, pfn(align_down(f.v, UINT64_C(1) << order)),
                          order)) {
        order++;
    }
    return order;
}

/** Of the free block of @order that holds @f, keep all but @f. */
static void carve(struct pmm *pmm, pfn_t f, unsigned order) {
    remove_block(pmm, pfn(align_down(f.v, UINT64_C(1) << order)), order);
    while (order-- > 0) {
        const uint64_t mine = align_down(f.v, UINT64_C(1) << order);

        add_block(pmm, pfn(mine ^ UINT64_C(1) << order), order);
    }
}

static bool buddy_alloc(struct pmm *pmm, pfn_t *f) {
    for (unsigned k = 0; k < ORDERS; k++) {
        if (pmm->buddy.first[k].v != 0) {
            *f = pmm->buddy.first[k];
            carve(pmm, *f, k);
            return true;
        }
    }
    return false;
}

static bool buddy_is_used(const struct pmm *pmm, pfn_t f) {
    return block_order(pmm, f) == ORDERS;
}

static enum mm_status buddy_free_frame(struct pmm *pmm, pfn_t f, size_t run) {
    unsigned order = 0;

    (void)run;
    if (!buddy_is_used(pmm, f)) {
        return MM_NOT_ALLOCATED;
    }
    while (order + 1 < ORDERS) {
        const pfn_t buddy = pfn(f.v ^ UINT64_C(1) << order);

        if (!is_free_block(pmm, buddy, order)) {
            break;
        }
        remove_block(pmm, buddy, order);
        order++;
        f = pfn(align_down(f.v, UINT64_C(1) << order));
    }
    add_block(pmm, f, order);
    return MM_OK;
}

static bool buddy_take(struct pmm *pmm, pfn_t first, uint64_t count) {
    for (uint64_t n = 0; n < count; n++) {
        const pfn_t f = pfn_add(first, n);

        carve(pmm, f, block_order(pmm, f));
    }
    return true;
}

/** The frames of the list of @order; ~0 when a link of it is wrong. */
static uint64_t frames_of_order(const struct pmm *pmm, unsigned order) {
    pfn_t f = pmm->buddy.first[order], before = pfn(0);
    uint64_t blocks = 0;

    while (f.v != 0) {
        if (!pmm_is_managed(pmm, f) || f.v % (UINT64_C(1) << order) != 0 ||
            !is_free_block(pmm, f, order) ||
            pmm_link(pmm, f)->previous.v != before.v) {
            return UINT64_MAX;
        }
        if (order + 1 < ORDERS &&
            is_free_block(pmm, pfn(f.v ^ UINT64_C(1) << order), order)) {
            return UINT64_MAX; /* two buddies that did not join */
        }
        before = f;
        f = pmm_link(pmm, f)->next;
        blocks++;
    }
    return blocks << order;
}

/** The lists hold what is free, the bits say the same, buddies have joined. */
static bool buddy_is_sound(const struct pmm *pmm) {
    uint64_t listed = 0, marked = 0;

    for (unsigned k = 0; k < ORDERS; k++) {
        const uint64_t frames = frames_of_order(pmm, k);

        if (frames == UINT64_MAX) {
            return false;
        }
        listed += frames;
        for (uint64_t w = 0; w < words_of_order(pmm, k); w++) {
            marked += popcount(pmm->buddy.free[k][w]) << k;
        }
    }
    return listed == pmm_free_count(pmm) && marked == listed;
}

const struct pmm_class pmm_buddy = {
    .name = "buddy",
    .reuses = true,
    .scratch = sizeof(struct pmm_link),
    .metadata_size = buddy_metadata_size,
    .init = buddy_init,
    .alloc = buddy_alloc,
    .free = buddy_free_frame,
    .is_used = buddy_is_used,
    .take = buddy_take,
    .is_sound = buddy_is_sound,
};
