/*
 * Blocks of 2^k bytes that are split in halves and joined again: buddies.
 *
 *   order 2   [ 128                                       ]
 *   order 1   [ 64                ][ 64                   ]
 *   order 0   [ 32     ][ 32     ]  <- its buddy is at its address xor 32
 *
 * A block lies at a multiple of its size.  So the buddy of a freed block is
 * found from its address alone; if it is free and as large, both become one,
 * and so on.  Memory of any length is so many blocks, the largest first that
 * may stand there.
 *
 *   free block   [ next | previous | mark | ...           ]
 *
 * The mark is a word mixed with address and order: what has it is free. Whether
 * a block that comes back is free already, or part of a free one, is asked of
 * the marks of the blocks that it could be part of, one for each order.
 *
 * The size decides the order; for a larger alignment a larger block is split,
 * and its first part handed out.  alloc, free and resize cost O(orders).
 */
#include "heap/inside.h"

#define SMALLEST_SHIFT 5 /* 32 bytes hold links and mark */

struct buddy_block {
    struct buddy_block *next, *previous; /* of its order; NULL: none */
    uint64_t mark;
};

static uint64_t size_of(unsigned order) {
    return UINT64_C(1) << (order + SMALLEST_SHIFT);
}

static uint64_t address_of(const struct buddy_block *block) {
    return (uint64_t)(uintptr_t)block;
}

static struct buddy_block *block_at(uint64_t va) {
    return pointer_of(vaddr(va));
}

/** The smallest order of @bytes; HEAP_BUDDY_ORDERS: there is none. */
static unsigned order_for(uint64_t bytes) {
    unsigned order = 0;

    while (order < HEAP_BUDDY_ORDERS && size_of(order) < bytes) {
        order++;
    }
    return order;
}

static uint64_t mark_for(uint64_t va, unsigned order) {
    return (va ^ UINT64_C(0xb0dd1e5b0dd1e5b0)) + order;
}

/** Does a free block of @order begin at @va? */
MM_NO_SANITIZE static bool is_free_at(const struct heap *heap, uint64_t va,
                                      unsigned order) {
    return va >= heap->start.v && va < heap->end.v &&
           size_of(order) <= heap->end.v - va &&
           block_at(va)->mark == mark_for(va, order);
}

/** Is any of the block at @va free, as far as marks tell: one that begins
 *  there, or one that it is part of? */
static bool is_free(const struct heap *heap, uint64_t va) {
    for (unsigned k = 0; k < HEAP_BUDDY_ORDERS; k++) {
        if (is_free_at(heap, va & ~(size_of(k) - 1), k)) {
            return true;
        }
    }
    return false;
}

static void buddy_init(struct heap *heap) {
    for (unsigned k = 0; k < HEAP_BUDDY_ORDERS; k++) {
        heap->buddy.first[k] = NULL;
    }
    heap->buddy.held = 0;
}

/* --- lists ----------------------------------------------------------------
 */

MM_NO_SANITIZE static void push(struct heap *heap, uint64_t va,
                                unsigned order) {
    struct buddy_block *block = block_at(va);

    block->next = heap->buddy.first[order];
    block->previous = NULL;
    block->mark = mark_for(va, order);
    if (block->next != NULL) {
        block->next->previous = block;
    }
    heap->buddy.first[order] = block;
}

MM_NO_SANITIZE static void take_out(struct heap *heap, uint64_t va,
                                    unsigned order) {
    struct buddy_block *block = block_at(va);

    if (block->previous != NULL) {
        block->previous->next = block->next;
    } else {
        heap->buddy.first[order] = block->next;
    }
    if (block->next != NULL) {
        block->next->previous = block->previous;
    }
    block->mark = 0;
}

/** Set free what is not, joined with its buddy as long as that is free. */
static void join(struct heap *heap, uint64_t va, unsigned order) {
    while (order + 1 < HEAP_BUDDY_ORDERS &&
           is_free_at(heap, va ^ size_of(order), order)) {
        take_out(heap, va ^ size_of(order), order);
        va &= ~size_of(order);
        order++;
    }
    push(heap, va, order);
}

/** Leave the first 2^@to of the block at @va, which is in no list. */
static void split(struct heap *heap, uint64_t va, unsigned from, unsigned to) {
    while (from > to) {
        from--;
        push(heap, va + size_of(from), from);
    }
}

/* --- the calls ------------------------------------------------------------
 */

static void buddy_add(struct heap *heap, void *at, size_t bytes) {
    uint64_t va = vaddr_of_pointer(at).v;
    const uint64_t end = va + bytes;

    while (va < end) {
        unsigned order = 0;

        while (order + 1 < HEAP_BUDDY_ORDERS && va % size_of(order + 1) == 0 &&
               size_of(order + 1) <= end - va) {
            order++;
        }
        join(heap, va, order);
        va += size_of(order);
    }
}

/** The order of the free block that ends at @end; 0: none of whole pages does.
 */
static unsigned free_below(const struct heap *heap, uint64_t end) {
    unsigned order = HEAP_BUDDY_ORDERS - 1;

    while (size_of(order) >= PAGE_SIZE) {
        if (end % size_of(order) == 0 &&
            is_free_at(heap, end - size_of(order), order)) {
            return order;
        }
        order--;
    }
    return 0;
}

static size_t buddy_trim(struct heap *heap) {
    uint64_t end = heap->end.v;
    unsigned order;

    while ((order = free_below(heap, end)) != 0) {
        end -= size_of(order);
        take_out(heap, end, order);
    }
    return heap->end.v - end;
}

/** The order of a block that holds @want wherever in memory it stands. */
static unsigned order_of(struct layout want) {
    return order_for(want.size > want.align ? want.size : want.align);
}

/** The lowest order from @order on with a free block. */
static unsigned lowest_free(const struct heap *heap, unsigned order) {
    while (order < HEAP_BUDDY_ORDERS && heap->buddy.first[order] == NULL) {
        order++;
    }
    return order;
}

static void *buddy_alloc(struct heap *heap, struct layout want) {
    const unsigned order = lowest_free(heap, order_of(want));
    const unsigned wanted = order_for(want.size);
    uint64_t va;

    if (order == HEAP_BUDDY_ORDERS) {
        return NULL;
    }
    va = address_of(heap->buddy.first[order]);
    take_out(heap, va, order);
    split(heap, va, order, wanted);
    heap->buddy.held += size_of(wanted);
    return pointer_of(vaddr(va));
}

/** May the block @had at @va live? */
static bool may_live(const struct heap *heap, uint64_t va, struct layout had) {
    const unsigned order = order_for(had.size);

    return order < HEAP_BUDDY_ORDERS && va % size_of(order) == 0 &&
           size_of(order) <= heap->end.v - va && !is_free(heap, va);
}

static enum mm_status buddy_free(struct heap *heap, void *p,
                                 struct layout had) {
    const uint64_t va = vaddr_of_pointer(p).v;

    if (!may_live(heap, va, had)) {
        return MM_NOT_ALLOCATED;
    }
    heap_discard(heap, p, had.size);
    join(heap, va, order_for(had.size));
    heap->buddy.held -= size_of(order_for(had.size));
    return MM_OK;
}

/** From one order to a larger one: every buddy on the way must be free, and the
 *  block the first half each time. */
static bool can_extend(const struct heap *heap, uint64_t va, unsigned from,
                       unsigned to) {
    for (; from < to; from++) {
        if ((va & size_of(from)) != 0 ||
            !is_free_at(heap, va + size_of(from), from)) {
            return false;
        }
    }
    return true;
}

static enum mm_status buddy_resize(struct heap *heap, void *p,
                                   struct layout had, size_t size) {
    const uint64_t va = vaddr_of_pointer(p).v;
    const unsigned to = order_for(size);
    unsigned from = order_for(had.size);

    if (!may_live(heap, va, had)) {
        return MM_NOT_ALLOCATED;
    }
    if (to == HEAP_BUDDY_ORDERS || !can_extend(heap, va, from, to)) {
        return MM_NO_MEMORY;
    }
    heap->buddy.held += size_of(to) - size_of(from);
    for (; from < to; from++) {
        take_out(heap, va + size_of(from), from);
    }
    if (size < had.size) {
        heap_discard(heap, (uint8_t *)p + size, had.size - size);
    }
    split(heap, va, from, to);
    return MM_OK;
}

/** Up to the end of the next block of that order. */
static size_t buddy_grow_hint(const struct heap *heap, struct layout want) {
    const unsigned order = order_of(want);
    uint64_t at, end;

    if (order == HEAP_BUDDY_ORDERS ||
        lowest_free(heap, order) < HEAP_BUDDY_ORDERS ||
        !align_up(heap->end.v, size_of(order), &at) ||
        __builtin_add_overflow(at, size_of(order), &end)) {
        return 0;
    }
    return end - heap->end.v;
}

/* --- looking --------------------------------------------------------------
 */

/** The lowest free block at @from or above; *@order: its order.  NULL: none. */
MM_NO_SANITIZE static const struct buddy_block *
lowest_from(const struct heap *heap, uint64_t from, unsigned *order) {
    const struct buddy_block *lowest = NULL;

    for (unsigned k = 0; k < HEAP_BUDDY_ORDERS; k++) {
        for (const struct buddy_block *b = heap->buddy.first[k]; b != NULL;
             b = b->next) {
            if (address_of(b) >= from &&
                (lowest == NULL || address_of(b) < address_of(lowest))) {
                lowest = b;
                *order = k;
            }
        }
    }
    return lowest;
}

/** Free blocks are in no order of address: O(their number, squared). */
static void buddy_walk(const struct heap *heap, heap_visit *visit, void *ctx) {
    uint64_t at = heap->start.v;
    unsigned order = 0;

    while (at < heap->end.v) {
        const struct buddy_block *block = lowest_from(heap, at, &order);
        const uint64_t next = block == NULL ? heap->end.v : address_of(block);

        if (next > at) {
            visit(ctx, vaddr(at), next - at, true);
        }
        at = next;
        if (block != NULL) {
            visit(ctx, vaddr(at), size_of(order), false);
            at += size_of(order);
        }
    }
}

/** Every block of the list is a free one of that order, its buddy is not. */
MM_NO_SANITIZE static bool list_is_sound(const struct heap *heap,
                                         unsigned order, uint64_t *bytes) {
    const struct buddy_block *previous = NULL;

    for (const struct buddy_block *b = heap->buddy.first[order]; b != NULL;
         b = b->next) {
        const uint64_t va = address_of(b);

        if (va % size_of(order) != 0 || !is_free_at(heap, va, order) ||
            b->previous != previous || *bytes > heap_size(heap) ||
            is_free_at(heap, va ^ size_of(order), order)) {
            return false;
        }
        *bytes += size_of(order);
        previous = b;
    }
    return true;
}

static bool buddy_is_sound(const struct heap *heap) {
    uint64_t bytes = 0;

    for (unsigned k = 0; k < HEAP_BUDDY_ORDERS; k++) {
        if (!list_is_sound(heap, k, &bytes)) {
            return false;
        }
    }
    return bytes + heap->buddy.held == heap_size(heap) &&
           heap->buddy.held >= heap_stats(heap).held_bytes;
}

const struct heap_class heap_buddy = {
    .name = "buddy",
    .granule = HEAP_ALIGN_MIN,
    .peeks = true, /* for a mark of its own */
    .init = buddy_init,
    .add = buddy_add,
    .trim = buddy_trim,
    .alloc = buddy_alloc,
    .free = buddy_free,
    .resize = buddy_resize,
    .grow_hint = buddy_grow_hint,
    .walk = buddy_walk,
    .is_sound = buddy_is_sound,
};
