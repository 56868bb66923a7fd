/*
 * Every block, used or free, behind a header that knows its neighbours.
 *
 *   start                                                            end
 *   [ header ][ used ...... ][ header ][ free .. ][ header ][ used .. ]
 *      ^ '----- next ---------->^ '---- next ------->^
 *      '------- previous -------'
 *
 * First fit over all blocks, in address order.  A block that is much larger
 * than what was asked for is split, in front (alignment) or behind; one that is
 * freed takes in its neighbours, the next one first, then the previous one
 * takes in both:
 *
 *   free           [h  free ][h  was used ][h  free ]
 *   next first     [h  free ][h                     ]
 *   then previous  [h                               ]
 *
 * Sizes in headers are those of the blocks; what a header itself takes comes on
 * top in every sum.  A header is marked by a word mixed with its address, so a
 * pointer that is no block, or that of a block taken in by another, is told
 * from a live one.
 *
 * alloc costs O(blocks); free and resize O(1).  32 bytes for each block.
 */
#include "heap/inside.h"

struct heap_header {
    struct heap_header *previous, *next; /* by address; NULL: none */
    uint64_t bytes;                      /* of the block behind */
    uint64_t mark;
};

#define HEADER sizeof(struct heap_header)
/** A smaller rest stays with the block. */
#define SMALLEST (HEADER + HEAP_ALIGN_MIN)

_Static_assert(HEADER % HEAP_ALIGN_MIN == 0, "blocks stay aligned");

#define MARK_USED UINT64_C(0x5eb10c5eb10c5eb1)
#define MARK_FREE UINT64_C(0xf4eeb10cf4eeb10c)

static uint64_t address_of(const struct heap_header *h) {
    return (uint64_t)(uintptr_t)h;
}

static struct heap_header *header_at(uint64_t va) {
    return pointer_of(vaddr(va));
}

static uint64_t block_of(const struct heap_header *h) {
    return address_of(h) + HEADER;
}

MM_NO_SANITIZE static uint64_t end_of(const struct heap_header *h) {
    return block_of(h) + h->bytes;
}

MM_NO_SANITIZE static void mark(struct heap_header *h, uint64_t as) {
    h->mark = as ^ address_of(h);
}

MM_NO_SANITIZE static bool is_marked(const struct heap_header *h, uint64_t as) {
    return h->mark == (as ^ address_of(h));
}

static void boundary_init(struct heap *heap) {
    heap->boundary.first = NULL;
    heap->boundary.last = NULL;
}

/* --- split and merge ------------------------------------------------------
 */

/** Put @h, with @bytes behind it, free, between @previous and @next. */
MM_NO_SANITIZE static void link_between(struct heap *heap,
                                        struct heap_header *h, uint64_t bytes,
                                        struct heap_header *previous,
                                        struct heap_header *next) {
    h->previous = previous;
    h->next = next;
    h->bytes = bytes;
    mark(h, MARK_FREE);
    if (previous == NULL) {
        heap->boundary.first = h;
    } else {
        previous->next = h;
    }
    if (next == NULL) {
        heap->boundary.last = h;
    } else {
        next->previous = h;
    }
}

/** Cut @h behind its first @bytes.  @return the rest, free */
MM_NO_SANITIZE static struct heap_header *
split(struct heap *heap, struct heap_header *h, uint64_t bytes) {
    struct heap_header *rest = header_at(block_of(h) + bytes);

    link_between(heap, rest, h->bytes - bytes - HEADER, h, h->next);
    h->bytes = bytes;
    return rest;
}

/** @h takes in the block after it. */
MM_NO_SANITIZE static void take_in_next(struct heap *heap,
                                        struct heap_header *h) {
    struct heap_header *gone = h->next;

    h->bytes += HEADER + gone->bytes;
    h->next = gone->next;
    if (gone->next == NULL) {
        heap->boundary.last = h;
    } else {
        gone->next->previous = h;
    }
    gone->mark = 0;
}

static bool is_free(const struct heap_header *h) {
    return h != NULL && is_marked(h, MARK_FREE);
}

/** @h is free: the next one first, then the previous one. */
MM_NO_SANITIZE static void merge(struct heap *heap, struct heap_header *h) {
    if (is_free(h->next)) {
        take_in_next(heap, h);
    }
    if (is_free(h->previous)) {
        take_in_next(heap, h->previous);
    }
}

/** Leave @bytes to @h, and what is worth a header to a free block. */
MM_NO_SANITIZE static void trim(struct heap *heap, struct heap_header *h,
                                uint64_t bytes) {
    if (h->bytes - bytes >= SMALLEST) {
        struct heap_header *rest = split(heap, h, bytes);

        if (is_free(rest->next)) {
            take_in_next(heap, rest);
        }
    }
}

/* --- the calls ------------------------------------------------------------
 */

MM_NO_SANITIZE static void boundary_add(struct heap *heap, void *at,
                                        size_t bytes) {
    struct heap_header *h = at;

    link_between(heap, h, bytes - HEADER, heap->boundary.last, NULL);
    merge(heap, h);
}

MM_NO_SANITIZE static size_t boundary_trim(struct heap *heap) {
    struct heap_header *h = heap->boundary.last;
    const uint64_t end = heap->end.v;
    uint64_t keep;

    if (!is_free(h)) {
        return 0;
    }
    keep = address_of(h);
    if (keep % PAGE_SIZE != 0) {
        keep = end - heap_whole_pages(heap, keep + SMALLEST);
        h->bytes = keep - block_of(h);
        return end - keep;
    }
    heap->boundary.last = h->previous;
    if (h->previous == NULL) {
        heap->boundary.first = NULL;
    } else {
        h->previous->next = NULL;
    }
    return end - keep;
}

/**
 * Where a block aligned to @align may begin that has its header at @from or
 * behind it; the gap is nothing, or enough for a block.
 * @return false: beyond 64 bits
 */
static bool place(uint64_t from, size_t align, uint64_t *at) {
    if (!align_up(from + HEADER, align, at)) {
        return false;
    }
    return *at == from + HEADER || *at - HEADER - from >= SMALLEST ||
           !__builtin_add_overflow(*at, align, at);
}

MM_NO_SANITIZE static void *boundary_alloc(struct heap *heap,
                                           struct layout want) {
    for (struct heap_header *h = heap->boundary.first; h != NULL; h = h->next) {
        uint64_t at;

        if (!is_free(h) || !place(address_of(h), want.align, &at) ||
            at >= end_of(h) || want.size > end_of(h) - at) {
            continue;
        }
        if (at != block_of(h)) {
            h = split(heap, h, at - HEADER - block_of(h));
        }
        trim(heap, h, want.size);
        mark(h, MARK_USED);
        return pointer_of(vaddr(at));
    }
    return NULL;
}

/** The header of the live block @p; NULL: it is none, or another size. */
MM_NO_SANITIZE static struct heap_header *
live_block(const struct heap *heap, const void *p, struct layout had) {
    const uint64_t at = vaddr_of_pointer(p).v;
    struct heap_header *h;

    if (at - heap->start.v < HEADER) {
        return NULL;
    }
    h = header_at(at - HEADER);
    return is_marked(h, MARK_USED) && h->bytes >= had.size &&
                   h->bytes - had.size < SMALLEST
               ? h
               : NULL;
}

MM_NO_SANITIZE static enum mm_status boundary_free(struct heap *heap, void *p,
                                                   struct layout had) {
    struct heap_header *h = live_block(heap, p, had);

    if (h == NULL) {
        return MM_NOT_ALLOCATED;
    }
    heap_discard(heap, p, h->bytes);
    mark(h, MARK_FREE);
    merge(heap, h);
    return MM_OK;
}

/** Shorter: the tail becomes free.  Longer: out of the free block that follows.
 */
MM_NO_SANITIZE static enum mm_status
boundary_resize(struct heap *heap, void *p, struct layout had, size_t size) {
    struct heap_header *h = live_block(heap, p, had);

    if (h == NULL) {
        return MM_NOT_ALLOCATED;
    }
    if (size > h->bytes) {
        if (!is_free(h->next) || size - h->bytes > HEADER + h->next->bytes) {
            return MM_NO_MEMORY;
        }
        take_in_next(heap, h);
    } else if (size < had.size) {
        heap_discard(heap, (uint8_t *)p + size, had.size - size);
    }
    trim(heap, h, size);
    return MM_OK;
}

static size_t boundary_grow_hint(const struct heap *heap, struct layout want) {
    const struct heap_header *last = heap->boundary.last;
    uint64_t at, end;

    if (!place(is_free(last) ? address_of(last) : heap->end.v, want.align,
               &at) ||
        __builtin_add_overflow(at, want.size, &end) || end <= heap->end.v) {
        return 0;
    }
    return end - heap->end.v;
}

/* --- looking --------------------------------------------------------------
 */

MM_NO_SANITIZE static void boundary_walk(const struct heap *heap,
                                         heap_visit *visit, void *ctx) {
    for (const struct heap_header *h = heap->boundary.first; h != NULL;
         h = h->next) {
        visit(ctx, vaddr(address_of(h)), HEADER + h->bytes, !is_free(h));
    }
}

/** One behind the other from start to end, no two free ones together, and as
 *  many used as live. */
MM_NO_SANITIZE static bool boundary_is_sound(const struct heap *heap) {
    const struct heap_stats stats = heap_stats(heap);
    const struct heap_header *previous = NULL;
    uint64_t at = heap->start.v, used = 0, held = 0;

    for (const struct heap_header *h = heap->boundary.first; h != NULL;
         h = h->next) {
        const bool free = is_marked(h, MARK_FREE);

        if (address_of(h) != at || h->previous != previous ||
            (!free && !is_marked(h, MARK_USED)) ||
            (free && is_free(previous)) || heap->end.v - at < SMALLEST ||
            h->bytes % HEAP_ALIGN_MIN != 0 ||
            h->bytes > heap->end.v - at - HEADER) {
            return false;
        }
        used += !free;
        held += free ? 0 : h->bytes;
        at = end_of(h);
        previous = h;
    }
    return at == heap->end.v && heap->boundary.last == previous &&
           used == stats.live_blocks && held >= stats.held_bytes;
}

const struct heap_class heap_boundary = {
    .name = "boundary",
    .granule = HEAP_ALIGN_MIN,
    .init = boundary_init,
    .add = boundary_add,
    .trim = boundary_trim,
    .alloc = boundary_alloc,
    .free = boundary_free,
    .resize = boundary_resize,
    .grow_hint = boundary_grow_hint,
    .walk = boundary_walk,
    .is_sound = boundary_is_sound,
};
