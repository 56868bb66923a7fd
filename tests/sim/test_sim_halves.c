/*
 * A and D between processors: an access in two halves, and what another one
 * does in between.  I10
 */
#include <string.h>

#include "sim/several.h"

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

static void send(struct smp *machine, unsigned n) {
    (void)n;
    smp_send(machine, 1, VECTOR);
}
static void nothing(struct smp *machine, unsigned n) {
    (void)machine;
    (void)n;
}
static const struct smp_step senders[] = { { send, NULL } };
static const struct smp_step idle[] = { { nothing, NULL } };

/** An instruction is not divided by an interrupt, only by other processors. */
START_TEST(an_interrupt_waits_for_the_end_of_an_instruction)
{
    static const uint8_t list[] = { 0, 1, 1 | SCHEDULE_INTERRUPT };

    PROGRAM(&smp, 0, senders);
    PROGRAM(&smp, 1, storing);
    HANDLER(&smp, 1, idle);
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
    Suite *s = suite_create("sim halves");
    TCase *flags = tcase_create("flags");

    tcase_add_checked_fixture(flags, several_setup, several_off);
#define BOTH(test) tcase_add_loop_test(flags, test, TLB_LRU, TLB_HOSTILE + 1)
    BOTH(no_flag_lands_in_an_entry_that_was_taken_away);
    BOTH(no_store_to_an_entry_is_lost_under_its_flags);
    BOTH(an_update_of_an_entry_that_is_not_locked_can_lose_d);
    tcase_add_test(flags, a_load_in_two_halves_moves_its_bytes_in_the_second);
    tcase_add_test(flags, a_store_in_two_halves_is_recorded_with_its_processor);
    tcase_add_test(flags, a_hole_met_in_two_halves_is_an_event);
    tcase_add_test(flags, an_interrupt_waits_for_the_end_of_an_instruction);
    suite_add_tcase(s, flags);
    return tables_run(s);
}
