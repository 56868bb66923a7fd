/*
 * Lab 3, the tests that students have.
 */
#include "../pages.h"

SCRIPT(a_page_comes_with_its_first_touch) {
    uint64_t value = 1, before;

    pages_on(t, TLB_LRU);
    demand(t, KERNEL_VA, 4, VMM_WRITE);
    must_show_nothing(t, NULL, KERNEL_VA);
    must(t, store(t, KERNEL_VA + 8, 8, 0x1234).done, NULL,
         "the first store to a page on demand is refused");
    before = free_frames(t);
    must(t, load(t, KERNEL_VA + 8, 8, &value).done && value == 0x1234, NULL,
         "the load gives 0x%lx, 0x1234 was stored", value);
    must_have_free(t, "F14", before);
}

SCRIPT(a_new_page_is_zero) {
    uint64_t f, value;

    pages_on(t, TLB_LRU);
    f = frame(t); /* a frame that comes back with somebody's bytes */
    memset(physical(t, f << PAGE_SHIFT), 0x5a, PAGE_SIZE);
    must_ok(t, ask_pmm_free(t, f));
    demand(t, KERNEL_VA, 16, VMM_WRITE);
    for (unsigned n = 0; n < 16; n++) {
        for (uint64_t at = 0; at < PAGE_SIZE; at += 504) {
            must(t, load(t, PAGE(KERNEL_VA, n) + at, 8, &value).done, NULL,
                 "a load from a page on demand is refused");
            must(t, value == 0, "F03",
                 "page %u is new, and its byte %lu is not zero:\n"
                 "  expected   00 00 00 00 00 00 00 00\n"
                 "  seen       0x%016lx",
                 n, at, value);
        }
    }
}

SCRIPT(an_address_in_no_region_is_refused) {
    struct access_result r;
    uint64_t value, before;

    pages_on(t, TLB_LRU);
    demand(t, KERNEL_VA, 4, VMM_WRITE);
    before = free_frames(t);
    r = load(t, KERNEL_VA + 64 * PAGE_SIZE, 1, &value);
    must(t, !r.done, "F11", "a load outside every region is done");
    must_status(t, NULL, r.status, MM_NO_REGION);
    must_have_free(t, NULL, before);
}

SCRIPT(a_guard_page_is_never_filled) {
    struct access_result r;

    pages_on(t, TLB_LRU);
    must_ok(t, add_region(t, 0, KERNEL_VA, 1, VMM_READ, VMM_GUARD, 0));
    demand(t, PAGE(KERNEL_VA, 1), 4, VMM_WRITE);
    r = store(t, KERNEL_VA + 0xff8, 8, 1);
    must(t, !r.done, NULL, "a store to a guard page is done");
    must_status(t, NULL, r.status, MM_REFUSED);
    must_show_nothing(t, NULL, KERNEL_VA);
}

SCRIPT(a_stack_grows_by_being_touched) {
    pages_on(t, TLB_LRU);
    must_ok(t, add_region(t, 0, KERNEL_VA + GIB, 1, VMM_WRITE, VMM_STACK,
                          16 * PAGE_SIZE));
    for (unsigned n = 1; n < 8; n++) {
        must(t, store(t, KERNEL_VA + GIB - n * PAGE_SIZE + 64, 8, n).done,
             "F12", "the stack does not grow to page %u below it", n);
    }
}

const struct script lab3_public[] = {
    LISTED(a_page_comes_with_its_first_touch),
    LISTED(a_new_page_is_zero),
    LISTED(an_address_in_no_region_is_refused),
    LISTED(a_guard_page_is_never_filled),
    LISTED(a_stack_grows_by_being_touched),
    { NULL, NULL },
};
