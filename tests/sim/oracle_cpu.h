/**
 * @file oracle_cpu.h
 * A second opinion on the whole processor: an unordered list of what is
 * remembered, and the manual's sentences on what ends it, one at a time.
 *
 * It works on a RAM of its own, which its user keeps equal by making every
 * store twice; so A and D can be compared as well.
 */
#ifndef TESTS_SIM_ORACLE_CPU_H
#define TESTS_SIM_ORACLE_CPU_H

#include "sim/cpu.h"
#include "sim/oracle.h"

/** One translation, or one upper entry. */
struct held {
    bool upper;
    uint64_t first, size; /* bytes of address space */
    uint64_t to;          /* first byte shown, or the table */
    unsigned level;       /* of the entry that gave it */
    unsigned pcid;
    bool global, dirty, writable, user, no_execute;
    unsigned key;
};

#define HELD_MAX 4096

struct oracle_cpu {
    struct sim_ram *ram;
    const struct sim_cpu *real; /* its control registers are ours */

    bool remembers; /* translations */
    bool uppers;    /* upper entries too */
    bool insists;   /* a remembered denial is a fault */

    struct held held[HELD_MAX];
    unsigned count;
};

struct oracle_result {
    unsigned vector; /* 0: none */
    uint32_t error;
    uint64_t address;  /* vector 14: CR2 */
    uint64_t pa[2];    /* of the first byte in each page */
    unsigned bytes[2]; /* in each page; bytes[1] may be 0 */
};

/** Would an access of @bytes at @va be made, and where?  Does what it does to
 *  A and D in its RAM, and to what is remembered. */
struct oracle_result oracle_access(struct oracle_cpu *o, uint64_t va,
                                   unsigned bytes, enum sim_access access);

/** Is that the result of a byte's access by a processor that may have forgotten
 *  anything?  Then what is held is all that it may have kept: oracle_filled()
 *  adds, without dropping what the new translation overlaps.
 *  @error 0: the access was made, to @pa */
bool oracle_allows(struct oracle_cpu *o, uint64_t va, enum sim_access access,
                   uint64_t pa, uint32_t error);
/** The real one has walked for that access and remembers the result. */
void oracle_filled(struct oracle_cpu *o, uint64_t va, enum sim_access access);
void oracle_faulted(struct oracle_cpu *o, uint64_t va);

/* To be told after the real one did it. */
void oracle_invlpg(struct oracle_cpu *o, uint64_t va);
void oracle_invpcid(struct oracle_cpu *o, unsigned type, unsigned pcid,
                    uint64_t va);
void oracle_cr3_loaded(struct oracle_cpu *o, bool noflush);
void oracle_cr4_changed(struct oracle_cpu *o, uint64_t from);

#endif
