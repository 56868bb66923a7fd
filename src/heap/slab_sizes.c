/*
 * How large is the block at this address?  For kmalloc(), which puts no header
 * in front of its blocks where the records tell:
 *
 *   a slab's page    its kind: all slots of a page are of one size
 *   other pages      the bits of starts, up to the next one; the record of a
 *                    page knows the length of the block that leaves it
 *
 * Blocks above SLAB_KNOWN_MAX have a header all the same.
 */
#include "heap/slab_inside.h"

#define SLAB_KNOWN_MAX (32 * KIB)

struct layout slab_whole(struct layout want) {
    if (want.size > SLAB_KNOWN_MAX || want.align > HEAP_ALIGN_MIN) {
        want.size = 0;
    } else if (slab_is_small(want)) {
        want.size = slab_shapes[slab_slot_index(want)].size;
    } else {
        want.size = granules_for(want.size) << GRANULE_SHIFT;
    }
    return want;
}

bool slab_find(const struct heap *heap, const void *p, struct layout *had) {
    const uint64_t n = slab_page_number(heap, vaddr_of_pointer(p).v);
    const struct slab_page *page;

    if (n >= slab_pages(heap)) {
        return false;
    }
    page = slab_page(heap, n);
    had->align = HEAP_ALIGN_MIN;
    if (page->kind != 0) {
        const unsigned index = page->kind - 1u;

        had->size = slab_shapes[index].size;
        return had->size % HEAP_ALIGN_MIN == 0 &&
               slab_slot_lives(heap, p, index);
    }
    had->size = slab_block_granules(heap, p) << GRANULE_SHIFT;
    return had->size > SLAB_SLOT_MAX && had->size <= SLAB_KNOWN_MAX;
}
