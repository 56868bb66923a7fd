/*
 * From a firmware map to runs of whole frames.
 *
 * A firmware map is a set of claims, in any order, that may overlap and leave
 * gaps.  A cursor goes over the address space from edge to edge; between two
 * edges every byte has the same claims, so one byte answers for all:
 *
 *   claims   [ usable        ]     [ usable ]
 *                  [ reserved ]        [ usable      ]
 *   edges    |     |         ||    |   |    |        |
 *   bytes    [ yes ][ no              ][ yes          ][ no ...
 *
 * "Yes" stretches that touch are one range; only then are frames cut out of
 * it, inward, since a frame of which one byte is not RAM is no RAM:
 *
 *   frames   |....|....|....|....|....|
 *   range       [            ]
 *   run           [ yes ][yes ]            (two whole frames)
 *
 * Addresses are compared by their last byte, never by their end: the end of
 * the address space, 2^64, has no number.
 */
#include "pmm/memmap.h"

#include <string.h>

/** The last byte of @range, which is not empty; cut at the end of the address
 *  space. */
static uint64_t last_byte(struct prange range) {
    uint64_t last;

    if (__builtin_add_overflow(range.base.v, range.len - 1, &last)) {
        return UINT64_MAX;
    }
    return last;
}

/** Is the byte @at usable, or of type @also?  *@last: the last byte with the
 *  same claims. */
static bool usable_at(const struct memmap_entry *map, size_t count,
                      uint32_t also, uint64_t at, uint64_t *last) {
    bool usable = false, claimed = false;

    *last = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct prange range = map[i].range;
        uint64_t edge; /* the last byte before this entry changes its mind */

        if (range.len == 0 || last_byte(range) < at) {
            continue;
        }
        if (range.base.v > at) {
            edge = range.base.v - 1;
        } else {
            edge = last_byte(range);
            if (map[i].type == MEMMAP_USABLE ||
                (also != 0 && map[i].type == also)) {
                usable = true;
            } else {
                claimed = true;
            }
        }
        if (edge < *last) {
            *last = edge;
        }
    }
    return usable && !claimed;
}

/** The next stretch of usable bytes, joined; false when there is none. */
static bool next_stretch(const struct memmap_entry *map, size_t count,
                         struct memmap_cursor *cursor, uint64_t *first,
                         uint64_t *last) {
    bool inside = false;

    *first = *last = 0;
    while (!cursor->done) {
        uint64_t edge;
        bool usable = usable_at(map, count, cursor->also, cursor->at, &edge);

        if (inside && !usable) {
            return true;
        }
        if (usable) {
            *first = inside ? *first : cursor->at;
            *last = edge;
            inside = true;
        }
        cursor->done = edge == UINT64_MAX;
        cursor->at = edge + 1;
    }
    return inside;
}

bool memmap_next(const struct memmap_entry *map, size_t count,
                 struct memmap_cursor *cursor, struct pmm_run *run) {
    uint64_t first, last;

    while (next_stretch(map, count, cursor, &first, &last)) {
        uint64_t from = pages_for(first);
        uint64_t to =
            (last >> PAGE_SHIFT) + ((last & (PAGE_SIZE - 1)) == PAGE_SIZE - 1);

        if (from < to) {
            *run = (struct pmm_run){ pfn(from), to - from };
            return true;
        }
    }
    return false;
}

/** Put @run at index @at.  In a full array the smallest of all goes, which may
 *  be @run itself.  @return the new number of runs */
static size_t insert_run(struct pmm_run *runs, size_t count, size_t max,
                         size_t at, struct pmm_run run) {
    size_t smallest = 0;

    if (count == max) {
        for (size_t i = 1; i < count; i++) {
            smallest = runs[i].count < runs[smallest].count ? i : smallest;
        }
        if (count == 0 || run.count <= runs[smallest].count) {
            return count;
        }
        count--;
        memmove(&runs[smallest], &runs[smallest + 1],
                (count - smallest) * sizeof(*runs));
        at -= smallest < at;
    }
    memmove(&runs[at + 1], &runs[at], (count - at) * sizeof(*runs));
    runs[at] = run;
    return count + 1;
}

static size_t remove_run(struct pmm_run *runs, size_t count, size_t at) {
    memmove(&runs[at], &runs[at + 1], (count - at - 1) * sizeof(*runs));
    return count - 1;
}

static size_t runs_of(const struct memmap_entry *map, size_t count,
                      struct memmap_cursor cursor, struct pmm_run *runs,
                      size_t max) {
    struct pmm_run run;
    size_t kept = 0;

    while (memmap_next(map, count, &cursor, &run)) {
        kept = insert_run(runs, kept, max, kept, run);
    }
    return kept;
}

size_t memmap_usable(const struct memmap_entry *map, size_t count,
                     struct pmm_run *runs, size_t max) {
    return runs_of(map, count, (struct memmap_cursor){ .also = 0 }, runs, max);
}

size_t memmap_reclaimable(const struct memmap_entry *map, size_t count,
                          struct pmm_run *runs, size_t max) {
    return runs_of(map, count,
                   (struct memmap_cursor){ .also = MEMMAP_ACPI_RECLAIMABLE },
                   runs, max);
}

uint64_t memmap_reclaimable_frames(const struct memmap_entry *map,
                                   size_t count) {
    struct memmap_cursor cursor = { .also = MEMMAP_ACPI_RECLAIMABLE };
    uint64_t frames = 0;
    struct pmm_run run;

    while (memmap_next(map, count, &cursor, &run)) {
        frames += run.count;
    }
    return frames;
}

/*
 *   run     [..........................]
 *   hole             [.....]
 *   after   [ left  ]       [ right    ]     either may be empty
 */
size_t memmap_reserve(struct pmm_run *runs, size_t count, size_t max,
                      struct prange hole) {
    uint64_t first, last; /* frames that the hole touches */

    if (hole.len == 0) {
        return count;
    }
    first = hole.base.v >> PAGE_SHIFT;
    last = last_byte(hole) >> PAGE_SHIFT;
    for (size_t i = count; i-- > 0;) {
        const uint64_t from = runs[i].first.v;
        const uint64_t to = from + runs[i].count; /* no overflow: <= 2^52 */
        const uint64_t left = first > from ? first - from : 0;
        const uint64_t right = to > last + 1 ? to - (last + 1) : 0;

        if (last < from || first >= to) {
            continue;
        }
        if (left > 0 && right > 0) {
            /* The hole lies inside this run, so it touches no other. */
            runs[i].count = left;
            return insert_run(runs, count, max, i + 1,
                              (struct pmm_run){ pfn(last + 1), right });
        }
        if (left > 0) {
            runs[i].count = left;
        } else if (right > 0) {
            runs[i] = (struct pmm_run){ pfn(last + 1), right };
        } else {
            count = remove_run(runs, count, i);
        }
    }
    return count;
}
