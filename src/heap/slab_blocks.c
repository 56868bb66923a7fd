/*
 * Blocks that are runs: whatever is no slot.
 *
 *   p                                  p + granules
 *   [ used | ....................... ][ the next start ]
 *
 * Nothing is written in front of a block or behind it: that it lives is known
 * by the bit of its start, and how long it is by him who gives it back.  So a
 * free is checked at both ends, and in the page where the block starts.
 */
#include "base/poison.h"
#include "heap/slab_inside.h"

/** Larger runs may as well go the long way, and are grown rather than moved. */
#define RUN_QUICK_MAX (64 * KIB)

/** Runs of that length are kept when they are freed. */
static inline bool is_kept(struct layout had) {
    return had.size <= (SLAB_KEPT_LENGTHS - 1) * GRANULE &&
           had.align <= GRANULE;
}

void *slab_block_take(struct heap *heap, struct layout want) {
    const uint64_t granules = granules_for(want.size);
    void *p = is_kept(want) ? slab_kept_take(heap, granules) : NULL;

    return p != NULL
               ? p
               : pointer_of(vaddr(slab_run_take(heap, granules, want.align)));
}

/** Starts in the page of @va, of granules above it and below @end. */
static uint64_t starts_between(const struct heap *heap, uint64_t va,
                               uint64_t end) {
    const struct slab_page *page = slab_page(heap, slab_page_number(heap, va));
    uint64_t bits = (page->run.used | page->run.free) & -(granule_bit(va) << 1);

    if (end - va < PAGE_SIZE && granule_bit(end) > granule_bit(va)) {
        bits &= granule_bit(end) - 1;
    }
    return bits;
}

/** Does a block of @granules start at @p?  The records of its first page and of
 *  its end tell. */
bool slab_block_lives(const struct heap *heap, const void *p,
                      uint64_t granules) {
    const uint64_t va = vaddr_of_pointer(p).v;
    const uint64_t end = va + (granules << GRANULE_SHIFT);
    const uint64_t n = slab_page_number(heap, va);
    const struct slab_page *page;

    if (va % GRANULE != 0 || n >= heap->slab.pages || end > slab_end(heap)) {
        return false;
    }
    page = slab_page(heap, n);
    if (page->kind != 0 ||
        (page->run.used & ~page->run.free & granule_bit(va)) == 0 ||
        starts_between(heap, va, end) != 0) {
        return false;
    }
    if (end == slab_end(heap)) {
        return true;
    }
    page = slab_page(heap, slab_page_number(heap, end));
    return page->kind != 0 ||
           ((page->run.used | page->run.free) & granule_bit(end)) != 0;
}

/** A large block at the very end of the heap grows with it: pages are mapped
 *  behind it, and nothing is copied.  @end: of the block */
static bool grow_at_end(struct heap *heap, uint64_t end, uint64_t granules) {
    const uint64_t wanted = end + (granules << GRANULE_SHIFT);

    return slab_runs_tail(heap) == end && wanted > heap->end.v &&
           wanted <= heap->limit.v &&
           heap_grow_by(heap, wanted - heap->end.v) &&
           slab_run_take_at(heap, end, granules);
}

enum mm_status slab_block_resize(struct heap *heap, uint8_t *p, size_t had,
                                 size_t size) {
    const uint64_t old = granules_for(had), new = granules_for(size);
    const uint64_t va = vaddr_of_pointer(p).v;

    if (new > old) {
        const uint64_t end = va + (old << GRANULE_SHIFT);

        return slab_run_take_at(heap, end, new - old) ||
                       (size > RUN_QUICK_MAX &&
                        grow_at_end(heap, end, new - old))
                   ? MM_OK
                   : MM_NO_MEMORY;
    }
    if (size < had) {
        heap_discard(heap, p + size, (old << GRANULE_SHIFT) - size);
    }
    if (new < old) {
        slab_run_give(heap, va + (new << GRANULE_SHIFT), old - new);
    }
    return MM_OK;
}

enum mm_status slab_block_give(struct heap *heap, void *p, struct layout had) {
    const uint64_t granules = granules_for(had.size);

    if (!slab_block_lives(heap, p, granules)) {
        return MM_NOT_ALLOCATED;
    }
    heap_discard(heap, p, had.size);
    if (is_kept(had)) {
        slab_kept_give(heap, p, granules);
    } else {
        slab_run_free(heap, vaddr_of_pointer(p).v, granules);
    }
    return MM_OK;
}

/* --- the short way ------------------------------------------------------ */

static inline bool is_quick(struct layout want) {
    return slab_is_usual(want) && want.size > SLAB_SLOT_MAX &&
           want.size <= RUN_QUICK_MAX;
}

void *slab_block_quick_alloc(struct heap *heap, struct layout want) {
    void *p;

    if (!is_quick(want)) {
        return heap_alloc_long(heap, want);
    }
    heap_lock(heap);
    p = slab_block_take(heap, want);
    if (p != NULL) {
        MM_UNPOISON(p, want.size);
        heap_count_alloc(heap->front, want.size, slab_served(want));
    }
    heap_unlock(heap);
    return p != NULL ? p : heap_alloc_long(heap, want);
}

enum mm_status slab_block_quick_free(struct heap *heap, void *p,
                                     struct layout had) {
    enum mm_status st;

    if (!is_quick(had)) {
        return heap_free_long(heap, p, had);
    }
    heap_lock(heap);
    st = slab_block_give(heap, p, had);
    if (st == MM_OK) {
        heap_count_free(heap->front, had.size, slab_served(had));
    }
    heap_unlock(heap);
    return st == MM_OK ? MM_OK : heap_free_long(heap, p, had);
}
