/*
 * Lab 4, the tests that students have.
 */
#include "../spaces.h"

SCRIPT(regions_are_apart) {
    pages_on(t, TLB_LRU);
    must_ok(t, add_region(t, 0, KERNEL_VA, 4, VMM_WRITE, VMM_DEMAND, 0));
    must_status(
        t, NULL,
        add_region(t, 0, PAGE(KERNEL_VA, 3), 4, VMM_WRITE, VMM_DEMAND, 0),
        MM_OVERLAP);
    must_ok(t,
            add_region(t, 0, PAGE(KERNEL_VA, 4), 4, VMM_WRITE, VMM_DEMAND, 0));
    must_status(t, NULL,
                status_of(ask(t, ASK_VMM_REGION_AT, 0, PAGE(KERNEL_VA, 9))),
                MM_NO_REGION);
    must(t,
         ask(t, ASK_VMM_REGION_AT, 0, PAGE(KERNEL_VA, 3))->out[0] == KERNEL_VA,
         NULL, "the region of page 3 is another one");
}

SCRIPT(a_region_that_is_removed_gives_all_its_frames_back) {
    uint64_t before;

    pages_on(t, TLB_HOSTILE);
    before = free_frames(t);
    must_ok(t, add_region(t, 0, KERNEL_VA, 8, VMM_WRITE, VMM_DEMAND, 0));
    for (unsigned n = 0; n < 8; n++) {
        must(t, store(t, PAGE(KERNEL_VA, n), 8, n).done, NULL,
             "the store to page %u is refused", n);
    }
    must_ok(t, remove_region(t, 0, KERNEL_VA));
    for (unsigned n = 0; n < 8; n++) {
        must_show_nothing(t, "V48", PAGE(KERNEL_VA, n));
    }
    reclaim(t, KERNEL_VA, 8 * PAGE_SIZE);
    must_have_free(t, "V48", before);
}

SCRIPT(two_spaces_show_different_pages_at_one_address) {
    family_on(t, TLB_LRU);
    private_region(t, A);
    private_region(t, B);
    in_space(t, A);
    put(t, USER_VA, 1);
    in_space(t, B);
    put(t, USER_VA, 2);
    in_space(t, A);
    must_read(t, "V35", USER_VA, 1);
    in_space(t, B);
    must_read(t, "V35", USER_VA, 2);
}

SCRIPT(all_spaces_show_the_kernel) {
    family_on(t, TLB_LRU);
    must_ok(t, add_region(t, 0, KERNEL_VA, 2, VMM_WRITE, VMM_IMMEDIATE, 0));
    put(t, KERNEL_VA, 42);
    in_space(t, A);
    must_read(t, "V35", KERNEL_VA, 42);
}

SCRIPT(after_a_fork_each_side_sees_its_own_writes_only) {
    forked_on(t, TLB_HOSTILE, 1);
    must_read(t, NULL, USER_VA, 1);
    put(t, USER_VA, 2);
    in_space(t, C);
    must_read(t, "V50", USER_VA, 1);
    put(t, USER_VA, 3);
    in_space(t, A);
    must_read(t, "V51b", USER_VA, 2);
}

const struct script lab4_public[] = {
    LISTED(regions_are_apart),
    LISTED(a_region_that_is_removed_gives_all_its_frames_back),
    LISTED(two_spaces_show_different_pages_at_one_address),
    LISTED(all_spaces_show_the_kernel),
    LISTED(after_a_fork_each_side_sees_its_own_writes_only),
    { NULL, NULL },
};
