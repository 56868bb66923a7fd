/*
 * The short way to slots: at the front of this processor, without the lock.
 *
 *   size_for[..] --> sizes[i]                current slab of that size
 *                    word, base  ----------> the next free slot
 *                    words, page ----------> a block that comes back, if it is
 *                                            in that page
 *
 * Most blocks come back to the slab they came from while it is the current one:
 * then nothing is looked up.  For any other slab the record of its page is:
 * one comparison tells that it is the front's own, of that size, and not full.
 * More has to be done only when a slab was full or may be empty now.
 *
 * Blocks that are aligned to more than 16, up to a page, are served here, too.
 *
 * What is not known here is left to the long way of heap.c, which tells what
 * was wrong: a slot of another front, a front in use.
 *
 * All calls cost O(1).
 */
#include "base/bytes.h"
#include "base/poison.h"
#include "heap/slab_slot.h"

/** How many times 8 bytes the usual @want takes, less one; UNITS or more when
 * it is no slot or the front is not free. */
static MM_INLINE uint64_t slot_units(struct layout want,
                                     const struct heap_front *front) {
    return ((want.size - 1) | (want.align - 8) | front->busy) / 8;
}
#define UNITS (SLAB_SLOT_MAX / 8)

/** The same in bytes, as heap.c serves them. */
static MM_INLINE size_t units_served(uint64_t units) {
    return 8 * units + 8;
}

/* --- allocate ------------------------------------------------------------- */

/** The current word is used up. */
static MM_NOINLINE void *quick_refill(struct heap *heap, struct layout want,
                                      struct heap_front *front,
                                      struct slab_size *size) {
    void *p;

    if (!slab_refill(heap, front, (unsigned)(size - front->slab.sizes))) {
        heap_front_leave(front);
        return heap_alloc_long(heap, want);
    }
    p = slot_pop(size);
    MM_UNPOISON(p, want.size);
    heap_count_alloc(front, want.size, slab_served(want));
    heap_front_leave(front);
    return p;
}

static MM_INLINE void *quick_alloc(struct heap *heap, struct layout want,
                                   struct heap_front *front,
                                   struct slab_size *size, size_t served) {
    void *p;

    heap_front_mark(front, FRONT_QUICK);
    if (size->word->free == size->no_slot) {
        return quick_refill(heap, want, front, size);
    }
    p = slot_pop(size);
    MM_UNPOISON(p, want.size);
    heap_count_alloc(front, want.size, served);
    heap_front_leave(front);
    return p;
}

/* --- free ----------------------------------------------------------------- */

/** What the short way does not free. */
static MM_NOINLINE enum mm_status quick_refuse(struct heap *heap, void *p,
                                               struct layout had) {
    heap_front_leave(heap_front(heap));
    return heap_free_long(heap, p, had);
}

/** The slab of @p was full, or may be empty now. */
static MM_NOINLINE enum mm_status quick_given(struct heap *heap,
                                              const void *p) {
    struct heap_front *front = heap_front(heap);

    slab_slot_given(heap, front, slab_page_number(heap, vaddr_of_pointer(p).v));
    heap_front_leave(front);
    return MM_OK;
}

/** The slot at @p, in a slab of that size with @more than size->what. */
static MM_INLINE bool slot_there(const struct heap *heap, const void *p,
                                 const struct slab_size *size, uint32_t more,
                                 struct slot *slot) {
    struct slab_page *page;

    return slot_page(heap, p, &page) &&
           __atomic_load_n(&page->what, __ATOMIC_RELAXED) ==
               size->what + more &&
           slot_find(slab_words(heap, page),
                     vaddr_of_pointer(p).v & (PAGE_SIZE - 1), size->inverse,
                     slot);
}

/** It is in neither the current nor a partial slab. */
static MM_NOINLINE enum mm_status full_free(struct heap *heap, void *p,
                                            struct layout had,
                                            const struct slab_size *size) {
    struct heap_front *front = heap_front(heap);
    struct slot slot;

    if (!slot_there(heap, p, size, SLAB_WHAT_FULL, &slot)) {
        return quick_refuse(heap, p, had);
    }
    MM_POISON(p, size->step);
    heap_count_free(front, had.size, slab_served(had));
    (void)slot_push(&slot);
    return quick_given(heap, p);
}

static MM_INLINE uint64_t offset_in(const struct slab_size *size,
                                    const void *p) {
    return vaddr_of_pointer(p).v - vaddr_of_pointer(size->page).v;
}

static MM_INLINE enum mm_status quick_free(struct heap *heap, void *p,
                                           struct layout had,
                                           struct heap_front *front,
                                           const struct slab_size *size,
                                           size_t served) {
    const uint64_t offset = offset_in(size, p);
    struct slot slot;

    heap_front_mark(front, FRONT_QUICK);
    if (offset < PAGE_SIZE) {
        if (!slot_find(size->words, offset, size->inverse, &slot)) {
            return quick_refuse(heap, p, had);
        }
        (void)slot_push(&slot);
    } else {
        if (!slot_there(heap, p, size, 0, &slot)) {
            return full_free(heap, p, had, size);
        }
        if (~slot_push(&slot) == 0) {
            heap_count_free(front, had.size, served);
            return quick_given(heap, p);
        }
    }
    MM_POISON(p, size->step);
    heap_count_free(front, had.size, served);
    heap_front_leave(front);
    return MM_OK;
}

/* --- reallocate ----------------------------------------------------------- */

/** The slot at @p, wherever it is among the front's own of that size. */
static MM_INLINE bool slot_here(const struct heap *heap, const void *p,
                                const struct slab_size *size,
                                struct slot *slot) {
    const uint64_t offset = offset_in(size, p);

    if (offset < PAGE_SIZE) {
        return slot_find(size->words, offset, size->inverse, slot);
    }
    return slot_there(heap, p, size, 0, slot) ||
           slot_there(heap, p, size, SLAB_WHAT_FULL, slot);
}

/** From a slot of @old to one of @new, which has one. */
static MM_INLINE void *slot_move(struct heap *heap, struct heap_front *front,
                                 void *p, const struct slab_size *old,
                                 const struct slab_size *new, size_t bytes) {
    struct slot slot;
    void *q;

    if (!slot_here(heap, p, old, &slot)) {
        return NULL;
    }
    q = slot_pop(new);
    MM_UNPOISON(q, bytes);
    bytes_copy_in_page(q, p, bytes);
    MM_POISON(p, old->step);
    (void)slot_push(&slot);
    if (offset_in(old, p) >= PAGE_SIZE) {
        slab_slot_given(heap, front,
                        slab_page_number(heap, vaddr_of_pointer(p).v));
    }
    return q;
}

/** @return NULL: the long way may know more; @p is as it was */
static MM_INLINE void *slot_realloc(struct heap *heap, struct heap_front *front,
                                    void *p, struct layout had,
                                    const struct slab_size *old,
                                    const struct slab_size *new, size_t size) {
    struct slot slot;

    if (new == old) {
        return slot_here(heap, p, old, &slot) ? p : NULL;
    }
    if (new->word->free == new->no_slot &&
        !slab_refill(heap, front, (unsigned)(new - front->slab.sizes))) {
        return NULL;
    }
    return slot_move(heap, front, p, old, new,
                     had.size < size ? had.size : size);
}

static void *quick_realloc(struct heap *heap, void *p, struct layout had,
                           size_t size) {
    const struct layout want = { size, had.align };
    struct heap_front *front = heap_front(heap);
    const uint64_t old = slot_units(had, front), new = slot_units(want, front);
    void *q;

    if (!slab_is_usual(had) || (old | new) >= UNITS) {
        return heap_realloc_long(heap, p, had, size);
    }
    heap_front_mark(front, FRONT_QUICK);
    q = slot_realloc(heap, front, p, had, front->slab.size_for[old],
                     front->slab.size_for[new], size);
    if (q == NULL) {
        heap_front_leave(front);
        return heap_realloc_long(heap, p, had, size);
    }
    MM_POISON(q, front->slab.size_for[new]->step);
    MM_UNPOISON(q, size);
    heap_uncount_bytes(front, had.size, units_served(old));
    heap_count_bytes(front, size, units_served(new));
    front->counts.reallocs++;
    heap_front_leave(front);
    return q;
}

/* --- which way ------------------------------------------------------------ */

/** Has it been entered for that, more aligned than usual? */
static bool is_aligned_quick(struct layout want, struct heap_front *front) {
    return is_power_of_two(want.align) && want.align <= PAGE_SIZE &&
           want.size - 1 < QUICK_MAX && heap_front_enter(front);
}

/** Aligned to less than 8?  Then 8 is as good. */
static MM_NOINLINE void *unusual_alloc(struct heap *heap, struct layout want) {
    struct heap_front *front = heap_front(heap);

    if (slab_is_less_aligned(want)) {
        want.align = 8;
        return heap->ways->alloc(heap, want);
    }
    if (!is_aligned_quick(want, front)) {
        return heap_alloc_long(heap, want);
    }
    return slab_is_small(want)
               ? quick_alloc(heap, want, front,
                             &front->slab.sizes[slab_slot_index(want)],
                             slab_served(want))
               : slab_block_fresh(heap, want, front);
}

static MM_NOINLINE enum mm_status unusual_free(struct heap *heap, void *p,
                                               struct layout had) {
    struct heap_front *front = heap_front(heap);

    if (slab_is_less_aligned(had)) {
        had.align = 8;
        return heap->ways->free(heap, p, had);
    }
    if ((vaddr_of_pointer(p).v & (had.align - 1)) != 0 ||
        !is_aligned_quick(had, front)) {
        return heap_free_long(heap, p, had);
    }
    return slab_is_small(had)
               ? quick_free(heap, p, had, front,
                            &front->slab.sizes[slab_slot_index(had)],
                            slab_served(had))
               : slab_block_gone(heap, p, had, front);
}

static MM_INLINE void *way_alloc(struct heap *heap, struct layout want,
                                 struct heap_front *front) {
    const uint64_t units = slot_units(want, front);

    if (!slab_is_usual(want)) {
        return unusual_alloc(heap, want);
    }
    return units < UNITS
               ? quick_alloc(heap, want, front, front->slab.size_for[units],
                             units_served(units))
               : slab_block_quick_alloc(heap, want, front);
}

static MM_INLINE enum mm_status way_free(struct heap *heap, void *p,
                                         struct layout had,
                                         struct heap_front *front) {
    const uint64_t units = slot_units(had, front);

    if (!slab_is_usual(had)) {
        return unusual_free(heap, p, had);
    }
    return units < UNITS
               ? quick_free(heap, p, had, front, front->slab.size_for[units],
                            units_served(units))
               : slab_block_quick_free(heap, p, had, front);
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
