/*
 * Runs: whole granules of 64 bytes, for blocks above 512 bytes, for slabs and
 * for books.
 *
 *              page                    page                    page
 *   |..........:.......................:.......................:.........
 *   [ block ][ free run         ][ slab ][ block       ][ free ][ block
 *   used     free           ends         used           free
 *                                                       ends     used
 *
 * Three words of bits in the record of a page say where blocks and free runs
 * start and free runs end; a slab's page has none, and where books start both
 * of the first two are set.  So two neighbours of a run that becomes free are
 * known by one bit each, and they become one.  A free run holds its length in
 * its first and last words, and links to others:
 *
 *   lists 1 .. 126   runs without a whole page, by granules: exact
 *   lists 127 ..     runs with whole pages, by their number: exact below 16,
 *                    then 8 lists per doubling
 *
 * A slab takes its page where the fewest are whole, a small block takes what is
 * no page first: pages stay whole.  Best fit from bits, no walk over a list:
 * where a list holds runs of several lengths, its first run is looked at, then
 * the next list that holds only long enough ones is used; at last the run at
 * the end of the heap.  All calls cost O(1).
 *
 * Links are mixed with a key and checked before they are used: an overflow into
 * a free run ends in a panic here, not in a wrong block somewhere.
 */
#include "base/bytes.h"
#include "base/hash.h"
#include "base/poison.h"
#include "heap/slab_inside.h"

#define LISTS_OF_PAGES 127 /* the list of runs with one whole page, less 1 */
#define EXACT_PAGES 16
#define STEP_SHIFT 3 /* 8 lists per doubling */

static uint64_t run_address(const struct slab_run *run) {
    return vaddr_of_pointer(run).v;
}

static struct slab_run *run_at(uint64_t va) {
    return pointer_of(vaddr(va));
}

static MM_INLINE struct slab_page *page_at(const struct heap *heap,
                                           uint64_t va) {
    return slab_page(heap, slab_page_number(heap, va));
}

/* --- in the records ------------------------------------------------------- */

static MM_INLINE uint64_t with_bit(uint64_t word, uint64_t va, bool set) {
    return set ? word | granule_bit(va) : word & ~granule_bit(va);
}

static MM_INLINE void set_used(const struct heap *heap, uint64_t va, bool set) {
    uint64_t *word = &page_at(heap, va)->run.used;

    slab_word_set(word, with_bit(*word, va, set));
}

static MM_INLINE void set_free(const struct heap *heap, uint64_t va, bool set) {
    uint64_t *word = &page_at(heap, va)->run.free;

    slab_word_set(word, with_bit(*word, va, set));
}

/* --- in the run itself ---------------------------------------------------- */

MM_NO_SANITIZE static uint64_t run_granules(const struct slab_run *run) {
    return run->granules;
}

static uint64_t run_end(const struct slab_run *run) {
    return run_address(run) + (run_granules(run) << GRANULE_SHIFT);
}

MM_NO_SANITIZE static void run_write_length(uint64_t va, uint64_t granules) {
    const uint64_t end = va + (granules << GRANULE_SHIFT);

    run_at(va)->granules = granules;
    *(uint64_t *)pointer_of(vaddr(end - sizeof(uint64_t))) = granules;
}

/** Granules of the free run that ends at @end. */
MM_NO_SANITIZE static uint64_t run_length_before(uint64_t end) {
    return *(const uint64_t *)pointer_of(vaddr(end - sizeof(uint64_t)));
}

MM_NO_SANITIZE static struct slab_run *run_next(const struct heap *heap,
                                                const struct slab_run *run) {
    return run_at(run->next ^ heap->slab.key);
}

MM_NO_SANITIZE static struct slab_run *run_prev(const struct heap *heap,
                                                const struct slab_run *run) {
    return run_at(run->prev ^ heap->slab.key);
}

MM_NO_SANITIZE static void run_set_next(const struct heap *heap,
                                        struct slab_run *run,
                                        const struct slab_run *next) {
    run->next = run_address(next) ^ heap->slab.key;
}

MM_NO_SANITIZE static void run_set_prev(const struct heap *heap,
                                        struct slab_run *run,
                                        const struct slab_run *prev) {
    run->prev = run_address(prev) ^ heap->slab.key;
}

/* --- the lists ------------------------------------------------------------ */

/** The list of runs with @pages whole pages. */
static unsigned list_of_pages(uint64_t pages) {
    unsigned top;

    if (pages < EXACT_PAGES) {
        return LISTS_OF_PAGES - 1 + (unsigned)pages;
    }
    top = 63u - (unsigned)__builtin_clzl(pages);
    return LISTS_OF_PAGES - 1 + EXACT_PAGES + ((top - 4) << STEP_SHIFT) +
           (unsigned)(pages >> (top - STEP_SHIFT) & 7);
}

/** The first list that only holds runs with at least @pages whole pages. */
static unsigned list_from_pages(uint64_t pages) {
    unsigned top;

    if (pages < EXACT_PAGES) {
        return list_of_pages(pages);
    }
    top = 63u - (unsigned)__builtin_clzl(pages);
    return list_of_pages(pages + (UINT64_C(1) << (top - STEP_SHIFT)) - 1);
}

static MM_INLINE uint64_t whole_pages(uint64_t va, uint64_t granules) {
    const uint64_t first = (va + PAGE_SIZE - 1) >> PAGE_SHIFT;
    const uint64_t end = (va + (granules << GRANULE_SHIFT)) >> PAGE_SHIFT;

    return end > first ? end - first : 0;
}

static MM_INLINE unsigned list_of(uint64_t va, uint64_t granules) {
    const uint64_t pages = whole_pages(va, granules);

    return pages == 0 ? (unsigned)granules : list_of_pages(pages);
}

/** The first list from @list on that holds a run; SLAB_LISTS: none. */
static unsigned list_with_runs(const struct heap *heap, unsigned list) {
    const uint64_t *used = heap->slab.lists_used;
    unsigned i = list / 64;
    uint64_t word;

    if (list >= SLAB_LISTS) {
        return SLAB_LISTS;
    }
    word = used[i] & ~UINT64_C(0) << list % 64;
    while (word == 0) {
        if (++i == SLAB_LISTS / 64) {
            return SLAB_LISTS;
        }
        word = used[i];
    }
    return i * 64 + (unsigned)__builtin_ctzl(word);
}

static void run_link(struct heap *heap, uint64_t va, uint64_t granules) {
    struct heap_slab *slab = &heap->slab;
    const unsigned list = list_of(va, granules);
    const uint64_t last = va + ((granules - 1) << GRANULE_SHIFT);
    struct slab_run *run = run_at(va);

    run_write_length(va, granules);
    run_set_next(heap, run, slab->lists[list]);
    run_set_prev(heap, run, NULL);
    if (slab->lists[list] != NULL) {
        run_set_prev(heap, slab->lists[list], run);
    }
    slab->lists[list] = run;
    slab->lists_used[list / 64] |= UINT64_C(1) << list % 64;
    set_free(heap, va, true);
    page_at(heap, last)->run.ends |= granule_bit(last);
}

static void run_unlink(struct heap *heap, struct slab_run *run) {
    struct heap_slab *slab = &heap->slab;
    const uint64_t va = run_address(run), granules = run_granules(run);
    const uint64_t last = va + ((granules - 1) << GRANULE_SHIFT);
    struct slab_run *next = run_next(heap, run), *prev = run_prev(heap, run);
    const unsigned list = list_of(va, granules);

    /* What the run says of itself was open to whoever wrote too far. */
    MM_ASSERT(granules <= granules_for(slab_end(heap) - va) &&
              (page_at(heap, last)->run.ends & granule_bit(last)) != 0);
    if (prev == NULL) {
        MM_ASSERT(slab->lists[list] == run);
        slab->lists[list] = next;
        if (next == NULL) {
            slab->lists_used[list / 64] &= ~(UINT64_C(1) << list % 64);
        }
    } else {
        MM_ASSERT(
            range_holds(heap->start.v, heap_size(heap), run_address(prev)) &&
            run_next(heap, prev) == run);
        run_set_next(heap, prev, next);
    }
    if (next != NULL) {
        MM_ASSERT(
            range_holds(heap->start.v, heap_size(heap), run_address(next)) &&
            run_prev(heap, next) == run);
        run_set_prev(heap, next, prev);
    }
    set_free(heap, va, false);
    page_at(heap, last)->run.ends &= ~granule_bit(last);
}

/* --- giving --------------------------------------------------------------- */

/** Does a free run start at @va? */
static MM_INLINE bool run_starts_at(const struct heap *heap, uint64_t va) {
    return va < slab_end(heap) && page_at(heap, va)->kind == 0 &&
           (page_at(heap, va)->run.free & ~page_at(heap, va)->run.used &
            granule_bit(va)) != 0;
}

/** Does a free run end just below @va? */
static MM_INLINE bool run_ends_at(const struct heap *heap, uint64_t va) {
    const uint64_t last = va - GRANULE;

    return va > heap->start.v && page_at(heap, last)->kind == 0 &&
           (page_at(heap, last)->run.ends & granule_bit(last)) != 0;
}

void slab_run_give(struct heap *heap, uint64_t va, uint64_t granules) {
    const uint64_t end = va + (granules << GRANULE_SHIFT);

    if (run_starts_at(heap, end)) {
        granules += run_granules(run_at(end));
        run_unlink(heap, run_at(end));
    }
    if (run_ends_at(heap, va)) {
        const uint64_t before = run_length_before(va);
        const uint64_t start = va - (before << GRANULE_SHIFT);

        MM_ASSERT(before <= granules_for(va - heap->start.v) &&
                  run_starts_at(heap, start) &&
                  run_granules(run_at(start)) == before);
        run_unlink(heap, run_at(start));
        va = start;
        granules += before;
    }
    run_link(heap, va, granules);
}

void slab_run_mark_own(struct heap *heap, uint64_t va) {
    set_used(heap, va, true);
    set_free(heap, va, true);
}

void slab_run_free(struct heap *heap, uint64_t va, uint64_t granules) {
    set_used(heap, va, false);
    set_free(heap, va, false);
    slab_run_give(heap, va, granules);
}

/* --- taking --------------------------------------------------------------- */

/** Where in [@va, @end) a run of @granules would start; 0: it does not fit. */
static uint64_t fit(uint64_t va, uint64_t end, uint64_t granules,
                    uint64_t align) {
    uint64_t at;

    if (!align_up(va, align, &at) || at >= end ||
        granules > (end - at) >> GRANULE_SHIFT) {
        return 0;
    }
    return at;
}

static uint64_t fit_first(const struct heap *heap, unsigned list,
                          uint64_t granules, uint64_t align,
                          struct slab_run **run) {
    *run = list < SLAB_LISTS ? heap->slab.lists[list] : NULL;
    return *run == NULL
               ? 0
               : fit(run_address(*run), run_end(*run), granules, align);
}

uint64_t slab_runs_tail(const struct heap *heap) {
    const uint64_t end = slab_end(heap);

    return run_ends_at(heap, end)
               ? end - (run_length_before(end) << GRANULE_SHIFT)
               : end;
}

void slab_runs_cut(struct heap *heap, uint64_t end) {
    const uint64_t tail = slab_runs_tail(heap);

    run_unlink(heap, run_at(tail));
    if (tail < end) {
        run_link(heap, tail, (end - tail) >> GRANULE_SHIFT);
    }
    __atomic_store_n(&heap->slab.pages, slab_page_number(heap, end),
                     __ATOMIC_RELEASE);
}

/** A run that @granules fit into, and where in it. */
static uint64_t find(const struct heap *heap, uint64_t granules, uint64_t align,
                     struct slab_run **run) {
    uint64_t pages = (granules + PAGE_GRANULES - 1) / PAGE_GRANULES;
    uint64_t at = 0, tail;

    if (align > PAGE_SIZE) {
        pages += align / PAGE_SIZE - 1;
    }
    if (align < PAGE_SIZE && granules < LISTS_OF_PAGES) {
        at = fit_first(heap, list_with_runs(heap, (unsigned)granules), granules,
                       align, run);
    }
    if (at == 0) {
        at = fit_first(heap, list_of_pages(pages), granules, align, run);
    }
    if (at == 0) {
        at = fit_first(heap, list_with_runs(heap, list_from_pages(pages)),
                       granules, align, run);
    }
    if (at == 0) {
        tail = slab_runs_tail(heap);
        *run = run_at(tail);
        at = fit(tail, slab_end(heap), granules, align);
    }
    return at;
}

/** [@at, @at + @granules) leaves @run; what is left of it stays free. */
static void carve(struct heap *heap, struct slab_run *run, uint64_t at,
                  uint64_t granules) {
    const uint64_t start = run_address(run), end = run_end(run);
    const uint64_t at_end = at + (granules << GRANULE_SHIFT);

    run_unlink(heap, run);
    if (at > start) {
        run_link(heap, start, (at - start) >> GRANULE_SHIFT);
    }
    if (at_end < end) {
        run_link(heap, at_end, (end - at_end) >> GRANULE_SHIFT);
    }
}

void slab_run_measure(struct heap *heap, uint64_t va, uint64_t granules) {
    const uint64_t first = va >> GRANULE_SHIFT & (PAGE_GRANULES - 1);

    if (first + granules >= PAGE_GRANULES) {
        __atomic_store_n(&page_at(heap, va)->words, (uint32_t)granules,
                         __ATOMIC_RELAXED);
    }
}

uint64_t slab_run_take(struct heap *heap, uint64_t granules, uint64_t align) {
    struct slab_run *run;
    const uint64_t at = find(heap, granules, align, &run);

    if (at != 0) {
        carve(heap, run, at, granules);
        set_used(heap, at, true);
        slab_run_measure(heap, at, granules);
    }
    return at;
}

bool slab_run_take_at(struct heap *heap, uint64_t va, uint64_t granules) {
    if (!run_starts_at(heap, va) || run_granules(run_at(va)) < granules) {
        return false;
    }
    carve(heap, run_at(va), va, granules);
    return true;
}

void slab_runs_init(struct heap *heap) {
    heap->slab.key = hash_mix(heap->start.v);
    bytes_fill(heap->slab.lists, 0, sizeof(heap->slab.lists));
    bytes_fill(heap->slab.lists_used, 0, sizeof(heap->slab.lists_used));
    heap->slab.kept_max = 0;
}

bool slab_run_is_sound(const struct heap *heap, uint64_t va,
                       uint64_t *granules) {
    struct slab_run *run = run_at(va), *next, *prev;
    const uint64_t room = granules_for(slab_end(heap) - va);
    unsigned list;

    *granules = run_granules(run);
    if (*granules == 0 || *granules > room ||
        run_length_before(run_end(run)) != *granules ||
        !run_ends_at(heap, run_end(run)) || run_ends_at(heap, va) ||
        run_starts_at(heap, run_end(run))) {
        return false;
    }
    list = list_of(va, *granules);
    next = run_next(heap, run);
    prev = run_prev(heap, run);
    return (prev != NULL || heap->slab.lists[list] == run) &&
           (prev == NULL || (run_starts_at(heap, run_address(prev)) &&
                             run_next(heap, prev) == run)) &&
           (next == NULL || (run_starts_at(heap, run_address(next)) &&
                             run_prev(heap, next) == run)) &&
           (heap->slab.lists_used[list / 64] >> list % 64 & 1) != 0;
}
