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
 * a search is due once per area, and blocks of one kind keep together, unless a
 * free area had to be broken for that.
 *
 * In a memory that is used for long most areas are full.  A frame that comes
 * back to a full area makes it the fullest with room at once; so it serves
 * next, if the one that did is used up, without a step in the index.
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
    return pmm->areas.run_shift[run] + (f.v >> AREA_SHIFT);
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

void area_forget_reserve(struct pmm *pmm, struct pmm_reserve *reserve) {
    *reserve = (struct pmm_reserve){
        .area = PMM_NO_AREA,
        .free = &pmm->areas.none,
        .run = PMM_RUNS_MAX,
    };
}

void area_unreserve(struct pmm *pmm, struct pmm_reserve *reserve) {
    if (reserve->area != PMM_NO_AREA && is_indexed(*reserve->free)) {
        struct pmm_zone *zone = zone_of(pmm, reserve->area);

        area_index_add(zone, reserve->area - zone->first,
                       area_class(*reserve->free));
    }
    area_forget_reserve(pmm, reserve);
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

/** Runs have other numbers now; areas that are open know the piece as used. */
static void areas_joined(struct pmm *pmm, struct pmm_run piece) {
    (void)piece;
    for (unsigned r = 0; r < PMM_RESERVES; r++) {
        area_unreserve(pmm, &pmm->areas.reserves[r]);
    }
    area_number_runs(pmm);
}

/* --- single frames ---------------------------------------------------------
 */

/** What serves in @zone goes back to the index. */
static void give_up_reserves(struct pmm *pmm, const struct pmm_zone *zone) {
    for (unsigned r = 0; r < PMM_RESERVES; r++) {
        if (pmm->areas.reserves[r].area - zone->first < zone->count) {
            area_unreserve(pmm, &pmm->areas.reserves[r]);
        }
    }
}

/** The fullest area of @zone with room, counted in the zone; zone->count: none.
 *  What serves blocks is asked before a free area is broken. */
static uint64_t fullest(struct pmm *pmm, struct pmm_zone *zone) {
    uint64_t n = area_index_fullest(zone);

    if (n == zone->count || pmm->areas.free[zone->first + n] == AREA_FRAMES) {
        give_up_reserves(pmm, zone);
        n = area_index_fullest(zone);
    }
    while (n == zone->count && area_open_more(pmm, zone, zone->count)) {
        n = area_index_fullest(zone);
    }
    return n;
}

static bool refill(struct pmm *pmm, struct pmm_reserve *reserve) {
    for (unsigned z = PMM_ZONES; z-- > 0;) {
        struct pmm_zone *zone = &pmm->areas.zones[z];
        const uint64_t n = fullest(pmm, zone);

        if (n < zone->count) {
            const struct area area = area_at(pmm, zone->first + n);

            area_reserve(pmm, reserve, &area);
            return true;
        }
    }
    return false;
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

    if (!refill(pmm, from)) {
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

/** No zone above @zone has RAM. */
static bool is_highest(const struct pmm *pmm, const struct pmm_zone *zone) {
    const struct pmm_zone *last = &pmm->areas.zones[PMM_ZONES - 1];

    return zone->first + zone->count == last->first + last->count;
}

/*
 * @f is free again, the only such frame of an area that was full.  No area with
 * room is fuller; so it serves from now on, if the one that did is used up and
 * no higher RAM is to be used first.  Neither was in the index, or gets there.
 *
 *   serves     [ area 7: 0 free ]   -->   [ area 3: 1 free ]
 */
static inline bool serves_at_once(struct pmm *pmm, const struct area *area,
                                  pfn_t f, size_t run) {
    struct pmm_reserve *reserve = &pmm->areas.reserves[0];

    if (*reserve->free > 0 || area->n == pmm->areas.reserves[1].area ||
        !is_highest(pmm, area->zone)) {
        return false;
    }
    *reserve = (struct pmm_reserve){
        .area = area->n,
        .free = area->free,
        .line = area->line,
        .base = pfn(align_down(f.v, AREA_FRAMES)),
        .run = run,
        .word = (unsigned)(f.v % AREA_FRAMES / WORD_BITS),
    };
    *area->free = 1;
    return true;
}

/** Apart from free_elsewhere(), which has the area in registers. */
MM_NOINLINE static void free_changes_class(struct pmm *pmm, pfn_t f, size_t run,
                                           unsigned free) {
    const struct area area = area_at(pmm, area_of(pmm, f, run));

    area_set_free(pmm, &area, free);
}

/** The bit of @f is set, or was never cleared. */
MM_COLD static enum mm_status refuse(struct pmm *pmm, pfn_t f, size_t run) {
    const struct area area = area_at(pmm, area_of(pmm, f, run));

    return area_is_open(&area) && *area.free == AREA_WHOLE ? MM_BAD_RANGE
                                                           : MM_NOT_ALLOCATED;
}

MM_NOINLINE static enum mm_status free_elsewhere(struct pmm *pmm, pfn_t f,
                                                 size_t run) {
    const struct area area = area_at(pmm, area_of(pmm, f, run));
    const uint64_t bit = f.v % AREA_FRAMES;
    unsigned free;

    if (!area_is_open(&area) || *area.free >= AREA_FRAMES ||
        bit_is_set(area.line, bit)) {
        return refuse(pmm, f, run);
    }
    bit_set(area.line, bit);
    free = *area.free + 1u;
    if (!area_class_may_end(free)) {
        *area.free = (uint16_t)free; /* mostly: the index stays as it is */
    } else if (free > 1 || !serves_at_once(pmm, &area, f, run)) {
        free_changes_class(pmm, f, run, free);
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
    .metadata_size = area_metadata_size,
    .init = area_init,
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
