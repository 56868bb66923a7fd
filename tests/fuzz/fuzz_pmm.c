/*
 * Frames: any sequence of calls, on any strategy, against a plain set.
 *
 *   input   [ options | holes ][ call | numbers ][ call | numbers ] ...
 *
 * The set holds, for each frame, whose run it is in: 0 while it is free, else
 * 1 + the run's first frame.  What is handed out was free and is where it was
 * asked to be, what is refused was not there or not theirs, and a refusal
 * changes no counter.  With books a run comes back as it was handed out.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/one_processor.h"
#include "pmm/pmm.h"

#define FRAMES 4096u /* 16 MiB: eight areas, the first withheld by half */
#define BLOCK 512u

const char fuzz_name[] = "pmm";
const unsigned fuzz_inputs = 400;

static _Alignas(PAGE_SIZE) uint8_t ram[FRAMES * PAGE_SIZE];
static struct pmm pmm;
static uint16_t owner[FRAMES + BLOCK]; /* of frames beyond: never any */
static uint16_t length[FRAMES];        /* of the run that starts there */
static bool in_block[FRAMES + BLOCK];  /* of 2 MiB that one call handed out */
static uint64_t used;

/* --- the set ----------------------------------------------------------------
 */

static void must(bool good, const char *what, uint64_t f) {
    if (!good) {
        fuzz_fail("%s: %s, frame 0x%llx", pmm.class->name, what,
                  (unsigned long long)f);
    }
}

static void note_alloc(uint64_t first, uint64_t count) {
    for (uint64_t f = first; f < first + count; f++) {
        must(pmm_is_managed(&pmm, pfn(f)), "handed out, but not managed", f);
        must(owner[f] == 0, "handed out twice", f);
        owner[f] = (uint16_t)(first + 1);
        in_block[f] = (f & ~(uint64_t)(BLOCK - 1)) >= first &&
                      (f | (BLOCK - 1)) < first + count;
    }
    length[first] = (uint16_t)count;
    used += count;
}

static void note_free(uint64_t first, uint64_t count) {
    memset(&owner[first], 0, count * sizeof(owner[0]));
    memset(&in_block[first], 0, count * sizeof(in_block[0]));
    used -= count;
}

static bool is_free(uint64_t f) {
    const struct pmm_run books = pmm.books.frames;

    return pmm_is_managed(&pmm, pfn(f)) && owner[f] == 0 &&
           f - books.first.v >= books.count;
}

/** Has the set a run like that? */
static bool set_has(const struct pmm_want *want) {
    uint64_t together = 0;

    for (uint64_t f = 0; f < FRAMES; f++) {
        together = is_free(f) ? together + 1 : 0;
        if (together >= want->count &&
            (f + 1 - want->count) % want->align == 0 &&
            (want->below.v == 0 || f < want->below.v)) {
            return true;
        }
    }
    return false;
}

/* --- calls ------------------------------------------------------------------
 */

static void call_alloc(void) {
    pfn_t f = pfn(FRAMES);

    if (pmm_alloc(&pmm, &f) == MM_OK) {
        note_alloc(f.v, 1);
    } else {
        must(f.v == FRAMES, "refused, but written to", f.v);
        must(pmm_free_count(&pmm) == 0 || !pmm.class->reuses,
             "refused, but one is free", 0);
    }
}

static void call_alloc_run(struct fuzz_input *in) {
    struct pmm_want want = {
        .count = 1 + fuzz_take(in, 2) % (2 * BLOCK),
        .align = UINT64_C(1) << fuzz_take(in, 1) % 10,
        .below = pfn(fuzz_take(in, 2) % (2 * FRAMES)),
    };
    pfn_t f;

    if (want.count % 2 != 0) {
        want = pmm_block((unsigned)(want.count / 2 % 10));
    }
    if (want.below.v >= FRAMES) {
        want.below = pfn(0);
    }
    if (pmm_alloc_run(&pmm, want, &f) == MM_OK) {
        must(f.v % want.align == 0, "not aligned", f.v);
        must(want.below.v == 0 || f.v + want.count <= want.below.v,
             "beyond the limit", f.v);
        note_alloc(f.v, want.count);
    } else {
        must(!set_has(&want) || (!pmm.class->reuses && want.count == 1),
             "a run was refused that is there", want.count);
    }
}

static void call_free(uint64_t first, uint64_t count) {
    const struct pmm_stats before = pmm.stats;
    const enum mm_status status = count == 1
                                      ? pmm_free(&pmm, pfn(first))
                                      : pmm_free_run(&pmm, pfn(first), count);
    bool all_used = true, blocks = false;

    for (uint64_t f = first; f < first + count; f++) {
        all_used = all_used && owner[f] != 0;
        blocks = blocks || in_block[f];
    }
    if (status == MM_OK) {
        must(all_used, "a frame came back that nobody had", first);
        must(pmm.books.of == NULL ||
                 (owner[first] == first + 1 && length[first] == count),
             "a part of a run came back", first);
        note_free(first, count);
        return;
    }
    must(memcmp(&before, &pmm.stats, sizeof(before)) == 0,
         "refused, but counted", first);
    must(!all_used || blocks || pmm.books.of != NULL,
         "frames in use were refused", first);
    must(pmm.books.of == NULL || !all_used || owner[first] != first + 1 ||
             length[first] != count,
         "a whole run was refused", first);
}

/** What a call handed out, by the next frame in use from @from. */
static void call_free_whole(uint64_t from) {
    uint64_t f = from;

    while (f < FRAMES && owner[f] == 0) {
        f++;
    }
    if (f < FRAMES && owner[owner[f] - 1] == owner[f]) {
        call_free(owner[f] - 1u, length[owner[f] - 1]);
    }
}

static void check_all(void) {
    for (uint64_t f = 0; f < FRAMES; f++) {
        must(pmm_is_used(&pmm, pfn(f)) == !is_free(f),
             "used by one opinion only", f);
    }
    must(pmm_is_sound(&pmm), "is not sound", 0);
    must(pmm.damage.cases == 0, "damage is seen where none was done", 0);
}

/* --- the machine ------------------------------------------------------------
 */

static bool start(struct fuzz_input *in) {
    static struct memmap_entry map[4];
    static struct hw_boot boot;
    static uint64_t machines; /* so far: RAM keeps what the last one wrote */
    const uint64_t options = fuzz_take(in, 1);
    size_t classes = 0;

    while (pmm_classes[classes] != NULL) {
        classes++;
    }
    map[0] = (struct memmap_entry){ { paddr(0), sizeof(ram) }, MEMMAP_USABLE };
    for (size_t i = 1; i < 4; i++) {
        map[i].range.base = paddr(fuzz_take(in, 2) % FRAMES * PAGE_SIZE);
        map[i].range.len = fuzz_take(in, 1) * PAGE_SIZE;
        map[i].type = MEMMAP_RESERVED;
    }
    boot = (struct hw_boot){
        .map = map,
        .map_count = 1 + options / 64,
        .direct_base = vaddr_of_pointer(ram),
        .phys_bits = 36,
    };
    memset(owner, 0, sizeof(owner));
    memset(in_block, 0, sizeof(in_block));
    used = 0;
    if (pmm_init(&pmm, &boot, pmm_classes[options % 8 % classes]) != MM_OK) {
        return false;
    }
    if ((options & 8) != 0 && pmm_keep_books(&pmm) != MM_OK) {
        return false;
    }
    if ((options & 16) != 0) {
        pmm_poison(&pmm, ++machines);
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct fuzz_input in = { bytes, size };

    if (!start(&in)) {
        return 0;
    }
    while (in.left > 0) {
        const uint64_t call = fuzz_take(&in, 1);

        if (call < 120) {
            call_alloc();
        } else if (call < 136) {
            call_alloc_run(&in);
        } else if (call < 144) {
            const uint64_t f = fuzz_take(&in, 2) % FRAMES;

            call_free(f, 1 + fuzz_take(&in, 1) % BLOCK);
        } else if (call < 200) {
            call_free(fuzz_take(&in, 2) % (FRAMES + 1), 1);
        } else {
            call_free_whole(fuzz_take(&in, 2) % FRAMES);
        }
        must(pmm.stats.allocated == used, "counted wrongly", used);
    }
    check_all();
    return 0;
}
