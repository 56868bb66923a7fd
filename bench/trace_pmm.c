/*
 * A frame trace through every strategy: lines "a ID ORDER" and "f ID" after
 * "begin", where ORDER asks for 2^ORDER frames aligned to their size.
 */
#include "bench_pmm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM (128 * MIB)

struct op {
    bool frees;
    unsigned id, order;
};

static struct op *ops;
static size_t op_count;
static unsigned ids;

static bool read_trace(FILE *in) {
    char line[128];
    size_t room = 0;
    bool begun = false;

    while (fgets(line, sizeof(line), in) != NULL) {
        struct op op = { .frees = line[0] == 'f' };
        char kind;

        if (!begun) {
            begun = strcmp(line, "begin\n") == 0;
            continue;
        }
        if (sscanf(line, "%c %u %u", &kind, &op.id, &op.order) !=
                3 - op.frees ||
            (kind != 'a' && kind != 'f') || op.order > PMM_ORDER_2M ||
            op.id > 1u << 24) {
            fprintf(stderr, "bench_pmm: no frame trace: %s", line);
            return false;
        }
        if (op_count == room) {
            room = 2 * room + 1024;
            ops = realloc(ops, room * sizeof(*ops));
        }
        if (ops == NULL) {
            return false;
        }
        ops[op_count++] = op;
        ids = op.id >= ids ? op.id + 1 : ids;
    }
    return op_count > 0;
}

struct outcome {
    double ns, left;
    uint64_t peak, failed;
};

/** @stop: measure the blocks left when so many frames are in use; 0: never. */
static struct outcome replay(const struct pmm_class *class, uint64_t stop) {
    static struct pmm pmm;
    struct pmm_run *live = calloc(ids, sizeof(*live));
    struct outcome outcome = { .left = -1 };
    double start;

    bench_start(&pmm, class, RAM);
    start = bench_now();
    for (size_t i = 0; i < op_count && live != NULL; i++) {
        struct pmm_run *run = &live[ops[i].id];
        enum mm_status status = MM_OK;

        if (!ops[i].frees) {
            const struct pmm_want want = pmm_block(ops[i].order);

            status = pmm_alloc_run(&pmm, want, &run->first);
            run->count = status == MM_OK ? want.count : 0;
        } else if (run->count > 0) {
            status = pmm_free_run(&pmm, run->first, run->count);
        }
        outcome.failed += status != MM_OK;
        if (stop != 0 && pmm.stats.allocated == stop && outcome.left < 0) {
            outcome.left = bench_blocks_left(&pmm);
        }
    }
    outcome.ns = (bench_now() - start) / (double)op_count;
    outcome.peak = pmm.stats.peak;
    free(live);
    bench_stop();
    return outcome;
}

int bench_trace(const char *path) {
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");

    if (in == NULL) {
        perror(path);
        return 2;
    }
    if (!read_trace(in)) {
        fprintf(stderr, "bench_pmm: %s: no operations\n", path);
        return 2;
    }
    printf("%zu operations, %u MiB of RAM\n", op_count, (unsigned)(RAM / MIB));
    for (size_t c = 0; pmm_classes[c] != NULL; c++) {
        const struct outcome timed = replay(pmm_classes[c], 0);
        const struct outcome counted = replay(pmm_classes[c], timed.peak);

        printf("%-8s %7.1f ns per operation, peak %lu frames, %5.1f %% of the "
               "2 MiB blocks left there, %lu failed\n",
               pmm_classes[c]->name, timed.ns, (unsigned long)timed.peak,
               counted.left, (unsigned long)timed.failed);
    }
    free(ops);
    return 0;
}
