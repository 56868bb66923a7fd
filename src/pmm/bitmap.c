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
#include <string.h>

#include "pmm/inside.h"

static uint64_t word_of(pfn_t f) {
    return f.v / WORD_BITS;
}

static uint64_t bits_of_run(struct pmm_run run, uint64_t word) {
    return bits_of_word(word, run.first.v, run.count);
}

static uint64_t bitmap_metadata_size(const struct pmm *pmm) {
    return words_for(pmm->frames) * sizeof(uint64_t);
}

static void bitmap_init(struct pmm *pmm) {
    uint64_t *words = pmm_metadata(pmm);

    pmm->bitmap.words = words;
    pmm->bitmap.word_count = words_for(pmm->frames);
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

static bool bitmap_alloc(struct pmm *pmm, pfn_t *f) {
    uint64_t w = pmm->bitmap.hint;

    if (pmm_free_count(pmm) == 0) {
        return false; /* without a look at every word */
    }
    for (uint64_t i = 0; i < pmm->bitmap.word_count; i++) {
        const uint64_t free_bits = ~pmm->bitmap.words[w];

        if (free_bits != 0) {
            *f = pfn(w * WORD_BITS + (uint64_t)__builtin_ctzll(free_bits));
            bit_set(pmm->bitmap.words, f->v);
            pmm->bitmap.hint = w;
            return true;
        }
        w = w + 1 < pmm->bitmap.word_count ? w + 1 : 0;
    }
    return false;
}

static enum mm_status bitmap_free_frame(struct pmm *pmm, pfn_t f, size_t run) {
    (void)run;
    if (!bit_is_set(pmm->bitmap.words, f.v)) {
        return MM_NOT_ALLOCATED;
    }
    if (pmm_free_count(pmm) == 0) {
        pmm->bitmap.hint = word_of(f); /* nothing else can be found */
    }
    bit_clear(pmm->bitmap.words, f.v);
    return MM_OK;
}

static bool bitmap_is_used(const struct pmm *pmm, pfn_t f) {
    return bit_is_set(pmm->bitmap.words, f.v);
}

static bool bitmap_take(struct pmm *pmm, pfn_t first, uint64_t count) {
    for (uint64_t n = 0; n < count; n++) {
        bit_set(pmm->bitmap.words, first.v + n);
    }
    return true;
}

/** As many clear bits as frames are free, and every one inside a run. */
static bool bitmap_is_sound(const struct pmm *pmm) {
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
    .reuses = true,
    .metadata_size = bitmap_metadata_size,
    .init = bitmap_init,
    .alloc = bitmap_alloc,
    .free = bitmap_free_frame,
    .is_used = bitmap_is_used,
    .take = bitmap_take,
    .is_sound = bitmap_is_sound,
};
