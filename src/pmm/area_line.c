/*
 * The 512 bits of an area, one cache line; a bit is set while its frame is
 * free.
 */
#include "pmm/areas.h"

/** Bits n of the word such that bits n .. n + 2^order - 1 are set, n a
 *  multiple of 2^order; order <= 6. */
static uint64_t starts(uint64_t word, unsigned order) {
    static const uint64_t multiples[] = {
        UINT64_C(0xffffffffffffffff), UINT64_C(0x5555555555555555),
        UINT64_C(0x1111111111111111), UINT64_C(0x0101010101010101),
        UINT64_C(0x0001000100010001), UINT64_C(0x0000000100000001),
        UINT64_C(0x0000000000000001),
    };

    for (unsigned k = 0; k < order; k++) {
        word &= word >> (1u << k);
    }
    return word & multiples[order];
}

unsigned line_take(uint64_t *line, unsigned order) {
    const unsigned in_word = order < 6 ? order : 6;
    const unsigned words = 1u << (order - in_word);

    for (unsigned w = 0; w < AREA_WORDS; w += words) {
        uint64_t found = starts(line[w], in_word);

        for (unsigned i = 1; i < words; i++) {
            found &= starts(line[w + i], in_word);
        }
        if (found != 0) {
            const unsigned bit =
                w * WORD_BITS + (unsigned)__builtin_ctzll(found);

            line_clear(line, bit, 1u << order);
            return bit;
        }
    }
    return AREA_FRAMES;
}

void line_clear(uint64_t *line, unsigned bit, unsigned count) {
    for (unsigned w = bit / WORD_BITS; w * WORD_BITS < bit + count; w++) {
        line[w] &= ~bits_of_word(w, bit, count);
    }
}

void line_set(uint64_t *line, unsigned bit, unsigned count) {
    for (unsigned w = bit / WORD_BITS; w * WORD_BITS < bit + count; w++) {
        line[w] |= bits_of_word(w, bit, count);
    }
}

unsigned line_count(const uint64_t *line, unsigned bit, unsigned count) {
    uint64_t set = 0;

    for (unsigned w = bit / WORD_BITS; w * WORD_BITS < bit + count; w++) {
        set += popcount(line[w] & bits_of_word(w, bit, count));
    }
    return (unsigned)set;
}
