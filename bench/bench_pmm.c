/*
 * bench_pmm: what frames cost, strategy by strategy.
 *
 * Processor time of the thread; the strategies take turns within a round, so
 * that a slow minute of the machine hits all of them, and the median of the
 * rounds counts.  A figure in brackets is the ratio to the first strategy's.
 * "Locked" is by the lock of a machine where one processor runs; "of several"
 * by that of a machine where several do, with nobody else about.
 *
 * "In a row" is 4096 frames taken, then given back in the same order, so that
 * most come back to another area than the one that serves: what a call costs
 * of either kind.
 *
 *   fresh   from empty memory, three frames asked for and a random one given
 *           back, until the level is reached; then one turnover
 *   worst   all memory handed out, random frames given back down to the level
 *           (no 2 MiB block is free then); after it 16 turnovers
 *
 * A turnover is as many pairs, a random frame back and a new one, as frames are
 * in use.
 */
#include "bench_pmm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 7
#define RAM (1 * GIB)
#define PAIRS 400000
#define ROW 4096

static const struct pmm_class *const classes[] = { &pmm_areas, &pmm_bitmap,
                                                   &pmm_stack, &pmm_buddy };
#define CLASSES (sizeof(classes) / sizeof(classes[0]))

static struct pmm pmm;
static pfn_t *frames; /* in use */
static uint64_t count;

static void must(enum mm_status status) {
    if (status != MM_OK) {
        fprintf(stderr, "bench_pmm: %s said %s\n", pmm.class->name,
                mm_status_name(status));
        exit(EXIT_FAILURE);
    }
}

static void take_one(void) {
    must(pmm_alloc(&pmm, &frames[count]));
    count++;
}

static void give_random(void) {
    const uint64_t at = bench_dice(count);

    must(pmm_free(&pmm, frames[at]));
    frames[at] = frames[--count];
}

static void churn(uint64_t pairs) {
    for (uint64_t i = 0; i < pairs; i++) {
        give_random();
        take_one();
    }
}

static void shuffle(void) {
    for (uint64_t i = count; i > 1; i--) {
        const uint64_t j = bench_dice(i);
        const pfn_t f = frames[j];

        frames[j] = frames[i - 1];
        frames[i - 1] = f;
    }
}

/* --- times ---------------------------------------------------------------- */

enum figure {
    HOT_ALONE,
    LOCK,
    HOT_LOCKED,
    ROW_ALLOC_LOCKED,
    ROW_FREE_LOCKED,
    LOCK_SEVERAL,
    HOT_SEVERAL,
    ROW_ALLOC_SEVERAL,
    ROW_FREE_SEVERAL,
    HOT_THREADS,
    BULK_ALLOC,
    BULK_FREE,
    CHURN,
    HUGE_PAIR,
    FIGURES
};
static const char *const names[FIGURES] = {
    [HOT_ALONE] = "hot pair, strategy alone",
    [LOCK] = "the lock alone",
    [HOT_LOCKED] = "hot pair, locked",
    [ROW_ALLOC_LOCKED] = "alloc in a row, locked",
    [ROW_FREE_LOCKED] = "free in a row, locked",
    [LOCK_SEVERAL] = "the lock of several alone",
    [HOT_SEVERAL] = "hot pair, lock of several",
    [ROW_ALLOC_SEVERAL] = "alloc in a row, of several",
    [ROW_FREE_SEVERAL] = "free in a row, of several",
    [HOT_THREADS] = "two threads, 64 each",
    [BULK_ALLOC] = "bulk allocate, locked",
    [BULK_FREE] = "random free, locked",
    [CHURN] = "churn at 50 %, locked",
    [HUGE_PAIR] = "2 MiB pair, locked",
};
static double samples[FIGURES][CLASSES][ROUNDS];

static double hot_alone(void) {
    const double start = bench_now();
    pfn_t f = pfn(0);

    for (int i = 0; i < PAIRS; i++) {
        (void)pmm.class->alloc(&pmm, &f);
        (void)pmm.class->free(&pmm, f, pmm.largest_run);
    }
    return (bench_now() - start) / (2.0 * PAIRS);
}

static double lock_alone(void) {
    const double start = bench_now();

    for (int i = 0; i < PAIRS; i++) {
        lock_acquire(&pmm.lock);
        lock_release(&pmm.lock);
    }
    return (bench_now() - start) / PAIRS;
}

static double hot_locked(void) {
    const double start = bench_now();
    pfn_t f = pfn(0);

    for (int i = 0; i < PAIRS; i++) {
        must(pmm_alloc(&pmm, &f));
        must(pmm_free(&pmm, f));
    }
    return (bench_now() - start) / (2.0 * PAIRS);
}

/** ns per alloc, and per free. */
static void in_a_row(double *alloc, double *freed) {
    const int rows = PAIRS / ROW;

    *alloc = *freed = 0;
    for (int row = 0; row < rows; row++) {
        const double start = bench_now();
        double middle;

        for (int i = 0; i < ROW; i++) {
            must(pmm_alloc(&pmm, &frames[i]));
        }
        middle = bench_now();
        for (int i = 0; i < ROW; i++) {
            must(pmm_free(&pmm, frames[i]));
        }
        *alloc += (middle - start) / (rows * ROW);
        *freed += (bench_now() - middle) / (rows * ROW);
    }
}

static double huge_pair(void) {
    const double start = bench_now();
    pfn_t f = pfn(0);

    for (int i = 0; i < PAIRS / 100; i++) {
        must(pmm_alloc_run(&pmm, pmm_block(PMM_ORDER_2M), &f));
        must(pmm_free_run(&pmm, f, 512));
    }
    return (bench_now() - start) / (2.0 * PAIRS / 100);
}

/** The dice and the list cost, too: measured with a strategy that does
 *  nothing. */
static double churn_alone(void) {
    const double start = bench_now();
    volatile uint64_t sink;

    for (int i = 0; i < PAIRS; i++) {
        const uint64_t at = bench_dice(count);
        const pfn_t f = frames[at];

        sink = f.v;
        frames[at] = frames[count - 1];
        frames[count - 1] = f;
    }
    (void)sink;
    return bench_now() - start;
}

static void measure(size_t c, int round) {
    double start;

    bench_start(&pmm, classes[c], RAM);
    frames = bench_room(&pmm);
    count = 0;
    samples[HOT_ALONE][c][round] = hot_alone();
    samples[LOCK][c][round] = lock_alone();
    samples[HOT_LOCKED][c][round] = hot_locked();
    in_a_row(&samples[ROW_ALLOC_LOCKED][c][round],
             &samples[ROW_FREE_LOCKED][c][round]);
    pmm.lock = lock_for(2);
    samples[LOCK_SEVERAL][c][round] = lock_alone();
    samples[HOT_SEVERAL][c][round] = hot_locked();
    in_a_row(&samples[ROW_ALLOC_SEVERAL][c][round],
             &samples[ROW_FREE_SEVERAL][c][round]);
    pmm.lock = lock_for(1);
    samples[HOT_THREADS][c][round] = bench_threads(&pmm);
    samples[HUGE_PAIR][c][round] = huge_pair();
    memset(frames, 1, pmm_free_count(&pmm) * sizeof(*frames));
    start = bench_now();
    while (pmm_alloc(&pmm, &frames[count]) == MM_OK) {
        count++;
    }
    samples[BULK_ALLOC][c][round] = (bench_now() - start) / (double)count;
    shuffle();
    start = bench_now();
    for (uint64_t i = 0; i < count; i++) {
        must(pmm_free(&pmm, frames[i]));
    }
    samples[BULK_FREE][c][round] = (bench_now() - start) / (double)count;
    count = 0;
    while (pmm_free_count(&pmm) > count) {
        take_one();
    }
    churn(count);
    start = bench_now();
    churn(PAIRS);
    samples[CHURN][c][round] = bench_now() - start;
    samples[CHURN][c][round] -= churn_alone();
    samples[CHURN][c][round] /= 2.0 * PAIRS;
    free(frames);
    bench_stop();
}

static void print_heading(const char *what) {
    printf("\n%-26s", what);
    for (size_t c = 0; c < CLASSES; c++) {
        printf("%17s", classes[c]->name);
    }
    printf("\n");
}

static void times(void) {
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t c = 0; c < CLASSES; c++) {
            measure(c, round);
        }
    }
    print_heading("ns per call, 1 GiB");
    for (int f = 0; f < FIGURES; f++) {
        double first = 0;

        printf("%-26s", names[f]);
        for (size_t c = 0; c < CLASSES; c++) {
            const double ns = bench_median(samples[f][c], ROUNDS);

            first = c == 0 ? ns : first;
            printf("%8.1f [%5.2f] ", ns, ns / first);
        }
        printf("\n");
    }
}

/* --- 2 MiB blocks left ------------------------------------------------------
 */

static double blocks_left(const struct pmm_class *class, unsigned percent,
                          bool fresh) {
    uint64_t level;
    double left;

    bench_start(&pmm, class, RAM);
    frames = bench_room(&pmm);
    count = 0;
    level = pmm_free_count(&pmm) * percent / 100;
    if (fresh) {
        while (count < level) {
            take_one();
            if (count % 3 == 0) {
                give_random();
                take_one();
            }
        }
        churn(level);
    } else {
        while (pmm_free_count(&pmm) > 0) {
            take_one();
        }
        while (count > level) {
            give_random();
        }
        churn(16 * level);
    }
    left = bench_blocks_left(&pmm);
    free(frames);
    bench_stop();
    return left;
}

static void fragmentation(void) {
    static const unsigned levels[] = { 50, 75, 90 };

    print_heading("2 MiB blocks left, 1 GiB");
    for (int worst = 0; worst < 2; worst++) {
        for (size_t i = 0; i < 3; i++) {
            printf("%s start, %u %% full     ", worst ? "worst" : "fresh",
                   levels[i]);
            for (size_t c = 0; c < CLASSES; c++) {
                printf("%15.1f %%",
                       blocks_left(classes[c], levels[i], worst == 0));
            }
            printf("\n");
        }
    }
}

/* --- start ------------------------------------------------------------------
 */

static void start_up(void) {
    static const struct {
        const char *name;
        uint64_t ram;
    } machines[] = { { "16 GiB", 16 * GIB },
                     { "1 TiB", TIB },
                     { "64 TiB", 64 * TIB } };

    printf("\nms to start, first frame included; metadata per GiB\n");
    for (size_t m = 0; m < 3; m++) {
        for (size_t c = 0; c < 3; c++) { /* buddy touches RAM itself */
            double ms[3];
            pfn_t f;

            for (int round = 0; round < 3; round++) {
                const double start = bench_now();

                bench_start(&pmm, classes[c], machines[m].ram);
                must(pmm_alloc(&pmm, &f));
                ms[round] = (bench_now() - start) / 1e6;
                bench_stop();
            }
            printf("%-8s %-8s %12.3f ms %8.2f KiB\n", machines[m].name,
                   classes[c]->name, bench_median(ms, 3),
                   (double)pmm.metadata.len / KIB /
                       ((double)machines[m].ram / GIB));
        }
    }
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--trace") == 0) {
        return bench_trace(argv[2]);
    }
    if (argc != 1) {
        fprintf(stderr, "usage: bench_pmm [--trace FILE]\n");
        return 2;
    }
    times();
    fragmentation();
    start_up();
    return 0;
}
