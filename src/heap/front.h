/**
 * @file front.h
 * Fronts: how a processor uses a heap without its lock.
 *
 *   fronts[0]   for whoever holds the lock
 *   fronts[1]   processor 0's own
 *   fronts[2]   processor 1's own ...
 *
 * What belongs to a processor's front is read and written by that processor
 * alone, so no other processor has to be kept away, but an interrupt has: its
 * handler may want memory, too.  Therefore a front is marked busy while it is
 * used.  The handler that finds it so takes the lock and serves itself from
 * fronts[0]; one that finds it free is done before the interrupted code goes
 * on, and leaves it free.  Plain stores do, no instruction locks the bus:
 *
 *   interrupted:   busy = 1 ...... take a slot ...... busy = 0
 *   handler:                 busy? the lock, fronts[0]
 *
 * Who takes the lock marks the front of his processor, too, when it is free,
 * and is then served from it as the short way would.  So one processor without
 * interrupts never uses more than one front.
 *
 * A kernel that moves threads between processors must not do so while a front
 * is busy.
 */
#ifndef HEAP_FRONT_H
#define HEAP_FRONT_H

#include "heap/heap.h"

/** Beyond any size of a slot, but for FRONT_FREE: one comparison tells that a
 *  block is small and the front free. */
#define FRONT_FREE UINT64_C(0)
#define FRONT_QUICK UINT64_MAX /* used without the lock */
#define FRONT_LOCKED                                                           \
    (UINT64_MAX - 1) /* by who holds it; fronts[0] always is                   \
                      */

/** The front of this processor. */
static inline struct heap_front *heap_front(struct heap *heap) {
    const unsigned cpu = heap->lock.shared ? hw_cpu() : 0;

    return &heap->fronts[cpu < HEAP_FRONTS - 1 ? cpu + 1 : 0];
}

/** Only the compiler could mix up what one processor does. */
static inline void heap_front_mark(struct heap_front *front, uint64_t state) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    *(volatile uint64_t *)&front->busy = state;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/** @return false: it is in use */
static inline bool heap_front_enter(struct heap_front *front) {
    if (*(volatile uint64_t *)&front->busy != FRONT_FREE) {
        return false;
    }
    heap_front_mark(front, FRONT_QUICK);
    return true;
}

static inline void heap_front_leave(struct heap_front *front) {
    heap_front_mark(front, FRONT_FREE);
}

/** The lock, and a front to work with: heap->front. */
static inline void heap_lock(struct heap *heap) {
    struct heap_front *front;

    if (!heap->alone) {
        lock_acquire(&heap->lock);
    }
    front = heap_front(heap);
    if (front->busy == FRONT_FREE) {
        heap_front_mark(front, FRONT_LOCKED);
        heap->front = front;
    } else {
        heap->front = &heap->fronts[0];
    }
}

static inline void heap_unlock(struct heap *heap) {
    if (heap->front != &heap->fronts[0]) {
        heap_front_leave(heap->front);
    }
    if (!heap->alone) {
        lock_release(&heap->lock);
    }
}

/** A block of @asked bytes, served with @served, lives. */
static inline void heap_count_bytes(struct heap_front *front, size_t asked,
                                    size_t served) {
    struct heap_counts *counts = &front->counts;

    counts->held_bytes += served;
    counts->below_peak -= (int64_t)asked;
    if (__builtin_expect(counts->below_peak < 0, false)) {
        __atomic_signal_fence(__ATOMIC_SEQ_CST); /* so the above is no load */
        counts->peak_bytes -= counts->below_peak;
        counts->below_peak = 0;
    }
}

/** ... no longer. */
static inline void heap_uncount_bytes(struct heap_front *front, size_t asked,
                                      size_t served) {
    front->counts.below_peak += (int64_t)asked;
    front->counts.held_bytes -= served;
}

static inline void heap_count_alloc(struct heap_front *front, size_t asked,
                                    size_t served) {
    heap_count_bytes(front, asked, served);
    front->counts.allocs++;
}

static inline void heap_count_free(struct heap_front *front, size_t asked,
                                   size_t served) {
    heap_uncount_bytes(front, asked, served);
    front->counts.frees++;
}

#endif
