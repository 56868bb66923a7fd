/*
 * The default: frames by areas of 2 MiB, the fullest used first.
 *
 *   span       [     area 0     |     area 1     |  area 2  ]    [ area 3 ...
 *   free         512              37               0               ?
 *   line         (junk)           ..1.11.. 512b    0000..          (junk)
 *   zone       [ below 4 GiB: opened ........................ | not yet ... ]
 *
 * A huge page needs an area that is free as a whole, and random frees make
 * crumbs.  So a frame comes from the area that is fullest among those with
 * room: nearly empty areas are left alone until the last of their frames has
 * come back.  Single frames and small blocks are taken from a *reserved* area,
 * one for each kind, that is out of the index (area_index.c) while it serves:
 * a search is due once per area, and blocks of one kind keep together.
 *
 * Counts and bits say the same twice; where the count says all (512, or
 * AREA_WHOLE: handed out as one) the bits need not be written.  And what was
 * never used needs no count: zones are *opened* 64 areas at a time, so that a
 * machine of 64 TiB starts in no time.
 *
 * RAM above 4 GiB is used up first, then that above 16 MiB: some devices reach
 * no further.  Areas are numbered without the holes between spans; limits lie
 * between areas; what a run lacks of its span is used until it joins.  33.5 KiB
 * for each GiB of RAM: 32 of bits, 1 of counts, 0.5 of index.
 */
#include <string.h>

#include "pmm/areas.h"

/* --- where an area is ----------------------------------------------------- */

uint64_t area_of(const struct pmm *pmm, pfn_t f, size_t run) {
    return pmm->areas.run_area[run] + (f.v >> AREA_SHIFT) -
           (pmm->runs[run].first.v >> AREA_SHIFT);
}

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

static struct pmm_zone *zone_of(struct pmm *pmm, uint64_t n) {
    struct pmm_zone *zone = &pmm->areas.zones[PMM_ZONES - 1];

    while (n < zone->first) {
        zone--;
    }
    return zone;
}

struct area area_at(struct pmm *pmm, uint64_t n) {
    return (struct area){ n, zone_of(pmm, n), &pmm->areas.free[n],
                          &pmm->areas.lines[n * AREA_WORDS] };
}

bool area_is_open(const struct area *area) {
    return area->n - area->zone->first < area->zone->opened;
}

/* --- from nothing ------------------------------------------------------- */

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
static uint64_t areas_metadata_size(const struct pmm *pmm) {
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

static void forget_reserve(struct pmm *pmm, struct pmm_reserve *reserve) {
    *reserve = (struct pmm_reserve){
        .area = PMM_NO_AREA,
        .free = &pmm->areas.none,
        .run = PMM_RUNS_MAX,
    };
}

/** Find the area that each run begins in. */
static void number_runs(struct pmm *pmm) {
    size_t s = 0;

    for (size_t i = 0; i < pmm->run_count; i++) {
        const pfn_t first = pmm->runs[i].first;

        while (
            !range_holds(pmm->spans[s].first.v, pmm->spans[s].count, first.v)) {
            s++;
        }
        pmm->areas.run_area[i] = pmm->areas.span_area[s] +
                                 (first.v >> AREA_SHIFT) -
                                 (pmm->spans[s].first.v >> AREA_SHIFT);
    }
}

/*
 *   metadata   [ lines: 64 bytes each ][ nodes: 64 each ][ counts: 2 each ]
 */
static void areas_init(struct pmm *pmm) {
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
    number_runs(pmm);
    for (unsigned r = 0; r < PMM_RESERVES; r++) {
        forget_reserve(pmm, &pmm->areas.reserves[r]);
    }
}

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

/** Runs have other numbers now; areas that are open know the piece as used. */
static void areas_joined(struct pmm *pmm, struct pmm_run piece) {
    (void)piece;
    for (unsigned r = 0; r < PMM_RESERVES; r++) {
        area_unreserve(pmm, &pmm->areas.reserves[r]);
    }
    number_runs(pmm);
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

/* --- counts, reserves ------------------------------------------------------
 */

static bool is_reserved(const struct pmm *pmm, uint64_t n) {
    for (unsigned r = 0; r < PMM_RESERVES; r++) {
        if (pmm->areas.reserves[r].area == n) {
            return true;
        }
    }
    return false;
}

static bool is_indexed(unsigned free) {
    return free != 0 && free != AREA_WHOLE;
}

void area_set_free(struct pmm *pmm, const struct area *area, unsigned now) {
    const unsigned before = *area->free;
    const uint64_t n = area->n - area->zone->first;

    *area->free = (uint16_t)now;
    if (is_indexed(before) && is_indexed(now) &&
        area_class(before) == area_class(now)) {
        return;
    }
    if (is_reserved(pmm, area->n)) {
        return;
    }
    if (is_indexed(before)) {
        area_index_remove(area->zone, n, area_class(before));
    }
    if (is_indexed(now)) {
        area_index_add(area->zone, n, area_class(now));
    }
}

void area_need_line(const struct area *area) {
    if (*area->free == AREA_FRAMES) {
        memset(area->line, 0xff, AREA_WORDS * sizeof(uint64_t));
    }
}

void area_unreserve(struct pmm *pmm, struct pmm_reserve *reserve) {
    if (reserve->area != PMM_NO_AREA && is_indexed(*reserve->free)) {
        const struct pmm_zone *zone = zone_of(pmm, reserve->area);

        area_index_add(zone_of(pmm, reserve->area), reserve->area - zone->first,
                       area_class(*reserve->free));
    }
    forget_reserve(pmm, reserve);
}

void area_reserve(struct pmm *pmm, struct pmm_reserve *reserve,
                  const struct area *area) {
    unsigned bit = 0; /* of a free frame */

    area_unreserve(pmm, reserve);
    area_need_line(area);
    while (area->line[bit / WORD_BITS] == 0) {
        bit += WORD_BITS;
    }
    bit += (unsigned)__builtin_ctzll(area->line[bit / WORD_BITS]);
    area_index_remove(area->zone, area->n - area->zone->first,
                      area_class(*area->free));
    *reserve = (struct pmm_reserve){
        .area = area->n,
        .free = area->free,
        .line = area->line,
        .base = area_base(pmm, area->n),
        .run = pmm_run_of(pmm, pfn_add(area_base(pmm, area->n), bit)),
    };
}

/* --- single frames ---------------------------------------------------------
 */

/** The fullest area of @zone with room; false: none. */
static bool fullest(struct pmm *pmm, struct pmm_zone *zone, uint64_t *n) {
    do {
        for (unsigned c = 0; c < PMM_AREA_CLASSES; c++) {
            const uint64_t found = area_index_next(zone, c, 0);

            if (found < zone->count) {
                *n = zone->first + found;
                return true;
            }
        }
    } while (area_open_more(pmm, zone, zone->count));
    return false;
}

static bool refill(struct pmm *pmm, struct pmm_reserve *reserve) {
    uint64_t n;

    for (unsigned z = PMM_ZONES; z-- > 0;) {
        if (fullest(pmm, &pmm->areas.zones[z], &n)) {
            const struct area area = area_at(pmm, n);

            area_reserve(pmm, reserve, &area);
            return true;
        }
    }
    return false;
}

/** All that is left may lie in the area reserved for others. */
static bool refill_from_others(struct pmm *pmm, struct pmm_reserve *reserve) {
    for (unsigned r = 0; r < PMM_RESERVES; r++) {
        area_unreserve(pmm, &pmm->areas.reserves[r]);
    }
    return refill(pmm, reserve);
}

/** Hand out a frame of the area that serves, which has one. */
static inline pfn_t serve(struct pmm_reserve *from) {
    uint64_t bits;

    while ((bits = from->line[from->word]) == 0) {
        from->word = (from->word + 1) % AREA_WORDS;
    }
    from->line[from->word] = bits & (bits - 1);
    --*from->free;
    return pfn_add(from->base,
                   from->word * WORD_BITS + (uint64_t)__builtin_ctzll(bits));
}

MM_COLD static bool refill_and_serve(struct pmm *pmm, pfn_t *f) {
    struct pmm_reserve *from = &pmm->areas.reserves[0];

    if (!refill(pmm, from) && !refill_from_others(pmm, from)) {
        return false;
    }
    *f = serve(from);
    return true;
}

static bool areas_alloc(struct pmm *pmm, pfn_t *f) {
    struct pmm_reserve *from = &pmm->areas.reserves[0];

    if (*from->free == 0) {
        return refill_and_serve(pmm, f);
    }
    *f = serve(from);
    return true;
}

/** Of the area that serves: it is open, not whole, and in no class. */
static enum mm_status free_served(struct pmm_reserve *from, uint64_t bit) {
    if (bit_is_set(from->line, bit)) {
        return MM_NOT_ALLOCATED;
    }
    bit_set(from->line, bit);
    ++*from->free;
    return MM_OK;
}

MM_NOINLINE static enum mm_status free_elsewhere(struct pmm *pmm, pfn_t f,
                                                 size_t run) {
    const struct area area = area_at(pmm, area_of(pmm, f, run));
    const uint64_t bit = f.v % AREA_FRAMES;
    unsigned free;

    if (!area_is_open(&area) || *area.free == AREA_FRAMES) {
        return MM_NOT_ALLOCATED;
    }
    if (*area.free == AREA_WHOLE) {
        return MM_BAD_RANGE;
    }
    if (bit_is_set(area.line, bit)) {
        return MM_NOT_ALLOCATED;
    }
    bit_set(area.line, bit);
    free = *area.free;
    if (free != 0 && area_class(free) == area_class(free + 1)) {
        *area.free =
            (uint16_t)(free + 1); /* mostly: the index stays as it is */
    } else {
        area_set_free(pmm, &area, free + 1);
    }
    return MM_OK;
}

static enum mm_status areas_free_frame(struct pmm *pmm, pfn_t f, size_t run) {
    struct pmm_reserve *from = &pmm->areas.reserves[0];

    return run == from->run && f.v - from->base.v < AREA_FRAMES
               ? free_served(from, f.v % AREA_FRAMES)
               : free_elsewhere(pmm, f, run);
}

static bool areas_is_used(const struct pmm *pmm, pfn_t f) {
    const uint64_t n = area_of(pmm, f, pmm_run_of(pmm, f));
    const uint64_t *line = &pmm->areas.lines[n * AREA_WORDS];
    const struct pmm_zone *zone = &pmm->areas.zones[PMM_ZONES - 1];

    while (n < zone->first) {
        zone--;
    }
    if (n - zone->first >= zone->opened || pmm->areas.free[n] == AREA_FRAMES) {
        return false;
    }
    return pmm->areas.free[n] == AREA_WHOLE ||
           !bit_is_set(line, f.v % AREA_FRAMES);
}

const struct pmm_class pmm_areas = {
    .name = "areas",
    .reuses = true,
    .metadata_size = areas_metadata_size,
    .init = areas_init,
    .alloc = areas_alloc,
    .free = areas_free_frame,
    .is_used = areas_is_used,
    .take = area_take,
    .joined = areas_joined,
    .alloc_run = area_alloc_run,
    .free_run = area_free_run,
    .break_up = area_break_up,
    .is_sound = area_is_sound,
};
