/*
 * First fit over a list of holes, in address order.
 *
 *   start                                                      end
 *   [ used ][ hole | bytes | next ]  [ used ][ hole | bytes | next ]
 *     first --^               '---------------^              '----> NULL
 *
 * A hole keeps its own header, so a block is never smaller than one; a block
 * in use has none, since who frees it says how large it was.  Sizes and
 * alignments are multiples of 16, so whatever a block leaves over of its hole,
 * in front of it (alignment) or behind it, is large enough to be a hole again.
 *
 *   carve:   [ hole ........................ ]
 *            [ hole ][ block ][ hole ....... ]
 *
 * A freed block becomes a hole and swallows the neighbours it touches.  When
 * it overlaps a hole it was free already: that much the order of addresses
 * shows.  list_is_sound() walks what must hold: ascending, inside the heap, no
 * two holes touch, hole bytes + held bytes = heap bytes.
 *
 * "list-nomerge" leaves the merging out and is alike in all else: the lesson is
 * that its holes only ever get smaller, so that a heap with nothing in it but
 * holes refuses a block.
 *
 * alloc, free and resize cost O(holes); they touch every header on the way.
 */
#include "base/poison.h"
#include "heap/inside.h"

struct heap_hole {
    struct heap_hole *next;
    uint64_t bytes; /* with this header */
};

_Static_assert(sizeof(struct heap_hole) <= HEAP_ALIGN_MIN,
               "the smallest block can be a hole");

static uint64_t hole_start(const struct heap_hole *hole) {
    return (uint64_t)(uintptr_t)hole;
}

MM_NO_SANITIZE static uint64_t hole_end(const struct heap_hole *hole) {
    return hole_start(hole) + hole->bytes;
}

static struct heap_hole *hole_at(uint64_t va) {
    return pointer_of(vaddr(va));
}

static void list_init(struct heap *heap) {
    heap->list.first = NULL;
    heap->list.holes = 0;
    heap->list.hole_bytes = 0;
    heap->list.merges = true;
}

static void list_nomerge_init(struct heap *heap) {
    list_init(heap);
    heap->list.merges = false;
}

/** The holes around @at: the last that starts below it, the first that does
 *  not; NULL where there is none. */
struct around {
    struct heap_hole *below, *above;
};

MM_NO_SANITIZE static struct around holes_around(const struct heap *heap,
                                                 uint64_t at) {
    struct around around = { NULL, heap->list.first };

    while (around.above != NULL && hole_start(around.above) < at) {
        around.below = around.above;
        around.above = around.above->next;
    }
    return around;
}

/** Is no byte of [@at, @at + @bytes) in the holes around @at? */
static bool all_in_use(struct around around, uint64_t at, uint64_t bytes) {
    return (around.below == NULL || hole_end(around.below) <= at) &&
           (around.above == NULL || at + bytes <= hole_start(around.above));
}

bool heap_list_overlaps(const struct heap *heap, const void *p, size_t bytes) {
    const uint64_t at = vaddr_of_pointer(p).v;

    return !all_in_use(holes_around(heap, at), at, bytes);
}

MM_NO_SANITIZE static void
link_after(struct heap *heap, struct heap_hole *below, struct heap_hole *hole) {
    if (below == NULL) {
        heap->list.first = hole;
    } else {
        below->next = hole;
    }
}

/** Make [@at, @at + @bytes) a hole, one with the neighbours it touches where
 *  the class merges. */
MM_NO_SANITIZE static void insert(struct heap *heap, struct around around,
                                  uint64_t at, uint64_t bytes) {
    struct heap_hole *hole = hole_at(at);

    heap->list.hole_bytes += bytes;
    if (heap->list.merges && around.below != NULL &&
        hole_end(around.below) == at) {
        hole = around.below;
        hole->bytes += bytes;
    } else {
        hole->next = around.above;
        hole->bytes = bytes;
        link_after(heap, around.below, hole);
        heap->list.holes++;
    }
    if (heap->list.merges && around.above != NULL &&
        hole_end(hole) == hole_start(around.above)) {
        hole->bytes += around.above->bytes;
        hole->next = around.above->next;
        heap->list.holes--;
    }
}

/** Take [@at, @at + @bytes) out of @hole, which follows @below. */
MM_NO_SANITIZE static void carve(struct heap *heap, struct heap_hole *below,
                                 struct heap_hole *hole, uint64_t at,
                                 uint64_t bytes) {
    uint64_t in_front = at - hole_start(hole);
    uint64_t behind = hole_end(hole) - at - bytes;
    struct heap_hole *next = hole->next;

    if (behind > 0) {
        struct heap_hole *rest = hole_at(at + bytes);

        rest->next = next;
        rest->bytes = behind;
        next = rest;
        heap->list.holes++;
    }
    if (in_front > 0) {
        hole->next = next;
        hole->bytes = in_front;
    } else {
        link_after(heap, below, next);
        heap->list.holes--;
    }
    heap->list.hole_bytes -= bytes;
}

static void list_add(struct heap *heap, void *at, size_t bytes) {
    uint64_t va = vaddr_of_pointer(at).v;

    insert(heap, holes_around(heap, va), va, bytes);
}

/** The last hole, as long as it ends at the end; without merging there may be
 *  several. */
MM_NO_SANITIZE static size_t list_trim(struct heap *heap) {
    uint64_t end = heap->end.v;
    struct heap_hole *last = holes_around(heap, end).below;

    while (last != NULL && hole_end(last) == end) {
        const uint64_t start = hole_start(last);
        const uint64_t bytes = align_down(end - start, PAGE_SIZE);

        end -= bytes;
        last->bytes -= bytes;
        heap->list.hole_bytes -= bytes;
        if (end > start) {
            break;
        }
        heap->list.holes--;
        last = holes_around(heap, start).below;
        link_after(heap, last, NULL);
    }
    return heap->end.v - end;
}

/** Is there room for @want in @hole?  *@at: where it begins. */
static bool hole_fits(const struct heap_hole *hole, struct layout want,
                      uint64_t *at) {
    const uint64_t end = hole_end(hole);
    uint64_t first;

    if (!align_up(hole_start(hole), want.align, &first) || first >= end ||
        want.size > end - first) {
        return false;
    }
    *at = first;
    return true;
}

MM_NO_SANITIZE static void *list_alloc(struct heap *heap, struct layout want) {
    struct heap_hole *below = NULL;

    for (struct heap_hole *hole = heap->list.first; hole != NULL;
         hole = hole->next) {
        uint64_t at;

        if (hole_fits(hole, want, &at)) {
            carve(heap, below, hole, at, want.size);
            return pointer_of(vaddr(at));
        }
        below = hole;
    }
    return NULL;
}

static enum mm_status list_free(struct heap *heap, void *p, struct layout had) {
    uint64_t at = vaddr_of_pointer(p).v;
    struct around around = holes_around(heap, at);

    if (!all_in_use(around, at, had.size)) {
        return MM_NOT_ALLOCATED;
    }
    heap_discard(heap, p, had.size);
    insert(heap, around, at, had.size);
    return MM_OK;
}

/** Shorter: the tail becomes a hole.  Longer: out of the hole that follows. */
static enum mm_status list_resize(struct heap *heap, void *p, struct layout had,
                                  size_t size) {
    uint64_t at = vaddr_of_pointer(p).v;
    uint64_t old_end = at + had.size;
    struct around around = holes_around(heap, at);

    if (!all_in_use(around, at, had.size)) {
        return MM_NOT_ALLOCATED;
    }
    if (size < had.size) {
        heap_discard(heap, (uint8_t *)p + size, had.size - size);
        insert(heap, around, at + size, had.size - size);
    } else if (size > had.size) {
        if (around.above == NULL || hole_start(around.above) != old_end ||
            hole_end(around.above) - old_end < size - had.size) {
            return MM_NO_MEMORY;
        }
        carve(heap, around.below, around.above, old_end, size - had.size);
    }
    return MM_OK;
}

static size_t list_grow_hint(const struct heap *heap, struct layout want) {
    struct heap_hole *last = holes_around(heap, heap->end.v).below;
    uint64_t start = heap->end.v;
    uint64_t end;

    if (last != NULL && hole_end(last) == heap->end.v &&
        (heap->list.merges || hole_fits(last, want, &start))) {
        start = hole_start(last);
    }
    if (!align_up(start, want.align, &start) ||
        __builtin_add_overflow(start, want.size, &end) || end <= heap->end.v) {
        return 0;
    }
    return end - heap->end.v;
}

MM_NO_SANITIZE static void list_walk(const struct heap *heap, heap_visit *visit,
                                     void *ctx) {
    uint64_t at = heap->start.v;

    for (const struct heap_hole *hole = heap->list.first; hole != NULL;
         hole = hole->next) {
        if (hole_start(hole) > at) {
            visit(ctx, vaddr(at), hole_start(hole) - at, true);
        }
        visit(ctx, vaddr(hole_start(hole)), hole->bytes, false);
        at = hole_end(hole);
    }
    if (heap->end.v > at) {
        visit(ctx, vaddr(at), heap->end.v - at, true);
    }
}

MM_NO_SANITIZE bool heap_list_holes_are_sound(const struct heap *heap) {
    uint64_t lowest = heap->start.v; /* where the next hole may start */
    uint64_t holes = 0, bytes = 0;

    for (const struct heap_hole *hole = heap->list.first; hole != NULL;
         hole = hole->next) {
        uint64_t start = hole_start(hole);

        if (start < lowest || start >= heap->end.v ||
            start % HEAP_ALIGN_MIN != 0 || hole->bytes == 0 ||
            hole->bytes % HEAP_ALIGN_MIN != 0 ||
            hole->bytes > heap->end.v - start) {
            return false;
        }
        holes++;
        bytes += hole->bytes;
        lowest = hole_end(hole); /* a block between them, or no merging */
        lowest += heap->list.merges ? HEAP_ALIGN_MIN : 0;
    }
    return holes == heap->list.holes && bytes == heap->list.hole_bytes;
}

static bool list_is_sound(const struct heap *heap) {
    return heap_list_holes_are_sound(heap) &&
           heap->list.hole_bytes + heap_stats(heap).held_bytes ==
               heap_size(heap);
}

const struct heap_class heap_list = {
    .name = "list",
    .granule = HEAP_ALIGN_MIN,
    .init = list_init,
    .add = list_add,
    .trim = list_trim,
    .alloc = list_alloc,
    .free = list_free,
    .resize = list_resize,
    .grow_hint = list_grow_hint,
    .walk = list_walk,
    .is_sound = list_is_sound,
};

const struct heap_class heap_list_nomerge = {
    .name = "list-nomerge",
    .granule = HEAP_ALIGN_MIN,
    .init = list_nomerge_init,
    .add = list_add,
    .trim = list_trim,
    .alloc = list_alloc,
    .free = list_free,
    .resize = list_resize,
    .grow_hint = list_grow_hint,
    .walk = list_walk,
    .is_sound = list_is_sound,
};
