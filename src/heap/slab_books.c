/*
 * The books of the class "slab": a record of 32 bytes for each page.
 *
 *   slab.books --> [ book 0 ][ book 1 ][ book 2 ] ...      pointers
 *                       |
 *                       v
 *                  [ page 0 ][ page 1 ] ... [ page 31 ]    records
 *
 * A book is 1 KiB, so that a heap of 100 KiB pays for one; a heap of any size
 * pays 0.8 %.  Books lie in the heap itself.  They come with new memory, a
 * quarter more than it needs: where one lies, no free run can pass, so there
 * should be few such places.
 *
 *   old end                                        new end
 *   [ pointers, if they moved ][ books ][ free run ]
 *
 * A hole in older memory takes them, too.  Records never move; the pointers do,
 * when their number has doubled.  Their old place is not used again: fronts
 * look there without the lock.
 */
#include "base/bytes.h"
#include "base/poison.h"
#include "heap/slab_inside.h"

#define BOOK_BYTES (SLAB_BOOK * sizeof(struct slab_page))
#define POINTERS_PER_GRANULE (GRANULE / sizeof(struct slab_page *))

/** What has to be written for memory up to page number @pages. */
struct plan {
    uint64_t books;    /* more of them */
    uint64_t pointers; /* room for so many, in a new place; 0: in the old */
};

static struct plan plan_for(const struct heap *heap, uint64_t pages) {
    const struct heap_slab *slab = &heap->slab;
    const uint64_t books = (pages + SLAB_BOOK - 1) >> SLAB_BOOK_SHIFT;
    struct plan plan = { 0, 0 };

    if (books <= slab->book_count) {
        return plan;
    }
    plan.books = books - slab->book_count;
    if (plan.books < slab->book_count / 4) {
        plan.books = slab->book_count / 4;
    }
    if (slab->book_count + plan.books > slab->book_room) {
        plan.pointers = 2 * (slab->book_count + plan.books);
        plan.pointers += -plan.pointers % POINTERS_PER_GRANULE;
    }
    return plan;
}

static uint64_t plan_bytes(struct plan plan) {
    return plan.books * BOOK_BYTES + plan.pointers * sizeof(struct slab_page *);
}

uint64_t slab_books_need(const struct heap *heap, uint64_t pages) {
    return plan_bytes(plan_for(heap, pages));
}

/** Write @plan's books to @va, which is no longer free, and use them. */
static void books_write(struct heap *heap, struct plan plan, uint64_t va) {
    struct heap_slab *slab = &heap->slab;
    struct slab_page **pointers = pointer_of(vaddr(va));
    struct slab_page *page;

    MM_UNPOISON(pointers, plan_bytes(plan));
    bytes_fill(pointers, 0, plan_bytes(plan));
    if (plan.pointers > 0) {
        if (slab->book_count > 0) {
            bytes_copy(pointers, slab->books,
                       slab->book_count * sizeof(slab->books[0]));
        }
        __atomic_store_n(&slab->books, pointers, __ATOMIC_RELEASE);
        slab->book_room = plan.pointers;
        va += plan.pointers * sizeof(slab->books[0]);
    }
    page = pointer_of(vaddr(va));
    for (uint64_t i = 0; i < plan.books; i++) {
        slab->books[slab->book_count++] = page + i * SLAB_BOOK;
    }
}

/** What was just written at @va is not for anybody to free. */
static void books_mark(struct heap *heap, struct plan plan, uint64_t va) {
    slab_run_mark_own(heap, va);
    if (plan.pointers > 0) {
        slab_run_mark_own(heap,
                          va + plan.pointers * sizeof(struct slab_page *));
    }
}

/** Granules: a sixteenth of all, and two pages at least. */
static uint64_t kept_max(uint64_t pages) {
    return (pages > 32 ? pages / 16 : 2) * PAGE_GRANULES;
}

void slab_books_extend(struct heap *heap) {
    struct heap_slab *slab = &heap->slab;
    const uint64_t all = heap_size(heap) >> PAGE_SHIFT;
    const uint64_t pages = all < SLAB_PAGES_MAX ? all : SLAB_PAGES_MAX;
    const uint64_t end = heap->start.v + (pages << PAGE_SHIFT);
    const struct plan plan = plan_for(heap, pages);
    const uint64_t bytes = plan_bytes(plan);
    uint64_t first = slab_end(heap);
    uint64_t at = 0;

    if (bytes > 0) {
        at = slab_run_take(heap, granules_for(bytes), GRANULE);
        if (at == 0) {
            if (bytes > end - first) {
                return;
            }
            at = first;
            first += bytes;
        }
        books_write(heap, plan, at);
    }
    __atomic_store_n(&slab->pages, pages, __ATOMIC_RELEASE);
    slab_word_set(&slab->kept_max, kept_max(pages));
    if (bytes > 0) {
        books_mark(heap, plan, at);
    }
    if (end > first) {
        slab_run_give(heap, first, granules_for(end - first));
    }
}
