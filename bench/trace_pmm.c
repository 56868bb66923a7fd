/*
 * A trace of frames, what a kernel asked of its frame allocator, through every
 * strategy: what a call costs, and how many 2 MiB blocks are left at the peak.
 */
#include "bench_pmm.h"

#include <stdio.h>
#include <stdlib.h>

#include "memtwin/trace.h"

#define RAM (128 * MIB)

static struct trace trace;

struct outcome {
    double ns, left;
    uint64_t peak, failed;
};

/** @stop: measure the blocks left when so many frames are in use; 0: never. */
static struct outcome replay(const struct pmm_class *class, uint64_t stop) {
    static struct pmm pmm;
    struct pmm_run *live = calloc(trace.id_count + 1, sizeof(*live));
    struct outcome outcome = { .left = -1 };
    double start;

    bench_start(&pmm, class, RAM);
    start = bench_now();
    for (uint64_t i = 0; i < trace.op_count && live != NULL; i++) {
        const struct replay_op op = trace.ops[i];
        struct pmm_run *run = &live[op.id];
        enum mm_status status = MM_OK;

        if (op.kind == REPLAY_ALLOC) {
            const uint64_t count = op.size >> PAGE_SHIFT;
            const struct pmm_want want = { .count = count, .align = count };

            status = pmm_alloc_run(&pmm, want, &run->first);
            run->count = status == MM_OK ? count : 0;
        } else if (run->count > 0) {
            status = pmm_free_run(&pmm, run->first, run->count);
        }
        outcome.failed += status != MM_OK;
        if (stop != 0 && pmm.stats.allocated == stop && outcome.left < 0) {
            outcome.left = bench_blocks_left(&pmm);
        }
    }
    outcome.ns = (bench_now() - start) / (double)trace.op_count;
    outcome.peak = pmm.stats.peak;
    free(live);
    bench_stop();
    return outcome;
}

int bench_trace(const char *path) {
    if (!trace_read_frames(&trace, path)) {
        return 2;
    }
    printf("\n%s: %lu operations, %u MiB of RAM\n", path,
           (unsigned long)trace.op_count, (unsigned)(RAM / MIB));
    for (size_t c = 0; pmm_classes[c] != NULL; c++) {
        const struct outcome timed = replay(pmm_classes[c], 0);
        const struct outcome counted = replay(pmm_classes[c], timed.peak);

        printf("%-8s %7.1f ns per operation, peak %lu frames, %5.1f %% of the "
               "2 MiB blocks left there, %lu failed\n",
               pmm_classes[c]->name, timed.ns, (unsigned long)timed.peak,
               counted.left, (unsigned long)timed.failed);
    }
    trace_destroy(&trace);
    return 0;
}
