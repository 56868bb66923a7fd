/*
 * Lab 1, the tests behind the curtain, of memmap.c alone: maps that firmware
 * really hands over.
 */
#include "../../frames.h"

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
        map[i].range.len = PAGE_SIZE * (1 + 3 * (i * 17 % 40));
        map[i].type = MEMMAP_USABLE;
    }
    memcpy(behind, (const uint8_t *)map + sizeof runs, sizeof behind);
    n = ask_memmap_usable(t, map, 40, runs, 8);
    must(t, n == 8, "P20",
         "40 pieces of RAM, room for 8 runs, and memmap_usable() tells of %lu",
         n);
    for (unsigned i = 0; i < 8; i++) {
        must(t, runs[i].count > 3 * 32, "P20",
             "there is room for the 8 largest of 40 runs, 97 to 118 frames; "
             "run %u has %lu",
             i, runs[i].count);
    }
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

/*
 *   frames   0    1    2    3    4
 *   usable  [ ........................ ) [ wraps at 2^64 -->
 *   claimed       x         x                x: one byte
 *   empty    ^ says nothing, whatever its type
 */
SCRIPT(one_byte_decides_and_an_empty_entry_says_nothing) {
    const uint64_t base = 16 * MIB;
    const struct memmap_entry map[] = {
        { { paddr(base), 5 * PAGE_SIZE }, MEMMAP_USABLE },
        { { paddr(base + 2 * PAGE_SIZE - 1), 1 }, 2 },
        { { paddr(base + 3 * PAGE_SIZE), 1 }, 2 },
        { { paddr(base + 5 * PAGE_SIZE), 0 }, MEMMAP_USABLE },
        { { paddr(base), 0 }, 2 },
        { { paddr(base + 64 * PAGE_SIZE), 4 * PAGE_SIZE }, MEMMAP_USABLE },
        { { paddr(base + 65 * PAGE_SIZE), UINT64_MAX }, 2 },
    };
    const uint64_t f = base >> PAGE_SHIFT;
    const struct talk_frames want[] = {
        { f, 1 }, { f + 2, 1 }, { f + 4, 1 }, { f + 64, 1 }
    };
    struct talk_frames runs[16] = { { 0, 0 } };
    uint64_t n;

    machine_on(t, (struct machine_want){ 0 });
    n = ask_memmap_usable(t, map, sizeof map / sizeof map[0], runs, 16);
    for (unsigned i = 0; i < 4; i++) {
        must(t,
             i < n && runs[i].first == want[i].first &&
                 runs[i].count == want[i].count,
             i == 3 ? "P19" : "P02",
             "run %u of a map with claims of one byte:\n"
             "  expected   [0x%lx, %lu frames]\n"
             "  seen       [0x%lx, %lu frames], of %lu runs",
             i, want[i].first, want[i].count, runs[i].first, runs[i].count, n);
    }
    must(t, n == 4, "P02", "%lu runs, expected 4", n);
}

const struct script lab1_maps[] = {
    LISTED(maps_in_any_order_that_overlap_give_ascending_runs),
    LISTED(memory_beyond_4_gib_is_found),
    LISTED(no_more_runs_are_written_than_there_is_room_for),
    LISTED(a_hole_takes_every_frame_that_it_touches),
    LISTED(one_byte_decides_and_an_empty_entry_says_nothing),
    { NULL, NULL },
};
