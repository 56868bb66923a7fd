/*
 * The class "slab": slots for small blocks, runs for all others.
 *
 *   heap_alloc()  <= 512 bytes ---> slab_slots.c   a bit in a slab's words
 *                                     slab_slabs.c the words used up
 *                                     slab_given.c  freed by other processors
 *                 more -----------> slab_blocks.c  a run of granules
 *                                     slab_kept.c  one freed just now, else
 *   a new slab -------------------> slab_runs.c    best fit
 *   memory added -----------------> slab_books.c   records for its pages
 *
 * When there is no room, what is held for later is given up first: slots that
 * others freed, some kept runs, then empty slabs.  All calls cost O(1), but for
 * the last resort: when the heap can't grow, all kept runs go.
 */
#include "heap/slab_inside.h"

static void slab_init(struct heap *heap) {
    struct heap_slab *slab = &heap->slab;

    slab->books = NULL;
    slab->book_count = slab->book_room = 0;
    slab->pages = 0;
    slab_runs_init(heap);
    slab_fronts_init(heap);
}

static void slab_add(struct heap *heap, void *at, size_t bytes) {
    (void)at, (void)bytes; /* heap->end says it all */
    slab_books_extend(heap);
}

/** What is held for later becomes free first. */
static size_t slab_trim(struct heap *heap) {
    uint64_t bytes;

    (void)slab_given_collect(heap, heap->front);
    (void)slab_kept_drop_all(heap);
    (void)slab_give_up_empty(heap);
    bytes = heap_whole_pages(heap, slab_runs_tail(heap));
    if (heap->end.v - bytes < slab_end(heap)) {
        slab_runs_cut(heap, heap->end.v - bytes);
    }
    return bytes;
}

static void *take(struct heap *heap, struct layout want) {
    if (slab_is_small(want)) {
        return slab_slot_take(heap, slab_slot_index(want));
    }
    return slab_block_take(heap, want);
}

static void *slab_alloc(struct heap *heap, struct layout want) {
    void *p = take(heap, want);

    if (p == NULL && slab_given_collect(heap, heap->front)) {
        p = take(heap, want);
    }
    if (p == NULL && slab_kept_drop_some(heap)) {
        p = take(heap, want);
    }
    if (p == NULL && slab_give_up_empty(heap)) {
        p = take(heap, want);
    }
    return p;
}

/** The heap can't grow: slab_alloc() once more, without anything kept. */
static bool slab_reclaim(struct heap *heap) {
    return slab_kept_drop_all(heap);
}

static enum mm_status slab_free(struct heap *heap, void *p, struct layout had) {
    return slab_is_small(had) ? slab_slot_give(heap, p, slab_slot_index(had))
                              : slab_block_give(heap, p, had);
}

static enum mm_status slab_resize(struct heap *heap, void *p, struct layout had,
                                  size_t size) {
    const struct layout want = { size, had.align };

    if (slab_is_small(had)) {
        if (!slab_slot_lives(heap, p, slab_slot_index(had))) {
            return MM_NOT_ALLOCATED;
        }
        if (!slab_is_small(want) ||
            slab_slot_index(want) != slab_slot_index(had)) {
            return MM_NO_MEMORY;
        }
        if (size < had.size) {
            heap_discard(heap, (uint8_t *)p + size, had.size - size);
        }
        return MM_OK;
    }
    if (slab_block_granules(heap, p) != granules_for(had.size)) {
        return MM_NOT_ALLOCATED;
    }
    if (slab_is_small(want)) {
        return MM_NO_MEMORY; /* its place is a slot now */
    }
    return slab_block_resize(heap, p, had.size, size);
}

/** The run that @want takes, at most.  A slot may need a page and two granules,
 *  for its slab and the slab's words.  @return false: beyond 64 bits */
static bool run_for(struct layout want, struct layout *run) {
    run->align = want.align < GRANULE ? GRANULE : want.align;
    if (!slab_is_small(want)) {
        return align_up(want.size, GRANULE, &run->size);
    }
    run->align = PAGE_SIZE;
    run->size = PAGE_SIZE;
    if (slab_shapes[slab_slot_index(want)].slots > 64) {
        run->size += 2 * GRANULE;
    }
    return true;
}

/**
 *   [ ... ][ free run at the end ][ more ............ ]     no new books
 *   [ ... ][ free run at the end ][ books ][ more ... ]     new ones, for so
 *                                                           many pages
 */
static size_t slab_grow_hint(const struct heap *heap, struct layout want) {
    uint64_t start = slab_runs_tail(heap);
    uint64_t books = 0, needed = 0, end, pages;
    struct layout run;

    if (!run_for(want, &run)) {
        return 0;
    }
    do {
        books = needed;
        start = books > 0 ? slab_end(heap) + books : start;
        if (!align_up(start, run.align, &start) ||
            __builtin_add_overflow(start, run.size, &end)) {
            return 0;
        }
        pages = pages_for(end - heap->start.v);
        needed = slab_books_need(heap, pages);
    } while (needed > books);
    if (pages > SLAB_PAGES_MAX) {
        return 0;
    }
    return end <= heap->end.v ? 0 : (pages << PAGE_SHIFT) - heap_size(heap);
}

const struct heap_class heap_slab = {
    .name = "slab",
    .granule = 8,
    .init = slab_init,
    .add = slab_add,
    .trim = slab_trim,
    .quick = &slab_quick,
    .quick_several = &slab_quick_several,
    .alloc = slab_alloc,
    .free = slab_free,
    .resize = slab_resize,
    .grow_hint = slab_grow_hint,
    .whole = slab_whole,
    .find = slab_find,
    .reclaim = slab_reclaim,
    .walk = slab_walk,
    .is_sound = slab_is_sound,
};
