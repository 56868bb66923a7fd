/**
 * @file case.h
 * A conformance case: a program of a few steps for any machine with x86-64
 * paging.  The same object makes and runs it everywhere; what a machine does is
 * written down in a few words, and the words of two machines are compared.
 *
 *   physical
 *      16 MiB  [ target 0: 2 MiB ][ target 1: 2 MiB ]
 *      20 MiB  [PML4][PDPT][PD][PT] [PDPT'][PD'][PT'][ ...zero ][ target 4 ]
 *      64 MiB  [ what the guest writes down ...
 *   1040 MiB  [ target 2: 2 MiB ][ target 3: 2 MiB ]
 *
 * Every word of the targets is marked with its own address, in the form of an
 * instructions: `mov $address, %eax; jmp *%rsi`.  So a load, a store and a
 * fetch all tell where they arrived, and a fetch needs no stack to come back.
 */
#ifndef CONFORMANCE_CASE_H
#define CONFORMANCE_CASE_H

#include "hw/paging.h"

#define CONF_RAM (2 * GIB)

#define CONF_TARGETS 5u
struct conf_target {
    uint64_t start, size;
};
extern const struct conf_target conf_targets[CONF_TARGETS];

enum conf_table {
    CONF_PML4,
    CONF_PDPT,
    CONF_PD,
    CONF_PT,
    CONF_PDPT2,
    CONF_PD2,
    CONF_PT2,
    CONF_TABLE_COUNT
};
#define CONF_TABLES (20 * MIB)
#define CONF_TABLE_FRAMES 16u /* zero but for what a case puts there */
static inline uint64_t conf_table_at(unsigned table) {
    return CONF_TABLES + table * PAGE_SIZE;
}

/** The level (4..1) of the entries of @table. */
static inline unsigned conf_level(unsigned table) {
    return table < CONF_PDPT2 ? PAGING_LEVELS - table
                              : PAGING_LEVELS - 1 - (table - CONF_PDPT2);
}

#define CONF_RECORDS (64 * MIB)
#define CONF_RECORDS_END GIB

/** The word that marks @pa, and the word that stores leave. */
static inline uint64_t conf_mark(uint64_t pa) {
    return 0xb8 | (pa & 0xffffffff) << 8 | UINT64_C(0xe6ff) << 40;
}
#define CONF_STORED UINT64_C(0x12345678)

/** The control state of a step, as bits; bits 63:32 are PKRU. */
enum conf_control {
    CONF_WP = 1 << 0,
    CONF_NXE = 1 << 1,
    CONF_USER = 1 << 2, /* accesses are made at CPL 3 */
    CONF_SMEP = 1 << 3,
    CONF_SMAP = 1 << 4,
    CONF_AC = 1 << 5,
    CONF_PKE = 1 << 6,
    CONF_CONTROL_BITS = 7
};
#define CONF_CONTROL_START (CONF_WP | CONF_NXE)

enum conf_access {
    CONF_READ,
    CONF_WRITE,
    CONF_FETCH,
    CONF_RMW,         /* XCHG */
    CONF_STACK_READ,  /* rbp-based */
    CONF_STACK_WRITE, /* rbp-based */
    CONF_ACCESS_COUNT
};

enum conf_op {
    CONF_END,
    CONF_POKE,    /* store an entry: table, index, value */
    CONF_CONTROL, /* value: OR of enum conf_control */
    CONF_TOUCH,   /* 8 bytes at address value, by access */
    CONF_INVLPG,  /* value: address */
    CONF_RELOAD,  /* MOV to CR3, the same root */
    CONF_TOGGLE   /* CR4.PGE off and on */
};

struct conf_step {
    uint8_t op, access, table;
    uint16_t index;
    uint64_t value;
};

#define CONF_STEPS_MAX 20
#define CONF_TOUCHES_MAX 4
#define CONF_SLOTS_MAX 8

struct conf_case {
    unsigned count;
    struct conf_step steps[CONF_STEPS_MAX];
};

/** What cases may rely on: the same on all machines that are compared. */
struct conf_features {
    unsigned phys_bits;
    bool huge_1gib;
    uint64_t controls; /* which of enum conf_control both have */
};

enum conf_family {
    CONF_RIGHTS,    /* R/W, U/S, XD of each level, all controls and accesses */
    CONF_PRESENT,   /* each level: good, absent, reserved bit set, no rights */
    CONF_BITS,      /* one or two bits turned, anywhere */
    CONF_KEYS,      /* protection keys */
    CONF_RANDOM,    /* all 64 bits of each entry, tables that alias */
    CONF_STRADDLE,  /* accesses over two pages, both random */
    CONF_CANONICAL, /* addresses in and around the hole */
    CONF_WINDOW,    /* the tables seen through themselves */
    CONF_TLB,       /* map, touch, change, flush or not, touch again */
    CONF_FAMILY_COUNT
};

extern const char *const conf_family_names[CONF_FAMILY_COUNT];

/** Are its cases counted through (else drawn)? */
bool conf_is_counted(enum conf_family family);
/** How many cases @family has; 0: as many as wanted. */
uint64_t conf_total(const struct conf_features *features,
                    enum conf_family family);

/** Case @n of @seed.  A family with a total has each case once in 0..total-1
 *  when @sample is false; else any of them, at random. */
void conf_generate(const struct conf_features *features,
                   enum conf_family family, bool sample, uint64_t seed,
                   uint64_t n, struct conf_case *out);

/* --- running ---------------------------------------------------------------
 */

enum conf_cr2 {
    CONF_CR2_UNTOUCHED,
    CONF_CR2_IS_ADDRESS,
    CONF_CR2_IS_NEXT_PAGE,
    CONF_CR2_OTHER
};
#define CONF_CR2_BEFORE UINT64_C(0x5a5a5a5a5a5a)

struct conf_fault {
    unsigned vector;
    uint64_t error, cr2;
};

/** A machine to run cases on. */
struct conf_machine {
    uint64_t (*load)(struct conf_machine *m, uint64_t pa);
    void (*store)(struct conf_machine *m, uint64_t pa, uint64_t value);
    void (*control)(struct conf_machine *m, uint64_t control);
    void (*invlpg)(struct conf_machine *m, uint64_t va);
    void (*reload)(struct conf_machine *m);
    void (*toggle)(struct conf_machine *m); /* drops every translation */
    /** @value  in: to be stored; out: as loaded, or the fetched mark's
     *  @return false: @fault says why */
    bool (*touch)(struct conf_machine *m, enum conf_access access, uint64_t va,
                  uint64_t *value, struct conf_fault *fault);
};

/**
 * What happened, one word per touch and one for the entries:
 *
 *   touch    63:32 where it arrived | 31:24 enum conf_cr2 | 23:8 error code
 *            | 7:0 vector, 0: none
 *   entries  one byte per entry that the case stored, in order: bit 0 A, bit 1
 *            D, bit 7 another bit changed, then bits 6:2 a hash of them
 */
struct conf_record {
    unsigned touches;
    uint64_t words[CONF_TOUCHES_MAX + 1];
};

/** Mark targets, clear tables; the root keeps what else is in it. */
void conf_prepare(struct conf_machine *m);

/** @flush_before  bit i: drop every translation before touch i */
void conf_run(struct conf_machine *m, const struct conf_case *c,
              unsigned flush_before, struct conf_record *record);

unsigned conf_touches(const struct conf_case *c);
/** The entries that @c stores, in the order of the record's last word. */
unsigned conf_slots(const struct conf_case *c,
                    struct conf_step slots[CONF_SLOTS_MAX]);

#endif
