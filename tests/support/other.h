/**
 * @file other.h
 * A second pmm, on a memory map of the test's own.
 *
 * The machine is the real one; the map that `other` takes over is the test's,
 * and speaks of RAM that is free.  So frames may be anything there.
 *
 *   m's runs   [ used | free .................................... ]
 *   the map            first [ usable ][ module )  [ ACPI ]       first + ROOM
 */
#ifndef SUPPORT_OTHER_H
#define SUPPORT_OTHER_H

#include "base/hash.h"
#include "pmm/pmm.h"

#define ROOM 2048 /* frames from @first on may be given to @other */

extern struct pmm other;
extern struct hw_boot boot; /* to be handed to @other */
extern struct memmap_entry map[700];
extern uint64_t first; /* a multiple of 512 */

/** Checked fixture: starts `m`, finds the room, empties the map. */
void other_setup(void);
/** The frames were only borrowed: all of @m must still be whole. */
void other_teardown(void);

/** The first byte of frame @n. */
#define F(n) ((uint64_t)(n) << PAGE_SHIFT)

static inline struct prange bytes(uint64_t from, uint64_t to) {
    return (struct prange){ paddr(from), to - from };
}

/** Bytes @from up to @to are of @type. */
static inline void add(uint64_t from, uint64_t to, uint32_t type) {
    map[boot.map_count++] = (struct memmap_entry){ bytes(from, to), type };
}

/** @count frames from frame @at are of @type. */
static inline void add_frames(uint64_t at, uint64_t count, uint32_t type) {
    add(F(at), F(at + count), type);
}

/** @count frames are free in @other: each is handed out once, none other is,
 *  and all come back. */
void other_expect_frames(uint64_t count);

/** Chance, the same on every run. */
struct random {
    uint64_t state;
};

static inline uint64_t below(struct random *random, uint64_t limit) {
    return hash_mix(random->state++) % limit;
}

/** For tests in a loop over pmm_classes. */
static inline int strategies(void) {
    int count = 0;

    while (pmm_classes[count] != NULL) {
        count++;
    }
    return count;
}

static inline void reserve(struct prange range) {
    boot.reserved[boot.reserved_count++] = range;
}

#endif
