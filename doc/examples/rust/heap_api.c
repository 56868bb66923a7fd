/*
 * The default heap over a piece of memory that is simply there; heap_api.h.
 */
#include "examples/rust/heap_api.h"

#include <stdlib.h>

#include "heap/heap.h"

static _Alignas(PAGE_SIZE) unsigned char memory[RUST_HEAP_SIZE];
static struct heap heap;

static enum mm_status extend(void *ctx, vaddr_t end, size_t bytes) {
    (void)ctx, (void)end, (void)bytes;
    return MM_OK; /* all of it is there from the start */
}

static struct heap *the_heap(void) {
    const struct vrange range = { vaddr_of_pointer(memory), sizeof memory };

    if (heap.class == NULL &&
        heap_init(&heap, &heap_slab, range, 0,
                  (struct heap_source){ extend, NULL }, NULL) != MM_OK) {
        abort();
    }
    return &heap;
}

static struct layout layout(size_t size, size_t align) {
    return (struct layout){ size, align };
}

void *twin_alloc(size_t size, size_t align) {
    return heap_alloc(the_heap(), layout(size, align));
}

void *twin_alloc_zeroed(size_t size, size_t align) {
    return heap_alloc_zeroed(the_heap(), layout(size, align));
}

void twin_free(void *p, size_t size, size_t align) {
    if (heap_free(the_heap(), p, layout(size, align)) != MM_OK) {
        abort();
    }
}

void *twin_realloc(void *p, size_t size, size_t align, size_t new_size) {
    return heap_realloc(the_heap(), p, layout(size, align), new_size);
}

size_t twin_live_bytes(void) {
    return (size_t)heap_stats(the_heap()).live_bytes;
}
