/*
 * The live machine watches its kernel: events in one order, frames freed too
 * early, budgets, and faults to inject.  The kernel is the real one.  I7 I8 I11
 */
#include "mm/mm.h"

#include "sim/live_machine.h"

static struct mm mm;
static struct injection injection;

static void listen(void) {
    power_on_with(TLB_HOSTILE, 0);
    ck_assert(cpu_report_stale(&sim->cpu));
    sim_listen(sim);
}

static void start(void) {
    struct mm_init_result result;

    listen();
    result = mm_init(&mm, &sim->boot, &mm_default_config);
    ck_assert_msg(result.status == MM_OK, "%s", result.step);
}

static void stop(void) {
    const char *why = "";

    ck_assert_msg(mm_check(&mm, &why), "%s", why);
    power_off();
}

static uint64_t stale_uses(void) {
    return sim->events.counts[SIM_EVENT_STALE];
}

/** The newest events of these kinds, oldest first. */
static void newest_are(const int *kinds, unsigned count) {
    uint64_t at = sim->events.total;

    for (unsigned i = count; i-- > 0;) {
        enum sim_event_kind kind;

        do {
            ck_assert_uint_gt(at, 0);
            kind = sim->events.ring[--at % SIM_EVENTS_KEPT].kind;
        } while ((int)kind == SIM_EVENT_WALK || (int)kind == SIM_EVENT_FILL);
        ck_assert_msg((int)kind == kinds[i], "event %u is %s, expected %s", i,
                      sim_event_name(kind),
                      sim_event_name((enum sim_event_kind)kinds[i]));
    }
}

#define K(kind) (SIM_EVENT_KERNEL + EVENT_##kind)

START_TEST(the_kernel_and_the_machine_are_heard_in_one_order)
{
    static const int expected[] = { K(HEAP_GIVES), SIM_EVENT_FAULT, K(FAULT),
                                    K(VMM_ASKS),   K(PMM_GIVES),    K(VMM_MAPS),
                                    K(HEAP_TAKES) };
    uint8_t *p = kmalloc(&mm, 3 * PAGE_SIZE);

    ck_assert_ptr_nonnull(p);
    p[2 * PAGE_SIZE] = 1;
    kfree(&mm, p);
    newest_are(expected, sizeof expected / sizeof expected[0]);
    ck_assert_uint_eq(stale_uses(), 0);
}
END_TEST

START_TEST(a_frame_freed_before_the_flush_is_reported_and_after_it_is_not)
{
    const vaddr_t va = vaddr(HEAP + 2 * GIB); /* no region there */
    struct vmm_unmapped gone;
    pfn_t f;

    for (unsigned late = 0; late < 2; late++) {
        ck_assert_int_eq(pmm_alloc(&mm.pmm, &f), MM_OK);
        ck_assert_int_eq(vmm_map(&mm.space, va, f, VMM_WRITE), MM_OK);
        *at(va.v) = 1;
        gone = vmm_unmap(&mm.space, va);
        ck_assert_int_eq(gone.status, MM_OK);
        if (late) {
            vmm_flush_skip(gone.token); /* the INVLPG is left out */
        } else {
            vmm_flush(gone.token);
        }
        ck_assert_int_eq(pmm_free(&mm.pmm, f), MM_OK);
        ck_assert_uint_eq(stale_uses(), late);
    }
    ck_assert_int_eq(sim->events.stales[0].effect, STALE_FREED);
    ck_assert_uint_eq(sim->events.stales[0].va.v, va.v);
    ck_assert_uint_eq(sim->events.stales[0].freed.v, paddr_of(f).v);
    ck_assert_uint_eq(sim->events.stales[0].now.v, 0);
    hw_invlpg(va);
    vmm_reclaim_tables(&mm.space, (struct vrange){ va, PAGE_SIZE });
    ck_assert_uint_eq(stale_uses(), 1);
}
END_TEST

/* --- faults to inject ---------------------------------------------------- */

/** A request that fails leaves all as it was; the next one works. */
static void use_heap(void) {
    static const size_t sizes[] = { 24, 5000, 200000, 64 };
    void *p[4];

    for (unsigned i = 0; i < 4; i++) {
        p[i] = kmalloc(&mm, sizes[i]);
    }
    for (unsigned i = 0; i < 4; i++) {
        kfree(&mm, p[i]);
    }
}

static void run_once(struct injection *now, void *ctx) {
    struct mm_config config = mm_default_config;
    struct mm_init_result result;
    const char *why = "";

    (void)ctx;
    listen();
    config.heap_backing = VMM_IMMEDIATE;
    sim_inject(sim, now);
    result = mm_init(&mm, &sim->boot, &config);
    if (result.status == MM_OK) {
        use_heap();
    } else {
        ck_assert_int_eq(result.status, MM_NO_MEMORY);
        ck_assert(now->is_done);
        ck_assert_int_eq(mm_init_heap(&mm).status, MM_OK);
    }
    sim_inject(sim, NULL);
    use_heap();
    ck_assert_msg(mm_check(&mm, &why), "%s %lu: %s", inject_name(now->kind),
                  (unsigned long)now->nth, why);
    ck_assert_uint_eq(stale_uses(), 0);
    power_off();
}

START_TEST(any_one_frame_may_fail_and_all_stays_sound)
{
    injection = (struct injection){ .kind = INJECT_FRAME };
    /* at the start 25 pages and 3 tables; then what the large block grows by */
    ck_assert_uint_gt(inject_sweep(injection, run_once, NULL), 25 + 3 + 20);
}
END_TEST

START_TEST(any_one_block_may_fail_and_all_stays_sound)
{
    injection = (struct injection){ .kind = INJECT_BLOCK };
    ck_assert_uint_eq(inject_sweep(injection, run_once, NULL), 4);
}
END_TEST

static unsigned interrupts;
static uint64_t left, right; /* equal but while interrupts are off */

static void on_interrupt(void *ctx) {
    (void)ctx;
    interrupts++;
    ck_assert(!hw_irq_save()); /* off, as in every handler */
    ck_assert_uint_eq(left, right);
    kfree(&mm, kmalloc(&mm, 100));
}

static void interrupt_once(struct injection *now, void *ctx) {
    bool were_on;

    (void)ctx;
    start();
    now->interrupt = on_interrupt;
    interrupts = 0;
    hw_irq_restore(true);
    sim_inject(sim, now);
    were_on = hw_irq_save();
    left++;
    use_heap();
    right++;
    hw_irq_restore(were_on);
    use_heap();
    ck_assert(hw_irq_save()); /* they are on again */
    ck_assert_uint_eq(interrupts, now->is_done && now->nth <= now->occasions);
    sim_inject(sim, NULL);
    stop();
}

START_TEST(an_interrupt_may_come_at_any_lock_or_unlock)
{
    injection = (struct injection){ .kind = INJECT_INTERRUPT };
    ck_assert_uint_gt(inject_sweep(injection, interrupt_once, NULL), 30);
}
END_TEST

START_TEST(a_flipped_bit_reaches_the_kernel_as_the_fault_it_makes)
{
    const vaddr_t va = vaddr(HEAP + 2 * GIB); /* no region there */
    struct trap_fault fault;
    uint8_t seen;

    injection = (struct injection){
        .kind = INJECT_FLIP, .nth = 1, .level = 1, .bit = 51
    };
    ck_assert_int_eq(vmm_map(&mm.space, va, pfn(0), VMM_WRITE), MM_OK);
    sim_inject(sim, &injection);
    ck_assert(!trap_try_read(va, &seen, &fault));
    ck_assert_uint_eq(fault.error, PF_PRESENT | PF_RESERVED);
    ck_assert(injection.is_done);
    sim_inject(sim, NULL);
    ck_assert_uint_eq(*entry_of(va.v, 1) >> 51 & 1, 1);
    vmm_flush(vmm_unmap(&mm.space, va).token);
}
END_TEST

/* --- budgets ------------------------------------------------------------- */

static struct sim_budget budget;

static void flush_for_ever(const struct hw_boot *boot) {
    (void)boot;
    for (;;) {
        hw_invlpg(vaddr(HEAP));
    }
}

static bool repairs_nothing(struct trap_hook *h, struct trap_frame *frame) {
    (void)h;
    return frame->vector == 14; /* it says */
}

static void fault_for_ever(const struct hw_boot *boot) {
    (void)boot;
    hook.handle = repairs_nothing;
    trap_init(&hook, &sim->boot);
    *at(HEAP) = 1;
}

START_TEST(a_kernel_that_runs_away_is_stopped_with_the_report)
{
    budget = (struct sim_budget){ .limit = { 0 } };
    budget.limit[_i == 0 ? SIM_COST_FLUSHES : SIM_COST_FAULTS] = 500;
    sim_set_budget(sim, &budget);
    ck_assert_int_eq(sim_run(sim, _i == 0 ? flush_for_ever : fault_for_ever),
                     HW_EXIT_FAIL);
    ck_assert_ptr_nonnull(sim_stop_reason(sim));
    ck_assert_str_eq(sim_stop_reason(sim), budget.report);
    ck_assert_msg(strstr(budget.report, _i == 0 ? "flushes 501, at most 500"
                                                : "faults 501, at most 500"),
                  "%s", budget.report);
    ck_assert_msg(strstr(budget.report, " at 0x444444440000"), "%s",
                  budget.report);
    power_off();
    power_on(); /* and another machine starts */
}
END_TEST

static void loop_on_host(void) {
    flush_for_ever(NULL);
}

START_TEST(outside_a_run_the_process_ends)
{
    budget = (struct sim_budget){ .limit = { [SIM_COST_TOTAL] = 5000 } };
    sim_set_budget(sim, &budget);
    loop_on_host();
}
END_TEST

START_TEST(the_cost_of_a_page_on_demand_is_known_exactly)
{
    const struct vmm_region region = {
        .name = "demand",
        .range = { vaddr(HEAP + 2 * GIB), 8 * PAGE_SIZE },
        .access = VMM_WRITE,
        .backing = VMM_DEMAND,
    };

    ck_assert_int_eq(vmm_region_add(&mm.space, region), MM_OK);
    *at(region.range.base.v) = 1; /* its tables */
    budget = (struct sim_budget){ .limit = { 0 } };
    sim_set_budget(sim, &budget);
    *at(region.range.base.v + 5 * PAGE_SIZE) = 1;
    ck_assert_uint_eq(budget.spent[SIM_COST_FAULTS], 1);
    ck_assert_uint_eq(budget.spent[SIM_COST_FRAMES], 1);
    ck_assert_uint_eq(budget.spent[SIM_COST_FLUSHES], 0);
    sim_set_budget(sim, NULL);
    ck_assert_int_eq(vmm_region_remove(&mm.space, region.range.base), MM_OK);
}
END_TEST

/* --- devices ------------------------------------------------------------- */

static void read_device(const struct hw_boot *boot) {
    (void)*(volatile uint8_t *)boot_direct(boot, paddr(0xa0004));
}

START_TEST(a_device_is_named_when_it_is_accessed)
{
    const struct ram_device screen = { .name = "screen",
                                       .range = { { 0xa0000 }, PAGE_SIZE } };

    ck_assert(ram_add_device(&sim->ram, screen));
    ck_assert_int_eq(sim_run(sim, read_device), HW_EXIT_FAIL);
    ck_assert_msg(strstr(sim_stop_reason(sim),
                         "leads to physical 0xa0004, where there is no RAM but "
                         "the device \"screen\", which only the functional "
                         "machine runs") != NULL,
                  "%s", sim_stop_reason(sim));
    ck_assert_uint_eq(sim->events.counts[SIM_EVENT_DEVICE], 1);
    ck_assert_uint_eq(sim->events.counts[SIM_EVENT_HOLE], 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_watch");
    TCase *kernel = tcase_create("kernel");
    TCase *sweeps = tcase_create("sweeps");
    TCase *runs = tcase_create("runs");

    tcase_add_checked_fixture(kernel, start, stop);
    tcase_add_test(kernel, the_kernel_and_the_machine_are_heard_in_one_order);
    tcase_add_test(
        kernel, a_frame_freed_before_the_flush_is_reported_and_after_it_is_not);
    tcase_add_test(kernel,
                   a_flipped_bit_reaches_the_kernel_as_the_fault_it_makes);
    tcase_add_test(kernel, the_cost_of_a_page_on_demand_is_known_exactly);
    suite_add_tcase(suite, kernel);
    tcase_add_test(sweeps, any_one_frame_may_fail_and_all_stays_sound);
    tcase_add_test(sweeps, any_one_block_may_fail_and_all_stays_sound);
    tcase_add_test(sweeps, an_interrupt_may_come_at_any_lock_or_unlock);
    suite_add_tcase(suite, sweeps);
    tcase_add_checked_fixture(runs, power_on, power_off);
    tcase_add_loop_test(
        runs, a_kernel_that_runs_away_is_stopped_with_the_report, 0, 2);
    tcase_add_exit_test(runs, outside_a_run_the_process_ends, SIM_EXIT_STOPPED);
    tcase_add_test(runs, a_device_is_named_when_it_is_accessed);
    suite_add_tcase(suite, runs);
    return run(suite);
}
