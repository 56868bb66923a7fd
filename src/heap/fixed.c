/*
 * Blocks of fixed sizes, and the list for the rest.
 *
 *   fixed[0]  16    --> [ free | next ] --> [ free | next ] --> NULL
 *   fixed[1]  32    --> NULL
 *   ...
 *   fixed[7]  2048  --> [ free | next ] --> NULL
 *   larger          --> the list heap
 *
 * A block is served with the smallest power of two that is not below its size
 * and its alignment.  Freed blocks of a size are a stack; an empty stack takes
 * one block more from the list, aligned to its size.  So most calls cost O(1),
 * and a block wastes up to half of itself.  What a stack holds never goes back:
 * memory that once served one size serves no other.  That is the price, and a
 * test shows it.
 *
 * A block that lies in a hole of the list or on top of its stack is known to be
 * free; one deeper in its stack is not.
 */
#include "base/poison.h"
#include "heap/inside.h"

#define SMALLEST_SHIFT 4

struct fixed_block {
    struct fixed_block *next;
};

static void fixed_init(struct heap *heap) {
    heap_list.init(heap);
    for (unsigned i = 0; i < HEAP_FIXED_SIZES; i++) {
        heap->fixed[i] = NULL;
    }
    heap->fixed_held = 0;
}

/** Which size serves @want; HEAP_FIXED_SIZES: none, the list. */
static unsigned fixed_index(struct layout want) {
    const uint64_t least = want.size > want.align ? want.size : want.align;
    unsigned i = 0;

    while (i < HEAP_FIXED_SIZES &&
           (UINT64_C(1) << (i + SMALLEST_SHIFT)) < least) {
        i++;
    }
    return i;
}

/** What a block for @want is to the list. */
static struct layout in_list(struct layout want) {
    const unsigned i = fixed_index(want);
    const uint64_t size = UINT64_C(1) << (i + SMALLEST_SHIFT);

    return i < HEAP_FIXED_SIZES ? (struct layout){ size, size } : want;
}

MM_NO_SANITIZE static struct fixed_block *
next_of(const struct fixed_block *block) {
    return block->next;
}

MM_NO_SANITIZE static void set_next(struct fixed_block *block,
                                    struct fixed_block *next) {
    block->next = next;
}

static void *fixed_alloc(struct heap *heap, struct layout want) {
    const unsigned i = fixed_index(want);
    const struct layout block = in_list(want);
    void *p;

    if (i < HEAP_FIXED_SIZES && heap->fixed[i] != NULL) {
        p = heap->fixed[i];
        heap->fixed[i] = next_of(p);
    } else {
        p = heap_list.alloc(heap, block);
    }
    if (p != NULL) {
        heap->fixed_held += block.size;
    }
    return p;
}

static bool is_free(const struct heap *heap, const void *p, struct layout had) {
    const unsigned i = fixed_index(had);

    return heap_list_overlaps(heap, p, in_list(had).size) ||
           (i < HEAP_FIXED_SIZES && heap->fixed[i] == p);
}

static enum mm_status fixed_free(struct heap *heap, void *p,
                                 struct layout had) {
    const struct layout block = in_list(had);
    const unsigned i = fixed_index(had);
    enum mm_status st = MM_OK;

    if (vaddr_of_pointer(p).v % block.align != 0 || is_free(heap, p, had)) {
        return MM_NOT_ALLOCATED;
    }
    if (i < HEAP_FIXED_SIZES) {
        heap_discard(heap, p, block.size);
        set_next(p, heap->fixed[i]);
        heap->fixed[i] = p;
    } else {
        st = heap_list.free(heap, p, had);
    }
    if (st == MM_OK) {
        heap->fixed_held -= block.size;
    }
    return st;
}

/** In place while the size is the same, or both are the list's. */
static enum mm_status fixed_resize(struct heap *heap, void *p,
                                   struct layout had, size_t size) {
    const struct layout want = { size, had.align };
    const unsigned i = fixed_index(had);
    enum mm_status st;

    if (is_free(heap, p, had)) {
        return MM_NOT_ALLOCATED;
    }
    if (fixed_index(want) != i) {
        return MM_NO_MEMORY;
    }
    if (i < HEAP_FIXED_SIZES) {
        if (size < had.size) {
            heap_discard(heap, (uint8_t *)p + size, had.size - size);
        }
        return MM_OK;
    }
    st = heap_list.resize(heap, p, had, size);
    if (st == MM_OK) {
        heap->fixed_held += size - had.size;
    }
    return st;
}

static size_t fixed_grow_hint(const struct heap *heap, struct layout want) {
    return heap_list.grow_hint(heap, in_list(want));
}

/** Bytes in the stacks; more than the heap has when one is no stack. */
static uint64_t stacked(const struct heap *heap) {
    uint64_t bytes = 0;

    for (unsigned i = 0; i < HEAP_FIXED_SIZES; i++) {
        const uint64_t size = UINT64_C(1) << (i + SMALLEST_SHIFT);
        const struct fixed_block *block = heap->fixed[i];

        while (block != NULL && bytes <= heap_size(heap)) {
            const uint64_t va = vaddr_of_pointer(block).v;

            if (!range_holds(heap->start.v, heap_size(heap), va) ||
                va % size != 0) {
                return UINT64_MAX;
            }
            bytes += size;
            block = next_of(block);
        }
    }
    return bytes;
}

/** Holes, stacks and blocks in use are the heap. */
static bool fixed_is_sound(const struct heap *heap) {
    const uint64_t stacks = stacked(heap);

    return stacks <= heap_size(heap) && heap_list_holes_are_sound(heap) &&
           heap->fixed_held >= heap_stats(heap).held_bytes &&
           heap->list.hole_bytes + stacks + heap->fixed_held == heap_size(heap);
}

static void fixed_add(struct heap *heap, void *at, size_t bytes) {
    heap_list.add(heap, at, bytes);
}

/** The list's end; what the stacks hold stays. */
static size_t fixed_trim(struct heap *heap) {
    return heap_list.trim(heap);
}

static void fixed_walk(const struct heap *heap, heap_visit *visit, void *ctx) {
    heap_list.walk(heap, visit, ctx);
}

const struct heap_class heap_fixed = {
    .name = "fixed",
    .granule = HEAP_ALIGN_MIN,
    .init = fixed_init,
    .add = fixed_add,
    .trim = fixed_trim,
    .alloc = fixed_alloc,
    .free = fixed_free,
    .resize = fixed_resize,
    .grow_hint = fixed_grow_hint,
    .walk = fixed_walk,
    .is_sound = fixed_is_sound,
};
