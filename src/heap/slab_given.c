/*
 * Slots that another front freed.
 *
 *   front.given --> [ slot | link ] --> [ slot | link ] --> NULL
 *                     a page              another page
 *
 * The words of a slab are touched by its own front alone.  Who frees a slot of
 * another's sets its bit among the given ones beside the free ones, with the
 * lock held, and puts the page on that front's list: the link is in the first
 * slot of the page that came so.  The front looks when its current slab is used
 * up, and adds the bits to its own.
 *
 * Links are the one thing that is written into slots; they are mixed with the
 * heap's key, and the page must agree when one is followed: a write after a
 * free ends in a panic here.
 *
 * A push costs O(1), to collect costs O(1) per page.
 */
#include "base/poison.h"
#include "heap/slab_inside.h"

bool slab_has_given(const struct heap *heap, const struct slab_page *page) {
    const struct slab_word *words = slab_words(heap, page);

    for (unsigned k = 0; k < slab_word_count(&slab_shapes[page->kind - 1]);
         k++) {
        if (words[k].given != 0) {
            return true;
        }
    }
    return false;
}

MM_NO_SANITIZE static void link_write(const struct heap *heap, uint64_t *slot,
                                      const uint64_t *next) {
    *slot = vaddr_of_pointer(next).v ^ heap->slab.key;
}

MM_NO_SANITIZE static uint64_t *link_read(const struct heap *heap,
                                          const uint64_t *slot) {
    return pointer_of(vaddr(*slot ^ heap->slab.key));
}

void slab_given_push(struct heap *heap, void *p, struct slab_page *page,
                     struct slab_word *word, uint64_t mask) {
    struct slab_front *owner = &heap->fronts[page->front].slab;

    if (!slab_has_given(heap, page)) {
        link_write(heap, p, owner->given);
        __atomic_store_n(&owner->given, p, __ATOMIC_RELAXED);
    }
    slab_word_set(&word->given, word->given | mask);
}

/** The bits of one page become those of free slots. */
static void take_over(struct heap *heap, struct slab_page *page) {
    const unsigned count = slab_word_count(&slab_shapes[page->kind - 1]);
    struct slab_word *words = slab_words(heap, page);

    for (unsigned k = 0; k < count; k++) {
        MM_ASSERT((words[k].free & words[k].given) == 0);
        slab_word_set(&words[k].free, words[k].free | words[k].given);
        slab_word_set(&words[k].given, 0);
    }
}

uint64_t slab_given_count(const struct heap *heap,
                          const struct heap_front *front) {
    const uint64_t *slot = front->slab.given;
    uint64_t count = 0;

    while (slot != NULL && count <= heap->slab.pages) {
        const uint64_t va = vaddr_of_pointer(slot).v;
        const uint64_t n = slab_page_number(heap, va);

        if (va % 8 != 0 || n >= heap->slab.pages ||
            slab_page(heap, n)->front != front->number ||
            slab_page(heap, n)->kind == 0 ||
            !slab_has_given(heap, slab_page(heap, n))) {
            return heap->slab.pages + 1;
        }
        count++;
        slot = link_read(heap, slot);
    }
    return count;
}

bool slab_given_collect(struct heap *heap, struct heap_front *front) {
    const bool any = front->slab.given != NULL;

    while (front->slab.given != NULL) {
        const uint64_t *slot = front->slab.given;
        const uint64_t va = vaddr_of_pointer(slot).v;
        const uint64_t n = slab_page_number(heap, va);
        struct slab_page *page;

        /* The link that led here was open to whoever wrote after a free. */
        MM_ASSERT(va % 8 == 0 && n < heap->slab.pages);
        page = slab_page(heap, n);
        MM_ASSERT(page->kind != 0 && page->front == front->number &&
                  slab_has_given(heap, page));
        __atomic_store_n(&front->slab.given, link_read(heap, slot),
                         __ATOMIC_RELAXED);
        take_over(heap, page);
        slab_slot_given(heap, front, n);
    }
    return any;
}
