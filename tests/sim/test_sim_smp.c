/*
 * Several processors: each with its own registers, TLB, mode and interrupts,
 * over one memory; and schedules, which alone decide who goes next.  I10
 */
#include <string.h>

#include "sim/several.h"

/* --- a processor of its own ---------------------------------------------- */

START_TEST(each_processor_has_its_own_root_and_tlb_over_one_memory)
{
    struct tables other;
    paddr_t at;

    tables_start(&other, &ram, 16 * MIB);
    at = tables_map(&other, VA, NEW_FRAME, 1, P | RW);
    ck_assert(cpu_write_cr3(smp_cpu(&smp, 1), other.root));
    store_on(&smp, 0, VA.v, 1);
    store_on(&smp, 1, VA.v, 2);
    ck_assert_hex_eq(ram_load64(&ram, paddr(OLD_FRAME)), 1);
    ck_assert_hex_eq(ram_load64(&ram, paddr(NEW_FRAME)), 2);
    ram_store64(&ram, leaf, 0);
    ram_store64(&ram, at, 0);
    cpu_invlpg(smp_cpu(&smp, 0), VA);
    ck_assert_ptr_null(tlb_find(&smp_cpu(&smp, 0)->tlb, VA, 0));
    ck_assert_hex_eq(load_on(&smp, 1, VA.v), 2);
}
END_TEST

START_TEST(each_processor_has_its_own_cr2_mode_and_interrupt_flag)
{
    struct sim_fault fault;
    uint64_t value;

    smp_cpu(&smp, 1)->cpl = 3;
    smp_cpu(&smp, 1)->interrupts = false;
    ck_assert(!cpu_load(smp_cpu(&smp, 1), VA, 8, &value, &fault));
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_USER);
    ck_assert_hex_eq(smp_cpu(&smp, 1)->cr2.v, VA.v);
    ck_assert_hex_eq(load_on(&smp, 0, VA.v), OLD);
    ck_assert_hex_eq(smp_cpu(&smp, 0)->cr2.v, 0);
    ck_assert(smp_cpu(&smp, 0)->interrupts);
}
END_TEST

START_TEST(a_rewound_processor_remembers_nothing)
{
    several_off();
    several_on(1, TLB_HOSTILE);
    (void)load_on(&smp, 0, VA.v);
    ck_assert_uint_gt(smp_cpu(&smp, 0)->tlb.count, 0);
    ck_assert_uint_gt(smp_cpu(&smp, 0)->upper.count, 0);
    smp_rewind(&smp);
    ck_assert_uint_eq(smp_cpu(&smp, 0)->tlb.count, 0);
    ck_assert_uint_eq(smp_cpu(&smp, 0)->upper.count, 0);
}
END_TEST

/* --- interrupts ---------------------------------------------------------- */

static unsigned taken[8], taken_count;

static void setup(void) {
    several_setup();
    taken_count = 0;
}
static void note_vector(struct smp *machine, unsigned n) {
    ck_assert(!smp_cpu(machine, n)->interrupts);
    taken[taken_count++] = machine->cpus[n].vector;
}
static void nothing(struct smp *machine, unsigned n) {
    (void)machine;
    (void)n;
}
static void send_three(struct smp *machine, unsigned n) {
    (void)n;
    smp_send(machine, 1, 0x41);
    smp_send(machine, 1, 0xfd);
    smp_send(machine, 1, 0x41);
}
static void on(struct smp *machine, unsigned n) {
    smp_cpu(machine, n)->interrupts = true;
}
static const struct smp_step senders[] = { { send_three, NULL } };
static const struct smp_step noting[] = { { note_vector, NULL } };
static const struct smp_step idle[] = { { nothing, NULL },
                                        { nothing, NULL },
                                        { nothing, NULL } };
static const struct smp_step opening[] = { { nothing, NULL }, { on, NULL } };

START_TEST(the_highest_vector_comes_first_and_equal_ones_are_one)
{
    PROGRAM(&smp, 0, senders);
    HANDLER(&smp, 1, noting);
    ck_assert_int_eq(run_list(NULL, 0), SMP_DONE);
    ck_assert_uint_eq(taken_count, 2);
    ck_assert_hex_eq(taken[0], 0xfd);
    ck_assert_hex_eq(taken[1], 0x41);
    ck_assert_uint_eq(events.counts[SIM_EVENT_IPI], 3);
    ck_assert_uint_eq(events.counts[SIM_EVENT_INTERRUPT], 2);
    ck_assert(smp_cpu(&smp, 1)->interrupts);
}
END_TEST

START_TEST(vectors_are_taken_from_the_highest_down)
{
    static const unsigned sent[] = { 0x40, 0x20, 0xfd, 0x41, 0xff, 0x5f };
    static const unsigned order[] = { 0xff, 0xfd, 0x5f, 0x41, 0x40, 0x20 };
    struct sim_cpu *cpu = smp_cpu(&smp, 0);

    for (unsigned i = 0; i < N_OF(sent); i++) {
        cpu_interrupt(cpu, sent[i]);
    }
    for (unsigned i = 0; i < N_OF(order); i++) {
        ck_assert_hex_eq(cpu_take_interrupt(cpu), order[i]);
    }
    ck_assert(!cpu_is_called(cpu));
}
END_TEST

START_TEST(an_interrupt_waits_until_interrupts_are_on)
{
    static const uint8_t early[] = { 0, 1 | SCHEDULE_INTERRUPT };
    static const uint8_t late[] = { 0, 1, 1, 1 | SCHEDULE_INTERRUPT };

    PROGRAM(&smp, 0, senders);
    PROGRAM(&smp, 1, opening);
    HANDLER(&smp, 1, noting);
    smp_cpu(&smp, 1)->interrupts = false;
    ck_assert_int_eq(run_list(early, N_OF(early)), SMP_IMPOSSIBLE);
    smp_rewind(&smp);
    smp_cpu(&smp, 1)->interrupts = false;
    ck_assert_int_eq(run_list(late, N_OF(late)), SMP_DONE);
    ck_assert_uint_eq(taken_count, 2);
}
END_TEST

START_TEST(an_interrupt_that_nobody_can_take_is_no_good_end)
{
    PROGRAM(&smp, 0, senders);
    smp_cpu(&smp, 1)->interrupts = false;
    ck_assert_int_eq(run_list(NULL, 0), SMP_STUCK);
}
END_TEST

START_TEST(a_processor_may_call_itself)
{
    PROGRAM(&smp, 1, senders);
    HANDLER(&smp, 1, noting);
    ck_assert_int_eq(run_list(NULL, 0), SMP_DONE);
    ck_assert_uint_eq(taken_count, 2);
}
END_TEST

/* --- schedules ----------------------------------------------------------- */

START_TEST(turns_go_round)
{
    char text[40];

    several_off();
    several_on(3, TLB_LRU);
    for (unsigned n = 0; n < 3; n++) {
        PROGRAM(&smp, n, idle);
    }
    schedule.kind = SCHEDULE_TURNS;
    schedule_start(&schedule);
    ck_assert_int_eq(smp_run(&smp, &schedule), SMP_DONE);
    schedule_text(&schedule, text, sizeof text);
    ck_assert_str_eq(text, "0 1 2 0 1 2 0 1 2");
}
END_TEST

START_TEST(a_list_is_followed_and_then_come_turns)
{
    static const uint8_t list[] = { 1, 1, 0 };
    char text[40];

    PROGRAM(&smp, 0, idle);
    PROGRAM(&smp, 1, idle);
    ck_assert_int_eq(run_list(list, N_OF(list)), SMP_DONE);
    schedule_text(&schedule, text, sizeof text);
    ck_assert_str_eq(text, "1 1 0 1 0 0");
    schedule_text(&schedule, text, 4); /* cut */
    ck_assert_str_eq(text, "1 1");
}
END_TEST

START_TEST(a_list_that_names_who_has_ended_is_refused)
{
    static const uint8_t list[] = { 0, 0, 0, 0 };

    PROGRAM(&smp, 0, idle);
    PROGRAM(&smp, 1, idle);
    ck_assert_int_eq(run_list(list, N_OF(list)), SMP_IMPOSSIBLE);
    ck_assert_uint_eq(schedule.count, 3);
}
END_TEST

/** The orders of 3 + 3 and of 3 + 3 + 3 steps: 6!/(3!3!), 9!/(3!3!3!). */
static uint64_t all_seen;
static unsigned differ;

static void start_all(struct smp *machine) {
    (void)machine;
}
/** The order as a number of base 4: each is new. */
static void note_order(struct smp *machine, enum smp_end end,
                       const struct schedule *s) {
    static uint64_t last;
    uint64_t order = 0;

    (void)machine;
    ck_assert_int_eq(end, SMP_DONE);
    for (size_t i = 0; i < s->count; i++) {
        order = 4 * order + s->taken[i];
    }
    if (all_seen++ > 0) {
        differ += order > last;
    }
    last = order;
}

START_TEST(every_order_is_tried_once)
{
    static const unsigned expected[] = { 1, 20, 1680 };

    several_off();
    several_on((unsigned)_i, TLB_LRU);
    for (unsigned n = 0; n < smp.count; n++) {
        PROGRAM(&smp, n, idle);
    }
    all_seen = differ = 0;
    ck_assert_uint_eq(smp_run_all(&smp, &schedule, start_all, note_order),
                      expected[_i - 1]);
    ck_assert_uint_eq(all_seen, expected[_i - 1]);
    ck_assert_uint_eq(differ, expected[_i - 1] - 1);
}
END_TEST

static void touch(struct smp *machine, unsigned n) {
    store_on(machine, n, VA.v + 8 * n, n);
}
static void flush_here(struct smp *machine, unsigned n) {
    cpu_invlpg(smp_cpu(machine, n), VA);
    smp_send(machine, 1 - n, VECTOR);
}
static const struct smp_step work[] = {
    { touch, NULL }, { flush_here, NULL }, { touch, NULL },
    { touch, NULL }, { flush_here, NULL }, { touch, NULL },
};

static struct sim_events run_seed(uint64_t seed) {
    struct sim_events noted;

    several_off();
    several_on(2, TLB_RANDOM);
    for (unsigned n = 0; n < 2; n++) {
        PROGRAM(&smp, n, work);
        HANDLER(&smp, n, noting);
    }
    taken_count = 0;
    schedule.kind = SCHEDULE_SEEDED;
    schedule.seed = seed;
    schedule_start(&schedule);
    ck_assert_int_eq(smp_run(&smp, &schedule), SMP_DONE);
    noted = events;
    return noted;
}

START_TEST(equal_seeds_give_equal_events_and_others_give_other_orders)
{
    char a[200], b[200];
    struct sim_events first, again;

    first = run_seed(7);
    schedule_text(&schedule, a, sizeof a);
    again = run_seed(7);
    schedule_text(&schedule, b, sizeof b);
    ck_assert_str_eq(a, b);
    ck_assert_uint_eq(first.total, again.total);
    ck_assert_int_eq(memcmp(first.ring, again.ring, sizeof first.ring), 0);
    (void)run_seed(8);
    schedule_text(&schedule, b, sizeof b);
    ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(a_seed_goes_on_with_other_runs)
{
    char a[200], b[200];

    PROGRAM(&smp, 0, work);
    PROGRAM(&smp, 1, work);
    schedule.kind = SCHEDULE_SEEDED;
    schedule.seed = 7;
    schedule_start(&schedule);
    ck_assert_int_eq(smp_run(&smp, &schedule), SMP_DONE);
    schedule_text(&schedule, a, sizeof a);
    ck_assert(schedule_next(&schedule));
    smp_rewind(&smp);
    ck_assert_int_eq(smp_run(&smp, &schedule), SMP_DONE);
    schedule_text(&schedule, b, sizeof b);
    ck_assert_str_ne(a, b);
}
END_TEST

static bool is_never_ready(const struct smp *machine, unsigned n) {
    (void)machine;
    (void)n;
    return false;
}
static void again(struct smp *machine, unsigned n) {
    machine->cpus[n].at = 0;
}
static const struct smp_step endless[] = { { again, NULL } };
static const struct smp_step waiting[] = { { nothing, is_never_ready } };

/** Beyond what is recorded a run by turns goes on if it may. */
START_TEST(a_run_without_end_reaches_its_limit)
{
    PROGRAM(&smp, 0, endless);
    PROGRAM(&smp, 1, waiting);
    schedule.kind = (enum schedule_kind)_i;
    schedule.limit = SCHEDULE_MAX + 10;
    schedule_start(&schedule);
    ck_assert_int_eq(smp_run(&smp, &schedule), SMP_IMPOSSIBLE);
    ck_assert_uint_eq(schedule.count, schedule.kind == SCHEDULE_ALL
                                          ? SCHEDULE_MAX
                                          : SCHEDULE_MAX + 10);
    ck_assert_uint_eq(schedule.last, 0);
}
END_TEST

START_TEST(an_event_names_the_processor_that_acted)
{
    static const uint8_t list[] = { 1, 0 };
    uint64_t before = events.total;
    unsigned walks = 0;

    PROGRAM(&smp, 0, work);
    PROGRAM(&smp, 1, work);
    (void)run_list(list, N_OF(list));
    for (uint64_t i = before; i < events.total; i++) {
        const struct sim_event *e = &events.ring[i % SIM_EVENTS_KEPT];

        if (e->kind == SIM_EVENT_WALK) {
            ck_assert_uint_eq(e->cpu, walks++ == 0 ? 1 : 0);
        }
        if (walks == 2) {
            return;
        }
    }
    ck_abort_msg("two processors walk once each");
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim smp");
    TCase *own = tcase_create("own");
    TCase *order = tcase_create("order");

    tcase_add_checked_fixture(own, setup, several_off);
    tcase_add_test(own,
                   each_processor_has_its_own_root_and_tlb_over_one_memory);
    tcase_add_test(own, each_processor_has_its_own_cr2_mode_and_interrupt_flag);
    tcase_add_test(own, the_highest_vector_comes_first_and_equal_ones_are_one);
    tcase_add_test(own, an_interrupt_waits_until_interrupts_are_on);
    tcase_add_test(own, an_interrupt_that_nobody_can_take_is_no_good_end);
    tcase_add_test(own, a_processor_may_call_itself);
    tcase_add_test(own, vectors_are_taken_from_the_highest_down);
    tcase_add_test(own, a_rewound_processor_remembers_nothing);
    suite_add_tcase(s, own);

    tcase_add_checked_fixture(order, several_setup, several_off);
    tcase_add_test(order, turns_go_round);
    tcase_add_test(order, a_list_is_followed_and_then_come_turns);
    tcase_add_test(order, a_list_that_names_who_has_ended_is_refused);
    tcase_add_loop_test(order, every_order_is_tried_once, 1, 4);
    tcase_add_test(order,
                   equal_seeds_give_equal_events_and_others_give_other_orders);
    tcase_add_test(order, a_seed_goes_on_with_other_runs);
    tcase_add_loop_test(order, a_run_without_end_reaches_its_limit,
                        SCHEDULE_TURNS, SCHEDULE_ALL + 1);
    tcase_add_test(order, an_event_names_the_processor_that_acted);
    suite_add_tcase(s, order);
    return tables_run(s);
}
