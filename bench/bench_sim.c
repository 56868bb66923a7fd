/*
 * bench_sim: what the simulated processor costs.
 *
 * Functional: the loops of sim_loops.h by calls, beside the same loops run by
 * QEMU's TCG, whose figures the guest has left in a file.  Both clocks are the
 * time-stamp counter of this host, both figures the fastest of many rounds,
 * each of which is far shorter than a time slice, over some seconds: what else
 * the host does is left out on both sides.
 *
 * Live: bench_sim_live.c.
 */
#include "bench_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/cpu.h"

#define PASSES 40

static struct sim_ram ram;
static struct sim_events events;
static struct sim_cpu cpu;

static inline uint64_t bench_load(uint64_t va) {
    struct sim_fault fault;
    uint64_t value;

    if (!cpu_load(&cpu, vaddr(va), 8, &value, &fault)) {
        fprintf(stderr, "bench_sim: 0x%lx faults\n", va);
        exit(EXIT_FAILURE);
    }
    return value;
}
static inline void bench_reload(void) {
    (void)cpu_write_cr3(&cpu, cpu.cr3);
}
static inline void bench_store(uint64_t pa, uint64_t value) {
    ram_store64(&ram, paddr(pa), value);
}

#include "sim_loops.h"

double bench_ns_per_cycle(void) {
    static double ns;
    struct timespec from, to;
    uint64_t start;

    if (ns != 0) {
        return ns;
    }
    clock_gettime(CLOCK_MONOTONIC, &from);
    start = loop_clock();
    do {
        clock_gettime(CLOCK_MONOTONIC, &to);
        ns = (double)(to.tv_sec - from.tv_sec) * 1e9 +
             (double)(to.tv_nsec - from.tv_nsec);
    } while (ns < 5e7);
    ns /= (double)(loop_clock() - start);
    return ns;
}

/** The best figure of @name in what the guest said, perhaps several times; 0:
 *  none. */
static double guest_figure(const char *path, const char *name) {
    FILE *in = path != NULL ? fopen(path, "r") : NULL;
    char line[256], found[32];
    double value = 0, cycles;

    while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
        if (sscanf(line, "# figure %31s %lf", found, &cycles) == 2 &&
            strcmp(found, name) == 0) {
            value = value == 0 || cycles / 100 < value ? cycles / 100 : value;
        }
    }
    if (in != NULL) {
        fclose(in);
    }
    return value;
}

static void power_on(void) {
    static const struct memmap_entry map[] = {
        { { { 0 }, LOOPS_RAM }, MEMMAP_USABLE },
    };
    const paddr_t root = paddr(LOOPS_TABLES + 8 * PAGE_SIZE);
    char why[256] = "no memory";

    if (!ram_init(&ram, map, 1, 1, vaddr(0), why, sizeof(why)) ||
        !cpu_init(&cpu, &ram, &events, TLB_LRU, TLB_CAPACITY_DEFAULT)) {
        fprintf(stderr, "bench_sim: %s\n", why);
        exit(EXIT_FAILURE);
    }
    for (uint64_t i = 0; i < PAGE_SIZE; i += 8) {
        bench_store(root.v + i, 0);
    }
    loops_build(root.v);
    (void)cpu_write_cr3(&cpu, root);
}

/** The walk as the processor calls it, without a TLB, and A and D are set
 *  already. */
static double walk_alone(enum loop loop) {
    const struct walk_control control = cpu_control(&cpu);
    const struct walk_start root = { control.root,
                                     4,
                                     { true, true, false, 0 } };
    double best = 0;

    for (unsigned round = 0; round < LOOPS_ROUNDS; round++) {
        const uint64_t start = loop_clock();
        double cycles;

        for (uint64_t i = 0; i < LOOPS_PAGES; i++) {
            struct walk_result r;

            walk_into(&r, &ram, &control, root, vaddr(loop_address(loop, i)),
                      SIM_READ, false);
            if (r.reason != WALK_OK) {
                exit(EXIT_FAILURE);
            }
        }
        cycles = (double)(loop_clock() - start) / LOOPS_PAGES;
        best = round == 0 || cycles < best ? cycles : best;
    }
    return best;
}

static void keep_less(double *least, double value, unsigned pass) {
    *least = pass == 0 || value < *least ? value : *least;
}

/** The best of some passes, a while apart: cycles per access. */
static void measure(double here[LOOP_COUNT], double alone[LOOP_COUNT]) {
    const struct timespec a_while = { .tv_nsec = 50 * 1000 * 1000 };
    uint64_t sum = 0;

    for (unsigned pass = 0; pass < PASSES; pass++) {
        for (unsigned l = 0; l < LOOP_COUNT; l++) {
            keep_less(&here[l], (double)loop_best((enum loop)l, &sum) / 100,
                      pass);
        }
        for (unsigned l = COLD_4K; l <= COLD_1G; l++) {
            keep_less(&alone[l], walk_alone((enum loop)l), pass);
        }
        nanosleep(&a_while, NULL);
    }
    if (sum == 0) { /* never: what was loaded is junk */
        printf("(nothing was loaded)\n");
    }
}

/** @there 0: not known */
static void print(const char *what, double here, double there) {
    printf("%-26s%12.1f%10.1f M", what, here, 1000 / here);
    if (there != 0) {
        printf("%12.1f%14.2f", there, there / here);
    }
    printf("\n");
}

static void functional(const char *guest_path) {
    static const char *const texts[LOOP_COUNT] = {
        "miss, 4 KiB pages",     "miss, 2 MiB pages",
        "miss, 1 GiB pages",     "hit",
        "CR3 reload and a load",
    };
    const double ns = bench_ns_per_cycle();
    double here[LOOP_COUNT], alone[LOOP_COUNT];

    power_on();
    measure(here, alone);
    printf("%-26s%12s%12s%12s%14s\n", "functional, ns per access", "here",
           "per second", "QEMU TCG", "times as fast");
    for (unsigned l = 0; l < LOOP_COUNT; l++) {
        print(texts[l], ns * here[l],
              ns * guest_figure(guest_path, loop_names[l]));
    }
    printf("%-26s%12s%12s%12s%14s\n", "the walk alone", "", "", "its miss", "");
    for (unsigned l = COLD_4K; l <= COLD_1G; l++) {
        static const char *const sizes[] = { "  4 KiB pages", "  2 MiB pages",
                                             "  1 GiB pages" };

        print(sizes[l], ns * alone[l],
              ns * guest_figure(guest_path, loop_names[l]));
    }
    cpu_destroy(&cpu);
    ram_destroy(&ram);
}

int main(int argc, char **argv) {
    if (argc > 2) {
        fprintf(stderr, "usage: bench_sim [FIGURES-OF-THE-GUEST]\n");
        return 2;
    }
    functional(argc == 2 ? argv[1] : NULL);
    bench_live();
    return 0;
}
