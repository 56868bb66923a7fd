/**
 * @file heap_api.h
 * The default heap as three plain functions, for other languages.
 *
 * One heap of RUST_HEAP_SIZE bytes, made at the first call; one thread.
 */
#ifndef EXAMPLES_HEAP_API_H
#define EXAMPLES_HEAP_API_H

#include <stddef.h>

/** As the heap in the kernel of the text this follows. */
#define RUST_HEAP_SIZE (100 * 1024)

/** @align  a power of two up to 2 MiB.  @return NULL: no memory */
void *twin_alloc(size_t size, size_t align);
void *twin_alloc_zeroed(size_t size, size_t align);
/** @size, @align: what it was allocated with. */
void twin_free(void *p, size_t size, size_t align);
/** The first min(@size, @new_size) bytes stay.
 *  @return NULL: no memory, @p is as it was */
void *twin_realloc(void *p, size_t size, size_t align, size_t new_size);
/** Bytes that live, as they were asked for. */
size_t twin_live_bytes(void);

#endif
