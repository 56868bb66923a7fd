/**
 * @file quiz_tables.h
 * Page tables for exercises: few, real, and with something wrong in some.
 */
#ifndef MEMTWIN_QUIZ_TABLES_H
#define MEMTWIN_QUIZ_TABLES_H

#include "sim/ram.h"

#include <stdio.h>

#define QUIZ_PAGES 6
#define QUIZ_FRAMES 512

struct quiz_page {
    vaddr_t va;
    unsigned level; /* of its leaf: 1 or 2 */
    bool user;      /* every entry on the way allows users */
    paddr_t entry;  /* where the leaf lies */
    paddr_t pa;     /* what it shows */
};

struct quiz_tables {
    struct sim_ram ram;
    paddr_t root;
    uint64_t state;            /* of the draws */
    uint8_t used[QUIZ_FRAMES]; /* the level of the table there; 0: none */
    struct quiz_page pages[QUIZ_PAGES]; /* the first two are without fault */
};

/** @return false with a sentence in @why: no memory */
bool quiz_tables_make(struct quiz_tables *tables, uint64_t seed, char *why,
                      size_t why_size);
void quiz_tables_destroy(struct quiz_tables *tables);

/** A number below @limit (> 0). */
uint64_t quiz_draw(struct quiz_tables *tables, uint64_t limit);
/** A page-aligned address of the lower half. */
vaddr_t quiz_address(struct quiz_tables *tables);
/** Every table, every entry that is not 0. */
void quiz_tables_print(struct quiz_tables *tables);
/** Tables that @pages pages (up to 2^20) from @va on need. */
unsigned quiz_count_tables(vaddr_t va, uint64_t pages);

#endif
