/**
 * @file heap.h
 * Bytes: blocks of any size out of one growing range of memory.
 *
 * heap.c does once, for every class, what each would do again: zero sizes,
 * overflow, alignment checks, poison, counters, growing and the out-of-memory
 * hook.  A class only divides the memory it was given.
 *
 *   start                                   end               limit
 *   [ divided by the class ................ ][ not yet asked for  ]
 */
#ifndef HEAP_HEAP_H
#define HEAP_HEAP_H

#include "base/events.h"
#include "base/range.h"
#include "base/status.h"
#include "heap/slab.h"
#include "hw/lock.h"

/** The alignment of who does not ask for one.  No class knows smaller units
 *  than half of it. */
#define HEAP_ALIGN_MIN 16
#define HEAP_ALIGN_MAX (2 * MIB)

/** What a block must be.  The same layout is given back when it is freed. */
struct layout {
    size_t size;  /* bytes, > 0 */
    size_t align; /* a power of two up to HEAP_ALIGN_MAX */
};

struct heap;

/** How much a heap grows by at least, unless its owner changes @quantum. */
#define HEAP_QUANTUM (64 * KIB)

/** What fills memory in a heap with @poison set: handed out and not yet
 *  written, and given back. */
#define HEAP_FRESH_BYTE 0xa5
#define HEAP_FREED_BYTE 0xdd

/** Told of runs of memory in address order that tile start .. end.  A run in
 *  use is one block or several that touch: classes without block headers
 *  can't tell where one ends. */
typedef void heap_visit(void *ctx, vaddr_t start, uint64_t bytes, bool used);

/** How heap_alloc(), heap_free() and heap_realloc() go.  The long ways do all
 *  step by step; others do the same, or end in a long one. */
struct heap_ways {
    void *(*alloc)(struct heap *heap, struct layout want);
    enum mm_status (*free)(struct heap *heap, void *p, struct layout had);
    void *(*realloc)(struct heap *heap, void *p, struct layout had,
                     size_t size);
};

extern const struct heap_ways heap_long_ways;

/** Sizes that reach a class are multiples of its granule, aligns at least the
 *  granule; layouts are checked, and so is that a block to be freed lies inside
 *  start .. end. */
struct heap_class {
    const char *name;
    size_t granule; /* 8 or 16: the unit of sizes, the least alignment */
    bool peeks;     /* it reads the memory of blocks in use */
    /** The heap is empty: start == end. */
    void (*init)(struct heap *heap);
    /** @bytes more at @at (the old end) are ours; multiple of 4 KiB. */
    void (*add)(struct heap *heap, void *at, size_t bytes);
    /** Short ways, for heaps that nobody listens to and that are not poisoned,
     *  of one processor and of one of several; NULL: the class has none. */
    const struct heap_ways *quick, *quick_several;
    /** Forget what is free at the end, in whole pages.  @return bytes; add()
     *  may bring them back */
    size_t (*trim)(struct heap *heap);
    /** NULL: no room.  Then heap.c grows by grow_hint() and asks again. */
    void *(*alloc)(struct heap *heap, struct layout want);
    /** @return MM_OK, or MM_NOT_ALLOCATED when the class can tell that @p is
     *  no live block; then nothing changed */
    enum mm_status (*free)(struct heap *heap, void *p, struct layout had);
    /** Make the block @size bytes long where it stands.
     *  @return MM_OK; MM_NO_MEMORY: not there, it must move; or
     *  MM_NOT_ALLOCATED as free().  But for MM_OK nothing changed */
    enum mm_status (*resize)(struct heap *heap, void *p, struct layout had,
                             size_t size);
    /** Bytes that must be added at the end for @want to fit; 0: no use, or
     *  more than 64 bits can say. */
    size_t (*grow_hint)(const struct heap *heap, struct layout want);
    /** For classes that can tell a block's size from its address; else NULL.
     *  @return @want with the size of all that its block would have; 0: such
     *  a block is not to be found */
    struct layout (*whole)(struct layout want);
    /** Does a live block of a whole() layout start at @p?  Then @had is its
     *  layout. */
    bool (*find)(const struct heap *heap, const void *p, struct layout *had);
    /** The heap can't grow: give up all that is held for later; NULL: nothing
     *  is.  @return was there any?  Then alloc() is asked once more. */
    bool (*reclaim)(struct heap *heap);
    /** Every run in address order; NULL when the class can't tell. */
    void (*walk)(const struct heap *heap, heap_visit *visit, void *ctx);
    bool (*is_sound)(const struct heap *heap);
};

extern const struct heap_class heap_dummy, heap_bump, heap_bump_noreset,
    heap_list, heap_list_nomerge, heap_boundary, heap_buddy, heap_tlsf,
    heap_fixed, heap_slab;
/** All classes, ended by NULL. */
extern const struct heap_class *const heap_classes[];
/** The class of that name, or NULL. */
const struct heap_class *heap_class_by_name(const char *name);

/** Where more memory comes from. */
struct heap_source {
    /** Make [@end, @end + @bytes) usable; both multiples of 4 KiB.
     *  @return MM_OK, or MM_NO_MEMORY or another; then nothing changed */
    enum mm_status (*extend)(void *ctx, vaddr_t end, size_t bytes);
    void *ctx;
};

/** Where memory goes back to. */
struct heap_drain {
    /** Take [@end, @end + @bytes), the last of what extend() gave, back; NULL:
     *  nothing is taken back.
     *  @return MM_OK, or another; then it stays usable */
    enum mm_status (*shrink)(void *ctx, vaddr_t end, size_t bytes);
    /** What the pages [@at, @at + @bytes) hold is not needed; they stay usable.
     *  NULL: never mind. */
    void (*discard)(void *ctx, vaddr_t at, size_t bytes);
    void *ctx;
};

struct heap_stats {
    uint64_t allocs, frees, reallocs; /* calls that succeeded */
    uint64_t failures;                /* allocs and reallocs that gave NULL,
                                         for want of memory or as a wrong
                                         request; a refused free is none */
    uint64_t live_blocks;
    uint64_t live_bytes, peak_live_bytes; /* as asked for; with several
                                             processors the peak is too high
                                             rather than too low */
    uint64_t held_bytes;                  /* the same, rounded as served */
    uint64_t grown;                       /* times memory was added */
};

/** What was counted at one front: a block may be freed at another one than it
 *  was allocated at, so the sums over all are what counts, modulo 2^64. */
struct heap_counts {
    uint64_t allocs, frees, reallocs;
    uint64_t held_bytes;
    /* Live bytes are peak - below: an alloc has one sum to do, not two. */
    int64_t peak_bytes, below_peak;
};

/** What one processor serves itself from, without the lock; front.h. */
struct heap_front {
    uint64_t busy; /* FRONT_FREE, FRONT_QUICK or FRONT_LOCKED */
    unsigned number;
    struct heap_counts counts;
    struct slab_front slab;
    bool asks; /* the hook is at work, called from this processor */
} __attribute__((aligned(64)));

/** One for whoever holds the lock, and one for each of so many processors less
 *  one; those beyond take the lock always. */
#define HEAP_FRONTS 8

struct heap_debug;           /* debug.h */
struct heap_hole;            /* list.c */
struct heap_header;          /* boundary.c */
struct buddy_block;          /* buddy.c */
#define HEAP_BUDDY_ORDERS 43 /* 32 bytes .. 2^47 */
struct tlsf_block;           /* tlsf.c */
#define HEAP_TLSF_PARTS 16
#define HEAP_TLSF_LEVELS 37

/** The class "tlsf": lists of free blocks by size. */
struct heap_tlsf {
    struct tlsf_block *last; /* by address; NULL: none */
    uint64_t levels;         /* bit n: parts[n] is not 0 */
    uint16_t parts[HEAP_TLSF_LEVELS];
    struct tlsf_block *first[HEAP_TLSF_LEVELS][HEAP_TLSF_PARTS];
};

struct fixed_block;        /* fixed.c */
#define HEAP_FIXED_SIZES 8 /* 16 .. 2048 */

struct heap {
    const struct heap_class *class;
    const struct heap_ways *ways;
    struct lock lock;
    struct events *events; /* NULL: record nothing */
    struct heap_source source;
    struct heap_drain drain; /* heap_trim(); nothing at the start */
    vaddr_t start, end, limit;
    size_t quantum; /* grow by at least this, where the limit allows */
    bool alone;     /* nobody else uses it at the same time: no lock needed */
    bool poison;    /* heap_set_poison() */
    struct heap_debug *debug; /* debug.h; NULL: off */

    /** Asked once per request that finds no memory, with the layout as it was
     *  asked for; true: something was freed, try again.  The lock is not held.
     *  It may use the heap, but is not asked again from within.  Must not free
     *  a block that is being reallocated.  NULL: the caller gets
     *  NULL; heap_no_memory_panics: a kernel that can't go on without. */
    bool (*on_no_memory)(struct heap *heap, struct layout want, void *ctx);
    void *on_no_memory_ctx;

    uint64_t failures, grown; /* see heap_stats */
    struct heap_front *front; /* of who holds the lock */
    struct heap_front fronts[HEAP_FRONTS];
    union {
        struct {
            vaddr_t next; /* first byte after the newest block */
            uint64_t live;
        } bump;
        struct {
            struct {
                struct heap_hole *first; /* address order */
                uint64_t holes, hole_bytes;
                bool merges; /* holes that touch become one */
            } list;
            /* the class "fixed", over the list */
            struct fixed_block *fixed[HEAP_FIXED_SIZES];
            uint64_t fixed_held; /* bytes in use, as the list gave them */
        };
        struct {
            struct heap_header *first, *last; /* by address */
        } boundary;
        struct {
            struct buddy_block *first[HEAP_BUDDY_ORDERS]; /* free, by order */
            uint64_t held; /* bytes of blocks in use, as split */
        } buddy;
        struct heap_tlsf tlsf;
        struct heap_slab slab;
    };
};

/**
 * An empty heap at @window.base that may grow to the end of @window, taking
 * @initial bytes at once.
 *
 * @return MM_OK, MM_NOT_ALIGNED (window or @initial not whole pages),
 *         MM_BAD_RANGE (@initial beyond the window, or it wraps),
 *         MM_NO_MEMORY or what else the source said
 */
MM_MUST_CHECK enum mm_status heap_init(struct heap *heap,
                                       const struct heap_class *class,
                                       struct vrange window, size_t initial,
                                       struct heap_source source,
                                       struct events *events);

/** A hook for heap.on_no_memory: says what was asked for, and panics. */
bool heap_no_memory_panics(struct heap *heap, struct layout want, void *ctx);

/** Let @processors use the heap at the same time; one at the start.  Before any
 *  other than this one does. */
void heap_set_processors(struct heap *heap, unsigned processors);

/** Debug: fill fresh and freed blocks with known bytes.  Off at the start. */
void heap_set_poison(struct heap *heap, bool poison);

/**
 * Give the source back what is free: whole pages at the end, and what whole
 * pages inside free runs hold.  A heap in which nothing lives gives all.  With
 * several processors nothing inside is given back: the others are at work.
 * Cost: O(blocks).
 * @return bytes that the heap is shorter
 */
uint64_t heap_trim(struct heap *heap);

/** Forget the memory: whoever gave it may take it back now. */
void heap_release(struct heap *heap);

/**
 * A block for @want; contents are junk.
 * @return NULL when there is no memory, or when @want is no layout (size 0,
 *         align no power of two or beyond HEAP_ALIGN_MAX, size + align near
 *         2^64); the hook is asked about the former only
 */
void *heap_alloc(struct heap *heap, struct layout want);
/** As heap_alloc(), with all @want.size bytes zero. */
void *heap_alloc_zeroed(struct heap *heap, struct layout want);

/**
 * Give a block back.
 * @had  the layout it was allocated (or last reallocated) with
 * @return MM_OK; MM_BAD_ARGUMENT (@had is no layout), MM_NOT_MANAGED (@p is
 *         not in this heap, or misaligned), MM_NOT_ALLOCATED (@p is in free
 *         memory): then nothing changed.  Freeing NULL is MM_OK.
 */
MM_MUST_CHECK enum mm_status heap_free(struct heap *heap, void *p,
                                       struct layout had);

/**
 * A block of @size bytes with @had.align and the first min(size, had.size)
 * bytes of @p; where it stands, when the class can.
 * @return the block, @p is gone if it is another one; or NULL: no memory, or a
 *         wrong request as for heap_alloc() and heap_free(); @p is as it was
 */
void *heap_realloc(struct heap *heap, void *p, struct layout had, size_t size);

/** Bytes between start and end. */
static inline uint64_t heap_size(const struct heap *heap) {
    return heap->end.v - heap->start.v;
}

/** What was counted so far; exact while nobody is at work in the heap. */
struct heap_stats heap_stats(const struct heap *heap);

/** Call @visit for every run in address order.  A class that can't tell is
 *  shown as one run, in use. */
void heap_walk(const struct heap *heap, heap_visit *visit, void *ctx);

/** Counters add up, the runs tile the heap, the class agrees.  O(blocks). */
bool heap_is_sound(const struct heap *heap);

#endif
