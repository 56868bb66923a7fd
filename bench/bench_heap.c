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
#include "bench_heap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 9
#define WORKLOADS 32
#define CONTENDERS 16

static struct workload workloads[WORKLOADS];
static size_t workload_count, trace_count;

static double now(void) {
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

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
    return c->class != NULL || c->malloc != NULL;
}

/* --- time ----------------------------------------------------------------- */

static double sample(const struct contender *c, const struct workload *w) {
    double start;

    must(c->start(c, UINT64_MAX), c, w);
    must(c->replay(c, w), c, w); /* warm */
    start = now();
    must(c->replay(c, w), c, w);
    must(c->replay(c, w), c, w);
    return (now() - start) / 2 / (double)w->count;
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

static bool holds(const struct contender *c, const struct workload *w,
                  uint64_t pages) {
    return c->start(c, pages * PAGE_SIZE) && c->replay(c, w);
}

static uint64_t smallest_arena(const struct contender *c,
                               const struct workload *w) {
    uint64_t low = w->peak / PAGE_SIZE, high = 2 * low + 64;

    while (low + 1 < high) {
        const uint64_t middle = (low + high) / 2;

        if (holds(c, w, middle)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high * PAGE_SIZE;
}

static void arenas(void) {
    double product[CONTENDERS] = { 0 };

    printf("\nlive / smallest arena\n");
    for (size_t i = 0; i < workload_count; i++) {
        const struct workload *w = &workloads[i];

        printf("%-13s", w->name);
        for (size_t c = 0; contenders[c].name != NULL; c++) {
            if (contenders[c].class != NULL && !contenders[c].locked) {
                const double share =
                    (double)w->peak / (double)smallest_arena(&contenders[c], w);

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

static int ascending_cycles(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/** Interrupts of the machine hit any operation: each counts with the least of
 *  five runs, which are alike in all else. */
static void worst(void) {
    printf("\ncycles of an operation: p99, p99.99, worst\n");
    for (size_t i = 0; i < workload_count; i++) {
        const struct workload *w = &workloads[i];
        uint32_t *cycles = calloc(w->count, sizeof(*cycles));
        uint32_t *least = calloc(w->count, sizeof(*least));

        printf("%-13s", w->name);
        for (const struct contender *c = contenders; c->name != NULL; c++) {
            if (!is_there(c) || c->locked || cycles == NULL || least == NULL) {
                continue;
            }
            memset(least, 0xff, w->count * sizeof(*least));
            for (int run = 0; run < 5; run++) {
                must(c->start(c, UINT64_MAX) && c->clock(c, w, cycles), c, w);
                for (size_t k = 0; k < w->count; k++) {
                    least[k] = cycles[k] < least[k] ? cycles[k] : least[k];
                }
            }
            qsort(least, w->count, sizeof(*least), ascending_cycles);
            printf("  %s %u %u %u", c->name, least[w->count * 99 / 100],
                   least[w->count - 1 - w->count / 10000], least[w->count - 1]);
        }
        printf("\n");
        free(cycles);
        free(least);
    }
}

static int count(const char *name) {
    for (const struct contender *c = contenders; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0 && is_there(c)) {
            for (size_t i = 0; i < trace_count; i++) {
                must(c->start(c, UINT64_MAX) && c->replay(c, &workloads[i]), c,
                     &workloads[i]);
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
                         workload_built_in(&workloads[workload_count], i);
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
