/*
 * A missing shootdown with compiled code, in every order.
 *
 *   processor 0                         processor 1
 *   clears the PTE of HEAP              reads HEAP, again and again
 *   INVLPG
 *   [IPI, waits for the word]           [handler: INVLPG, the word]
 *   writes a secret into the frame      ... and must not read it
 *
 * Processor 0 begins when the other one has read once.  I10
 */
#include "mm/mm.h"
#include "sim/live_several.h"

/* --- the shootdown ------------------------------------------------------- */

enum shootdown { NONE, NOT_WAITED_FOR, WHOLE };

static void user(void *arg) {
    begin_processor();
    hw_irq_restore(true);
    for (unsigned i = 0; i < 3; i++) {
        struct trap_fault fault;
        uint8_t seen;

        if (trap_try_read(vaddr(HEAP), &seen, &fault)) {
            secrets += seen == SECRET;
        }
        own[1].reads = true;
        sim_point(sim);
    }
    own[(uintptr_t)arg].done = true;
}

/** The kernel of processor 0: unmap a page, and give its frame away. */
static void unmap(enum shootdown how) {
    uint8_t *frame = (uint8_t *)direct(paddr(FRAME));

    begin_processor();
    own[1].reads = own[1].obeyed = own[1].done = false;
    secrets = 0;
    *frame = 0;
    map_page(HEAP, FRAME, ALL);
    start(1, user);
    wait_for(&own[1].reads);
    *entry_of(HEAP, 1) = 0;
    hw_invlpg(vaddr(HEAP));
    if (how != NONE) {
        sim_send_ipi(sim, 1, TRAP_IPI);
    }
    if (how == WHOLE) {
        wait_for(&own[1].obeyed);
    }
    *frame = SECRET;
    wait_for(&own[1].done);
}

/** Every order; processor 1 starts afresh in each. */
static void check_orders(enum shootdown how, unsigned all, unsigned failed) {
    unsigned count = 0, failures = 0;

    schedule.kind = SCHEDULE_ALL;
    schedule_start(&schedule);
    sim_set_schedule(sim, &schedule);
    do {
        unmap(how);
        count++;
        failures += secrets != 0;
    } while (schedule_next(&schedule));
    ck_assert_msg(count == all && failures == failed,
                  "of %u orders %u failed; expected %u, %u", count, failures,
                  all, failed);
}

static void setup_policy(int policy) {
    power_off();
    power_on_two((enum tlb_policy)policy);
}

START_TEST(a_missing_shootdown_fails_in_exactly_the_orders_that_it_can)
{
    setup_policy(_i);
    check_orders(NONE, 30, 16);
}
END_TEST

START_TEST(a_call_that_is_not_waited_for_fails_in_some_orders)
{
    setup_policy(_i);
    check_orders(NOT_WAITED_FOR, 524, 172);
}
END_TEST

START_TEST(a_shootdown_is_clean_in_every_order)
{
    setup_policy(_i);
    check_orders(WHOLE, 576, 0);
}
END_TEST

/** By turns, and by any seed, as often as one likes: the same each time. */
START_TEST(a_missing_shootdown_is_reproduced_every_time)
{
    char first[200], again[200];
    unsigned failed = 0;

    setup_policy(_i);
    for (unsigned seed = 1; seed <= 20; seed++) {
        unsigned seen;

        schedule.kind = SCHEDULE_SEEDED;
        schedule.seed = seed;
        schedule_start(&schedule);
        sim_set_schedule(sim, &schedule);
        unmap(NONE);
        seen = secrets;
        schedule_text(&schedule, first, sizeof first);
        schedule_start(&schedule);
        unmap(NONE);
        schedule_text(&schedule, again, sizeof again);
        ck_assert_str_eq(first, again);
        ck_assert_uint_eq(secrets, seen);
        failed += seen != 0;
    }
    ck_assert_uint_ge(failed, 1);
    sim_set_schedule(sim, NULL);
    unmap(NONE);
    ck_assert_uint_ne(secrets, 0);
    unmap(WHOLE);
    ck_assert_uint_eq(secrets, 0);
}
END_TEST

START_TEST(the_report_names_the_processor_and_who_did_not_call_it)
{
    const struct sim_stale *stale;
    char text[600];

    ck_assert(cpu_report_stale(sim_cpu_at(sim, 1)));
    unmap(NONE);
    ck_assert_uint_ge(sim->events.counts[SIM_EVENT_STALE], 1);
    stale = &sim->events.stales[sim->events.counts[SIM_EVENT_STALE] - 1];
    ck_assert_uint_eq(stale->cpu, 1);
    ck_assert_uint_eq(stale->flusher, 0);
    ck_assert_uint_eq(stale->va.v, HEAP);
    sim_stale_explain(stale, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "processor 1: read of 0x444444440000"));
    ck_assert_ptr_nonnull(strstr(text, "it must call processor 1"));
}
END_TEST

/* --- the same by the kernel's own unmap ----------------------------------- */

static struct mm mm;

/** @count new pages from @va on. */
static void back(uint64_t va, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        pfn_t f;

        ck_assert_int_eq(pmm_alloc(&mm.pmm, &f), MM_OK);
        ck_assert_int_eq(
            vmm_map(&mm.space, vaddr(va + i * PAGE_SIZE), f, VMM_WRITE), MM_OK);
    }
}

static void begin_kernel(void) {
    sim_listen(sim);
    ck_assert_int_eq(mm_init_frames(&mm, &sim->boot, &mm_default_config).status,
                     MM_OK);
    back(STACK_OF(1), 4);
    back(STACK_OF(1) + 5 * PAGE_SIZE, STACK_PAGES);
}

/** pmm_alloc() until it is @f again. */
static void take_again(pfn_t f) {
    pfn_t other;

    do {
        ck_assert_int_eq(pmm_alloc(&mm.pmm, &other), MM_OK);
    } while (other.v != f.v);
}

/** As unmap() above, with the page tables, frames and flushes of vmm and pmm.
 */
static void unmap_by_kernel(enum shootdown how) {
    struct vmm_unmapped gone;
    uint8_t *shown;

    own[1].reads = own[1].obeyed = own[1].done = false;
    secrets = 0;
    sim_start_cpu(sim, 1, user, (void *)1,
                  (struct vrange){ vaddr(STACK_OF(1) + 5 * PAGE_SIZE),
                                   STACK_PAGES * PAGE_SIZE });
    back(HEAP, 1);
    wait_for(&own[1].reads);
    gone = vmm_unmap(&mm.space, vaddr(HEAP));
    ck_assert_int_eq(gone.status, MM_OK);
    vmm_flush(gone.token);
    if (how == WHOLE) {
        sim_send_ipi(sim, 1, TRAP_IPI);
        wait_for(&own[1].obeyed);
    }
    ck_assert_int_eq(pmm_free(&mm.pmm, gone.frame), MM_OK);
    take_again(gone.frame);
    shown = (uint8_t *)direct(paddr_of(gone.frame));
    *shown = SECRET;
    wait_for(&own[1].done);
    *shown = 0;
    ck_assert_int_eq(pmm_free(&mm.pmm, gone.frame), MM_OK);
}

static void count_kernel_orders(enum shootdown how, unsigned *count,
                                unsigned *failed) {
    *count = *failed = 0;
    schedule.kind = SCHEDULE_ALL;
    schedule_start(&schedule);
    sim_set_schedule(sim, &schedule);
    do {
        unmap_by_kernel(how);
        *count += 1;
        *failed += secrets != 0;
    } while (schedule_next(&schedule));
}

START_TEST(the_kernels_unmap_is_clean_with_a_shootdown_alone)
{
    unsigned count, failed;

    setup_policy(_i);
    begin_kernel();
    count_kernel_orders(NONE, &count, &failed);
    ck_assert_uint_eq(count, 30);
    ck_assert_uint_eq(failed, 16);
    count_kernel_orders(WHOLE, &count, &failed);
    ck_assert_uint_eq(count, 576);
    ck_assert_uint_eq(failed, 0);
}
END_TEST

/** The report comes when the frame goes back, before anybody was hurt. */
START_TEST(a_frame_that_another_processor_remembers_is_freed_too_early)
{
    const struct sim_stale *stale;

    setup_policy(_i);
    begin_kernel();
    unmap_by_kernel(WHOLE);
    ck_assert_uint_eq(sim->events.counts[SIM_EVENT_STALE], 0);
    unmap_by_kernel(NONE);
    ck_assert_uint_ge(sim->events.counts[SIM_EVENT_STALE], 1);
    stale = &sim->events.stales[0];
    ck_assert_int_eq(stale->effect, STALE_FREED);
    ck_assert_uint_eq(stale->cpu, 1);
    ck_assert_uint_eq(stale->va.v, HEAP);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_live_shootdown");
    TCase *tc = tcase_create("orders");

    tcase_add_checked_fixture(tc, setup, power_off);
#define BOTH(test) tcase_add_loop_test(tc, test, TLB_LRU, TLB_HOSTILE + 1)
    BOTH(a_missing_shootdown_fails_in_exactly_the_orders_that_it_can);
    BOTH(a_call_that_is_not_waited_for_fails_in_some_orders);
    BOTH(a_shootdown_is_clean_in_every_order);
    BOTH(a_missing_shootdown_is_reproduced_every_time);
    tcase_add_test(tc, the_report_names_the_processor_and_who_did_not_call_it);
    BOTH(the_kernels_unmap_is_clean_with_a_shootdown_alone);
    BOTH(a_frame_that_another_processor_remembers_is_freed_too_early);
    suite_add_tcase(suite, tc);
    return run(suite);
}
