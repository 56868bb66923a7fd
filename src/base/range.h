/**
 * @file range.h
 * Half-open ranges [base, base + len) of physical and of virtual bytes.
 *
 * A range may end at 2^64 exactly, so its end is never computed: questions are
 * asked as differences from the base.  A range of length 0 holds nothing.
 */
#ifndef BASE_RANGE_H
#define BASE_RANGE_H

#include "base/addr.h"

struct prange {
    paddr_t base;
    uint64_t len; /* bytes */
};

struct vrange {
    vaddr_t base;
    uint64_t len; /* bytes */
};

/** Is the address @v among the @len bytes at @base? */
static inline bool range_holds(uint64_t base, uint64_t len, uint64_t v) {
    return v - base < len && v >= base;
}

/** Do two ranges share a byte?  An empty range shares none. */
static inline bool ranges_overlap(uint64_t a, uint64_t a_len, uint64_t b,
                                  uint64_t b_len) {
    if (a_len == 0 || b_len == 0) {
        return false;
    }
    return range_holds(a, a_len, b) || range_holds(b, b_len, a);
}

static inline bool prange_holds(struct prange r, paddr_t pa) {
    return range_holds(r.base.v, r.len, pa.v);
}
static inline bool vrange_holds(struct vrange r, vaddr_t va) {
    return range_holds(r.base.v, r.len, va.v);
}
static inline bool vranges_overlap(struct vrange a, struct vrange b) {
    return ranges_overlap(a.base.v, a.len, b.base.v, b.len);
}

#endif
