/*
 * Slabs: how they come, are used up, and go.
 *
 *   front.sizes[i]
 *     current ---> [ slab ]              its word is being used up
 *     partial ---> [ slab ]<-->[ slab ]  those with a free slot
 *                  [ slab ]  [ slab ]    full: in no list, until a slot is free
 *
 * A slab belongs to the front that took its page; its words and the lists are
 * touched by that front alone.  The lock is taken for what all fronts share:
 * the pages, which come from the runs and go back when a slab that is not
 * current becomes empty.
 *
 * A slab with more than 64 slots has several words, in a block of its own. Bits
 * behind the last slot are always set: they look free to who frees, and who
 * allocates knows them.
 *
 * All calls cost O(1); a slab that is taken or given back costs one run.
 */
#include "base/poison.h"
#include "heap/slab_inside.h"

/** A word without a slot, and a page where nothing is in use. */
static void no_current(struct slab_front *front, unsigned index) {
    struct slab_size *size = &front->sizes[index];

    size->word = &front->none;
    size->no_slot = 0;
    size->words = front->all;
    size->page = NULL;
    size->current = 0;
}

void slab_fronts_init(struct heap *heap) {
    for (unsigned f = 0; f < HEAP_FRONTS; f++) {
        struct slab_front *front = &heap->fronts[f].slab;

        *front = (struct slab_front){ .given = NULL };
        bytes_fill(front->all, 0xff, sizeof(front->all));
        for (unsigned i = 0; i < SLAB_SIZES; i++) {
            front->sizes[i].step = slab_shapes[i].size;
            front->sizes[i].inverse = slab_shapes[i].inverse;
            front->sizes[i].what = slab_what(i, heap->fronts[f].number);
            no_current(front, i);
        }
        for (unsigned i = 0; i < SLAB_SLOT_MAX / 8; i++) {
            front->size_for[i] = &front->sizes[slab_size_index[i]];
        }
    }
}

static uint64_t page_va(const struct heap *heap, uint64_t n) {
    return heap->start.v + (n << PAGE_SHIFT);
}

static unsigned word_count(const struct slab_page *page) {
    return slab_word_count(&slab_shapes[page->kind - 1]);
}

/** Others look at the word that holds it, at any time. */
static void set_state(struct slab_page *page, enum slab_state state) {
    __atomic_store_n(&page->state, (uint8_t)state, __ATOMIC_RELAXED);
}

/* --- the list of slabs with a free slot ----------------------------------- */

static void partial_push(struct heap *heap, struct slab_list *partial,
                         uint64_t n) {
    struct slab_page *page = slab_page(heap, n);

    set_state(page, SLAB_PARTIAL);
    page->slab.next = 0;
    page->slab.prev = partial->last;
    if (partial->last == 0) {
        partial->first = (uint32_t)n + 1;
    } else {
        slab_page(heap, partial->last - 1)->slab.next = (uint32_t)n + 1;
    }
    partial->last = (uint32_t)n + 1;
}

static void partial_remove(struct heap *heap, struct slab_list *partial,
                           const struct slab_page *page) {
    if (page->slab.prev == 0) {
        partial->first = page->slab.next;
    } else {
        slab_page(heap, page->slab.prev - 1)->slab.next = page->slab.next;
    }
    if (page->slab.next == 0) {
        partial->last = page->slab.prev;
    } else {
        slab_page(heap, page->slab.next - 1)->slab.prev = page->slab.prev;
    }
}

/* --- pages come and go ---------------------------------------------------- */

/** Granules for the words of a slab. */
static uint64_t words_granules(unsigned index) {
    return granules_for(sizeof(struct slab_word) *
                        slab_word_count(&slab_shapes[index]));
}

/** As slab_page.words tells it. */
static uint32_t words_at(const struct heap *heap,
                         const struct slab_word *words) {
    return (uint32_t)((vaddr_of_pointer(words).v - heap->start.v) / 8);
}

/** Room for the words of a slab with several.  @return false: none */
static bool words_take(struct heap *heap, struct slab_page *page,
                       unsigned index) {
    const uint64_t granules = words_granules(index);
    const uint64_t va = slab_run_take(heap, granules, GRANULE);

    if (va != 0) {
        slab_run_mark_own(heap, va);
        page->words = words_at(heap, pointer_of(vaddr(va)));
        MM_UNPOISON(pointer_of(vaddr(va)), granules << GRANULE_SHIFT);
    }
    return va != 0;
}

/** The page of an empty slab in no list goes back, and its words. */
static void slab_drop(struct heap *heap, struct heap_front *front, uint64_t n) {
    struct slab_page *page = slab_page(heap, n);
    const unsigned index = page->kind - 1u;
    struct slab_word *words = slab_words(heap, page);
    const bool taken = slab_lock(heap, front);

    if (words != &page->slab.word) {
        MM_POISON(words, words_granules(index) << GRANULE_SHIFT);
        slab_run_free(heap, vaddr_of_pointer(words).v, words_granules(index));
    }
    slab_record_set(page, (struct slab_page){ .kind = 0 });
    slab_run_give(heap, page_va(heap, n), PAGE_GRANULES);
    slab_unlock(heap, front, taken);
}

/** A page for slots of that size.  @return false: no memory */
static bool page_take(struct heap *heap, const struct heap_front *front,
                      unsigned index, uint64_t *n) {
    const uint64_t va = slab_run_take(heap, PAGE_GRANULES, PAGE_SIZE);
    struct slab_page *page;

    if (va == 0) {
        return false;
    }
    *n = slab_page_number(heap, va);
    page = slab_page(heap, *n);
    slab_record_set(page, (struct slab_page){
                              .kind = (uint8_t)(index + 1),
                              .front = (uint8_t)front->number,
                              .state = SLAB_CURRENT,
                              .words = words_at(heap, &page->slab.word),
                          });
    if (slab_shapes[index].slots > 64 && !words_take(heap, page, index)) {
        slab_record_set(page, (struct slab_page){ .kind = 0 });
        slab_run_give(heap, va, PAGE_GRANULES);
        return false;
    }
    return true;
}

/* --- the current slab ----------------------------------------------------- */

/** Take the next slots from a word of the current slab that has one.
 *  @return false: all its slots are used */
static bool next_word(struct slab_size *size, const struct slab_shape *shape) {
    for (unsigned k = 0; k < slab_word_count(shape); k++) {
        if (size->words[k].free != slab_no_slot(shape, k)) {
            size->word = &size->words[k];
            size->no_slot = slab_no_slot(shape, k);
            size->base = size->page + 64 * k * shape->size;
            return true;
        }
    }
    return false;
}

/** A slab with a free slot becomes the current one. */
static void use(struct heap *heap, struct slab_size *size, uint64_t n) {
    const struct slab_page *page = slab_page(heap, n);
    const struct slab_shape *shape = &slab_shapes[page->kind - 1];

    size->current = (uint32_t)n + 1;
    size->words = slab_words(heap, page);
    size->page = pointer_of(vaddr(page_va(heap, n)));
    (void)next_word(size, shape);
}

/** A new slab, current.  @return false: no memory; nothing changed */
static bool slab_new(struct heap *heap, struct heap_front *front,
                     unsigned index) {
    struct slab_size *size = &front->slab.sizes[index];
    struct slab_page *page;
    struct slab_word *words;
    uint64_t n;
    const bool taken = slab_lock(heap, front);
    const bool found = page_take(heap, front, index, &n);

    slab_unlock(heap, front, taken);
    if (!found) {
        return false;
    }
    page = slab_page(heap, n);
    words = slab_words(heap, page);
    for (unsigned k = 0; k < word_count(page); k++) {
        words[k] = (struct slab_word){ ~UINT64_C(0), 0 };
    }
    use(heap, size, n);
    return true;
}

static bool is_empty(const struct heap *heap, const struct slab_page *page) {
    const struct slab_word *words = slab_words(heap, page);

    for (unsigned k = 0; k < word_count(page); k++) {
        if (words[k].free != ~UINT64_C(0)) {
            return false;
        }
    }
    return true;
}

/** Are there slots that others freed?  Then take them. */
static void collect(struct heap *heap, struct heap_front *front) {
    if (__atomic_load_n(&front->slab.given, __ATOMIC_RELAXED) != NULL) {
        const bool taken = slab_lock(heap, front);

        (void)slab_given_collect(heap, front);
        slab_unlock(heap, front, taken);
    }
}

bool slab_refill(struct heap *heap, struct heap_front *front, unsigned index) {
    struct slab_size *size = &front->slab.sizes[index];
    struct slab_list *partial = &front->slab.partial[index];

    if (size->current != 0) {
        if (next_word(size, &slab_shapes[index])) {
            return true;
        }
        set_state(slab_page(heap, size->current - 1), SLAB_FULL);
        no_current(&front->slab, index);
    }
    collect(heap, front);
    if (partial->first != 0) {
        const uint64_t n = partial->first - 1;
        struct slab_page *page = slab_page(heap, n);

        partial_remove(heap, partial, page);
        set_state(page, SLAB_CURRENT);
        use(heap, size, n);
        return true;
    }
    return slab_new(heap, front, index);
}

void slab_slot_given(struct heap *heap, struct heap_front *front, uint64_t n) {
    struct slab_page *page = slab_page(heap, n);
    struct slab_list *partial = &front->slab.partial[page->kind - 1];

    if (page->state == SLAB_FULL) {
        partial_push(heap, partial, n);
    }
    if (page->state == SLAB_PARTIAL && is_empty(heap, page)) {
        partial_remove(heap, partial, page);
        slab_drop(heap, front, n);
    }
}

static bool give_up(struct heap *heap, struct heap_front *front) {
    bool any = false;

    for (unsigned i = 0; i < SLAB_SIZES; i++) {
        const struct slab_size *size = &front->slab.sizes[i];
        const uint64_t n = size->current - 1;

        if (size->current != 0 && is_empty(heap, slab_page(heap, n))) {
            no_current(&front->slab, i);
            slab_drop(heap, front, n);
            any = true;
        }
    }
    return any;
}

bool slab_give_up_empty(struct heap *heap) {
    const bool nobodys = give_up(heap, &heap->fronts[0]);

    return give_up(heap, heap->front) || nobodys;
}
