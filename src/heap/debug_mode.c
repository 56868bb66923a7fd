/*
 * The debug mode on and off, and what the handler of page faults asks it.
 *
 * It goes on while no block lives, since it would not know that one; and off
 * while none lives, since the class does not know blocks with zones.
 */
#include "heap/debug_inside.h"

enum mm_status heap_debug_start(struct heap *heap, struct heap_debug *debug,
                                const struct heap_debug_config *config) {
    uint64_t end;

    if (heap->debug != NULL || heap_stats(heap).live_blocks != 0 ||
        (config->pages != NULL && heap->class->peeks)) {
        return MM_REFUSED;
    }
    if (!vaddr_is_page_aligned(config->window.base) ||
        config->window.len % PAGE_SIZE != 0) {
        return MM_NOT_ALIGNED;
    }
    if (__builtin_add_overflow(config->window.base.v, config->window.len,
                               &end)) {
        return MM_BAD_RANGE;
    }
    *debug = (struct heap_debug){
        .heap = heap,
        .config = *config,
        .lock = heap->lock.shared ? LOCK_SHARED : LOCK_FREE,
        .records_end = config->window.base.v,
    };
    heap->debug = debug;
    heap_choose_ways(heap);
    return MM_OK;
}

enum mm_status heap_debug_stop(struct heap *heap) {
    if (heap->debug == NULL) {
        return MM_OK;
    }
    (void)heap_debug_drop(heap);
    if (heap->debug->live_blocks != 0) {
        return MM_REFUSED;
    }
    heap->debug = NULL;
    heap_choose_ways(heap);
    return MM_OK;
}

void heap_debug_forget(struct heap_debug *debug) {
    while (debug->root != NULL) {
        struct heap_record *record = debug->root;

        record_remove(debug, record);
        record_recycle(debug, record);
    }
    debug->oldest = NULL;
    debug->live_blocks = debug->kept_blocks = debug->kept_bytes = 0;
}

/** The lock may be ours: it is our own access to a block that faults then. */
static bool is_ours(const struct lock *lock) {
    const unsigned me = lock->shared ? hw_cpu() + 1 : 1;

    return __atomic_load_n(&lock->holder, __ATOMIC_RELAXED) == me;
}

bool heap_debug_forbids(struct heap *heap, vaddr_t va) {
    struct heap_debug *debug = heap->debug;
    const struct heap_record *record;
    bool forbids;

    if (debug == NULL || debug->config.pages == NULL || is_ours(&debug->lock)) {
        return false;
    }
    lock_acquire(&debug->lock);
    record = record_at(debug, va.v);
    forbids = record != NULL &&
              (record->is_free || va.v < record->low || va.v >= record->high);
    lock_release(&debug->lock);
    return forbids;
}
