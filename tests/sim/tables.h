/**
 * @file tables.h
 * Page tables by hand, for the tests of the functional machine.
 */
#ifndef TESTS_SIM_TABLES_H
#define TESTS_SIM_TABLES_H

#include <check.h>

#include "hw/paging.h"
#include "sim/ram.h"

#define ck_assert_hex_eq(seen, expected)                                       \
    do {                                                                       \
        unsigned long long seen_ = (unsigned long long)(seen);                 \
        unsigned long long expected_ = (unsigned long long)(expected);         \
        ck_assert_msg(seen_ == expected_, "%s is 0x%llx, expected 0x%llx",     \
                      #seen, seen_, expected_);                                \
    } while (0)

#define P PTE_PRESENT
#define RW PTE_WRITABLE
#define US PTE_USER
#define A PTE_ACCESSED
#define D PTE_DIRTY
#define PS PTE_HUGE
#define G PTE_GLOBAL
#define NX PTE_NO_EXECUTE

/** A growing set of tables: frames from @next on are taken, zeroed. */
struct tables {
    struct sim_ram *ram;
    uint64_t next;
    paddr_t root;
};

static inline paddr_t tables_take(struct tables *t) {
    paddr_t frame = paddr(t->next);

    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        ram_store64(t->ram, paddr_add(frame, 8 * i), 0);
    }
    t->next += PAGE_SIZE;
    return frame;
}

static inline void tables_start(struct tables *t, struct sim_ram *ram,
                                uint64_t first) {
    t->ram = ram;
    t->next = first;
    t->root = tables_take(t);
}

/** Where the entry of @level for @va lies, with tables made on the way. */
static inline paddr_t tables_slot(struct tables *t, vaddr_t va, unsigned level,
                                  uint64_t upper_bits) {
    paddr_t table = t->root;

    for (unsigned l = PAGING_LEVELS;; l--) {
        paddr_t at = paddr_add(table, 8 * ((va.v >> (12 + 9 * (l - 1))) & 511));
        uint64_t e = ram_load64(t->ram, at);

        if (l == level) {
            return at;
        }
        if ((e & P) == 0) {
            e = tables_take(t).v | upper_bits;
            ram_store64(t->ram, at, e);
        }
        table = paddr(e & UINT64_C(0x000ffffffffff000));
    }
}

/** @va shows @pa by a leaf of @level with @bits; upper levels allow all.
 *  @return where the leaf lies */
static inline paddr_t tables_map(struct tables *t, vaddr_t va, uint64_t pa,
                                 unsigned level, uint64_t bits) {
    paddr_t at = tables_slot(t, va, level, P | RW | US);

    ram_store64(t->ram, at, pa | bits | (level > 1 ? PS : 0));
    return at;
}

/** A machine's RAM: 640 KiB less a bit, a hole, then up to 32 MiB. */
static inline void tables_ram(struct sim_ram *ram) {
    static const struct memmap_entry map[] = {
        { { { 0 }, 0x9fc00 }, MEMMAP_USABLE },
        { { { 0x100000 }, 31 * MIB }, MEMMAP_USABLE },
    };
    char why[200];

    ck_assert_msg(ram_init(ram, map, 2, 1, vaddr(0), why, sizeof why), "%s",
                  why);
}

/** Run every suite of this program; 0 when all is well. */
static inline int tables_run(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif
