/**
 * @file token.h
 * Debts: what a processor may still believe, in 16 bytes.
 *
 *         63              28 27           3  2  1 0
 *   where [ page, signed     | pages        | G | level ]
 *         63              16 15           0
 *   owed  [ struct vmm_space * | number     ]           0: nothing is owed
 *
 * Two words travel in two registers, from the call that hands a token out to
 * the one that uses it up.  A pointer to a space is canonical, so its lower 48
 * bits tell all of it; likewise bits 47:12 of a page's address.
 */
#ifndef VMM_TOKEN_H
#define VMM_TOKEN_H

#include "base/addr.h"

struct vmm_space;

/**
 * A stale translation that somebody must get rid of: use it up with
 * vmm_flush() or vmm_flush_skip(), or vmm_is_sound() complains.
 */
struct vmm_token {
    uint64_t owed, where;
};

/** More are counted as so many: everything is forgotten then anyway. */
#define VMM_TOKEN_PAGES_MAX ((UINT64_C(1) << 25) - 1)

static inline bool vmm_token_owes(struct vmm_token token) {
    return token.owed != 0;
}
/** Whose; NULL: nothing is owed. */
static inline struct vmm_space *vmm_token_space(struct vmm_token token) {
    return pointer_of(vaddr((uint64_t)((int64_t)token.owed >> 16)));
}
/** To be used once; the lower 16 bits of its number. */
static inline uint64_t vmm_token_id(struct vmm_token token) {
    return token.owed & 0xffff;
}
/** The first page that may be stale. */
static inline vaddr_t vmm_token_va(struct vmm_token token) {
    return vaddr((uint64_t)((int64_t)token.where >> 28) << PAGE_SHIFT);
}
/** So many of them, of the size of the smallest leaf that may be stale. */
static inline uint64_t vmm_token_pages(struct vmm_token token) {
    return token.where >> 3 & VMM_TOKEN_PAGES_MAX;
}
static inline unsigned vmm_token_level(struct vmm_token token) {
    return token.where & 3;
}
/** May one of them be a global translation? */
static inline bool vmm_token_global(struct vmm_token token) {
    return (token.where & 4) != 0;
}

/** The token number @id of @space: @pages leaves of @level from @va on. */
static inline struct vmm_token vmm_token_make(struct vmm_space *space,
                                              uint64_t id, vaddr_t va,
                                              unsigned level, uint64_t pages,
                                              bool global) {
    const uint64_t counted =
        pages < VMM_TOKEN_PAGES_MAX ? pages : VMM_TOKEN_PAGES_MAX;

    return (struct vmm_token){
        vaddr_of_pointer(space).v << 16 | (id & 0xffff),
        va.v << 16 | counted << 3 | (uint64_t)global << 2 | level,
    };
}

#endif
