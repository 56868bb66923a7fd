/*
 * Two-level segregated fit: free blocks in lists by size, and no walk at all.
 *
 *   first level    ... 256..511 | 512..1023 | 1024..2047 ...  powers of two
 *   second level   each in 16 equal parts
 *   words          a bit per first level, a bit per part: is there a free
 * block?
 *
 *   [ header | used ... ][ header | links | free ... ][ header | used ... ]
 *       ^------ previous ----'^-------- previous ---------'
 *
 * To allocate is to round the size up to where a part begins, so that every
 * block of it and of all parts above fits; two words tell the first one that
 * has any.  A block of the part below may fit as well: its first one is looked
 * at, the others are not.  Blocks know their neighbours: the one before by a
 * pointer, the next by their own size; who is freed takes both in.
 *
 * A header is 16 bytes: the block before, and the size with a bit for "free"
 * and a check of the header's address, which tells a live block from other
 * pointers but for one in a million.  alloc, free and resize cost O(1).
 */
#include "heap/tlsf_inside.h"

#define HEADER UINT64_C(16)
#define SMALLEST HEADER /* of a block: the links */

static struct tlsf_block *block_at(uint64_t va) {
    return pointer_of(vaddr(va));
}

MM_NO_SANITIZE static void set(struct tlsf_block *b, uint64_t bytes,
                               uint64_t free) {
    b->word = check_of(b) | bytes | free;
}

static uint64_t end_of(const struct tlsf_block *b) {
    return address_of(b) + HEADER + bytes_of(b);
}

/** The block behind @b; NULL: @b is the last. */
static struct tlsf_block *behind(const struct heap *heap,
                                 const struct tlsf_block *b) {
    return end_of(b) == heap->end.v ? NULL : block_at(end_of(b));
}

/* --- split and merge ------------------------------------------------------
 */

/** Cut @b, which is in no list, behind its first @bytes.  @return the rest, in
 *  none either */
MM_NO_SANITIZE static struct tlsf_block *
split(struct heap *heap, struct tlsf_block *b, uint64_t bytes) {
    struct tlsf_block *rest = block_at(address_of(b) + HEADER + bytes);
    struct tlsf_block *after = behind(heap, b);

    rest->before = b;
    set(rest, bytes_of(b) - bytes - HEADER, FREE);
    set(b, bytes, b->word & FREE);
    if (after == NULL) {
        heap->tlsf.last = rest;
    } else {
        after->before = rest;
    }
    return rest;
}

/** @b takes in the block behind it; neither is in a list. */
MM_NO_SANITIZE static void take_in(struct heap *heap, struct tlsf_block *b,
                                   struct tlsf_block *gone) {
    struct tlsf_block *after = behind(heap, gone);

    set(b, bytes_of(b) + HEADER + bytes_of(gone), b->word & FREE);
    gone->word = 0;
    if (after == NULL) {
        heap->tlsf.last = b;
    } else {
        after->before = b;
    }
}

/** Make @b free, one with what is free beside it. */
MM_NO_SANITIZE static void set_free(struct heap *heap, struct tlsf_block *b) {
    struct tlsf_block *after = behind(heap, b), *before = b->before;

    set(b, bytes_of(b), FREE);
    if (is_free(after)) {
        tlsf_take_out(heap, after);
        take_in(heap, b, after);
    }
    if (is_free(before)) {
        tlsf_take_out(heap, before);
        take_in(heap, before, b);
        b = before;
    }
    tlsf_push(heap, b);
}

/** Leave @bytes to @b, which is in use; what is worth a header becomes free. */
static void trim(struct heap *heap, struct tlsf_block *b, uint64_t bytes) {
    if (bytes_of(b) - bytes >= HEADER + SMALLEST) {
        set_free(heap, split(heap, b, bytes));
    }
}

/* --- the calls ------------------------------------------------------------
 */

static void tlsf_init(struct heap *heap) {
    heap->tlsf = (struct heap_tlsf){ .last = NULL };
}

MM_NO_SANITIZE static void tlsf_add(struct heap *heap, void *at, size_t bytes) {
    struct tlsf_block *b = at;

    b->before = heap->tlsf.last;
    heap->tlsf.last = b;
    set(b, bytes - HEADER, 0);
    set_free(heap, b);
}

MM_NO_SANITIZE static size_t tlsf_trim(struct heap *heap) {
    struct tlsf_block *b = heap->tlsf.last;
    const uint64_t end = heap->end.v;
    uint64_t keep;

    if (!is_free(b)) {
        return 0;
    }
    tlsf_take_out(heap, b);
    keep = address_of(b);
    if (keep % PAGE_SIZE != 0) {
        keep = end - heap_whole_pages(heap, keep + HEADER + SMALLEST);
        set(b, keep - address_of(b) - HEADER, FREE);
        tlsf_push(heap, b);
    } else {
        heap->tlsf.last = b->before;
    }
    return end - keep;
}

/** How large a block must be to hold @want wherever it stands; 0: larger than
 *  any. */
static uint64_t need(struct layout want) {
    uint64_t bytes = want.size;

    if (bytes >= UINT64_C(1) << (SIZE_SHIFT - 2)) {
        return 0;
    }
    if (want.align > HEAP_ALIGN_MIN) {
        bytes += want.align + HEADER + SMALLEST; /* a block in front */
    }
    return bytes;
}

static void *tlsf_alloc(struct heap *heap, struct layout want) {
    const uint64_t bytes = need(want);
    struct tlsf_block *b = bytes == 0 ? NULL : tlsf_find(heap, bytes);
    uint64_t at;

    if (b == NULL) {
        return NULL;
    }
    tlsf_take_out(heap, b);
    at = (address_of(b) + HEADER + want.align - 1) & ~(want.align - 1);
    if (at != address_of(b) + HEADER) {
        struct tlsf_block *front = b;

        if (at - address_of(b) - HEADER < HEADER + SMALLEST) {
            at += (HEADER + SMALLEST + want.align - 1) & ~(want.align - 1);
        }
        b = split(heap, front, at - HEADER - address_of(front) - HEADER);
        tlsf_push(heap, front);
    }
    set(b, bytes_of(b), 0);
    trim(heap, b, want.size);
    return pointer_of(vaddr(at));
}

/** The block in use at @p; NULL: there is none, or of another size. */
static struct tlsf_block *live_block(const struct heap *heap, const void *p,
                                     struct layout had) {
    const uint64_t at = vaddr_of_pointer(p).v;
    struct tlsf_block *b;

    if (at - heap->start.v < HEADER) {
        return NULL;
    }
    b = block_at(at - HEADER);
    return is_block(b) && !is_free(b) && bytes_of(b) >= had.size &&
                   bytes_of(b) - had.size < HEADER + SMALLEST
               ? b
               : NULL;
}

static enum mm_status tlsf_free(struct heap *heap, void *p, struct layout had) {
    struct tlsf_block *b = live_block(heap, p, had);

    if (b == NULL) {
        return MM_NOT_ALLOCATED;
    }
    heap_discard(heap, p, bytes_of(b));
    set_free(heap, b);
    return MM_OK;
}

static enum mm_status tlsf_resize(struct heap *heap, void *p, struct layout had,
                                  size_t size) {
    struct tlsf_block *b = live_block(heap, p, had), *after;

    if (b == NULL) {
        return MM_NOT_ALLOCATED;
    }
    if (size > bytes_of(b)) {
        after = behind(heap, b);
        if (!is_free(after) || size - bytes_of(b) > HEADER + bytes_of(after)) {
            return MM_NO_MEMORY;
        }
        tlsf_take_out(heap, after);
        take_in(heap, b, after);
    } else if (size < had.size) {
        heap_discard(heap, (uint8_t *)p + size, had.size - size);
    }
    trim(heap, b, size);
    return MM_OK;
}

/** So much that a new block has room for it, less what is free at the end: it
 *  is the first of its part then, where the search looks. */
static size_t tlsf_grow_hint(const struct heap *heap, struct layout want) {
    const struct tlsf_block *last = heap->tlsf.last;
    const uint64_t bytes = need(want);
    uint64_t end;

    if (bytes == 0 || tlsf_find(heap, bytes) != NULL ||
        __builtin_add_overflow(is_free(last) ? address_of(last) : heap->end.v,
                               bytes + HEADER, &end)) {
        return 0;
    }
    return end - heap->end.v;
}

/* --- looking --------------------------------------------------------------
 */

static void tlsf_walk(const struct heap *heap, heap_visit *visit, void *ctx) {
    const struct tlsf_block *b = block_at(heap->start.v);

    while (heap_size(heap) > 0 && b != NULL) {
        visit(ctx, vaddr(address_of(b)), HEADER + bytes_of(b), !is_free(b));
        b = behind(heap, b);
    }
}

/** One behind the other from start to end, no two free ones together. */
MM_NO_SANITIZE static bool tlsf_is_sound(const struct heap *heap) {
    const struct heap_stats stats = heap_stats(heap);
    const struct tlsf_block *before = NULL;
    uint64_t at = heap->start.v, used = 0, held = 0, free = 0;

    while (at != heap->end.v) {
        const struct tlsf_block *b = block_at(at);

        if (!is_block(b) || b->before != before ||
            (is_free(b) && is_free(before)) || bytes_of(b) < SMALLEST ||
            bytes_of(b) % HEAP_ALIGN_MIN != 0 ||
            bytes_of(b) > heap->end.v - at - HEADER) {
            return false;
        }
        free += is_free(b);
        used += !is_free(b);
        held += is_free(b) ? 0 : bytes_of(b);
        at = end_of(b);
        before = b;
    }
    return heap->tlsf.last == before && tlsf_listed(heap) == free &&
           used == stats.live_blocks && held >= stats.held_bytes;
}

const struct heap_class heap_tlsf = {
    .name = "tlsf",
    .granule = HEAP_ALIGN_MIN,
    .init = tlsf_init,
    .add = tlsf_add,
    .trim = tlsf_trim,
    .alloc = tlsf_alloc,
    .free = tlsf_free,
    .resize = tlsf_resize,
    .grow_hint = tlsf_grow_hint,
    .walk = tlsf_walk,
    .is_sound = tlsf_is_sound,
};
