/*
 * What the story of a fault calls the regions, and what has no story.
 */
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_debug.h"

#define PLACE UINT64_C(0x444480000000)

static void setup(void) {
    machine_start(&mm, NULL);
}

static void stop(void) {
    machine_stop(&mm);
}

START_TEST(each_kind_of_region_has_its_name_in_the_story)
{ /* V18 */
    static struct vmm_pager pager;
    static const struct {
        struct vmm_region region;
        const char *name;
    } kinds[] = {
        { { .backing = VMM_DEVICE, .device = { 0xb8 } }, ", a device\n" },
        { { .backing = VMM_STACK, .limit = 4 * PAGE_SIZE }, ", a stack\n" },
        { { .backing = VMM_PAGED, .pager = &pager }, ", brought by a pager\n" },
        { { .backing = VMM_DEMAND }, ", filled on demand\n" },
    };

    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct vmm_region region = kinds[k].region;

        region.name = "place";
        region.access = VMM_READ | VMM_EXECUTE;
        region.range = (struct vrange){ vaddr(PLACE), PAGE_SIZE };
        ck_assert_status(vmm_region_add(&mm.space, region), MM_OK);
        watch_forget();
        mm_explain_fault(&mm, vaddr(PLACE), 0, watch_hear, NULL);
        ck_assert_msg(watched_says("region: \"place\" 0x444480000000 .. "
                                   "0x444480000fff, r-x") &&
                          watched_says(kinds[k].name),
                      "'%s' is not said:\n%s", kinds[k].name, watched.text);
        ck_assert_status(vmm_region_remove(&mm.space, vaddr(PLACE)), MM_OK);
    }
}
END_TEST

START_TEST(a_fault_that_nobody_was_asked_about_is_told_as_such)
{ /* V18 */
    mm.verdict = (struct vmm_verdict){ .status = MM_OK };
    watch_forget();
    mm_explain_fault(&mm, vaddr(PLACE), 0, watch_hear, NULL);
    ck_assert_msg(watched_says("verdict: MM_OK, not asked\n"), "%s",
                  watched.text);
}
END_TEST

START_TEST(what_is_no_page_fault_is_not_the_subsystems)
{ /* V18: and neither is a page fault before there are frames */
    struct trap_frame frame = { .vector = 6 };
    const uint64_t faults = mm.space.stats.faults;
    struct pmm *pmm = mm.space.pmm;

    ck_assert(!mm.hook.handle(&mm.hook, &frame));
    mm.hook.explain(&mm.hook, &frame);
    frame.vector = TRAP_PAGE_FAULT;
    mm.space.pmm = NULL;
    ck_assert(!mm.hook.handle(&mm.hook, &frame));
    mm.hook.explain(&mm.hook, &frame);
    mm.space.pmm = pmm;
    ck_assert_uint_eq(mm.space.stats.faults, faults);
}
END_TEST

START_TEST(a_heap_that_never_grew_is_torn_down)
{ /* H6 */
    struct mm_config config = mm_default_config;
    uint64_t before;

    mm_teardown(&mm);
    before = pmm_free_count(&mm.pmm);
    config.heap_size = 0;
    mm.config = config;
    ck_assert_status(mm_init_heap(&mm).status, MM_OK);
    ck_assert_uint_eq(heap_size(&mm.heap), 0);
    mm_teardown(&mm);
    ck_assert_uint_eq(pmm_free_count(&mm.pmm), before);
}
END_TEST

Suite *mm_story_suite(void) {
    Suite *suite = suite_create("mm story");
    TCase *tc = tcase_create("stories");

    tcase_add_checked_fixture(tc, setup, stop);
    tcase_add_test(tc, each_kind_of_region_has_its_name_in_the_story);
    tcase_add_test(tc, a_fault_that_nobody_was_asked_about_is_told_as_such);
    tcase_add_test(tc, what_is_no_page_fault_is_not_the_subsystems);
    tcase_add_test(tc, a_heap_that_never_grew_is_torn_down);
    suite_add_tcase(suite, tc);
    return suite;
}
