/*
 * One memory subsystem, wired together.
 *
 *   heap_alloc() --- no room ---> extend() --> vmm_region_extend() --> pmm
 *   access ------ page fault ---> handle() --> vmm_fault() ----------> pmm
 *
 *      base - 4 KiB   base               base + size      base + limit
 *      [ guard page ][ region "heap" ....][ not yet asked ][ guard page ]
 *
 * A heap backed on demand promises memory that it does not have yet.  When the
 * promise can't be kept, it is the access that fails, in the middle of
 * whatever; so extend() promises only what the frames that are free now can
 * keep, and the answer to too much is NULL from heap_alloc() in either
 * backing.  Who takes frames from the pmm after that breaks the promise.
 */
#include "mm/inside.h"

const struct mm_config mm_default_config = {
    .pmm_class = &pmm_areas,
    .heap_class = &heap_slab,
    .heap_base = { MM_HEAP_BASE },
    .heap_size = MM_HEAP_SIZE,
    .heap_limit = GIB,
    .heap_backing = VMM_DEMAND,
};

/** Before mm_init_heap() and after mm_teardown(): kmalloc() gives NULL. */
static const struct heap no_heap = { .class = &heap_dummy,
                                     .ways = &heap_long_ways };

/* --- faults -------------------------------------------------------------- */

static bool handle(struct trap_hook *hook, struct trap_frame *frame) {
    struct mm *mm = (struct mm *)hook; /* its first member */
    uint64_t maps = mm->space.stats.maps;
    vaddr_t va;

    if (frame->vector != TRAP_PAGE_FAULT || mm->space.pmm == NULL) {
        return false;
    }
    va = hw_read_cr2();
    if (heap_debug_forbids(&mm->heap, va)) {
        mm->verdict =
            (struct vmm_verdict){ MM_REFUSED,
                                  "the debug mode of the heap forbids it",
                                  vmm_region_at(&mm->space, va) };
        return false;
    }
    mm->verdict = vmm_fault(&mm->space, va, (unsigned)frame->error);
    if (range_holds(mm->heap.start.v, heap_size(&mm->heap), va.v)) {
        mm->heap_pages_filled += mm->space.stats.maps - maps;
    }
    return mm->verdict.status == MM_OK;
}

static void put(void *ctx, char c) {
    (void)ctx;
    hw_putc(c);
}

static void explain(struct trap_hook *hook, const struct trap_frame *frame) {
    const struct mm *mm = (const struct mm *)hook;

    if (frame->vector == TRAP_PAGE_FAULT && mm->space.pmm != NULL) {
        mm_explain_fault(mm, hw_read_cr2(), (unsigned)frame->error, put, NULL);
    }
}

/* --- the heap's memory --------------------------------------------------- */

bool mm_can_promise(const struct mm *mm, uint64_t len, uint64_t others) {
    uint64_t pages = pages_for(len);
    /* A table per 512 pages, one per 512 tables, and at either end one more
     * than even division says, on three levels. */
    uint64_t tables = pages / 512 + pages / (512 * 512) + 6;

    return pages - mm->heap_pages_filled + tables + others <=
           pmm_free_count(&mm->pmm);
}

static enum mm_status extend(void *ctx, vaddr_t end, size_t bytes) {
    struct mm *mm = ctx;
    const struct vmm_region heap = {
        .name = "heap",
        .range = { mm->config.heap_base,
                   end.v - mm->config.heap_base.v + bytes },
        .access = VMM_WRITE,
        .backing = mm->config.heap_backing,
    };

    if (heap.backing == VMM_DEMAND && !mm_can_promise(mm, heap.range.len, 0)) {
        return MM_NO_MEMORY;
    }
    if (end.v == heap.range.base.v) {
        return vmm_region_add(&mm->space, heap);
    }
    return vmm_region_extend(&mm->space, heap.range.base, heap.range.len);
}

void mm_empty_pages(struct mm *mm, vaddr_t at, uint64_t bytes) {
    for (vaddr_t va = at; va.v < at.v + bytes; va.v += PAGE_SIZE) {
        const struct vmm_unmapped page = vmm_unmap(&mm->space, va);
        enum mm_status st;

        if (page.status == MM_OK) {
            vmm_flush(page.token);
            st = pmm_free(&mm->pmm, page.frame);
            MM_ASSERT(st == MM_OK); /* the region's own */
            mm->heap_pages_filled -= mm->config.heap_backing == VMM_DEMAND;
        }
    }
}

/** Behind the last page of the heap there is nothing again. */
static enum mm_status shrink(void *ctx, vaddr_t end, size_t bytes) {
    struct mm *mm = ctx;
    enum mm_status st;

    if (end.v != mm->config.heap_base.v) {
        st = vmm_region_split(&mm->space, end);
        if (st != MM_OK) {
            return st;
        }
    }
    mm_empty_pages(mm, end, bytes);
    st = vmm_region_remove(&mm->space, end);
    MM_ASSERT(st == MM_OK); /* it begins there */
    (void)vmm_reclaim_tables(&mm->space, (struct vrange){ end, bytes });
    return MM_OK;
}

/** Pages that are filled when they are touched may be empty until then. */
static void discard(void *ctx, vaddr_t at, size_t bytes) {
    struct mm *mm = ctx;

    if (mm->config.heap_backing == VMM_DEMAND) {
        mm_empty_pages(mm, at, bytes);
    }
}

/* --- up and down --------------------------------------------------------- */

static struct mm_init_result result(enum mm_status status, const char *step) {
    return (struct mm_init_result){ status, step };
}

/** The heap's window with its two guard pages.  @return false: no such range */
static bool guarded_window(const struct mm_config *config,
                           struct vrange *window) {
    uint64_t end;

    window->base = vaddr(config->heap_base.v - PAGE_SIZE);
    window->len = config->heap_limit + 2 * PAGE_SIZE;
    return config->heap_base.v > PAGE_SIZE && config->heap_limit > 0 &&
           config->heap_limit < window->len &&
           !__builtin_add_overflow(window->base.v, window->len, &end);
}

static enum mm_status check_config(const struct mm_config *config) {
    struct vrange window;

    if (!vaddr_is_page_aligned(config->heap_base) ||
        config->heap_limit % PAGE_SIZE != 0) {
        return MM_NOT_ALIGNED;
    }
    if (!guarded_window(config, &window) ||
        config->heap_size > config->heap_limit) {
        return MM_BAD_RANGE;
    }
    if (config->heap_backing != VMM_DEMAND &&
        config->heap_backing != VMM_IMMEDIATE) {
        return MM_BAD_ARGUMENT;
    }
    return MM_OK;
}

static enum mm_status add_guard(struct mm *mm, const char *name, uint64_t va) {
    return vmm_region_add(&mm->space, (struct vmm_region){
                                          .name = name,
                                          .range = { vaddr(va), PAGE_SIZE },
                                          .access = VMM_READ,
                                          .backing = VMM_GUARD,
                                      });
}

static void remove_region(struct mm *mm, uint64_t base) {
    enum mm_status st = vmm_region_remove(&mm->space, vaddr(base));

    MM_ASSERT(st == MM_OK); /* we added it */
}

/** What mm_init_heap() has put up so far. */
enum built { BUILT_NOTHING, BUILT_GUARD_BELOW, BUILT_GUARDS, BUILT_HEAP };

static void undo(struct mm *mm, enum built built) {
    const uint64_t base = mm->config.heap_base.v;
    struct vrange window;
    const bool fits = guarded_window(&mm->config, &window);

    MM_ASSERT(fits); /* check_config() has seen to that */
    if (built == BUILT_HEAP && heap_size(&mm->heap) > 0) {
        heap_release(&mm->heap);
        remove_region(mm, base); /* there since the first growth */
    }
    if (built >= BUILT_GUARDS) {
        remove_region(mm, base + mm->config.heap_limit);
    }
    if (built >= BUILT_GUARD_BELOW) {
        remove_region(mm, base - PAGE_SIZE);
    }
    vmm_reclaim_tables(&mm->space, window);
    mm_debug_end(mm);
    mm->heap_pages_filled = 0;
    mm->heap = no_heap;
}

/** @built tells how far it came. */
static struct mm_init_result build_heap(struct mm *mm, enum built *built) {
    const struct mm_config *config = &mm->config;
    const struct heap_source source = { extend, mm };
    const struct vrange window = { config->heap_base, config->heap_limit };
    enum mm_status st;

    st = add_guard(mm, "guard below the heap", window.base.v - PAGE_SIZE);
    if (st != MM_OK) {
        return result(st, "guard below the heap");
    }
    *built = BUILT_GUARD_BELOW;
    st = add_guard(mm, "guard above the heap", window.base.v + window.len);
    if (st != MM_OK) {
        return result(st, "guard above the heap");
    }
    *built = BUILT_GUARDS;
    st = heap_init(&mm->heap, config->heap_class, window,
                   pages_for(config->heap_size) * PAGE_SIZE, source,
                   &mm->events);
    if (st != MM_OK) {
        return result(st, "heap");
    }
    *built = BUILT_HEAP;
    mm->heap.drain = (struct heap_drain){ shrink, discard, mm };
    if (config->heap_quantum != 0) {
        mm->heap.quantum = config->heap_quantum;
    }
    heap_set_poison(&mm->heap, config->heap_poison);
    heap_set_processors(&mm->heap, mm->boot->processors);
    st = mm_debug_start(mm);
    return st == MM_OK ? result(st, "done") : result(st, "debug mode");
}

struct mm_init_result mm_init_heap(struct mm *mm) {
    enum built built = BUILT_NOTHING;
    struct mm_init_result outcome;
    enum mm_status st;

    if (mm_has_heap(mm)) {
        return result(MM_OVERLAP, "heap"); /* there is one */
    }
    st = check_config(&mm->config);
    if (st != MM_OK) {
        return result(st, "configuration");
    }
    outcome = build_heap(mm, &built);
    if (outcome.status != MM_OK) {
        undo(mm, built);
    }
    return outcome;
}

void mm_teardown(struct mm *mm) {
    if (mm_has_heap(mm)) {
        undo(mm, BUILT_HEAP);
    }
}

struct mm_init_result mm_init_frames(struct mm *mm, const struct hw_boot *boot,
                                     const struct mm_config *config) {
    enum mm_status st;

    *mm = (struct mm){
        .hook = { .handle = handle, .explain = explain },
        .boot = boot,
        .config = *config,
        .events = { .ear = boot->ear },
        .heap = no_heap,
    };
    trap_init(&mm->hook, boot);
    st = pmm_init(&mm->pmm, boot, config->pmm_class);
    if (st != MM_OK) {
        return result(st, "pmm");
    }
    mm->pmm.events = &mm->events;
    vmm_space_adopt(&mm->space, &mm->pmm, boot);
    mm->space.events = &mm->events;
    return result(MM_OK, "done");
}

struct mm_init_result mm_init(struct mm *mm, const struct hw_boot *boot,
                              const struct mm_config *config) {
    struct mm_init_result frames = mm_init_frames(mm, boot, config);

    return frames.status == MM_OK ? mm_init_heap(mm) : frames;
}
