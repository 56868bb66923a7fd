/*
 * Parts of the program one by one: numbers, the machine's lines, comparing,
 * cutting a trace.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memtwin/outcome.h"
#include "memtwin/own_walk.h"
#include "memtwin/stale.h"
#include "memtwin/trace.h"
#include "memtwin/watch.h"
#include "program/number.h"
#include "sim/mapfile.h"

/* --- numbers ------------------------------------------------------------- */

static const struct {
    const char *text;
    bool good;
    uint64_t bytes;
} sizes[] = {
    { "0", true, 0 },
    { "4096", true, 4096 },
    { "100K", true, 102400 },
    { "64M", true, 67108864 },
    { "2G", true, 2147483648 },
    { "16T", true, 17592186044416 },
    { "18446744073709551615", true, UINT64_MAX },
    { "18446744073709551616", false, 0 },
    { "16777216T", false, 0 },
    { "", false, 0 },
    { "K", false, 0 },
    { "1KB", false, 0 },
    { "-1", false, 0 },
    { " 1", false, 0 },
    { "0x10", false, 0 },
};

START_TEST(a_size_is_read_exactly_or_refused)
{
    uint64_t bytes = 1;

    ck_assert_int_eq(number_parse_size(sizes[_i].text, &bytes), sizes[_i].good);
    if (sizes[_i].good) {
        ck_assert_uint_eq(bytes, sizes[_i].bytes);
    }
}
END_TEST

START_TEST(an_address_is_read_in_both_notations)
{
    uint64_t at;

    ck_assert(number_parse_address("0x444444440000", &at));
    ck_assert_uint_eq(at, 0x444444440000);
    ck_assert(number_parse_address("4096", &at));
    ck_assert_uint_eq(at, 4096);
    ck_assert(!number_parse_address("0x", &at));
    ck_assert(!number_parse_address("12fg", &at));
    ck_assert(!number_parse_address("0x10000000000000000", &at));
}
END_TEST

/* --- the machine's lines ------------------------------------------------- */

static const struct trace no_trace;
static struct outcome a, b;

static void setup(void) {
    outcome_init(&a, "A", &no_trace, false);
    outcome_init(&b, "B", &no_trace, false);
}
static void teardown(void) {
    outcome_destroy(&a);
    outcome_destroy(&b);
}

static void hear(struct outcome *o, const char *text) {
    while (*text != '\0') {
        outcome_char(o, *text++);
    }
}

START_TEST(each_kind_of_line_is_understood)
{
    hear(&a, "boot: map 0x100000 0x7ee0000 1\nboot: module 0x7fde000 0x98\n"
             "replay: progress 3 9\nreplay: result faults 17\r\n"
             "replay: error op 5: it broke\nreplay: error op 6: later\n"
             "replay: state end x y\nreplay: verdict bad\n");
    ck_assert_uint_eq(a.map_count, 1);
    ck_assert_uint_eq(a.map[0].range.base.v, 0x100000);
    ck_assert_uint_eq(a.map[0].range.len, 0x7ee0000);
    ck_assert_uint_eq(a.map[0].type, MEMMAP_USABLE);
    ck_assert_uint_eq(a.module.base.v, 0x7fde000);
    ck_assert_uint_eq(a.done, 3);
    ck_assert_uint_eq(a.total, 9);
    ck_assert_str_eq(outcome_fact(&a, "faults"), "17");
    ck_assert_uint_eq(outcome_number(&a, "faults"), 17);
    ck_assert_ptr_null(outcome_fact(&a, "fault"));
    ck_assert_int_eq(a.error_place, ERROR_AT_OP);
    ck_assert_uint_eq(a.error_op, 5);
    ck_assert_str_eq(a.error, "it broke");
    ck_assert_uint_eq(a.state_count, 1);
    ck_assert_str_eq(a.state[0], "end x y");
    ck_assert(a.has_verdict && !a.good);
}
END_TEST

START_TEST(errors_at_either_end_are_told_from_those_of_an_operation)
{
    hear(&a, "replay: error at start: no heap\n");
    ck_assert_int_eq(a.error_place, ERROR_AT_START);
    ck_assert_str_eq(a.error, "no heap");
    hear(&b, "replay: error at the end: not sound: x\n");
    ck_assert_int_eq(b.error_place, ERROR_AT_END);
    ck_assert_str_eq(b.error, "not sound: x");
}
END_TEST

START_TEST(a_panic_is_kept_as_the_last_words)
{
    hear(&a, "hello\nreplay: progpanic: why (f.c:1)\npanic: again\n");
    ck_assert_str_eq(a.last_words, "panic: why (f.c:1)");
    hear(&b, "hello\npanic: why (f.c:1)\nregisters\n");
    ck_assert_str_eq(b.last_words, "panic: why (f.c:1)");
}
END_TEST

START_TEST(the_story_of_a_trap_is_kept_up_to_the_panic)
{
    hear(&a, "hello\ntrap: first\n  old\nreplay: progress 1 2\n"
             "trap: page fault\nwrite at 0x1\n  PTE 1\npanic: nobody\nmore\n");
    ck_assert_str_eq(a.story, "trap: page fault\nwrite at 0x1\n  PTE 1\n");
    hear(&b, "trap: x\n");
    for (int i = 0; i < 5000; i++) {
        hear(&b, "a long line of a story that has no end, no end at all\n");
    }
    ck_assert_uint_lt(strlen(b.story), OUTCOME_STORY_MAX);
}
END_TEST

START_TEST(more_than_fits_is_cut_and_does_no_harm)
{
    hear(&a, "replay: error op 1: ");
    for (int i = 0; i < 5000; i++) {
        outcome_char(&a, 'x');
    }
    hear(&a, "\nreplay: result k v\n");
    ck_assert_uint_lt(strlen(a.error), OUTCOME_LINE_MAX);
    ck_assert_str_eq(outcome_fact(&a, "k"), "v");
    for (int i = 0; i < 2 * OUTCOME_FACTS_MAX; i++) {
        hear(&b, "replay: result k v\n");
    }
    for (int i = 0; i < 2 * OUTCOME_MAP_MAX; i++) {
        hear(&b, "boot: map 0x1 0x2 1\n");
    }
    hear(&b, "replay: result\nreplay: result x\nboot: map\nreplay: progress\n");
    ck_assert_uint_eq(b.fact_count, OUTCOME_FACTS_MAX);
    ck_assert_uint_eq(b.map_count, OUTCOME_MAP_MAX);
}
END_TEST

/* --- comparing ----------------------------------------------------------- */

START_TEST(outcomes_are_equal_when_every_result_is)
{
    char text[300] = "";

    hear(&a, "replay: result ops 3\nreplay: result digest 0x1\n");
    hear(&b, "replay: result digest 0x1\nreplay: result ops 3\n");
    ck_assert(outcome_equal(&a, &b, text, sizeof(text)));
    hear(&b, "replay: result faults 3\n");
    ck_assert(!outcome_equal(&a, &b, text, sizeof(text)));
    ck_assert_str_eq(text, "faults is 3 (B), not reported (A)");
    hear(&a, "replay: result faults 4\n");
    ck_assert(!outcome_equal(&a, &b, text, sizeof(text)));
    ck_assert_str_eq(text, "faults is 4 (A), 3 (B)");
}
END_TEST

START_TEST(outcomes_without_a_digest_are_never_equal)
{
    char text[300] = "";

    hear(&a, "replay: result ops 3\n");
    hear(&b, "replay: result ops 3\n");
    ck_assert(!outcome_equal(&a, &b, text, sizeof(text)));
    ck_assert_str_eq(text, "no digest (A)");
}
END_TEST

START_TEST(the_first_line_of_the_state_that_differs_is_shown)
{
    char text[300] = "";

    hear(&a, "replay: state one\nreplay: state two\n");
    hear(&b, "replay: state one\n");
    ck_assert(!outcome_state_equal(&a, &b, text, sizeof(text)));
    ck_assert_str_eq(text, "line 2 of the state is 'two' (A), '(nothing)' (B)");
    hear(&b, "replay: state three\n");
    ck_assert(!outcome_state_equal(&a, &b, text, sizeof(text)));
    ck_assert_str_eq(text, "line 2 of the state is 'two' (A), 'three' (B)");
}
END_TEST

/* --- cutting a trace ------------------------------------------------------ */

/*
 *   a 2   a 0   r 2   f 0   a 0   a 1 | f 0 f 1 f 2
 *   oldest                  newest    cut: 2, 0, 1 are live
 */
START_TEST(what_is_live_at_the_cut_is_freed_oldest_first)
{
    static const struct replay_op ops[] = {
        { .kind = REPLAY_ALLOC, .id = 2 },
        { .kind = REPLAY_ALLOC, .id = 0 },
        { .kind = REPLAY_REALLOC, .id = 2 },
        { .kind = REPLAY_FREE, .id = 0 },
        { .kind = REPLAY_ZEROED, .id = 0 },
        { .kind = REPLAY_ALIGNED, .id = 1 },
        { .kind = REPLAY_FREE, .id = 0 },
        { .kind = REPLAY_FREE, .id = 1 },
        { .kind = REPLAY_FREE, .id = 2 },
    };
    struct trace trace = { .op_count = 9, .id_count = 3, .lines = 9 };

    trace.ops = malloc(sizeof(ops));
    ck_assert_ptr_nonnull(trace.ops);
    memcpy(trace.ops, ops, sizeof(ops));
    ck_assert(trace_cut(&trace, 100));
    ck_assert_uint_eq(trace.op_count, 9);
    ck_assert(trace_cut(&trace, 6));
    ck_assert_uint_eq(trace.op_count, 9);
    ck_assert_uint_eq(trace.lines, 6);
    for (size_t i = 6; i < 9; i++) {
        ck_assert_int_eq(trace.ops[i].kind, REPLAY_FREE);
    }
    ck_assert_uint_eq(trace.ops[6].id, 2);
    ck_assert_uint_eq(trace.ops[7].id, 0);
    ck_assert_uint_eq(trace.ops[8].id, 1);
    ck_assert(trace_cut(&trace, 4));
    ck_assert_uint_eq(trace.op_count, 5);
    ck_assert_uint_eq(trace.ops[4].id, 2);
    trace_destroy(&trace);
}
END_TEST

/* --- the walk behind a fault --------------------------------------------- */

/** Standard error goes to a file of its own, until heard(). */
struct ear {
    FILE *file;
    int saved;
};

static struct ear listen_to_errors(void) {
    struct ear ear = { tmpfile(), dup(STDERR_FILENO) };

    ck_assert(ear.file != NULL && ear.saved >= 0);
    dup2(fileno(ear.file), STDERR_FILENO);
    return ear;
}

static void heard(struct ear ear, char *text, size_t size) {
    size_t len;

    dup2(ear.saved, STDERR_FILENO);
    close(ear.saved);
    rewind(ear.file);
    len = fread(text, 1, size - 1, ear.file);
    text[len] = '\0';
    fclose(ear.file);
}

/** What complain_walk() says of @sim. */
static void hear_walk(struct sim *sim, char *text, size_t size) {
    struct ear ear = listen_to_errors();

    complain_walk(sim);
    heard(ear, text, size);
}

/** A machine of 8 MiB, whatever else it is. */
static struct sim *small_machine(struct mapfile *map) {
    struct sim_config config = sim_default_config;
    char why[300] = "no map";
    struct sim *sim = NULL;

    ck_assert(mapfile_pc(map, 8 * MIB, why, sizeof(why)));
    config.map = map->entries;
    config.map_count = map->count;
    ck_assert_msg(sim_create(&sim, &config, why, sizeof(why)) == SIM_OK, "%s",
                  why);
    return sim;
}

START_TEST(a_fault_of_the_simulator_is_told_with_its_own_walk)
{
    struct mapfile map;
    struct sim *sim = small_machine(&map);
    char text[4000];

    hear_walk(sim, text, sizeof(text));
    ck_assert_str_eq(text, "");
    sim_events_add(&sim->events, SIM_EVENT_FAULT, 0x444444440008,
                   UINT64_C(14) << 32 | PF_WRITE | PF_USER);
    hear_walk(sim, text, sizeof(text));
    ck_assert_msg(
        strstr(text, "memtwin:   user write to 0x444444440008: the PML4E") !=
                NULL &&
            strstr(text, "memtwin:     PML4E 136 at 0x") != NULL &&
            strstr(text, "not present <- P is 0\n") != NULL &&
            strstr(text, "memtwin:     CR2: 0x444444440008\n") != NULL,
        "said: %s", text);
    sim_events_add(&sim->events, SIM_EVENT_FAULT, 0, UINT64_C(13) << 32);
    hear_walk(sim, text, sizeof(text));
    ck_assert_str_eq(text, "");
    sim_destroy(sim);
    mapfile_destroy(&map);
}
END_TEST

/** Tables at 0x300000 show the frame 0x400000 at 4 MiB, and it is read. */
static void map_4_mib(struct sim *sim) {
    const uint64_t bits = PTE_PRESENT | PTE_WRITABLE;
    struct sim_fault fault;
    uint64_t value;

    for (uint64_t pa = 0x300000; pa < 0x303000; pa += 8) {
        ram_store64(&sim->ram, paddr(pa), 0);
    }
    ram_store64(&sim->ram, paddr(0x300000), 0x301000 | bits);
    ram_store64(&sim->ram, paddr(0x301000), 0x302000 | bits);
    ram_store64(&sim->ram, paddr(0x302010), 0x400000 | bits | PTE_HUGE);
    ck_assert(cpu_write_cr3(&sim->cpu, paddr(0x300000)));
    ck_assert(cpu_load(&sim->cpu, vaddr(4 * MIB), 8, &value, &fault));
}

/** The frame goes back without a flush. */
static void leave_a_flush_out(struct sim *sim) {
    map_4_mib(sim);
    cpu_frames_freed(&sim->cpu, (struct prange){ paddr(0x400000), PAGE_SIZE },
                     (struct vrange){ vaddr(0), 0 });
}

START_TEST(a_flush_that_is_missing_makes_the_run_a_bad_one)
{
    struct outcome *o = calloc(1, sizeof(*o));
    struct trace trace = { .path = "t" };
    struct mapfile map;
    struct sim *sim = small_machine(&map);

    ck_assert_ptr_nonnull(o);
    outcome_init(o, "simulator", &trace, false);
    o->good = true;
    ck_assert(stale_begin(sim));
    stale_end(o, sim);
    ck_assert(o->has_stales && o->stale_count == 0 && o->good);
    leave_a_flush_out(sim);
    stale_end(o, sim);
    ck_assert_uint_ge(o->stale_count, 1);
    ck_assert(!o->good && o->error_place == ERROR_AT_END);
    ck_assert_ptr_nonnull(strstr(o->error, "without the flush they needed"));
    outcome_destroy(o);
    free(o);
    sim_destroy(sim);
    mapfile_destroy(&map);
}
END_TEST

/*
 *   0x000000  shows physical 0x200000, where the tables are, so that a store
 *             through the processor takes the page at 4 MiB away
 */
START_TEST(a_missing_flush_is_told_with_who_stored_the_change)
{
    const uint64_t bits = PTE_PRESENT | PTE_WRITABLE | PTE_HUGE;
    struct outcome *o = calloc(1, sizeof(*o));
    struct trace trace = { .path = "t" };
    struct table_writes writes;
    struct sim_fault fault;
    struct mapfile map;
    struct sim *sim = small_machine(&map);
    struct ear ear;
    char text[2000];

    ck_assert(o != NULL && table_writes_init(&writes, 16));
    outcome_init(o, "simulator", &trace, false);
    ck_assert(stale_begin(sim));
    cpu_record_writes(&sim->cpu, &writes);
    map_4_mib(sim);
    ram_store64(&sim->ram, paddr(0x302000), 0x200000 | bits);
    ck_assert(cpu_store(&sim->cpu, vaddr(0x102010), 8, 0, &fault));
    ck_assert_uint_eq(ram_load64(&sim->ram, paddr(0x302010)), 0);
    cpu_frames_freed(&sim->cpu, (struct prange){ paddr(0x400000), PAGE_SIZE },
                     (struct vrange){ vaddr(0), 0 });
    ear = listen_to_errors();
    stale_end(o, sim);
    heard(ear, text, sizeof(text));
    ck_assert_msg(strstr(text, "memtwin: t: stale translation 1 of 1: ") !=
                          NULL &&
                      strstr(text, ". Stored by ") != NULL,
                  "said: %s", text);
    cpu_record_writes(&sim->cpu, NULL);
    table_writes_destroy(&writes);
    outcome_destroy(o);
    free(o);
    sim_destroy(sim);
    mapfile_destroy(&map);
}
END_TEST

/* --- an injected run ----------------------------------------------------- */

/** What the run's budget of faults is, with @nth walks to the flip (0: no
 *  injection) and @limit from --budget (0: none). */
static uint64_t faults_allowed(struct sim *sim, uint64_t nth, uint64_t limit) {
    struct watch_options options = { .has_limit = limit != 0 };
    struct run_watch watch;
    uint64_t allowed;

    options.limit[SIM_COST_FAULTS] = limit;
    if (nth != 0) {
        options.injection =
            (struct injection){ .kind = INJECT_FLIP, .nth = nth, .level = 1 };
    }
    ck_assert_int_eq(watch_start(&watch, sim, &options), EXIT_GOOD);
    allowed = watch.budget.limit[SIM_COST_FAULTS];
    ck_assert_int_eq(watch_end(&watch, sim, EXIT_GOOD), EXIT_GOOD);
    return allowed;
}

START_TEST(an_injected_run_has_a_budget_of_faults_and_no_other_has)
{
    struct mapfile map;
    struct sim *sim = small_machine(&map);

    ck_assert_uint_eq(faults_allowed(sim, 0, 0), 0);
    ck_assert_uint_eq(faults_allowed(sim, 7, 0), WATCH_INJECTED_FAULTS);
    ck_assert_uint_eq(faults_allowed(sim, 7, 50), 50);
    ck_assert_uint_eq(faults_allowed(sim, 0, 50), 50);
    sim_destroy(sim);
    mapfile_destroy(&map);
}
END_TEST

static Suite *parts_suite(void) {
    Suite *suite = suite_create("memtwin");
    TCase *tc = tcase_create("parts");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_size_is_read_exactly_or_refused, 0,
                        (int)(sizeof(sizes) / sizeof(sizes[0])));
    tcase_add_test(tc, an_address_is_read_in_both_notations);
    tcase_add_test(tc, each_kind_of_line_is_understood);
    tcase_add_test(tc,
                   errors_at_either_end_are_told_from_those_of_an_operation);
    tcase_add_test(tc, a_panic_is_kept_as_the_last_words);
    tcase_add_test(tc, the_story_of_a_trap_is_kept_up_to_the_panic);
    tcase_add_test(tc, more_than_fits_is_cut_and_does_no_harm);
    tcase_add_test(tc, outcomes_are_equal_when_every_result_is);
    tcase_add_test(tc, outcomes_without_a_digest_are_never_equal);
    tcase_add_test(tc, the_first_line_of_the_state_that_differs_is_shown);
    tcase_add_test(tc, what_is_live_at_the_cut_is_freed_oldest_first);
    tcase_add_test(tc, a_fault_of_the_simulator_is_told_with_its_own_walk);
    tcase_add_test(tc, a_flush_that_is_missing_makes_the_run_a_bad_one);
    tcase_add_test(tc, a_missing_flush_is_told_with_who_stored_the_change);
    tcase_add_test(tc, an_injected_run_has_a_budget_of_faults_and_no_other_has);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void) {
    SRunner *runner = srunner_create(parts_suite());
    int failed;

    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
