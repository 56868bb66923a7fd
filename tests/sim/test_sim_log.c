/*
 * The log as JSON lines, and a machine that does it again.  I7
 */
#include <stdlib.h>
#include <string.h>

#include "sim/journal.h"
#include "sim/processor.h"

static struct sim_cpu second;
static struct sim_cpu *cpus[2] = { &cpu, &second };
static struct journal journal;
static FILE *out;
static char why[600];

/** Two processors that nobody has touched, and a log. */
static void start(void) {
    memset(&events, 0, sizeof events);
    memset(&journal, 0, sizeof journal);
    tables_ram(&ram);
    ck_assert(cpu_init(&cpu, &ram, &events, TLB_HOSTILE, 0));
    ck_assert(cpu_init(&second, &ram, &events, TLB_HOSTILE, 0));
    second.number = 1;
    ck_assert(cpu_report_stale(&cpu) && cpu_report_stale(&second));
    ck_assert(journal_init(&journal, cpus, 2, 50));
    out = tmpfile();
    ck_assert_ptr_nonnull(out);
    journal_log(&journal, out);
}

static void stop(void) {
    if (out != NULL) {
        fclose(out);
    }
    journal_destroy(&journal);
    cpu_destroy(&second);
    power_off();
}

static bool op(enum sim_op_kind kind, unsigned n, uint64_t at, uint64_t value) {
    struct sim_op it = { kind, n, 8, at, value };
    struct sim_op_result result;

    ck_assert(journal_do(&journal, it, &result));
    return result.done;
}

/** Tables at 1 MiB that show OLD_FRAME at VA, and a handful of everything. */
static void do_something(void) {
    for (uint64_t pa = MIB; pa < MIB + 4 * PAGE_SIZE; pa += 8) {
        op(SIM_OP_POKE, 0, pa, 0);
    }
    for (unsigned level = 4; level > 1; level--) {
        op(SIM_OP_POKE, 0,
           MIB + (4 - level) * PAGE_SIZE + 8 * table_index(VA, level),
           (MIB + (5 - level) * PAGE_SIZE) | P | RW | US);
    }
    op(SIM_OP_POKE, 0, MIB + 3 * PAGE_SIZE, OLD_FRAME | P | RW);
    for (unsigned n = 0; n < 2; n++) {
        ck_assert(op(SIM_OP_CR3, n, 0, MIB));
        ck_assert(op(SIM_OP_STORE, n, VA.v + 8, 42));
        ck_assert(!op(SIM_OP_LOAD, n, SECOND.v, 0));
    }
    op(SIM_OP_POKE, 0, MIB + 3 * PAGE_SIZE, 0);
    op(SIM_OP_INVLPG, 0, VA.v, 0);
    ck_assert(!op(SIM_OP_LOAD, 0, VA.v, 0));
    ck_assert(op(SIM_OP_LOAD, 1, VA.v, 0)); /* stale: no shootdown */
    op(SIM_OP_FREED, 1, OLD_FRAME, PAGE_SIZE);
    ck_assert(op(SIM_OP_INVPCID, 1, 0, (uint64_t)INVPCID_ALL << 32));
}

/** The log as text, for the caller to free(). */
static char *text_of_log(void) {
    long size = ftell(out);
    char *text = malloc((size_t)size + 1);

    rewind(out);
    ck_assert_uint_eq(fread(text, 1, (size_t)size, out), (size_t)size);
    text[size] = '\0';
    return text;
}

static bool replays(const char *text) {
    FILE *in = tmpfile();
    bool good;

    ck_assert_ptr_nonnull(in);
    ck_assert_uint_eq(fwrite(text, 1, strlen(text), in), strlen(text));
    rewind(in);
    good = journal_replay(in, why, sizeof why);
    fclose(in);
    return good;
}

/** @text with @old replaced by @new_one, once. */
static char *changed(const char *text, const char *old, const char *new_one) {
    const char *at = strstr(text, old);
    char *result = malloc(strlen(text) + strlen(new_one) + 1);

    ck_assert_msg(at != NULL, "no %s in the log", old);
    sprintf(result, "%.*s%s%s", (int)(at - text), text, new_one,
            at + strlen(old));
    return result;
}

START_TEST(a_log_is_done_again_with_the_same_events)
{
    char *text;

    do_something();
    ck_assert_uint_eq(events.counts[SIM_EVENT_STALE], 2);
    text = text_of_log();
    ck_assert_msg(replays(text), "%s", why);
    free(text);
}
END_TEST

START_TEST(each_event_is_one_line_with_its_names)
{
    char *text;

    do_something();
    text = text_of_log();
    ck_assert_ptr_nonnull(strstr(text,
                                 "\n{\"op\":\"store\",\"cpu\":1,\"bytes\":8,"
                                 "\"at\":\"0x444444400008\",\"value\":\"0x2a\"}"
                                 "\n{\"event\":\"walk\",\"cpu\":1,\"address\":"
                                 "\"0x444444400008\",\"reads\":4}\n{\"event\":"
                                 "\"fill\",\"cpu\":1,\"page\":"
                                 "\"0x444444400000\",\"physical\":\"0x400000\"}"
                                 "\n"));
    ck_assert_ptr_nonnull(strstr(text, "{\"event\":\"fault\",\"cpu\":0,"
                                       "\"address\":\"0x444444401000\","
                                       "\"vector\":14,\"error\":0}\n"));
    ck_assert_ptr_nonnull(strstr(text, ",\"story\":\"processor 1: read of 0x"));
    ck_assert_ptr_nonnull(
        strstr(text, ",\"story\":\"physical 0x400000 was handed back"));
    ck_assert_ptr_nonnull(strstr(text, "{\"event\":\"invpcid\",\"cpu\":1,"
                                       "\"address\":\"0x0\",\"type\":2,"
                                       "\"pcid\":0}\n"));
    free(text);
}
END_TEST

/* What is wrong with a log, and what is said. */
static const struct {
    const char *old, *new_one, *says;
} wrong[] = {
    { "\"reads\":4", "\"reads\":3", "; the machine did {\"event\":\"walk\"" },
    { "{\"event\":\"fill\",\"cpu\":0,\"page\":\"0x444444400000\",\"physical\":"
      "\"0x400000\"}\n",
      "", ": the machine did this first: {\"event\":\"fill\"" },
    { "\"op\":\"store\"", "\"op\":\"stare\"", ": no operation: " },
    { "\"op\":\"store\",\"cpu\":0", "\"op\":\"store\",\"cpu\":2",
      ": no operation: " },
    { "\"bytes\":8", "\"bytes\":9", ": no operation: " },
    { "\"at\":\"0x100000\"", "\"at\":\"0x100001\"", ": no operation: " },
    { "\"value\":\"0x2a\"", "\"value\":\"ox2a\"", ": no operation: " },
    { "{\"op\":\"invlpg\"",
      "{\"event\":\"invlpg\",\"cpu\":0}\n{\"op\":\"invlpg\"",
      "; the machine did nothing more" },
    { "\"machine\":1", "\"machine\":2", "line 1: no machine" },
    { "\"fresh\":1", "\"fresh\":0", "line 1: the log begins with a machine" },
    { "\"cpus\":2", "\"cpus\":9", "line 1: no machine" },
    { "\"runs\":[\"0x0+", "\"runs\":[0x0+", "line 1: no machine" },
    { "0x0+0xa0000", "0x0-0xa0000", "line 1: no machine" },
    { "0x0+0xa0000", "0x0+0xa0000x", "line 1: no machine" },
    { "\"tlb\":1", "\"tlb\":4", "line 1: no machine" },
    { "\"seed\":\"0x1\"", "\"seed\":\"0x2\"", NULL }, /* junk does not show */
};

START_TEST(a_log_that_is_wrong_is_refused_with_its_line)
{
    char *text, *bad;

    do_something();
    text = text_of_log();
    bad = changed(text, wrong[_i].old, wrong[_i].new_one);
    why[0] = '\0';
    ck_assert_msg(replays(bad) == (wrong[_i].says == NULL), "%s", why);
    ck_assert_msg(wrong[_i].says == NULL ||
                      (strstr(why, wrong[_i].says) != NULL &&
                       strncmp(why, "line ", 5) == 0),
                  "it says: %s", why);
    free(bad);
    free(text);
}
END_TEST

START_TEST(a_log_that_ends_early_is_refused)
{
    char *text;

    ck_assert(!replays(""));
    ck_assert_str_eq(why, "the log ends early: it is empty");
    do_something();
    text = text_of_log();
    *(strrchr(text, '{')) = '\0'; /* the newest event */
    ck_assert(!replays(text));
    ck_assert_ptr_nonnull(
        strstr(why, "the log ends early: {\"event\":\"invpcid\""));
    free(text);
}
END_TEST

START_TEST(the_log_of_a_machine_that_had_run_says_so)
{
    char *text;

    fclose(out);
    journal_destroy(&journal);
    ram_store64(&ram, paddr(0), 1);
    ck_assert(journal_init(&journal, cpus, 1, 1));
    out = tmpfile();
    journal_log(&journal, out);
    text = text_of_log();
    ck_assert(!replays(text));
    ck_assert_ptr_nonnull(strstr(why, "had run before"));
    free(text);
}
END_TEST

START_TEST(what_the_kernel_did_is_in_the_same_log)
{
    char text[200];

    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
        const struct sim_event event = {
            (enum sim_event_kind)(SIM_EVENT_KERNEL + kind), 0, 0x1000, 7
        };

        sim_event_json(&events, &event, text, sizeof text);
        ck_assert_ptr_nonnull(strstr(text, event_name((enum event_kind)kind)));
        ck_assert_ptr_nonnull(strstr(text, "\"0x1000\""));
        ck_assert_int_eq(text[strlen(text) - 1], '}');
    }
}
END_TEST

START_TEST(a_line_that_is_too_long_is_cut)
{
    const struct sim_event event = { SIM_EVENT_FILL, 0, 0x1000, 0x2000 };
    char text[20];

    sim_event_json(&events, &event, text, sizeof text);
    ck_assert_str_eq(text, "{\"event\":\"fill\",\"cp");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_log");
    TCase *tc = tcase_create("log");

    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, a_log_is_done_again_with_the_same_events);
    tcase_add_test(tc, each_event_is_one_line_with_its_names);
    tcase_add_loop_test(tc, a_log_that_is_wrong_is_refused_with_its_line, 0,
                        sizeof wrong / sizeof wrong[0]);
    tcase_add_test(tc, a_log_that_ends_early_is_refused);
    tcase_add_test(tc, the_log_of_a_machine_that_had_run_says_so);
    tcase_add_test(tc, what_the_kernel_did_is_in_the_same_log);
    tcase_add_test(tc, a_line_that_is_too_long_is_cut);
    suite_add_tcase(suite, tc);
    return tables_run(suite);
}
