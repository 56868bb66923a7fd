/**
 * @file test_memmap.h
 * Maps and runs by hand, for the tests of memory maps.
 *
 * Edges are given in bytes; F(n) is the first byte of frame n.
 */
#ifndef TWIN_TEST_MEMMAP_H
#define TWIN_TEST_MEMMAP_H

#include <check.h>

#include "pmm/memmap.h"

#define F(n) ((uint64_t)(n) << PAGE_SHIFT)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** One entry from byte @from up to, not including, byte @to. */
static inline struct memmap_entry entry(uint64_t from, uint64_t to,
                                        uint32_t type) {
    return (struct memmap_entry){ { paddr(from), to - from }, type };
}

static inline void expect_same_run(size_t i, struct pmm_run seen,
                                   uint64_t first, uint64_t count) {
    ck_assert_msg(seen.first.v == first && seen.count == count,
                  "run %lu is %lu frames from 0x%lx, expected %lu from 0x%lx",
                  (unsigned long)i, (unsigned long)seen.count,
                  (unsigned long)seen.first.v, (unsigned long)count,
                  (unsigned long)first);
}

/** The cases of test_memmap_holes.c, which belong to the suite as well. */
void memmap_add_holes(Suite *suite);

#endif
