/*
 * The table of classes, and what holds for any of them.
 */
#include <string.h>

#include "heap/debug.h"
#include "heap/front.h"

const struct heap_class *const heap_classes[] = {
    &heap_dummy,
    &heap_bump,
    &heap_bump_noreset,
    &heap_list,
    &heap_list_nomerge,
    &heap_boundary,
    &heap_buddy,
    &heap_tlsf,
    &heap_fixed,
    &heap_slab,
    NULL,
};

const struct heap_class *heap_class_by_name(const char *name) {
    for (size_t i = 0; heap_classes[i] != NULL; i++) {
        if (strcmp(heap_classes[i]->name, name) == 0) {
            return heap_classes[i];
        }
    }
    return NULL;
}

void heap_walk(const struct heap *heap, heap_visit *visit, void *ctx) {
    if (heap->class->walk != NULL) {
        heap->class->walk(heap, visit, ctx);
    } else if (heap_size(heap) > 0) {
        visit(ctx, heap->start, heap_size(heap), true);
    }
}

/** How far a walk came, if nothing was wrong so far. */
struct tiling {
    vaddr_t next;
    uint64_t used_bytes;
    bool whole;
};

static void tile(void *ctx, vaddr_t start, uint64_t bytes, bool used) {
    struct tiling *tiling = ctx;

    if (start.v != tiling->next.v || bytes == 0 ||
        bytes % (HEAP_ALIGN_MIN / 2) != 0) {
        tiling->whole = false;
    }
    tiling->next = vaddr_add(start, bytes);
    if (used) {
        tiling->used_bytes += bytes;
    }
}

/** @spare: bytes that a block may be served beyond what it asked for. */
static bool counters_add_up(const struct heap_stats *stats, uint64_t spare) {
    return stats->allocs >= stats->frees &&
           stats->live_bytes >= stats->live_blocks &&
           stats->peak_live_bytes >= stats->live_bytes &&
           stats->held_bytes >= stats->live_bytes &&
           stats->held_bytes - stats->live_bytes <= stats->live_blocks * spare;
}

/** Nobody is at work. */
static bool fronts_are_sound(const struct heap *heap) {
    for (unsigned i = 0; i < HEAP_FRONTS; i++) {
        const struct heap_front *front = &heap->fronts[i];

        if (front->number != i ||
            front->busy != (i == 0 ? FRONT_LOCKED : FRONT_FREE)) {
            return false;
        }
    }
    return true;
}

bool heap_is_sound(const struct heap *heap) {
    struct tiling tiling = { heap->start, 0, true };
    const struct heap_stats stats = heap_stats(heap);
    const uint64_t spare =
        heap->debug == NULL ? HEAP_ALIGN_MIN - 1 : 3 * HEAP_ALIGN_MAX;

    if (heap->start.v > heap->end.v || heap->end.v > heap->limit.v ||
        !vaddr_is_page_aligned(heap->end) || lock_is_held(&heap->lock) ||
        !fronts_are_sound(heap) || !counters_add_up(&stats, spare) ||
        (heap->debug != NULL && !heap_debug_is_sound(heap))) {
        return false;
    }
    heap_walk(heap, tile, &tiling);
    return tiling.whole && tiling.next.v == heap->end.v &&
           tiling.used_bytes >= stats.held_bytes && heap->class->is_sound(heap);
}
