/*
 * The short way to slots: at the front of this processor, without the lock.
 *
 *   sizes[i]                 current slab of that size
 *   word, base  ------------> the next free slot
 *   words, page ------------> a block that comes back, if it is in that page
 *
 * Most blocks come back to the slab they came from while it is the current one:
 * then nothing is looked up.  For another slab the record of the page tells
 * whether it is the front's own, and of that size.
 *
 * What is not known here is left to the long way of heap.c, which tells what
 * was wrong: a slot of another front, an alignment above 16, a front in use.
 *
 * All calls cost O(1).
 */
#include "base/bytes.h"
#include "base/poison.h"
#include "heap/slab_slot.h"

/* --- allocate ------------------------------------------------------------- */

/** The current word is used up. */
static MM_NOINLINE void *quick_refill(struct heap *heap, struct layout want,
                                      struct heap_front *front) {
    const unsigned index = usual_index(want);
    void *p;

    if (!slab_refill(heap, front, index)) {
        heap_front_leave(front);
        return heap_alloc_long(heap, want);
    }
    p = slot_pop(&front->slab.sizes[index]);
    MM_UNPOISON(p, want.size);
    heap_count_alloc(front, want.size, slab_served(want));
    heap_front_leave(front);
    return p;
}

/** @want is a usual slot. */
static MM_INLINE void *quick_alloc(struct heap *heap, struct layout want,
                                   struct heap_front *front) {
    struct slab_size *size = &front->slab.sizes[usual_index(want)];
    void *p;

    if (!heap_front_enter(front)) {
        return heap_alloc_long(heap, want);
    }
    if (*size->word == size->no_slot) {
        return quick_refill(heap, want, front);
    }
    p = slot_pop(size);
    MM_UNPOISON(p, want.size);
    heap_count_alloc(front, want.size, slab_served(want));
    heap_front_leave(front);
    return p;
}

/* --- free ----------------------------------------------------------------- */

#define BY_STATE(state) ((uint32_t)(state) << 24)
#define NOT_HERE (~UINT32_C(0))

/**
 * The slot at @p, if it lives in a slab of @front, and nobody gave a slot to
 * that.
 * @return how the record differs from that of a current slab: 0 or
 *         BY_STATE(); or NOT_HERE
 */
static MM_INLINE uint32_t slot_here(const struct heap *heap,
                                    const struct heap_front *front,
                                    const void *p, unsigned index,
                                    struct slot *slot) {
    const struct slab_size *size = &front->slab.sizes[index];
    const uint32_t own = index + 1 + (front->number << 8);
    uint32_t other = 0;

    slot->words = size->words;
    if ((uint64_t)((const uint8_t *)p - size->page) >= PAGE_SIZE ||
        __atomic_load_n(&front->slab.given, __ATOMIC_RELAXED) != NULL) {
        if (!slot_page(heap, p, slot)) {
            return NOT_HERE;
        }
        other = __atomic_load_n(&slot->record->what, __ATOMIC_RELAXED) ^ own;
        if ((other & (BY_STATE(1) - 1)) != 0) {
            return NOT_HERE;
        }
        slot->words = slab_words(heap, slot->record);
    }
    return slot_bit(p, size->inverse, slot) ? other : NOT_HERE;
}

/** Its slab was full, or may be empty now. */
static MM_NOINLINE enum mm_status quick_given(struct heap *heap,
                                              const void *p) {
    struct heap_front *front = heap_front(heap);
    const enum mm_status st = slab_slot_given(
        heap, front, slab_page_number(heap, vaddr_of_pointer(p).v));

    heap_front_leave(front);
    return st;
}

/** What the short way does not free. */
static MM_NOINLINE enum mm_status quick_refuse(struct heap *heap, void *p,
                                               struct layout had) {
    heap_front_leave(heap_front(heap));
    return heap_free_long(heap, p, had);
}

/** @had is a usual slot. */
static MM_INLINE enum mm_status quick_free(struct heap *heap, void *p,
                                           struct layout had,
                                           struct heap_front *front) {
    const unsigned index = usual_index(had);
    struct slot slot;
    uint32_t other;
    uint64_t word;

    if (!heap_front_enter(front)) {
        return heap_free_long(heap, p, had);
    }
    other = slot_here(heap, front, p, index, &slot);
    if (other == NOT_HERE) {
        return quick_refuse(heap, p, had);
    }
    MM_POISON(p, slab_shapes[index].size);
    heap_count_free(front, had.size, slab_served(had));
    word = slot_push(&slot);
    if (other != 0 && (other != BY_STATE(SLAB_PARTIAL) || ~word == 0)) {
        return quick_given(heap, p);
    }
    heap_front_leave(front);
    return MM_OK;
}

/* --- realloc -------------------------------------------------------------- */

/** The slot at @p becomes free, the block moves to @q. */
static void slot_leave(struct heap *heap, struct heap_front *front, void *p,
                       unsigned index, const struct slot *slot,
                       uint32_t other) {
    const uint64_t word = slot_push(slot);

    MM_POISON(p, slab_shapes[index].size);
    if (other != 0 && (other != BY_STATE(SLAB_PARTIAL) || ~word == 0)) {
        (void)slab_slot_given(heap, front,
                              slab_page_number(heap, vaddr_of_pointer(p).v));
    }
}

/** @return NULL: the long way may know more; @p is as it was */
static void *slot_realloc(struct heap *heap, struct heap_front *front, void *p,
                          struct layout had, struct layout want) {
    const unsigned old = usual_index(had), new = usual_index(want);
    struct slab_size *size = &front->slab.sizes[new];
    struct slot slot;
    uint32_t other;
    void *q = p;

    if (new != old && size->word[0] == size->no_slot &&
        !slab_refill(heap, front, new)) {
        return NULL;
    }
    other = slot_here(heap, front, p, old, &slot);
    if (other == NOT_HERE) {
        return NULL;
    }
    if (new != old) {
        q = slot_pop(size);
        MM_UNPOISON(q, want.size);
        bytes_copy(q, p, had.size < want.size ? had.size : want.size);
        slot_leave(heap, front, p, old, &slot, other);
    } else {
        MM_POISON(p, size->step);
        MM_UNPOISON(p, want.size);
    }
    heap_uncount_bytes(front, had.size, slab_served(had));
    heap_count_bytes(front, want.size, slab_served(want));
    front->counts.reallocs++;
    return q;
}

static void *quick_realloc(struct heap *heap, void *p, struct layout had,
                           size_t size) {
    const struct layout want = { size, had.align };
    struct heap_front *front = heap_front(heap);
    void *q;

    if (!is_usual_slot(had) || !is_usual_slot(want) ||
        !heap_front_enter(front)) {
        return heap_realloc_long(heap, p, had, size);
    }
    q = slot_realloc(heap, front, p, had, want);
    heap_front_leave(front);
    return q != NULL ? q : heap_realloc_long(heap, p, had, size);
}

/* --- which way ------------------------------------------------------------ */

/** Aligned to less than 8?  Then 8 is as good. */
static MM_NOINLINE void *unusual_alloc(struct heap *heap, struct layout want) {
    if (!slab_is_less_aligned(want)) {
        return heap_alloc_long(heap, want);
    }
    want.align = 8;
    return heap->ways->alloc(heap, want);
}

static MM_NOINLINE enum mm_status unusual_free(struct heap *heap, void *p,
                                               struct layout had) {
    if (!slab_is_less_aligned(had)) {
        return heap_free_long(heap, p, had);
    }
    had.align = 8;
    return heap->ways->free(heap, p, had);
}

static MM_INLINE void *way_alloc(struct heap *heap, struct layout want,
                                 struct heap_front *front) {
    if (is_usual_slot(want)) {
        return quick_alloc(heap, want, front);
    }
    return slab_is_usual(want) ? slab_block_quick_alloc(heap, want, front)
                               : unusual_alloc(heap, want);
}

static MM_INLINE enum mm_status way_free(struct heap *heap, void *p,
                                         struct layout had,
                                         struct heap_front *front) {
    if (is_usual_slot(had)) {
        return quick_free(heap, p, had, front);
    }
    return slab_is_usual(had) ? slab_block_quick_free(heap, p, had, front)
                              : unusual_free(heap, p, had);
}

static void *one_alloc(struct heap *heap, struct layout want) {
    return way_alloc(heap, want, &heap->fronts[1]);
}

static enum mm_status one_free(struct heap *heap, void *p, struct layout had) {
    return way_free(heap, p, had, &heap->fronts[1]);
}

static void *several_alloc(struct heap *heap, struct layout want) {
    return way_alloc(heap, want, heap_front(heap));
}

static enum mm_status several_free(struct heap *heap, void *p,
                                   struct layout had) {
    return way_free(heap, p, had, heap_front(heap));
}

const struct heap_ways slab_quick = {
    .alloc = one_alloc,
    .free = one_free,
    .realloc = quick_realloc,
};

const struct heap_ways slab_quick_several = {
    .alloc = several_alloc,
    .free = several_free,
    .realloc = quick_realloc,
};
