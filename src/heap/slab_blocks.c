/*
 * Blocks that are runs: whatever is no slot.
 *
 *   p                                  p + granules
 *   [ used | ....................... ][ the next start ]
 *
 * Nothing is written in front of a block or behind it: that it lives is known
 * by the bit of its start, and how long it is by him who gives it back.  The
 * record of the page where it starts must agree (slab_kept.c, where the short
 * way is, too).
 */
#include "base/poison.h"
#include "heap/slab_inside.h"

/** A front keeps only what is aligned as any run. */
static bool may_be_kept(struct layout had) {
    return had.align <= GRANULE;
}

void *slab_block_take(struct heap *heap, struct layout want) {
    const uint64_t granules = granules_for(want.size);
    void *p = may_be_kept(want) ? slab_kept_take(heap, granules) : NULL;

    return p != NULL
               ? p
               : pointer_of(vaddr(slab_run_take(heap, granules, want.align)));
}

/** What is mapped for rather than moved when it grows. */
#define LARGE (64 * KIB)

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

        if (!slab_run_take_at(heap, end, new - old) &&
            (size <= LARGE || !grow_at_end(heap, end, new - old))) {
            return MM_NO_MEMORY;
        }
    } else if (size < had) {
        heap_discard(heap, p + size, (old << GRANULE_SHIFT) - size);
    }
    if (new < old) {
        slab_run_give(heap, va + (new << GRANULE_SHIFT), old - new);
    }
    slab_run_measure(heap, va, new);
    return MM_OK;
}

enum mm_status slab_block_give(struct heap *heap, void *p, struct layout had) {
    const uint64_t granules = granules_for(had.size);

    if (slab_block_granules(heap, p) != granules) {
        return MM_NOT_ALLOCATED;
    }
    heap_discard(heap, p, had.size);
    if (!slab_kept_give(heap, heap->front, p, granules)) {
        slab_run_free(heap, vaddr_of_pointer(p).v, granules);
    }
    return MM_OK;
}
