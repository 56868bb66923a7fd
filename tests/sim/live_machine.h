/**
 * @file live_machine.h
 * A live machine with a kernel of a few lines: page tables edited by hand
 * through the direct map, a trap hook that each test fills in.
 */
#ifndef SIM_LIVE_MACHINE_H
#define SIM_LIVE_MACHINE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sim/live.h"
#include "sim/mapfile.h"
#include "trap/trap.h"

#define HEAP UINT64_C(0x444444440000)
#define FRAME UINT64_C(0x500000) /* free RAM above the load area */
#define ALL (PTE_PRESENT | PTE_WRITABLE)

static struct sim *sim;
static struct trap_hook hook;
static struct mapfile map;
static uint64_t next_table;

static inline void power_on_several(unsigned cpus, enum tlb_policy policy,
                                    unsigned capacity) {
    struct sim_config config = sim_default_config;
    char why[256] = "";

    ck_assert_msg(mapfile_pc(&map, 32 * MIB, why, sizeof why), "%s", why);
    config.map = map.entries;
    config.map_count = map.count;
    config.tlb_policy = policy;
    config.tlb_capacity = capacity;
    config.cpu_count = cpus;
    ck_assert_msg(sim_create(&sim, &config, why, sizeof why) == SIM_OK, "%s",
                  why);
    memset(&hook, 0, sizeof hook);
    trap_init(&hook, &sim->boot);
    next_table = 0x700000;
}

static inline void power_on_with(enum tlb_policy policy, unsigned capacity) {
    power_on_several(1, policy, capacity);
}

static inline void power_on(void) {
    power_on_with(TLB_LRU, TLB_CAPACITY_DEFAULT);
}

static inline void power_off(void) {
    sim_destroy(sim);
    mapfile_destroy(&map);
}

static inline uint64_t *direct(paddr_t pa) {
    return boot_direct(&sim->boot, pa);
}

/** The entry of @level for @va, tables made on the way. */
static inline uint64_t *entry_of(uint64_t va, unsigned level) {
    paddr_t table = hw_read_cr3();

    for (unsigned l = PAGING_LEVELS; l > level; l--) {
        uint64_t *e = direct(table) + table_index(vaddr(va), l);

        if ((*e & PTE_PRESENT) == 0) {
            memset(direct(paddr(next_table)), 0, PAGE_SIZE);
            *e = next_table | ALL;
            next_table += PAGE_SIZE;
        }
        table = pte_address(pte(*e));
    }
    return direct(table) + table_index(vaddr(va), level);
}

static inline void map_page(uint64_t va, uint64_t pa, uint64_t bits) {
    *entry_of(va, 1) = pa | bits;
}

static inline volatile uint8_t *at(uint64_t va) {
    return (volatile uint8_t *)(uintptr_t)va;
}

__attribute__((noinline, unused)) static unsigned eat_stack(unsigned n) {
    volatile uint8_t frame[512];

    frame[0] = (uint8_t)n;
    return frame[0] + (n == 0 ? 0 : eat_stack(n - 1)) + frame[0];
}

static inline void overflow(void *arg) {
    (void)arg;
    (void)eat_stack(100000);
}

/** Runs @suite and prints TAP; what main() returns. */
static inline int run(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
