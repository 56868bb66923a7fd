/*
 * Lab 2, the tests behind the curtain: tables that come and go, memory that
 * runs out, large pages, bits that are no address.
 */
#include "../../pages.h"

/* --- tables -------------------------------------------------------------- */

SCRIPT(a_new_table_shows_nothing_but_what_was_mapped) {
    uint64_t f, g, count = 0;

    pages_on(t, TLB_LRU);
    f = frame(t);
    /* Frames that come back full of entries. */
    for (unsigned n = 0; n < 8; n++) {
        g = frame(t);
        memset(physical(t, g << PAGE_SHIFT), 0x67, PAGE_SIZE);
        must_ok(t, ask_pmm_free(t, g));
    }
    must_ok(t, map(t, KERNEL_VA, f, VMM_WRITE));
    for (uint64_t n = 0; n < 2 * TABLE_ENTRIES; n++) {
        count += shown(t, PAGE(KERNEL_VA, n)) != UINT64_MAX;
    }
    must(t, count == 1, "P26",
         "one page was mapped, and %lu show something: a table was not cleared",
         count);
    must_show_nothing(t, "P26", KERNEL_VA + GIB);
    must_show_nothing(t, "P26", KERNEL_VA + 512 * GIB);
}

SCRIPT(without_a_frame_for_a_table_nothing_changes) {
    uint64_t f, before;

    pages_on(t, TLB_LRU);
    must_ok(t, ask_pmm_alloc_run(t, 16, 1, 0, &f));
    before = free_frames(t);
    for (unsigned given = 0; given < 3; given++) {
        ask_pmm_fail_after(t, given);
        must_status(t, "V29", map(t, KERNEL_VA, f, VMM_WRITE), MM_NO_MEMORY);
        ask_pmm_fail_after(t, UINT64_MAX);
        must_show_nothing(t, "V29", KERNEL_VA);
        must_have_free(t, "V29", before);
        credit(t, 20 * given);
    }
    for (unsigned given = 0; given < 4; given++) { /* two page tables */
        ask_pmm_fail_after(t, given);
        must_status(t, "V29",
                    map_range(t, KERNEL_VA + HUGE_SIZE - 8 * PAGE_SIZE, f, 16,
                              VMM_WRITE),
                    MM_NO_MEMORY);
        ask_pmm_fail_after(t, UINT64_MAX);
        must_show_nothing(t, "V29", KERNEL_VA + HUGE_SIZE - PAGE_SIZE);
        must_have_free(t, "V29", before);
    }
    for (unsigned given = 0; given < 7; given++) { /* 4 pages, 3 tables */
        ask_pmm_fail_after(t, given);
        must_status(t, "V29",
                    add_region(t, 0, KERNEL_VA, 4, VMM_WRITE, VMM_IMMEDIATE, 0),
                    MM_NO_MEMORY);
        ask_pmm_fail_after(t, UINT64_MAX);
        must_have_free(t, "V29", before);
    }
    must_ok(t, map_range(t, KERNEL_VA + HUGE_SIZE - 8 * PAGE_SIZE, f, 16,
                         VMM_WRITE));
}

SCRIPT(tables_go_back_whatever_the_order_of_unmaps) {
    const uint64_t at[6] = { KERNEL_VA,
                             KERNEL_VA + HUGE_SIZE - PAGE_SIZE,
                             KERNEL_VA + HUGE_SIZE,
                             KERNEL_VA + GIB,
                             KERNEL_VA + 512 * GIB,
                             USER_VA };
    unsigned order[6];
    uint64_t f, before;

    pages_on(t, TLB_LRU);
    must_ok(t, ask_pmm_alloc_run(t, 6, 1, 0, &f));
    before = free_frames(t);
    for (unsigned round = 0; round < 8; round++) {
        any_order(t, order, 6);
        for (unsigned i = 0; i < 6; i++) {
            must_ok(t, map(t, at[i], f + i, VMM_WRITE));
        }
        for (unsigned i = 0; i < 6; i++) {
            must_ok(t, unmap(t, at[order[i]]));
            reclaim(t, 0, UINT64_C(1) << 47);
            for (unsigned k = i + 1; k < 6; k++) {
                must_show(t, "V12", at[order[k]], f + order[k]);
            }
        }
        must_have_free(t, "V12", before);
    }
}

SCRIPT(a_table_whose_last_entry_is_in_use_stays) {
    const uint64_t last = KERNEL_VA + HUGE_SIZE - PAGE_SIZE;
    uint64_t f;

    pages_on(t, TLB_LRU);
    f = frame(t);
    must_ok(t, map(t, last, f, VMM_WRITE));
    reclaim(t, KERNEL_VA, HUGE_SIZE);
    must_show(t, "V12", last, f);
    must_reach(t, "V12", last, f);
}

/* --- large pages --------------------------------------------------------- */

SCRIPT(a_large_page_shows_its_512_frames) {
    uint64_t f, g;

    pages_on(t, TLB_LRU);
    f = huge_frame(t);
    g = frame(t);
    must_ok(t, map_huge(t, KERNEL_VA, f, VMM_WRITE));
    must_ok(t, map(t, KERNEL_VA + HUGE_SIZE, g, VMM_WRITE));
    for (unsigned n = 0; n < 512; n += 73) {
        must_show(t, "V56", PAGE(KERNEL_VA, n), f + n);
    }
    must_status(t, "V23", map(t, PAGE(KERNEL_VA, 3), g, VMM_WRITE),
                MM_HUGE_PAGE);
    must_show(t, "V23", PAGE(KERNEL_VA, 3), f + 3);
    must_show(t, "V23", PAGE(KERNEL_VA, 4), f + 4);
    must_ok(t, unmap(t, KERNEL_VA + HUGE_SIZE));
    must_show(t, NULL, PAGE(KERNEL_VA, 511), f + 511);
}

SCRIPT(a_split_page_shows_the_same_with_the_same_rights) {
    uint64_t f;

    pages_on(t, TLB_LRU);
    f = huge_frame(t);
    must_ok(t, map_huge(t, KERNEL_VA, f, VMM_WRITE));
    must_ok(t, status_of(ask(t, ASK_VMM_SPLIT, 0, KERNEL_VA, 1)));
    for (unsigned n = 0; n < 512; n += 51) {
        must_show(t, "V27", PAGE(KERNEL_VA, n), f + n);
        must(t, !fetch(t, PAGE(KERNEL_VA, n)).done, "V24",
             "page %u can be executed since the split; the large page could "
             "not",
             n);
    }
    must_reach(t, "V27", PAGE(KERNEL_VA, 17), f + 17);
}

SCRIPT(a_split_moves_pat_to_where_small_pages_have_it) {
    uint64_t *entry, f;

    pages_on(t, TLB_LRU);
    f = huge_frame(t);
    must_ok(t, map_huge(t, KERNEL_VA, f, VMM_WRITE));
    entry = entry_in_ram(t, KERNEL_VA, 2);
    *entry |= PTE_PAT_HUGE;
    must_ok(t, status_of(ask(t, ASK_VMM_SPLIT, 0, KERNEL_VA, 1)));
    must_show(t, "V26", KERNEL_VA, f);
    entry = entry_in_ram(t, KERNEL_VA, 1);
    must(t, (*entry & PTE_PAT_4K) != 0, "V26",
         "the PAT bit of the large page is lost:\n"
         "  large      bit 12\n  small      bit 7 is 0 in 0x%lx",
         *entry);
}

SCRIPT(bits_that_are_no_address_are_not_read_as_one) {
    const struct call *found;
    uint64_t *entry, f, g;

    pages_on(t, TLB_LRU);
    f = huge_frame(t);
    g = frame(t);
    must_ok(t, map_huge(t, KERNEL_VA, f, VMM_WRITE));
    must_ok(t, map(t, USER_VA, g, VMM_WRITE));
    *entry_in_ram(t, KERNEL_VA, 2) |= PTE_PAT_HUGE;
    found = ask(t, ASK_VMM_TRANSLATE, 0, KERNEL_VA + 5);
    must(t, found->out[0] == (f << PAGE_SHIFT | 5), "V18",
         "vmm_translate() takes bit 12 of a large page, PAT, for address:\n"
         "  expected   0x%lx\n  seen       0x%lx",
         f << PAGE_SHIFT | 5, found->out[0]);
    credit(t, 50);
    entry = entry_in_ram(t, USER_VA, 1);
    *entry |= PTE_PAT_4K;
    found = ask(t, ASK_VMM_TRANSLATE, 0, USER_VA + 5);
    must(t,
         found->out[0] == (g << PAGE_SHIFT | 5) && found->out[1] == PAGE_SIZE,
         "V20",
         "vmm_translate() takes bit 7 of a level 1 entry, PAT, for \"huge\":\n"
         "  expected   0x%lx, a page of 4096 bytes\n"
         "  seen       0x%lx, a page of %lu bytes",
         g << PAGE_SHIFT | 5, found->out[0], found->out[1]);
}

/** Every address bit of the bus once: 46 of them, and no execution (bit 63). */
SCRIPT(a_translation_keeps_every_address_bit_of_the_bus) {
    pages_on(t, TLB_LRU);
    for (unsigned bit = 30; bit < 46; bit++) {
        const uint64_t pa = UINT64_C(1) << bit, va = PAGE(USER_VA, bit);
        const struct call *found;

        must_ok(t, map(t, va, pa >> PAGE_SHIFT, VMM_READ));
        must_show(t, "V17", va, pa >> PAGE_SHIFT);
        found = ask(t, ASK_VMM_TRANSLATE, 0, va + 5);
        must(t, found->out[0] == (pa | 5), "V17",
             "vmm_translate() loses bit %u of the address:\n"
             "  expected   0x%lx\n  seen       0x%lx",
             bit, pa | 5, found->out[0]);
        credit(t, (bit - 30) * 6);
    }
}

const struct script lab2_tables[] = {
    LISTED(a_new_table_shows_nothing_but_what_was_mapped),
    LISTED(without_a_frame_for_a_table_nothing_changes),
    LISTED(tables_go_back_whatever_the_order_of_unmaps),
    LISTED(a_table_whose_last_entry_is_in_use_stays),
    LISTED(a_large_page_shows_its_512_frames),
    LISTED(a_split_page_shows_the_same_with_the_same_rights),
    LISTED(a_split_moves_pat_to_where_small_pages_have_it),
    LISTED(bits_that_are_no_address_are_not_read_as_one),
    LISTED(a_translation_keeps_every_address_bit_of_the_bus),
    { NULL, NULL },
};
