/*
 * Frames by a bitmap: one bit each, set while the frame is in use.
 *
 *   frame     0            63 64          127 128      frames-1
 *   words   [ 1111 ... 0010 ][ 1111 ... 1111 ][ 0000 ... 0111 | 1111 tail ]
 *                                              ^ hint
 *
 * The bit of frame f is bit f % 64 of word f / 64.  Everything starts used and
 * only the managed runs are set free, so a hole, a reserved frame or a bit of
 * the tail (beyond the last frame) can't be found by a search.
 *
 * Next fit: a search starts at the word where the last one succeeded and goes
 * once round.  It looks at 64 frames at a time; 16 GiB are 65536 words.  A
 * free frame that is alone far behind the hint costs the whole round, a hint
 * that follows the first free frame after a full memory avoids the worst.
 */
#include "pmm/pmm.h"

#include <string.h>

#define WORD_BITS 64u

/** The set bits of @v.  Written out: without -mpopcnt the builtin is a call
 *  into the compiler's library, which a kernel lacks. */
static uint64_t popcount(uint64_t v) {
    v -= (v >> 1) & UINT64_C(0x5555555555555555);
    v = (v & UINT64_C(0x3333333333333333)) +
        ((v >> 2) & UINT64_C(0x3333333333333333));
    v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (v * UINT64_C(0x0101010101010101)) >> 56;
}

static uint64_t word_of(pfn_t f) {
    return f.v / WORD_BITS;
}
static uint64_t bit_of(pfn_t f) {
    return UINT64_C(1) << (f.v % WORD_BITS);
}

/** The bits of @word (a word number) whose frames belong to @run. */
static uint64_t bits_of_run(struct pmm_run run, uint64_t word) {
    const uint64_t base = word * WORD_BITS;
    const uint64_t to = run.first.v + run.count - base;
    uint64_t bits = ~UINT64_C(0);

    if (run.first.v > base) {
        bits <<= run.first.v - base;
    }
    if (to < WORD_BITS) {
        bits &= (UINT64_C(1) << to) - 1;
    }
    return bits;
}

static uint64_t metadata_size(uint64_t frames) {
    return (frames + WORD_BITS - 1) / WORD_BITS * sizeof(uint64_t);
}

static void init(struct pmm *pmm) {
    uint64_t *words =
        pointer_of(vaddr_add(pmm->direct_base, pmm->metadata.base.v));

    pmm->bitmap.words = words;
    pmm->bitmap.word_count = metadata_size(pmm->frames) / sizeof(*words);
    pmm->bitmap.hint = 0;
    memset(words, 0xff, pmm->bitmap.word_count * sizeof(*words));
    for (size_t i = 0; i < pmm->run_count; i++) {
        const struct pmm_run run = pmm->runs[i];
        const uint64_t last = word_of(pfn(run.first.v + run.count - 1));

        for (uint64_t w = word_of(run.first); w <= last; w++) {
            words[w] &= ~bits_of_run(run, w);
        }
    }
}

static bool alloc(struct pmm *pmm, pfn_t *f) {
    uint64_t w = pmm->bitmap.hint;

    for (uint64_t i = 0; i < pmm->bitmap.word_count; i++) {
        const uint64_t free_bits = ~pmm->bitmap.words[w];

        if (free_bits != 0) {
            *f = pfn(w * WORD_BITS + (uint64_t)__builtin_ctzll(free_bits));
            pmm->bitmap.words[w] |= bit_of(*f);
            pmm->bitmap.hint = w;
            return true;
        }
        w = w + 1 < pmm->bitmap.word_count ? w + 1 : 0;
    }
    return false;
}

static void free_frame(struct pmm *pmm, pfn_t f) {
    if (pmm_free_count(pmm) == 0) {
        pmm->bitmap.hint = word_of(f); /* nothing else can be found */
    }
    pmm->bitmap.words[word_of(f)] &= ~bit_of(f);
}

static bool is_used(const struct pmm *pmm, pfn_t f) {
    return (pmm->bitmap.words[word_of(f)] & bit_of(f)) != 0;
}

/** As many clear bits as frames are free, and every one inside a run. */
static bool is_sound(const struct pmm *pmm) {
    const uint64_t *words = pmm->bitmap.words;
    uint64_t clear = 0, clear_in_runs = 0;

    for (uint64_t w = 0; w < pmm->bitmap.word_count; w++) {
        clear += popcount(~words[w]);
    }
    for (size_t i = 0; i < pmm->run_count; i++) {
        const struct pmm_run run = pmm->runs[i];
        const uint64_t last = word_of(pfn(run.first.v + run.count - 1));

        for (uint64_t w = word_of(run.first); w <= last; w++) {
            clear_in_runs += popcount(~words[w] & bits_of_run(run, w));
        }
    }
    return clear == clear_in_runs && clear == pmm_free_count(pmm) &&
           pmm->bitmap.hint < pmm->bitmap.word_count;
}

const struct pmm_class pmm_bitmap = {
    .name = "bitmap",
    .metadata_size = metadata_size,
    .init = init,
    .alloc = alloc,
    .free = free_frame,
    .is_used = is_used,
    .is_sound = is_sound,
};
