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

#define SHAPE(bytes)                                                           \
    {                                                                          \
        .inverse = ((UINT64_C(1) << 32) + (bytes)-1) / (bytes),                \
        .size = (bytes), .slots = PAGE_SIZE / (bytes)                          \
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

    if (*size->word == size->no_slot &&
        !slab_refill(heap, heap->front, index)) {
        return NULL;
    }
    return slot_pop(size);
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
 * Find the bit of @p in a page of that size.
 *
 * The product with the inverse is the quotient in its upper half, and what the
 * lower half holds is less than the inverse when, and only when, nothing
 * remains.
 *
 * @return false: @p is no slot, or a free one
 */
static MM_INLINE bool slot_bit(const struct heap *heap, const void *p,
                               unsigned index, struct slot *slot) {
    const uint32_t inverse = slab_shapes[index].inverse;
    const uint64_t product =
        (vaddr_of_pointer(p).v & (PAGE_SIZE - 1)) * inverse;

    slot->n = product >> 32;
    slot->words = slab_words(heap, slot->record);
    slot->was = __atomic_load_n(&slot->words[slot->n / 64], __ATOMIC_RELAXED);
    return (uint32_t)product < inverse && (slot->was & slot_mask(slot)) == 0;
}

/** The slot is free.  @return its word */
static MM_INLINE uint64_t slot_push(const struct slot *slot) {
    const uint64_t word = slot->was | slot_mask(slot);

    __atomic_store_n(&slot->words[slot->n / 64], word, __ATOMIC_RELAXED);
    return word;
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
    given = slot->words + slab_word_count(&slab_shapes[index]);
    return (given[slot->n / 64] & slot_mask(slot)) == 0;
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
        slab_given_push(heap, p, slot.record, slot.n);
        return MM_OK;
    }
    (void)slot_push(&slot);
    return slab_slot_given(heap, owner, slot.page);
}

bool slab_slot_lives(const struct heap *heap, const void *p, unsigned index) {
    struct slot slot;

    return slot_find(heap, p, index, &slot);
}

/* --- the short way ------------------------------------------------------ */

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

/** How a page differs from a current slab of that size at @front, that nobody
 *  gave a slot to. */
static MM_INLINE uint32_t differs(const struct slot *slot, unsigned index,
                                  unsigned front) {
    return __atomic_load_n(&slot->record->what, __ATOMIC_RELAXED) ^
           (index + 1 + (front << 8));
}

#define BY_STATE(state) ((uint32_t)(state) << 24)

/** Does it differ in its state alone? */
static MM_INLINE bool is_own(uint32_t other) {
    return (other & (BY_STATE(1) - 1)) == 0;
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

/** @had is a usual slot, @number the front's. */
static MM_INLINE enum mm_status quick_free(struct heap *heap, void *p,
                                           struct layout had,
                                           struct heap_front *front,
                                           unsigned number) {
    const unsigned index = usual_index(had);
    struct slot slot;
    uint32_t other;
    uint64_t word;

    if (!heap_front_enter(front)) {
        return heap_free_long(heap, p, had);
    }
    if (!slot_page(heap, p, &slot)) {
        return quick_refuse(heap, p, had);
    }
    other = differs(&slot, index, number);
    if (!is_own(other) || !slot_bit(heap, p, index, &slot)) {
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

/** What is no usual slot.  @return false: not here */
static bool make_usual(struct layout *want) {
    const bool is =
        slab_is_less_aligned(*want) && want->size - 1 < SLAB_SLOT_MAX;

    if (is) {
        want->align = 8;
    }
    return is;
}

static MM_NOINLINE void *unusual_alloc(struct heap *heap, struct layout want) {
    return make_usual(&want) ? heap->ways->alloc(heap, want)
                             : slab_block_quick_alloc(heap, want);
}

static MM_NOINLINE enum mm_status unusual_free(struct heap *heap, void *p,
                                               struct layout had) {
    return make_usual(&had) ? heap->ways->free(heap, p, had)
                            : slab_block_quick_free(heap, p, had);
}

static void *one_alloc(struct heap *heap, struct layout want) {
    return is_usual_slot(want) ? quick_alloc(heap, want, &heap->fronts[1])
                               : unusual_alloc(heap, want);
}

static enum mm_status one_free(struct heap *heap, void *p, struct layout had) {
    return is_usual_slot(had) ? quick_free(heap, p, had, &heap->fronts[1], 1)
                              : unusual_free(heap, p, had);
}

static void *several_alloc(struct heap *heap, struct layout want) {
    return is_usual_slot(want) ? quick_alloc(heap, want, heap_front(heap))
                               : unusual_alloc(heap, want);
}

static enum mm_status several_free(struct heap *heap, void *p,
                                   struct layout had) {
    struct heap_front *front = heap_front(heap);

    return is_usual_slot(had) ? quick_free(heap, p, had, front, front->number)
                              : unusual_free(heap, p, had);
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
    *lives = slot_page(heap, p, &slot) &&
             is_own(differs(&slot, index, front->number)) &&
             slot_bit(heap, p, index, &slot);
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

static void *quick_realloc(struct heap *heap, void *p, struct layout had,
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
