/*
 * Slots: blocks up to 512 bytes.
 *
 *   front.sizes[i]        record of the page              page
 *   word ---------------> free 1 1 0 1 0 0 ...            [slot|slot|slot|..]
 *   base ------------------------------------------------>  1: free
 *
 * A slot has one of 27 sizes: 8 .. 64 bytes by 8, .. 128 and .. 256 by 16, then
 * as a page divides by 14, 13, 12, 11, 10, 9, 8.  To allocate is to find the
 * lowest bit of the current word and clear it; to free is to divide the offset
 * in the page by the slot's size and set the bit.  Neither touches the block,
 * and nothing that decides is near one: the records are in books
 * (slab_books.c).  A free names the size, so the record must agree; a bit that
 * is set already, a pointer between slots and one to no slot are refused.
 *
 * The short way to them is in slab_quick.c.  All calls cost O(1).
 */
#include "heap/slab_slot.h"

/* Odd entries are for sizes that are multiples of 16: who is to be aligned to
 * 16 takes the next odd one. */
const uint8_t slab_size_index[SLAB_SLOT_MAX / 8] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  8,  9,  9,  10, 10, 11, 11,
    12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18, 19, 19,
    20, 20, 20, 20, 21, 21, 22, 22, 22, 22, 23, 23, 23, 23, 24, 24,
    24, 24, 25, 25, 25, 25, 25, 25, 26, 26, 26, 26, 26, 26, 26, 26,
};

#define SHAPE(bytes)                                                           \
    {                                                                          \
        .inverse = ((UINT64_C(1) << 32) + (bytes)-1) / (bytes),                \
        .size = (bytes), .slots = PAGE_SIZE / (bytes)                          \
    }

const struct slab_shape slab_shapes[SLAB_SIZES] = {
    SHAPE(8),   SHAPE(16),  SHAPE(24),  SHAPE(32),  SHAPE(40),  SHAPE(48),
    SHAPE(56),  SHAPE(64),  SHAPE(80),  SHAPE(96),  SHAPE(112), SHAPE(128),
    SHAPE(144), SHAPE(160), SHAPE(176), SHAPE(192), SHAPE(208), SHAPE(224),
    SHAPE(240), SHAPE(256), SHAPE(288), SHAPE(304), SHAPE(336), SHAPE(368),
    SHAPE(400), SHAPE(448), SHAPE(512),
};

bool slab_is_small(struct layout want) {
    return want.size <= SLAB_SLOT_MAX && want.align <= SLAB_SLOT_MAX;
}

/** Which of the sizes serves @want; a slot is aligned as its size is. */
unsigned slab_slot_index(struct layout want) {
    uint64_t size = want.size;

    if (want.align > 16) {
        size = (size + want.align - 1) & -want.align;
        size = UINT64_C(1) << (64 - __builtin_clzl(size - 1));
    }
    return slab_size_index[(size - 1) / 8 | (want.align > 8)];
}

void *slab_slot_take(struct heap *heap, unsigned index) {
    struct slab_size *size = &heap->front->slab.sizes[index];

    if (size->word->free == size->no_slot &&
        !slab_refill(heap, heap->front, index)) {
        return NULL;
    }
    return slot_pop(size);
}

/* --- with the lock held --------------------------------------------------- */

/** @return its page's record; NULL: @p is no slot of that size, or a free one
 */
static struct slab_page *slot_lookup(const struct heap *heap, const void *p,
                                     unsigned index, struct slot *slot) {
    struct slab_page *page;

    return slot_page(heap, p, &page) && page->kind == index + 1 &&
                   slot_find(slab_words(heap, page),
                             vaddr_of_pointer(p).v & (PAGE_SIZE - 1),
                             slab_shapes[index].inverse, slot)
               ? page
               : NULL;
}

enum mm_status slab_slot_give(struct heap *heap, void *p, unsigned index) {
    struct heap_front *owner;
    struct slab_page *page;
    struct slot slot;

    page = slot_lookup(heap, p, index, &slot);
    if (page == NULL) {
        return MM_NOT_ALLOCATED;
    }
    heap_discard(heap, p, slab_shapes[index].size);
    owner = &heap->fronts[page->front];
    if (owner != heap->front && owner != &heap->fronts[0]) {
        slab_given_push(heap, p, page, slot.word, UINT64_C(1) << slot.n);
    } else {
        (void)slot_push(&slot);
        slab_slot_given(heap, owner,
                        slab_page_number(heap, vaddr_of_pointer(p).v));
    }
    return MM_OK;
}

bool slab_slot_lives(const struct heap *heap, const void *p, unsigned index) {
    struct slot slot;

    return slot_lookup(heap, p, index, &slot) != NULL;
}
