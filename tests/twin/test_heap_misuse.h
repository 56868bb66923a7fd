/**
 * @file test_heap_misuse.h
 * Wrong use of a heap, as a table of cases: test_heap_misuses.c is the table,
 * test_heap_misuse.c carries it out.
 *
 * A case is a few steps, on the block `p` and on `old`, what p was before:
 *
 *   ALLOC(100, 16), WRITE_END(0), FREE      one byte too far, found by the free
 *
 * Each must be reported once, as what it is, with the fragment in its
 * paragraph; then the heap goes on.
 */
#ifndef TWIN_TEST_HEAP_MISUSE_H
#define TWIN_TEST_HEAP_MISUSE_H

#include "heap/debug.h"

enum step_kind {
    DO_NOTHING, /* ends the steps */
    DO_ALLOC,
    DO_ZEROED,
    DO_REALLOC,
    DO_FREE,
    DO_FREE_AS,
    DO_FREE_AT,
    DO_FREE_END,
    DO_FREE_OLD,
    DO_FREE_PLACE,
    DO_REALLOC_AS,
    DO_REALLOC_AT,
    DO_REALLOC_OLD,
    DO_REALLOC_PLACE,
    DO_WRITE,
    DO_WRITE_END,
    DO_WRITE_OLD,
    DO_COPY_BEHIND,
    DO_CHECK,
    DO_DROP,
    DO_LEAKS,
    DO_SCAN
};

struct step {
    enum step_kind kind;
    int64_t a, b;
};

/** Addresses that no block of the heap has. */
enum place {
    PLACE_STACK,
    PLACE_DATA,
    PLACE_CODE,
    PLACE_BELOW,
    PLACE_END,
    PLACE_LIMIT,
    PLACE_FREE,
    PLACE_SMALL,
    PLACE_TOP,
    PLACE_NOT_CANONICAL,
    PLACE_FRAME,
    PLACE_OTHER_HEAP
};

struct misuse {
    const char *name;
    struct step steps[6];
    enum heap_misuse misuse;
    const char *says;
};

extern const struct misuse misuses[];
extern const size_t misuse_count;

#endif
