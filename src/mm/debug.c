/*
 * The debug mode of the kernel's heap: where its records lie, and how a page
 * comes to show nothing.
 *
 *   heap      [ block ][ guard page ][ block, freed ][ ... ]
 *                       no frame       no frame
 *   records   [ ... ] in a region of their own, frames from the start
 *
 * Guard pages are pages of the demand region "heap" like all others: their
 * frame is taken away, and the page fault that would bring one asks the records
 * first (handle() in mm.c).
 */
#include "mm/inside.h"

static const struct vrange records = { { MM_RECORDS_BASE }, MM_RECORDS_LIMIT };

/** Frames for records may not be those that the heap was promised. */
static enum mm_status extend(void *ctx, vaddr_t end, size_t bytes) {
    struct mm *mm = ctx;
    const struct vmm_region region = {
        .name = "records of the heap",
        .range = { records.base, end.v - records.base.v + bytes },
        .access = VMM_WRITE,
        .backing = VMM_IMMEDIATE,
    };

    if (mm->config.heap_backing == VMM_DEMAND &&
        !mm_can_promise(mm, heap_size(&mm->heap), pages_for(bytes) + 6)) {
        return MM_NO_MEMORY;
    }
    if (end.v == records.base.v) {
        return vmm_region_add(&mm->space, region);
    }
    return vmm_region_extend(&mm->space, records.base, region.range.len);
}

static void forbid(void *ctx, vaddr_t at, uint64_t bytes) {
    struct mm *mm = ctx;

    lock_acquire(&mm->heap.lock); /* as for all that the heap maps */
    mm_empty_pages(mm, at, bytes);
    lock_release(&mm->heap.lock);
}

enum mm_status mm_debug_start(struct mm *mm) {
    const enum mm_heap_debug mode = mm->config.heap_debug;
    const struct heap_debug_config config = {
        .window = records,
        .source = { extend, mm },
        .quarantine = MM_QUARANTINE,
        .check_always = mm->config.heap_check_always,
        .pages = mode >= MM_DEBUG_PAGES ? &mm->pages : NULL,
    };

    if (mode == MM_DEBUG_OFF) {
        return MM_OK;
    }
    if (mode >= MM_DEBUG_PAGES && mm->config.heap_backing != VMM_DEMAND) {
        return MM_BAD_ARGUMENT;
    }
    mm->pages = (struct heap_pages){ forbid, mm, mode == MM_DEBUG_FENCED };
    return heap_debug_start(&mm->heap, &mm->debug, &config);
}

void mm_debug_end(struct mm *mm) {
    enum mm_status st;

    if (mm->heap.debug == NULL) {
        return;
    }
    if (mm->debug.records_end > records.base.v) {
        st = vmm_region_remove(&mm->space, records.base);
        MM_ASSERT(st == MM_OK); /* we added it */
        vmm_reclaim_tables(&mm->space, records);
    }
    mm->heap.debug = NULL;
}
