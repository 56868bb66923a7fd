/*
 * Lab 3, the tests behind the curtain: edges of regions, rights, memory that
 * runs out in the handler, exact counts.
 */
#include "../../pages.h"

SCRIPT(the_first_and_the_last_byte_of_a_region_are_served) {
    uint64_t value;

    pages_on(t, TLB_LRU);
    demand(t, KERNEL_VA, 4, VMM_WRITE);
    must(t, load(t, PAGE(KERNEL_VA, 4) - 1, 1, &value).done, "F11",
         "the last byte of a region is refused");
    must(t, load(t, KERNEL_VA, 1, &value).done, "F11",
         "the first byte of a region is refused");
    must(t, !load(t, PAGE(KERNEL_VA, 4), 1, &value).done, "F11",
         "the byte behind a region is served");
    must(t, !load(t, KERNEL_VA - 1, 1, &value).done, "F11",
         "the byte before a region is served");
}

SCRIPT(an_access_across_two_pages_fills_both) {
    struct access_result r;
    uint64_t value;

    pages_on(t, TLB_LRU);
    demand(t, KERNEL_VA, 4, VMM_WRITE);
    r = store(t, PAGE(KERNEL_VA, 1) - 4, 8, UINT64_C(0x1122334455667788));
    must(t, r.done && r.faults == 2, "F14",
         "a store across two pages takes %u faults, expected 2", r.faults);
    must(t,
         load(t, PAGE(KERNEL_VA, 1) - 4, 8, &value).done &&
             value == UINT64_C(0x1122334455667788),
         NULL, "the word across the border is 0x%lx", value);
}

SCRIPT(a_page_that_was_read_first_can_be_written) {
    struct access_result r;
    uint64_t value;

    pages_on(t, TLB_HOSTILE);
    demand(t, KERNEL_VA, 4, VMM_WRITE);
    must(t, load(t, KERNEL_VA, 8, &value).done, NULL, "the load is refused");
    r = store(t, KERNEL_VA, 8, 7);
    must(t, r.done && r.faults == 0, "F02",
         "the page came with a load; the store that follows %s, after %u "
         "faults: the page got the rights of the first access, not of its "
         "region",
         r.done ? "is done" : "is refused", r.faults);
}

SCRIPT(no_more_is_allowed_than_the_region_says) {
    struct access_result r;
    uint64_t value, before;

    pages_on(t, TLB_LRU);
    demand(t, KERNEL_VA, 4, VMM_READ);
    demand(t, KERNEL_VA + GIB, 4, VMM_EXECUTE);
    before = free_frames(t);
    r = store(t, KERNEL_VA, 8, 1);
    must(t, !r.done, NULL, "a store to a read-only region is done");
    must_status(t, NULL, r.status, MM_REFUSED);
    r = fetch(t, KERNEL_VA);
    must(t, !r.done, NULL, "a fetch from a region of data is done");
    set_user(t, true);
    r = load(t, KERNEL_VA, 8, &value);
    must(t, !r.done, "F06", "the user reads a region of the kernel");
    must_status(t, "F06", r.status, MM_REFUSED);
    set_user(t, false);
    must_show_nothing(t, "F06", KERNEL_VA);
    must_have_free(t, "F06", before);
    must(t, load(t, KERNEL_VA, 8, &value).done, NULL, "the load is refused");
    must(t, fetch(t, KERNEL_VA + GIB).done, NULL,
         "a fetch from code is refused");
    set_user(t, true);
    must(t, !load(t, KERNEL_VA, 8, &value).done, "F06",
         "the kernel touched its page, and now the user can read it");
    set_user(t, false);
}

SCRIPT(the_user_gets_his_own_pages) {
    uint64_t value;

    pages_on(t, TLB_LRU);
    demand(t, USER_VA, 4, VMM_USER | VMM_WRITE);
    set_user(t, true);
    must(t, store(t, USER_VA, 8, 99).done, NULL,
         "the user's store to his region is refused");
    must(t, load(t, USER_VA, 8, &value).done && value == 99, NULL,
         "the user reads 0x%lx, he stored 99", value);
}

/*
 *   [ 1234 | W taken away by hand ]   a store: refused, and 1234 is still there
 */
SCRIPT(a_page_that_is_there_is_not_replaced) {
    struct access_result r;
    uint64_t value = 0, before;

    pages_on(t, TLB_LRU);
    demand(t, KERNEL_VA, 4, VMM_WRITE);
    must(t, store(t, KERNEL_VA, 8, 1234).done, NULL, "the store is refused");
    must_ok(t, protect(t, KERNEL_VA, VMM_READ));
    before = free_frames(t);
    r = store(t, KERNEL_VA, 8, 5);
    must(t, !r.done, "F05",
         "the page has fewer rights than its region, and the store is done");
    must(t, load(t, KERNEL_VA, 8, &value).done && value == 1234, "F05",
         "the page's content is gone:\n"
         "  expected   1234\n  seen       %lu",
         value);
    must_have_free(t, "F05", before);
}

SCRIPT(a_stale_translation_costs_a_fault_and_no_more) {
    struct access_result r;
    uint64_t value, before;

    pages_on(t, TLB_LRU);
    demand(t, KERNEL_VA, 4, VMM_WRITE);
    must(t, store(t, KERNEL_VA, 8, 77).done, NULL, "the store is refused");
    before = free_frames(t);
    /* The fault that a processor with a stale "no" would make. */
    must_status(
        t, "F05",
        status_of(ask(t, ASK_VMM_FAULT, 0, KERNEL_VA, PF_PRESENT | PF_WRITE)),
        MM_OK);
    must_status(t, "F05", status_of(ask(t, ASK_VMM_FAULT, 0, KERNEL_VA, 0)),
                MM_OK);
    r = load(t, KERNEL_VA, 8, &value);
    must(t, r.done && value == 77, "F05",
         "a fault that needed no repair changed the page: %lu, expected 77",
         value);
    must_have_free(t, "F05", before);
}

SCRIPT(without_a_frame_the_access_fails_and_nothing_changed) {
    struct access_result r;
    uint64_t before;

    pages_on(t, TLB_LRU);
    demand(t, KERNEL_VA, 4, VMM_WRITE);
    before = free_frames(t);
    for (unsigned given = 0; given < 4; given++) { /* page, three tables */
        ask_pmm_fail_after(t, given);
        r = store(t, KERNEL_VA, 8, 1);
        ask_pmm_fail_after(t, UINT64_MAX);
        must(t, !r.done && r.faults == 1, "F08",
             "with %u frames left a store needs four; it %s after %u faults: "
             "the handler says \"again\" although it repaired nothing",
             given, r.done ? "is done" : "is refused", r.faults);
        must_status(t, "F08", r.status, MM_NO_MEMORY);
        must_show_nothing(t, "F08", KERNEL_VA);
        must_have_free(t, "F03", before);
        credit(t, 20 * given);
    }
    must(t, store(t, KERNEL_VA, 8, 1).done, NULL,
         "there are frames again, and the store is refused");
}

SCRIPT(one_fault_brings_one_page) {
    struct access_result r;
    uint64_t before, after;

    pages_on(t, TLB_LRU);
    demand(t, KERNEL_VA, 32, VMM_WRITE);
    must(t, store(t, KERNEL_VA, 1, 1).done, NULL, "the store is refused");
    before = free_frames(t);
    for (unsigned n = 2; n < 32; n += 2) {
        r = store(t, PAGE(KERNEL_VA, n), 1, 1);
        must(t, r.done && r.faults == 1, "F14",
             "the first touch of page %u takes %u faults", n, r.faults);
    }
    after = free_frames(t);
    must(t, before - after == 15, "F14",
         "15 pages were touched, and %lu frames are gone:\n"
         "  expected   [x.x.x.x.]\n  seen       perhaps neighbours as well",
         before - after);
    for (unsigned n = 1; n < 32; n += 2) {
        must_show_nothing(t, "F14", PAGE(KERNEL_VA, n));
    }
}

SCRIPT(touches_in_any_order_give_the_same_content) {
    unsigned order[64];

    pages_on(t, TLB_HOSTILE);
    demand(t, KERNEL_VA, 64, VMM_WRITE);
    any_order(t, order, 64);
    for (unsigned n = 0; n < 64; n++) {
        must(t, store(t, PAGE(KERNEL_VA, order[n]) + 8, 8, order[n]).done, NULL,
             "the store to page %u is refused", order[n]);
    }
    for (unsigned n = 0; n < 64; n++) {
        uint64_t value = 99, zero = 99;

        must(t,
             load(t, PAGE(KERNEL_VA, n) + 8, 8, &value).done && value == n &&
                 load(t, PAGE(KERNEL_VA, n) + 16, 8, &zero).done && zero == 0,
             "F03", "page %u holds %lu and %lu, expected %u and 0", n, value,
             zero, n);
    }
}

SCRIPT(a_stack_ends_at_its_limit) {
    const uint64_t top = KERNEL_VA + GIB;
    struct access_result r;

    pages_on(t, TLB_LRU);
    must_ok(t, add_region(t, 0, top, 1, VMM_WRITE, VMM_STACK, 8 * PAGE_SIZE));
    must(t, store(t, top - 7 * PAGE_SIZE, 8, 1).done, "F12",
         "the stack may have 8 pages, and the 8th is refused");
    r = store(t, top - 7 * PAGE_SIZE - 8, 8, 1);
    must(t, !r.done, "F12",
         "a stack with a limit of 8 pages grew to a 9th:\n"
         "  limit      [8 7 6 5 4 3 2 1]\n  seen     [9 8 7 6 5 4 3 2 1]");
    must_show_nothing(t, "F12", top - 8 * PAGE_SIZE);
}

SCRIPT(a_stack_keeps_away_from_what_lies_below) {
    const uint64_t top = KERNEL_VA + GIB;

    pages_on(t, TLB_LRU);
    must_ok(t, add_region(t, 0, top, 1, VMM_WRITE, VMM_STACK, 64 * PAGE_SIZE));
    demand(t, top - 10 * PAGE_SIZE, 4, VMM_WRITE); /* ends 6 pages below */
    must(t, store(t, top - 5 * PAGE_SIZE, 8, 1).done, NULL,
         "five pages below the stack are free, and it does not grow there");
    must(t, !store(t, top - 6 * PAGE_SIZE, 8, 1).done, NULL,
         "the stack touches the region below it: nothing would stop it there");
}

SCRIPT(nothing_of_the_page_is_touched_before_it_is_there) {
    pages_on(t, TLB_LRU);
    demand(t, KERNEL_VA, 4, VMM_WRITE);
    note(t, "a handler that touches the page that it serves faults again\n");
    must(t, store(t, KERNEL_VA, 8, 1).done, "F09",
         "the first store is refused");
}

static enum mm_status fault_at(struct test *t, uint64_t va, unsigned error) {
    return status_of(ask(t, ASK_VMM_FAULT, 0, va, error));
}

SCRIPT(pages_that_were_all_there_from_the_start_are_not_made_anew) {
    uint64_t f = 0, value;

    pages_on(t, TLB_LRU);
    must_ok(t, ask_pmm_alloc_run(t, 2, 1, 0, &f));
    must_ok(t, add_region(t, 0, KERNEL_VA, 2, VMM_WRITE, VMM_IMMEDIATE, 0));
    must_ok(t, add_region(t, 0, KERNEL_VA + GIB, 2, VMM_WRITE, VMM_DEVICE, f));
    must_ok(t, unmap(t, KERNEL_VA));
    must_ok(t, unmap(t, KERNEL_VA + GIB));
    must(t, !load(t, KERNEL_VA, 8, &value).done, "F05",
         "a page of an immediate region was taken out; a touch brings a fresh "
         "one, and nobody learns that its content is lost");
    must(t, !load(t, KERNEL_VA + GIB, 8, &value).done, "F05",
         "a page of a device was taken out; a touch brings RAM in its place");
    must(t, load(t, PAGE(KERNEL_VA, 1), 8, &value).done, NULL,
         "its neighbour can't be read any more");
}

SCRIPT(an_entry_that_lost_its_p_is_no_fresh_page) {
    uint64_t before;

    pages_on(t, TLB_LRU);
    demand(t, KERNEL_VA, 4, VMM_WRITE);
    must(t, store(t, KERNEL_VA, 8, 77).done, NULL, "the store is refused");
    *entry_in_ram(t, KERNEL_VA, 1) &= ~PTE_PRESENT;
    before = free_frames(t);
    must_status(t, "F05", fault_at(t, KERNEL_VA, 0), MM_REFUSED);
    must_have_free(t, "F05", before);
}

SCRIPT(faults_that_no_page_can_mend_are_refused) {
    static const unsigned errors[] = { PF_PRESENT | PF_RESERVED,
                                       PF_PRESENT | PF_KEY,
                                       PF_PRESENT | PF_WRITE | PF_SHADOW,
                                       1u << 20 };
    uint64_t before;

    pages_on(t, TLB_LRU);
    demand(t, KERNEL_VA, 4, VMM_WRITE);
    before = free_frames(t);
    for (unsigned n = 0; n < 4; n++) {
        must_status(t, NULL, fault_at(t, KERNEL_VA, errors[n]), MM_REFUSED);
    }
    must_have_free(t, NULL, before);
    must_show_nothing(t, NULL, KERNEL_VA);
}

/** A store of the kernel to a page of the user's, refused by SMAP: the error
 *  code is that of a stale translation, which is retried once. */
SCRIPT(a_fault_that_comes_again_unchanged_is_refused) {
    pages_on(t, TLB_LRU);
    demand(t, USER_VA, 2, VMM_USER | VMM_WRITE);
    set_user(t, true);
    must(t, store(t, USER_VA, 8, 1).done, NULL, "the user's store is refused");
    set_user(t, false);
    must_status(t, "F08", fault_at(t, USER_VA, PF_PRESENT | PF_WRITE), MM_OK);
    must_status(t, "F08", fault_at(t, USER_VA, PF_PRESENT | PF_WRITE),
                MM_REFUSED);
}

SCRIPT(a_stack_grows_for_those_who_may_touch_it) {
    const uint64_t top = KERNEL_VA + GIB, low = USER_VA + GIB;
    struct access_result r;

    pages_on(t, TLB_LRU);
    must_ok(t, add_region(t, 0, top, 1, VMM_WRITE, VMM_STACK, 8 * PAGE_SIZE));
    must_ok(t, add_region(t, 0, low, 1, VMM_USER | VMM_WRITE, VMM_STACK,
                          8 * PAGE_SIZE));
    set_user(t, true);
    r = store(t, top - 8, 8, 1);
    must(t, !r.done, "F06", "the user makes a stack of the kernel grow");
    must_status(t, "F06", r.status, MM_REFUSED);
    must(t, store(t, low - 8, 8, 1).done, NULL,
         "the user's stack does not grow for the user");
    must(t, !fetch(t, low - 16).done, NULL, "code on a stack is executed");
    set_user(t, false);
    must_show_nothing(t, "F06", top - PAGE_SIZE);
}

SCRIPT(a_stack_without_a_frame_keeps_its_length) {
    const uint64_t top = KERNEL_VA + GIB;
    struct access_result r;

    pages_on(t, TLB_LRU);
    must_ok(t, add_region(t, 0, top, 1, VMM_WRITE, VMM_STACK, 8 * PAGE_SIZE));
    ask_pmm_fail_after(t, 0);
    r = store(t, top - 8, 8, 1);
    ask_pmm_fail_after(t, UINT64_MAX);
    must(t, !r.done, "F08", "a stack grew without a frame");
    must_status(t, "F08", r.status, MM_NO_MEMORY);
    must_status(t, "F12",
                status_of(ask(t, ASK_VMM_REGION_AT, 0, top - PAGE_SIZE)),
                MM_NO_REGION);
    must(t, store(t, top - 8, 8, 1).done, "F08",
         "there are frames again, and the stack does not grow");
    must_status(t, "F12",
                status_of(ask(t, ASK_VMM_REGION_AT, 0, top - PAGE_SIZE)),
                MM_OK);
}

const struct script lab3_hidden[] = {
    LISTED(the_first_and_the_last_byte_of_a_region_are_served),
    LISTED(an_access_across_two_pages_fills_both),
    LISTED(a_page_that_was_read_first_can_be_written),
    LISTED(no_more_is_allowed_than_the_region_says),
    LISTED(the_user_gets_his_own_pages),
    LISTED(a_page_that_is_there_is_not_replaced),
    LISTED(a_stale_translation_costs_a_fault_and_no_more),
    LISTED(without_a_frame_the_access_fails_and_nothing_changed),
    LISTED(one_fault_brings_one_page),
    LISTED(touches_in_any_order_give_the_same_content),
    LISTED(a_stack_ends_at_its_limit),
    LISTED(a_stack_keeps_away_from_what_lies_below),
    LISTED(nothing_of_the_page_is_touched_before_it_is_there),
    LISTED(pages_that_were_all_there_from_the_start_are_not_made_anew),
    LISTED(an_entry_that_lost_its_p_is_no_fresh_page),
    LISTED(faults_that_no_page_can_mend_are_refused),
    LISTED(a_fault_that_comes_again_unchanged_is_refused),
    LISTED(a_stack_grows_for_those_who_may_touch_it),
    LISTED(a_stack_without_a_frame_keeps_its_length),
    { NULL, NULL },
};
