/**
 * @file test_heap_arena.h
 * A heap of any class on a machine of its own, away from the machine's heap.
 *
 *   ARENA_BASE - 4 KiB                                + ARENA_LIMIT
 *   [ apron ][ heap: start .. end ][ not asked for ...][ apron ]
 *
 * The aprons and what is not asked for yet belong to a demand region, so a
 * heap that writes there is not stopped, but found out: the page shows a
 * frame afterwards.
 */
#ifndef TWIN_TEST_HEAP_ARENA_H
#define TWIN_TEST_HEAP_ARENA_H

#include "mm/mm.h"
#include "support/asserts.h"

#define ARENA_BASE UINT64_C(0x444500000000)
#define ARENA_LIMIT (16 * MIB)

/** Heap classes in the table; loop tests go 0 .. ARENA_CLASSES - 1. */
#define ARENA_CLASSES 10

struct arena {
    struct mm mm; /* its own heap is idle */
    struct heap heap;
    bool open;
    /* the source */
    uint64_t allowed; /* bytes that it still gives */
    unsigned asked;   /* times it was asked */
    /* the hook */
    unsigned told;         /* times it was told of no memory */
    struct layout told_of; /* the last */
    void *sacrifice;       /* a block that it frees, once; NULL: none */
    struct layout sacrificed;
};

/** The one arena; a checked fixture starts and ends it. */
extern struct arena arena;
void arena_setup(void);
/** Everything must be sound and nothing outside start .. end touched. */
void arena_teardown(void);

/** An empty heap of class number @i that can hand out @initial bytes and may
 *  get @more.  What the class needs for its books comes on top.
 *  @return its class */
const struct heap_class *arena_open(int i, uint64_t initial, uint64_t more);
/** The same, by name. */
void arena_open_named(const char *name, uint64_t initial, uint64_t more);

/** Does the class hand anything out? */
bool arena_serves(void);
/** Does it use freed memory again while other blocks live? */
bool arena_reuses(void);

static inline struct layout layout(size_t size, size_t align) {
    return (struct layout){ size, align };
}

/** Bytes that a block of @size counts for. */
uint64_t arena_held(size_t size, size_t align);

/** Allocate, and fail the test unless that gives an aligned block inside. */
uint8_t *arena_alloc(size_t size, size_t align);
void arena_free(void *p, size_t size, size_t align);

/** The heap is sound and has so many runs, free and in use. */
void arena_expect_runs(unsigned free, unsigned used);

/** Of an empty heap of a page whose blocks have headers of @header bytes: three
 *  blocks that touch, freed in order number @order of ARENA_ORDERS, are one
 * free run again that can be used to its last byte, and no longer blocks. */
#define ARENA_ORDERS 6
void arena_expect_joined(unsigned order, size_t header);

/** The only block, of 256 bytes at @p, is freed and resized as nothing else:
 * not from within it or its header of @header bytes, and by no other size. Then
 * it is freed. */
void arena_expect_one_block(uint8_t *p, size_t header);

/** Everything that a refused request must leave as it is, but for the count of
 *  failures and what the source and the hook were asked. */
uint64_t arena_state(void);

/** Fill and check a block with bytes that follow from @seed. */
void pattern_fill(uint8_t *p, size_t size, uint64_t seed);
void pattern_check(const uint8_t *p, size_t size, uint64_t seed);

#endif
