/*
 * Slots: blocks up to 512 bytes, and the short way to them.
 *
 *   front.sizes[i]        record of the page              page
 *   word ---------------> bits 1 1 0 1 0 0 ...            [slot|slot|slot|..]
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
 * The short way works at the front of its processor and takes no lock.  What it
 * does not know it leaves to the long way of heap.c, which tells what was
 * wrong: a slot of another front, an alignment above 16, a front in use.
 *
 * All calls cost O(1).
 */
#include "base/bytes.h"
#include "base/poison.h"
#include "heap/slab_inside.h"

/** Kept out of its caller, which is short and often called. */
#define MM_NOINLINE __attribute__((noinline))
#define MM_INLINE inline __attribute__((always_inline))

/** By (size - 1) / 8, for 8 and for 16 to be aligned to: which size serves. */
#define ROW (SLAB_SLOT_MAX / 8)
static const uint8_t size_index[2 * ROW] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  8,  9,  9,  10, 10, 11, 11, 12, 12, 13,
    13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18, 19, 19, 20, 20, 20, 20, 21, 21,
    22, 22, 22, 22, 23, 23, 23, 23, 24, 24, 24, 24, 25, 25, 25, 25, 25, 25, 26,
    26, 26, 26, 26, 26, 26, 26, 1,  1,  3,  3,  5,  5,  7,  7,  8,  8,  9,  9,
    10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18, 19,
    19, 20, 20, 20, 20, 21, 21, 22, 22, 22, 22, 23, 23, 23, 23, 24, 24, 24, 24,
    25, 25, 25, 25, 25, 25, 26, 26, 26, 26, 26, 26, 26, 26,
};

#define SLOTS(bytes) (PAGE_SIZE / (bytes))
#define SHIFT(bytes)                                                           \
    (SLOTS(bytes) > 256   ? 3                                                  \
     : SLOTS(bytes) > 128 ? 2                                                  \
     : SLOTS(bytes) > 64  ? 1                                                  \
                          : 0)
#define SHAPE(bytes)                                                           \
    {                                                                          \
        .mask = ~UINT64_C(0) >> (64 - (SLOTS(bytes) >> SHIFT(bytes))),         \
        .inverse = (65536 + (bytes) / 8 - 1) / ((bytes) / 8), .size = (bytes), \
        .shift = SHIFT(bytes), .low = (1 << SHIFT(bytes)) - 1                  \
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
    return size_index[(size - 1) / 8 + (want.align > 8 ? ROW : 0)];
}

/** The same for a usual @want: the row is chosen by a bit. */
static MM_INLINE unsigned usual_index(struct layout want) {
    return size_index[(want.size - 1) / 8 + (want.align & 16) * (ROW / 16)];
}

static MM_INLINE bool is_usual_slot(struct layout want) {
    return slab_is_usual(want) && want.size - 1 < SLAB_SLOT_MAX;
}

/** The lowest slot of a word that has one. */
static MM_INLINE void *slot_pop(struct slab_size *size) {
    const uint64_t word = *size->word;

    __atomic_store_n(size->word, word & (word - 1), __ATOMIC_RELAXED);
    return size->base + (uint64_t)(unsigned)__builtin_ctzl(word) * size->step;
}

void *slab_slot_take(struct heap *heap, unsigned index) {
    struct slab_size *size = &heap->front->slab.sizes[index];

    if (*size->word == 0 && !slab_refill(heap, heap->front, index)) {
        return NULL;
    }
    return slot_pop(size);
}

/** Where the bit of a slot is. */
struct slot {
    uint64_t page;
    struct slab_page *record;
    uint64_t *word;
    uint64_t bit;
    unsigned k; /* number of the word */
};

/** What a page must be, for a slot of that size at that front. */
static MM_INLINE uint32_t what(unsigned index, unsigned front) {
    return index + 1 + (front << 8);
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

/** Find the bit of @p in a page of that size.  @return false: @p is no slot, or
 *  a free one */
static MM_INLINE bool slot_bit(const struct heap *heap, const void *p,
                               unsigned index, struct slot *slot) {
    const struct slab_shape *shape = &slab_shapes[index];
    const uint64_t offset = vaddr_of_pointer(p).v & (PAGE_SIZE - 1);
    const uint64_t n = (offset / 8 * shape->inverse) >> 16;
    uint64_t word;

    slot->k = (unsigned)n & shape->low;
    slot->word = slab_words(heap, slot->record) + slot->k;
    slot->bit = UINT64_C(1) << (n >> shape->shift);
    word = __atomic_load_n(slot->word, __ATOMIC_RELAXED);
    return n * shape->size == offset && ((word ^ shape->mask) & slot->bit) != 0;
}

/** The slot is free.  @return is its slab to be looked at? */
static MM_INLINE bool slot_push(const struct slot *slot, unsigned index) {
    const uint64_t word = *slot->word;

    __atomic_store_n(slot->word, word | slot->bit, __ATOMIC_RELAXED);
    return word == 0 || (word | slot->bit) == slab_shapes[index].mask;
}

/* --- with the lock held --------------------------------------------------- */

/** @return false: @p is no slot of that size, or a free one */
static bool slot_find(const struct heap *heap, const void *p, unsigned index,
                      struct slot *slot) {
    const uint64_t *given;

    if (!slot_page(heap, p, slot) || slot->record->kind != index + 1 ||
        !slot_bit(heap, p, index, slot)) {
        return false;
    }
    given = slot->word + slab_shapes[index].low + 1;
    return (*given & slot->bit) == 0;
}

enum mm_status slab_slot_give(struct heap *heap, void *p, unsigned index) {
    struct heap_front *owner;
    struct slot slot;

    if (!slot_find(heap, p, index, &slot)) {
        return MM_NOT_ALLOCATED;
    }
    heap_discard(heap, p, slab_shapes[index].size);
    owner = &heap->fronts[slot.record->front];
    if (owner != heap->front && owner != &heap->fronts[0]) {
        slab_given_push(heap, p, slot.record, slot.k, slot.bit);
        return MM_OK;
    }
    return slot_push(&slot, index) ? slab_slot_given(heap, owner, slot.page)
                                   : MM_OK;
}

bool slab_slot_lives(const struct heap *heap, const void *p, unsigned index) {
    struct slot slot;

    return slot_find(heap, p, index, &slot);
}

/* --- the short way ------------------------------------------------------ */

/** The current word is used up. */
static MM_NOINLINE void *
quick_refill(struct heap *heap, struct heap_front *front, struct layout want) {
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

/** What is no usual slot. */
static MM_NOINLINE void *unusual_alloc(struct heap *heap, struct layout want) {
    if (slab_is_less_aligned(want)) {
        want.align = 8;
        return slab_quick_alloc(heap, want);
    }
    return slab_block_quick_alloc(heap, want);
}

void *slab_quick_alloc(struct heap *heap, struct layout want) {
    struct heap_front *front = heap_front(heap);
    struct slab_size *size;
    void *p;

    if (!is_usual_slot(want)) {
        return unusual_alloc(heap, want);
    }
    if (!heap_front_enter(front)) {
        return heap_alloc_long(heap, want);
    }
    size = &front->slab.sizes[usual_index(want)];
    if (*size->word == 0) {
        return quick_refill(heap, front, want);
    }
    p = slot_pop(size);
    MM_UNPOISON(p, want.size);
    heap_count_alloc(front, want.size, slab_served(want));
    heap_front_leave(front);
    return p;
}

/** The slot of that size at @p, when it lives and is @front's own. */
static MM_INLINE bool own_slot(const struct heap *heap,
                               const struct heap_front *front, const void *p,
                               unsigned index, struct slot *slot) {
    const uint32_t state_bits = UINT32_C(0xff) << 24;

    return slot_page(heap, p, slot) &&
           (__atomic_load_n(&slot->record->what, __ATOMIC_RELAXED) &
            ~state_bits) == what(index, front->number) &&
           slot_bit(heap, p, index, slot);
}

static MM_NOINLINE enum mm_status unusual_free(struct heap *heap, void *p,
                                               struct layout had) {
    if (slab_is_less_aligned(had)) {
        had.align = 8;
        return slab_quick_free(heap, p, had);
    }
    return slab_block_quick_free(heap, p, had);
}

/** Its slab was full, or may be empty now. */
static MM_NOINLINE enum mm_status
quick_given(struct heap *heap, struct heap_front *front, uint64_t n) {
    const enum mm_status st = slab_slot_given(heap, front, n);

    heap_front_leave(front);
    return st;
}

enum mm_status slab_quick_free(struct heap *heap, void *p, struct layout had) {
    struct heap_front *front = heap_front(heap);
    struct slot slot;
    unsigned index;

    if (!is_usual_slot(had)) {
        return unusual_free(heap, p, had);
    }
    if (!heap_front_enter(front)) {
        return heap_free_long(heap, p, had);
    }
    index = usual_index(had);
    if (!own_slot(heap, front, p, index, &slot)) {
        heap_front_leave(front);
        return heap_free_long(heap, p, had);
    }
    MM_POISON(p, slab_shapes[index].size);
    heap_count_free(front, had.size, slab_served(had));
    if (slot_push(&slot, index)) {
        return quick_given(heap, front, slot.page);
    }
    heap_front_leave(front);
    return MM_OK;
}

/* --- realloc -------------------------------------------------------------- */

/** The slot at @p stays and is for @size bytes now, if that is all it needs.
 *  @lives  whether it lives and is this front's own */
static bool quick_stay(struct heap *heap, void *p, struct layout had,
                       size_t size, bool *lives) {
    const unsigned index = usual_index(had);
    const struct layout want = { size, had.align };
    struct heap_front *front = heap_front(heap);
    struct slot slot;
    bool stays;

    *lives = false;
    if (!heap_front_enter(front)) {
        return false;
    }
    *lives = own_slot(heap, front, p, index, &slot);
    stays = *lives && is_usual_slot(want) && usual_index(want) == index;
    if (stays) {
        MM_POISON(p, slab_shapes[index].size);
        MM_UNPOISON(p, size);
        heap_uncount_bytes(front, had.size, slab_served(had));
        heap_count_bytes(front, size, slab_served(want));
        front->counts.reallocs++;
    }
    heap_front_leave(front);
    return stays;
}

/** A slot moves, to another slot or to a block. */
static void *quick_move(struct heap *heap, void *p, struct layout had,
                        size_t size) {
    void *q = heap_alloc(heap, (struct layout){ size, had.align });
    enum mm_status st;

    if (q == NULL) {
        return NULL;
    }
    bytes_copy(q, p, had.size < size ? had.size : size);
    st = heap_free(heap, p, had);
    MM_ASSERT(st == MM_OK); /* it lived */
    heap_lock(heap);
    heap->front->counts.allocs--;
    heap->front->counts.frees--;
    heap->front->counts.reallocs++;
    heap_unlock(heap);
    return q;
}

void *slab_quick_realloc(struct heap *heap, void *p, struct layout had,
                         size_t size) {
    bool lives;

    if (!is_usual_slot(had)) {
        return heap_realloc_long(heap, p, had, size);
    }
    if (quick_stay(heap, p, had, size, &lives)) {
        return p;
    }
    return lives ? quick_move(heap, p, had, size)
                 : heap_realloc_long(heap, p, had, size);
}
