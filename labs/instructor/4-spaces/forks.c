/*
 * Lab 4, the tests behind the curtain: copies before the first write, chains of
 * forks beside an oracle of contents, copies of the kernel's.
 */
#include "../../spaces.h"

SCRIPT(the_last_owner_writes_without_a_copy) {
    uint64_t before, after;

    forked_on(t, TLB_LRU, 1);
    put(t, USER_VA, 2); /* a copy; C is alone with the old frame */
    in_space(t, C);
    before = free_frames(t);
    put(t, USER_VA, 3);
    after = free_frames(t);
    must(t, before == after && ask(t, ASK_VMM_STATS, C)->out[4] == 0, "V51a",
         "the last owner of a frame writes, and the page is copied");
    must_read(t, "V51a", USER_VA, 3);
}

SCRIPT(a_shared_frame_lives_as_long_as_someone_shows_it) {
    forked_on(t, TLB_LRU, 11);
    in_space(t, C);
    must_ok(t, status_of(ask(t, ASK_VMM_DESTROY, A)));
    for (unsigned n = 0; n < 64; n++) { /* whoever gets the frame writes */
        uint64_t f;

        if (ask_pmm_alloc(t, &f) == MM_OK) {
            memset(physical(t, f << PAGE_SHIFT), 0xee, PAGE_SIZE);
        }
    }
    must_read(t, "P23", USER_VA, 11);
}

SCRIPT(chains_of_forks_agree_with_an_oracle_of_contents) {
    uint64_t want[6][REGION_PAGES] = { { 0 } };
    bool lives[6] = { false };

    family_on(t, TLB_HOSTILE);
    private_region(t, A);
    lives[A] = true;
    for (unsigned n = 0; n < 300; n++) {
        const unsigned s = A + (unsigned)draw(t, 5);
        const unsigned page = (unsigned)draw(t, REGION_PAGES);

        if (s == B) {
            continue; /* has no region */
        }
        if (!lives[s]) {
            unsigned parent = A;

            while (!lives[parent]) {
                parent++;
            }
            must_ok(t, status_of(ask(t, ASK_VMM_FORK, s, parent)));
            memcpy(want[s], want[parent], sizeof want[s]);
            lives[s] = true;
        } else if (s != A && draw(t, 12) == 0) {
            in_space(t, 0);
            must_ok(t, status_of(ask(t, ASK_VMM_DESTROY, s)));
            lives[s] = false;
        } else {
            in_space(t, s);
            must_read(t, "V50", PAGE(USER_VA, page), want[s][page]);
            want[s][page] = n + 1;
            put(t, PAGE(USER_VA, page), n + 1);
        }
        credit(t, n / 4);
    }
    for (unsigned s = A; s <= E; s++) {
        if (lives[s]) {
            in_space(t, s);
            for (unsigned page = 0; page < REGION_PAGES; page++) {
                must_read(t, "V51b", PAGE(USER_VA, page), want[s][page]);
            }
        }
    }
}

SCRIPT(a_page_that_was_read_only_stays_so_after_a_fork) {
    bool done;

    family_on(t, TLB_LRU);
    private_region(t, A);
    in_space(t, A);
    put(t, USER_VA, 1);
    must_ok(t, status_of(ask(t, ASK_VMM_REGION_PROTECT, A, USER_VA, VMM_USER)));
    must_ok(t, status_of(ask(t, ASK_VMM_FORK, C, A)));
    for (unsigned s = A; s <= C; s += C - A) {
        in_space(t, s);
        set_user(t, true);
        done = store(t, USER_VA, 8, 2).done;
        set_user(t, false);
        must(t, !done, NULL, "a read-only page can be written after a fork");
        must_read(t, NULL, USER_VA, 1);
    }
}

SCRIPT(a_copy_to_the_user_does_not_write_to_both_sides) {
    forked_on(t, TLB_LRU, 1);
    must_read(t, "V53", USER_VA, 1); /* and the TLB knows the shared frame */
    memset(blob(t), 9, 8);
    must_ok(t, status_of(ask(t, ASK_VMM_COPY_OUT, A, USER_VA, 8)));
    must_read(t, "V53", USER_VA, UINT64_C(0x0909090909090909));
    in_space(t, C);
    must_read(t, "V53", USER_VA, 1);
}

SCRIPT(a_copy_obeys_the_rights_of_the_user) {
    const struct call *copied;

    family_on(t, TLB_LRU);
    must_ok(t, add_region(t, A, USER_VA, 2, VMM_USER, VMM_DEMAND, 0));
    must_ok(t, add_region(t, A, USER_VA + GIB, 2, VMM_USER | VMM_WRITE,
                          VMM_DEMAND, 0));
    in_space(t, A);
    must_read(t, NULL, USER_VA, 0);
    memset(blob(t), 7, 8192);
    must(t, status_of(ask(t, ASK_VMM_COPY_OUT, A, USER_VA, 8)) != MM_OK, "V53",
         "the kernel copied to a page that the user may only read");
    must_read(t, "V53", USER_VA, 0);
    copied = ask(t, ASK_VMM_COPY_OUT, A, PAGE(USER_VA + GIB, 2) - 4096, 8192);
    must(t, copied->out[0] == 4096 && status_of(copied) != MM_OK, NULL,
         "a copy that leaves its region copied %lu bytes, expected 4096",
         copied->out[0]);
}

SCRIPT(a_fork_without_frames_changes_nothing) {
    uint64_t before;

    family_on(t, TLB_LRU);
    private_region(t, A);
    in_space(t, A);
    put(t, USER_VA, 1);
    before = free_frames(t);
    for (unsigned given = 0; given < 4; given++) { /* root, three tables */
        ask_pmm_fail_after(t, given);
        must_status(t, NULL, status_of(ask(t, ASK_VMM_FORK, C, A)),
                    MM_NO_MEMORY);
        ask_pmm_fail_after(t, UINT64_MAX);
        must_have_free(t, "V38", before);
        credit(t, 25 * given);
    }
    put(t, USER_VA, 2);
    must_have_free(t, "V51a", before);
}

SCRIPT(a_copy_has_every_byte_of_the_page) {
    uint64_t value;

    forked_on(t, TLB_HOSTILE, 1);
    for (unsigned at = 8; at < PAGE_SIZE; at += 504) { /* shared no more */
        put(t, USER_VA + at, at);
    }
    in_space(t, C);
    must_ok(t, status_of(ask(t, ASK_VMM_FORK, D, C)));
    in_space(t, A);
    must_ok(t, status_of(ask(t, ASK_VMM_FORK, E, A)));
    put(t, USER_VA, 2);
    for (unsigned at = 8; at < PAGE_SIZE; at += 504) {
        must_read(t, "V51b", USER_VA + at, at);
    }
    in_space(t, E);
    must_read(t, "V51b", USER_VA, 1);
    set_user(t, true);
    must(t, load(t, USER_VA + 4088, 8, &value).done, NULL,
         "the end of the page can't be read");
    set_user(t, false);
    must_be_sound(t);
}

/*
 *   A   [ 0 | - | 2 | - | 4 | - | 6 | - ]     C and D show the same
 */
SCRIPT(a_fork_gives_every_page_and_no_more) {
    family_on(t, TLB_HOSTILE);
    private_region(t, A);
    in_space(t, A);
    for (unsigned n = 0; n < REGION_PAGES; n += 2) {
        put(t, PAGE(USER_VA, n), 100 + n);
    }
    must_ok(t, status_of(ask(t, ASK_VMM_FORK, C, A)));
    in_space(t, C);
    for (unsigned n = 0; n < REGION_PAGES; n++) {
        if (n % 2 == 0) {
            must_read(t, "V50", PAGE(USER_VA, n), 100 + n);
        } else {
            must_show_nothing(t, "V50", PAGE(USER_VA, n));
        }
    }
    must_read(t, NULL, PAGE(USER_VA, 1), 0);
    put(t, PAGE(USER_VA, 3), 7);
    in_space(t, A);
    must_read(t, "V50", PAGE(USER_VA, 3), 0);
    must_be_sound(t);
}

SCRIPT(a_device_is_shown_to_both_sides_and_not_copied) {
    uint64_t f = 0;

    family_on(t, TLB_HOSTILE);
    must_ok(t, ask_pmm_alloc_run(t, 2, 1, 0, &f));
    must_ok(t,
            add_region(t, A, USER_VA, 2, VMM_USER | VMM_WRITE, VMM_DEVICE, f));
    must_ok(t, status_of(ask(t, ASK_VMM_FORK, C, A)));
    in_space(t, A);
    put(t, USER_VA, 1);
    in_space(t, C);
    must_show(t, "V44", PAGE(USER_VA, 1), f + 1);
    must_read(t, "V44", USER_VA, 1);
    put(t, USER_VA, 2);
    must_show(t, "V44", USER_VA, f);
    in_space(t, 0);
    must_ok(t, status_of(ask(t, ASK_VMM_DESTROY, C)));
    must_ok(t, status_of(ask(t, ASK_VMM_DESTROY, A)));
    must(t, ask_pmm_is_used(t, f) && ask_pmm_is_used(t, f + 1), "V44",
         "the device's frames went to the pmm with the spaces");
    must(t, ask_pmm_is_sound(t), "V44", "the frames are not sound");
}

/** Made read-only by hand, in a region that may be written. */
SCRIPT(a_page_that_lost_its_w_does_not_get_it_by_a_fork) {
    family_on(t, TLB_HOSTILE);
    private_region(t, A);
    in_space(t, A);
    put(t, USER_VA, 1);
    must_ok(t, status_of(ask(t, ASK_VMM_PROTECT, A, USER_VA, VMM_USER, 1)));
    must_ok(t, status_of(ask(t, ASK_VMM_FORK, C, A)));
    for (unsigned s = A; s <= C; s += C - A) {
        in_space(t, s);
        set_user(t, true);
        must(t, !store(t, USER_VA, 8, 2).done, "V51b",
             "a page was read-only before the fork, and is copied at a write "
             "since: the mark is for pages that could be written");
        set_user(t, false);
        must_read(t, "V51b", USER_VA, 1);
    }
}

SCRIPT(a_fork_of_the_kernels_space_takes_its_private_part_alone) {
    uint64_t before;

    family_on(t, TLB_HOSTILE);
    must_ok(t, add_region(t, 0, KERNEL_VA, 2, VMM_WRITE, VMM_IMMEDIATE, 0));
    private_region(t, 0);
    put(t, USER_VA, 1);
    put(t, KERNEL_VA, 2);
    before = free_frames(t);
    must_ok(t, status_of(ask(t, ASK_VMM_FORK, C, 0)));
    put(t, KERNEL_VA, 3);
    in_space(t, C);
    must_read(t, "V50", USER_VA, 1);
    must_read(t, "V35", KERNEL_VA, 3);
    in_space(t, 0);
    must_be_sound(t);
    must_ok(t, status_of(ask(t, ASK_VMM_DESTROY, C)));
    must_have_free(t, "V38", before);
    must_be_sound(t);
}

const struct script lab4_forks[] = {
    LISTED(the_last_owner_writes_without_a_copy),
    LISTED(a_shared_frame_lives_as_long_as_someone_shows_it),
    LISTED(chains_of_forks_agree_with_an_oracle_of_contents),
    LISTED(a_page_that_was_read_only_stays_so_after_a_fork),
    LISTED(a_copy_to_the_user_does_not_write_to_both_sides),
    LISTED(a_copy_obeys_the_rights_of_the_user),
    LISTED(a_fork_without_frames_changes_nothing),
    LISTED(a_copy_has_every_byte_of_the_page),
    LISTED(a_fork_gives_every_page_and_no_more),
    LISTED(a_device_is_shown_to_both_sides_and_not_copied),
    LISTED(a_page_that_lost_its_w_does_not_get_it_by_a_fork),
    LISTED(a_fork_of_the_kernels_space_takes_its_private_part_alone),
    { NULL, NULL },
};
