/**
 * @file walk.h
 * The page walk as a pure function: from memory and control registers to a
 * translation, or to an exception with the reason in words.
 *
 * Written apart from src/vmm on purpose: a second opinion on the same tables.
 * Plain C; callable without a processor (cpu.h), a kernel or a live machine.
 *
 * Units: addresses count bytes; levels are counted from the page table (1) up
 * to the PML4 (4) or PML5 (5); *_shift is log2 of bytes.
 *
 * Intel SDM vol. 3A, chapter "Paging".
 */
#ifndef SIM_WALK_H
#define SIM_WALK_H

#include "hw/paging.h"
#include "sim/ram.h"

/** What an access does.  SIM_RMW reads and writes in one instruction, and is a
 *  write for every rule of paging. */
enum sim_access { SIM_READ, SIM_WRITE, SIM_FETCH, SIM_RMW };

static inline bool access_writes(enum sim_access access) {
    return access == SIM_WRITE || access == SIM_RMW;
}

/** Everything but memory, address, access and mode that a walk depends on.
 *  All that is false or 0 here is off, but for phys_bits, which always counts.
 *
 *  An implicit supervisor access (to a descriptor table, say) is one of no user
 *  with @ac false, whatever EFLAGS.AC is. */
struct walk_control {
    paddr_t root;       /* CR3; its bits 51:12 count */
    bool write_protect; /* CR0.WP */
    bool no_execute;    /* EFER.NXE */
    bool huge_1gib;     /* CPUID: 1 GiB pages */
    unsigned phys_bits; /* MAXPHYADDR, 36..52: bits from there to 51 of an
                           entry are reserved */

    bool five_levels; /* CR4.LA57 */
    bool smep, smap;  /* CR4 */
    bool ac;          /* EFLAGS.AC: lifts SMAP */
    bool keys;        /* CR4.PKE */
    uint32_t pkru;    /* AD of key k: bit 2k; WD: bit 2k + 1 */
    bool amd;         /* bit 8 of a PML5E, PML4E or non-leaf PDPTE is reserved
                         (AMD); else ignored (Intel) */
    bool stack;       /* data goes through SS: not canonical means #SS(0) */
};

#define WALK_LEVELS_MAX 5u
static inline unsigned walk_levels(const struct walk_control *control) {
    return control->five_levels ? 5 : 4;
}

/** In the order in which they are asked. */
enum walk_reason {
    WALK_OK,
    WALK_NOT_CANONICAL,
    WALK_NOT_PRESENT,
    WALK_RESERVED, /* a reserved bit is set in the entry */
    WALK_NOT_USER,
    WALK_SMEP, /* a supervisor fetch from a user page */
    WALK_SMAP, /* supervisor data in a user page */
    WALK_KEY,  /* the protection key of the page */
    WALK_NOT_WRITABLE,
    WALK_NO_EXECUTE,
};

struct walk_step {
    paddr_t at;        /* where the entry lies */
    pte_t seen, after; /* after: with A (and D) set; equal when unchanged */
};

/** Rights over all levels: AND of R/W, AND of U/S, OR of XD; the key of the
 *  leaf (bits 62:59, whether keys are on or not). */
struct walk_rights {
    bool writable, user, no_execute;
    uint8_t key;
};

struct walk_result {
    enum walk_reason reason;
    unsigned level; /* of the leaf, or of the entry that decided (1..5); when
                       a remembered upper entry decided, of that one */

    unsigned step_count;
    unsigned top; /* level of steps[0]; steps[i] is of level top - i */

    /* Of a complete walk (neither WALK_NOT_PRESENT nor WALK_RESERVED). */
    struct walk_rights rights;

    /* reason == WALK_OK */
    paddr_t pa;          /* of the byte */
    unsigned page_shift; /* 12, 21 or 30 */
    bool global, dirty;  /* dirty: D after the access */
    bool sets_flags;     /* A or D is to be set: some `after` is not `seen` */

    /* else */
    uint8_t vector;         /* 14; not canonical: 13, or 12 through SS */
    uint32_t error;         /* PF_ bits; 0 with vectors 12 and 13 */
    uint64_t reserved_bits; /* WALK_RESERVED: which, in the deciding entry */

    struct walk_step steps[WALK_LEVELS_MAX]; /* last: step_count are set */
};

/** Where a walk begins that need not begin at the root: a remembered upper
 *  entry.  Intel SDM vol. 3A, "Paging-Structure Caches". */
struct walk_start {
    paddr_t table;             /* the table to read next ... */
    unsigned level;            /* ... and the level of its entries */
    struct walk_rights rights; /* over the levels above; key means nothing */
};

/** Bits 63:47 are all equal; 63:56 with five levels. */
bool walk_is_canonical(const struct walk_control *control, vaddr_t va);

/** Do @rights permit @access from @user mode, with these controls?
 *  @return WALK_OK or why not */
enum walk_reason walk_permits(const struct walk_control *control,
                              struct walk_rights rights, enum sim_access access,
                              bool user);

/** The error code of the page fault with that reason; 0 for the two reasons
 *  that are none.  @rights  of the complete walk; not asked for
 *  WALK_NOT_PRESENT and WALK_RESERVED */
uint32_t walk_error(const struct walk_control *control, enum walk_reason reason,
                    struct walk_rights rights, enum sim_access access,
                    bool user);

/** Translate; reads @ram only.  A missing table (in a hole) reads as ones.
 *  @user: the access is made at CPL 3. */
struct walk_result walk(struct sim_ram *ram, const struct walk_control *control,
                        vaddr_t va, enum sim_access access, bool user);

/** The same from a remembered upper entry on. */
struct walk_result walk_from(struct sim_ram *ram,
                             const struct walk_control *control,
                             struct walk_start start, vaddr_t va,
                             enum sim_access access, bool user);

/** The same into *@result, steps beyond step_count left as they were. */
void walk_into(struct walk_result *result, struct sim_ram *ram,
               const struct walk_control *control, struct walk_start start,
               vaddr_t va, enum sim_access access, bool user);

/** The same by the rules alone.  The others take a short cut where nothing is
 *  special (walk_plain.h); this is what they are held against. */
void walk_step_by_step(struct walk_result *result, struct sim_ram *ram,
                       const struct walk_control *control,
                       struct walk_start start, vaddr_t va,
                       enum sim_access access, bool user);

/** Do the entries to which @result adds A or D still hold what was read, but
 * for these two bits?  A processor's update is a locked one: where not, it
 * walks again.  "Accessed and Dirty Flags". */
bool walk_holds(struct sim_ram *ram, const struct walk_result *result);
/** Store the A and D bits of a walk that succeeded. */
void walk_commit(struct sim_ram *ram, const struct walk_result *result);

/**
 * The result as a sentence, e.g. "write to 0x444444440008: the PTE (level 1,
 * 0x8000000100003001 at physical 0x5220) is not writable: R/W is 0".
 * @size > 0 bytes of @text; a longer sentence is cut.
 */
void walk_explain(const struct walk_result *result, vaddr_t va,
                  enum sim_access access, char *text, size_t size);

#endif
