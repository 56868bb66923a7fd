/*
 * The flow of a miss through the floors, what soundness of the whole notices,
 * and (in a sanitizer build) what the poison of the heap reports.
 */
#include <string.h>

#include "base/poison.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static struct mm_config config;

static void setup(void) {
    config = mm_default_config;
    config.heap_class = &heap_list; /* addresses and pages are foreseen */
}

static void stop(void) {
    machine_stop(&mm);
}

static void start(void) {
    machine_start(&mm, &config);
}

/* --- the flow of a miss -------------------------------------------------- */

/** A heap of one page that is full, and that grows page by page. */
static void start_full(enum vmm_backing backing) {
    config.heap_size = PAGE_SIZE;
    config.heap_limit = MIB;
    config.heap_quantum = PAGE_SIZE;
    config.heap_backing = backing;
    start();
    ck_assert_ptr_nonnull(kmalloc(&mm, PAGE_SIZE - 16));
}

static const struct event *event_at(uint64_t n) {
    return &mm.events.ring[n % EVENTS_KEPT];
}

static void assert_event(uint64_t n, enum event_kind kind, uint64_t a,
                         uint64_t b) {
    const struct event *event = event_at(n);

    ck_assert_msg(event->kind == kind && event->a == a && event->b == b,
                  "event %lu is \"%s\" 0x%lx 0x%lx, expected \"%s\" 0x%lx "
                  "0x%lx",
                  (unsigned long)n, event_name(event->kind),
                  (unsigned long)event->a, (unsigned long)event->b,
                  event_name(kind), (unsigned long)a, (unsigned long)b);
}

START_TEST(a_miss_goes_from_heap_to_vmm_to_pmm_and_back_in_five_steps)
{ /* H14: no table is missing, so exactly one frame is asked for */
    const uint64_t page = MM_HEAP_BASE + PAGE_SIZE;
    uint64_t first, f;

    start_full(VMM_IMMEDIATE);
    first = mm.events.total;
    ck_assert_ptr_nonnull(kmalloc(&mm, 5));
    ck_assert_uint_eq(mm.events.total, first + 5);
    f = event_at(first + 2)->a;
    assert_event(first, EVENT_HEAP_ASKS, page, PAGE_SIZE);
    assert_event(first + 1, EVENT_VMM_ASKS, page, 0);
    assert_event(first + 2, EVENT_PMM_GIVES, f, 0);
    assert_event(first + 3, EVENT_VMM_MAPS, page, f);
    assert_event(first + 4, EVENT_HEAP_GROWN, page, PAGE_SIZE);
    ck_assert_shows(&mm.space, vaddr(page), pfn(f));

    ck_assert_ptr_nonnull(kmalloc(&mm, 5)); /* there is room now */
    ck_assert_uint_eq(mm.events.total, first + 5);
}
END_TEST

START_TEST(on_demand_the_same_five_steps_are_taken_by_a_fault)
{ /* H14: the list writes the header of the new hole, and that is the touch */
    const uint64_t page = MM_HEAP_BASE + PAGE_SIZE;
    uint64_t first, f;

    start_full(VMM_DEMAND);
    first = mm.events.total;
    ck_assert_ptr_nonnull(kmalloc(&mm, 5));
    ck_assert_uint_eq(mm.events.total, first + 6);
    f = event_at(first + 3)->a;
    assert_event(first, EVENT_HEAP_ASKS, page, PAGE_SIZE);
    ck_assert_int_eq(event_at(first + 1)->kind, EVENT_FAULT);
    ck_assert_hex_eq(event_at(first + 1)->a & ~(PAGE_SIZE - 1), page);
    ck_assert_uint_eq(event_at(first + 1)->b, PF_WRITE);
    assert_event(first + 2, EVENT_VMM_ASKS, page, 0);
    assert_event(first + 3, EVENT_PMM_GIVES, f, 0);
    assert_event(first + 4, EVENT_VMM_MAPS, page, f);
    assert_event(first + 5, EVENT_HEAP_GROWN, page, PAGE_SIZE);

    ck_assert_ptr_nonnull(kmalloc(&mm, 5));
    ck_assert_uint_eq(mm.events.total, first + 6);
}
END_TEST

/* --- soundness ----------------------------------------------------------- */

START_TEST(soundness_notices_what_the_floors_disagree_about)
{
    const char *why = NULL;
    struct vmm_unmapped old;
    const vaddr_t page = vaddr(MM_HEAP_BASE + PAGE_SIZE);

    start();
    memset(kmalloc(&mm, 3 * PAGE_SIZE), 1, 3 * PAGE_SIZE);
    ck_assert(mm_check(&mm, &why));
    mm.heap.fronts[0].counts.below_peak -=
        (int64_t)PAGE_SIZE; /* a floor for itself */
    ck_assert(!mm_check(&mm, &why));
    ck_assert_ptr_nonnull(why);
    mm.heap.fronts[0].counts.below_peak += (int64_t)PAGE_SIZE;
    mm.config.heap_backing = VMM_IMMEDIATE; /* the region says otherwise */
    ck_assert(!mm_check(&mm, &why));
    mm.config.heap_backing = VMM_DEMAND;
    mm.pmm.stats.allocated++; /* the pmm */
    ck_assert(!mm_check(&mm, &why));
    mm.pmm.stats.allocated--;
    old = vmm_unmap(&mm.space, page); /* a page shows a frame that is free */
    ck_assert_status(old.status, MM_OK);
    ck_assert(!mm_check(&mm, &why)); /* the token */
    vmm_flush(old.token);
    ck_assert_status(pmm_free(&mm.pmm, old.frame), MM_OK);
    ck_assert(mm_check(&mm, &why));
    ck_assert_status(vmm_map(&mm.space, page, old.frame, VMM_WRITE), MM_OK);
    ck_assert(!mm_check(&mm, &why));
    old = vmm_unmap(&mm.space, page);
    ck_assert_status(old.status, MM_OK);
    vmm_flush(old.token);
    ck_assert(mm_check(&mm, &why));
}
END_TEST

START_TEST(soundness_notices_a_missing_guard)
{ /* V19 */
    start();
    ck_assert_status(
        vmm_region_remove(&mm.space, vaddr(MM_HEAP_BASE - PAGE_SIZE)), MM_OK);
    ck_assert(!mm_check(&mm, NULL));
    ck_assert_status(
        vmm_region_add(
            &mm.space,
            (struct vmm_region){
                .name = "guard",
                .range = { vaddr(MM_HEAP_BASE - PAGE_SIZE), PAGE_SIZE },
                .backing = VMM_GUARD }),
        MM_OK);
    ck_assert(mm_check(&mm, NULL));
}
END_TEST

START_TEST(soundness_notices_guards_that_are_none)
{ /* V19: of another kind, too long, not there */
    const vaddr_t below = vaddr(MM_HEAP_BASE - PAGE_SIZE);
    const struct vmm_region good = { .name = "guard",
                                     .range = { below, PAGE_SIZE },
                                     .backing = VMM_GUARD };
    struct vmm_region wrong[2] = { good, good };

    start();
    wrong[0].backing = VMM_DEMAND;
    wrong[1].range =
        (struct vrange){ vaddr(below.v - PAGE_SIZE), 2 * PAGE_SIZE };
    for (unsigned k = 0; k < 2; k++) {
        ck_assert_status(vmm_region_remove(&mm.space, below), MM_OK);
        ck_assert_status(vmm_region_add(&mm.space, wrong[k]), MM_OK);
        ck_assert(!mm_check(&mm, NULL));
        ck_assert_status(vmm_region_remove(&mm.space, wrong[k].range.base),
                         MM_OK);
        ck_assert_status(vmm_region_add(&mm.space, good), MM_OK);
        ck_assert(mm_check(&mm, NULL));
    }
    ck_assert_status(vmm_region_remove(&mm.space, mm.heap.limit), MM_OK);
    ck_assert(!mm_check(&mm, NULL));
    wrong[0] = good;
    wrong[0].range.base = mm.heap.limit;
    ck_assert_status(vmm_region_add(&mm.space, wrong[0]), MM_OK);
    ck_assert(mm_check(&mm, NULL));
}
END_TEST

static void map_and_check(unsigned pages, pfn_t f) {
    const vaddr_t first = vaddr(MM_HEAP_BASE + PAGE_SIZE);

    for (unsigned k = 0; k < pages; k++) {
        ck_assert_status(
            vmm_map(&mm.space, vaddr_add(first, k * PAGE_SIZE), f, VMM_WRITE),
            MM_OK);
    }
    ck_assert(!mm_check(&mm, NULL));
    for (unsigned k = 0; k < pages; k++) {
        struct vmm_unmapped old =
            vmm_unmap(&mm.space, vaddr_add(first, k * PAGE_SIZE));

        ck_assert_status(old.status, MM_OK);
        vmm_flush(old.token);
    }
    ck_assert(mm_check(&mm, NULL));
}

START_TEST(soundness_notices_frames_that_were_not_handed_out_for_a_page)
{ /* one that is no RAM; one in all pages */
    pfn_t f;

    start();
    map_and_check(1, pfn(UINT64_C(0x7ffffff)));
    ck_assert_status(pmm_alloc(&mm.pmm, &f), MM_OK);
    map_and_check((unsigned)pages_for(MM_HEAP_SIZE) - 1, f);
    ck_assert_status(pmm_free(&mm.pmm, f), MM_OK);
}
END_TEST

START_TEST(soundness_notices_pages_that_are_not_the_heaps)
{ /* a page mapped beside the heap's end, silently */
    const vaddr_t beyond = vaddr(MM_HEAP_BASE + MM_HEAP_SIZE);
    const char *why = "";
    struct vmm_unmapped old;
    pfn_t f = pfn(0);

    start();
    ck_assert_status(pmm_alloc(&mm.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&mm.space, beyond, f, VMM_WRITE), MM_OK);
    ck_assert(!mm_check(&mm, &why));
    ck_assert_int_eq(strncmp(why, "mm: ", 4), 0);
    old = vmm_unmap(&mm.space, beyond);
    ck_assert_status(old.status, MM_OK);
    vmm_flush(old.token);
    ck_assert_status(pmm_free(&mm.pmm, f), MM_OK);
    ck_assert(mm_check(&mm, &why));
}
END_TEST

START_TEST(soundness_notices_a_heap_without_its_region)
{
    const struct vmm_region region = { .name = "heap",
                                       .range = { vaddr(MM_HEAP_BASE),
                                                  MM_HEAP_SIZE },
                                       .access = VMM_WRITE,
                                       .backing = VMM_DEMAND };
    struct vmm_region shorter = region;

    config.heap_class = &heap_dummy; /* keeps nothing there */
    start();
    ck_assert(mm_check(&mm, NULL));
    ck_assert_status(vmm_region_remove(&mm.space, region.range.base), MM_OK);
    ck_assert(!mm_check(&mm, NULL));
    shorter.range.len -= PAGE_SIZE;
    ck_assert_status(vmm_region_add(&mm.space, shorter), MM_OK);
    ck_assert(!mm_check(&mm, NULL));
    ck_assert_status(
        vmm_region_extend(&mm.space, region.range.base, MM_HEAP_SIZE), MM_OK);
    ck_assert(mm_check(&mm, NULL));
}
END_TEST

/* --- the order of touches ------------------------------------------------- */

/** Each page of the @count from @first on was touched before the next one: the
 *  frames of bump are handed out in ascending order. */
static void assert_touched_in_order(const void *first, unsigned count) {
    const vaddr_t start =
        vaddr(align_down(vaddr_of_pointer(first).v, PAGE_SIZE));
    uint64_t before = 0;

    for (unsigned i = 0; i < count; i++) {
        struct vmm_translation t =
            vmm_translate(&mm.space, vaddr_add(start, i * PAGE_SIZE));

        ck_assert_status(t.status, MM_OK);
        ck_assert_msg(
            t.pa.v > before,
            "page %u of %u has the frame at 0x%lx, the one before the "
            "frame at 0x%lx",
            i, count, (unsigned long)t.pa.v, (unsigned long)before);
        before = t.pa.v;
    }
}

START_TEST(a_block_that_moves_touches_its_new_pages_in_ascending_order)
{ /* by memcpy() the C library's order would decide who gets which frame */
    uint8_t *p, *behind;

    config.pmm_class = &pmm_bump;
    config.heap_class = &heap_list;
    config.heap_limit = 16 * MIB;
    start();
    p = kmalloc(&mm, 4 * MIB);
    behind = kmalloc(&mm, 16);
    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_nonnull(behind);
    p = krealloc(&mm, p, 4 * MIB + PAGE_SIZE);
    ck_assert_ptr_nonnull(p);
    ck_assert(p > behind);
    assert_touched_in_order(p + PAGE_SIZE, 4 * MIB / PAGE_SIZE - 2);
    kfree(&mm, p);
    kfree(&mm, behind);
}
END_TEST

START_TEST(a_zeroed_block_touches_its_pages_in_ascending_order)
{
    uint8_t *p;

    config.pmm_class = &pmm_bump;
    config.heap_class = &heap_list;
    config.heap_limit = 16 * MIB;
    start();
    p = kmalloc(&mm, 1800); /* some odd start */
    ck_assert_ptr_nonnull(p);
    p = kzalloc(&mm, 4 * MIB);
    ck_assert_ptr_nonnull(p);
    assert_touched_in_order(p + PAGE_SIZE, 4 * MIB / PAGE_SIZE - 2);
}
END_TEST

/* --- sanitizer ----------------------------------------------------------- */

#ifdef MM_ASAN
#define ASAN_EXIT 1

START_TEST(a_use_after_free_is_a_report)
{
    volatile uint8_t *p;

    start();
    p = kmalloc(&mm, 100);
    kfree(&mm, (void *)(uintptr_t)p);
    (void)p[50];
}
END_TEST

START_TEST(an_overflow_by_one_byte_is_a_report)
{
    volatile uint8_t *p;

    start();
    p = kmalloc(&mm, 101);
    p[101] = 1;
}
END_TEST

START_TEST(an_underflow_by_one_byte_is_a_report)
{
    volatile uint8_t *p;

    start();
    p = kmalloc(&mm, 100);
    p[-1] = 1;
}
END_TEST

START_TEST(memory_never_handed_out_is_a_report)
{
    start();
    (void)*(volatile uint8_t *)pointer_of(vaddr(MM_HEAP_BASE + 50 * KIB));
}
END_TEST
#endif

Suite *mm_flow_suite(void) {
    Suite *suite = suite_create("mm flow");
    TCase *tc = tcase_create("flow");
#ifdef MM_ASAN
    TCase *asan = tcase_create("sanitizer");
#endif

    tcase_add_checked_fixture(tc, setup, stop);
    tcase_add_test(tc,
                   a_miss_goes_from_heap_to_vmm_to_pmm_and_back_in_five_steps);
    tcase_add_test(tc, on_demand_the_same_five_steps_are_taken_by_a_fault);
    tcase_add_test(tc, soundness_notices_what_the_floors_disagree_about);
    tcase_add_test(tc, soundness_notices_a_missing_guard);
    tcase_add_test(tc, soundness_notices_guards_that_are_none);
    tcase_add_test(
        tc, soundness_notices_frames_that_were_not_handed_out_for_a_page);
    tcase_add_test(tc, soundness_notices_pages_that_are_not_the_heaps);
    tcase_add_test(tc, soundness_notices_a_heap_without_its_region);
    tcase_add_test(tc,
                   a_block_that_moves_touches_its_new_pages_in_ascending_order);
    tcase_add_test(tc, a_zeroed_block_touches_its_pages_in_ascending_order);
    suite_add_tcase(suite, tc);
#ifdef MM_ASAN
    tcase_add_checked_fixture(asan, setup, stop);
    machine_add_exit_test(asan, a_use_after_free_is_a_report, ASAN_EXIT);
    machine_add_exit_test(asan, an_overflow_by_one_byte_is_a_report, ASAN_EXIT);
    machine_add_exit_test(asan, an_underflow_by_one_byte_is_a_report,
                          ASAN_EXIT);
    machine_add_exit_test(asan, memory_never_handed_out_is_a_report, ASAN_EXIT);
    suite_add_tcase(suite, asan);
#endif
    return suite;
}
