/**
 * @file inject.h
 * Faults to inject: one thing goes wrong, at the Nth occasion for it.
 *
 *   kind                occasion                       what happens
 *   INJECT_FLIP         a walk                         a bit of an entry flips
 *   INJECT_SPURIOUS     a remembered translation       the processor faults at
 *                       denies an access               once, as it may
 *   INJECT_INTERRUPT    interrupts are switched off,   the handler runs before
 *                       or on again                    (or after) it
 *   INJECT_FRAME        the kernel wants frames        none are left
 *   INJECT_BLOCK        the kernel wants a block       the heap has no memory
 *
 * The first two are the processor's, in both machines; the others are the
 * kernel's and need the live machine (sim_inject(), sim_listen() in sim.h).
 * Occasions are counted from cpu_inject() on, so a run that is repeated meets
 * the same ones: inject_sweep() lets every occasion have its turn.
 */
#ifndef SIM_INJECT_H
#define SIM_INJECT_H

#include "hw/paging.h"

enum inject_kind {
    INJECT_NOTHING,
    INJECT_FLIP,
    INJECT_SPURIOUS,
    INJECT_INTERRUPT,
    INJECT_FRAME,
    INJECT_BLOCK,
    INJECT_KINDS
};

struct injection {
    enum inject_kind kind;
    uint64_t nth; /* occasion, from 1 */

    /* INJECT_FLIP */
    unsigned bit;   /* 0 .. 63 */
    unsigned level; /* of the entry that the walk will read, 1 .. 5; a walk that
                       reads none of that level is no occasion.  0: the entry
                       at @at, whatever the walk is for */
    paddr_t at;     /* 8-aligned; level != 0: set to where it was done */

    /* INJECT_INTERRUPT: the handler, called with interrupts off. */
    void (*interrupt)(void *ctx);
    void *ctx;

    uint64_t occasions; /* met so far */
    bool is_done;
};

/** An occasion for @kind: is it the one? */
static inline bool inject_is_due(struct injection *injection,
                                 enum inject_kind kind) {
    if (injection == NULL || injection->kind != kind ||
        ++injection->occasions != injection->nth) {
        return false;
    }
    injection->is_done = true;
    return true;
}

/** "flip", "spurious", "interrupt", "frame", "block". */
const char *inject_name(enum inject_kind kind);

/**
 * Call @once for nth = 1, 2 ... until a call does not reach its occasion.
 * @once starts a machine, hands it the injection, runs, and checks what must
 * hold whatever was injected.
 * @return how many occasions there were
 */
uint64_t inject_sweep(struct injection injection,
                      void (*once)(struct injection *injection, void *ctx),
                      void *ctx);

#endif
