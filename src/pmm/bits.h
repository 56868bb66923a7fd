/**
 * @file bits.h
 * Arrays of 64-bit words as sets of frames, for the strategies; frame numbers
 * rounded up.
 */
#ifndef PMM_BITS_H
#define PMM_BITS_H

#include "base/addr.h"

#define WORD_BITS 64u

/** The set bits of @v.  Written out: without -mpopcnt the builtin is a call
 *  into the compiler's library, which a kernel lacks. */
static inline uint64_t popcount(uint64_t v) {
    v -= (v >> 1) & UINT64_C(0x5555555555555555);
    v = (v & UINT64_C(0x3333333333333333)) +
        ((v >> 2) & UINT64_C(0x3333333333333333));
    v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (v * UINT64_C(0x0101010101010101)) >> 56;
}

/** The first multiple of @align, a power of two, from frame number @f on. Frame
 *  numbers end at 2^52, so it is a number that fits. */
static inline uint64_t next_aligned(uint64_t f, uint64_t align) {
    return (f + (align - 1)) & ~(align - 1);
}

/** Words for @bits bits. */
static inline uint64_t words_for(uint64_t bits) {
    return (bits + WORD_BITS - 1) / WORD_BITS;
}

static inline bool bit_is_set(const uint64_t *words, uint64_t bit) {
    return (words[bit / WORD_BITS] >> (bit % WORD_BITS) & 1) != 0;
}
static inline void bit_set(uint64_t *words, uint64_t bit) {
    words[bit / WORD_BITS] |= UINT64_C(1) << (bit % WORD_BITS);
}
static inline void bit_clear(uint64_t *words, uint64_t bit) {
    words[bit / WORD_BITS] &= ~(UINT64_C(1) << (bit % WORD_BITS));
}

/** The bits of word number @word that lie in [@first, @first + @count), of
 *  which it has at least one. */
static inline uint64_t bits_of_word(uint64_t word, uint64_t first,
                                    uint64_t count) {
    const uint64_t base = word * WORD_BITS;
    const uint64_t to = first + count - base;
    uint64_t bits = ~UINT64_C(0);

    if (first > base) {
        bits <<= first - base;
    }
    if (to < WORD_BITS) {
        bits &= (UINT64_C(1) << to) - 1;
    }
    return bits;
}

#endif
