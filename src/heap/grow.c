/*
 * How a heap gets more memory.
 *
 *   start                    end        need          quantum        limit
 *   [ used ][ hole ][ used   ][ ........... ][ .......... ]..........]
 *
 * Grow by what the class needs for the block, in whole pages, but by a quantum
 * at least, so that small blocks do not ask each time; never past the limit.
 * When the source can't give the quantum, the need alone is tried.  And when
 * there is none: the hook for those who can't go on.
 */
#include "base/fmt.h"
#include "base/poison.h"
#include "heap/inside.h"

enum mm_status heap_add(struct heap *heap, size_t bytes) {
    vaddr_t at = heap->end;
    enum mm_status st;

    events_add(heap->events, EVENT_HEAP_ASKS, at.v, bytes);
    st = heap->source.extend(heap->source.ctx, at, bytes);
    if (st != MM_OK) {
        return st;
    }
    MM_POISON(pointer_of(at), bytes);
    heap->end = vaddr_add(at, bytes);
    heap->grown++;
    heap->class->add(heap, pointer_of(at), bytes);
    events_add(heap->events, EVENT_HEAP_GROWN, at.v, bytes);
    return MM_OK;
}

bool heap_grow(struct heap *heap, struct layout want) {
    return heap_grow_by(heap, heap->class->grow_hint(heap, want));
}

bool heap_grow_by(struct heap *heap, size_t bytes) {
    uint64_t room = heap->limit.v - heap->end.v;
    uint64_t need = pages_for(bytes) * PAGE_SIZE;
    uint64_t quantum = pages_for(heap->quantum) * PAGE_SIZE;

    if (need == 0 || need > room) {
        return false;
    }
    if (quantum > room) {
        quantum = room;
    }
    if (quantum > need && heap_add(heap, quantum) == MM_OK) {
        return true;
    }
    return heap_add(heap, need) == MM_OK;
}

static void put(void *ctx, char c) {
    (void)ctx;
    hw_putc(c);
}

bool heap_no_memory_panics(struct heap *heap, struct layout want, void *ctx) {
    const struct heap_stats stats = heap_stats(heap);

    (void)ctx;
    fmt_print(put, NULL,
              "heap: no memory for size %lu, align %lu; %lu bytes are live in "
              "%lu blocks\n",
              want.size, want.align, stats.live_bytes, stats.live_blocks);
    hw_panic("allocation failed", __FILE__, __LINE__);
}
