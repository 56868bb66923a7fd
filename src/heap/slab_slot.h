/**
 * @file slab_slot.h
 * Where the bit of a slot is: between slab_slots.c and slab_quick.c.
 */
#ifndef HEAP_SLAB_SLOT_H
#define HEAP_SLAB_SLOT_H

#include "heap/slab_inside.h"

/** The lowest slot of a word that has one. */
static MM_INLINE void *slot_pop(const struct slab_size *size) {
    struct slab_word *word = size->word;
    const uint64_t free = word->free;

    __atomic_store_n(&word->free, free & (free - 1), __ATOMIC_RELAXED);
    return size->base + (unsigned)__builtin_ctzl(free) * size->step;
}

/** Where the bit of a slot is. */
struct slot {
    struct slab_word *word;
    uint64_t n;    /* which bit */
    uint64_t free; /* what the word was */
};

/** The record of the page of @p.  @return false: @p is nowhere */
static MM_INLINE bool slot_page(const struct heap *heap, const void *p,
                                struct slab_page **page) {
    const uint64_t n = slab_page_number(heap, vaddr_of_pointer(p).v);

    if (n >= slab_pages(heap)) {
        return false;
    }
    *page = slab_page(heap, n);
    return true;
}

/**
 * Find the bit of the slot at @offset in its page, whose slab has these @words;
 * @inverse belongs to its size.
 *
 * The product with the inverse is the quotient in its upper half, and what the
 * lower half holds is less than the inverse when, and only when, nothing
 * remains.
 *
 * @return false: no slot starts there, or a free one
 */
static MM_INLINE bool slot_find(struct slab_word *words, uint64_t offset,
                                uint32_t inverse, struct slot *slot) {
    const uint64_t product = offset * inverse;
    uint64_t given;

    slot->word = &words[product >> 38];
    slot->n = product >> 32 & 63;
    slot->free = __atomic_load_n(&slot->word->free, __ATOMIC_RELAXED);
    given = __atomic_load_n(&slot->word->given, __ATOMIC_RELAXED);
    return (uint32_t)product < inverse &&
           ((slot->free | given) >> slot->n & 1) == 0;
}

/** The slot is free.  @return its word */
static MM_INLINE uint64_t slot_push(const struct slot *slot) {
    const uint64_t free = slot->free | UINT64_C(1) << slot->n;

    __atomic_store_n(&slot->word->free, free, __ATOMIC_RELAXED);
    return free;
}

#endif
