/*
 * What every heap class would do again, done once.
 *
 *   heap_alloc(asked)
 *     layout_round()   asked --> served: sizes to the class's granule, or to
 *                      16 for who is aligned so
 *     class->alloc()   room?
 *     heap_grow()      no: ask the source, hand the memory to the class, again
 *     on_no_memory()   still no: the owner may free something, once
 *     hand_out()       counters, poison
 *
 * A class may have shorter ways of its own (struct heap_ways); what is unusual
 * comes here from there.
 *
 * The lock is held around the class and the source, never around the hook nor
 * while a block is copied or a fresh one filled.  A freed block is filled with
 * poison under it: the class calls heap_discard() before it writes its own
 * words there.
 */
#include "heap/heap.h"

#include "base/bytes.h"
#include "base/poison.h"
#include "heap/debug_inside.h"

static void fronts_init(struct heap *heap) {
    for (unsigned i = 0; i < HEAP_FRONTS; i++) {
        heap->fronts[i].busy = i == 0 ? FRONT_LOCKED : FRONT_FREE;
        heap->fronts[i].number = i;
    }
    heap->front = &heap->fronts[0];
}

void heap_choose_ways(struct heap *heap) {
    const bool is_heard = heap->events != NULL && heap->events->ear != NULL;

    if (heap->debug != NULL) {
        heap->ways = &heap_debug_ways;
    } else if (heap->poison || is_heard || heap->class->quick == NULL) {
        heap->ways = &heap_long_ways;
    } else {
        heap->ways =
            heap->lock.shared ? heap->class->quick_several : heap->class->quick;
    }
}

void heap_set_poison(struct heap *heap, bool poison) {
    heap->poison = poison;
    heap_choose_ways(heap);
}

void heap_set_processors(struct heap *heap, unsigned processors) {
    heap->lock = lock_for(processors);
    heap_choose_ways(heap);
}

enum mm_status heap_init(struct heap *heap, const struct heap_class *class,
                         struct vrange window, size_t initial,
                         struct heap_source source, struct events *events) {
    uint64_t limit;

    if (!vaddr_is_page_aligned(window.base) || window.len % PAGE_SIZE != 0 ||
        initial % PAGE_SIZE != 0) {
        return MM_NOT_ALIGNED;
    }
    if (initial > window.len ||
        __builtin_add_overflow(window.base.v, window.len, &limit)) {
        return MM_BAD_RANGE;
    }
    *heap = (struct heap){
        .class = class,
        .lock = LOCK_FREE,
        .events = events,
        .source = source,
        .start = window.base,
        .end = window.base,
        .limit = vaddr(limit),
        .quantum = HEAP_QUANTUM,
    };
    heap_choose_ways(heap);
    fronts_init(heap);
    class->init(heap);
    return initial > 0 ? heap_add(heap, initial) : MM_OK;
}

void heap_release(struct heap *heap) {
    MM_UNPOISON(pointer_of(heap->start), heap_size(heap));
    heap->end = heap->start;
    heap->limit = heap->start;
    for (unsigned i = 0; i < HEAP_FRONTS; i++) {
        struct heap_counts *counts = &heap->fronts[i].counts;

        counts->frees = counts->allocs;
        counts->held_bytes = 0;
        counts->below_peak = counts->peak_bytes;
    }
    heap->class->init(heap);
    if (heap->debug != NULL) {
        heap_debug_forget(heap->debug);
    }
}

struct heap_stats heap_stats(const struct heap *heap) {
    struct heap_stats sum = { .failures = heap->failures,
                              .grown = heap->grown };

    for (unsigned i = 0; i < HEAP_FRONTS; i++) {
        const struct heap_counts *counts = &heap->fronts[i].counts;

        sum.allocs += counts->allocs;
        sum.frees += counts->frees;
        sum.reallocs += counts->reallocs;
        sum.live_bytes += (uint64_t)(counts->peak_bytes - counts->below_peak);
        sum.held_bytes += counts->held_bytes;
        sum.peak_live_bytes += (uint64_t)counts->peak_bytes;
    }
    sum.live_blocks = sum.allocs - sum.frees;
    return sum;
}

bool heap_layout_round(const struct heap *heap, struct layout asked,
                       struct heap_ask *ask) {
    const size_t granule = asked.align <= heap->class->granule
                               ? heap->class->granule
                               : HEAP_ALIGN_MIN;
    uint64_t size, with_padding;

    if (asked.size == 0 || !is_power_of_two(asked.align) ||
        asked.align > HEAP_ALIGN_MAX || !align_up(asked.size, granule, &size) ||
        __builtin_add_overflow(size, asked.align, &with_padding)) {
        return false;
    }
    ask->asked = asked;
    ask->offset = 0;
    ask->served.size = size;
    ask->served.align = asked.align < granule ? granule : asked.align;
    return true;
}

/** May a block @served stand at @p, as far as addresses tell? */
static bool lies_inside(const struct heap *heap, const void *p,
                        struct layout served) {
    uint64_t at = vaddr_of_pointer(p).v;

    return range_holds(heap->start.v, heap_size(heap), at) &&
           served.size <= heap->end.v - at && at % served.align == 0;
}

/* --- with the lock held -------------------------------------------------- */

static void *take(struct heap *heap, const struct heap_ask *want) {
    void *p = NULL;

    if (!events_permit(heap->events, EVENT_HEAP_GIVES)) {
        return NULL;
    }
    p = heap->class->alloc(heap, want->served);
    if (p == NULL && heap_grow(heap, want->served)) {
        p = heap->class->alloc(heap, want->served);
    }
    if (p == NULL && heap->class->reclaim != NULL &&
        heap->class->reclaim(heap)) {
        p = heap->class->alloc(heap, want->served);
    }
    if (p != NULL) {
        heap_count_bytes(heap->front, want->asked.size, want->served.size);
        events_tell(heap->events, EVENT_HEAP_GIVES,
                    vaddr_of_pointer(p).v + want->offset, want->asked.size);
    }
    return p;
}

static enum mm_status give_back(struct heap *heap, void *p,
                                const struct heap_ask *had) {
    enum mm_status st = heap->class->free(heap, p, had->served);

    if (st == MM_OK) {
        heap_uncount_bytes(heap->front, had->asked.size, had->served.size);
        events_tell(heap->events, EVENT_HEAP_TAKES,
                    vaddr_of_pointer(p).v + had->offset, had->asked.size);
    }
    return st;
}

/** Where it stands; statuses as the class's. */
static enum mm_status resize(struct heap *heap, void *p,
                             const struct heap_ask *had,
                             const struct heap_ask *want) {
    enum mm_status st =
        heap->class->resize(heap, p, had->served, want->served.size);

    if (st == MM_OK) {
        heap_uncount_bytes(heap->front, had->asked.size, had->served.size);
        heap_count_bytes(heap->front, want->asked.size, want->served.size);
        heap->front->counts.reallocs++;
    }
    return st;
}

/* --- poison -------------------------------------------------------------- */

/** The class's block at @p is for @want; its first @keep bytes stay as they
 * are. */
static void hand_out(const struct heap *heap, uint8_t *p,
                     const struct heap_ask *want, size_t keep) {
    MM_POISON(p, want->served.size);
    p += want->offset;
    MM_UNPOISON(p, want->asked.size); /* the rounding is nobody's */
    if (heap->poison && keep < want->asked.size) {
        bytes_fill(p + keep, HEAP_FRESH_BYTE, want->asked.size - keep);
    }
}

/* --- the calls ----------------------------------------------------------- */

void *heap_fail(struct heap *heap) {
    heap_lock(heap);
    heap->failures++;
    heap_unlock(heap);
    return NULL;
}

/** @fresh: the block counts as a new one; it is not one that moves. */
static void *take_locked(struct heap *heap, const struct heap_ask *want,
                         bool fresh) {
    void *p;

    heap_lock(heap);
    p = take(heap, want);
    if (p != NULL && fresh) {
        heap->front->counts.allocs++;
    }
    heap_unlock(heap);
    return p;
}

bool heap_ask_hook(struct heap *heap, struct layout asked) {
    struct heap_front *front = heap_front(heap);
    bool freed = false;

    if (heap->on_no_memory != NULL && !front->asks) {
        front->asks = true;
        freed = heap->on_no_memory(heap, asked, heap->on_no_memory_ctx);
        front->asks = false;
    }
    return freed;
}

void *heap_obtain(struct heap *heap, const struct heap_ask *want, bool fresh) {
    void *p = take_locked(heap, want, fresh);

    if (p == NULL && heap->debug != NULL && heap_debug_drop(heap)) {
        p = take_locked(heap, want, fresh);
    }
    if (p == NULL && heap_ask_hook(heap, want->asked)) {
        if (heap->debug != NULL) {
            (void)heap_debug_drop(heap); /* what the hook freed */
        }
        p = take_locked(heap, want, fresh);
    }
    if (p != NULL) {
        hand_out(heap, p, want, 0);
    }
    return p;
}

/** give_back() of a block that does not live on somewhere else. */
static enum mm_status release(struct heap *heap, void *p,
                              const struct heap_ask *had) {
    const enum mm_status st = give_back(heap, p, had);

    heap->front->counts.frees += st == MM_OK;
    return st;
}

enum mm_status heap_give_back(struct heap *heap, void *p,
                              const struct heap_ask *had) {
    enum mm_status st;

    heap_lock(heap);
    st = release(heap, p, had);
    heap_unlock(heap);
    return st;
}

void *heap_alloc_long(struct heap *heap, struct layout want) {
    struct heap_ask ask;
    void *p;

    if (!heap_layout_round(heap, want, &ask)) {
        return heap_fail(heap);
    }
    p = heap_obtain(heap, &ask, true);
    return p != NULL ? p : heap_fail(heap);
}

void *heap_alloc(struct heap *heap, struct layout want) {
    return heap->ways->alloc(heap, want);
}

void *heap_alloc_zeroed(struct heap *heap, struct layout want) {
    void *p = heap_alloc(heap, want);

    if (p != NULL) {
        bytes_fill(p, 0, want.size);
    }
    return p;
}

enum mm_status heap_free_long(struct heap *heap, void *p, struct layout had) {
    struct heap_ask ask;
    enum mm_status st;

    if (p == NULL) {
        return MM_OK;
    }
    if (!heap_layout_round(heap, had, &ask)) {
        return MM_BAD_ARGUMENT;
    }
    heap_lock(heap);
    st = lies_inside(heap, p, ask.served) ? release(heap, p, &ask)
                                          : MM_NOT_MANAGED;
    heap_unlock(heap);
    return st;
}

enum mm_status heap_free(struct heap *heap, void *p, struct layout had) {
    return heap->ways->free(heap, p, had);
}

/** A new block, the bytes copied, the old block given back. */
static void *move(struct heap *heap, void *p, const struct heap_ask *had,
                  const struct heap_ask *want) {
    size_t kept =
        had->asked.size < want->asked.size ? had->asked.size : want->asked.size;
    void *q = heap_obtain(heap, want, false);
    enum mm_status st;

    if (q == NULL) {
        return heap_fail(heap);
    }
    bytes_copy(q, p, kept);
    heap_lock(heap);
    st = give_back(heap, p, had);
    MM_ASSERT(st == MM_OK); /* resize() saw that it lives */
    heap->front->counts.reallocs++;
    heap_unlock(heap);
    return q;
}

void *heap_realloc_long(struct heap *heap, void *p, struct layout had,
                        size_t size) {
    struct heap_ask old, new;
    enum mm_status st = MM_NOT_MANAGED;

    if (p == NULL || !heap_layout_round(heap, had, &old) ||
        !heap_layout_round(heap, (struct layout){ size, had.align }, &new)) {
        return heap_fail(heap);
    }
    heap_lock(heap);
    if (lies_inside(heap, p, old.served)) {
        st = resize(heap, p, &old, &new);
    }
    heap_unlock(heap);
    if (st == MM_OK) {
        hand_out(heap, p, &new, had.size);
        return p;
    }
    return st == MM_NO_MEMORY ? move(heap, p, &old, &new) : heap_fail(heap);
}

void *heap_realloc(struct heap *heap, void *p, struct layout had, size_t size) {
    return heap->ways->realloc(heap, p, had, size);
}

const struct heap_ways heap_long_ways = {
    .alloc = heap_alloc_long,
    .free = heap_free_long,
    .realloc = heap_realloc_long,
};
