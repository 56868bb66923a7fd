/*
 * Lab 4, the tests behind the curtain: what spaces share, and their ends in any
 * order.
 */
#include "../../spaces.h"

/*
 *   PML4   [ private ][ first shared .......... KERNEL_VA ... last ]
 *   A new space begins with all that the kernel's has there.
 */
SCRIPT(a_new_space_shows_what_the_kernel_had_before) {
    static const uint64_t there[] = { VMM_PRIVATE_SIZE + 512 * GIB, KERNEL_VA,
                                      UINT64_C(0xffffa00000000000),
                                      UINT64_C(0xffffffffffe00000) };

    pages_on(t, TLB_LRU);
    for (unsigned n = 0; n < 4; n++) {
        must_ok(t, add_region(t, 0, there[n], 2, VMM_WRITE, VMM_IMMEDIATE, 0));
        put(t, there[n], 42 + n);
    }
    must_ok(t, status_of(ask(t, ASK_VMM_CREATE, A)));
    in_space(t, A);
    for (unsigned n = 0; n < 4; n++) {
        must_read(t, "V35", there[n], 42 + n);
        credit(t, 20 * n);
    }
}

SCRIPT(a_new_upper_entry_of_the_kernel_reaches_all_spaces) {
    const uint64_t far = KERNEL_VA + 3 * 512 * GIB;

    family_on(t, TLB_LRU);
    in_space(t, A);
    must_ok(t, add_region(t, 0, far, 2, VMM_WRITE, VMM_IMMEDIATE, 0));
    put(t, far, 7);
    in_space(t, B);
    must_read(t, "V36", far, 7);
    in_space(t, 0);
    must_read(t, "V36", far, 7);
    must_status(t, "V36", status_of(ask(t, ASK_VMM_REGION_AT, A, far)), MM_OK);
}

SCRIPT(a_private_page_is_gone_in_another_space) {
    struct access_result r;
    uint64_t value;

    family_on(t, TLB_HOSTILE);
    private_region(t, A);
    in_space(t, A);
    put(t, USER_VA, 5);
    in_space(t, B);
    set_user(t, true);
    r = load(t, USER_VA, 8, &value);
    set_user(t, false);
    must(t, !r.done, "V33", "space B reads %lu, which is space A's", value);
}

SCRIPT(nothing_is_left_of_spaces_in_whatever_order_they_end) {
    static const unsigned orders[6][3] = { { A, B, C }, { A, C, B },
                                           { B, A, C }, { B, C, A },
                                           { C, A, B }, { C, B, A } };
    uint64_t before;

    pages_on(t, TLB_LRU);
    must_ok(t, ask_pmm_keep_books(t));
    before = free_frames(t);
    for (unsigned o = 0; o < 6; o++) {
        must_ok(t, status_of(ask(t, ASK_VMM_CREATE, A)));
        must_ok(t, status_of(ask(t, ASK_VMM_CREATE, B)));
        private_region(t, A);
        private_region(t, B);
        in_space(t, B);
        put(t, USER_VA, 2);
        in_space(t, A);
        put(t, USER_VA, 1);
        put(t, PAGE(USER_VA, 3), 3);
        must_ok(t, status_of(ask(t, ASK_VMM_FORK, C, A)));
        put(t, USER_VA, 4);
        in_space(t, 0);
        for (unsigned i = 0; i < 3; i++) {
            must_ok(t, status_of(ask(t, ASK_VMM_DESTROY, orders[o][i])));
        }
        must_have_free(t, "V38", before);
        credit(t, 16 * o);
    }
    must(t, ask_pmm_is_sound(t), "V38", "the frames are not sound");
}

SCRIPT(a_space_in_force_and_the_kernels_do_not_end) {
    family_on(t, TLB_LRU);
    in_space(t, A);
    must_status(t, "V38", status_of(ask(t, ASK_VMM_DESTROY, A)), MM_REFUSED);
    in_space(t, B);
    must_status(t, "V38", status_of(ask(t, ASK_VMM_DESTROY, 0)), MM_REFUSED);
    must_ok(t, status_of(ask(t, ASK_VMM_DESTROY, A)));
    /* A is forgotten: what is new in the kernel's part reaches B alone. */
    must_ok(t, add_region(t, 0, KERNEL_VA + 7 * 512 * GIB, 1, VMM_WRITE,
                          VMM_IMMEDIATE, 0));
    put(t, KERNEL_VA + 7 * 512 * GIB, 3);
    must_be_sound(t);
}

SCRIPT(private_tables_belong_to_one_space) {
    family_on(t, TLB_LRU);
    must_ok(t, map(t, USER_VA + GIB, frame(t), VMM_WRITE | VMM_USER));
    must_ok(t, status_of(ask(t, ASK_VMM_CREATE, C)));
    in_space(t, C);
    must_show_nothing(t, "V35", USER_VA + GIB);
    private_region(t, C);
    put(t, USER_VA, 5);
    in_space(t, 0);
    must_show_nothing(t, "V35", USER_VA);
    must_ok(t, map_in(t, C, VMM_PRIVATE_SIZE - PAGE_SIZE, frame(t), VMM_USER));
    must_ok(t, status_of(ask(t, ASK_VMM_DESTROY, C)));
    must_be_sound(t);
}

SCRIPT(the_root_of_a_space_shows_nothing_at_first) {
    uint64_t f[32];

    pages_on(t, TLB_LRU);
    for (unsigned n = 0; n < 32; n++) {
        f[n] = frame(t);
        memset(physical(t, f[n] << PAGE_SHIFT), 0x67, PAGE_SIZE);
    }
    for (unsigned n = 0; n < 32; n++) {
        must_ok(t, ask_pmm_free(t, f[n]));
    }
    must_ok(t, status_of(ask(t, ASK_VMM_CREATE, A)));
    in_space(t, A);
    for (unsigned n = 0; n < VMM_PRIVATE_SIZE / (512 * GIB); n += 7) {
        must_show_nothing(t, "P26", n * 512 * GIB);
    }
}

const struct script lab4_hidden[] = {
    LISTED(a_new_space_shows_what_the_kernel_had_before),
    LISTED(a_new_upper_entry_of_the_kernel_reaches_all_spaces),
    LISTED(a_private_page_is_gone_in_another_space),
    LISTED(nothing_is_left_of_spaces_in_whatever_order_they_end),
    LISTED(a_space_in_force_and_the_kernels_do_not_end),
    LISTED(private_tables_belong_to_one_space),
    LISTED(the_root_of_a_space_shows_nothing_at_first),
    { NULL, NULL },
};
