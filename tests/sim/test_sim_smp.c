/*
 * Several processors: each with its own registers, TLB, mode and interrupts,
 * over one memory; and schedules, which alone decide who goes next.  I10
 */
#include <string.h>

#include "sim/several.h"

#define N_OF(list) (unsigned)(sizeof(list) / sizeof((list)[0]))

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

/* --- interrupts ---------------------------------------------------------- */

static unsigned taken[8], taken_count;

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

static enum smp_end run_list(const uint8_t *list, size_t count) {
    schedule.kind = SCHEDULE_LIST;
    schedule.list = list;
    schedule.list_count = count;
    schedule_start(&schedule);
    taken_count = 0;
    return smp_run(&smp, &schedule);
}

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

/* --- A and D between processors ------------------------------------------ */

static struct cpu_begun begun;
static bool in_flight, stored, faulted;
static uint64_t taken_entry;

static void begin_store(struct smp *machine, unsigned n) {
    struct sim_fault fault;

    in_flight = cpu_begin(smp_cpu(machine, n), VA, SIM_WRITE, &begun, &fault);
    faulted = !in_flight;
    machine->cpus[n].divided = in_flight;
}
static void finish_store(struct smp *machine, unsigned n) {
    struct sim_fault fault;
    uint64_t value = SECRET;

    machine->cpus[n].divided = false;
    if (in_flight) {
        stored = cpu_finish(smp_cpu(machine, n), &begun, 8, &value, &fault);
        faulted = !stored;
    }
}
static void read_first(struct smp *machine, unsigned n) {
    struct sim_fault fault;
    uint64_t value;

    (void)cpu_load(smp_cpu(machine, n), VA, 8, &value, &fault);
}
static const struct smp_step storing[] = { { begin_store, NULL },
                                           { finish_store, NULL } };
static const struct smp_step reading_storing[] = { { read_first, NULL },
                                                   { begin_store, NULL },
                                                   { finish_store, NULL } };

static uint64_t to_zero(void *ctx, uint64_t old) {
    (void)ctx;
    (void)old;
    return 0;
}
static uint64_t to_new_frame(void *ctx, uint64_t old) {
    (void)ctx;
    (void)old;
    return NEW_FRAME | P | RW;
}
static uint64_t without_a(void *ctx, uint64_t old) {
    (void)ctx;
    return old & ~A;
}
static void change(struct smp *machine, unsigned n,
                   uint64_t (*to)(void *, uint64_t)) {
    struct sim_fault fault;

    ck_assert(cpu_rmw(smp_cpu(machine, n), vaddr(DIRECT + leaf.v), 8, to, NULL,
                      &taken_entry, &fault));
}
static void take_entry(struct smp *machine, unsigned n) {
    change(machine, n, to_zero);
}
static void replace_entry(struct smp *machine, unsigned n) {
    change(machine, n, to_new_frame);
}
static void age_entry(struct smp *machine, unsigned n) {
    change(machine, n, without_a);
}
static void load_entry(struct smp *machine, unsigned n) {
    taken_entry = load_on(machine, n, DIRECT + leaf.v);
}
static void store_aged_entry(struct smp *machine, unsigned n) {
    store_on(machine, n, DIRECT + leaf.v, taken_entry & ~A);
}
static const struct smp_step taking[] = { { take_entry, NULL } };
static const struct smp_step replacing[] = { { replace_entry, NULL } };
static const struct smp_step ageing[] = { { age_entry, NULL } };
static const struct smp_step ageing_plainly[] = { { load_entry, NULL },
                                                  { store_aged_entry, NULL } };

static unsigned lost, refused;

static void begin_flags(struct smp *machine) {
    several_begin(machine);
    in_flight = stored = faulted = false;
    taken_entry = 0;
}

/** The entry is taken away: whoever took it knows whether its page was written
 *  to, and nothing is left in its place. */
static void judge_taken(struct smp *machine, enum smp_end end,
                        const struct schedule *s) {
    bool written = ram_load64(machine->ram, paddr(OLD_FRAME)) == SECRET;

    (void)s;
    ck_assert_int_eq(end, SMP_DONE);
    ck_assert_hex_eq(ram_load64(machine->ram, leaf), 0);
    ck_assert_int_ne(stored, faulted);
    ck_assert_int_eq(written, (taken_entry & D) != 0);
    refused += faulted;
}

START_TEST(no_flag_lands_in_an_entry_that_was_taken_away)
{
    several_off();
    several_on(2, (enum tlb_policy)_i);
    PROGRAM(&smp, 0, taking);
    PROGRAM(&smp, 1, storing);
    refused = 0;
    ck_assert_uint_eq(smp_run_all(&smp, &schedule, begin_flags, judge_taken),
                      3);
    ck_assert_uint_eq(refused, 2);
    PROGRAM(&smp, 1, reading_storing);
    refused = 0;
    ck_assert_uint_eq(smp_run_all(&smp, &schedule, begin_flags, judge_taken),
                      4);
    ck_assert_uint_eq(refused, 3);
}
END_TEST

/** Another frame is put in place: the store to the entry is not lost, and the
 *  bytes go where the entry said that got the D. */
static void judge_replaced(struct smp *machine, enum smp_end end,
                           const struct schedule *s) {
    bool in_old = ram_load64(machine->ram, paddr(OLD_FRAME)) == SECRET;
    bool in_new = ram_load64(machine->ram, paddr(NEW_FRAME)) == SECRET;
    uint64_t entry = ram_load64(machine->ram, leaf);

    (void)s;
    ck_assert_int_eq(end, SMP_DONE);
    ck_assert(stored);
    ck_assert_hex_eq(entry & PTE_ADDRESS_MASK, NEW_FRAME);
    ck_assert_int_eq(in_old, (taken_entry & D) != 0);
    ck_assert_int_eq(in_new, (entry & D) != 0);
    ck_assert_int_ne(in_old, in_new);
}

START_TEST(no_store_to_an_entry_is_lost_under_its_flags)
{
    several_off();
    several_on(2, (enum tlb_policy)_i);
    PROGRAM(&smp, 0, replacing);
    PROGRAM(&smp, 1, storing);
    ck_assert_uint_eq(smp_run_all(&smp, &schedule, begin_flags, judge_replaced),
                      3);
    PROGRAM(&smp, 1, reading_storing);
    ck_assert_uint_eq(smp_run_all(&smp, &schedule, begin_flags, judge_replaced),
                      4);
}
END_TEST

static void judge_aged(struct smp *machine, enum smp_end end,
                       const struct schedule *s) {
    (void)s;
    ck_assert_int_eq(end, SMP_DONE);
    ck_assert(stored);
    lost += (ram_load64(machine->ram, leaf) & D) == 0;
}

START_TEST(an_update_of_an_entry_that_is_not_locked_can_lose_d)
{
    several_off();
    several_on(2, (enum tlb_policy)_i);
    PROGRAM(&smp, 0, ageing);
    PROGRAM(&smp, 1, reading_storing);
    lost = 0;
    ck_assert_uint_eq(smp_run_all(&smp, &schedule, begin_flags, judge_aged), 4);
    ck_assert_uint_eq(lost, 0);
    PROGRAM(&smp, 0, ageing_plainly);
    ck_assert_uint_eq(smp_run_all(&smp, &schedule, begin_flags, judge_aged),
                      10);
    ck_assert_uint_eq(lost, 3);
}
END_TEST

/** An instruction is not divided by an interrupt, only by other processors. */
START_TEST(an_interrupt_waits_for_the_end_of_an_instruction)
{
    static const uint8_t list[] = { 0, 1, 1 | SCHEDULE_INTERRUPT };

    PROGRAM(&smp, 0, senders);
    PROGRAM(&smp, 1, storing);
    HANDLER(&smp, 1, noting);
    ck_assert_int_eq(run_list(list, N_OF(list)), SMP_IMPOSSIBLE);
    ck_assert_int_eq(smp_run(&smp, &schedule), SMP_IMPOSSIBLE);
}
END_TEST

static uint64_t loaded;
static bool done;

static void begin_load(struct smp *machine, unsigned n) {
    struct sim_fault fault;

    ck_assert(cpu_begin(smp_cpu(machine, n), VA, SIM_READ, &begun, &fault));
}
static void finish_load(struct smp *machine, unsigned n) {
    struct sim_fault fault;

    done = cpu_finish(smp_cpu(machine, n), &begun, 8, &loaded, &fault);
}
static void store_secret(struct smp *machine, unsigned n) {
    store_on(machine, n, VA.v, SECRET);
}
static const struct smp_step loading[] = { { begin_load, NULL },
                                           { finish_load, NULL } };
static const struct smp_step storing_secret[] = { { store_secret, NULL } };

START_TEST(a_load_in_two_halves_moves_its_bytes_in_the_second)
{
    static const uint8_t between[] = { 1, 0, 1 };
    static const uint8_t after[] = { 1, 1, 0 };

    PROGRAM(&smp, 0, storing_secret);
    PROGRAM(&smp, 1, loading);
    ck_assert_int_eq(run_list(between, N_OF(between)), SMP_DONE);
    ck_assert(done);
    ck_assert_hex_eq(loaded, SECRET);
    smp_rewind(&smp);
    several_begin(&smp);
    ck_assert_int_eq(run_list(after, N_OF(after)), SMP_DONE);
    ck_assert_hex_eq(loaded, OLD);
}
END_TEST

START_TEST(a_store_in_two_halves_is_recorded_with_its_processor)
{
    static const uint8_t list[] = { 1, 1 };
    const struct table_write *write;
    struct table_writes writes;

    ck_assert(table_writes_init(&writes, 16));
    cpu_record_writes(smp_cpu(&smp, 1), &writes);
    PROGRAM(&smp, 1, storing);
    ck_assert_int_eq(run_list(list, N_OF(list)), SMP_DONE);
    write = table_writes_last(&writes, paddr(OLD_FRAME));
    ck_assert_ptr_nonnull(write);
    ck_assert_hex_eq(write->before.v, OLD);
    ck_assert_hex_eq(write->after.v, SECRET);
    ck_assert_uint_eq(write->cpu, 1);
    ck_assert_uint_ne(write->rip, 0);
    table_writes_destroy(&writes);
}
END_TEST

START_TEST(a_hole_met_in_two_halves_is_an_event)
{
    static const uint8_t list[] = { 1, 1 };

    ram_store64(&ram, leaf, UINT64_C(0xfee00000) | P | RW);
    PROGRAM(&smp, 1, loading);
    ck_assert_int_eq(run_list(list, N_OF(list)), SMP_DONE);
    ck_assert_hex_eq(loaded, ~UINT64_C(0));
    ck_assert_uint_eq(events.counts[SIM_EVENT_HOLE], 1);
    smp_rewind(&smp);
    PROGRAM(&smp, 1, storing);
    ck_assert_int_eq(run_list(list, N_OF(list)), SMP_DONE);
    ck_assert_uint_eq(events.counts[SIM_EVENT_HOLE], 2);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim smp");
    TCase *own = tcase_create("own");
    TCase *order = tcase_create("order");
    TCase *flags = tcase_create("flags");

    tcase_add_checked_fixture(own, several_setup, several_off);
    tcase_add_test(own,
                   each_processor_has_its_own_root_and_tlb_over_one_memory);
    tcase_add_test(own, each_processor_has_its_own_cr2_mode_and_interrupt_flag);
    tcase_add_test(own, the_highest_vector_comes_first_and_equal_ones_are_one);
    tcase_add_test(own, an_interrupt_waits_until_interrupts_are_on);
    tcase_add_test(own, an_interrupt_that_nobody_can_take_is_no_good_end);
    tcase_add_test(own, a_processor_may_call_itself);
    tcase_add_test(own, an_interrupt_waits_for_the_end_of_an_instruction);
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

    tcase_add_checked_fixture(flags, several_setup, several_off);
#define BOTH(test) tcase_add_loop_test(flags, test, TLB_LRU, TLB_HOSTILE + 1)
    BOTH(no_flag_lands_in_an_entry_that_was_taken_away);
    BOTH(no_store_to_an_entry_is_lost_under_its_flags);
    BOTH(an_update_of_an_entry_that_is_not_locked_can_lose_d);
    tcase_add_test(flags, a_load_in_two_halves_moves_its_bytes_in_the_second);
    tcase_add_test(flags, a_store_in_two_halves_is_recorded_with_its_processor);
    tcase_add_test(flags, a_hole_met_in_two_halves_is_an_event);
    suite_add_tcase(s, flags);
    return tables_run(s);
}
