/*
 * Lab 2, the tests behind the curtain: many pages at once, of both sizes, and
 * requests that are none.
 */
#include "../../spaces.h"

/*
 *   range   [ . . . . . x . . . . ]     x is there already: none is mapped
 */
SCRIPT(a_range_over_a_page_that_is_there_changes_nothing) {
    const uint64_t at = 1 + draw(t, 14);
    uint64_t f, g, before;

    pages_on(t, TLB_LRU);
    must_ok(t, ask_pmm_alloc_run(t, 16, 1, 0, &f));
    g = frame(t);
    must_ok(t, map(t, PAGE(KERNEL_VA, at), g, VMM_WRITE));
    before = free_frames(t);
    must_status(t, "V29", map_range(t, KERNEL_VA, f, 16, VMM_WRITE),
                MM_ALREADY_MAPPED);
    for (unsigned n = 0; n < 16; n++) {
        if (n != at) {
            must_show_nothing(t, "V29", PAGE(KERNEL_VA, n));
        }
    }
    must_show(t, "V29", PAGE(KERNEL_VA, at), g);
    must_have_free(t, "V29", before);
}

/** Where the range of large and small leaves begins, in pages of a block. */
#define ODD 508u

/*
 *   va       | .. [ 4 ] | [ 2 MiB ] | [ 2 MiB ] | [ 3 ] .. |
 */
SCRIPT(a_range_takes_large_leaves_where_they_fit) {
    const uint64_t va = PAGE(KERNEL_VA, ODD), count = 4 + 2 * 512 + 3;
    struct walk_result r;
    uint64_t f, before;

    pages_on(t, TLB_HOSTILE);
    before = free_frames(t);
    must_ok(t, ask_pmm_alloc_run(t, 4 * 512, 512, 0, &f));
    must_ok(t, map_large(t, va, f + ODD, count));
    for (uint64_t n = 0; n < count; n += n % 512 < 8 ? 1 : 63) {
        must_show(t, "V56", PAGE(va, n), f + ODD + n);
    }
    must_show_nothing(t, "V30", PAGE(va, count));
    r = tables_say(t, KERNEL_VA + 2 * HUGE_SIZE, SIM_READ);
    must(
        t, r.top - r.step_count == 1, NULL,
        "0x%lx and its frames lie on a boundary of 2 MiB, and small pages were "
        "used",
        KERNEL_VA + 2 * HUGE_SIZE);
    credit(t, 50);
    for (uint64_t n = 0; n < count; n += 340) {
        must_reach(t, "V02", PAGE(va, n), f + ODD + n);
    }
    must_status(t, "V23", unmap_range(t, va, count - 100), MM_HUGE_PAGE);
    must_status(t, "V23", unmap_range(t, PAGE(va, 100), count - 100),
                MM_HUGE_PAGE);
    must_show(t, "V23", va, f + ODD);
    must_ok(t, unmap_range(t, va, count));
    for (uint64_t n = 0; n < count; n += 340) {
        must_be_gone(t, "V09", PAGE(va, n));
    }
    must_ok(t, ask_pmm_free_run(t, f, 4 * 512));
    reclaim(t, KERNEL_VA, 4 * HUGE_SIZE);
    must_have_free(t, "V12", before);
    must_be_sound(t);
}

SCRIPT(large_leaves_begin_at_frames_of_their_own_alignment) {
    uint64_t f;

    pages_on(t, TLB_LRU);
    must_ok(t, ask_pmm_alloc_run(t, 3 * 512, 512, 0, &f));
    must_ok(t, map_large(t, KERNEL_VA, f + 1, 2 * 512));
    for (uint64_t n = 0; n < 2 * 512; n += 341) {
        must_show(t, "V56", PAGE(KERNEL_VA, n), f + 1 + n);
    }
}

SCRIPT(large_pages_of_a_range_are_all_flushed) {
    uint64_t f;

    pages_on(t, TLB_HOSTILE);
    must_ok(t, ask_pmm_alloc_run(t, 3 * 512, 512, 0, &f));
    must_ok(t, map_large(t, KERNEL_VA, f, 3 * 512));
    for (unsigned n = 0; n < 3; n++) {
        must_reach(t, "V02", KERNEL_VA + n * HUGE_SIZE, f + n * 512);
    }
    must_ok(t, unmap_range(t, KERNEL_VA, 3 * 512));
    for (unsigned n = 0; n < 3; n++) {
        must_be_gone(t, "V09", KERNEL_VA + n * HUGE_SIZE);
    }
    must_be_sound(t);
}

SCRIPT(global_pages_are_flushed_however_many) {
    uint64_t f, count = 4;

    pages_on(t, TLB_HOSTILE);
    must_ok(t, ask_pmm_alloc_run(t, 60, 1, 0, &f));
    for (unsigned round = 0; round < 2; round++) {
        must_ok(t, map_range(t, KERNEL_VA, f, count, VMM_WRITE | VMM_GLOBAL));
        for (uint64_t n = 0; n < count; n++) {
            must_reach(t, "V02", PAGE(KERNEL_VA, n), f + n);
        }
        must_ok(t, unmap_range(t, KERNEL_VA, count));
        for (uint64_t n = 0; n < count; n++) {
            must_be_gone(t, "V09", PAGE(KERNEL_VA, n));
        }
        count = 60; /* a load of CR3 would keep them */
    }
}

SCRIPT(a_range_that_is_made_read_only_is_so_to_its_last_page) {
    const uint64_t count = 3 + draw(t, 60);
    uint64_t f, value;

    pages_on(t, TLB_HOSTILE);
    must_ok(t, ask_pmm_alloc_run(t, count, 1, 0, &f));
    must_ok(t, map_range(t, KERNEL_VA, f, count, VMM_WRITE));
    for (uint64_t n = 0; n < count; n++) {
        must_reach(t, "V02", PAGE(KERNEL_VA, n), f + n);
    }
    must_ok(t, status_of(ask(t, ASK_VMM_PROTECT_RANGE, 0, KERNEL_VA, count - 1,
                             VMM_READ)));
    for (uint64_t n = 0; n < count; n++) {
        must(
            t, store(t, PAGE(KERNEL_VA, n), 1, 1).done == (n == count - 1),
            "V06",
            "the first %lu of %lu pages were made read-only; the store to page "
            "%lu is %s",
            count - 1, count, n, n == count - 1 ? "refused" : "done");
        must(t, load(t, PAGE(KERNEL_VA, n), 1, &value).done, "V41",
             "page %lu of the range can't be read", n);
    }
}

/* --- large pages in the place of small ones ------------------------------- */

SCRIPT(a_large_page_takes_the_place_of_empty_tables_only) {
    uint64_t f, g, before;

    pages_on(t, TLB_HOSTILE);
    f = huge_frame(t);
    g = frame(t);
    before = free_frames(t);
    must_ok(t, map(t, PAGE(KERNEL_VA, 300), g, VMM_WRITE));
    must_status(t, "V23", map_huge(t, KERNEL_VA, f, VMM_WRITE),
                MM_ALREADY_MAPPED);
    must_reach(t, "V23", PAGE(KERNEL_VA, 300), g);
    credit(t, 50);
    must_ok(t, unmap(t, PAGE(KERNEL_VA, 300)));
    must_ok(t, map_huge(t, KERNEL_VA, f, VMM_WRITE));
    must_reach(t, "V11", PAGE(KERNEL_VA, 300), f + 300);
    must_ok(t, unmap_huge(t, KERNEL_VA));
    must_be_gone(t, "V05", PAGE(KERNEL_VA, 300));
    reclaim(t, KERNEL_VA, HUGE_SIZE);
    must_have_free(t, "V12", before);
    must_be_sound(t);
}

SCRIPT(a_page_of_the_other_size_is_no_page_of_this) {
    uint64_t f, g;

    pages_on(t, TLB_LRU);
    f = huge_frame(t);
    g = frame(t);
    must_status(t, "V32", map_huge(t, PAGE(KERNEL_VA, 1), f, VMM_WRITE),
                MM_NOT_ALIGNED);
    must_status(t, "V32", map_huge(t, KERNEL_VA, f + 1, VMM_WRITE),
                MM_NOT_ALIGNED);
    must_ok(t, map_huge(t, KERNEL_VA, f, VMM_WRITE));
    must_ok(t, map(t, KERNEL_VA + HUGE_SIZE, g, VMM_WRITE));
    must_status(t, "V23", unmap(t, PAGE(KERNEL_VA, 7)), MM_HUGE_PAGE);
    must_status(t, "V23", unmap_huge(t, KERNEL_VA + HUGE_SIZE), MM_SMALL_PAGES);
    must_status(t, "V23", protect(t, PAGE(KERNEL_VA, 7), VMM_READ),
                MM_HUGE_PAGE);
    must_status(
        t, "V23",
        add_region(t, 0, PAGE(KERNEL_VA, 4), 2, VMM_WRITE, VMM_DEMAND, 0),
        MM_HUGE_PAGE);
    must_reach(t, "V23", PAGE(KERNEL_VA, 7), f + 7);
    must_reach(t, "V23", KERNEL_VA + HUGE_SIZE, g);
}

SCRIPT(rights_that_are_none_are_refused) {
    const unsigned both = VMM_WRITE | VMM_EXECUTE, none = 1u << 9;
    uint64_t f, g;

    pages_on(t, TLB_LRU);
    f = frame(t);
    g = frame(t);
    must_ok(t, map(t, PAGE(KERNEL_VA, 1), f, VMM_WRITE));
    must_status(t, NULL, map(t, KERNEL_VA, g, both), MM_REFUSED);
    must_status(t, NULL, map(t, KERNEL_VA, g, none), MM_BAD_ARGUMENT);
    must_status(t, NULL, map(t, KERNEL_VA, UINT64_C(1) << 40, VMM_WRITE),
                MM_BAD_ARGUMENT);
    must_status(t, "V33", map(t, USER_VA, g, VMM_GLOBAL), MM_BAD_ARGUMENT);
    must_status(t, NULL, map_range(t, KERNEL_VA, g, 2, both), MM_REFUSED);
    must_status(t, NULL, protect(t, PAGE(KERNEL_VA, 1), both), MM_REFUSED);
    must_status(t, NULL, protect(t, PAGE(KERNEL_VA, 1), none), MM_BAD_ARGUMENT);
    must_show_nothing(t, NULL, KERNEL_VA);
    must_reach(t, NULL, PAGE(KERNEL_VA, 1), f);
}

/* --- one page, by the shorter calls --------------------------------------- */

static enum mm_status map_page(struct test *t, uint64_t va, uint64_t f,
                               unsigned access) {
    return status_of(ask(t, ASK_VMM_MAP_PAGE, 0, va, f, access));
}

SCRIPT(pages_beside_each_other_are_judged_one_by_one) {
    const struct call *gone;
    uint64_t f;

    pages_on(t, TLB_HOSTILE);
    must_ok(t, ask_pmm_alloc_run(t, 8, 1, 0, &f));
    for (unsigned n = 0; n < 8; n++) {
        must_ok(t, map_page(t, PAGE(KERNEL_VA, n), f + n,
                            n % 2 == 0 ? VMM_WRITE : VMM_EXECUTE));
    }
    for (unsigned n = 0; n < 8; n++) {
        must_show(t, NULL, PAGE(KERNEL_VA, n), f + n);
        must(t, store(t, PAGE(KERNEL_VA, n), 1, 1).done == (n % 2 == 0), "V42",
             "page %u was mapped %s", n,
             n % 2 == 0 ? "for writing, and can't be written"
                        : "for code, and can be written");
        must(t, fetch(t, PAGE(KERNEL_VA, n)).done == (n % 2 != 0), "V42",
             "page %u was mapped %s", n,
             n % 2 != 0 ? "for code, and can't be executed"
                        : "for data, and can be executed");
    }
    must_status(t, NULL, map_page(t, PAGE(KERNEL_VA, 3), f, VMM_WRITE),
                MM_ALREADY_MAPPED);
    must_status(t, NULL,
                map_page(t, PAGE(KERNEL_VA, 9), f, VMM_WRITE | VMM_EXECUTE),
                MM_REFUSED);
    must_status(t, NULL,
                map_page(t, PAGE(KERNEL_VA, 9), UINT64_C(1) << 40, VMM_WRITE),
                MM_BAD_ARGUMENT);
    must_status(t, "V32", map_page(t, PAGE(KERNEL_VA, 9) + 8, f, VMM_WRITE),
                MM_NOT_ALIGNED);
    credit(t, 50);
    for (unsigned n = 0; n < 8; n += 2) {
        gone = ask(t, ASK_VMM_UNMAP_PAGE, 0, PAGE(KERNEL_VA, n));
        must_ok(t, status_of(gone));
        must(t, gone->out[0] == f + n, "V14",
             "unmap gave frame 0x%lx, 0x%lx was mapped", gone->out[0], f + n);
        must_be_gone(t, "V05", PAGE(KERNEL_VA, n));
        must_show(t, NULL, PAGE(KERNEL_VA, n + 1), f + n + 1);
        must_status(
            t, NULL,
            status_of(ask(t, ASK_VMM_UNMAP_PAGE, 0, PAGE(KERNEL_VA, n))),
            MM_NOT_MAPPED);
    }
    must_be_sound(t);
}

/* --- what entries say ------------------------------------------------------
 */

SCRIPT(an_entry_without_p_shows_nothing) {
    uint64_t f;

    f = page_on(t, TLB_LRU);
    must_ok(t, unmap(t, KERNEL_VA));
    must_ok(t, map(t, PAGE(KERNEL_VA, 1), f, VMM_WRITE));
    *(entry_in_ram(t, PAGE(KERNEL_VA, 1), 1) - 1) = f << PAGE_SHIFT;
    must_status(t, "V15", unmap(t, KERNEL_VA), MM_NOT_MAPPED);
    must_status(t, "V15", protect(t, KERNEL_VA, VMM_READ), MM_NOT_MAPPED);
    must_status(t, "V15", status_of(ask(t, ASK_VMM_TRANSLATE, 0, KERNEL_VA)),
                MM_NOT_MAPPED);
}

SCRIPT(a_change_of_rights_keeps_accessed_and_dirty) {
    uint64_t entry;

    page_on(t, TLB_LRU);
    must_ok(t, protect(t, KERNEL_VA, VMM_READ));
    entry = *entry_in_ram(t, KERNEL_VA, 1);
    must(t, (entry & PTE_DIRTY) != 0 && (entry & PTE_ACCESSED) != 0, "V54",
         "the page was written and then made read-only; its entry is 0x%lx:\n"
         "  expected   D (bit 6) and A (bit 5) as the processor set them",
         entry);
}

SCRIPT(rights_of_all_levels_count_in_a_translation) {
    const struct call *found;
    uint64_t f;

    page_on(t, TLB_LRU);
    *entry_in_ram(t, KERNEL_VA, 2) &= ~PTE_WRITABLE;
    found = ask(t, ASK_VMM_TRANSLATE, 0, KERNEL_VA);
    must(t, (found->out[2] & VMM_WRITE) == 0, NULL,
         "an upper entry forbids writing, and vmm_translate() allows it");
    must_ok(t, map(t, USER_VA, frame(t), VMM_EXECUTE | VMM_USER));
    *entry_in_ram(t, USER_VA, 3) |= PTE_NO_EXECUTE;
    *entry_in_ram(t, USER_VA, 4) &= ~PTE_USER;
    found = ask(t, ASK_VMM_TRANSLATE, 0, USER_VA);
    must(
        t, (found->out[2] & (VMM_EXECUTE | VMM_USER)) == 0, NULL,
        "upper entries forbid execution and the user, and vmm_translate() says "
        "the rights are 0x%lx",
        found->out[2]);
    f = huge_frame(t);
    must_ok(t, map_huge(t, KERNEL_VA + GIB, f, VMM_WRITE));
    found = ask(t, ASK_VMM_TRANSLATE, 0, KERNEL_VA + GIB + 0x12345);
    must(t,
         found->out[0] == (f << PAGE_SHIFT) + 0x12345 &&
             found->out[1] == HUGE_SIZE,
         "V56",
         "vmm_translate() of a large page gives 0x%lx in a page of %lu bytes:\n"
         "  expected   0x%lx in one of 2 MiB",
         found->out[0], found->out[1], (f << PAGE_SHIFT) + 0x12345);
    must_status(t, NULL,
                status_of(ask(t, ASK_VMM_TRANSLATE, 0, KERNEL_VA + 4 * GIB)),
                MM_NOT_MAPPED);
}

/* --- and other spaces ------------------------------------------------------
 */

/*
 *   kernel's root   [ ... | new ... ]    one table below both: what is mapped
 * or space A's root  [ ... | new ... ]    given back in one is so in the other
 */
SCRIPT(tables_of_the_kernel_come_and_go_in_every_space) {
    const uint64_t far = KERNEL_VA + 5 * 512 * GIB;
    uint64_t f, g, before;

    family_on(t, TLB_HOSTILE);
    f = frame(t);
    before = free_frames(t);
    must_ok(t, map(t, far, f, VMM_WRITE));
    in_space(t, A);
    must_show(t, "V36", far, f);
    must_ok(t, unmap(t, far));
    reclaim(t, far, PAGE_SIZE);
    must_have_free(t, "V12", before);
    while (ask_pmm_alloc(t, &g) == MM_OK) {
        memset(physical(t, g << PAGE_SHIFT), 0x67, PAGE_SIZE);
    }
    must_be_gone(t, "V36", far);
}

SCRIPT(a_space_that_is_not_in_force_needs_no_flush_and_can_end) {
    uint64_t f;

    family_on(t, TLB_HOSTILE);
    must_ok(t, ask_pmm_alloc_run(t, 8, 1, 0, &f));
    in_space(t, A);
    for (unsigned n = 0; n < 8; n++) {
        must_ok(t, map_in(t, A, PAGE(USER_VA, n), f + n, VMM_WRITE | VMM_USER));
        put(t, PAGE(USER_VA, n), n);
    }
    in_space(t, B);
    must_ok(t, status_of(ask(t, ASK_VMM_UNMAP_RANGE, A, USER_VA, 8)));
    in_space(t, A);
    set_user(t, true);
    must_be_gone(t, "V05", PAGE(USER_VA, 3));
    set_user(t, false);
    must_be_sound(t);
    in_space(t, 0);
    must_status(t, "V38", status_of(ask(t, ASK_VMM_DESTROY, A)), MM_OK);
}

const struct script lab2_ranges[] = {
    LISTED(a_range_over_a_page_that_is_there_changes_nothing),
    LISTED(a_range_takes_large_leaves_where_they_fit),
    LISTED(large_leaves_begin_at_frames_of_their_own_alignment),
    LISTED(large_pages_of_a_range_are_all_flushed),
    LISTED(global_pages_are_flushed_however_many),
    LISTED(a_range_that_is_made_read_only_is_so_to_its_last_page),
    LISTED(a_large_page_takes_the_place_of_empty_tables_only),
    LISTED(a_page_of_the_other_size_is_no_page_of_this),
    LISTED(rights_that_are_none_are_refused),
    LISTED(pages_beside_each_other_are_judged_one_by_one),
    LISTED(an_entry_without_p_shows_nothing),
    LISTED(a_change_of_rights_keeps_accessed_and_dirty),
    LISTED(rights_of_all_levels_count_in_a_translation),
    LISTED(tables_of_the_kernel_come_and_go_in_every_space),
    LISTED(a_space_that_is_not_in_force_needs_no_flush_and_can_end),
    { NULL, NULL },
};
