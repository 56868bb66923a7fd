/*
 * What must hold between the counts, the bits and the index of areas.
 */
#include "pmm/areas.h"

static bool is_in_reserve(const struct pmm *pmm, uint64_t n) {
    return pmm->areas.reserves[0].area == n || pmm->areas.reserves[1].area == n;
}

/** How many frames of area @n are managed. */
static unsigned managed_in(const struct pmm *pmm, uint64_t n) {
    const pfn_t base = area_base(pmm, n);
    unsigned managed = 0;

    for (size_t i = 0; i < pmm->run_count; i++) {
        const struct pmm_run run = pmm->runs[i];
        uint64_t from = run.first.v, to = run.first.v + run.count;

        if (n < area_of(pmm, run.first, i) ||
            n > area_of(pmm, pfn(to - 1), i)) {
            continue;
        }
        from = from > base.v ? from : base.v;
        to = to < base.v + AREA_FRAMES ? to : base.v + AREA_FRAMES;
        managed += (unsigned)(to - from);
    }
    return managed;
}

/** Every free bit is a managed frame. */
static bool bits_are_managed(const struct pmm *pmm, uint64_t n) {
    const pfn_t base = area_base(pmm, n);
    const uint64_t *line = &pmm->areas.lines[n * AREA_WORDS];

    for (unsigned bit = 0; bit < AREA_FRAMES; bit++) {
        if (bit_is_set(line, bit)) {
            const size_t run = pmm_run_of(pmm, pfn_add(base, bit));

            if (run == PMM_RUNS_MAX ||
                area_of(pmm, pfn_add(base, bit), run) != n) {
                return false;
            }
        }
    }
    return true;
}

static bool is_in_its_class(const struct pmm *pmm, const struct pmm_zone *zone,
                            uint64_t n) {
    const unsigned free = pmm->areas.free[zone->first + n];
    const bool indexed =
        free != 0 && free != AREA_WHOLE && !is_in_reserve(pmm, zone->first + n);

    for (unsigned c = 0; c < PMM_AREA_CLASSES; c++) {
        const bool belongs = indexed && c == area_class(free);

        if (area_index_has(zone, n, c) != belongs) {
            return false;
        }
    }
    return true;
}

static bool area_number_is_sound(const struct pmm *pmm, uint64_t n,
                                 unsigned managed) {
    const unsigned free = pmm->areas.free[n];
    const uint64_t *line = &pmm->areas.lines[n * AREA_WORDS];

    if (free == AREA_WHOLE || free == AREA_FRAMES) {
        return managed == AREA_FRAMES;
    }
    return free <= managed && line_count(line, 0, AREA_FRAMES) == free &&
           (managed == AREA_FRAMES || bits_are_managed(pmm, n));
}

/** @unknown loses what is described, @free gains what of it is free. */
static bool zone_is_sound(const struct pmm *pmm, const struct pmm_zone *zone,
                          uint64_t *unknown, uint64_t *free) {
    if (zone->opened > zone->count || !area_index_is_sound(zone)) {
        return false;
    }
    for (uint64_t n = 0; n < zone->opened; n++) {
        const unsigned managed = managed_in(pmm, zone->first + n);
        const unsigned count = pmm->areas.free[zone->first + n];

        if (!area_number_is_sound(pmm, zone->first + n, managed) ||
            !is_in_its_class(pmm, zone, n)) {
            return false;
        }
        *unknown -= managed;
        *free += count == AREA_WHOLE ? 0 : count;
    }
    return true;
}

bool area_is_sound(const struct pmm *pmm) {
    uint64_t unknown =
        pmm->stats.total - pmm->stats.reserved + pmm->books.frames.count;
    uint64_t free = 0;

    for (unsigned z = 0; z < PMM_ZONES; z++) {
        if (!zone_is_sound(pmm, &pmm->areas.zones[z], &unknown, &free)) {
            return false;
        }
    }
    return free + unknown == pmm_free_count(pmm);
}
