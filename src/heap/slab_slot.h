/**
 * @file slab_slot.h
 * Where the bit of a slot is: between slab_slots.c and slab_quick.c.
 */
#ifndef HEAP_SLAB_SLOT_H
#define HEAP_SLAB_SLOT_H

#include "heap/slab_inside.h"

/** Which size serves, by (size - 1) / 8.  Odd entries are for sizes that are
 *  multiples of 16: who is to be aligned to 16 takes the next odd one. */
extern const uint8_t slab_size_index[SLAB_SLOT_MAX / 8];

/** The same for a usual @want. */
static MM_INLINE unsigned usual_index(struct layout want) {
    return slab_size_index[((want.size - 1) | (want.align - 8)) / 8];
}

static MM_INLINE bool is_usual_slot(struct layout want) {
    return slab_is_usual(want) &&
           ((want.size - 1) | (want.align - 8)) < SLAB_SLOT_MAX;
}

/** The lowest slot of a word that has one. */
static MM_INLINE void *slot_pop(struct slab_size *size) {
    const uint64_t word = *size->word;

    __atomic_store_n(size->word, word & (word - 1), __ATOMIC_RELAXED);
    return size->base + (unsigned)__builtin_ctzl(word) * size->step;
}

/** Where the bit of a slot is. */
struct slot {
    uint64_t page, n; /* numbers: of the page, of the slot in it */
    struct slab_page *record;
    uint64_t *words;
    uint64_t was; /* the word with its bit */
};

static MM_INLINE uint64_t slot_mask(const struct slot *slot) {
    return UINT64_C(1) << (slot->n & 63);
}

/** The page of @p, as far as there is one.  @return false: @p is nowhere */
static MM_INLINE bool slot_page(const struct heap *heap, const void *p,
                                struct slot *slot) {
    slot->page = slab_page_number(heap, vaddr_of_pointer(p).v);
    if (slot->page >= slab_pages(heap)) {
        return false;
    }
    slot->record = slab_page(heap, slot->page);
    return true;
}

/**
 * Find the bit of @p in slot->words, those of a slab of the size that @inverse
 * belongs to.
 *
 * The product with the inverse is the quotient in its upper half, and what the
 * lower half holds is less than the inverse when, and only when, nothing
 * remains.
 *
 * @return false: @p is no slot, or a free one
 */
static MM_INLINE bool slot_bit(const void *p, uint32_t inverse,
                               struct slot *slot) {
    const uint64_t product =
        (vaddr_of_pointer(p).v & (PAGE_SIZE - 1)) * inverse;

    slot->n = product >> 32;
    slot->was = __atomic_load_n(&slot->words[slot->n / 64], __ATOMIC_RELAXED);
    return (uint32_t)product < inverse &&
           (slot->was >> (slot->n & 63) & 1) == 0;
}

/** The slot is free.  @return its word */
static MM_INLINE uint64_t slot_push(const struct slot *slot) {
    const uint64_t word = slot->was | slot_mask(slot);

    __atomic_store_n(&slot->words[slot->n / 64], word, __ATOMIC_RELAXED);
    return word;
}

#endif
