/**
 * @file bytes.h
 * Copying and filling memory that may fault.
 *
 * A page that is filled on demand gets its frame when it is touched first, so
 * the order of touches decides who gets which frame, and the state digest.  The
 * machines have different mem...() functions, and the C library's takes several
 * pages of a large copy in turn, or the last bytes before the middle:
 *
 *     to    |  0  |  1  |  2  |  3  |      memcpy: 0 1 2 3 0 1 2 3 ..., 3 0 1 2
 *
 * So here every piece lies in one page of either side, and the pieces come in
 * ascending order; within one, what is read is touched before what is written.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdint.h>
#include <string.h>

#include "base/addr.h"

/** Of @n bytes at @at, how many lie in its first page. */
static inline size_t bytes_in_page(const void *at, size_t n) {
    size_t left = PAGE_SIZE - ((uintptr_t)at & (PAGE_SIZE - 1));

    return n < left ? n : left;
}

/** memcpy(): the ranges share no byte. */
static inline void bytes_copy(void *to, const void *from, size_t n) {
    uint8_t *out = to;
    const uint8_t *in = from;

    while (n > 0) {
        size_t piece = bytes_in_page(out, bytes_in_page(in, n));

        memcpy(out, in, piece);
        out += piece;
        in += piece;
        n -= piece;
    }
}

/** The same for ranges that lie in one page each. */
static inline void bytes_copy_in_page(void *to, const void *from, size_t n) {
    memcpy(to, from, n);
}

/** memset() */
static inline void bytes_fill(void *at, uint8_t byte, size_t n) {
    uint8_t *out = at;

    while (n > 0) {
        size_t piece = bytes_in_page(out, n);

        memset(out, byte, piece);
        out += piece;
        n -= piece;
    }
}

#endif
