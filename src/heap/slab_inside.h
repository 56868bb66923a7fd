/**
 * @file slab_inside.h
 * Between the files of the class "slab"; nobody else includes it.
 */
#ifndef HEAP_SLAB_INSIDE_H
#define HEAP_SLAB_INSIDE_H

#include "heap/inside.h"

#define MM_INLINE inline __attribute__((always_inline))

/** The unit of runs, in bytes.  A page has 64 of them: a word of bits. */
#define GRANULE_SHIFT 6
#define GRANULE (UINT64_C(1) << GRANULE_SHIFT)
#define PAGE_GRANULES (PAGE_SIZE / GRANULE)

/** Records in a book. */
#define SLAB_BOOK_SHIFT 5
#define SLAB_BOOK (UINT64_C(1) << SLAB_BOOK_SHIFT)

enum slab_state { SLAB_PARTIAL, SLAB_CURRENT, SLAB_FULL };

/** The record of a page, apart from the page. */
struct slab_page {
    union {
        struct {           /* granule by granule, a bit each */
            uint64_t used; /* a block starts */
            uint64_t free; /* a free run starts; with used: our own */
            uint64_t ends; /* a free run ends: its last granule */
        } run;
        struct {
            struct slab_word word; /* if one does */
            uint32_t next, prev;   /* page number + 1, in the list `partial` */
        } slab;
    };
    union {
        struct {
            uint8_t kind;  /* 0: runs, else a slab of shape kind - 1 */
            uint8_t front; /* whose slab it is */
            uint8_t state; /* enum slab_state */
            uint8_t none;  /* 0 */
        };
        uint32_t what; /* the same in one word */
    };
    uint32_t words; /* a slab: where its words are, 8 bytes from the heap's
                       start; else granules of the block that reaches or
                       crosses the page's end */
};

/** slab_page.what of a full slab is so much more. */
#define SLAB_WHAT_FULL ((uint32_t)SLAB_FULL << 16)

/** slab_page.what of a slab with a free slot that is not the current one. */
static inline uint32_t slab_what(unsigned index, unsigned front) {
    const struct slab_page page = { .kind = (uint8_t)(index + 1),
                                    .front = (uint8_t)front,
                                    .state = SLAB_PARTIAL };

    return page.what;
}

/** What all slabs of a size have in common. */
struct slab_shape {
    uint32_t inverse; /* 2^32 / size, rounded up */
    uint16_t size;    /* bytes of a slot */
    uint16_t slots;   /* that a page has room for */
};

/** Words of as many bits. */
static inline unsigned slab_word_count(const struct slab_shape *shape) {
    return (shape->slots + 63u) / 64;
}

/** The bits of word @k that stand for no slot. */
static inline uint64_t slab_no_slot(const struct slab_shape *shape,
                                    unsigned k) {
    return k == shape->slots / 64u ? ~UINT64_C(0) << (shape->slots & 63) : 0;
}

/** Pages that a heap may have: page->words reaches no further. */
#define SLAB_PAGES_MAX (UINT64_C(1) << 23)

_Static_assert(sizeof(struct slab_page) == 32, "a book is 1 KiB");

/** Fronts ask without the lock, so pointers are there before they are seen. */
static inline struct slab_page *slab_page(const struct heap *heap, uint64_t n) {
    struct slab_page **books =
        __atomic_load_n(&heap->slab.books, __ATOMIC_ACQUIRE);

    return &books[n >> SLAB_BOOK_SHIFT][n & (SLAB_BOOK - 1)];
}

static inline uint64_t slab_pages(const struct heap *heap) {
    return __atomic_load_n(&heap->slab.pages, __ATOMIC_ACQUIRE);
}

/** Fronts look at records without the lock, so words are written whole. */
static inline void slab_word_set(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline void slab_record_set(struct slab_page *page,
                                   struct slab_page value) {
    __atomic_store_n(&page->what, value.what, __ATOMIC_RELAXED);
    slab_word_set(&page->run.used, value.run.used);
    slab_word_set(&page->run.free, value.run.free);
    page->run.ends = value.run.ends;
    __atomic_store_n(&page->words, value.words, __ATOMIC_RELAXED);
}

/** The number of the page that holds @va, an address of the heap. */
static inline uint64_t slab_page_number(const struct heap *heap, uint64_t va) {
    return (va - heap->start.v) >> PAGE_SHIFT;
}

/** The words of a slab. */
static inline struct slab_word *slab_words(const struct heap *heap,
                                           const struct slab_page *page) {
    return pointer_of(vaddr(heap->start.v + 8 * (uint64_t)page->words));
}

/** One after the last byte that is ours to divide. */
static inline uint64_t slab_end(const struct heap *heap) {
    return heap->start.v + (heap->slab.pages << PAGE_SHIFT);
}

/* --- slab_books.c -------------------------------------------------------- */

/** New memory up to heap->end: records for it, the rest is a free run.  Too
 *  little for its own books, it waits for more. */
void slab_books_extend(struct heap *heap);
/** Bytes of books that come with memory up to page number @pages. */
uint64_t slab_books_need(const struct heap *heap, uint64_t pages);

/* --- slab_runs.c --------------------------------------------------------- */

struct slab_run {
    uint64_t next, prev; /* mixed with the heap's key */
    uint64_t granules;
};

void slab_runs_init(struct heap *heap);
/** What starts at @va is the class's own, and for nobody to free. */
void slab_run_mark_own(struct heap *heap, uint64_t va);
/** What starts at @va is free: a block, or the class's own. */
void slab_run_free(struct heap *heap, uint64_t va, uint64_t granules);
/** [@va, @va + @granules) is free, one with the free runs it touches. */
void slab_run_give(struct heap *heap, uint64_t va, uint64_t granules);
/** The block at @va has @granules now; its start is marked. */
void slab_run_measure(struct heap *heap, uint64_t va, uint64_t granules);
/** @return the address of a run, or 0; @align a power of two */
uint64_t slab_run_take(struct heap *heap, uint64_t granules, uint64_t align);
/** Take what follows a block, if enough of it is free. */
bool slab_run_take_at(struct heap *heap, uint64_t va, uint64_t granules);
/** Pages from @end on are no longer ours: the free run at the very end ends
 *  there now. */
void slab_runs_cut(struct heap *heap, uint64_t end);
/** Where the free run at the very end starts; slab_end(): there is none. */
uint64_t slab_runs_tail(const struct heap *heap);
/** The free run at @va: is there one, with its ends as they must be? */
bool slab_run_is_sound(const struct heap *heap, uint64_t va,
                       uint64_t *granules);

/** Bit of the granule at @va in the words of its page. */
static inline uint64_t granule_bit(uint64_t va) {
    return UINT64_C(1) << (va >> GRANULE_SHIFT & (PAGE_GRANULES - 1));
}

static inline uint64_t granules_for(uint64_t bytes) {
    return (bytes >> GRANULE_SHIFT) + ((bytes & (GRANULE - 1)) != 0);
}

/* --- slab_kept.c --------------------------------------------------------- */

/** With the lock held, from heap->front.  @return a kept run as a block, or
 *  NULL */
void *slab_kept_take(struct heap *heap, uint64_t granules);
/** With the lock held: keep the block @p, which is free from now on.
 *  @return false: it can't be kept; nothing changed */
bool slab_kept_give(struct heap *heap, struct heap_front *front, void *p,
                    uint64_t granules);
/** Some kept runs of heap->front become free runs.  @return was there one? */
bool slab_kept_drop_some(struct heap *heap);
/** All of heap->front and of fronts[0].  @return was there one? */
bool slab_kept_drop_all(struct heap *heap);
/** Runs that @front keeps; UINT64_MAX when a stack is none. */
uint64_t slab_kept_count(const struct heap *heap,
                         const struct heap_front *front);
/** Granules of the block that lives at @p, as the record of its page tells; 0:
 *  there is none, or it is kept. */
uint64_t slab_block_granules(const struct heap *heap, const void *p);
/** The short ways of usual layouts that are no slots, at this processor's
 *  front. */
void *slab_block_quick_alloc(struct heap *heap, struct layout want,
                             struct heap_front *front);
MM_MUST_CHECK enum mm_status slab_block_quick_free(struct heap *heap, void *p,
                                                   struct layout had,
                                                   struct heap_front *front);

/** For any layout that is no slot, at the front @front, which was entered and
 * is left; of QUICK_MAX bytes at most. */
void *slab_block_fresh(struct heap *heap, struct layout want,
                       struct heap_front *front);
MM_MUST_CHECK enum mm_status slab_block_gone(struct heap *heap, void *p,
                                             struct layout had,
                                             struct heap_front *front);
/** What is larger may as well go the long way. */
#define QUICK_MAX (64 * KIB)

/* --- slab_slots.c -------------------------------------------------------- */

extern const struct slab_shape slab_shapes[SLAB_SIZES];
/** Which size serves, by ((size - 1) | (align - 8)) / 8 for an alignment of 8
 * or 16. */
extern const uint8_t slab_size_index[SLAB_SLOT_MAX / 8];

/** Is a slot enough for @want? */
bool slab_is_small(struct layout want);
/** Which of the sizes serves the small @want. */
unsigned slab_slot_index(struct layout want);
/** With the lock held, of the front heap->front.  @return a slot or NULL */
void *slab_slot_take(struct heap *heap, unsigned index);
/** With the lock held.  @return MM_OK, or MM_NOT_ALLOCATED as the record tells;
 *  then nothing changed */
MM_MUST_CHECK enum mm_status slab_slot_give(struct heap *heap, void *p,
                                            unsigned index);
bool slab_slot_lives(const struct heap *heap, const void *p, unsigned index);
/** The short ways. */
extern const struct heap_ways slab_quick, slab_quick_several;

/* --- slab_slabs.c -------------------------------------------------------- */

void slab_fronts_init(struct heap *heap);
/** The current word of @front is used up: another one of the same slab, another
 *  slab, a new one.  @return false: no memory */
bool slab_refill(struct heap *heap, struct heap_front *front, unsigned index);
/** A slot of page number @n has become free, by its own front: what that
 *  changes for the slab. */
void slab_slot_given(struct heap *heap, struct heap_front *front, uint64_t n);
/** Give back the pages of current slabs that are empty, of heap->front and of
 *  fronts[0].  @return was there one? */
bool slab_give_up_empty(struct heap *heap);

/* --- slab_given.c -------------------------------------------------------- */

/** With the lock held: the slot @p, which lives, goes to the front of its page.
 *  @word, @mask  where its bit is */
void slab_given_push(struct heap *heap, void *p, struct slab_page *page,
                     struct slab_word *word, uint64_t mask);
/** Has another front freed slots of that slab? */
bool slab_has_given(const struct heap *heap, const struct slab_page *page);
/** With the lock held: take what others freed.  @return was there any? */
bool slab_given_collect(struct heap *heap, struct heap_front *front);
/** Pages in the list; more than there are when it is no list. */
uint64_t slab_given_count(const struct heap *heap,
                          const struct heap_front *front);

/** The lock for runs and books, unless it is held already.  @return was it not?
 */
static inline bool slab_lock(struct heap *heap, struct heap_front *front) {
    if (front->busy != FRONT_QUICK) {
        return false;
    }
    if (!heap->alone) {
        lock_acquire(&heap->lock);
    }
    heap_front_mark(front, FRONT_LOCKED);
    return true;
}

/** @taken  what slab_lock() said */
static inline void slab_unlock(struct heap *heap, struct heap_front *front,
                               bool taken) {
    if (taken) {
        heap_front_mark(front, FRONT_QUICK);
        if (!heap->alone) {
            lock_release(&heap->lock);
        }
    }
}

/** What the short ways are for: 8 or 16 to be aligned to. */
static inline bool slab_is_usual(struct layout want) {
    return ((want.align - 8) & ~(size_t)8) == 0;
}

/** Is @want aligned to less?  Then the same with 8 is as good. */
static inline bool slab_is_less_aligned(struct layout want) {
    return want.align == 1 || want.align == 2 || want.align == 4;
}

/** The size as heap.c serves it. */
static inline size_t slab_served(struct layout want) {
    return ((want.size - 1) | (want.align > 8 ? 15 : 7)) + 1;
}

/* --- slab_blocks.c ------------------------------------------------------- */

/** @return a block for @want, which is not small; NULL: no room */
void *slab_block_take(struct heap *heap, struct layout want);
MM_MUST_CHECK enum mm_status slab_block_give(struct heap *heap, void *p,
                                             struct layout had);
/** As heap_class.resize(), for a block that lives. */
MM_MUST_CHECK enum mm_status slab_block_resize(struct heap *heap, uint8_t *p,
                                               size_t had, size_t size);
/* --- slab_sizes.c -------------------------------------------------------- */

/** As heap_class.whole() and find(). */
struct layout slab_whole(struct layout want);
bool slab_find(const struct heap *heap, const void *p, struct layout *had);

/* --- slab_sound.c -------------------------------------------------------- */

void slab_walk(const struct heap *heap, heap_visit *visit, void *ctx);
bool slab_is_sound(const struct heap *heap);

#endif
