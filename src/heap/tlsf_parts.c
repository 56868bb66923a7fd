/*
 * The lists of "tlsf": free blocks by size, in two levels.
 *
 *   levels    . . 1 . 1 . .             a bit for each power of two
 *   parts     [ . . 1 . ... ]           16 bits for each: a part of it
 *   first     [ list ][ list ] ...      of each part
 *
 * Below 256 bytes the first level is one, with a part for each 16 bytes.  A bit
 * is set where, and only where, the list has a block.
 */
#include "heap/tlsf_inside.h"

#define PARTS HEAP_TLSF_PARTS
#define PARTS_SHIFT 4
#define LEAST_SHIFT 8

struct part {
    unsigned level, n;
};

/** The part that holds @bytes. */
static struct part part_of(uint64_t bytes) {
    const unsigned log = 63u - (unsigned)__builtin_clzll(bytes);

    if (log < LEAST_SHIFT) {
        return (struct part){ 0, (unsigned)(bytes / HEAP_ALIGN_MIN) };
    }
    return (struct part){ log - LEAST_SHIFT + 1,
                          (unsigned)(bytes >> (log - PARTS_SHIFT)) % PARTS };
}

/** The least size that begins a part and is @bytes or more. */
static uint64_t round_up(uint64_t bytes) {
    const unsigned log = 63u - (unsigned)__builtin_clzll(bytes);
    const uint64_t step =
        UINT64_C(1) << (log < LEAST_SHIFT ? PARTS_SHIFT : log - PARTS_SHIFT);

    return (bytes + step - 1) & ~(step - 1);
}

MM_NO_SANITIZE void tlsf_push(struct heap *heap, struct tlsf_block *b) {
    const struct part part = part_of(bytes_of(b));
    struct tlsf_block **first = &heap->tlsf.first[part.level][part.n];

    b->next = *first;
    b->previous = NULL;
    if (*first != NULL) {
        (*first)->previous = b;
    }
    *first = b;
    heap->tlsf.parts[part.level] |= (uint16_t)(1u << part.n);
    heap->tlsf.levels |= UINT64_C(1) << part.level;
}

MM_NO_SANITIZE void tlsf_take_out(struct heap *heap, struct tlsf_block *b) {
    const struct part part = part_of(bytes_of(b));
    struct tlsf_block **first = &heap->tlsf.first[part.level][part.n];

    if (b->previous != NULL) {
        b->previous->next = b->next;
    } else {
        *first = b->next;
    }
    if (b->next != NULL) {
        b->next->previous = b->previous;
    }
    if (*first == NULL) {
        heap->tlsf.parts[part.level] &= (uint16_t) ~(1u << part.n);
        if (heap->tlsf.parts[part.level] == 0) {
            heap->tlsf.levels &= ~(UINT64_C(1) << part.level);
        }
    }
}

struct tlsf_block *tlsf_find(const struct heap *heap, uint64_t bytes) {
    const struct part part = part_of(round_up(bytes)), own = part_of(bytes);
    struct tlsf_block *b = heap->tlsf.first[own.level][own.n];
    unsigned parts = heap->tlsf.parts[part.level] & (~0u << part.n);
    const uint64_t levels = heap->tlsf.levels & (~UINT64_C(1) << part.level);
    unsigned level = part.level;

    if (b != NULL && bytes_of(b) >= bytes) {
        return b;
    }
    if (parts == 0) {
        if (levels == 0) {
            return NULL;
        }
        level = (unsigned)__builtin_ctzll(levels);
        parts = heap->tlsf.parts[level];
    }
    return heap->tlsf.first[level][__builtin_ctz(parts)];
}

MM_NO_SANITIZE uint64_t tlsf_listed(const struct heap *heap) {
    uint64_t count = 0;

    for (unsigned i = 0; i < HEAP_TLSF_LEVELS * PARTS; i++) {
        const struct part part = { i / PARTS, i % PARTS };
        const struct tlsf_block *b = heap->tlsf.first[part.level][part.n];
        const struct tlsf_block *previous = NULL;
        const bool word = (heap->tlsf.parts[part.level] >> part.n & 1) != 0;

        if ((b != NULL) != word || (heap->tlsf.levels >> part.level & 1) !=
                                       (heap->tlsf.parts[part.level] != 0)) {
            return UINT64_MAX;
        }
        for (; b != NULL; b = b->next, count++) {
            const struct part own = part_of(bytes_of(b));

            if (!is_block(b) || !is_free(b) || b->previous != previous ||
                own.level != part.level || own.n != part.n) {
                return UINT64_MAX;
            }
            previous = b;
        }
    }
    return count;
}
