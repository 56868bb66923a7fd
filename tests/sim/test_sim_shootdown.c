/*
 * The classic mistake of several processors, in every order in which it can go:
 * a page is unmapped, and only who did it flushes.
 *
 *   processor 0                          processor 1
 *   clear the PTE                        load, load, load
 *   INVLPG
 *   [interrupt to 1, wait for its word]  [handler: INVLPG, the word]
 *   give the frame to somebody else,
 *   who writes a secret into it          ... and a load must not see it
 *
 * Four orders of twenty fail without a shootdown; none of 84 with one.  I10
 */
#include <string.h>

#include "sim/several.h"

/** What the orders came to. */
static struct {
    unsigned secrets; /* processor 1 has read the secret, in this order ... */
    unsigned failed, stuck; /* ... orders */
    uint8_t first[64];      /* the first that failed */
    size_t first_count;
    struct sim_stale stale;
} seen;

/* --- processor 0 --------------------------------------------------------- */

static void clear_entry(struct smp *machine, unsigned n) {
    store_on(machine, n, DIRECT + leaf.v, 0);
}
static void flush_page(struct smp *machine, unsigned n) {
    cpu_invlpg(smp_cpu(machine, n), VA);
}
static void call_others(struct smp *machine, unsigned n) {
    for (unsigned i = 0; i < machine->count; i++) {
        if (i != n) {
            smp_send(machine, i, VECTOR);
        }
    }
}
static bool all_obeyed(const struct smp *machine, unsigned n) {
    for (unsigned i = 0; i < machine->count; i++) {
        if (i != n && ram_load64(machine->ram, paddr(WORDS + 8 * i)) == 0) {
            return false;
        }
    }
    return true;
}
static void look_at_words(struct smp *machine, unsigned n) {
    for (unsigned i = 0; i < machine->count; i++) {
        (void)load_on(machine, n, DIRECT + WORDS + 8 * i);
    }
}
static void reuse_frame(struct smp *machine, unsigned n) {
    store_on(machine, n, DIRECT + OLD_FRAME, SECRET);
}

static const struct smp_step alone[] = { { clear_entry, NULL },
                                         { flush_page, NULL },
                                         { reuse_frame, NULL } };
static const struct smp_step impatient[] = { { clear_entry, NULL },
                                             { flush_page, NULL },
                                             { call_others, NULL },
                                             { reuse_frame, NULL } };
/** One of the others is forgotten. */
static void call_the_last(struct smp *machine, unsigned n) {
    (void)n;
    smp_send(machine, machine->count - 1, VECTOR);
}
static bool the_last_obeyed(const struct smp *machine, unsigned n) {
    (void)n;
    return ram_load64(machine->ram, paddr(WORDS + 8 * (machine->count - 1))) !=
           0;
}
static const struct smp_step forgetful[] = { { clear_entry, NULL },
                                             { flush_page, NULL },
                                             { call_the_last, NULL },
                                             { look_at_words, the_last_obeyed },
                                             { reuse_frame, NULL } };
static const struct smp_step right[] = { { clear_entry, NULL },
                                         { flush_page, NULL },
                                         { call_others, NULL },
                                         { look_at_words, all_obeyed },
                                         { reuse_frame, NULL } };
/** The call comes before what it is about. */
static const struct smp_step too_early[] = { { call_others, NULL },
                                             { look_at_words, all_obeyed },
                                             { clear_entry, NULL },
                                             { flush_page, NULL },
                                             { reuse_frame, NULL } };

/* --- the others ---------------------------------------------------------- */

static void use_page(struct smp *machine, unsigned n) {
    struct sim_fault fault;
    uint64_t value;

    if (cpu_load(smp_cpu(machine, n), VA, 8, &value, &fault)) {
        seen.secrets += value == SECRET;
    } else {
        ck_assert_hex_eq(fault.error, 0);
    }
}
static void say_obeyed(struct smp *machine, unsigned n) {
    store_on(machine, n, DIRECT + WORDS + 8 * n, 1);
}
static void switch_off(struct smp *machine, unsigned n) {
    smp_cpu(machine, n)->interrupts = false;
}
static void switch_on(struct smp *machine, unsigned n) {
    smp_cpu(machine, n)->interrupts = true;
}

static const struct smp_step user[] = { { use_page, NULL },
                                        { use_page, NULL },
                                        { use_page, NULL } };
static const struct smp_step busy_user[] = { { switch_off, NULL },
                                             { use_page, NULL },
                                             { use_page, NULL },
                                             { switch_on, NULL } };
static const struct smp_step deaf_user[] = { { switch_off, NULL },
                                             { use_page, NULL } };
static const struct smp_step short_user[] = { { use_page, NULL },
                                              { use_page, NULL } };
static const struct smp_step obey[] = { { flush_page, NULL },
                                        { say_obeyed, NULL } };

/* --- every order --------------------------------------------------------- */

static void begin(struct smp *machine) {
    several_begin(machine);
    seen.secrets = 0;
}

static void judge(struct smp *machine, enum smp_end end,
                  const struct schedule *s) {
    (void)machine;
    ck_assert_int_ne(end, SMP_IMPOSSIBLE);
    seen.stuck += end == SMP_STUCK;
    if (seen.secrets == 0) {
        return;
    }
    if (seen.failed++ == 0) {
        uint64_t newest = events.counts[SIM_EVENT_STALE] - 1;

        ck_assert_uint_le(s->count, sizeof seen.first);
        memcpy(seen.first, s->taken, s->count);
        seen.first_count = s->count;
        seen.stale = events.stales[newest % SIM_STALES_KEPT];
    }
}

/** Every order of processor 0's @steps with the others' @uses: how many there
 *  are, in how many of them the secret was read, and how many got stuck. */
#define N_OF(list) (unsigned)(sizeof(list) / sizeof((list)[0]))
#define ck_assert_orders(steps, uses, all, failed, stuck)                      \
    check_orders((struct smp_program){ steps, N_OF(steps) },                   \
                 (struct smp_program){ uses, N_OF(uses) }, all, failed, stuck)
static void check_orders(struct smp_program steps, struct smp_program uses,
                         unsigned all, unsigned failed, unsigned stuck) {
    unsigned count;

    memset(&seen, 0, sizeof seen);
    smp.cpus[0].program = steps;
    for (unsigned n = 1; n < smp.count; n++) {
        smp.cpus[n].program = uses;
        HANDLER(&smp, n, obey);
    }
    count = (unsigned)smp_run_all(&smp, &schedule, begin, judge);
    ck_assert_msg(count == all && seen.failed == failed && seen.stuck == stuck,
                  "of %u orders %u failed, %u got stuck; expected %u, %u, %u",
                  count, seen.failed, seen.stuck, all, failed, stuck);
}

static void setup_policy(int policy) {
    several_off();
    several_on(2, (enum tlb_policy)policy);
}

START_TEST(a_missing_shootdown_fails_in_exactly_the_orders_that_it_can)
{
    setup_policy(_i);
    ck_assert_orders(alone, user, 20, 4, 0);
}
END_TEST

START_TEST(a_shootdown_is_clean_in_every_order)
{
    setup_policy(_i);
    ck_assert_orders(right, user, 84, 0, 0);
}
END_TEST

START_TEST(a_call_that_is_not_waited_for_fails_in_some_orders)
{
    setup_policy(_i);
    ck_assert_orders(impatient, user, 182, 6, 0);
}
END_TEST

START_TEST(a_call_before_the_change_fails_in_some_orders)
{
    setup_policy(_i);
    ck_assert_orders(too_early, user, 84, 13, 0);
}
END_TEST

START_TEST(a_processor_with_interrupts_off_is_waited_for)
{ ck_assert_orders(right, busy_user, 50, 0, 0); }
END_TEST

START_TEST(who_keeps_interrupts_off_for_ever_is_waited_for_in_vain)
{ ck_assert_orders(right, deaf_user, 16, 0, 10); }
END_TEST

START_TEST(all_other_processors_must_be_called)
{
    several_off();
    several_on(3, TLB_HOSTILE);
    ck_assert_orders(right, short_user, 46368, 0, 0);
    ck_assert_orders(forgetful, short_user, 1848, 45, 0);
}
END_TEST

/** The first failing order, as a list: it fails again, each time. */
START_TEST(a_failing_order_fails_each_time)
{
    setup_policy(_i);
    ck_assert_orders(alone, user, 20, 4, 0);
    for (unsigned i = 0; i < 10; i++) {
        schedule.kind = SCHEDULE_LIST;
        schedule.list = seen.first;
        schedule.list_count = seen.first_count;
        schedule_start(&schedule);
        smp_rewind(&smp);
        begin(&smp);
        ck_assert_int_eq(smp_run(&smp, &schedule), SMP_DONE);
        ck_assert_uint_ge(seen.secrets, 1);
    }
}
END_TEST

START_TEST(the_report_names_the_processors_and_the_missing_call)
{
    char text[600];

    setup_policy(_i);
    ck_assert_orders(alone, user, 20, 4, 0);
    sim_stale_explain(&seen.stale, text, sizeof text);
    ck_assert_str_eq(
        text,
        "processor 1: read of 0x444444400000 was made, though the tables "
        "forbid it now: the PTE (level 1) at physical 0x205000 held 0x400023 "
        "when it was remembered and holds 0x0 now. Needed after the change: "
        "INVLPG of 0x444444400000, or a load of CR3. Processor 0 flushed the "
        "page on itself alone: it must call processor 1 by an interrupt, whose "
        "handler flushes there (a shootdown)");
    ck_assert_orders(impatient, user, 182, 6, 0);
    sim_stale_explain(&seen.stale, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(
        text, ", or a load of CR3. An interrupt waits for processor 1: if it "
              "is the call to flush, its sender must wait until it is obeyed"));
}
END_TEST

START_TEST(a_flush_before_the_fill_is_no_half_of_a_shootdown)
{
    setup_policy(_i);
    events.cpu = 0;
    cpu_invlpg(smp_cpu(&smp, 0), VA);
    events.cpu = 1;
    (void)load_on(&smp, 1, VA.v);
    ram_store64(&ram, leaf, 0);
    (void)load_on(&smp, 1, VA.v);
    ck_assert_uint_eq(events.counts[SIM_EVENT_STALE], 1);
    ck_assert_uint_eq(events.stales[0].flusher, SIM_NO_CPU);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim shootdown");
    TCase *tc = tcase_create("every order");

    tcase_add_checked_fixture(tc, several_setup, several_off);
#define BOTH(test) tcase_add_loop_test(tc, test, TLB_LRU, TLB_HOSTILE + 1)
    BOTH(a_missing_shootdown_fails_in_exactly_the_orders_that_it_can);
    BOTH(a_shootdown_is_clean_in_every_order);
    BOTH(a_call_that_is_not_waited_for_fails_in_some_orders);
    BOTH(a_call_before_the_change_fails_in_some_orders);
    tcase_add_test(tc, a_processor_with_interrupts_off_is_waited_for);
    tcase_add_test(tc, who_keeps_interrupts_off_for_ever_is_waited_for_in_vain);
    tcase_add_test(tc, all_other_processors_must_be_called);
    BOTH(a_failing_order_fails_each_time);
    BOTH(the_report_names_the_processors_and_the_missing_call);
    BOTH(a_flush_before_the_fill_is_no_half_of_a_shootdown);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
