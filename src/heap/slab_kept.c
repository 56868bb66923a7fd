/*
 * Freed runs that are kept as they are for a while.
 *
 *   kept[granules] --> [ run | next ] --> [ run | next ] --> NULL
 *
 * Programs free a block and ask for one of the same size next.  A run up to
 * 8 KiB is therefore not made one with its neighbours at once: it is put on the
 * stack of its length, marked as our own.  No more than SLAB_KEPT_MAX are kept;
 * one that comes then sends another away, the lengths taking turns.  When there
 * is no room for a block, all go, before the heap grows.
 */
#include "base/poison.h"
#include "heap/slab_inside.h"

MM_NO_SANITIZE static struct slab_run *kept_next(const struct heap *heap,
                                                 const struct slab_run *run) {
    return pointer_of(vaddr(run->next ^ heap->slab.key));
}

MM_NO_SANITIZE static void kept_set_next(const struct heap *heap,
                                         struct slab_run *run,
                                         const struct slab_run *next) {
    run->next = vaddr_of_pointer(next).v ^ heap->slab.key;
}

void *slab_kept_take(struct heap *heap, uint64_t granules) {
    struct heap_slab *slab = &heap->slab;
    struct slab_run *run = slab->kept[granules];
    const uint64_t va = vaddr_of_pointer(run).v;
    const uint64_t n = slab_page_number(heap, va);
    struct slab_page *page;

    if (run == NULL) {
        return NULL;
    }
    /* The link that led here was open to whoever wrote after a free. */
    MM_ASSERT(n < slab->pages && va % GRANULE == 0);
    page = slab_page(heap, n);
    MM_ASSERT(page->kind == 0 &&
              (page->run.used & page->run.free & granule_bit(va)) != 0);
    page->run.free &= ~granule_bit(va);
    slab->kept[granules] = kept_next(heap, run);
    slab->kept_count--;
    return run;
}

/** One of the kept runs becomes a free run, the next length's. */
static void kept_drop(struct heap *heap) {
    struct heap_slab *slab = &heap->slab;

    while (slab->kept[slab->kept_turn] == NULL) {
        slab->kept_turn = (slab->kept_turn + 1) % SLAB_KEPT_LENGTHS;
    }
    slab_run_free(heap,
                  vaddr_of_pointer(slab_kept_take(heap, slab->kept_turn)).v,
                  slab->kept_turn);
    slab->kept_turn = (slab->kept_turn + 1) % SLAB_KEPT_LENGTHS;
}

void slab_kept_give(struct heap *heap, void *p, uint64_t granules) {
    struct heap_slab *slab = &heap->slab;
    const uint64_t va = vaddr_of_pointer(p).v;
    struct slab_run *run = p;

    if (slab->kept_count == SLAB_KEPT_MAX) {
        kept_drop(heap);
    }
    slab_run_mark_own(heap, va);
    kept_set_next(heap, run, slab->kept[granules]);
    slab->kept[granules] = run;
    slab->kept_count++;
}

bool slab_kept_drop_all(struct heap *heap) {
    const bool any = heap->slab.kept_count > 0;

    while (heap->slab.kept_count > 0) {
        kept_drop(heap);
    }
    return any;
}
