/**
 * @file walk_inside.h
 * Which bits are reserved, and what rights permit: what the two ways to walk
 * share (walk.c, walk_plain.h).  walk.h is for users.
 *
 * Intel SDM vol. 3A, "4-Level Paging and 5-Level Paging", "Access Rights" and
 * "Protection Keys".
 */
#ifndef SIM_WALK_INSIDE_H
#define SIM_WALK_INSIDE_H

#include <string.h>

#include "sim/walk.h"

#define WALK_INLINE static inline __attribute__((always_inline))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HOST_IS_LITTLE_ENDIAN true
#else
#define HOST_IS_LITTLE_ENDIAN false
#endif

/** Bits @low .. @high. */
WALK_INLINE uint64_t bits(unsigned high, unsigned low) {
    return (~UINT64_C(0) >> (63 - high)) & (~UINT64_C(0) << low);
}

/** An entry without any of these bits has no reserved one, and is no large
 *  leaf. */
WALK_INLINE uint64_t suspect_bits(const struct walk_control *control) {
    uint64_t suspect = PTE_HUGE;

    if (control->phys_bits < 52) {
        suspect |= bits(51, control->phys_bits);
    }
    suspect |= control->no_execute ? 0 : PTE_NO_EXECUTE;
    return suspect | (control->amd ? PTE_GLOBAL : 0);
}

/** AD forbids all data, WD writes: those of supervisors only while WP is 1. */
WALK_INLINE bool key_denies(const struct walk_control *control,
                            struct walk_rights rights, enum sim_access access,
                            bool user) {
    uint32_t of_key = control->pkru >> (2 * rights.key);

    if (!control->keys || !rights.user || access == SIM_FETCH) {
        return false;
    }
    return (of_key & 1) != 0 || ((of_key & 2) != 0 && access_writes(access) &&
                                 (user || control->write_protect));
}

/** walk_permits(). */
WALK_INLINE enum walk_reason permits(const struct walk_control *control,
                                     struct walk_rights rights,
                                     enum sim_access access, bool user) {
    bool fetch = access == SIM_FETCH;

    if (user && !rights.user) {
        return WALK_NOT_USER;
    }
    if (!user && rights.user && fetch && control->smep) {
        return WALK_SMEP;
    }
    if (!user && rights.user && !fetch && control->smap && !control->ac) {
        return WALK_SMAP;
    }
    if (key_denies(control, rights, access, user)) {
        return WALK_KEY;
    }
    if (access_writes(access) && !rights.writable &&
        (user || control->write_protect)) {
        return WALK_NOT_WRITABLE;
    }
    if (fetch && rights.no_execute && control->no_execute) {
        return WALK_NO_EXECUTE;
    }
    return WALK_OK;
}

#endif
