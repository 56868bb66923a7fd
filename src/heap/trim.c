/*
 * Giving memory back.
 *
 *   start                                                  end
 *   [ used ][ free, many pages    ][ used ][ free, some pages ]
 *                |         |                |                |
 *            discard: no frames         shrink: no longer the heap's
 *
 * The class forgets what is free at its end, in whole pages; then the heap's
 * drain may take it.  If that refuses, the class gets it back as if it were
 * new. Of a free run inside, the class keeps links at its ends; the pages
 * between hold nothing, and who fills pages on demand may have their frames.
 *
 * A heap in which nothing lives starts again, books and all.
 */
#include "heap/debug_inside.h"

/** No class writes more at either end of a free run. */
#define LINKS 64

/** Nothing lives, nobody else is at work, and none was interrupted. */
static bool starts_again(const struct heap *heap) {
    return heap_stats(heap).live_blocks == 0 && !heap->lock.shared &&
           heap->front != &heap->fronts[0];
}

static uint64_t trim_class(struct heap *heap) {
    const uint64_t all = heap_size(heap);

    if (starts_again(heap)) {
        heap->end = heap->start;
        heap->class->init(heap);
        heap->end = vaddr_add(heap->start, all);
        return all;
    }
    return heap->class->trim(heap);
}

static uint64_t shrink(struct heap *heap) {
    const struct heap_drain *drain = &heap->drain;
    const uint64_t bytes = trim_class(heap);
    const vaddr_t end = vaddr(heap->end.v - bytes);

    if (bytes == 0) {
        return 0;
    }
    MM_UNPOISON(pointer_of(end), bytes);
    heap->end = end;
    if (drain->shrink(drain->ctx, end, bytes) == MM_OK) {
        return bytes;
    }
    MM_POISON(pointer_of(end), bytes);
    heap->end = vaddr_add(end, bytes);
    heap->class->add(heap, pointer_of(end), bytes);
    return 0;
}

static void discard_run(void *ctx, vaddr_t start, uint64_t bytes, bool used) {
    const struct heap *heap = ctx;
    const uint64_t end = align_down(start.v + bytes - LINKS, PAGE_SIZE);
    const uint64_t at = align_down(start.v + LINKS + PAGE_SIZE - 1, PAGE_SIZE);

    if (!used && bytes > PAGE_SIZE && at < end) {
        heap->drain.discard(heap->drain.ctx, vaddr(at), end - at);
    }
}

uint64_t heap_trim(struct heap *heap) {
    uint64_t bytes = 0;

    if (heap->debug != NULL) {
        (void)heap_debug_drop(heap);
    }
    heap_lock(heap);
    if (heap->drain.shrink != NULL) {
        bytes = shrink(heap);
    }
    if (heap->drain.discard != NULL && !heap->lock.shared) {
        heap_walk(heap, discard_run, heap);
    }
    heap_unlock(heap);
    return bytes;
}
