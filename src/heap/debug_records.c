/*
 * The records of the debug mode: a tree by address, in memory of its own.
 *
 *            [ block 0x7000 ]            left: lower addresses
 *             /            \             right: higher ones
 *   [ block 0x3000 ]   [ block 0x9000 ]
 *
 * A treap: by address it is a search tree, by a hash of the address it is a
 * heap, so it is as deep as a tree that was built in random order, whatever the
 * order of addresses: some 2 log n on average.  A block and what is kept back
 * share no byte, so the record that holds an address is the last that starts at
 * or below it.
 *
 * Records come from a window of their own, page by page, and are used again;
 * none goes back before the mode ends.
 */
#include "base/hash.h"
#include "heap/debug_inside.h"

#define PAGES_AT_ONCE 4

/** More memory for records.  @return false: there is none */
static bool more_records(struct heap_debug *debug) {
    const struct vrange *window = &debug->config.window;
    const uint64_t room = window->base.v + window->len - debug->records_end;
    const uint64_t most = PAGES_AT_ONCE * PAGE_SIZE;
    const uint64_t bytes = room < most ? room : most;
    const uint64_t count = bytes / sizeof(struct heap_record);
    struct heap_source *source = &debug->config.source;
    struct heap_record *first = pointer_of(vaddr(debug->records_end));

    if (bytes == 0 || source->extend(source->ctx, vaddr(debug->records_end),
                                     bytes) != MM_OK) {
        return false;
    }
    debug->records_end += bytes;
    for (uint64_t i = 0; i < count; i++) {
        record_recycle(debug, &first[i]);
    }
    return true;
}

struct heap_record *record_new(struct heap_debug *debug) {
    struct heap_record *record;

    if (debug->spare == NULL && !more_records(debug)) {
        return NULL;
    }
    record = debug->spare;
    debug->spare = record->next;
    record->next = NULL;
    record->freed = NULL;
    record->is_free = record->is_marked = false;
    return record;
}

void record_recycle(struct heap_debug *debug, struct heap_record *record) {
    record->next = debug->spare;
    debug->spare = record;
}

/* --- the tree ------------------------------------------------------------- */

/** Is @a nearer to the root than @b? */
static bool is_above(const struct heap_record *a, const struct heap_record *b) {
    return hash_mix(a->start) > hash_mix(b->start);
}

void record_insert(struct heap_debug *debug, struct heap_record *record) {
    struct heap_record **link = &debug->root, **low, **high, *below;

    while (*link != NULL && is_above(*link, record)) {
        link =
            record->start < (*link)->start ? &(*link)->left : &(*link)->right;
    }
    below = *link; /* is cut in two at our address */
    *link = record;
    low = &record->left;
    high = &record->right;
    while (below != NULL) {
        if (below->start < record->start) {
            *low = below;
            low = &below->right;
            below = below->right;
        } else {
            *high = below;
            high = &below->left;
            below = below->left;
        }
    }
    *low = *high = NULL;
}

void record_remove(struct heap_debug *debug, struct heap_record *record) {
    struct heap_record **link = &debug->root;
    struct heap_record *low = record->left, *high = record->right;

    while (*link != record) {
        link =
            record->start < (*link)->start ? &(*link)->left : &(*link)->right;
    }
    while (low != NULL && high != NULL) {
        if (is_above(low, high)) {
            *link = low;
            link = &low->right;
            low = low->right;
        } else {
            *link = high;
            link = &high->left;
            high = high->left;
        }
    }
    *link = low != NULL ? low : high;
}

struct heap_record *record_at(const struct heap_debug *debug, uint64_t va) {
    struct heap_record *record = debug->root, *last = NULL;

    while (record != NULL) {
        if (record->start <= va) {
            last = record;
            record = record->right;
        } else {
            record = record->left;
        }
    }
    return last != NULL && range_holds(last->start, last->bytes, va) ? last
                                                                     : NULL;
}

struct heap_record *record_from(const struct heap_debug *debug, uint64_t va) {
    struct heap_record *record = debug->root, *first = NULL;

    while (record != NULL) {
        if (record->start >= va) {
            first = record;
            record = record->left;
        } else {
            record = record->right;
        }
    }
    return first;
}

/** Blocks in ascending order that share no byte; as many as are counted. */
bool heap_debug_is_sound(const struct heap *heap) {
    const struct heap_debug *debug = heap->debug;
    uint64_t next = heap->start.v, live = 0, kept = 0, kept_bytes = 0;
    const struct heap_record *record;

    while ((record = record_from(debug, next)) != NULL) {
        if (record->start + record->bytes > heap->end.v || record->bytes == 0 ||
            record->at < record->low ||
            record->at + record->asked.size > record->high ||
            record_at(debug, record->at) != record) {
            return false;
        }
        live += !record->is_free;
        kept += record->is_free;
        kept_bytes += record->is_free ? record->bytes : 0;
        next = record->start + record->bytes;
    }
    return live == debug->live_blocks && kept == debug->kept_blocks &&
           kept_bytes == debug->kept_bytes &&
           live + kept == heap_stats(heap).live_blocks &&
           !lock_is_held(&debug->lock);
}
