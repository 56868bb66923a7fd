/*
 * The families of single accesses: exhaustive ones count through their cases
 * digit by digit, random ones draw them.
 */
#include "conformance/inside.h"

const char *const conf_family_names[CONF_FAMILY_COUNT] = {
    [CONF_RIGHTS] = "rights",       [CONF_PRESENT] = "present",
    [CONF_BITS] = "bits",           [CONF_KEYS] = "keys",
    [CONF_RANDOM] = "random",       [CONF_STRADDLE] = "straddle",
    [CONF_CANONICAL] = "canonical", [CONF_TLB] = "tlb",
};

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

static uint64_t rights_total(const struct conf_features *f, unsigned leaf) {
    return (UINT64_C(1) << (3 * depth(leaf))) *
           combinations(f, RIGHTS_CONTROLS) * PLAIN_ACCESSES;
}

static void make_rights(struct maker *k, unsigned leaf, uint64_t n) {
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

static uint64_t present_total(const struct conf_features *f, unsigned leaf) {
    return (UINT64_C(1) << (2 * depth(leaf))) *
           combinations(f, PLAIN_CONTROLS) * PLAIN_ACCESSES * PRESENT_ROUNDS;
}

static void make_present(struct maker *k, unsigned leaf, uint64_t n) {
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

static uint64_t bits_total(const struct conf_features *f, unsigned leaf) {
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

static void make_bits(struct maker *k, unsigned leaf, uint64_t n) {
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

static uint64_t keys_total(const struct conf_features *f, unsigned leaf) {
    (void)leaf;
    if ((f->controls & CONF_PKE) == 0) {
        return 0;
    }
    return 16 * 4 * combinations(f, KEY_CONTROLS) * PLAIN_ACCESSES;
}

static void make_keys(struct maker *k, unsigned leaf, uint64_t n) {
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

/* --- random ----------------------------------------------------------------
 */

static uint64_t random_control(struct maker *k) {
    return draw(k);
}

static void add_random_walk(struct maker *k, uint64_t va) {
    for (unsigned level = PAGING_LEVELS; level >= 1; level--) {
        add_poke(k, table_of_level(level), va, random_entry(k, level));
    }
}

static void make_random(struct maker *k) {
    const uint64_t va = make_va(k, true);

    add_control(k, random_control(k));
    add_random_walk(k, va);
    add_touch(k, (enum conf_access)pick(k, CONF_ACCESS_COUNT), va);
}

/** Two pages side by side: the entries above are shared. */
static void make_straddle(struct maker *k) {
    const uint64_t page = make_va(k, false) & ~(PAGE_SIZE - 1);
    const uint64_t va = page + PAGE_SIZE - 1 - pick(k, 7);
    static const enum conf_access accesses[] = { CONF_READ, CONF_WRITE,
                                                 CONF_STACK_READ,
                                                 CONF_STACK_WRITE };

    add_control(k, random_control(k));
    for (unsigned level = PAGING_LEVELS; level >= 2; level--) {
        uint64_t e = random_entry(k, level);

        if (!once_in(k, 8)) {
            e = good_entry(k, level, 1) | ALL_RIGHTS | (e & NOISE);
        }
        add_poke(k, table_of_level(level), va, e);
    }
    add_poke(k, CONF_PT, page, random_entry(k, 1));
    add_poke(k, CONF_PT, page + PAGE_SIZE, random_entry(k, 1));
    add_touch(k, accesses[pick(k, 4)], va);
}

/** Bits 63:47 are anything. */
static void make_canonical(struct maker *k) {
    uint64_t va = make_va(k, true);
    const uint64_t upper = ~UINT64_C(0) << 47;

    add_control(k, random_control(k));
    for (unsigned level = PAGING_LEVELS; level >= 1; level--) {
        add_poke(k, table_of_level(level), va,
                 good_entry(k, level, 1) | ALL_RIGHTS | (draw(k) & NOISE));
    }
    switch (pick(k, 4)) {
    case 0:
        va ^= UINT64_C(1) << (47 + pick(k, 17));
        break;
    case 1:
        va ^= upper << pick(k, 17);
        break;
    case 2:
        va ^= draw(k) & upper;
        break;
    default:
        break;
    }
    add_touch(k, (enum conf_access)pick(k, CONF_ACCESS_COUNT), va);
}

/* --- all of them -----------------------------------------------------------
 */

/** The families that are counted through, once per size of the leaf. */
static const struct {
    uint64_t (*total)(const struct conf_features *f, unsigned leaf);
    void (*make)(struct maker *k, unsigned leaf, uint64_t n);
} counted[CONF_FAMILY_COUNT] = {
    [CONF_RIGHTS] = { rights_total, make_rights },
    [CONF_PRESENT] = { present_total, make_present },
    [CONF_BITS] = { bits_total, make_bits },
    [CONF_KEYS] = { keys_total, make_keys },
};

static void (*const drawn[CONF_FAMILY_COUNT])(struct maker *k) = {
    [CONF_RANDOM] = make_random,
    [CONF_STRADDLE] = make_straddle,
    [CONF_CANONICAL] = make_canonical,
    [CONF_TLB] = make_tlb,
};

bool conf_is_counted(enum conf_family family) {
    return counted[family].total != NULL;
}

uint64_t conf_total(const struct conf_features *features,
                    enum conf_family family) {
    uint64_t total = 0;

    for (unsigned leaf = 1; conf_is_counted(family) && leaf <= 3; leaf++) {
        total += counted[family].total(features, leaf);
    }
    return total;
}

void conf_generate(const struct conf_features *features,
                   enum conf_family family, bool sample, uint64_t seed,
                   uint64_t n, struct conf_case *out) {
    struct maker k = { features, out, 0 };

    k.random = hash_mix(hash_add(hash_add(seed, family), n));
    out->count = 0;
    if (!conf_is_counted(family)) {
        drawn[family](&k);
        return;
    }
    if (sample) {
        n = draw(&k) % conf_total(features, family);
    }
    for (unsigned leaf = 1; leaf <= 3; leaf++) {
        const uint64_t total = counted[family].total(features, leaf);

        if (n < total) {
            counted[family].make(&k, leaf, n);
            return;
        }
        n -= total;
    }
}
