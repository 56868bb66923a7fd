/*
 * How large is the block at this address?  For kmalloc(), which puts no header
 * in front of its blocks where the records tell:
 *
 *   a slab's page    its kind: all slots of a page are of one size
 *   other pages      the bits of starts: up to the next one
 *
 *   [ used | ...................... ][ the next start
 *     1 0 0 0 0 0 | 0 0 0 0 0 0 0 0 0 1            bits of two pages
 *
 * The second looks at a word per page, so blocks above SLAB_KNOWN_MAX are left
 * to a header.
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

/** The first start above @va, the end of all, or a slab; no further than the
 *  largest block goes. */
static uint64_t next_start(const struct heap *heap, uint64_t va) {
    const uint64_t limit = va + SLAB_KNOWN_MAX + GRANULE;
    const uint64_t end = slab_end(heap) < limit ? slab_end(heap) : limit;
    uint64_t at = va + GRANULE;

    while (at < end) {
        const struct slab_page *page =
            slab_page(heap, slab_page_number(heap, at));
        const uint64_t bits =
            (page->run.used | page->run.free) & -granule_bit(at);

        if (page->kind != 0) {
            return at;
        }
        if (bits != 0) {
            return align_down(at, PAGE_SIZE) +
                   ((uint64_t)(unsigned)__builtin_ctzl(bits) << GRANULE_SHIFT);
        }
        at = align_down(at, PAGE_SIZE) + PAGE_SIZE;
    }
    return end;
}

bool slab_find(const struct heap *heap, const void *p, struct layout *had) {
    const uint64_t va = vaddr_of_pointer(p).v;
    const uint64_t n = slab_page_number(heap, va);
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
    if (va % GRANULE != 0 ||
        (page->run.used & ~page->run.free & granule_bit(va)) == 0) {
        return false;
    }
    had->size = next_start(heap, va) - va;
    return had->size > SLAB_SLOT_MAX && had->size <= SLAB_KNOWN_MAX;
}
