/*
 * Is everything sound, each floor for itself and all of them together?
 *
 * Together: the heap's bytes are exactly the region "heap", with its guards
 * where they belong, and the frames and tables that the heap's window shows
 * are no more than the pmm handed out.  Others may hold frames too (a test, a
 * driver), so equality can't be asked for here.
 */
#include "mm/mm.h"

static bool complain(const char **why, const char *sentence) {
    if (why != NULL) {
        *why = sentence;
    }
    return false;
}

static bool is_guard(const struct mm *mm, uint64_t va) {
    const struct vmm_region *region = vmm_region_at(&mm->space, vaddr(va));

    return region != NULL && region->backing == VMM_GUARD &&
           region->range.base.v == va && region->range.len == PAGE_SIZE;
}

/** The regions say what the heap says. */
static bool regions_agree(const struct mm *mm) {
    const struct heap *heap = &mm->heap;
    const struct vmm_region *region = vmm_region_at(&mm->space, heap->start);

    if (!is_guard(mm, heap->start.v - PAGE_SIZE) ||
        !is_guard(mm, heap->limit.v)) {
        return false;
    }
    if (heap_size(heap) == 0) {
        return region == NULL;
    }
    /* The guard in front ends where it begins. */
    return region != NULL && region->range.len == heap_size(heap) &&
           region->backing == mm->config.heap_backing;
}

struct tally {
    const struct pmm *pmm;
    struct vrange heap;
    uint64_t frames; /* tables and pages seen */
    bool bad;
};

static void tally_entry(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct tally *tally = ctx;
    pfn_t f = pfn_of(pte_address(entry));

    if (!pmm_is_managed(tally->pmm, f) || !pmm_is_used(tally->pmm, f) ||
        (pte_is_leaf(entry, level) && !vrange_holds(tally->heap, va))) {
        tally->bad = true;
    }
    tally->frames++;
}

/** What the heap's window shows was handed out, and its pages are the heap's.
 */
static bool frames_agree(const struct mm *mm) {
    const struct vrange window = { mm->config.heap_base,
                                   mm->config.heap_limit };
    struct tally tally = {
        .pmm = &mm->pmm,
        .heap = { mm->heap.start, heap_size(&mm->heap) },
    };

    vmm_walk(&mm->space, window, tally_entry, &tally);
    return !tally.bad && tally.frames <= pmm_stats(&mm->pmm).allocated;
}

bool mm_check(const struct mm *mm, const char **why) {
    if (!pmm_is_sound(&mm->pmm)) {
        return complain(why, "pmm: runs, counters or the class disagree");
    }
    if (!vmm_all_are_sound(&mm->space, why)) {
        return false;
    }
    if (!mm_has_heap(mm)) {
        return true;
    }
    if (!heap_is_sound(&mm->heap)) {
        return complain(why, "heap: counters, runs or the class disagree");
    }
    if (!regions_agree(mm)) {
        return complain(why, "mm: the heap and its regions disagree");
    }
    if (!frames_agree(mm)) {
        return complain(
            why, "mm: the heap's window shows a frame that nobody allocated, "
                 "or a page outside the heap");
    }
    return true;
}
