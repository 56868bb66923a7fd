/*
 * Lab 2, the tests behind the curtain: the edges of the tables, rights, what a
 * processor remembers.  They judge what an access does and what the tables in
 * RAM say, never where a table stands.
 */
#include "../../pages.h"

/* --- edges --------------------------------------------------------------- */

/** The first and last page of tables of each level, in both halves, and the
 *  last page of the address space. */
static const uint64_t edges[] = {
    PAGE_SIZE,
    UINT64_C(0x1ff000),   /* last of a page table */
    UINT64_C(0x10000000), /* first of one */
    UINT64_C(0x4044400000),
    UINT64_C(0x7ffffff000),   /* last of a PDPT */
    UINT64_C(0x8000000000),   /* first of the next */
    UINT64_C(0x1ffffffff000), /* last private page */
    UINT64_C(0x444510000000),
    UINT64_C(0x44453ffff000),
    UINT64_C(0x7ffffffff000), /* last of the lower half */
    UINT64_C(0xffff808000000000),
    UINT64_C(0xffff80bffffff000),
    UINT64_C(0xffffff7ffffff000),
    UINT64_C(0xfffffffffffff000), /* last of all */
};
#define EDGES (sizeof edges / sizeof edges[0])

SCRIPT(pages_at_the_edges_of_tables_are_mapped_and_unmapped) {
    uint64_t f[EDGES];

    pages_on(t, TLB_LRU);
    for (unsigned i = 0; i < EDGES; i++) {
        f[i] = frame(t);
        must_ok(t, map(t, edges[i], f[i], VMM_WRITE));
        credit(t, i * 50 / EDGES);
    }
    for (unsigned i = 0; i < EDGES; i++) {
        const struct call *found = ask(t, ASK_VMM_TRANSLATE, 0, edges[i] + 7);

        must_show(t, "V21", edges[i], f[i]);
        must_reach(t, "V02", edges[i], f[i]);
        must(t, found->out[0] == (f[i] << PAGE_SHIFT | 7), "V21",
             "vmm_translate(0x%lx) gives 0x%lx, expected 0x%lx", edges[i] + 7,
             found->out[0], f[i] << PAGE_SHIFT | 7);
    }
    for (unsigned i = 0; i < EDGES; i++) {
        must_ok(t, unmap(t, edges[i]));
        must_show_nothing(t, "V15", edges[i]);
    }
}

SCRIPT(wrong_addresses_are_refused_and_change_nothing) {
    const uint64_t odd = UINT64_C(0x800000000000);
    uint64_t f, before;

    pages_on(t, TLB_LRU);
    f = frame(t);
    before = free_frames(t);
    must_status(t, "V21", map(t, odd, f, VMM_WRITE), MM_NOT_CANONICAL);
    must_status(t, "V21", status_of(ask(t, ASK_VMM_TRANSLATE, 0, odd)),
                MM_NOT_CANONICAL);
    must_status(
        t, "V21",
        status_of(ask(t, ASK_VMM_TRANSLATE, 0, UINT64_C(0x0001444500000000))),
        MM_NOT_CANONICAL);
    must_status(t, "V32", map(t, KERNEL_VA + 8, f, VMM_WRITE), MM_NOT_ALIGNED);
    must_status(t, "V32", unmap(t, KERNEL_VA + 8), MM_NOT_ALIGNED);
    must_status(t, "V30", map_range(t, KERNEL_VA, f, 0, VMM_WRITE),
                MM_BAD_RANGE);
    must_show_nothing(t, "V30", KERNEL_VA);
    must_have_free(t, NULL, before);
}

/* --- rights -------------------------------------------------------------- */

static bool permitted(unsigned access, enum sim_access kind, bool user) {
    return (!user || (access & VMM_USER) != 0) &&
           (kind != SIM_WRITE || (access & VMM_WRITE) != 0) &&
           (kind != SIM_FETCH || (access & VMM_EXECUTE) != 0);
}

static bool try(struct test *t, uint64_t va, enum sim_access kind) {
    uint64_t value;

    switch (kind) {
    case SIM_WRITE:
        return store(t, va, 1, 1).done;
    case SIM_FETCH:
        return fetch(t, va).done;
    default:
        return load(t, va, 1, &value).done;
    }
}

/** All kinds of access of the user and the kernel, beside what @access says. */
static void judge_rights(struct test *t, uint64_t va, unsigned access,
                         const char *mistake) {
    static const char *const words[] = { "load", "store", "fetch" };

    for (unsigned user = 0; user < 2; user++) {
        for (unsigned kind = SIM_READ; kind <= SIM_FETCH; kind++) {
            const bool want = permitted(access, (enum sim_access)kind, user);
            bool seen;

            if (access & VMM_USER && !user) {
                continue; /* what SMEP and SMAP say is not asked here */
            }
            set_user(t, user);
            seen = try(t, va, (enum sim_access)kind);
            set_user(t, false);
            must(t, seen == want, mistake,
                 "a page with the rights %s%s%s, a %s of the %s:\n"
                 "  expected   %s\n  seen       %s",
                 access & VMM_WRITE ? "W" : "-",
                 access & VMM_EXECUTE ? "X" : "-",
                 access & VMM_USER ? "U" : "-", words[kind],
                 user ? "user's" : "kernel's", want ? "done" : "refused",
                 seen ? "done" : "refused");
        }
    }
}

SCRIPT(the_leaf_alone_decides_what_may_be_done) {
    static const unsigned rights[] = { 0,
                                       VMM_WRITE,
                                       VMM_EXECUTE,
                                       VMM_USER,
                                       VMM_USER | VMM_WRITE,
                                       VMM_USER | VMM_EXECUTE };

    pages_on(t, TLB_LRU);
    for (unsigned i = 0; i < 6; i++) {
        must_ok(t, map(t, PAGE(USER_VA, i), frame(t), rights[i]));
    }
    for (unsigned i = 0; i < 6; i++) {
        judge_rights(t, PAGE(USER_VA, i), rights[i],
                     rights[i] & VMM_EXECUTE ? "V03" : "V42");
        credit(t, i * 15);
    }
}

SCRIPT(pages_in_new_tables_have_the_rights_they_were_given) {
    uint64_t va = UINT64_C(0x30000000000) - HUGE_SIZE;

    pages_on(t, TLB_LRU);
    va = USER_VA + 64 * GIB - 2 * PAGE_SIZE; /* the range crosses tables */
    must_ok(t, map_range(t, va, frame(t), 1, VMM_USER | VMM_WRITE));
    must_ok(t, map_range(t, PAGE(va, 1), frame(t), 1, VMM_USER | VMM_EXECUTE));
    must_ok(t, map_range(t, PAGE(va, 2), 0x300, 2, VMM_USER));
    judge_rights(t, va, VMM_USER | VMM_WRITE, "V02");
    judge_rights(t, PAGE(va, 1), VMM_USER | VMM_EXECUTE, "V03");
    judge_rights(t, PAGE(va, 2), VMM_USER, NULL);
    judge_rights(t, PAGE(va, 3), VMM_USER, NULL);
}

SCRIPT(a_page_that_only_may_be_read_is_still_there) {
    uint64_t f, value;

    pages_on(t, TLB_LRU);
    f = frame(t);
    must_ok(t, map(t, KERNEL_VA, f, VMM_WRITE));
    must_ok(t, protect(t, KERNEL_VA, VMM_READ));
    must_show(t, "V41", KERNEL_VA, f);
    must(t, load(t, KERNEL_VA, 1, &value).done, "V41",
         "a page that may be read can't be");
}

SCRIPT(pages_are_global_only_when_that_was_asked_for) {
    struct walk_result r;

    pages_on(t, TLB_LRU);
    must_ok(t, map_range(t, USER_VA, 0x300, 4, VMM_WRITE));
    must_ok(t, map(t, PAGE(USER_VA, 8), frame(t), VMM_WRITE));
    for (unsigned i = 0; i < 9; i += 8) {
        r = tables_say(t, PAGE(USER_VA, i), SIM_READ);
        must(t, r.reason == WALK_OK && !r.global, "V33",
             "0x%lx is global: it would survive the next load of CR3, in a "
             "space that is another's",
             PAGE(USER_VA, i));
    }
}

/* --- what the processor remembers ---------------------------------------- */

SCRIPT(rights_that_were_taken_away_are_gone) {
    pages_on(t, TLB_HOSTILE);
    must_ok(t, map(t, USER_VA, frame(t), VMM_WRITE));
    must(t, store(t, USER_VA, 1, 1).done, "V02", "the first store is refused");
    must_ok(t, protect(t, USER_VA, VMM_READ));
    must(t, !store(t, USER_VA, 1, 2).done, "V06",
         "0x%lx was made read-only, and a store is still done: the TLB "
         "remembers W",
         USER_VA);
    must_ok(t, protect(t, USER_VA, VMM_EXECUTE));
    must(t, fetch(t, USER_VA).done, "V42", "code can't be executed");
    must_ok(t, protect(t, USER_VA, VMM_READ));
    must(t, !fetch(t, USER_VA).done, "V06",
         "0x%lx was made data, and a fetch is still done", USER_VA);
}

SCRIPT(a_page_that_is_mapped_anew_shows_its_new_frame) {
    uint64_t f, g;

    pages_on(t, TLB_HOSTILE);
    f = frame(t);
    g = frame(t);
    must_ok(t, map(t, KERNEL_VA, f, VMM_WRITE));
    must_reach(t, "V02", KERNEL_VA, f);
    must_ok(t, unmap(t, KERNEL_VA));
    must_ok(t, map(t, KERNEL_VA, g, VMM_WRITE));
    must_reach(t, "V05", KERNEL_VA, g);
}

SCRIPT(every_page_of_a_range_is_flushed) {
    uint64_t value, first, count = 2 + draw(t, 6);

    pages_on(t, TLB_HOSTILE);
    must_ok(t, ask_pmm_alloc_run(t, 64, 1, 0, &first));
    for (unsigned round = 0; round < 2; round++) {
        must_ok(t, map_range(t, KERNEL_VA, first, count, VMM_WRITE));
        for (uint64_t n = 0; n < count; n++) {
            must_reach(t, "V02", PAGE(KERNEL_VA, n), first + n);
        }
        must_ok(t, unmap_range(t, KERNEL_VA, count));
        for (uint64_t n = 0; n < count; n++) {
            must(t, !load(t, PAGE(KERNEL_VA, n), 1, &value).done, "V09",
                 "page %lu of %lu can still be read after all were unmapped", n,
                 count);
        }
        count = 33 + draw(t, 31); /* many: perhaps another way */
    }
}

/*
 *   PD -> [ table ]      its last page is gone, the table is given back, and
 * its frame is data now: nobody may walk it any more
 */
SCRIPT(a_table_that_was_given_back_is_no_table_any_more) {
    uint64_t f, g, value, before;

    pages_on(t, TLB_HOSTILE);
    f = frame(t);
    before = free_frames(t);
    must_ok(t, map(t, KERNEL_VA, f, VMM_WRITE));
    must_reach(t, "V02", KERNEL_VA, f);
    *entry_in_ram(t, KERNEL_VA, 1) = 0; /* and the way to it is remembered */
    reclaim(t, KERNEL_VA, PAGE_SIZE);
    must_have_free(t, "V12", before);
    /* All free frames become data that looks like entries. */
    while (ask_pmm_alloc(t, &g) == MM_OK) {
        uint64_t *words = (uint64_t *)(void *)physical(t, g << PAGE_SHIFT);

        for (unsigned n = 0; n < TABLE_ENTRIES; n++) {
            words[n] = f << PAGE_SHIFT | PTE_PRESENT | PTE_WRITABLE;
        }
    }
    must(t, !load(t, PAGE(KERNEL_VA, 1), 1, &value).done, "V11",
         "0x%lx was never mapped, and is translated by a table whose frame was "
         "given back: the processor still knew the way to it",
         PAGE(KERNEL_VA, 1));
}

SCRIPT(a_frame_goes_back_after_the_flush) {
    uint64_t before;

    pages_on(t, TLB_HOSTILE);
    report_stale(t);
    before = free_frames(t);
    must_ok(t, add_region(t, 0, KERNEL_VA, 4, VMM_WRITE, VMM_IMMEDIATE, 0));
    for (unsigned n = 0; n < 4; n++) {
        must(t, store(t, PAGE(KERNEL_VA, n), 1, 1).done, NULL,
             "page %u of an immediate region is not there", n);
    }
    must_ok(t, remove_region(t, 0, KERNEL_VA));
    must(t, stale_uses(t) == 0, "V08",
         "a frame went back to the pmm while the TLB still led to it");
    reclaim(t, KERNEL_VA, 4 * PAGE_SIZE);
    must_have_free(t, "V14", before);
    must(t, ask_pmm_is_sound(t), "V14", "the frames are not sound any more");
}

const struct script lab2_hidden[] = {
    LISTED(pages_at_the_edges_of_tables_are_mapped_and_unmapped),
    LISTED(wrong_addresses_are_refused_and_change_nothing),
    LISTED(the_leaf_alone_decides_what_may_be_done),
    LISTED(pages_in_new_tables_have_the_rights_they_were_given),
    LISTED(a_page_that_only_may_be_read_is_still_there),
    LISTED(pages_are_global_only_when_that_was_asked_for),
    LISTED(rights_that_were_taken_away_are_gone),
    LISTED(a_page_that_is_mapped_anew_shows_its_new_frame),
    LISTED(every_page_of_a_range_is_flushed),
    LISTED(a_table_that_was_given_back_is_no_table_any_more),
    LISTED(a_frame_goes_back_after_the_flush),
    { NULL, NULL },
};
