#include "bench_pmm.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "base/hash.h"

/* Frames are touched by some strategies, metadata by all; more of a large
 * machine's RAM is not there at all. */
#define WINDOW_MAX (64 * GIB)

static void *window;
static uint64_t window_size;

void bench_start(struct pmm *pmm, const struct pmm_class *class, uint64_t ram) {
    static struct memmap_entry map[2];
    static struct hw_boot boot;
    const uint64_t low = ram < 3 * GIB ? ram : 3 * GIB;

    map[0] = (struct memmap_entry){ { paddr(MIB), low }, MEMMAP_USABLE };
    map[1] =
        (struct memmap_entry){ { paddr(4 * GIB), ram - low }, MEMMAP_USABLE };
    window_size = ram > low ? 4 * GIB + ram - low : MIB + low;
    window_size = window_size < WINDOW_MAX ? window_size : WINDOW_MAX;
    window = mmap(NULL, window_size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (window == MAP_FAILED) {
        perror("bench_pmm: mmap");
        exit(EXIT_FAILURE);
    }
    boot = (struct hw_boot){ .map = map,
                             .map_count = 2,
                             .direct_base = vaddr_of_pointer(window),
                             .phys_bits = 52 };
    if (pmm_init(pmm, &boot, class) != MM_OK) {
        fprintf(stderr, "bench_pmm: no room for %s\n", class->name);
        exit(EXIT_FAILURE);
    }
}

void bench_stop(void) {
    munmap(window, window_size);
}

static double read_clock(clockid_t clock) {
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double bench_now(void) {
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

double bench_wall(void) {
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t bench_dice(uint64_t limit) {
    static uint64_t state = 1;

    return hash_mix(state++) % limit;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_median(double *values, int count) {
    qsort(values, (size_t)count, sizeof(*values), ascending);
    return values[count / 2];
}

pfn_t *bench_room(const struct pmm *pmm) {
    pfn_t *frames = malloc(pmm_free_count(pmm) * sizeof(*frames));

    if (frames == NULL) {
        perror("bench_pmm");
        exit(EXIT_FAILURE);
    }
    return frames;
}

double bench_blocks_left(const struct pmm *pmm) {
    const struct pmm_fragmentation f = pmm_fragmentation(pmm);

    return f.blocks_possible == 0
               ? 100
               : 100.0 * (double)f.blocks / (double)f.blocks_possible;
}
