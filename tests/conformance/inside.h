/**
 * @file inside.h
 * What the generators of cases share.
 */
#ifndef CONFORMANCE_INSIDE_H
#define CONFORMANCE_INSIDE_H

#include "base/hash.h"
#include "conformance/case.h"

/** A case in the making. */
struct maker {
    const struct conf_features *features;
    struct conf_case *c;
    uint64_t random; /* state */
};

/** The next 64 random bits. */
static inline uint64_t draw(struct maker *k) {
    return hash_mix(k->random++);
}
/** 0 .. @count - 1 */
static inline unsigned pick(struct maker *k, unsigned count) {
    return (unsigned)((draw(k) >> 32) * count >> 32);
}
/** True once in @times. */
static inline bool once_in(struct maker *k, unsigned times) {
    return pick(k, times) == 0;
}

/** Cut the lowest digit of base @base off *@n. */
static inline unsigned digit(uint64_t *n, unsigned base) {
    unsigned d = (unsigned)(*n % base);

    *n /= base;
    return d;
}

#define ALL_RIGHTS (PTE_PRESENT | PTE_WRITABLE | PTE_USER)

/** Bits that mean nothing to a walk's verdict: PWT, PCD, A, D, G, software's,
 *  and the key, which needs CR4.PKE. */
#define NOISE                                                                  \
    (PTE_WRITE_THROUGH | PTE_CACHE_DISABLE | PTE_ACCESSED | PTE_DIRTY |        \
     PTE_GLOBAL | UINT64_C(7) << 9 | UINT64_C(0x7ff) << 52)

static inline void add_step(struct maker *k, enum conf_op op, uint64_t value) {
    k->c->steps[k->c->count++] =
        (struct conf_step){ .op = (uint8_t)op, .value = value };
}
static inline void add_touch(struct maker *k, enum conf_access access,
                             uint64_t va) {
    k->c->steps[k->c->count++] = (struct conf_step){ .op = CONF_TOUCH,
                                                     .access = (uint8_t)access,
                                                     .value = va };
}
/** Store @e into the entry of @table for @va. */
void add_poke(struct maker *k, enum conf_table table, uint64_t va, uint64_t e);
/** The controls of @control that both machines have, and @control's PKRU. */
void add_control(struct maker *k, uint64_t control);

/** The table of @level that the others lead to. */
static inline enum conf_table table_of_level(unsigned level) {
    return (enum conf_table)(PAGING_LEVELS - level);
}

/** An address for cases: in a window of the live machine, or any @anywhere. */
uint64_t make_va(struct maker *k, bool anywhere);
/** The address bits of a leaf of @level that shows a target. */
uint64_t leaf_address(struct maker *k, unsigned level);
/** A good entry without rights: the next table's address, or a leaf at
 *  @leaf_level; P and PS set. */
uint64_t good_entry(struct maker *k, unsigned level, unsigned leaf_level);
/** Bits that must be zero in an entry: one of them, or 0 when there is none. */
uint64_t reserved_bit(struct maker *k, unsigned level, unsigned leaf_level,
                      bool no_execute);
/** 64 random bits that lead to a target or a table when followed. */
uint64_t random_entry(struct maker *k, unsigned level);

/* families_counted.c: case @n of 0 .. total - 1, with a leaf of level @leaf */
uint64_t rights_total(const struct conf_features *f, unsigned leaf);
void make_rights(struct maker *k, unsigned leaf, uint64_t n);
uint64_t present_total(const struct conf_features *f, unsigned leaf);
void make_present(struct maker *k, unsigned leaf, uint64_t n);
uint64_t bits_total(const struct conf_features *f, unsigned leaf);
void make_bits(struct maker *k, unsigned leaf, uint64_t n);
uint64_t keys_total(const struct conf_features *f, unsigned leaf);
void make_keys(struct maker *k, unsigned leaf, uint64_t n);

/* families_drawn.c */
void make_random(struct maker *k);
void make_straddle(struct maker *k);
void make_canonical(struct maker *k);
void make_window(struct maker *k);

/* families_tlb.c */
void make_tlb(struct maker *k);

#endif
