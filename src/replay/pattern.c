/*
 * The contents of blocks: word w of a block holds seed + w * step.
 *
 *   byte   0               8              16        size
 *          [ seed         ][ seed + step ][ seed + 2|step  (cut)
 *
 * Seeds are well mixed, one per allocation, so bytes of another block, of an
 * earlier life of this one, or of the right block at the wrong offset differ.
 * Words, not bytes: half a million operations run under an emulator too.
 */
#include "replay/replay.h"

#include "base/hash.h"

#include <string.h>

#define WORD sizeof(uint64_t)
#define STEP UINT64_C(0x9e3779b97f4a7c15) /* odd, so no word repeats */

static uint64_t pattern_word(uint64_t seed, uint64_t word) {
    return seed + word * STEP;
}

uint8_t replay_pattern_byte(uint64_t seed, uint64_t offset) {
    uint64_t word = pattern_word(seed, offset / WORD);

    return (uint8_t)(word >> (8 * (offset % WORD)));
}

void replay_fill(void *at, uint64_t size, uint64_t seed, uint64_t from) {
    uint64_t *words = at;
    uint64_t count = size / WORD;
    uint64_t w;

    for (w = from / WORD; w < count; w++) {
        words[w] = pattern_word(seed, w);
    }
    if (size % WORD != 0) {
        uint64_t last = pattern_word(seed, count);

        memcpy(&words[count], &last, size % WORD);
    }
}

/** The first byte from @offset on that differs; one does, or @size. */
static uint64_t first_wrong(const uint8_t *bytes, uint64_t offset,
                            uint64_t size, uint64_t seed) {
    while (offset < size &&
           bytes[offset] == replay_pattern_byte(seed, offset)) {
        offset++;
    }
    return offset;
}

uint64_t replay_check(const void *at, uint64_t size, uint64_t seed) {
    const uint64_t *words = at;
    uint64_t count = size / WORD;
    uint64_t w = 0;

    while (w < count && words[w] == pattern_word(seed, w)) {
        w++;
    }
    return first_wrong(at, w * WORD, size, seed);
}

uint64_t replay_check_zero(const void *at, uint64_t size) {
    const uint64_t *words = at;
    const uint8_t *bytes = at;
    uint64_t offset = 0;

    while (size - offset >= WORD && words[offset / WORD] == 0) {
        offset += WORD;
    }
    while (offset < size && bytes[offset] == 0) {
        offset++;
    }
    return offset;
}
