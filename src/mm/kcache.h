/**
 * @file kcache.h
 * Named caches: objects of one kind, of one size and alignment.
 *
 *   kcache_alloc()  --->  heap_alloc(layout)  --->  construct(object)
 *   kcache_free()   --->  heap_free(layout)
 *
 * A cache knows its objects' layout, so an object has no header, and objects of
 * one size lie in the same slabs of the heap.  An object is constructed each
 * time that it is handed out: nothing is kept of its last life.
 *
 * The heap knows sizes and no caches.  So kfree() of an object, or a free to
 * another cache of its layout, is found in debug mode; without it the count of
 * objects is wrong from then on, and kcache_destroy() refuses.
 */
#ifndef MM_KCACHE_H
#define MM_KCACHE_H

#include "mm/mm.h"

struct kcache {
    struct heap_owner owner; /* its name, for reports */
    struct mm *mm;
    struct layout layout;
    void (*construct)(void *object); /* NULL: objects start as junk */
    uint64_t live;                   /* objects handed out */
};

/**
 * A cache for objects of @layout.
 * @return MM_OK, or MM_BAD_ARGUMENT when @layout is none; then @cache is as it
 *         was
 */
MM_MUST_CHECK enum mm_status kcache_create(struct kcache *cache, struct mm *mm,
                                           const char *name,
                                           struct layout layout,
                                           void (*construct)(void *object));

/** An object, constructed; NULL: no memory.  Any processor may call it. */
#define kcache_alloc(cache) kcache_alloc_at((cache), HEAP_HERE)
void *kcache_alloc_at(struct kcache *cache, const struct heap_site *site);

/** @return MM_OK; MM_NOT_MANAGED or MM_NOT_ALLOCATED, as heap_free(), in debug
 *  mode MM_NOT_MANAGED for what is not this cache's: then nothing changed.
 * Freeing NULL is MM_OK. */
#define kcache_free(cache, object) kcache_free_at((cache), (object), HEAP_HERE)
MM_MUST_CHECK enum mm_status kcache_free_at(struct kcache *cache, void *object,
                                            const struct heap_site *site);

/** @return MM_OK, or MM_REFUSED while objects are handed out */
MM_MUST_CHECK enum mm_status kcache_destroy(struct kcache *cache);

#endif
