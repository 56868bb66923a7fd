/*
 * bench_heap: what a heap costs on the allocations of real programs.
 *
 *   bench_heap [--count NAME | --arena | TRACE...]
 *
 * Time is the processor time of the thread for a whole replay in a heap that
 * was used before, as a ratio to mimalloc's in the same round; the contenders
 * take turns within a round and the median of the rounds counts.  What the
 * replay itself costs is in every figure.
 *
 * --count NAME replays once and nothing else, for valgrind.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memtwin/measure.h"

#define ROUNDS 9
#define WORKLOADS 32

static struct workload workloads[WORKLOADS];
static size_t workload_count, trace_count;

/** The first is what the others are compared with. */
static struct contender contenders[16];

static void contenders_find(void) {
    struct contender *c = contenders;

    *c++ = contender_library("mimalloc");
    *c++ = contender_heap("slab", &heap_slab, false);
    *c++ = contender_heap("slab, locked", &heap_slab, true);
    *c++ = contender_library("glibc");
    *c++ = contender_library("jemalloc");
    *c++ = contender_library("tcmalloc");
}
#define CONTENDERS (sizeof(contenders) / sizeof(contenders[0]))

static void must(bool good, const struct contender *c,
                 const struct workload *w) {
    if (!good) {
        fprintf(stderr, "bench_heap: %s ran out of memory on %s\n", c->name,
                w->name);
        exit(EXIT_FAILURE);
    }
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof(*values), ascending);
    return values[count / 2];
}

static bool is_there(const struct contender *c) {
    return contender_is_here(c);
}

/* --- time ----------------------------------------------------------------- */

static double sample(const struct contender *c, const struct workload *w) {
    double ns = 0;

    must(measure_time(c, w, &ns) == w->count, c, w);
    return ns;
}

static void heading(const char *what) {
    printf("%-14s", what);
    for (const struct contender *c = contenders; c->name != NULL; c++) {
        if (is_there(c)) {
            printf("%14s", c->name);
        }
    }
    printf("\n");
}

static void times(void) {
    static double ns[CONTENDERS][ROUNDS];
    double product[CONTENDERS] = { 0 };

    heading("\nns per op");
    for (size_t i = 0; i < workload_count; i++) {
        const struct workload *w = &workloads[i];
        double first = 0;

        for (size_t round = 0; round < ROUNDS; round++) {
            for (size_t c = 0; contenders[c].name != NULL; c++) {
                if (is_there(&contenders[c])) {
                    ns[c][round] = sample(&contenders[c], w);
                }
            }
        }
        printf("%-13s", w->name);
        for (size_t c = 0; contenders[c].name != NULL; c++) {
            if (is_there(&contenders[c])) {
                const double m = median(ns[c], ROUNDS);

                first = first == 0 ? m : first;
                if (i < trace_count) {
                    product[c] += log(m / first);
                }
                printf("%6.1f [%5.2f]", m, m / first);
            }
        }
        printf("\n");
    }
    printf("%-13s", "geo. mean");
    for (size_t c = 0; contenders[c].name != NULL; c++) {
        if (is_there(&contenders[c])) {
            printf("       [%5.2f]", exp(product[c] / (double)trace_count));
        }
    }
    printf("\n");
}

/* --- the smallest arena --------------------------------------------------- */

static void arenas(void) {
    double product[CONTENDERS] = { 0 };

    printf("\nlive / smallest arena\n");
    for (size_t i = 0; i < workload_count; i++) {
        const struct workload *w = &workloads[i];

        printf("%-13s", w->name);
        for (size_t c = 0; contenders[c].name != NULL; c++) {
            if (contenders[c].class != NULL && !contenders[c].locked) {
                const double share =
                    (double)w->peak / (double)measure_arena(&contenders[c], w);

                if (i < trace_count) {
                    product[c] += log(share);
                }
                printf(" %s %.3f", contenders[c].name, share);
            }
        }
        printf("\n");
    }
    for (size_t c = 0; contenders[c].name != NULL; c++) {
        if (contenders[c].class != NULL && !contenders[c].locked) {
            printf("geo. mean     %s %.3f\n", contenders[c].name,
                   exp(product[c] / (double)trace_count));
        }
    }
}

/* --- the worst operation -------------------------------------------------- */

static void worst(void) {
    printf("\ncycles of an operation: p99, p99.99, worst\n");
    for (size_t i = 0; i < workload_count; i++) {
        const struct workload *w = &workloads[i];

        printf("%-13s", w->name);
        for (const struct contender *c = contenders; c->name != NULL; c++) {
            struct measured_cycles cycles;

            if (!is_there(c) || c->locked) {
                continue;
            }
            must(measure_cycles(c, w, &cycles) == w->count, c, w);
            printf("  %s %u %u %u", c->name, cycles.p99, cycles.p9999,
                   cycles.worst);
        }
        printf("\n");
    }
}

static int count(const char *name) {
    for (const struct contender *c = contenders; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0 && is_there(c)) {
            for (size_t i = 0; i < trace_count; i++) {
                must(contender_start(c, UINT64_MAX) &&
                         contender_replay(c, &workloads[i]) ==
                             workloads[i].count,
                     c, &workloads[i]);
                printf("%s %zu\n", workloads[i].name, workloads[i].count);
            }
            return 0;
        }
    }
    fprintf(stderr, "bench_heap: no %s here\n", name);
    return 2;
}

int main(int argc, char **argv) {
    const char *counted = NULL;
    int at = 1;
    bool only_arena = false;

    if (at + 1 < argc && strcmp(argv[at], "--count") == 0) {
        counted = argv[at + 1];
        at += 2;
    } else if (at < argc && strcmp(argv[at], "--arena") == 0) {
        only_arena = true;
        at++;
    }
    for (; at < argc && workload_count < WORKLOADS; at++) {
        if (!workload_read(&workloads[workload_count++], argv[at])) {
            return 2;
        }
    }
    trace_count = workload_count;
    contenders_find();
    if (counted != NULL) {
        return count(counted);
    }
    for (unsigned i = 0; workload_count < WORKLOADS &&
                         workload_built_in(&workloads[workload_count], i, 0);
         i++) {
        workload_count++;
    }
    if (!only_arena) {
        times();
        worst();
    }
    arenas();
    return 0;
}
