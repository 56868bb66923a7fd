/*
 * Poison: a free frame holds a pattern of its own, so that who still writes to
 * it is found out when it is handed out again.
 *
 *   word n of frame f = mix(seed, f, n)         from the strategy's scratch on
 *
 * No frame is marked as poisoned; the pattern is its own mark.  As long as a
 * single word of it is there, the frame was poisoned, and words that differ are
 * damage; a word of junk equals it once in 2^64.  So frames that were never
 * handed out need no preparation, and a machine of any size can be poisoned.  A
 * frame of which every word was overwritten passes for such a one.
 */
#include "base/hash.h"
#include "pmm/inside.h"

#define WORDS (PAGE_SIZE / sizeof(uint64_t))

void pmm_poison(struct pmm *pmm, uint64_t seed) {
    pmm->poison = seed;
    pmm->watched = seed != 0 || pmm->books.of != NULL;
}

static uint64_t word_for(const struct pmm *pmm, pfn_t f, size_t n) {
    return hash_mix(hash_add(pmm->poison, f.v) + n);
}

static size_t first_word(const struct pmm *pmm) {
    return (pmm->class->scratch + sizeof(uint64_t) - 1) / sizeof(uint64_t);
}

void pmm_poison_fill(struct pmm *pmm, pfn_t first, uint64_t count) {
    for (uint64_t i = 0; i < count && pmm->poison != 0; i++) {
        const pfn_t f = pfn_add(first, i);
        uint64_t *words = pmm_frame(pmm, f);

        for (size_t n = first_word(pmm); n < WORDS; n++) {
            words[n] = word_for(pmm, f, n);
        }
    }
}

static void check_frame(struct pmm *pmm, pfn_t f) {
    const uint64_t *words = pmm_frame(pmm, f);
    size_t intact = 0, wrong = WORDS;

    for (size_t n = WORDS; n-- > first_word(pmm);) {
        if (words[n] == word_for(pmm, f, n)) {
            intact++;
        } else {
            wrong = n;
        }
    }
    if (intact > 0 && wrong < WORDS) {
        pmm->damage.cases++;
        pmm->damage.frame = f;
        pmm->damage.offset = wrong * sizeof(uint64_t);
        pmm->damage.seen = words[wrong];
        pmm->damage.last = pmm_site_of(pmm, f);
    }
}

void pmm_poison_check(struct pmm *pmm, pfn_t first, uint64_t count) {
    for (uint64_t i = 0; i < count && pmm->poison != 0; i++) {
        check_frame(pmm, pfn_add(first, i));
    }
}
