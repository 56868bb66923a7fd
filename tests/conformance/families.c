/*
 * All families in one table.
 */
#include "conformance/inside.h"

const char *const conf_family_names[CONF_FAMILY_COUNT] = {
    [CONF_RIGHTS] = "rights",
    [CONF_PRESENT] = "present",
    [CONF_BITS] = "bits",
    [CONF_KEYS] = "keys",
    [CONF_RANDOM] = "random",
    [CONF_STRADDLE] = "straddle",
    [CONF_CANONICAL] = "canonical",
    [CONF_WINDOW] = "window",
    [CONF_TLB] = "tlb",
};

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
    [CONF_WINDOW] = make_window,
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
