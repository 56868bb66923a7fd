/*
 * Lab 4, the tests behind the curtain: regions beside an oracle of intervals,
 * gaps, devices.
 */
#include "../../pages.h"

#define INTERVALS 40

/** Random regions, each call beside a list of intervals. */
SCRIPT(random_regions_agree_with_an_oracle) {
    struct {
        uint64_t first, count;
    } known[INTERVALS];
    unsigned count = 0;

    pages_on(t, TLB_LRU);
    for (unsigned n = 0; n < 1000; n++) {
        const uint64_t first = draw(t, 400), pages = 1 + draw(t, 12);
        bool overlaps = false;

        for (unsigned i = 0; i < count; i++) {
            overlaps |= first < known[i].first + known[i].count &&
                        known[i].first < first + pages;
        }
        if (count > 0 && draw(t, 3) == 0) {
            const unsigned i = (unsigned)draw(t, count);

            must_ok(t, remove_region(t, 0, PAGE(KERNEL_VA, known[i].first)));
            known[i] = known[--count];
        } else if (count < INTERVALS) {
            must_status(t, "V47",
                        add_region(t, 0, PAGE(KERNEL_VA, first), pages,
                                   VMM_WRITE, VMM_DEMAND, 0),
                        overlaps ? MM_OVERLAP : MM_OK);
            if (!overlaps) {
                known[count].first = first;
                known[count++].count = pages;
            }
        }
        if (n % 20 == 0) {
            const uint64_t page = draw(t, 420);
            const struct call *at =
                ask(t, ASK_VMM_REGION_AT, 0, PAGE(KERNEL_VA, page));
            bool inside = false;

            for (unsigned i = 0; i < count; i++) {
                inside |= page >= known[i].first &&
                          page < known[i].first + known[i].count;
            }
            must_status(t, NULL, status_of(at), inside ? MM_OK : MM_NO_REGION);
            credit(t, n / 11);
        }
    }
}

SCRIPT(ranges_that_are_no_row_of_pages_are_refused) {
    pages_on(t, TLB_LRU);
    must_status(t, "V47",
                status_of(ask(t, ASK_VMM_REGION_ADD, 0, KERNEL_VA,
                              PAGE_SIZE + 100, VMM_WRITE, VMM_DEMAND, 0)),
                MM_NOT_ALIGNED);
    must_status(t, "V47",
                status_of(ask(t, ASK_VMM_REGION_ADD, 0, KERNEL_VA + 8,
                              PAGE_SIZE, VMM_WRITE, VMM_DEMAND, 0)),
                MM_NOT_ALIGNED);
    must_status(t, NULL,
                add_region(t, 0, KERNEL_VA, 0, VMM_WRITE, VMM_DEMAND, 0),
                MM_BAD_RANGE);
    must_status(
        t, NULL,
        add_region(t, 0, UINT64_C(0x7fffffffe000), 8, VMM_WRITE, VMM_DEMAND, 0),
        MM_BAD_RANGE);
    must_status(t, NULL, status_of(ask(t, ASK_VMM_REGION_AT, 0, KERNEL_VA)),
                MM_NO_REGION);
}

/*
 *   [ 4 pages ]<- gap ->[ a place for 3 ]<- gap ->[ 4 pages ]
 */
SCRIPT(a_place_keeps_its_gap_on_both_sides) {
    const uint64_t gap = 2;
    const struct call *found;

    pages_on(t, TLB_LRU);
    must_ok(t, add_region(t, 0, KERNEL_VA, 4, VMM_WRITE, VMM_DEMAND, 0));
    must_ok(t, add_region(t, 0, PAGE(KERNEL_VA, 10), 4, VMM_WRITE, VMM_DEMAND,
                          0)); /* 6 pages between: 3 and two gaps of 2 no */
    must_ok(t, add_region(t, 0, PAGE(KERNEL_VA, 21), 4, VMM_WRITE, VMM_DEMAND,
                          0)); /* 7 pages between: just enough */
    found = ask(t, ASK_VMM_REGION_FIND, 0, KERNEL_VA, 400 * PAGE_SIZE,
                3 * PAGE_SIZE, gap * PAGE_SIZE);
    must_ok(t, status_of(found));
    must(t, found->out[0] >= PAGE(KERNEL_VA, 16), "V45",
         "the place at page %lu is less than %lu pages from a region:\n"
         "  regions    0 .. 3, 10 .. 13, 21 .. 24\n"
         "  expected   16 or behind (3 pages with 2 free on either side)",
         (found->out[0] - KERNEL_VA) / PAGE_SIZE, gap);
    must(t,
         found->out[0] == PAGE(KERNEL_VA, 16) ||
             found->out[0] >= PAGE(KERNEL_VA, 27),
         "V45", "the place at page %lu meets a region or its gap",
         (found->out[0] - KERNEL_VA) / PAGE_SIZE);
}

SCRIPT(without_frames_an_immediate_region_changes_nothing) {
    uint64_t before;

    pages_on(t, TLB_LRU);
    before = free_frames(t);
    for (unsigned given = 0; given < 7; given++) { /* 4 pages, 3 tables */
        ask_pmm_fail_after(t, given);
        must_status(t, NULL,
                    add_region(t, 0, KERNEL_VA, 4, VMM_WRITE, VMM_IMMEDIATE, 0),
                    MM_NO_MEMORY);
        ask_pmm_fail_after(t, UINT64_MAX);
        must_status(t, NULL, status_of(ask(t, ASK_VMM_REGION_AT, 0, KERNEL_VA)),
                    MM_NO_REGION);
        must_have_free(t, NULL, before);
    }
    must_ok(t, add_region(t, 0, KERNEL_VA, 4, VMM_WRITE, VMM_IMMEDIATE, 0));
}

SCRIPT(the_frames_of_a_device_stay_its_own) {
    uint64_t f = 0;

    pages_on(t, TLB_LRU);
    must_ok(t, ask_pmm_alloc_run(t, 4, 1, 0, &f)); /* a device in RAM */
    must_ok(t, add_region(t, 0, KERNEL_VA, 4, VMM_WRITE, VMM_DEVICE, f));
    must_show(t, NULL, PAGE(KERNEL_VA, 2), f + 2);
    must_ok(t, remove_region(t, 0, KERNEL_VA));
    for (unsigned n = 0; n < 4; n++) {
        must(t, ask_pmm_is_used(t, f + n), "V44",
             "frame 0x%lx of the device went to the pmm with its region",
             f + n);
    }
}

SCRIPT(a_region_is_named_by_its_first_byte) {
    const struct call *at;

    pages_on(t, TLB_LRU);
    must_ok(t, add_region(t, 0, KERNEL_VA, 4, VMM_WRITE, VMM_DEMAND, 0));
    must_ok(t,
            add_region(t, 0, PAGE(KERNEL_VA, 8), 4, VMM_WRITE, VMM_DEMAND, 0));
    must_status(t, NULL, remove_region(t, 0, PAGE(KERNEL_VA, 1)), MM_NO_REGION);
    must_status(t, NULL, remove_region(t, 0, PAGE(KERNEL_VA, 6)), MM_NO_REGION);
    /* It holds the end of one and the start of the other. */
    must_status(
        t, NULL,
        add_region(t, 0, PAGE(KERNEL_VA, 6), 3, VMM_WRITE, VMM_DEMAND, 0),
        MM_OVERLAP);
    must_status(t, NULL,
                status_of(ask(t, ASK_VMM_REGION_AT, 0, PAGE(KERNEL_VA, 6))),
                MM_NO_REGION);
    at = ask(t, ASK_VMM_REGION_AT, 0, PAGE(KERNEL_VA, 8) + 5);
    must(t,
         at->out[0] == PAGE(KERNEL_VA, 8) && at->out[1] == 4 * PAGE_SIZE &&
             at->out[2] == VMM_WRITE && at->out[3] == VMM_DEMAND,
         NULL, "the second region is another one: 0x%lx, %lu bytes", at->out[0],
         at->out[1]);
}

SCRIPT(regions_that_can_not_be_are_refused) {
    const unsigned both = VMM_WRITE | VMM_EXECUTE;

    pages_on(t, TLB_LRU);
    must_status(
        t, NULL,
        add_region(t, 0, KERNEL_VA, 4, VMM_WRITE, VMM_STACK, 2 * PAGE_SIZE),
        MM_BAD_ARGUMENT);
    must_status(
        t, NULL,
        add_region(t, 0, KERNEL_VA, 4, VMM_WRITE, VMM_STACK, 8 * PAGE_SIZE + 8),
        MM_BAD_ARGUMENT);
    must_status(t, NULL,
                add_region(t, 0, KERNEL_VA, 4, VMM_WRITE, VMM_DEVICE,
                           UINT64_C(1) << 40),
                MM_BAD_ARGUMENT);
    must_status(t, NULL, add_region(t, 0, KERNEL_VA, 4, both, VMM_DEMAND, 0),
                MM_REFUSED);
    must_status(t, NULL,
                add_region(t, 0, KERNEL_VA, 4, VMM_WRITE,
                           (enum vmm_backing)VMM_BACKINGS, 0),
                MM_BAD_ARGUMENT);
    must_status(t, NULL, status_of(ask(t, ASK_VMM_REGION_AT, 0, KERNEL_VA)),
                MM_NO_REGION);
}

SCRIPT(a_region_takes_no_pages_that_show_something) {
    pages_on(t, TLB_LRU);
    must_ok(t, map(t, PAGE(KERNEL_VA, 2), frame(t), VMM_WRITE));
    must_status(t, NULL,
                add_region(t, 0, KERNEL_VA, 4, VMM_WRITE, VMM_DEMAND, 0),
                MM_ALREADY_MAPPED);
    must_ok(t, unmap(t, PAGE(KERNEL_VA, 2)));
    must_ok(t, add_region(t, 0, KERNEL_VA, 4, VMM_WRITE, VMM_DEMAND, 0));
}

SCRIPT(registers_of_a_device_are_not_cached) {
    uint64_t f = 0;

    pages_on(t, TLB_LRU);
    must_ok(t, ask_pmm_alloc_run(t, 2, 1, 0, &f));
    must_ok(t, add_region(t, 0, KERNEL_VA, 2, VMM_WRITE, VMM_DEVICE, f));
    must(t, (*entry_in_ram(t, PAGE(KERNEL_VA, 1), 1) & PTE_CACHE_DISABLE) != 0,
         "V44",
         "a device's page is cached: what is stored need not reach it, and "
         "what is loaded may be old (PCD is 0 in its entry)");
}

SCRIPT(many_regions_come_and_go_without_a_loss) {
    uint64_t before = 0;

    pages_on(t, TLB_LRU);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned n = 0; n < 100; n++) {
            must_ok(t, add_region(t, 0, PAGE(KERNEL_VA, 2 * n), 1, VMM_WRITE,
                                  VMM_DEMAND, 0));
        }
        for (unsigned n = 0; n < 100; n++) {
            must_ok(t, remove_region(t, 0, PAGE(KERNEL_VA, 2 * n)));
        }
        must(t, round == 0 || free_frames(t) == before, "V38",
             "100 regions came and went, and %lu frames are free, %lu before",
             free_frames(t), before);
        before = free_frames(t);
        must_be_sound(t);
    }
}

const struct script lab4_regions[] = {
    LISTED(random_regions_agree_with_an_oracle),
    LISTED(ranges_that_are_no_row_of_pages_are_refused),
    LISTED(a_place_keeps_its_gap_on_both_sides),
    LISTED(without_frames_an_immediate_region_changes_nothing),
    LISTED(the_frames_of_a_device_stay_its_own),
    LISTED(a_region_is_named_by_its_first_byte),
    LISTED(regions_that_can_not_be_are_refused),
    LISTED(a_region_takes_no_pages_that_show_something),
    LISTED(registers_of_a_device_are_not_cached),
    LISTED(many_regions_come_and_go_without_a_loss),
    { NULL, NULL },
};
