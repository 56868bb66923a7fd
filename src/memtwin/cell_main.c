/*
 * memtwin-cell: measures one contender on one workload, as it is asked; cell.h.
 */
#include "memtwin/cell.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "program/number.h"
#include "program/say.h"

static bool map_workload(struct workload *w, const char *number) {
    struct stat seen;
    const struct workload *file;
    uint64_t fd;

    if (!number_parse(number, strlen(number), &fd) ||
        fstat((int)fd, &seen) != 0 || (size_t)seen.st_size < sizeof(*file)) {
        return false;
    }
    file = mmap(NULL, (size_t)seen.st_size, PROT_READ,
                MAP_SHARED | MAP_POPULATE, (int)fd, 0);
    if (file == MAP_FAILED) {
        return false;
    }
    *w = *file;
    w->ops = (struct workload_op *)(file + 1);
    return (size_t)seen.st_size == sizeof(*file) + w->count * sizeof(*w->ops);
}

static void print_samples(const struct measured_memory *m) {
    for (size_t i = 0; i < m->count; i++) {
        printf("sample %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
               m->samples[i].done, m->samples[i].live, m->samples[i].resident);
    }
}

static size_t replay(const struct contender *c, const struct workload *w) {
    return contender_start(c, UINT64_MAX) ? contender_replay(c, w) : 0;
}

/** @return how many operations went well */
static size_t answer(const struct contender *c, const struct workload *w,
                     int question) {
    static struct measured_memory memory;
    struct measured_cycles cycles = { 0, 0, 0, 0 };
    size_t done = w->count;
    uint64_t count = 0;
    double ns = 0;

    switch (question) {
    case CELL_HERE:
        printf(contender_is_here(c) ? "here\n" : "missing\n");
        break;
    case CELL_MEMORY:
        done = measure_memory(c, w, &memory);
        print_samples(&memory);
        break;
    case CELL_TIME:
        done = measure_time(c, w, &ns);
        printf("time %.4f\n", ns);
        break;
    case CELL_CYCLES:
        done = measure_cycles(c, w, &cycles);
        printf("cycles %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 "\n",
               cycles.p50, cycles.p99, cycles.p9999, cycles.worst);
        break;
    case CELL_ARENA:
        printf("arena %" PRIu64 "\n",
               c->class != NULL ? measure_arena(c, w) : 0);
        break;
    case CELL_INSTRUCTIONS:
        if (measure_instructions(c, w, &count)) {
            printf("instructions %" PRIu64 "\n", count);
        } else {
            printf("uncounted\n");
        }
        break;
    default:
        done = replay(c, w);
        break;
    }
    return done;
}

int main(int argc, char **argv) {
    struct contender c = contender_nothing();
    struct workload w;
    size_t done;
    int question;

    if (argc != 3 ||
        (strcmp(argv[1], CELL_NOTHING) != 0 && !contender_find(&c, argv[1])) ||
        !map_workload(&w, argv[2])) {
        complain("memtwin-cell is started by 'memtwin compare'");
        return EXIT_USAGE;
    }
    while ((question = getchar()) != EOF) {
        done = answer(&c, &w, question);
        if (done < w.count) {
            printf("failed %zu\n", done + 1);
        }
        printf(".\n");
        if (fflush(stdout) != 0) {
            return EXIT_WRONG;
        }
    }
    return EXIT_GOOD;
}
