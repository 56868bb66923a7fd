/*
 * Looking at all blocks: are they intact, are they leaked, is a pointer to them
 * left?
 *
 *   roots  [ .. p .. ]          marked      [ block ]--->[ block ]
 *              '--------------------------------^
 *                               not marked  [ block ]--->[ block ]
 *                                               ^------------'     lost
 *
 * The scan marks what words in the roots point to or into, then what words of
 * marked blocks do, until nothing is new.  It can't tell a pointer from a
 * number, so it errs by keeping silent; and a ring of lost blocks is lost.  It
 * is a debug tool, no collector: nothing is freed.
 */
#include "heap/debug_inside.h"

/** A copy of the lowest block from *@va on; *@va is then behind it. */
static bool next_block(struct heap_debug *debug, uint64_t *va,
                       struct heap_record *block) {
    const struct heap_record *record;

    lock_acquire(&debug->lock);
    record = record_from(debug, *va);
    if (record != NULL) {
        record_copy(block, record);
        *va = record->start + record->bytes;
    }
    lock_release(&debug->lock);
    return record != NULL;
}

uint64_t heap_debug_check(struct heap *heap, const struct heap_site *site) {
    const struct asking asking = { heap->debug,
                                   { "heap_debug_check", NULL, site },
                                   0 };
    uint64_t reports = 0, va = 0;
    struct heap_record block;

    while (heap->debug != NULL && next_block(heap->debug, &va, &block)) {
        reports += report_zones(&asking, &block);
    }
    return reports;
}

/** Report all live blocks that are not marked. */
static uint64_t report_unmarked(const struct asking *asking,
                                enum heap_misuse misuse) {
    struct heap_report report = { .has_block = true };
    uint64_t reports = 0, va = 0;

    while (next_block(asking->debug, &va, &report.block)) {
        if (!report.block.is_free && !report.block.is_marked) {
            report_misuse(asking, misuse, &report);
            reports++;
        }
    }
    return reports;
}

/** No block is marked. */
static void unmark_all(struct heap_debug *debug) {
    struct heap_record *record;
    uint64_t va = 0;

    while ((record = record_from(debug, va)) != NULL) {
        record->is_marked = false;
        va = record->start + record->bytes;
    }
}

uint64_t heap_debug_leaks(struct heap *heap, const struct heap_site *site) {
    const struct asking asking = { heap->debug,
                                   { "heap_debug_leaks", NULL, site },
                                   0 };

    if (heap->debug == NULL) {
        return 0;
    }
    unmark_all(heap->debug);
    return report_unmarked(&asking, HEAP_LEAKED);
}

/** Mark what the words of [@at, @end) point to, and put it on @work. */
MM_NO_SANITIZE static void mark_from(const struct heap_debug *debug,
                                     uint64_t at, uint64_t end,
                                     struct heap_record **work) {
    const volatile uint64_t *word;

    at = (at + 7) & ~UINT64_C(7);
    for (; at < end && end - at >= sizeof(*word); at += sizeof(*word)) {
        struct heap_record *record;

        word = pointer_of(vaddr(at));
        record = record_at(debug, *word);
        if (record != NULL && !record->is_free && !record->is_marked &&
            *word >= record->at && *word <= record->at + record->asked.size) {
            record->is_marked = true;
            record->next = *work;
            *work = record;
        }
    }
}

uint64_t heap_debug_scan(struct heap *heap, const struct vrange *roots,
                         size_t count, const struct heap_site *site) {
    const struct asking asking = { heap->debug,
                                   { "heap_debug_scan", NULL, site },
                                   0 };
    struct heap_record *work = NULL;

    if (heap->debug == NULL) {
        return 0;
    }
    unmark_all(heap->debug);
    for (size_t i = 0; i < count; i++) {
        mark_from(heap->debug, roots[i].base.v, roots[i].base.v + roots[i].len,
                  &work);
    }
    while (work != NULL) {
        const struct heap_record *record = work;

        work = record->next;
        mark_from(heap->debug, record->at, record->at + record->asked.size,
                  &work);
    }
    return report_unmarked(&asking, HEAP_UNREACHABLE);
}
