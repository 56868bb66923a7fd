/*
 * What a running Linux asked of its frame allocator, through every strategy.
 *
 *   owner    [ 0 | 0 | 7 | 7 | 7 | 7 | 0 | 3 | ... ]     by frame: 0, or id + 1
 *
 * The trace holds orders 0 to 4.  RAM is large enough for a bump, too, so no
 * strategy may refuse an operation.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memtwin/trace.h"
#include "sim/sim.h"
#include "support/asserts.h"

#define RAM (128 * MIB)

static struct sim *sim;
static struct pmm pmm;
static struct trace trace;
static uint32_t owner[RAM >> PAGE_SHIFT];
static struct pmm_run *live; /* by id */
static uint64_t frames_live; /* by the trace */

static void read_trace(void) {
    const char *top = getenv("top_srcdir");
    char path[500];

    snprintf(path, sizeof(path), "%s/tests/data/pages.trace.xz",
             top == NULL ? "." : top);
    ck_assert_msg(trace_read_frames(&trace, path), "no trace %s", path);
    live = calloc(trace.id_count, sizeof(*live));
    ck_assert_ptr_nonnull(live);
}

static void start(const struct pmm_class *class) {
    static const struct memmap_entry map[] = {
        { { { 0 }, RAM }, MEMMAP_USABLE },
    };
    struct sim_config config = sim_default_config;
    char why[256] = "";

    config.map = map;
    config.map_count = 1;
    ck_assert_msg(sim_create(&sim, &config, why, sizeof(why)) == SIM_OK, "%s",
                  why);
    ck_assert_status(pmm_init(&pmm, &sim->boot, class), MM_OK);
    read_trace();
}

static void stop(void) {
    free(live);
    trace_destroy(&trace);
    sim_destroy(sim);
}

static void take(uint32_t id, uint64_t count) {
    const struct pmm_want want = { .count = count, .align = count };
    pfn_t f = pfn(0);

    ck_must(pmm_alloc_run(&pmm, want, &f) == MM_OK, "no %lu frames for id %u",
            (unsigned long)count, id);
    ck_must(f.v % count == 0, "a block of %lu frames at 0x%lx is not aligned",
            (unsigned long)count, (unsigned long)f.v);
    for (uint64_t n = f.v; n < f.v + count; n++) {
        ck_must(owner[n] == 0, "frame 0x%lx of id %u is id %u's, too",
                (unsigned long)n, id, owner[n] - 1);
        owner[n] = id + 1;
    }
    live[id] = (struct pmm_run){ f, count };
    frames_live += count;
}

static void give(uint32_t id) {
    const struct pmm_run run = live[id];

    ck_must(pmm_free_run(&pmm, run.first, run.count) == MM_OK,
            "id %u, %lu frames at 0x%lx, does not come back", id,
            (unsigned long)run.count, (unsigned long)run.first.v);
    memset(&owner[run.first.v], 0, run.count * sizeof(owner[0]));
    frames_live -= run.count;
}

/** The number of operations up to the peak, the last of them included. */
static uint64_t ops_to_peak(void) {
    uint64_t now = 0, peak = 0, at = 0;
    uint64_t *size = calloc(trace.id_count, sizeof(*size));

    ck_assert_ptr_nonnull(size);
    for (uint64_t i = 0; i < trace.op_count; i++) {
        const struct replay_op op = trace.ops[i];

        now += op.size - (op.kind == REPLAY_FREE ? size[op.id] : 0);
        size[op.id] = op.size;
        if (now > peak) {
            peak = now;
            at = i + 1;
        }
    }
    free(size);
    return at;
}

static void replay(uint64_t from, uint64_t to) {
    for (uint64_t i = from; i < to; i++) {
        const struct replay_op op = trace.ops[i];

        if (op.kind == REPLAY_ALLOC) {
            take(op.id, op.size >> PAGE_SHIFT);
        } else {
            give(op.id);
        }
        ck_must(pmm.stats.allocated == frames_live,
                "%lu frames are live after operation %lu, counted %lu",
                (unsigned long)frames_live, (unsigned long)i,
                (unsigned long)pmm.stats.allocated);
    }
}

START_TEST(a_strategy_serves_what_a_running_kernel_asked_for)
{ /* P5 P6 P10 P14 */
    struct pmm_fragmentation at_start, at_peak;
    uint64_t peak;

    start(pmm_classes[_i]);
    peak = ops_to_peak();
    at_start = pmm_fragmentation(&pmm);
    replay(0, peak);
    at_peak = pmm_fragmentation(&pmm);
    ck_assert(pmm_is_sound(&pmm));
    printf("# %s: at the peak of %lu frames %lu of %lu 2 MiB blocks are left\n",
           pmm.class->name, (unsigned long)frames_live,
           (unsigned long)at_peak.blocks,
           (unsigned long)at_peak.blocks_possible);
    replay(peak, trace.op_count);
    ck_assert_uint_eq(pmm.stats.allocated, 0);
    ck_assert_uint_eq(pmm_fragmentation(&pmm).blocks, at_start.blocks);
    ck_assert(pmm_is_sound(&pmm));
    stop();
}
END_TEST

/* One area serves; the rest is whole. */
START_TEST(all_2_mib_blocks_but_one_are_left_at_the_peak)
{
    struct pmm_fragmentation at_peak;

    start(&pmm_areas);
    replay(0, ops_to_peak());
    at_peak = pmm_fragmentation(&pmm);
    ck_assert_uint_ge(at_peak.blocks + 1, at_peak.blocks_possible);
    stop();
}
END_TEST

/* --- what is no trace of frames --------------------------------------------
 */

static const struct {
    const char *text, *why; /* NULL: it is one */
} texts[] = {
    { "ftrace 1\nops 2\nids 1\npeak 8192\nbegin\na 0 1\nf 0\n", NULL },
    { "ktrace 1\nops 0\nids 0\nbegin\n",
      "1: 'ktrace 1' is no trace of frames; one starts with 'ftrace 1'\n" },
    { "# empty\n", "2: the file ends where 'ftrace 1' is due\n" },
    { "ftrace 1\nops 2\nids 1\nbegin\nz 0 0\nf 0\n",
      "5: unknown operation 'z 0 0'; operations on frames are a, f\n" },
    { "ftrace 1\nops 2\nids 1\nbegin\na 0 11\nf 0\n",
      "5: order 11 is absurd; at most 10\n" },
    { "ftrace 1\nops 1\nids 1\nbegin\nf 0\n",
      "5: free of id 0, which is not live; allocate it first\n" },
    { "ftrace 1\nops 2\nids 1\npeak 4096\nbegin\na 0 1\nf 0\n",
      "4: the header says peak is 4096, the operations come to 8192\n" },
};

START_TEST(what_is_no_trace_of_frames_is_refused_in_one_line)
{
    const int text = memfd_create("trace", 0), said = memfd_create("said", 0);
    const size_t len = strlen(texts[_i].text);
    char path[40], line[300] = "", expected[300] = "";
    bool good;

    ck_assert_int_eq(write(text, texts[_i].text, len), (ssize_t)len);
    snprintf(path, sizeof(path), "/dev/fd/%d", text);
    dup2(said, STDERR_FILENO);
    good = trace_read_frames(&trace, path);
    ck_assert_int_ge(pread(said, line, sizeof(line) - 1, 0), 0);
    if (texts[_i].why != NULL) {
        snprintf(expected, sizeof(expected), "memtwin: %s:%s", path,
                 texts[_i].why);
    }
    ck_assert_str_eq(line, expected);
    ck_assert_int_eq(good, texts[_i].why == NULL);
    trace_destroy(&trace);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("frame trace");
    TCase *tc = tcase_create("frames");
    SRunner *runner;
    int failed, classes = 0;

    while (pmm_classes[classes] != NULL) {
        classes++;
    }
    tcase_add_loop_test(tc, a_strategy_serves_what_a_running_kernel_asked_for,
                        0, classes);
    tcase_add_test(tc, all_2_mib_blocks_but_one_are_left_at_the_peak);
    tcase_add_loop_test(tc, what_is_no_trace_of_frames_is_refused_in_one_line,
                        0, sizeof(texts) / sizeof(texts[0]));
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
