/*
 * The debug mode: what stands between the calls and the class.
 *
 *   alloc    a record; a block with its zones from the class; fill
 *   free     known, live, the right layout?  zones intact?  fill, keep back
 *   keep     oldest first: intact?  then the class gets it, the record is spare
 *   realloc  checked as a free; alloc, copy, free
 *
 * heap_stats() is the class's view: a block that is kept back still counts as
 * live there, and a realloc as an alloc and a free besides.
 *
 * Three steps, each with the lock at most once: decide (lock), look at memory
 * and tell (no lock), link (lock).  So a report may do what it likes, a handler
 * that interrupts finds the lock free, and the heap's lock is never taken with
 * ours held.
 */
#include "base/bytes.h"
#include "heap/debug_inside.h"

static void forbid(const struct heap_debug *debug, uint64_t from,
                   uint64_t end) {
    const struct heap_pages *pages = debug->config.pages;

    if (pages != NULL && end > from) {
        pages->forbid(pages->ctx, vaddr(from), end - from);
    }
}

static void after_each(const struct asking *asking) {
    struct heap_report report = { .has_block = false };

    if (!asking->debug->config.check_always) {
        return;
    }
    (void)heap_debug_check(asking->debug->heap, asking->by.site);
    if (!heap_is_sound(asking->debug->heap)) {
        report_misuse(asking, HEAP_DAMAGED, &report);
    }
}

/* --- alloc ---------------------------------------------------------------- */

static struct heap_record *spare_record(struct heap_debug *debug) {
    struct heap_record *record;

    lock_acquire(&debug->lock);
    record = record_new(debug);
    lock_release(&debug->lock);
    return record;
}

/** As a block that finds no memory: what is kept back first, then the hook. */
static struct heap_record *record_for(struct heap_debug *debug,
                                      struct layout want) {
    struct heap *heap = debug->heap;
    struct heap_record *record = spare_record(debug);

    if (record == NULL && heap_debug_drop(heap)) {
        record = spare_record(debug);
    }
    if (record == NULL && heap_ask_hook(heap, want)) {
        (void)heap_debug_drop(heap); /* what the hook freed */
        record = spare_record(debug);
    }
    return record;
}

/** The block of @record stands at @start. */
static void place(struct heap_record *record, uint64_t start) {
    record->start = start;
    record->low += start;
    record->high += start;
    record->at += start;
}

static void enter(struct heap_debug *debug, struct heap_record *record) {
    lock_acquire(&debug->lock);
    record->number = ++debug->number;
    record_insert(debug, record);
    debug->live_blocks++;
    lock_release(&debug->lock);
}

static void leave_spare(struct heap_debug *debug, struct heap_record *record) {
    lock_acquire(&debug->lock);
    record_recycle(debug, record);
    lock_release(&debug->lock);
}

static void *debug_alloc(const struct asking *asking, struct layout want) {
    struct heap_debug *debug = asking->debug;
    struct heap_record *record;
    struct heap_ask ask;
    void *start;

    if (!heap_layout_round(debug->heap, want, &ask)) {
        return heap_fail(debug->heap);
    }
    record = record_for(debug, want);
    if (record == NULL) {
        return heap_fail(debug->heap);
    }
    ask = zones_ask(debug, want, record);
    start = heap_obtain(debug->heap, &ask, true);
    if (start == NULL) {
        leave_spare(debug, record);
        return heap_fail(debug->heap);
    }
    record->asked = want;
    record->owner = asking->by.owner;
    record->allocated = asking->by.site;
    place(record, vaddr_of_pointer(start).v);
    zones_fill(record);
    forbid(debug, record->start, record->low);
    forbid(debug, record->high, record->start + record->bytes);
    start = pointer_of(vaddr(record->at));
    enter(debug, record);
    after_each(asking);
    return start;
}

/* --- free and realloc ----------------------------------------------------- */

static bool same(struct layout a, struct layout b) {
    return a.size == b.size && a.align == b.align;
}

/** Is @asking->pointer a live block of @had (NULL: of any layout)?
 *  @return MM_OK, or a status, with @misuse set; @report->block is a copy */
static enum mm_status judge(const struct asking *asking,
                            const struct layout *had,
                            struct heap_record *record,
                            struct heap_report *report,
                            enum heap_misuse *misuse) {
    const struct heap *heap = asking->debug->heap;

    if (!range_holds(heap->start.v, heap_size(heap), asking->pointer)) {
        *misuse = HEAP_OUTSIDE;
        return MM_NOT_MANAGED;
    }
    if (record == NULL) {
        *misuse = HEAP_NEVER_GIVEN;
        return MM_NOT_ALLOCATED;
    }
    record_copy(&report->block, record);
    report->has_block = true;
    if (record->at != asking->pointer) {
        *misuse = HEAP_INTERIOR;
        return MM_NOT_ALLOCATED;
    }
    if (record->is_free) {
        *misuse = HEAP_FREED_TWICE;
        return MM_NOT_ALLOCATED;
    }
    if (record->owner != asking->by.owner) {
        *misuse = HEAP_WRONG_OWNER;
        return MM_NOT_MANAGED;
    }
    if (had != NULL && !same(*had, record->asked)) {
        *misuse = HEAP_WRONG_LAYOUT;
        report->given = *had;
        return MM_BAD_ARGUMENT;
    }
    return MM_OK;
}

/** Nobody but us may free it from now on. */
static void claim(struct heap_debug *debug, struct heap_record *record,
                  const struct heap_site *site) {
    record->is_free = true;
    record->freed = site;
    debug->live_blocks--;
    debug->kept_blocks++;
    debug->kept_bytes += record->bytes;
}

/** @frees: the block is to be claimed if it is right.  A wrong one is told.
 *  @return MM_OK with the block as it was in @block, or what free gives */
static enum mm_status find(const struct asking *asking,
                           const struct layout *had, bool frees,
                           struct heap_record **record,
                           struct heap_record *block) {
    struct heap_debug *debug = asking->debug;
    struct heap_report report = { .has_block = false };
    enum heap_misuse misuse;
    enum mm_status st;

    lock_acquire(&debug->lock);
    *record = record_at(debug, asking->pointer);
    st = judge(asking, had, *record, &report, &misuse);
    if (st == MM_OK && frees) {
        claim(debug, *record, asking->by.site);
    }
    lock_release(&debug->lock);
    if (st != MM_OK) {
        report_misuse(asking, misuse, &report);
        return st;
    }
    record_copy(block, &report.block);
    return MM_OK;
}

static enum mm_status debug_free(const struct asking *asking,
                                 const struct layout *had) {
    struct heap_debug *debug = asking->debug;
    struct heap_record *record, block;
    enum mm_status st;

    if (asking->pointer == 0) {
        return MM_OK;
    }
    st = find(asking, had, true, &record, &block);
    if (st != MM_OK) {
        return st;
    }
    (void)report_zones(asking, &block);
    if (debug->config.pages == NULL) {
        zones_fill_freed(&block);
    }
    forbid(debug, block.low, block.high);
    kept_push(debug, record);
    (void)kept_drop(asking, debug->config.quarantine);
    after_each(asking);
    return MM_OK;
}

static void count_realloc(struct heap *heap) {
    heap_lock(heap);
    heap->front->counts.reallocs++;
    heap_unlock(heap);
}

static void *debug_realloc(const struct asking *asking,
                           const struct layout *had, size_t size) {
    struct heap *heap = asking->debug->heap;
    struct heap_record *record, block;
    enum mm_status st;
    void *q;

    if (asking->pointer == 0 ||
        find(asking, had, false, &record, &block) != MM_OK) {
        return heap_fail(heap);
    }
    q = debug_alloc(asking, (struct layout){ size, block.asked.align });
    if (q == NULL) {
        return NULL;
    }
    bytes_copy(q, pointer_of(vaddr(asking->pointer)),
               size < block.asked.size ? size : block.asked.size);
    st = debug_free(asking, &block.asked);
    MM_ASSERT(st == MM_OK); /* it was live just now, and is the caller's */
    count_realloc(heap);
    return q;
}

/* --- the calls ------------------------------------------------------------ */

static struct asking asking(struct heap *heap, const void *p,
                            const struct heap_caller *caller) {
    return (struct asking){ heap->debug, *caller, vaddr_of_pointer(p).v };
}

void *heap_debug_alloc(struct heap *heap, struct layout want,
                       const struct heap_caller *caller) {
    const struct asking by = asking(heap, NULL, caller);

    return debug_alloc(&by, want);
}

enum mm_status heap_debug_free(struct heap *heap, void *p,
                               const struct layout *had,
                               const struct heap_caller *caller) {
    const struct asking by = asking(heap, p, caller);

    return debug_free(&by, had);
}

void *heap_debug_realloc(struct heap *heap, void *p, const struct layout *had,
                         size_t size, const struct heap_caller *caller) {
    const struct asking by = asking(heap, p, caller);

    return debug_realloc(&by, had, size);
}

bool heap_debug_layout(struct heap *heap, const void *p,
                       const struct heap_caller *caller,
                       struct layout *layout) {
    const struct asking by = asking(heap, p, caller);
    struct heap_record *record, block;

    if (find(&by, NULL, false, &record, &block) != MM_OK) {
        return false;
    }
    *layout = block.asked;
    return true;
}

void *heap_alloc_at(struct heap *heap, struct layout want,
                    const struct heap_site *site) {
    const struct heap_caller caller = { "heap_alloc", NULL, site };

    return heap->debug == NULL ? heap_alloc(heap, want)
                               : heap_debug_alloc(heap, want, &caller);
}

void *heap_alloc_zeroed_at(struct heap *heap, struct layout want,
                           const struct heap_site *site) {
    void *p = heap_alloc_at(heap, want, site);

    if (p != NULL) {
        bytes_fill(p, 0, want.size);
    }
    return p;
}

enum mm_status heap_free_at(struct heap *heap, void *p, struct layout had,
                            const struct heap_site *site) {
    const struct heap_caller caller = { "heap_free", NULL, site };

    return heap->debug == NULL ? heap_free(heap, p, had)
                               : heap_debug_free(heap, p, &had, &caller);
}

void *heap_realloc_at(struct heap *heap, void *p, struct layout had,
                      size_t size, const struct heap_site *site) {
    const struct heap_caller caller = { "heap_realloc", NULL, site };

    return heap->debug == NULL
               ? heap_realloc(heap, p, had, size)
               : heap_debug_realloc(heap, p, &had, size, &caller);
}

static void *plain_alloc(struct heap *heap, struct layout want) {
    return heap_alloc_at(heap, want, NULL);
}

static enum mm_status plain_free(struct heap *heap, void *p,
                                 struct layout had) {
    return heap_free_at(heap, p, had, NULL);
}

static void *plain_realloc(struct heap *heap, void *p, struct layout had,
                           size_t size) {
    return heap_realloc_at(heap, p, had, size, NULL);
}

const struct heap_ways heap_debug_ways = {
    .alloc = plain_alloc,
    .free = plain_free,
    .realloc = plain_realloc,
};
