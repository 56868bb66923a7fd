/*
 * The families that count through their cases, digit by digit.
 */
#include "conformance/inside.h"

/** Cut a combination of the controls in @which off *@n. */
static uint64_t controls_of(const struct maker *k, uint64_t which,
                            uint64_t *n) {
    uint64_t control = 0;

    for (unsigned b = 0; b < CONF_CONTROL_BITS; b++) {
        const uint64_t bit = UINT64_C(1) << b;

        if ((k->features->controls & which & bit) != 0 && digit(n, 2) != 0) {
            control |= bit;
        }
    }
    return control;
}

static uint64_t combinations(const struct conf_features *f, uint64_t which) {
    uint64_t count = 1;

    for (unsigned b = 0; b < CONF_CONTROL_BITS; b++) {
        count <<= f->controls >> b & which >> b & 1;
    }
    return count;
}

#define PLAIN_CONTROLS (CONF_WP | CONF_NXE | CONF_USER)
#define RIGHTS_CONTROLS (PLAIN_CONTROLS | CONF_SMEP | CONF_SMAP | CONF_AC)
#define KEY_CONTROLS                                                           \
    (CONF_WP | CONF_USER | CONF_SMEP | CONF_SMAP | CONF_AC | CONF_PKE)
#define PLAIN_ACCESSES 4u /* READ, WRITE, FETCH, RMW */
#define PRESENT_ROUNDS 4u

/** Levels of a walk to a leaf of @level. */
static unsigned depth(unsigned level) {
    return PAGING_LEVELS + 1 - level;
}

/* --- rights ----------------------------------------------------------------
 */

uint64_t rights_total(const struct conf_features *f, unsigned leaf) {
    return (UINT64_C(1) << (3 * depth(leaf))) *
           combinations(f, RIGHTS_CONTROLS) * PLAIN_ACCESSES;
}

void make_rights(struct maker *k, unsigned leaf, uint64_t n) {
    const uint64_t va = make_va(k, true);
    const enum conf_access access = (enum conf_access)digit(&n, PLAIN_ACCESSES);

    add_control(k, controls_of(k, RIGHTS_CONTROLS, &n));
    for (unsigned level = PAGING_LEVELS; level >= leaf; level--) {
        uint64_t e = good_entry(k, level, leaf) | (draw(k) & NOISE);

        e |= digit(&n, 2) != 0 ? PTE_WRITABLE : 0;
        e |= digit(&n, 2) != 0 ? PTE_USER : 0;
        e |= digit(&n, 2) != 0 ? PTE_NO_EXECUTE : 0;
        add_poke(k, table_of_level(level), va, e);
    }
    add_touch(k, access, va);
}

/* --- present ---------------------------------------------------------------
 */

uint64_t present_total(const struct conf_features *f, unsigned leaf) {
    return (UINT64_C(1) << (2 * depth(leaf))) *
           combinations(f, PLAIN_CONTROLS) * PLAIN_ACCESSES * PRESENT_ROUNDS;
}

void make_present(struct maker *k, unsigned leaf, uint64_t n) {
    const uint64_t va = make_va(k, true);
    const enum conf_access access = (enum conf_access)digit(&n, PLAIN_ACCESSES);
    const uint64_t control = controls_of(k, PLAIN_CONTROLS, &n);
    const bool nxe = (control & CONF_NXE) != 0;

    (void)digit(&n, PRESENT_ROUNDS);
    add_control(k, control);
    for (unsigned level = PAGING_LEVELS; level >= leaf; level--) {
        uint64_t e = good_entry(k, level, leaf) | (draw(k) & NOISE);

        switch (digit(&n, 4)) {
        case 0:
            e |= ALL_RIGHTS;
            break;
        case 1:
            e = draw(k) & ~PTE_PRESENT;
            break;
        case 2:
            e |= ALL_RIGHTS | reserved_bit(k, level, leaf, nxe);
            break;
        default:
            e |= nxe ? PTE_NO_EXECUTE : 0;
            break;
        }
        add_poke(k, table_of_level(level), va, e);
    }
    add_touch(k, access, va);
}

/* --- bits ------------------------------------------------------------------
 */

/** Bit numbers over all entries of a walk, and one more for "none". */
static unsigned bit_choices(unsigned leaf) {
    return 64 * depth(leaf) + 1;
}

uint64_t bits_total(const struct conf_features *f, unsigned leaf) {
    return (uint64_t)bit_choices(leaf) * bit_choices(leaf) *
           combinations(f, PLAIN_CONTROLS) * PLAIN_ACCESSES;
}

/** May @bit of an entry be turned, without leading out of what is ours? */
static bool is_ours(const struct maker *k, unsigned bit, unsigned level,
                    unsigned leaf) {
    if (bit < 12 || bit >= k->features->phys_bits) {
        return true;
    }
    if (level != leaf) {
        return bit < 16; /* one of CONF_TABLE_FRAMES */
    }
    return bit < level_shift(level) || bit <= 21 || bit == 30;
}

static void turn_bit(const struct maker *k, uint64_t e[], unsigned bit,
                     unsigned leaf) {
    const unsigned level = PAGING_LEVELS - bit / 64;

    if (level >= leaf && is_ours(k, bit % 64, level, leaf)) {
        e[level] ^= UINT64_C(1) << bit % 64;
    }
}

void make_bits(struct maker *k, unsigned leaf, uint64_t n) {
    const uint64_t va = make_va(k, true);
    const enum conf_access access = (enum conf_access)digit(&n, PLAIN_ACCESSES);
    const uint64_t control = controls_of(k, PLAIN_CONTROLS, &n);
    const unsigned one = digit(&n, bit_choices(leaf));
    const unsigned other = digit(&n, bit_choices(leaf));
    uint64_t e[PAGING_LEVELS + 1];

    for (unsigned level = PAGING_LEVELS; level >= leaf; level--) {
        /* in one order from all rights, in the other from none */
        e[level] = good_entry(k, level, leaf) | (one <= other ? ALL_RIGHTS : 0);
    }
    turn_bit(k, e, one, leaf);
    turn_bit(k, e, other, leaf);
    if (leaf == 3 && !pte_has(pte(e[3]), PTE_HUGE)) {
        e[3] &= ~(GIB - PAGE_SIZE); /* a table where one is known to be zero */
    }
    add_control(k, control);
    for (unsigned level = PAGING_LEVELS; level >= leaf; level--) {
        add_poke(k, table_of_level(level), va, e[level]);
    }
    add_touch(k, access, va);
}

/* --- keys ------------------------------------------------------------------
 */

uint64_t keys_total(const struct conf_features *f, unsigned leaf) {
    (void)leaf;
    if ((f->controls & CONF_PKE) == 0) {
        return 0;
    }
    return 16 * 4 * combinations(f, KEY_CONTROLS) * PLAIN_ACCESSES;
}

void make_keys(struct maker *k, unsigned leaf, uint64_t n) {
    const uint64_t va = make_va(k, true);
    const enum conf_access access = (enum conf_access)digit(&n, PLAIN_ACCESSES);
    const uint64_t control = CONF_NXE | controls_of(k, KEY_CONTROLS, &n);
    const uint64_t key = pick(k, 16);
    uint64_t pkru = draw(k) & 0xffffffff;

    pkru &= ~(UINT64_C(3) << (2 * key));
    pkru |= (uint64_t)digit(&n, 4) << (2 * key);
    add_control(k, control | pkru << 32);
    for (unsigned level = PAGING_LEVELS; level >= leaf; level--) {
        uint64_t e = good_entry(k, level, leaf) | (draw(k) & NOISE);

        if (level == leaf || level == leaf + 1) {
            e |= digit(&n, 2) != 0 ? PTE_WRITABLE : 0;
            e |= digit(&n, 2) != 0 ? PTE_USER : 0;
        } else {
            e |= ALL_RIGHTS;
        }
        if (level == leaf) {
            e &= ~(UINT64_C(15) << 59);
            e |= key << 59;
        }
        add_poke(k, table_of_level(level), va, e);
    }
    add_touch(k, access, va);
}
