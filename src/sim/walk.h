/**
 * @file walk.h
 * The page walk as a pure function: from memory and control registers to a
 * translation, or to an exception with the reason in words.
 *
 * Written apart from src/vmm on purpose: a second opinion on the same tables.
 * Intel SDM vol. 3A, chapter "Paging".
 */
#ifndef SIM_WALK_H
#define SIM_WALK_H

#include "hw/paging.h"
#include "sim/ram.h"

enum sim_access { SIM_READ, SIM_WRITE, SIM_FETCH };

/** The control state that a walk depends on. */
struct walk_control {
    paddr_t root;       /* CR3 bits 51:12 */
    bool write_protect; /* CR0.WP */
    bool no_execute;    /* EFER.NXE */
    bool huge_1gib;     /* CPUID: 1 GiB pages */
    unsigned phys_bits; /* MAXPHYADDR, 36..52 */
};

enum walk_reason {
    WALK_OK,
    WALK_NOT_CANONICAL,
    WALK_NOT_PRESENT,
    WALK_RESERVED, /* a reserved bit is set in the entry */
    WALK_NOT_WRITABLE,
    WALK_NOT_USER,
    WALK_NO_EXECUTE,
};

struct walk_step {
    paddr_t at;        /* where the entry lies */
    pte_t seen, after; /* after: with A (and D) set; equal when unchanged */
};

/** Rights over all levels: AND of R/W, AND of U/S, OR of XD. */
struct walk_rights {
    bool writable, user, no_execute;
};

struct walk_result {
    enum walk_reason reason;
    unsigned level; /* of the leaf, or of the entry that decided (1..4) */

    struct walk_step steps[PAGING_LEVELS]; /* [0] is the PML4E */
    unsigned step_count;

    /* reason == WALK_OK */
    paddr_t pa;          /* of the byte */
    unsigned page_shift; /* 12, 21 or 30 */
    struct walk_rights rights;
    bool global, dirty; /* dirty: D after the access */

    /* else */
    uint8_t vector;         /* 14; 13 when not canonical */
    uint32_t error;         /* PF_ bits; 0 with vector 13 */
    uint64_t reserved_bits; /* WALK_RESERVED: which, in the deciding entry */
};

/** Do @rights permit @access from @user mode, with these controls?
 *  @return WALK_OK or why not */
enum walk_reason walk_permits(const struct walk_control *control,
                              struct walk_rights rights, enum sim_access access,
                              bool user);

/** The error code of the page fault with that reason; 0 for the two reasons
 *  that are none. */
uint32_t walk_error(const struct walk_control *control, enum walk_reason reason,
                    enum sim_access access, bool user);

/** Translate; reads @ram only.  A missing table (in a hole) reads as ones. */
struct walk_result walk(struct sim_ram *ram, const struct walk_control *control,
                        vaddr_t va, enum sim_access access, bool user);

/** Store the A and D bits of a walk that succeeded. */
void walk_commit(struct sim_ram *ram, const struct walk_result *result);

/**
 * The result as a sentence, e.g. "write to 0x444444440008: the PTE (level 1,
 * 0x8000000100003001 at physical 0x5220) is not writable: R/W is 0".
 */
void walk_explain(const struct walk_result *result, vaddr_t va,
                  enum sim_access access, char *text, size_t size);

#endif
