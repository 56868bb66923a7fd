/*
 * The heap that has nothing: the smallest thing that fills in the table, and
 * proof that what stands above a heap can live with "no memory".
 */
#include "heap/inside.h"

static void dummy_init(struct heap *heap) {
    (void)heap;
}

static void dummy_add(struct heap *heap, void *at, size_t bytes) {
    (void)heap, (void)at, (void)bytes;
}

static size_t dummy_trim(struct heap *heap) {
    return heap_size(heap);
}

static void *dummy_alloc(struct heap *heap, struct layout want) {
    (void)heap, (void)want;
    return NULL;
}

/** It handed nothing out, so nothing can come back. */
static enum mm_status dummy_free(struct heap *heap, void *p,
                                 struct layout had) {
    (void)heap, (void)p, (void)had;
    return MM_NOT_ALLOCATED;
}

static enum mm_status dummy_resize(struct heap *heap, void *p,
                                   struct layout had, size_t size) {
    (void)size;
    return dummy_free(heap, p, had);
}

static size_t dummy_grow_hint(const struct heap *heap, struct layout want) {
    (void)heap, (void)want;
    return 0;
}

static void dummy_walk(const struct heap *heap, heap_visit *visit, void *ctx) {
    if (heap_size(heap) > 0) {
        visit(ctx, heap->start, heap_size(heap), false);
    }
}

static bool dummy_is_sound(const struct heap *heap) {
    return heap_stats(heap).live_blocks == 0;
}

const struct heap_class heap_dummy = {
    .name = "dummy",
    .granule = HEAP_ALIGN_MIN,
    .init = dummy_init,
    .add = dummy_add,
    .trim = dummy_trim,
    .alloc = dummy_alloc,
    .free = dummy_free,
    .resize = dummy_resize,
    .grow_hint = dummy_grow_hint,
    .walk = dummy_walk,
    .is_sound = dummy_is_sound,
};
