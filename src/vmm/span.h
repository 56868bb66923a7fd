/**
 * @file span.h
 * Inside the vmm: ranges of addresses by their first and last byte, since an
 * end may be 2^64.
 */
#ifndef VMM_SPAN_H
#define VMM_SPAN_H

#include "vmm/table.h"

struct span {
    uint64_t first, last; /* bytes */
};

/** The bytes of @range, which is not empty; cut at 2^64. */
static inline struct span span_of(struct vrange range) {
    struct span span = { range.base.v, UINT64_MAX };

    if (range.len - 1 < UINT64_MAX - range.base.v) {
        span.last = range.base.v + (range.len - 1);
    }
    return span;
}

/** What entry @index of a table at @level translates, when the table's first
 *  entry translates @base. */
static inline struct span span_of_entry(uint64_t base, unsigned level,
                                        unsigned index) {
    const vaddr_t first =
        vaddr_sign_extend(vaddr(base + index * level_size(level)));

    return (struct span){ first.v, first.v + (level_size(level) - 1) };
}

static inline bool spans_meet(struct span a, struct span b) {
    return a.first <= b.last && b.first <= a.last;
}

#endif
