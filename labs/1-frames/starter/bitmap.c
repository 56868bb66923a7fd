/*
 * Lab 1: frames by a bitmap.  struct pmm_class in pmm/pmm.h says what each
 * function has to do; none of them does it so far.
 */
#include "pmm/inside.h"

static uint64_t bitmap_metadata_size(const struct pmm *pmm) {
    (void)pmm;
    return PAGE_SIZE; /* not implemented: lab1.metadata_size */
}

static void bitmap_init(struct pmm *pmm) {
    (void)pmm; /* not implemented: lab1.init */
}

static bool bitmap_alloc(struct pmm *pmm, pfn_t *f) {
    (void)pmm, (void)f;
    return false; /* not implemented: lab1.alloc */
}

static enum mm_status bitmap_free_frame(struct pmm *pmm, pfn_t f, size_t run) {
    (void)pmm, (void)f, (void)run;
    return MM_REFUSED; /* not implemented: lab1.free */
}

static bool bitmap_is_used(const struct pmm *pmm, pfn_t f) {
    (void)pmm, (void)f;
    return true; /* not implemented: lab1.is_used */
}

static bool bitmap_take(struct pmm *pmm, pfn_t first, uint64_t count) {
    (void)pmm, (void)first, (void)count;
    return false; /* not implemented: lab1.take */
}

static bool bitmap_is_sound(const struct pmm *pmm) {
    (void)pmm;
    return true; /* not implemented: lab1.is_sound */
}

const struct pmm_class pmm_bitmap = {
    .name = "bitmap",
    .reuses = true,
    .metadata_size = bitmap_metadata_size,
    .init = bitmap_init,
    .alloc = bitmap_alloc,
    .free = bitmap_free_frame,
    .is_used = bitmap_is_used,
    .take = bitmap_take,
    .is_sound = bitmap_is_sound,
};
