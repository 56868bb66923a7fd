/*
 * Areas out of nothing: how many there are, where they lie, and what is free in
 * one that was never used.
 *
 *   spans      [ 0 | 1 | 2 ]      [ 3 | 4 | 5 | 6 ] ...    areas have numbers
 *   zone       [ opened, 64 at a time ... | never used: no word is written ]
 *
 * The start looks at spans and runs only, so it costs the same for 16 GiB and
 * for 64 TiB.
 */
#include <string.h>

#include "pmm/areas.h"

/* --- where an area is ----------------------------------------------------- */

/** The span that area @n belongs to. */
static size_t span_of_area(const struct pmm *pmm, uint64_t n) {
    size_t low = 0, high = pmm->span_count;

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;

        if (pmm->areas.span_area[middle] <= n) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static pfn_t base_in(const struct pmm *pmm, uint64_t n, size_t span) {
    const uint64_t block = (pmm->spans[span].first.v >> AREA_SHIFT) + n -
                           pmm->areas.span_area[span];

    return pfn(block << AREA_SHIFT);
}

pfn_t area_base(const struct pmm *pmm, uint64_t n) {
    return base_in(pmm, n, span_of_area(pmm, n));
}

/* --- layout ----------------------------------------------------------------
 */

static uint64_t areas_of_run(struct pmm_run run) {
    const uint64_t last = run.first.v + run.count - 1;

    return (last >> AREA_SHIFT) - (run.first.v >> AREA_SHIFT) + 1;
}

/** How many areas lie below @limit, a multiple of 2 MiB; 0: all. */
static uint64_t areas_below(const struct pmm *pmm, pfn_t limit) {
    uint64_t areas = 0;

    for (size_t i = 0; i < pmm->span_count; i++) {
        struct pmm_run span = pmm->spans[i];

        if (limit.v != 0 && span.first.v >= limit.v) {
            break;
        }
        if (limit.v != 0 && span.count > limit.v - span.first.v) {
            span.count = limit.v - span.first.v;
        }
        areas += areas_of_run(span);
    }
    return areas;
}

/** Where zone @z ends; the last one at 0: nowhere. */
static pfn_t zone_limit(unsigned z) {
    static const pfn_t limits[PMM_ZONES] = { { 16 * MIB >> PAGE_SHIFT },
                                             { 4 * GIB >> PAGE_SHIFT },
                                             { 0 } };

    return limits[z];
}

/** The metadata itself may cut a span in two, and an area with it: one more. */
uint64_t area_metadata_size(const struct pmm *pmm) {
    const uint64_t areas = areas_below(pmm, pfn(0)) + 1;
    uint64_t below = 0, nodes = 0;

    for (unsigned z = 0; z < PMM_ZONES; z++) {
        const uint64_t to = areas_below(pmm, zone_limit(z));

        nodes += area_index_nodes(to - below + 1);
        below = to;
    }
    return areas * (AREA_WORDS * sizeof(uint64_t) + sizeof(uint16_t)) +
           nodes * sizeof(struct pmm_area_node);
}

/** Of each run, where its areas are. */
void area_number_runs(struct pmm *pmm) {
    size_t s = 0;

    for (size_t i = 0; i < pmm->run_count; i++) {
        while (!range_holds(pmm->spans[s].first.v, pmm->spans[s].count,
                            pmm->runs[i].first.v)) {
            s++;
        }
        pmm->areas.run_shift[i] =
            pmm->areas.span_area[s] - (pmm->spans[s].first.v >> AREA_SHIFT);
    }
}

/*
 *   metadata   [ lines: 64 bytes each ][ nodes: 64 each ][ counts: 2 each ]
 */
void area_init(struct pmm *pmm) {
    const uint64_t areas = areas_below(pmm, pfn(0));
    struct pmm_area_node *nodes;
    uint64_t below = 0;

    pmm->areas.lines = pmm_metadata(pmm);
    nodes = (struct pmm_area_node *)(pmm->areas.lines + areas * AREA_WORDS);
    for (unsigned z = 0; z < PMM_ZONES; z++) {
        struct pmm_zone *zone = &pmm->areas.zones[z];

        zone->first = below;
        below = areas_below(pmm, zone_limit(z));
        zone->count = below - zone->first;
        area_index_place(zone, nodes);
        nodes += area_index_nodes(zone->count);
    }
    pmm->areas.free = (uint16_t *)nodes;
    below = 0;
    for (size_t i = 0; i < pmm->span_count; i++) {
        pmm->areas.span_area[i] = below;
        below += areas_of_run(pmm->spans[i]);
    }
    area_number_runs(pmm);
    for (unsigned r = 0; r < PMM_RESERVES; r++) {
        area_forget_reserve(pmm, &pmm->areas.reserves[r]);
    }
}

/* --- opening ---------------------------------------------------------------
 */

/** The first run that ends behind @f. */
static size_t first_run_behind(const struct pmm *pmm, uint64_t f) {
    size_t low = 0, high = pmm->run_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (pmm->runs[middle].first.v + pmm->runs[middle].count <= f) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/** Set the bits of what runs have of the frames @from up to @to, which lie in
 *  @area.  @return how many; if all 512, the line need not be written */
static unsigned set_bits_of_runs(const struct pmm *pmm, const struct area *area,
                                 uint64_t from, uint64_t to) {
    size_t i = first_run_behind(pmm, from);
    unsigned sum = 0;

    if (i < pmm->run_count && to - from == AREA_FRAMES &&
        pmm->runs[i].first.v <= from &&
        pmm->runs[i].first.v + pmm->runs[i].count >= to) {
        return AREA_FRAMES;
    }
    memset(area->line, 0, AREA_WORDS * sizeof(uint64_t));
    for (; i < pmm->run_count && pmm->runs[i].first.v < to; i++) {
        const struct pmm_run run = pmm->runs[i];
        const uint64_t a = run.first.v > from ? run.first.v : from;
        const uint64_t b =
            run.first.v + run.count < to ? run.first.v + run.count : to;

        line_set(area->line, (unsigned)(a % AREA_FRAMES), (unsigned)(b - a));
        sum += (unsigned)(b - a);
    }
    return sum;
}

/*
 * Describe area @n, never used: what runs have of it is free.
 *
 *   area    |...........................|
 *   span       [..........................
 *   runs       [ free ]   [ free ]  [ free
 */
static void open_area(struct pmm *pmm, uint64_t n) {
    const size_t s = span_of_area(pmm, n);
    const uint64_t base = base_in(pmm, n, s).v;
    const uint64_t first = pmm->spans[s].first.v;
    const uint64_t end = first + pmm->spans[s].count;
    const struct area area = area_at(pmm, n);
    const unsigned free =
        set_bits_of_runs(pmm, &area, first > base ? first : base,
                         end < base + AREA_FRAMES ? end : base + AREA_FRAMES);

    *area.free = (uint16_t)free;
    if (free > 0) {
        area_index_add(area.zone, n - area.zone->first, area_class(free));
    }
}

bool area_open_more(struct pmm *pmm, struct pmm_zone *zone, uint64_t wanted) {
    const uint64_t from = zone->opened;
    uint64_t to = from + WORD_BITS;

    if (from >= wanted) {
        return false;
    }
    to = to < zone->count ? to : zone->count;
    area_index_open(zone, from);
    zone->opened = to;
    for (uint64_t n = from; n < to; n++) {
        open_area(pmm, zone->first + n);
    }
    return true;
}
