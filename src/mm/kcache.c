/*
 * Named caches over the heap; kcache.h draws them.
 *
 * Several processors may use one cache: the heap sees to the memory, and the
 * count is one atomic addition.
 */
#include "mm/kcache.h"

enum mm_status kcache_create(struct kcache *cache, struct mm *mm,
                             const char *name, struct layout layout,
                             void (*construct)(void *object)) {
    if (layout.size == 0 || !is_power_of_two(layout.align) ||
        layout.align > HEAP_ALIGN_MAX) {
        return MM_BAD_ARGUMENT;
    }
    *cache = (struct kcache){
        .owner = { name }, .mm = mm, .layout = layout, .construct = construct
    };
    return MM_OK;
}

void *kcache_alloc_at(struct kcache *cache, const struct heap_site *site) {
    struct heap *heap = &cache->mm->heap;
    const struct heap_caller caller = { "kcache_alloc", &cache->owner, site };
    void *object = heap->debug == NULL
                       ? heap_alloc(heap, cache->layout)
                       : heap_debug_alloc(heap, cache->layout, &caller);

    if (object != NULL) {
        __atomic_fetch_add(&cache->live, 1, __ATOMIC_RELAXED);
        if (cache->construct != NULL) {
            cache->construct(object);
        }
    }
    return object;
}

enum mm_status kcache_free_at(struct kcache *cache, void *object,
                              const struct heap_site *site) {
    struct heap *heap = &cache->mm->heap;
    const struct heap_caller caller = { "kcache_free", &cache->owner, site };
    const enum mm_status st =
        heap->debug == NULL
            ? heap_free(heap, object, cache->layout)
            : heap_debug_free(heap, object, &cache->layout, &caller);

    if (st == MM_OK && object != NULL) {
        __atomic_fetch_sub(&cache->live, 1, __ATOMIC_RELAXED);
    }
    return st;
}

enum mm_status kcache_destroy(struct kcache *cache) {
    if (__atomic_load_n(&cache->live, __ATOMIC_RELAXED) != 0) {
        return MM_REFUSED;
    }
    *cache = (struct kcache){ .mm = NULL };
    return MM_OK;
}
