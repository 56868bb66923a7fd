/**
 * @file tlsf_inside.h
 * Between tlsf.c and its lists, tlsf_parts.c.
 */
#ifndef HEAP_TLSF_INSIDE_H
#define HEAP_TLSF_INSIDE_H

#include "base/hash.h"
#include "heap/inside.h"

struct tlsf_block {
    struct tlsf_block *before;          /* by address; NULL: the first */
    uint64_t word;                      /* check | bytes | free */
    struct tlsf_block *next, *previous; /* of a free one: in its list */
};

#define SIZE_SHIFT 44 /* sizes are below */
#define FREE UINT64_C(1)
#define SIZE_MASK (((UINT64_C(1) << SIZE_SHIFT) - 1) & ~FREE)

static inline uint64_t address_of(const struct tlsf_block *b) {
    return (uint64_t)(uintptr_t)b;
}

static inline uint64_t check_of(const struct tlsf_block *b) {
    return hash_mix(address_of(b)) >> SIZE_SHIFT << SIZE_SHIFT;
}

MM_NO_SANITIZE static uint64_t bytes_of(const struct tlsf_block *b) {
    return b->word & SIZE_MASK;
}

MM_NO_SANITIZE static bool is_block(const struct tlsf_block *b) {
    return b->word >> SIZE_SHIFT << SIZE_SHIFT == check_of(b);
}

MM_NO_SANITIZE static bool is_free(const struct tlsf_block *b) {
    return b != NULL && (b->word & FREE) != 0;
}

/* --- tlsf_parts.c --------------------------------------------------------- */

/** Put a free block into the list of its size, take it out. */
void tlsf_push(struct heap *heap, struct tlsf_block *b);
void tlsf_take_out(struct heap *heap, struct tlsf_block *b);
/** A free block of at least @bytes, still in its list; NULL: none is known. */
struct tlsf_block *tlsf_find(const struct heap *heap, uint64_t bytes);
/** How many blocks the lists have; UINT64_MAX: they or the words are wrong. */
uint64_t tlsf_listed(const struct heap *heap);

#endif
