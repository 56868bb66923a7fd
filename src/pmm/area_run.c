/*
 * Blocks and runs of the default strategy.
 *
 *   2 .. 256 frames   a block inside an area: the reserved one, else one of the
 *                     fullest that may have it, a few of each class, else a
 *                     free area, which is reserved then
 *   512 frames        a free area, as a whole: its bits are not looked at
 *   the rest          the search in alloc.c, which walks
 *
 * A limit is met by areas that lie below it as a whole; what lies in the area
 * across it is left to the search.
 */
#include "pmm/areas.h"

/** How many areas of a class are tried before the next class. */
#define TRIES 8

/** Take 2^order frames out of @area, which has them perhaps. */
static bool take_from(struct pmm *pmm, const struct area *area, unsigned order,
                      pfn_t *first) {
    unsigned bit;

    if (*area->free < 1u << order) {
        return false;
    }
    area_need_line(area);
    bit = line_take(area->line, order);
    if (bit == AREA_FRAMES) {
        return false;
    }
    area_set_free(pmm, area, *area->free - (1u << order));
    *first = pfn_add(area_base(pmm, area->n), bit);
    return true;
}

/** The number of areas of @zone that lie below @limit; 0: anywhere. */
static uint64_t reach(const struct pmm *pmm, const struct pmm_zone *zone,
                      pfn_t limit) {
    uint64_t low = 0, high = zone->count;

    if (limit.v == 0) {
        return zone->count;
    }
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        const pfn_t base = area_base(pmm, zone->first + middle);

        if (base.v + AREA_FRAMES <= limit.v) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/** Try a few areas of a class, of those before @to. */
static bool try_class(struct pmm *pmm, struct pmm_zone *zone, unsigned class,
                      uint64_t to, unsigned order, struct area *area,
                      pfn_t *first) {
    uint64_t n = area_index_next(zone, class, 0);

    for (unsigned i = 0; i < TRIES && n < to; i++) {
        *area = area_at(pmm, zone->first + n);
        if (take_from(pmm, area, order, first)) {
            return true;
        }
        n = area_index_next(zone, class, n + 1);
    }
    return false;
}

/** Out of the area that serves single frames, if it is of those before @to. */
static bool take_from_frames(struct pmm *pmm, const struct pmm_zone *zone,
                             uint64_t to, unsigned order, pfn_t *first) {
    const struct pmm_reserve *reserve = &pmm->areas.reserves[0];
    struct area area;

    if (reserve->area - zone->first >= to) {
        return false;
    }
    area = area_at(pmm, reserve->area);
    return take_from(pmm, &area, order, first);
}

static bool alloc_small(struct pmm *pmm, unsigned order, pfn_t limit,
                        pfn_t *first) {
    struct pmm_reserve *reserve = &pmm->areas.reserves[1];
    struct area area;

    if (limit.v == 0 && reserve->area != PMM_NO_AREA) {
        area = area_at(pmm, reserve->area);
        if (take_from(pmm, &area, order, first)) {
            return true;
        }
    }
    for (unsigned z = PMM_ZONES; z-- > 0;) {
        struct pmm_zone *zone = &pmm->areas.zones[z];
        const uint64_t to = reach(pmm, zone, limit);

        do {
            for (unsigned c = area_class(1u << order); c < PMM_AREA_CLASSES;
                 c++) {
                if (c == AREA_CLASS_FREE &&
                    take_from_frames(pmm, zone, to, order, first)) {
                    return true;
                }
                if (try_class(pmm, zone, c, to, order, &area, first)) {
                    if (limit.v == 0 && *area.free > 0) {
                        area_reserve(pmm, reserve, &area);
                    }
                    return true;
                }
            }
        } while (area_open_more(pmm, zone, to));
    }
    return false;
}

/** A reserved area that is free again as a whole is as good as any. */
static void unreserve_free_areas(struct pmm *pmm) {
    for (unsigned r = 0; r < PMM_RESERVES; r++) {
        if (*pmm->areas.reserves[r].free == AREA_FRAMES) {
            area_unreserve(pmm, &pmm->areas.reserves[r]);
        }
    }
}

static bool alloc_area(struct pmm *pmm, pfn_t limit, pfn_t *first) {
    unreserve_free_areas(pmm);
    for (unsigned z = PMM_ZONES; z-- > 0;) {
        struct pmm_zone *zone = &pmm->areas.zones[z];
        const uint64_t to = reach(pmm, zone, limit);

        do {
            const uint64_t n = area_index_next(zone, AREA_CLASS_FREE, 0);

            if (n < to) {
                const struct area area = area_at(pmm, zone->first + n);

                area_set_free(pmm, &area, AREA_WHOLE);
                *first = area_base(pmm, area.n);
                return true;
            }
        } while (area_open_more(pmm, zone, to));
    }
    return false;
}

bool area_alloc_run(struct pmm *pmm, const struct pmm_want *want,
                    pfn_t *first) {
    if (!is_power_of_two(want->count) || want->align > want->count ||
        want->count > AREA_FRAMES) {
        return false;
    }
    if (want->count == AREA_FRAMES) {
        return alloc_area(pmm, want->below, first);
    }
    return alloc_small(pmm, (unsigned)__builtin_ctzll(want->count), want->below,
                       first);
}

/* --- runs over several areas ---------------------------------------------- */

/** The part of @count frames from @f that lies in one area. */
static unsigned part_of_area(pfn_t f, uint64_t count) {
    const uint64_t rest = AREA_FRAMES - f.v % AREA_FRAMES;

    return (unsigned)(count < rest ? count : rest);
}

static void take_part(struct pmm *pmm, const struct area *area, unsigned bit,
                      unsigned count) {
    if (count == AREA_FRAMES) {
        for (unsigned r = 0; r < PMM_RESERVES; r++) {
            if (pmm->areas.reserves[r].area == area->n) {
                area_unreserve(pmm, &pmm->areas.reserves[r]);
            }
        }
        area_set_free(pmm, area, AREA_WHOLE);
        return;
    }
    area_need_line(area);
    line_clear(area->line, bit, count);
    area_set_free(pmm, area, *area->free - count);
}

bool area_take(struct pmm *pmm, pfn_t first, uint64_t count) {
    const size_t run = pmm_run_of(pmm, first);

    while (count > 0) {
        const struct area area = area_at(pmm, area_of(pmm, first, run));
        const unsigned part = part_of_area(first, count);

        while (!area_is_open(&area)) {
            (void)area_open_more(pmm, area.zone, area.zone->count);
        }
        take_part(pmm, &area, (unsigned)(first.v % AREA_FRAMES), part);
        first = pfn_add(first, part);
        count -= part;
    }
    return true;
}

static enum mm_status check_part(const struct area *area, unsigned bit,
                                 unsigned count) {
    if (!area_is_open(area) || *area->free == AREA_FRAMES) {
        return MM_NOT_ALLOCATED;
    }
    if (*area->free == AREA_WHOLE) {
        return count == AREA_FRAMES ? MM_OK : MM_BAD_RANGE;
    }
    return line_count(area->line, bit, count) == 0 ? MM_OK : MM_NOT_ALLOCATED;
}

static void free_part(struct pmm *pmm, const struct area *area, unsigned bit,
                      unsigned count) {
    if (*area->free == AREA_WHOLE) {
        area_set_free(pmm, area, AREA_FRAMES);
        return;
    }
    line_set(area->line, bit, count);
    area_set_free(pmm, area, *area->free + count);
}

enum mm_status area_free_run(struct pmm *pmm, pfn_t first, uint64_t count,
                             size_t run) {
    for (int act = 0; act < 2; act++) { /* look at all, then free all */
        uint64_t rest = count;
        pfn_t f = first;

        while (rest > 0) {
            const struct area area = area_at(pmm, area_of(pmm, f, run));
            const unsigned bit = (unsigned)(f.v % AREA_FRAMES);
            const unsigned part = part_of_area(f, rest);

            if (act != 0) {
                free_part(pmm, &area, bit, part);
            } else {
                const enum mm_status status = check_part(&area, bit, part);

                if (status != MM_OK) {
                    return status;
                }
            }
            f = pfn_add(f, part);
            rest -= part;
        }
    }
    return MM_OK;
}

void area_break_up(struct pmm *pmm, pfn_t first, uint64_t count, size_t run) {
    while (count > 0) {
        const struct area area = area_at(pmm, area_of(pmm, first, run));
        const unsigned part = part_of_area(first, count);

        if (*area.free == AREA_WHOLE) {
            line_clear(area.line, 0, AREA_FRAMES);
            area_set_free(pmm, &area, 0);
        }
        first = pfn_add(first, part);
        count -= part;
    }
}
