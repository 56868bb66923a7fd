/**
 * @file inside.h
 * Between heap.c, grow.c and the classes; nobody else includes it.
 */
#ifndef HEAP_INSIDE_H
#define HEAP_INSIDE_H

#include "heap/heap.h"

/** For a class: [@p, @p + @bytes) is free from now on.  Call it once the free
 *  is certain and before anything is written there. */
void heap_discard(const struct heap *heap, void *p, size_t bytes);

/** Take @bytes (> 0, whole pages, within the limit) from the source.  The lock
 *  is held.  @return MM_OK, or what the source said; then nothing changed */
MM_MUST_CHECK enum mm_status heap_add(struct heap *heap, size_t bytes);

/** Make room for @want, as the class says.  The lock is held. */
bool heap_grow(struct heap *heap, struct layout want);

#endif
