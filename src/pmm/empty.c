/*
 * Two strategies for tests of who asks for frames; users can't choose them.
 *
 *   empty   manages nothing: every frame is reserved, every request fails
 *   few     the bitmap, but the requests fail after @pmm->few.left frames,
 *           although there are free ones
 */
#include <string.h>

#include "pmm/inside.h"

static uint64_t no_metadata(const struct pmm *pmm) {
    (void)pmm;
    return 0;
}

static void init_empty(struct pmm *pmm) {
    memset(pmm->runs, 0, sizeof(pmm->runs));
    pmm->run_count = pmm->span_count = 0;
    pmm_find_largest_run(pmm);
    pmm->frames = 0;
    pmm->stats.reserved = pmm->stats.total;
}

static bool alloc_none(struct pmm *pmm, pfn_t *f) {
    (void)pmm, (void)f;
    return false;
}

static bool is_always_sound(const struct pmm *pmm) {
    (void)pmm;
    return true;
}

/* No frame is managed, so nobody asks after one, takes or frees one. */
const struct pmm_class pmm_empty = {
    .name = "empty",
    .metadata_size = no_metadata,
    .init = init_empty,
    .alloc = alloc_none,
    .is_sound = is_always_sound,
};

static uint64_t few_metadata_size(const struct pmm *pmm) {
    return pmm_bitmap.metadata_size(pmm);
}

static void few_init(struct pmm *pmm) {
    pmm_bitmap.init(pmm);
    pmm->few.left = 0;
}

static bool few_alloc(struct pmm *pmm, pfn_t *f) {
    if (pmm->few.left == 0 || !pmm_bitmap.alloc(pmm, f)) {
        return false;
    }
    pmm->few.left--;
    return true;
}

static enum mm_status few_free_frame(struct pmm *pmm, pfn_t f, size_t run) {
    return pmm_bitmap.free(pmm, f, run);
}

static bool few_is_used(const struct pmm *pmm, pfn_t f) {
    return pmm_bitmap.is_used(pmm, f);
}

static bool few_take(struct pmm *pmm, pfn_t first, uint64_t count) {
    if (count > pmm->few.left) {
        return false;
    }
    pmm->few.left -= count;
    return pmm_bitmap.take(pmm, first, count);
}

static bool few_is_sound(const struct pmm *pmm) {
    return pmm_bitmap.is_sound(pmm);
}

const struct pmm_class pmm_few = {
    .name = "few",
    .reuses = true,
    .metadata_size = few_metadata_size,
    .init = few_init,
    .alloc = few_alloc,
    .free = few_free_frame,
    .is_used = few_is_used,
    .take = few_take,
    .is_sound = few_is_sound,
};
