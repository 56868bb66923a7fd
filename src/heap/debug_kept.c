/*
 * Freed blocks that are kept back: the quarantine.
 *
 *   oldest --> [ freed ] --> [ freed ] --> [ freed ] <-- newest
 *     |
 *     |  more than config.quarantine bytes, no memory, or the mode ends
 *     v
 *   intact?  then class->free()
 *
 * A block in the list is nobody's: its bytes were filled when it was freed, and
 * who wrote there since is found when it leaves.
 */
#include "heap/debug_inside.h"

/** Take the oldest block that is kept back out of all books, if more than @most
 *  bytes are.  @return false: none */
static bool pop(struct heap_debug *debug, uint64_t most,
                struct heap_record *block) {
    struct heap_record *record;

    lock_acquire(&debug->lock);
    record = debug->kept_bytes > most ? debug->oldest : NULL;
    if (record != NULL) {
        debug->oldest = record->next;
        debug->kept_bytes -= record->bytes;
        debug->kept_blocks--;
        record_remove(debug, record);
        record_copy(block, record);
        record_recycle(debug, record);
    }
    lock_release(&debug->lock);
    return record != NULL;
}

bool kept_drop(const struct asking *asking, uint64_t most) {
    struct heap_debug *debug = asking->debug;
    struct heap_record block, scratch;
    bool any = false;

    while (pop(debug, most, &block)) {
        const struct heap_ask ask = zones_ask(debug, block.asked, &scratch);
        enum mm_status st;

        (void)report_zones(asking, &block);
        st = heap_give_back(debug->heap, pointer_of(vaddr(block.start)), &ask);
        MM_ASSERT(st == MM_OK); /* it was kept from everybody */
        any = true;
    }
    return any;
}

bool heap_debug_drop(struct heap *heap) {
    const struct asking asking = { heap->debug,
                                   { "heap_debug_drop", NULL, NULL },
                                   0 };

    return kept_drop(&asking, 0);
}

void kept_push(struct heap_debug *debug, struct heap_record *record) {
    lock_acquire(&debug->lock);
    record->next = NULL;
    if (debug->oldest == NULL) {
        debug->oldest = record;
    } else {
        debug->newest->next = record;
    }
    debug->newest = record;
    lock_release(&debug->lock);
}
