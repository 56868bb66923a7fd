/**
 * @file inside.h
 * Between heap.c, grow.c and the classes; nobody else includes it.
 */
#ifndef HEAP_INSIDE_H
#define HEAP_INSIDE_H

#include "base/bytes.h"
#include "base/poison.h"
#include "heap/front.h"

/** For a class: [@p, @p + @bytes) is free from now on.  Call it once the free
 *  is certain and before anything is written there. */
static inline void heap_discard(const struct heap *heap, void *p,
                                size_t bytes) {
    if (heap->poison) {
        MM_UNPOISON(p, bytes);
        bytes_fill(p, HEAP_FREED_BYTE, bytes);
    }
    MM_POISON(p, bytes);
}

/** A layout as it was asked for and as a class serves it. */
struct heap_ask {
    struct layout asked, served;
    size_t offset; /* from the class's block to the caller's bytes */
};

/**
 * Fill in @ask for @asked.
 * @return false: @asked is no layout.  What is left is so small that a class
 *         may add size and align without a thought of overflow.
 */
bool heap_layout_round(const struct heap *heap, struct layout asked,
                       struct heap_ask *ask);
/** The class's block, counted; NULL after the hook was asked.
 *  @fresh: it counts as a new one; it is not one that moves */
void *heap_obtain(struct heap *heap, const struct heap_ask *want, bool fresh);
/** The class's block @p goes back, counted.  Statuses as the class's. */
MM_MUST_CHECK enum mm_status heap_give_back(struct heap *heap, void *p,
                                            const struct heap_ask *had);
/** Ask the hook, where there is one and it is not at work already.
 *  @return was something freed? */
bool heap_ask_hook(struct heap *heap, struct layout asked);
/** Count a failure.  @return NULL */
void *heap_fail(struct heap *heap);
/** heap.ways, from what else the heap says. */
void heap_choose_ways(struct heap *heap);

/** Of what is free from @start to the end: whole pages, in bytes. */
static inline size_t heap_whole_pages(const struct heap *heap, uint64_t start) {
    return align_down(heap->end.v - start, PAGE_SIZE);
}

/** heap_alloc() and so on, step by step. */
void *heap_alloc_long(struct heap *heap, struct layout want);
MM_MUST_CHECK enum mm_status heap_free_long(struct heap *heap, void *p,
                                            struct layout had);
void *heap_realloc_long(struct heap *heap, void *p, struct layout had,
                        size_t size);

/** list.c: do [@p, @p + @bytes) and a hole share a byte?  O(holes) */
bool heap_list_overlaps(const struct heap *heap, const void *p, size_t bytes);
/** list.c: are the holes in order, inside, and as many as counted? */
bool heap_list_holes_are_sound(const struct heap *heap);

/** Take @bytes (> 0, whole pages, within the limit) from the source.  The lock
 *  is held.  @return MM_OK, or what the source said; then nothing changed */
MM_MUST_CHECK enum mm_status heap_add(struct heap *heap, size_t bytes);

/** Make room for @want, as the class says.  The lock is held. */
bool heap_grow(struct heap *heap, struct layout want);
/** Add @bytes or more; 0: nothing.  The lock is held. */
bool heap_grow_by(struct heap *heap, size_t bytes);

#endif
