/*
 * One pointer that only goes up.
 *
 *   start                      next                     end
 *   [ A ][ pad ][ B ][ C ..... ][ never handed out ....... ]
 *                              ^ the next block starts here, aligned
 *
 * Freeing counts down; when the last live block is gone everything is free and
 * the pointer starts again ("bump").  "bump-noreset" leaves even that out and
 * never hands a byte out twice.  One block that lives long keeps all memory.
 *
 * There is nothing here that knows single blocks: a second free of the same
 * block is noticed when it lies above the pointer or when none is live, else
 * the count goes wrong by one.  Who frees without care uses kfree(), which
 * knows.  All calls cost O(1).
 */
#include "heap/inside.h"

static void bump_init(struct heap *heap) {
    heap->bump.next = heap->start;
    heap->bump.live = 0;
}

static void bump_add(struct heap *heap, void *at, size_t bytes) {
    (void)heap, (void)at, (void)bytes; /* heap->end says it all */
}

static size_t bump_trim(struct heap *heap) {
    return heap_whole_pages(heap, heap->bump.next.v);
}

/** Where a block for @want would start and end, and whether 64 bits hold it. */
static bool bump_place(const struct heap *heap, struct layout want,
                       uint64_t *start, uint64_t *end) {
    return align_up(heap->bump.next.v, want.align, start) &&
           !__builtin_add_overflow(*start, want.size, end);
}

static void *bump_alloc(struct heap *heap, struct layout want) {
    uint64_t start, end;

    if (!bump_place(heap, want, &start, &end) || end > heap->end.v) {
        return NULL;
    }
    heap->bump.next = vaddr(end);
    heap->bump.live++;
    return pointer_of(vaddr(start));
}

/** All that can be told of a block that ends at @block_end. */
static bool bump_may_live(const struct heap *heap, uint64_t block_end) {
    return heap->bump.live > 0 && block_end <= heap->bump.next.v;
}

static enum mm_status bump_noreset_free(struct heap *heap, void *p,
                                        struct layout had) {
    uint64_t block_end = vaddr_of_pointer(p).v + had.size;

    if (!bump_may_live(heap, block_end)) {
        return MM_NOT_ALLOCATED;
    }
    heap_discard(heap, p, had.size);
    heap->bump.live--;
    return MM_OK;
}

static enum mm_status bump_free(struct heap *heap, void *p, struct layout had) {
    enum mm_status st = bump_noreset_free(heap, p, had);

    if (st == MM_OK && heap->bump.live == 0) {
        heap->bump.next = heap->start;
    }
    return st;
}

/** The newest block can grow; a shorter one keeps what it has. */
static enum mm_status bump_resize(struct heap *heap, void *p, struct layout had,
                                  size_t size) {
    uint64_t start = vaddr_of_pointer(p).v;
    uint64_t block_end = start + had.size;

    if (!bump_may_live(heap, block_end)) {
        return MM_NOT_ALLOCATED;
    }
    if (size <= had.size) {
        heap_discard(heap, (uint8_t *)p + size, had.size - size);
        return MM_OK;
    }
    if (block_end < heap->bump.next.v || size > heap->end.v - start) {
        return MM_NO_MEMORY;
    }
    heap->bump.next = vaddr(start + size);
    return MM_OK;
}

static size_t bump_grow_hint(const struct heap *heap, struct layout want) {
    uint64_t start, end;

    return bump_place(heap, want, &start, &end) && end > heap->end.v
               ? end - heap->end.v
               : 0;
}

static void bump_walk(const struct heap *heap, heap_visit *visit, void *ctx) {
    vaddr_t next = heap->bump.next;

    if (next.v > heap->start.v) {
        visit(ctx, heap->start, next.v - heap->start.v, true);
    }
    if (heap->end.v > next.v) {
        visit(ctx, next, heap->end.v - next.v, false);
    }
}

static bool bump_is_sound(const struct heap *heap) {
    return heap->start.v <= heap->bump.next.v &&
           heap->bump.next.v <= heap->end.v &&
           heap->bump.live == heap_stats(heap).live_blocks;
}

const struct heap_class heap_bump = {
    .name = "bump",
    .granule = HEAP_ALIGN_MIN,
    .init = bump_init,
    .add = bump_add,
    .trim = bump_trim,
    .alloc = bump_alloc,
    .free = bump_free,
    .resize = bump_resize,
    .grow_hint = bump_grow_hint,
    .walk = bump_walk,
    .is_sound = bump_is_sound,
};

const struct heap_class heap_bump_noreset = {
    .name = "bump-noreset",
    .granule = HEAP_ALIGN_MIN,
    .init = bump_init,
    .add = bump_add,
    .trim = bump_trim,
    .alloc = bump_alloc,
    .free = bump_noreset_free,
    .resize = bump_resize,
    .grow_hint = bump_grow_hint,
    .walk = bump_walk,
    .is_sound = bump_is_sound,
};
