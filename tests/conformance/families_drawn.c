/*
 * The families that draw their single accesses.
 */
#include "conformance/inside.h"

static uint64_t random_control(struct maker *k) {
    return draw(k);
}

static void add_random_walk(struct maker *k, uint64_t va) {
    for (unsigned level = PAGING_LEVELS; level >= 1; level--) {
        add_poke(k, table_of_level(level), va, random_entry(k, level));
    }
}

void make_random(struct maker *k) {
    const uint64_t va = make_va(k, true);

    add_control(k, random_control(k));
    add_random_walk(k, va);
    add_touch(k, (enum conf_access)pick(k, CONF_ACCESS_COUNT), va);
}

/** Two pages side by side: the entries above are shared. */
void make_straddle(struct maker *k) {
    const uint64_t page = make_va(k, false) & ~(PAGE_SIZE - 1);
    const uint64_t va = page + PAGE_SIZE - 1 - pick(k, 7);
    static const enum conf_access accesses[] = { CONF_READ, CONF_WRITE,
                                                 CONF_STACK_READ,
                                                 CONF_STACK_WRITE };

    add_control(k, random_control(k));
    for (unsigned level = PAGING_LEVELS; level >= 2; level--) {
        uint64_t e = random_entry(k, level);

        if (!once_in(k, 8)) {
            e = good_entry(k, level, 1) | ALL_RIGHTS | (e & NOISE);
        }
        add_poke(k, table_of_level(level), va, e);
    }
    add_poke(k, CONF_PT, page, random_entry(k, 1));
    add_poke(k, CONF_PT, page + PAGE_SIZE, random_entry(k, 1));
    add_touch(k, accesses[pick(k, 4)], va);
}

/** Bits 63:47 are anything. */
void make_canonical(struct maker *k) {
    uint64_t va = make_va(k, true);
    const uint64_t upper = ~UINT64_C(0) << 47;

    add_control(k, random_control(k));
    for (unsigned level = PAGING_LEVELS; level >= 1; level--) {
        add_poke(k, table_of_level(level), va,
                 good_entry(k, level, 1) | ALL_RIGHTS | (draw(k) & NOISE));
    }
    switch (pick(k, 4)) {
    case 0:
        va ^= UINT64_C(1) << (47 + pick(k, 17));
        break;
    case 1:
        va ^= upper << pick(k, 17);
        break;
    case 2:
        va ^= draw(k) & upper;
        break;
    default:
        break;
    }
    add_touch(k, (enum conf_access)pick(k, CONF_ACCESS_COUNT), va);
}

/**
 * A window onto the tables: the PTE shows a table that the walk itself uses,
 * and the address leads to the entry that the walk took there.
 *
 *   PML4E --> PDPTE --> PDE --> PTE --+
 *     ^         ^        ^       ^    |
 *     +---------+--------+-------+----+  one of them
 *
 * The access must find A (and D) already set in what it reads, and what it
 * writes must stay.
 */
void make_window(struct maker *k) {
    const unsigned shown = 1 + pick(k, PAGING_LEVELS);
    uint64_t va = make_va(k, true), e;

    va = (va & ~(PAGE_SIZE - 1)) | 8u * table_index(vaddr(va), shown);
    add_control(k, random_control(k));
    for (unsigned level = PAGING_LEVELS; level >= 2; level--) {
        e = random_entry(k, level);
        if (!once_in(k, 16)) {
            e = good_entry(k, level, 1) | ALL_RIGHTS | (e & NOISE);
        }
        add_poke(k, table_of_level(level), va, e);
    }
    e = draw(k) & (NOISE | ALL_RIGHTS | PTE_PAT_4K | PTE_NO_EXECUTE);
    add_poke(k, CONF_PT, va,
             e | PTE_PRESENT | conf_table_at(table_of_level(shown)));
    add_touch(k, once_in(k, 2) ? CONF_READ : CONF_RMW, va);
    add_touch(k, once_in(k, 2) ? CONF_WRITE : CONF_READ, va);
}
