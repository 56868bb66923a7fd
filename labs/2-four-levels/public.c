/*
 * Lab 2, the tests that students have.
 */
#include "../pages.h"

SCRIPT(a_mapped_page_is_reached_by_loads_and_stores) {
    uint64_t f;

    pages_on(t, TLB_LRU);
    f = frame(t);
    must_ok(t, map(t, KERNEL_VA, f, VMM_WRITE));
    must_show(t, "V02", KERNEL_VA, f);
    must_reach(t, "V02", PAGE(KERNEL_VA, 0) + 0x120, f);
}

/*
 *   0x803FE7F5CE = 1 : 0 : 511 : 127 : 0x5ce
 */
SCRIPT(the_example_of_the_handout_translates) {
    const uint64_t va = UINT64_C(0x803fe7f5ce);
    const struct call *found;
    uint64_t f;

    pages_on(t, TLB_LRU);
    f = frame(t);
    must_ok(t, map(t, va & ~UINT64_C(0xfff), f, VMM_WRITE));
    found = ask(t, ASK_VMM_TRANSLATE, 0, va);
    must_ok(t, status_of(found));
    must(t, found->out[0] == (f << PAGE_SHIFT | 0x5ce), "V17",
         "vmm_translate(0x803fe7f5ce):\n"
         "  PML4[1] -> PDPT[0] -> PD[511] -> PT[127] -> frame 0x%lx\n"
         "  expected   0x%lx\n  seen       0x%lx",
         f, f << PAGE_SHIFT | 0x5ce, found->out[0]);
}

SCRIPT(a_page_is_not_mapped_twice) {
    uint64_t f, g;

    pages_on(t, TLB_LRU);
    f = frame(t);
    g = frame(t);
    must_ok(t, map(t, KERNEL_VA, f, VMM_WRITE));
    must_status(t, NULL, map(t, KERNEL_VA, g, VMM_WRITE), MM_ALREADY_MAPPED);
    must_show(t, NULL, KERNEL_VA, f);
}

SCRIPT(an_unmapped_page_faults_and_gives_its_frame) {
    const struct call *gone;
    uint64_t f, value;

    f = page_on(t, TLB_LRU);
    gone = ask(t, ASK_VMM_UNMAP, 0, KERNEL_VA, 1);
    must_ok(t, status_of(gone));
    must(t, gone->out[0] == f, "V14",
         "unmap gave frame 0x%lx, 0x%lx was mapped", gone->out[0], f);
    must_show_nothing(t, "V15", KERNEL_VA);
    must(t, !load(t, KERNEL_VA, 1, &value).done, "V05",
         "0x%lx can still be read after it was unmapped", KERNEL_VA);
    must_status(t, NULL, unmap(t, KERNEL_VA), MM_NOT_MAPPED);
}

SCRIPT(no_translation_outlives_an_unmap) {
    uint64_t f, value;

    f = page_on(t, TLB_HOSTILE);
    must_ok(t, unmap(t, KERNEL_VA));
    must(t, !load(t, KERNEL_VA, 1, &value).done, "V05",
         "the TLB still knows 0x%lx after it was unmapped:\n"
         "  tables     [ PT %3u ] -> not present\n"
         "  TLB        0x%lx -> frame 0x%lx",
         KERNEL_VA, table_index(vaddr(KERNEL_VA), 1), KERNEL_VA, f);
}

const struct script lab2_public[] = {
    LISTED(a_mapped_page_is_reached_by_loads_and_stores),
    LISTED(the_example_of_the_handout_translates),
    LISTED(a_page_is_not_mapped_twice),
    LISTED(an_unmapped_page_faults_and_gives_its_frame),
    LISTED(no_translation_outlives_an_unmap),
    { NULL, NULL },
};
