/*
 * Slabs: a page of slots of one size, and a bit for each.
 *
 *   sizes[i]            record of the page              page
 *   word -------------> bits 1 1 0 1 0 0 ...            [slot|slot|slot|..]
 *   base --------------------------------------------->  1: free
 *
 * A block up to 512 bytes is a slot: 8 .. 64 bytes by 8, .. 128 and .. 256 by
 * 16, then as a page divides by 14, 13, 12, 11, 10, 9, 8.  To allocate is to
 * find the lowest bit of the current word and clear it; to free is to divide
 * the offset in the page by the slot's size and set the bit.  Neither touches
 * the block, and nothing that decides is near one: the records are in books
 * (slab_books.c).  A free names the size, so the record must agree; a bit that
 * is set already, a pointer between slots and one to no slot are refused.
 *
 * A slab with more than 64 slots has several words, in a block of its own; slot
 * number n has bit n / words of word n % words, so that all words are alike.
 *
 *   current   its word is being used up; one per size
 *   partial   in the list of its size: it has a free slot
 *   full      in no list, until a slot is freed
 *   (empty)   not current: the page goes back to the runs at once
 *
 * All calls cost O(1); a slab that is taken or given back costs one run.
 */
#include "base/poison.h"
#include "heap/slab_inside.h"

/** By size / 8, rounded up: which of the sizes below serves it. */
static const uint8_t size_index[SLAB_SLOT_MAX / 8 + 1] = {
    0,  0,  1,  2,  3,  4,  5,  6,  7,  8,  8,  9,  9,  10, 10, 11, 11,
    12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18, 19, 19, 20,
    20, 20, 20, 21, 21, 22, 22, 22, 22, 23, 23, 23, 23, 24, 24, 24, 24,
    25, 25, 25, 25, 25, 25, 26, 26, 26, 26, 26, 26, 26, 26,
};
static const uint16_t sizes[SLAB_SIZES] = {
    8,   16,  24,  32,  40,  48,  56,  64,  80,  96,  112, 128, 144, 160,
    176, 192, 208, 224, 240, 256, 288, 304, 336, 368, 400, 448, 512,
};
void slab_slots_init(struct heap *heap) {
    struct heap_slab *slab = &heap->slab;

    slab->none = 0;
    for (unsigned i = 0; i < SLAB_SIZES; i++) {
        const uint32_t slots = (uint32_t)(PAGE_SIZE / sizes[i]);
        unsigned shift = 0; /* a word has 64 bits */

        while (slots >> shift > 64) {
            shift++;
        }

        slab->sizes[i] = (struct slab_size){
            .word = &slab->none,
            .mask = ~UINT64_C(0) >> (64 - (slots >> shift)),
            .step = (uint32_t)sizes[i] << shift,
            .size = sizes[i],
            .inverse = (65536 + sizes[i] / 8u - 1) / (sizes[i] / 8u),
            .shift = shift,
        };
    }
}

bool slab_is_small(struct layout want) {
    return want.size <= SLAB_SLOT_MAX && want.align <= SLAB_SLOT_MAX;
}

/** Which of the sizes serves @want; a slot is aligned as its size is. */
unsigned slab_slot_index(struct layout want) {
    uint64_t size = want.size;

    if (want.align > 8) {
        size = (size + want.align - 1) & -want.align;
        if (want.align > 16) {
            size = UINT64_C(1) << (64 - __builtin_clzl(size - 1));
        }
    }
    return size_index[size / 8];
}

static uint64_t page_va(const struct heap *heap, uint64_t n) {
    return heap->start.v + (n << PAGE_SHIFT);
}

/* --- slabs ---------------------------------------------------------------- */

static void partial_push(struct heap *heap, struct slab_size *size,
                         uint64_t n) {
    struct slab_page *page = slab_page(heap, n);

    page->state = SLAB_PARTIAL;
    page->slab.prev = 0;
    page->slab.next = (uint32_t)size->partial;
    if (size->partial != 0) {
        slab_page(heap, size->partial - 1)->slab.prev = (uint32_t)n + 1;
    }
    size->partial = n + 1;
}

static void partial_remove(struct heap *heap, struct slab_size *size,
                           const struct slab_page *page) {
    if (page->slab.prev == 0) {
        size->partial = page->slab.next;
    } else {
        slab_page(heap, page->slab.prev - 1)->slab.next = page->slab.next;
    }
    if (page->slab.next != 0) {
        slab_page(heap, page->slab.next - 1)->slab.prev = page->slab.prev;
    }
}

/** Take slots from that slab if it has a free one. */
static bool use(struct heap *heap, struct slab_size *size, uint64_t n) {
    struct slab_page *page = slab_page(heap, n);

    for (uint64_t k = 0; k < 1u << size->shift; k++) {
        if (page->slab.words[k] != 0) {
            size->word = &page->slab.words[k];
            size->base = pointer_of(vaddr(page_va(heap, n) + k * size->size));
            return true;
        }
    }
    return false;
}

/** Room for the words of a slab with several: a granule.  @return false: none
 */
static bool words_take(struct heap *heap, struct slab_page *page) {
    const uint64_t va = slab_run_take(heap, 1, GRANULE);

    if (va != 0) {
        slab_run_mark_own(heap, va);
        page->slab.words = pointer_of(vaddr(va));
        MM_UNPOISON(page->slab.words, GRANULE);
    }
    return va != 0;
}

/** The page of an empty slab in no list goes back, and its words. */
static void slab_drop(struct heap *heap, uint64_t n) {
    struct slab_page *page = slab_page(heap, n);
    uint64_t *words = page->slab.words;

    if (words != &page->slab.bits) {
        MM_POISON(words, GRANULE);
        slab_run_free(heap, vaddr_of_pointer(words).v, 1);
    }
    *page = (struct slab_page){ .kind = 0 };
    slab_run_give(heap, page_va(heap, n), PAGE_GRANULES);
}

/** A new slab, current.  @return false: no memory; nothing changed */
static bool slab_new(struct heap *heap, struct slab_size *size) {
    const uint64_t va = slab_run_take(heap, PAGE_GRANULES, PAGE_SIZE);
    const uint64_t n = slab_page_number(heap, va);
    struct slab_page *page;

    if (va == 0) {
        return false;
    }
    page = slab_page(heap, n);
    *page = (struct slab_page){
        .slab = { .words = &page->slab.bits },
        .kind = (uint32_t)(size - heap->slab.sizes) + 1,
        .state = SLAB_CURRENT,
    };
    if (size->shift > 0 && !words_take(heap, page)) {
        slab_drop(heap, n);
        return false;
    }
    for (uint64_t k = 0; k < 1u << size->shift; k++) {
        page->slab.words[k] = size->mask;
    }
    size->current = n + 1;
    return use(heap, size, n);
}

static bool slab_is_empty(const struct slab_size *size,
                          const struct slab_page *page) {
    for (uint64_t k = 0; k < 1u << size->shift; k++) {
        if (page->slab.words[k] != size->mask) {
            return false;
        }
    }
    return true;
}

/** The current word is used up: another one of the same slab, another slab, a
 *  new one.  @return false: no memory */
static bool refill(struct heap *heap, struct slab_size *size) {
    if (size->current != 0) {
        if (use(heap, size, size->current - 1)) {
            return true;
        }
        slab_page(heap, size->current - 1)->state = SLAB_FULL;
        size->current = 0;
        size->word = &heap->slab.none;
    }
    if (size->partial != 0) {
        const uint64_t n = size->partial - 1;
        struct slab_page *page = slab_page(heap, n);

        partial_remove(heap, size, page);
        page->state = SLAB_CURRENT;
        size->current = n + 1;
        return use(heap, size, n);
    }
    return slab_new(heap, size);
}

/** A free slot more: what that changes for its slab.  @return MM_OK */
static enum mm_status slot_given(struct heap *heap, struct slab_size *size,
                                 uint64_t n) {
    struct slab_page *page = slab_page(heap, n);

    if (page->state == SLAB_FULL) {
        partial_push(heap, size, n);
    }
    if (page->state == SLAB_PARTIAL && slab_is_empty(size, page)) {
        partial_remove(heap, size, page);
        slab_drop(heap, n);
    }
    return MM_OK;
}

static void *slot_take(struct heap *heap, struct slab_size *size) {
    uint64_t word = *size->word;

    if (word == 0) {
        if (!refill(heap, size)) {
            return NULL;
        }
        word = *size->word;
    }
    *size->word = word & (word - 1);
    return size->base + (uint64_t)(unsigned)__builtin_ctzl(word) * size->step;
}

/** Where the bit of a slot is. */
struct slot {
    uint64_t page;
    uint64_t *word;
    uint64_t bit;
};

/** @return false: @p is no slot of that size, or a free one */
static inline __attribute__((always_inline)) bool
slot_find(const struct heap *heap, const void *p, unsigned index,
          struct slot *slot) {
    const struct slab_size *size = &heap->slab.sizes[index];
    const uint64_t offset = vaddr_of_pointer(p).v & (PAGE_SIZE - 1);
    const uint64_t n = (offset / 8 * size->inverse) >> 16;
    struct slab_page *page;

    slot->page = slab_page_number(heap, vaddr_of_pointer(p).v);
    if (slot->page >= heap->slab.pages) {
        return false;
    }
    page = slab_page(heap, slot->page);
    if (page->kind != index + 1 || n * size->size != offset) {
        return false;
    }
    slot->word = &page->slab.words[n & ((1u << size->shift) - 1)];
    slot->bit = UINT64_C(1) << (n >> size->shift);
    return ((*slot->word ^ size->mask) & slot->bit) != 0;
}

enum mm_status slab_slot_give(struct heap *heap, void *p, unsigned index) {
    struct slab_size *size = &heap->slab.sizes[index];
    struct slot slot;
    uint64_t word;

    if (!slot_find(heap, p, index, &slot)) {
        return MM_NOT_ALLOCATED;
    }
    heap_discard(heap, p, size->size);
    word = *slot.word;
    *slot.word = word | slot.bit;
    return word != 0 && (word | slot.bit) != size->mask
               ? MM_OK
               : slot_given(heap, size, slot.page);
}

/** Give back the pages of current slabs that are empty.  @return was there one?
 */
bool slab_slots_give_up_empty(struct heap *heap) {
    bool any = false;

    for (unsigned i = 0; i < SLAB_SIZES; i++) {
        struct slab_size *size = &heap->slab.sizes[i];
        const uint64_t n = size->current - 1;

        if (size->current != 0 && slab_is_empty(size, slab_page(heap, n))) {
            size->current = 0;
            size->word = &heap->slab.none;
            slab_drop(heap, n);
            any = true;
        }
    }
    return any;
}

/* --- the short way ------------------------------------------------------ */

/** slab_slot_index(), for plain layouts. */
static inline unsigned plain_index(struct layout want) {
    const uint64_t below = want.align / 2 | 7; /* one less than 8 or 16 */

    return size_index[((want.size + below) & ~below) / 8];
}

/** The current word is used up. */
static MM_NOINLINE void *slot_quick_refill(struct heap *heap,
                                           struct layout want) {
    void *p;

    p = slot_take(heap, &heap->slab.sizes[plain_index(want)]);
    if (p == NULL) {
        return heap_alloc_long(heap, want);
    }
    MM_UNPOISON(p, want.size);
    heap_count_alloc(heap, want.size, slab_served(want));
    return p;
}

void *slab_quick_alloc(struct heap *heap, struct layout want) {
    struct slab_size *size;
    uint64_t word;
    void *p;

    if (!slab_is_plain(want) || want.size - 1 >= SLAB_SLOT_MAX) {
        return slab_block_quick_alloc(heap, want);
    }
    size = &heap->slab.sizes[plain_index(want)];
    word = *size->word;
    if (word == 0) {
        return slot_quick_refill(heap, want);
    }
    *size->word = word & (word - 1);
    p = size->base + (uint64_t)(unsigned)__builtin_ctzl(word) * size->step;
    MM_UNPOISON(p, want.size);
    heap_count_alloc(heap, want.size, slab_served(want));
    return p;
}

enum mm_status slab_quick_free(struct heap *heap, void *p, struct layout had) {
    struct slab_size *size;
    struct slot slot;
    unsigned index;
    uint64_t word;

    if (!slab_is_plain(had) || had.size - 1 >= SLAB_SLOT_MAX) {
        return slab_block_quick_free(heap, p, had);
    }
    index = plain_index(had);
    if (!slot_find(heap, p, index, &slot)) {
        return heap_free_long(heap, p, had);
    }
    size = &heap->slab.sizes[index];
    MM_POISON(p, size->size);
    word = *slot.word;
    *slot.word = word | slot.bit;
    heap_count_free(heap, had.size, slab_served(had));
    return word != 0 && (word | slot.bit) != size->mask
               ? MM_OK
               : slot_given(heap, size, slot.page);
}

void *slab_slot_take(struct heap *heap, unsigned index) {
    return slot_take(heap, &heap->slab.sizes[index]);
}

bool slab_slot_lives(const struct heap *heap, const void *p, unsigned index) {
    struct slot slot;

    return slot_find(heap, p, index, &slot);
}
