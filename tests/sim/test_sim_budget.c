/*
 * What a run costs, in exact counts, and the end of one that costs too much.
 * I11
 */
#include <setjmp.h>
#include <string.h>

#include "sim/budget.h"
#include "sim/processor.h"

static struct sim_budget budget;

static void start(void) {
    setup();
    memset(&budget, 0, sizeof budget);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    tables_map(&t, SECOND, NEW_FRAME, 1, P);
}

static uint64_t spent(enum sim_cost cost) {
    return budget.spent[cost];
}

START_TEST(each_kind_is_counted_exactly)
{
    sim_budget_start(&budget, &events);
    (void)load(VA);                                   /* 4 reads, a fill */
    (void)load(VA);                                   /* a hit costs nothing */
    (void)load(SECOND);                               /* 4 reads, a fill */
    faults(SECOND, SIM_WRITE, PF_PRESENT | PF_WRITE); /* 4 reads, a fault */
    cpu_invlpg(&cpu, VA);
    ck_assert(cpu_write_cr3(&cpu, t.root));
    ck_assert_uint_eq(spent(SIM_COST_READS), 12);
    ck_assert_uint_eq(spent(SIM_COST_FILLS), 2);
    ck_assert_uint_eq(spent(SIM_COST_FAULTS), 1);
    ck_assert_uint_eq(spent(SIM_COST_FLUSHES), 2);
    ck_assert_uint_eq(spent(SIM_COST_FRAMES), 0);
    ck_assert_uint_eq(spent(SIM_COST_EVENTS), 3 + 2 + 1 + 2);
    ck_assert_uint_eq(spent(SIM_COST_TOTAL), 12 + 2 + 200 + 2 * 50);
    ck_assert(!budget.is_over);
}
END_TEST

START_TEST(frames_that_the_kernel_hands_out_are_counted)
{
    sim_budget_start(&budget, &events);
    sim_events_add(&events,
                   (enum sim_event_kind)(SIM_EVENT_KERNEL + EVENT_PMM_GIVES),
                   42, 2);
    sim_events_add(&events,
                   (enum sim_event_kind)(SIM_EVENT_KERNEL + EVENT_PMM_TAKES),
                   42, 2);
    ck_assert_uint_eq(spent(SIM_COST_FRAMES), 3);
    ck_assert_uint_eq(spent(SIM_COST_TOTAL), 3 * 64);
}
END_TEST

static jmp_buf out;

static void leave(struct sim_budget *over, void *ctx) {
    ++*(unsigned *)ctx;
    ck_assert_ptr_eq(over, &budget);
    longjmp(out, 1);
}

START_TEST(a_loop_that_faults_for_ever_ends_at_its_budget)
{
    unsigned calls = 0;

    budget.limit[SIM_COST_FAULTS] = 1000;
    budget.on_over = leave;
    budget.ctx = &calls;
    sim_budget_start(&budget, &events);
    if (setjmp(out) == 0) {
        for (;;) {
            (void)access_works(vaddr_add(VA, 2 * PAGE_SIZE), SIM_READ);
        }
    }
    ck_assert(budget.is_over);
    ck_assert_uint_eq(spent(SIM_COST_FAULTS), 1001);
    ck_assert_str_eq(budget.report,
                     "the budget is over: faults 1001, at most 1000 allowed; "
                     "passed by event 2002, fault at 0x444444402000");
    (void)access_works(vaddr_add(VA, 2 * PAGE_SIZE), SIM_READ);
    ck_assert_uint_eq(calls, 1);
}
END_TEST

START_TEST(every_limit_ends_it)
{
    budget.limit[_i] = 1;
    sim_budget_start(&budget, &events);
    if (_i == SIM_COST_FRAMES) {
        sim_events_add(
            &events, (enum sim_event_kind)(SIM_EVENT_KERNEL + EVENT_PMM_GIVES),
            1, 0);
        ck_assert(!budget.is_over);
        sim_events_add(
            &events, (enum sim_event_kind)(SIM_EVENT_KERNEL + EVENT_PMM_GIVES),
            2, 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        cpu_invlpg(&cpu, VA);
        (void)load(VA);
        (void)access_works(vaddr_add(VA, 2 * PAGE_SIZE), SIM_READ);
    }
    ck_assert_msg(budget.is_over, "%s", sim_cost_name((enum sim_cost)_i));
    ck_assert_ptr_nonnull(
        strstr(budget.report, sim_cost_name((enum sim_cost)_i)));
}
END_TEST

START_TEST(a_limit_that_is_met_and_not_passed_is_kept)
{
    budget.limit[SIM_COST_READS] = 8;
    sim_budget_start(&budget, &events);
    (void)load(VA);
    (void)load(SECOND);
    ck_assert_uint_eq(spent(SIM_COST_READS), 8);
    ck_assert(!budget.is_over);
    cpu_invlpg(&cpu, VA);
    (void)load(VA);
    ck_assert(budget.is_over);
}
END_TEST

START_TEST(nothing_is_counted_after_the_end_of_the_watch)
{
    struct sim_budget other = { .limit = { 0 } };

    sim_budget_start(&budget, &events);
    sim_budget_start(&other, &events);
    (void)load(VA);
    sim_unwatch(&events, &budget.watch);
    sim_unwatch(&events, &budget.watch); /* not there: nothing happens */
    (void)load(SECOND);
    ck_assert_uint_eq(spent(SIM_COST_READS), 4);
    ck_assert_uint_eq(other.spent[SIM_COST_READS], 8);
    sim_unwatch(&events, &other.watch);
    ck_assert_ptr_null(events.watches);
}
END_TEST

START_TEST(each_cost_has_a_name_and_a_price)
{
    for (unsigned i = 0; i < SIM_COSTS; i++) {
        ck_assert_ptr_nonnull(sim_cost_name((enum sim_cost)i));
        ck_assert(sim_cost_price((enum sim_cost)i) > 0 || i == SIM_COST_EVENTS);
    }
    ck_assert_ptr_null(sim_cost_name(SIM_COSTS));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_budget");
    TCase *tc = tcase_create("budget");

    tcase_add_checked_fixture(tc, start, power_off);
    tcase_add_test(tc, each_kind_is_counted_exactly);
    tcase_add_test(tc, frames_that_the_kernel_hands_out_are_counted);
    tcase_add_test(tc, a_loop_that_faults_for_ever_ends_at_its_budget);
    tcase_add_loop_test(tc, every_limit_ends_it, 0, SIM_COSTS);
    tcase_add_test(tc, a_limit_that_is_met_and_not_passed_is_kept);
    tcase_add_test(tc, nothing_is_counted_after_the_end_of_the_watch);
    tcase_add_test(tc, each_cost_has_a_name_and_a_price);
    suite_add_tcase(suite, tc);
    return tables_run(suite);
}
