/*
 * Time, cycles, memory and instructions of one contender on one workload.
 */
#include "memtwin/measure.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/** An empty heap as large as may be, and a replay. */
static size_t run(const struct contender *c, const struct workload *w) {
    return contender_start(c, UINT64_MAX) ? contender_replay(c, w) : 0;
}

/* --- time ----------------------------------------------------------------- */

static double now(void) {
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

size_t measure_time(const struct contender *c, const struct workload *w,
                    double *ns) {
    size_t done = run(c, w); /* warm */
    double start;

    if (done < w->count) {
        return done;
    }
    start = now();
    done = contender_replay(c, w);
    if (done == w->count) {
        done = contender_replay(c, w);
    }
    *ns = (now() - start) / 2 / (double)(w->count > 0 ? w->count : 1);
    return done;
}

/* --- the worst operation -------------------------------------------------- */

#define CYCLE_RUNS 5

static int ascending(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

size_t measure_cycles(const struct contender *c, const struct workload *w,
                      struct measured_cycles *cycles) {
    uint32_t *taken = calloc(w->count + 1, sizeof(*taken));
    uint32_t *least = calloc(w->count + 1, sizeof(*least));
    size_t done = 0;

    if (taken != NULL && least != NULL) {
        memset(least, 0xff, w->count * sizeof(*least));
        done = w->count;
    }
    for (int n = 0; n < CYCLE_RUNS && done == w->count; n++) {
        done =
            contender_start(c, UINT64_MAX) ? contender_clock(c, w, taken) : 0;
        for (size_t i = 0; i < done; i++) {
            least[i] = taken[i] < least[i] ? taken[i] : least[i];
        }
    }
    if (done == w->count && done > 0) {
        qsort(least, done, sizeof(*least), ascending);
        *cycles =
            (struct measured_cycles){ least[done / 2], least[done * 99 / 100],
                                      least[done - 1 - done / 10000],
                                      least[done - 1] };
    }
    free(taken);
    free(least);
    return done;
}

/* --- memory --------------------------------------------------------------- */

/** A line "NAME: N kB" of /proc/self/smaps_rollup, without a call of malloc()
 *  on the way. */
uint64_t measure_resident(void) {
    static const char name[] = "\nAnonymous:";
    char text[4096];
    const char *at;
    ssize_t len;
    int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return 0;
    }
    len = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    at = strstr(text, name);
    return at == NULL ? 0 : strtoull(at + sizeof(name) - 1, NULL, 10) * KIB;
}

static void take_sample(void *ctx, size_t done, uint64_t live) {
    struct measured_memory *m = ctx;
    const uint64_t now_there = measure_resident();

    if (m->count < sizeof(m->samples) / sizeof(m->samples[0])) {
        m->samples[m->count++] = (struct measured_sample){
            done, live, now_there > m->before ? now_there - m->before : 0
        };
    }
}

size_t measure_memory(const struct contender *c, const struct workload *w,
                      struct measured_memory *m) {
    m->count = 0;
    m->before = measure_resident() + (w->ids + 1) * sizeof(void *);
    if (!contender_start(c, UINT64_MAX)) {
        return 0;
    }
    return contender_watch(c, w, w->count / MEASURE_SAMPLES + 1, take_sample,
                           m);
}

uint64_t measured_resident_peak(const struct measured_memory *m) {
    uint64_t peak = 0;

    for (size_t i = 0; i < m->count; i++) {
        const uint64_t resident = m->samples[i].resident;

        peak = resident > peak ? resident : peak;
    }
    return peak;
}

double measured_waste(const struct measured_sample *s) {
    return s->resident <= s->live ? 0
                                  : 1 - (double)s->live / (double)s->resident;
}

/* --- the smallest arena --------------------------------------------------- */

static bool holds(const struct contender *c, const struct workload *w,
                  uint64_t pages) {
    return contender_start(c, pages * PAGE_SIZE) &&
           contender_replay(c, w) == w->count;
}

uint64_t measure_arena(const struct contender *c, const struct workload *w) {
    uint64_t low = w->peak / PAGE_SIZE, high = 2 * low + 64;

    while (high < CONTENDER_WINDOW / PAGE_SIZE && !holds(c, w, high)) {
        low = high;
        high *= 2;
    }
    if (high >= CONTENDER_WINDOW / PAGE_SIZE) {
        return 0;
    }
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

/* --- instructions --------------------------------------------------------- */

bool measure_instructions(const struct contender *c, const struct workload *w,
                          uint64_t *count) {
    struct perf_event_attr asked = { .type = PERF_TYPE_HARDWARE,
                                     .size = sizeof(asked),
                                     .config = PERF_COUNT_HW_INSTRUCTIONS,
                                     .exclude_kernel = 1,
                                     .exclude_hv = 1 };
    const long fd = syscall(SYS_perf_event_open, &asked, 0, -1, -1, 0);
    uint64_t before = 0, after = 0;
    bool good;

    if (fd < 0) {
        return false;
    }
    good = contender_start(c, UINT64_MAX) &&
           read((int)fd, &before, sizeof(before)) == sizeof(before) &&
           contender_replay(c, w) == w->count &&
           read((int)fd, &after, sizeof(after)) == sizeof(after);
    close((int)fd);
    *count = after - before;
    return good;
}
