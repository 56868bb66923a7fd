/*
 * Several processors of the live machine, by the baton: compiled code on each,
 * on stacks of its own, with a kernel of a few lines.  I10
 */
#include "hw/lock.h"
#include "sim/live_several.h"

/* --- a processor of its own ---------------------------------------------- */

static uint64_t other_root;
static volatile uint8_t seen_by_1[4];

static void load_other_root(void *arg) {
    begin_processor();
    hw_write_cr3(paddr(other_root));
    seen_by_1[0] = *at(HEAP);
    sim_point(sim);
    seen_by_1[1] = *at(HEAP);
    own[(uintptr_t)arg].done = true;
}

/** A root that differs from ours in what HEAP shows.  The stack of processor 1,
 *  beyond it, hangs on the same upper tables, so these are copied. */
static uint64_t copy_tables(uint64_t va, uint64_t frame) {
    uint64_t root = 0, *slot = &root;
    paddr_t table = hw_read_cr3();

    for (unsigned level = PAGING_LEVELS; level >= 1; level--) {
        uint64_t copy = next_table;

        next_table += PAGE_SIZE;
        memcpy(direct(paddr(copy)), direct(table), PAGE_SIZE);
        *slot = level == PAGING_LEVELS ? copy : copy | ALL;
        slot = (uint64_t *)direct(paddr(copy)) + table_index(vaddr(va), level);
        table = pte_address(pte(*slot));
    }
    *slot = frame | ALL;
    return root;
}

START_TEST(each_processor_has_its_own_root_and_translations)
{
    begin_processor();
    map_page(HEAP, FRAME, ALL);
    start(1, load_other_root);
    other_root = copy_tables(HEAP, OTHER_FRAME);
    *(uint8_t *)direct(paddr(OTHER_FRAME)) = 2;
    *at(HEAP) = 1;
    while (!own[1].done) {
        ck_assert_uint_eq(*at(HEAP), 1);
        ck_assert_uint_ne(hw_read_cr3().v, other_root);
        sim_pause(sim);
    }
    ck_assert_uint_eq(seen_by_1[0], 2);
    ck_assert_uint_eq(seen_by_1[1], 2);
    ck_assert_uint_eq(sim_cpu_at(sim, 1)->cr3.v, other_root);
    ck_assert_uint_ge(sim_cpu_at(sim, 1)->tlb.count, 1);
    ck_assert_ptr_eq(sim_cpu_at(sim, 0), &sim->cpu);
}
END_TEST

static volatile bool was_on, is_on;

static void switch_interrupts(void *arg) {
    begin_processor();
    was_on = hw_irq_save();
    ck_assert(!own[1].obeyed);
    sim_point(sim);
    ck_assert(!own[1].obeyed); /* sent, but interrupts are off */
    hw_irq_restore(true);
    while (!own[1].obeyed) {
        sim_pause(sim);
    }
    is_on = hw_irq_save(); /* iretq has brought it back */
    own[(uintptr_t)arg].done = true;
}

START_TEST(an_ipi_waits_until_interrupts_are_on_and_iretq_brings_them_back)
{
    begin_processor();
    hw_irq_restore(true);
    start(1, switch_interrupts);
    sim_point(sim);
    sim_send_ipi(sim, 1, TRAP_IPI);
    wait_for(&own[1].done);
    ck_assert(!was_on);
    ck_assert(is_on);
    ck_assert(hw_irq_save());
    ck_assert_uint_eq(sim->events.counts[SIM_EVENT_INTERRUPT], 1);
}
END_TEST

/* --- traps on several stacks --------------------------------------------- */

static volatile unsigned inside, most_inside;

/** Repairs the page, but another processor acts meanwhile, and may be in here
 *  too; vector registers are used. */
static bool repair_slowly(struct trap_hook *h, struct trap_frame *frame) {
    uint64_t page = align_down(hw_read_cr2().v, PAGE_SIZE);

    (void)h;
    ck_assert_uint_eq(frame->vector, 14);
    if (++inside > most_inside) {
        most_inside = inside;
    }
    for (unsigned i = 0; i < 4; i++) {
        __asm__ volatile("pxor %%xmm7, %%xmm7\n\tpxor %%xmm15, %%xmm15" ::
                             : "xmm7", "xmm15");
        sim_point(sim);
        ck_assert_uint_eq(align_down(hw_read_cr2().v, PAGE_SIZE), page);
    }
    map_page(page, OTHER_FRAME + (page - HEAP), ALL);
    inside--;
    return true;
}

static void touch_pages(uint64_t from) {
    own[me()].hook.handle = repair_slowly;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t in[2] = { 1000 * (me() + 1) + i, 42 };
        uint64_t out[2] = { 0 };

        __asm__ volatile("movdqu (%1), %%xmm7\n\t"
                         "movdqu (%1), %%xmm15\n\t"
                         "movb $1, (%2)\n\t"
                         "movq %%xmm7, (%0)\n\t"
                         "movq %%xmm15, 8(%0)" ::"r"(out),
                         "r"(in), "r"(at(from + i * PAGE_SIZE))
                         : "xmm7", "xmm15", "memory");
        ck_assert_uint_eq(out[0], in[0]);
        ck_assert_uint_eq(out[1], in[0]);
    }
}

static void touch_second_four(void *arg) {
    begin_processor();
    touch_pages(HEAP + 4 * PAGE_SIZE);
    own[(uintptr_t)arg].done = true;
}

START_TEST(traps_of_several_processors_end_in_any_order)
{
    unsigned met = 0;

    begin_processor();
    schedule.kind = SCHEDULE_SEEDED;
    for (schedule.seed = 1; schedule.seed <= 30; schedule.seed++) {
        inside = most_inside = 0;
        own[1].done = false;
        for (unsigned i = 0; i < 8; i++) {
            map_page(HEAP + i * PAGE_SIZE, 0, 0);
        }
        hw_flush_all();
        start(1, touch_second_four);
        schedule_start(&schedule);
        sim_set_schedule(sim, &schedule);
        touch_pages(HEAP);
        wait_for(&own[1].done);
        met += most_inside == 2;
    }
    ck_assert_uint_ge(met, 10);
}
END_TEST

static void overflow_here(void *arg) {
    struct trap_fault fault = { 0 };

    begin_processor();
    own[1].hook.handle = NULL;
    ck_assert(!trap_try(overflow, NULL, vaddr(0), &fault));
    seen_by_1[0] = (uint8_t)fault.vector;
    own[(uintptr_t)arg].done = true;
}

START_TEST(each_processor_has_its_own_stack_for_double_faults)
{
    begin_processor();
    start(1, overflow_here);
    wait_for(&own[1].done);
    ck_assert_uint_eq(seen_by_1[0], TRAP_DOUBLE_FAULT);
}
END_TEST

/* --- locks ---------------------------------------------------------------- */

static struct lock lock;
static volatile unsigned holders, most_holders, times;

/** Another processor acts while the lock is held, and wants it too. */
static void hold_lock(void) {
    for (unsigned i = 0; i < 5; i++) {
        lock_acquire(&lock);
        if (++holders > most_holders) {
            most_holders = holders;
        }
        sim_point(sim);
        times++;
        holders--;
        lock_release(&lock);
        sim_point(sim);
    }
}

static void hold_lock_too(void *arg) {
    begin_processor();
    hold_lock();
    own[(uintptr_t)arg].done = true;
}

START_TEST(a_lock_is_waited_for_by_the_other_processor)
{
    ck_assert_uint_eq(sim->boot.processors, 2);
    begin_processor();
    schedule.kind = SCHEDULE_SEEDED;
    for (schedule.seed = 1; schedule.seed <= 20; schedule.seed++) {
        lock = lock_for(sim->boot.processors);
        holders = most_holders = times = 0;
        own[1].done = false;
        start(1, hold_lock_too);
        schedule_start(&schedule);
        sim_set_schedule(sim, &schedule);
        hold_lock();
        wait_for(&own[1].done);
        ck_assert_uint_eq(times, 10);
        ck_assert_uint_eq(most_holders, 1);
        ck_assert(!lock_is_held(&lock));
    }
}
END_TEST

/* --- ends ---------------------------------------------------------------- */

static void nothing(void *arg) {
    own[(uintptr_t)arg].done = true;
}

static volatile unsigned turns[3], turn_count;

static void take_turns(void *arg) {
    for (unsigned i = 0; i < 3; i++) {
        turns[(uintptr_t)arg] = turn_count++;
        sim_point(sim);
    }
    own[(uintptr_t)arg].done = true;
}

START_TEST(three_processors_go_by_turns)
{
    char text[40];

    power_off();
    power_on_several(3, TLB_LRU, TLB_CAPACITY_DEFAULT);
    turn_count = 0;
    start(1, take_turns);
    start(2, take_turns);
    schedule.kind = SCHEDULE_TURNS;
    schedule_start(&schedule);
    sim_set_schedule(sim, &schedule);
    wait_for(&own[1].done);
    wait_for(&own[2].done);
    ck_assert_uint_eq(turn_count, 6);
    schedule_text(&schedule, text, sizeof text);
    ck_assert_str_eq(text, "1 2 0 1 2 0 1 2 0 1 2 0");
}
END_TEST

START_TEST(a_processor_may_be_started_again)
{
    for (unsigned i = 0; i < 3; i++) {
        own[1].done = false;
        start(1, nothing);
        wait_for(&own[1].done);
    }
    ck_assert_uint_eq(sim->events.cpu, 0);
}
END_TEST

static volatile bool never;

START_TEST(waiting_for_nobody_is_a_deadlock)
{
    start(1, nothing);
    wait_for(&never);
}
END_TEST

static void wait_for_never(void *arg) {
    (void)arg;
    wait_for(&never);
}

START_TEST(waiting_for_each_other_reaches_the_limit)
{
    start(1, wait_for_never);
    schedule.kind = SCHEDULE_TURNS;
    schedule.limit = 1000;
    schedule_start(&schedule);
    sim_set_schedule(sim, &schedule);
    wait_for(&never);
}
END_TEST

START_TEST(one_processor_alone_cannot_wait)
{
    power_off();
    power_on();
    sim_point(sim); /* nothing to choose */
    ck_assert_ptr_eq(sim_cpu_at(sim, 0), &sim->cpu);
    sim_pause(sim);
}
END_TEST

static void exit_here(void *arg) {
    (void)arg;
    hw_exit(HW_EXIT_PASS);
}

static void run_two(const struct hw_boot *boot) {
    (void)boot;
    begin_processor();
    map_page(HEAP, FRAME, ALL);
    start(1, exit_here);
    wait_for(&never);
}

START_TEST(any_processor_may_end_the_run)
{
    struct snapshot *snapshot = sim_snapshot(sim, NULL);

    ck_assert_ptr_nonnull(snapshot);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(sim_run(sim, run_two), HW_EXIT_PASS);
        ck_assert_uint_eq(me(), 0);
        ck_assert_ptr_null(sim_stop_reason(sim));
        ck_assert(sim_restore(sim, snapshot));
    }
    start(1, nothing);
    ck_assert(!sim_restore(sim, snapshot));
    ck_assert_ptr_null(sim_snapshot(sim, NULL));
    snapshot_drop(snapshot);
}
END_TEST

START_TEST(more_processors_than_there_can_be_are_refused)
{
    struct sim_config config = sim_default_config;
    struct sim *other;
    char why[256] = "";

    power_off();
    ck_assert(mapfile_pc(&map, 32 * MIB, why, sizeof why));
    config.map = map.entries;
    config.map_count = map.count;
    config.cpu_count = SCHEDULE_CPUS_MAX + 1;
    ck_assert_int_eq(sim_create(&other, &config, why, sizeof why),
                     SIM_UNSUPPORTED);
    ck_assert_str_eq(why, "9 processors are more than the 8 there can be");
    mapfile_destroy(&map);
    power_on();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_live_smp");
    TCase *tc = tcase_create("baton");

    tcase_add_checked_fixture(tc, setup, power_off);
    tcase_add_test(tc, each_processor_has_its_own_root_and_translations);
    tcase_add_test(
        tc, an_ipi_waits_until_interrupts_are_on_and_iretq_brings_them_back);
    tcase_add_test(tc, traps_of_several_processors_end_in_any_order);
    tcase_add_test(tc, each_processor_has_its_own_stack_for_double_faults);
    tcase_add_test(tc, a_lock_is_waited_for_by_the_other_processor);
    tcase_add_test(tc, three_processors_go_by_turns);
    tcase_add_test(tc, a_processor_may_be_started_again);
    tcase_add_exit_test(tc, waiting_for_nobody_is_a_deadlock, HW_EXIT_PANIC);
    tcase_add_exit_test(tc, waiting_for_each_other_reaches_the_limit,
                        HW_EXIT_PANIC);
    tcase_add_exit_test(tc, one_processor_alone_cannot_wait, HW_EXIT_PANIC);
    tcase_add_test(tc, any_processor_may_end_the_run);
    tcase_add_test(tc, more_processors_than_there_can_be_are_refused);
    suite_add_tcase(suite, tc);
    return run(suite);
}
