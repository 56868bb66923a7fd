/*
 * The class "slab" shown run by run, and whether its books are sound.
 *
 * Both go over the heap from its start to its end, from extent to extent:
 *
 *   [ block ][ free run ][ slab ][ slab ][ block .......... ][ not booked ]
 *
 * Sound: each bit in the records belongs to an extent that the way passes; free
 * runs are in their lists and do not touch; words have no bits beside their
 * slots; slabs are where their state says; and all used slots and blocks
 * together are the heap's live blocks.
 */
#include "heap/slab_inside.h"

enum extent_kind {
    EXTENT_BLOCK,
    EXTENT_BOOKS,
    EXTENT_FREE,
    EXTENT_SLAB,
    EXTENT_BAD
};

struct extent {
    enum extent_kind kind;
    uint64_t granules;
};

static uint64_t starts(const struct slab_page *page) {
    return page->run.used | page->run.free;
}

/** Granules from the block at @va to the next extent. */
static uint64_t block_granules(const struct heap *heap, uint64_t va) {
    const uint64_t end = slab_end(heap);
    uint64_t at = va + GRANULE;

    while (at < end) {
        const struct slab_page *page =
            slab_page(heap, slab_page_number(heap, at));
        const uint64_t left = at >> GRANULE_SHIFT & (PAGE_GRANULES - 1);
        uint64_t bits;

        if (page->kind != 0) {
            break; /* it can only begin where its page does */
        }
        bits = starts(page) >> left;
        if (bits != 0) {
            at += (uint64_t)__builtin_ctzl(bits) << GRANULE_SHIFT;
            break;
        }
        at += (PAGE_GRANULES - left) << GRANULE_SHIFT;
    }
    return (at - va) >> GRANULE_SHIFT;
}

static struct extent extent_at(const struct heap *heap, uint64_t va) {
    const struct slab_page *page = slab_page(heap, slab_page_number(heap, va));
    struct extent extent = { EXTENT_BAD, 0 };

    if (page->kind != 0) {
        extent.kind = va % PAGE_SIZE == 0 ? EXTENT_SLAB : EXTENT_BAD;
        extent.granules = PAGE_GRANULES;
    } else if ((page->run.used & granule_bit(va)) != 0) {
        extent.kind = (page->run.free & granule_bit(va)) != 0 ? EXTENT_BOOKS
                                                              : EXTENT_BLOCK;
        extent.granules = block_granules(heap, va);
    } else if ((page->run.free & granule_bit(va)) != 0 &&
               slab_run_is_sound(heap, va, &extent.granules)) {
        extent.kind = EXTENT_FREE;
    }
    return extent;
}

void slab_walk(const struct heap *heap, heap_visit *visit, void *ctx) {
    uint64_t va = heap->start.v;

    while (va < slab_end(heap)) {
        const struct extent extent = extent_at(heap, va);
        const uint64_t bytes = extent.granules << GRANULE_SHIFT;

        if (extent.kind == EXTENT_BAD) {
            return; /* what is not shown is missed */
        }
        visit(ctx, vaddr(va), bytes, extent.kind != EXTENT_FREE);
        va += bytes;
    }
    if (va < heap->end.v) {
        visit(ctx, vaddr(va), heap->end.v - va, false);
    }
}

/* --- sound? --------------------------------------------------------------- */

/** Bits of @word that are set. */
static uint64_t ones(uint64_t word) {
    uint64_t count = 0;

    for (; word != 0; word &= word - 1) {
        count++;
    }
    return count;
}

struct count {
    uint64_t blocks; /* slots and runs in use */
    uint64_t bits;   /* that the extents explain */
    uint64_t partial;
    uint64_t given; /* slabs with given slots */
};

static bool slab_page_is_sound(const struct heap *heap, uint64_t n,
                               struct count *count) {
    const struct slab_page *page = slab_page(heap, n);
    const struct slab_shape *shape;
    const struct slab_word *words = slab_words(heap, page);
    uint64_t used = 0, given = 0;

    if (page->kind > SLAB_SIZES || page->front >= HEAP_FRONTS) {
        return false;
    }
    shape = &slab_shapes[page->kind - 1];
    for (unsigned k = 0; k < slab_word_count(shape); k++) {
        const struct slab_word word = words[k];

        if ((~word.free & slab_no_slot(shape, k)) != 0 ||
            (word.free & word.given) != 0) {
            return false;
        }
        used += ones(~word.free);
        given += ones(word.given);
    }
    count->blocks += used - given;
    count->given += given > 0;
    count->partial += page->state == SLAB_PARTIAL;
    switch (page->state) {
    case SLAB_CURRENT:
        return heap->fronts[page->front].slab.sizes[page->kind - 1].current ==
               n + 1;
    case SLAB_PARTIAL:
        return used > 0 && used < shape->slots;
    case SLAB_FULL:
        return used == shape->slots;
    default:
        return false;
    }
}

static bool extent_is_sound(const struct heap *heap, uint64_t va,
                            const struct extent *extent, struct count *count) {
    switch (extent->kind) {
    case EXTENT_BLOCK:
        count->blocks++;
        count->bits++;
        return true;
    case EXTENT_BOOKS:
    case EXTENT_FREE:
        count->bits += 2;
        return true;
    case EXTENT_SLAB:
        return slab_page_is_sound(heap, slab_page_number(heap, va), count);
    default:
        return false;
    }
}

static uint64_t bits_in_books(const struct heap *heap) {
    uint64_t bits = 0;

    for (uint64_t n = 0; n < heap->slab.pages; n++) {
        const struct slab_page *page = slab_page(heap, n);

        if (page->kind == 0) {
            bits += ones(page->run.used) + ones(page->run.free) +
                    ones(page->run.ends);
        }
    }
    return bits;
}

/** Slabs in the lists of @front; more than there are pages when a list is no
 *  list. */
static uint64_t slabs_in_lists(const struct heap *heap,
                               const struct heap_front *front) {
    uint64_t count = 0;

    for (unsigned i = 0; i < SLAB_SIZES; i++) {
        uint64_t prev = 0, at = front->slab.partial[i].first;

        while (at != 0 && count <= heap->slab.pages) {
            const struct slab_page *page;

            if (at > heap->slab.pages) {
                return UINT64_MAX;
            }
            page = slab_page(heap, at - 1);
            if (page->kind != i + 1 || page->state != SLAB_PARTIAL ||
                page->front != front->number || page->slab.prev != prev) {
                return UINT64_MAX;
            }
            count++;
            prev = at;
            at = page->slab.next;
        }
        if (prev != front->slab.partial[i].last) {
            return UINT64_MAX;
        }
    }
    return count;
}

static bool lists_are_sound(const struct heap *heap,
                            const struct count *count) {
    uint64_t partial = 0, given = 0;

    for (unsigned f = 0; f < HEAP_FRONTS; f++) {
        const struct heap_front *front = &heap->fronts[f];

        if (front->slab.none.free != 0) {
            return false;
        }
        partial += slabs_in_lists(heap, front);
        given += slab_given_count(heap, front);
    }
    return partial == count->partial && given == count->given;
}

bool slab_is_sound(const struct heap *heap) {
    struct count count = { 0, 0, 0, 0 };
    uint64_t va = heap->start.v, kept = 0;

    if (heap->slab.pages > heap->slab.book_count << SLAB_BOOK_SHIFT ||
        slab_end(heap) > heap->end.v) {
        return false;
    }
    while (va < slab_end(heap)) {
        const struct extent extent = extent_at(heap, va);

        if (!extent_is_sound(heap, va, &extent, &count)) {
            return false;
        }
        va += extent.granules << GRANULE_SHIFT;
    }
    for (unsigned f = 0; f < HEAP_FRONTS; f++) {
        const uint64_t more = slab_kept_count(heap, &heap->fronts[f]);

        if (more == UINT64_MAX) {
            return false;
        }
        kept += more;
    }
    return va == slab_end(heap) && count.bits == bits_in_books(heap) &&
           lists_are_sound(heap, &count) &&
           count.blocks - kept == heap_stats(heap).live_blocks;
}
