/**
 * @file sim_loops.h
 * The loops that bench_sim and its guest in QEMU both run, on the same page
 * tables at the same addresses, by the same clock.
 *
 * Who includes this defines first, as static inline functions,
 *
 *   bench_load(va)         one load of eight bytes through the tables
 *   bench_reload()         MOV to CR3 of what is in it
 *   bench_store(pa, value) eight bytes of a page table
 *
 *   PML4 --0x88--> PDPT --0--> PD --0--> PT    512 pages of 4 KiB, 2 MiB of RAM
 *    |               '----1--> PD              512 of 2 MiB, onto 32 MiB of RAM
 *    '----0x90---> PDPT                        512 of 1 GiB, all onto the first
 */
#ifndef BENCH_SIM_LOOPS_H
#define BENCH_SIM_LOOPS_H

#include "hw/paging.h"

#define LOOPS_RAM (128 * MIB)
#define LOOPS_TABLES (32 * MIB) /* six frames from here on */
#define LOOPS_4K (48 * MIB)
#define LOOPS_2M (64 * MIB)
#define LOOPS_VA UINT64_C(0x440000000000)    /* PML4 entry 0x88 */
#define LOOPS_1G_VA UINT64_C(0x480000000000) /* PML4 entry 0x90 */

#define LOOPS_PAGES 512
#define LOOPS_ROUNDS 201
#define LOOPS_HIT_PAGES 64
#define LOOPS_HITS (32 * LOOPS_HIT_PAGES)
#define LOOPS_RELOADS 64

enum loop { COLD_4K, COLD_2M, COLD_1G, HIT, RELOAD, LOOP_COUNT };
static const char *const loop_names[LOOP_COUNT] = {
    "cold-4K", "cold-2M", "cold-1G", "hit", "reload",
};

static inline uint64_t loop_clock(void) {
    return __builtin_ia32_rdtsc();
}

/** The tables above, below the entries of @root. */
static inline void loops_build(uint64_t root) {
    const uint64_t bits = PTE_PRESENT | PTE_WRITABLE;
    const uint64_t pdpt = LOOPS_TABLES, pd = pdpt + PAGE_SIZE;
    const uint64_t pt = pd + PAGE_SIZE, pd_2m = pt + PAGE_SIZE;
    const uint64_t pdpt_1g = pd_2m + PAGE_SIZE;

    for (uint64_t i = 0; i < TABLE_ENTRIES; i++) {
        bench_store(pdpt + 8 * i, i == 0   ? pd | bits
                                  : i == 1 ? pd_2m | bits
                                           : 0);
        bench_store(pd + 8 * i, i == 0 ? pt | bits : 0);
        bench_store(pt + 8 * i, (LOOPS_4K + i * PAGE_SIZE) | bits);
        bench_store(pd_2m + 8 * i,
                    (LOOPS_2M + (i % 16) * 2 * MIB) | bits | PTE_HUGE);
        bench_store(pdpt_1g + 8 * i, bits | PTE_HUGE);
    }
    bench_store(root + 8 * table_index(vaddr(LOOPS_VA), 4), pdpt | bits);
    bench_store(root + 8 * table_index(vaddr(LOOPS_1G_VA), 4), pdpt_1g | bits);
}

/** Where page @i of a window is accessed: another line of each page. */
static inline uint64_t loop_address(enum loop loop, uint64_t i) {
    switch (loop) {
    case COLD_2M:
        return LOOPS_VA + GIB + i * (2 * MIB + 64);
    case COLD_1G:
        return LOOPS_1G_VA + LOOPS_2M + i * (GIB + 64);
    default:
        return LOOPS_VA + i * PAGE_SIZE + i % 64 * 64;
    }
}

/** Nothing remembered, then every page of the window once. */
static inline uint64_t run_cold(enum loop loop) {
    uint64_t sum = 0;

    bench_reload();
    for (uint64_t i = 0; i < LOOPS_PAGES; i++) {
        sum += bench_load(loop_address(loop, i));
    }
    return sum;
}

static inline uint64_t run_hits(void) {
    uint64_t sum = 0;

    for (uint64_t pass = 0; pass < LOOPS_HITS / LOOPS_HIT_PAGES; pass++) {
        for (uint64_t i = 0; i < LOOPS_HIT_PAGES; i++) {
            sum += bench_load(LOOPS_VA + i * (PAGE_SIZE + 64));
        }
    }
    return sum;
}

static inline uint64_t run_reloads(void) {
    uint64_t sum = 0;

    for (uint64_t i = 0; i < LOOPS_RELOADS; i++) {
        bench_reload();
        sum += bench_load(loop_address(COLD_4K, i));
    }
    return sum;
}

/** One round of @loop.  @return a sum over what was loaded */
static inline uint64_t run_loop(enum loop loop) {
    switch (loop) {
    case HIT:
        return run_hits();
    case RELOAD:
        return run_reloads();
    default:
        return run_cold(loop);
    }
}

static inline unsigned loop_accesses(enum loop loop) {
    return loop == HIT      ? LOOPS_HITS
           : loop == RELOAD ? LOOPS_RELOADS
                            : LOOPS_PAGES;
}

/** The fastest round of @loop: hundredths of a cycle per access. */
static inline uint64_t loop_best(enum loop loop, uint64_t *sum) {
    uint64_t best = ~UINT64_C(0);

    for (unsigned n = 0; n < LOOPS_ROUNDS; n++) {
        const uint64_t start = loop_clock();
        uint64_t took;

        *sum += run_loop(loop);
        took = loop_clock() - start;
        best = took < best ? took : best;
    }
    return 100 * best / loop_accesses(loop);
}

#endif
