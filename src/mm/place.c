/*
 * Where a heap may lie: behind the kernel's own image.
 *
 *   [ text ][ rodata ][ data ][ stacks ][ guard page ][ heap ...... ][ guard ]
 *   image.base                 image's end             heap_base
 *
 * The page between shows nothing, so who runs off the end of the image does not
 * write into the heap unseen, nor the other way round.  It is the guard page
 * that mm_init_heap() puts up in front of every heap.
 */
#include "mm/mm.h"

struct vrange mm_image(const struct hw_boot *boot) {
    uint64_t from = UINT64_MAX, last = 0;

    for (size_t i = 0; i < boot->section_count; i++) {
        const struct vrange range = boot->sections[i].range;

        from = range.base.v < from ? range.base.v : from;
        last = range.base.v + range.len - 1 > last
                   ? range.base.v + range.len - 1
                   : last;
    }
    return (struct vrange){ vaddr(from), last - from + 1 };
}

bool mm_heap_behind(struct mm_config *config, struct vrange image) {
    uint64_t base, end;

    if (__builtin_add_overflow(image.base.v, image.len, &end) ||
        !align_up(end, PAGE_SIZE, &base) ||
        __builtin_add_overflow(base, PAGE_SIZE, &base) ||
        __builtin_add_overflow(base, config->heap_limit + PAGE_SIZE, &end)) {
        return false;
    }
    config->heap_base = vaddr(base);
    return true;
}
