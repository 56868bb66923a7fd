/*
 * Lab 1, the tests behind the curtain: maps that firmware really hands over,
 * edges of words, runs beside holes, and an oracle beside random calls.
 */
#include <string.h>

#include "grade/script.h"

/* --- maps: memmap.c alone ------------------------------------------------ */

#define FIRST 256u /* the frames that entries are about */
#define FRAMES 1000u
#define UNIT 512u /* entries begin and end at multiples of so many bytes */
#define UNITS (FRAMES * (PAGE_SIZE / UNIT))

/** Is every byte of frame FIRST + @f usable, and none claimed otherwise? */
static bool is_usable(const struct memmap_entry *map, unsigned count,
                      unsigned f) {
    for (uint64_t at = (uint64_t)(FIRST + f) << PAGE_SHIFT;
         at < (uint64_t)(FIRST + f + 1) << PAGE_SHIFT; at += UNIT) {
        bool usable = false;

        for (unsigned i = 0; i < count; i++) {
            if (at - map[i].range.base.v < map[i].range.len) {
                if (map[i].type != MEMMAP_USABLE) {
                    return false;
                }
                usable = true;
            }
        }
        if (!usable) {
            return false;
        }
    }
    return true;
}

static void compare(struct test *t, const struct memmap_entry *map,
                    unsigned entries, const struct talk_frames *runs,
                    uint64_t count) {
    uint64_t n = 0;

    for (unsigned f = 0; f < FRAMES; f++) {
        const bool want = is_usable(map, entries, f);
        bool seen;

        while (n < count && runs[n].first + runs[n].count <= FIRST + f) {
            n++;
        }
        seen = n < count && runs[n].first <= FIRST + f;
        must(t, seen == want, want ? "P05" : "P02",
             "frame 0x%x of a map of %u entries:\n"
             "  expected   %s\n  seen       %s",
             FIRST + f, entries, want ? "usable" : "not usable",
             seen ? "in a run" : "in no run");
    }
    for (n = 0; n < count; n++) {
        must(t,
             runs[n].count > 0 &&
                 (n == 0 ||
                  runs[n - 1].first + runs[n - 1].count < runs[n].first),
             NULL, "run %lu is empty, out of order, or touches the one before",
             n);
        must(t,
             runs[n].first >= FIRST &&
                 runs[n].first + runs[n].count <= FIRST + FRAMES,
             "P04", "run %lu reaches to frame 0x%lx, all RAM ends at 0x%x", n,
             runs[n].first + runs[n].count, FIRST + FRAMES);
    }
}

SCRIPT(maps_in_any_order_that_overlap_give_ascending_runs) {
    static struct memmap_entry map[300];
    static struct talk_frames runs[1024];

    machine_on(t, (struct machine_want){ 0 });
    for (unsigned round = 0; round < 10; round++) {
        const unsigned count = round < 9 ? 1 + (unsigned)draw(t, 40) : 300;
        uint64_t n;

        for (unsigned i = 0; i < count; i++) {
            const uint64_t from = draw(t, UNITS), len = draw(t, UNITS / 10);

            map[i].range.base =
                paddr((uint64_t)FIRST * PAGE_SIZE + from * UNIT);
            map[i].range.len = (from + len > UNITS ? UNITS - from : len) * UNIT;
            map[i].type = draw(t, 3) == 0 ? 2 : MEMMAP_USABLE;
        }
        n = ask_memmap_usable(t, map, count, runs, 1024);
        must(t, n <= 1024, "P20", "%lu runs in an array of 1024", n);
        compare(t, map, count, runs, n);
        credit(t, 10 * round);
    }
}

SCRIPT(memory_beyond_4_gib_is_found) {
    const struct memmap_entry map[2] = {
        { { paddr(5 * GIB), 64 * MIB }, MEMMAP_USABLE },
        { { paddr(2 * MIB), 2 * MIB }, MEMMAP_USABLE },
    };
    struct talk_frames runs[8] = { { 0, 0 } };
    uint64_t n;

    machine_on(t, (struct machine_want){ 0 });
    n = ask_memmap_usable(t, map, 2, runs, 8);
    must(t,
         n == 2 && runs[0].first == 0x200 && runs[0].count == 512 &&
             runs[1].first == 5 * GIB >> PAGE_SHIFT &&
             runs[1].count == 64 * MIB >> PAGE_SHIFT,
         "P19",
         "64 MiB at 5 GiB and 2 MiB at 2 MiB:\n"
         "  expected   [0x200, 512 frames] [0x140000, 16384 frames]\n"
         "  seen       %lu runs, the last [0x%lx, %lu frames]",
         n, runs[1].first, runs[1].count);
}

SCRIPT(no_more_runs_are_written_than_there_is_room_for) {
    static struct memmap_entry map[40];
    struct talk_frames runs[8], behind[2], seen[2];
    uint64_t n;

    machine_on(t, (struct machine_want){ 0 });
    for (unsigned i = 0; i < 40; i++) {
        map[i].range.base = paddr(MIB * (2 + 2 * i));
        map[i].range.len = PAGE_SIZE * (1 + draw(t, 200));
        map[i].type = MEMMAP_USABLE;
    }
    memcpy(behind, (const uint8_t *)map + sizeof runs, sizeof behind);
    n = ask_memmap_usable(t, map, 40, runs, 8);
    must(t, n == 8, "P20",
         "40 pieces of RAM, room for 8 runs, and memmap_usable() tells of %lu",
         n);
    memcpy(seen, blob(t) + sizeof runs, sizeof seen);
    must(t, memcmp(seen, behind, sizeof seen) == 0, "P20",
         "the array has room for 8 runs, and what stands behind it was "
         "overwritten");
}

/*
 *   run   [....................]
 *   hole      middle, start, end, all, bytes of two frames
 */
SCRIPT(a_hole_takes_every_frame_that_it_touches) {
    static const struct {
        uint64_t base, len; /* bytes from the run's first */
        const char *mistake;
    } holes[] = {
        { 10 * PAGE_SIZE, 5 * PAGE_SIZE, "P07" }, { 0, 4 * PAGE_SIZE, "P08" },
        { 60 * PAGE_SIZE, 4 * PAGE_SIZE, NULL },  { 0, 64 * PAGE_SIZE, NULL },
        { 20 * PAGE_SIZE - 1, 2, "P07" },         { 0, 1, "P08" },
        { 64 * PAGE_SIZE - 1, 1, NULL },          { 0, 0, NULL },
    };

    machine_on(t, (struct machine_want){ 0 });
    for (unsigned h = 0; h < sizeof holes / sizeof holes[0]; h++) {
        const uint64_t from = 0x300;
        struct talk_frames runs[4] = { { from, 64 } };
        const uint64_t n = ask_memmap_reserve(
            t, runs, 1, 4,
            (struct prange){ paddr((from << PAGE_SHIFT) + holes[h].base),
                             holes[h].len });

        for (uint64_t f = 0; f < 64; f++) {
            const bool want =
                holes[h].len == 0 || f < holes[h].base >> PAGE_SHIFT ||
                f > (holes[h].base + holes[h].len - 1) >> PAGE_SHIFT;
            bool seen = false;

            for (uint64_t i = 0; i < n && i < 4; i++) {
                seen |= from + f - runs[i].first < runs[i].count;
            }
            must(t, seen == want, holes[h].mistake,
                 "a run of 64 frames, a hole of 0x%lx bytes at byte 0x%lx of "
                 "it; frame %lu:\n  expected   %s\n  seen       %s",
                 holes[h].len, holes[h].base, f, want ? "left" : "taken",
                 seen ? "left" : "taken");
        }
        credit(t, 12 * h);
    }
}

/* --- frames: a machine --------------------------------------------------- */

/** Take all there are, and write all over each.  @return how many */
static uint64_t take_all(struct test *t, struct frames *frames) {
    uint64_t taken = 0;

    for (;;) {
        for (unsigned i = 0; i < TALK_CALLS; i++) {
            queue(t, ASK_PMM_ALLOC);
        }
        queue_run(t);
        for (unsigned i = 0; i < TALK_CALLS; i++) {
            const struct call *call = answer(t, i);

            if (call->status != MM_OK) {
                must_status(t, NULL, (enum mm_status)call->status,
                            MM_NO_MEMORY);
                return taken;
            }
            frames_given(t, frames, call->out[0], 1);
            memset(physical(t, call->out[0] << PAGE_SHIFT), 0x99, PAGE_SIZE);
            taken++;
        }
    }
}

static void give_all(struct test *t, struct frames *frames) {
    for (uint64_t f = 0; f < frames->count; f++) {
        if (frames->state[f] == FRAME_USED) {
            must_ok(t, ask_pmm_free(t, f));
            frames_taken_back(t, frames, f, 1);
        }
    }
}

/*
 *   4 MiB  [ usable .. ]  7 frames  [ usable ......  odd end ]    5 GiB [ ... ]
 */
static const struct memmap_entry odd_map[] = {
    { { { 5 * GIB + 3 * PAGE_SIZE }, 3 * MIB + 2 * PAGE_SIZE }, MEMMAP_USABLE },
    { { { MIB }, 3 * MIB }, MEMMAP_USABLE },
    { { { 4 * MIB + 71 * PAGE_SIZE }, 4 * MIB + 13 * PAGE_SIZE + 100 },
      MEMMAP_USABLE },
    { { { 4 * MIB }, 60 * PAGE_SIZE }, MEMMAP_USABLE },
    { { { 6 * MIB }, 3 * PAGE_SIZE }, 2 },
    { { { 0 }, 640 * KIB }, MEMMAP_USABLE },
};

static void odd_machine(struct test *t, struct frames *frames) {
    machine_on(t, (struct machine_want){ .map = odd_map,
                                         .map_count = sizeof odd_map /
                                                      sizeof odd_map[0] });
    frames_of_machine(t, frames);
    must_status(t, "init", ask_pmm_init(t, "bitmap"), MM_OK);
}

SCRIPT(a_map_with_odd_ends_is_used_to_the_last_frame) {
    struct frames frames;
    uint64_t usable, taken;

    odd_machine(t, &frames);
    usable = frames.free;
    taken = take_all(t, &frames);
    /* A bit for each frame is usual; a byte is no mistake. */
    must(t, usable - taken <= (frames.count >> PAGE_SHIFT) + 2, "P11",
         "%lu frames are usable, and only %lu were handed out; the books of "
         "%lu frames need no more than %lu",
         usable, taken, frames.count, frames.count >> PAGE_SHIFT);
    credit(t, 60);
    must(t, ask_pmm_stats(t).free == 0, "P11",
         "no frame is left, and %lu are counted as free",
         ask_pmm_stats(t).free);
    give_all(t, &frames);
    must(t, take_all(t, &frames) == taken, "P08",
         "after all frames came back fewer are there: what was written to one "
         "of them changed the books");
}

SCRIPT(what_was_never_ours_is_not_freed) {
    struct frames frames;
    struct frame_stats before, after;

    odd_machine(t, &frames);
    before = ask_pmm_stats(t);
    must_status(t, "P14", ask_pmm_free(t, 0), MM_NOT_MANAGED);
    must_status(t, "P14", ask_pmm_free(t, 0x80), MM_NOT_MANAGED);
    must_status(t, "P14", ask_pmm_free(t, (4 * MIB >> PAGE_SHIFT) + 62),
                MM_NOT_MANAGED); /* in the hole */
    must_status(t, "P14", ask_pmm_free(t, (6 * MIB >> PAGE_SHIFT) + 1),
                MM_NOT_MANAGED); /* reserved */
    must_status(t, "P14", ask_pmm_free(t, UINT64_C(1) << 40), MM_NOT_MANAGED);
    must_status(t, "P13", ask_pmm_free(t, (5 * MIB >> PAGE_SHIFT)),
                MM_NOT_ALLOCATED); /* ours, and free */
    after = ask_pmm_stats(t);
    must(t, memcmp(&before, &after, sizeof before) == 0, "P14",
         "a refused free changed the counters: %lu frames free, %lu before",
         after.free, before.free);
}

SCRIPT(a_run_lies_together_and_on_its_alignment) {
    struct frames frames;
    uint64_t first;

    odd_machine(t, &frames);
    for (uint64_t align = 1; align <= 256; align *= 2) {
        const uint64_t count = 1 + draw(t, 60);

        must_ok(t, ask_pmm_alloc_run(t, count, align, 0, &first));
        must(t, first % align == 0, "P17",
             "a run of %lu frames, alignment %lu, begins at frame 0x%lx", count,
             align, first);
        frames_given(t, &frames, first, count);
    }
    must_ok(t, ask_pmm_alloc_run(t, 8, 1, 5 * MIB >> PAGE_SHIFT, &first));
    must(t, first + 8 <= 5 * MIB >> PAGE_SHIFT, NULL,
         "a run below frame 0x%lx ends at 0x%lx", 5 * MIB >> PAGE_SHIFT,
         first + 8);
    frames_given(t, &frames, first, 8);
}

/** Every second frame is used: no two lie together. */
SCRIPT(a_run_does_not_cross_a_frame_in_use) {
    struct frames frames;
    struct frame_stats before, after;
    uint64_t first = 0, end = 0;

    odd_machine(t, &frames);
    take_all(t, &frames);
    for (uint64_t f = 0; f < frames.count; f++) {
        if (frames.state[f] == FRAME_USED && f % 3 != 0) {
            must_ok(t, ask_pmm_free(t, f));
            frames_taken_back(t, &frames, f, 1);
            end = f;
        }
    }
    before = ask_pmm_stats(t);
    must_status(t, "P16", ask_pmm_alloc_run(t, 3, 1, 0, &first), MM_NO_MEMORY);
    after = ask_pmm_stats(t);
    must(t, memcmp(&before, &after, sizeof before) == 0, "P16",
         "a request that could not be met changed the counters");
    credit(t, 50);
    must_ok(t, ask_pmm_alloc_run(t, 2, 1, 0, &first));
    frames_given(t, &frames, first, 2);
    (void)end;
    must_status(t, NULL, ask_pmm_alloc_run(t, 0, 1, 0, &first),
                MM_BAD_ARGUMENT);
    must_status(t, NULL, ask_pmm_alloc_run(t, 4, 3, 0, &first),
                MM_BAD_ARGUMENT);
    must(t, ask_pmm_is_sound(t), "P16", "the frames are not sound any more");
}

SCRIPT(random_calls_agree_with_an_oracle) {
    static uint64_t held[8192];
    static bool is_free[TALK_CALLS];
    struct frames frames;
    unsigned count = 0;

    odd_machine(t, &frames);
    for (unsigned turn = 0; turn < 200; turn++) {
        unsigned pending = 0;

        for (unsigned i = 0; i < 250; i++) {
            is_free[i] = count > 0 && draw(t, turn % 20 < 10 ? 3 : 2) == 0;
            if (is_free[i]) { /* of what came before this turn */
                const unsigned n = (unsigned)draw(t, count);

                queue(t, ASK_PMM_FREE, held[n]);
                frames_taken_back(t, &frames, held[n], 1);
                held[n] = held[--count];
            } else {
                queue(t, ASK_PMM_ALLOC);
            }
        }
        queue_run(t);
        for (unsigned i = 0; i < 250; i++) {
            const struct call *call = answer(t, i);

            if (is_free[i]) {
                must_status(t, NULL, (enum mm_status)call->status, MM_OK);
            } else if (call->status == MM_OK) {
                frames_given(t, &frames, call->out[0], 1);
                held[count + pending++] = call->out[0];
            } else {
                must_status(t, NULL, (enum mm_status)call->status,
                            MM_NO_MEMORY);
            }
        }
        count += pending;
        credit(t, turn / 3);
    }
    must(t, ask_pmm_stats(t).allocated == count, NULL,
         "%u frames are out, and %lu are counted", count,
         ask_pmm_stats(t).allocated);
    must(t, ask_pmm_is_sound(t), NULL, "the frames are not sound any more");
}

SCRIPT(half_of_memory_free_makes_a_request_no_long_search) {
    struct frames frames;
    uint64_t steps = 0;

    machine_on(t, (struct machine_want){ .ram = 64 * MIB });
    frames_of_machine(t, &frames);
    must_status(t, "init", ask_pmm_init(t, "bitmap"), MM_OK);
    take_all(t, &frames);
    for (uint64_t f = 0; f < frames.count; f++) {
        if (frames.state[f] == FRAME_USED && draw(t, 2) == 0) {
            queue(t, ASK_PMM_FREE, f);
            frames_taken_back(t, &frames, f, 1);
        }
    }
    queue_run(t);
    for (unsigned n = 0; n < 16; n++) {
        uint64_t f;

        count_next(t, 100000);
        must_ok(t, ask_pmm_alloc(t, &f));
        frames_given(t, &frames, f, 1);
        steps += counted(t);
    }
    if (steps == 0) {
        skip(t, "this host can not count instructions");
    }
    must(t, steps < 16 * 6000, NULL,
         "half of the frames are free, and a request costs %lu instructions",
         steps / 16);
}

const struct script lab1_hidden[] = {
    LISTED(maps_in_any_order_that_overlap_give_ascending_runs),
    LISTED(memory_beyond_4_gib_is_found),
    LISTED(no_more_runs_are_written_than_there_is_room_for),
    LISTED(a_hole_takes_every_frame_that_it_touches),
    LISTED(a_map_with_odd_ends_is_used_to_the_last_frame),
    LISTED(what_was_never_ours_is_not_freed),
    LISTED(a_run_lies_together_and_on_its_alignment),
    LISTED(a_run_does_not_cross_a_frame_in_use),
    LISTED(random_calls_agree_with_an_oracle),
    LISTED(half_of_memory_free_makes_a_request_no_long_search),
    { NULL, NULL },
};
