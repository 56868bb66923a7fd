/*
 * Frames by a stack of free ones, strung through the frames themselves.
 *
 *   top --> [ next | previous ... ] --> [ next | previous ... ] --> 0
 *             a free frame                another
 *
 * The frame that came back last is handed out first, when the caches still
 * know it; both ways are O(1).  What it costs: the start writes to every frame
 * there is, and the stack is soon in random order, so that free memory is there
 * but hardly two frames of it together.
 *
 * A bit per frame, set while it is used, tells a double free.  The links go
 * both ways so that a given frame can be taken from the middle.
 */
#include <string.h>

#include "pmm/inside.h"

static uint64_t stack_metadata_size(const struct pmm *pmm) {
    return words_for(pmm->frames) * sizeof(uint64_t);
}

static void push(struct pmm *pmm, pfn_t f) {
    bit_clear(pmm->stack.words, f.v);
    pmm_list_push(pmm, &pmm->stack.top, f);
}

static void take_one(struct pmm *pmm, pfn_t f) {
    pmm_list_remove(pmm, &pmm->stack.top, f);
    bit_set(pmm->stack.words, f.v);
}

/** From the top of memory down, so that the lowest frame comes first. */
static void stack_init(struct pmm *pmm) {
    pmm->stack.words = pmm_metadata(pmm);
    pmm->stack.top = pfn(0);
    memset(pmm->stack.words, 0xff, stack_metadata_size(pmm));
    for (size_t i = pmm->run_count; i-- > 0;) {
        for (uint64_t n = pmm->runs[i].count; n-- > 0;) {
            push(pmm, pfn_add(pmm->runs[i].first, n));
        }
    }
}

static bool stack_alloc(struct pmm *pmm, pfn_t *f) {
    if (pmm->stack.top.v == 0) {
        return false;
    }
    *f = pmm->stack.top;
    take_one(pmm, *f);
    return true;
}

static bool stack_is_used(const struct pmm *pmm, pfn_t f) {
    return bit_is_set(pmm->stack.words, f.v);
}

static enum mm_status stack_free_frame(struct pmm *pmm, pfn_t f, size_t run) {
    (void)run;
    if (!stack_is_used(pmm, f)) {
        return MM_NOT_ALLOCATED;
    }
    push(pmm, f);
    return MM_OK;
}

static bool stack_take(struct pmm *pmm, pfn_t first, uint64_t count) {
    for (uint64_t n = 0; n < count; n++) {
        take_one(pmm, pfn_add(first, n));
    }
    return true;
}

/** Every frame on the stack is managed, free and linked back; as many as are
 *  free. */
static bool stack_is_sound(const struct pmm *pmm) {
    const uint64_t free_count = pmm_free_count(pmm);
    pfn_t f = pmm->stack.top, before = pfn(0);
    uint64_t seen = 0;

    while (f.v != 0 && seen <= free_count) {
        if (!pmm_is_managed(pmm, f) || stack_is_used(pmm, f) ||
            pmm_link(pmm, f)->previous.v != before.v) {
            return false;
        }
        before = f;
        f = pmm_link(pmm, f)->next;
        seen++;
    }
    return seen == free_count;
}

const struct pmm_class pmm_stack = {
    .name = "stack",
    .reuses = true,
    .scratch = sizeof(struct pmm_link),
    .metadata_size = stack_metadata_size,
    .init = stack_init,
    .alloc = stack_alloc,
    .free = stack_free_frame,
    .is_used = stack_is_used,
    .take = stack_take,
    .is_sound = stack_is_sound,
};
