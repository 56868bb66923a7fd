/**
 * @file areas.h
 * The parts of the default strategy; areas.c tells how they fit together.
 */
#ifndef PMM_AREAS_H
#define PMM_AREAS_H

#include "pmm/inside.h"

#define AREA_SHIFT PMM_ORDER_2M
#define AREA_FRAMES (1u << AREA_SHIFT) /* 512 frames, 2 MiB */
#define AREA_WORDS (AREA_FRAMES / WORD_BITS)

/** In place of a count: handed out as one block of 2 MiB. */
#define AREA_WHOLE UINT16_MAX

/* --- area_index.c: which areas have how much room ----------------------- */

/** The fullest class comes first; the last one has all 512 frames free. */
#define AREA_CLASS_FREE (PMM_AREA_CLASSES - 1)

/** The class of an area with @free frames free, 1..512. */
static inline unsigned area_class(unsigned free) {
    /* By the number of bits: 1, 2-3, 4-7, 8-15 ... 256-511, 512. */
    static const uint8_t by_bits[] = { 0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 7 };
    const unsigned bits = 32u - (unsigned)__builtin_clz(free);

    return by_bits[bits] + (free >= 384 && free < AREA_FRAMES ? 1u : 0u);
}

/** May an area leave its class when @free frames are free instead of one fewer?
 *  Where this says no, it does not. */
static inline bool area_class_may_end(unsigned free) {
    return (free & (free - 1)) == 0 || free == 384;
}

/** Nodes that the index of @areas areas has. */
uint64_t area_index_nodes(uint64_t areas);
/** Lay the index of @zone out from @nodes on; writes none of them. */
void area_index_place(struct pmm_zone *zone, struct pmm_area_node *nodes);
/** Write the empty nodes that areas @n .. @n + 63 need; areas are opened in
 *  order, 64 at a time. */
void area_index_open(struct pmm_zone *zone, uint64_t n);
void area_index_add(struct pmm_zone *zone, uint64_t n, unsigned class);
void area_index_remove(struct pmm_zone *zone, uint64_t n, unsigned class);
/** The lowest area >= @from of the class; zone->count: there is none. */
uint64_t area_index_next(const struct pmm_zone *zone, unsigned class,
                         uint64_t from);
/** The lowest area of the fullest class that has one; zone->count: no class
 *  has. */
uint64_t area_index_fullest(const struct pmm_zone *zone);
bool area_index_has(const struct pmm_zone *zone, uint64_t n, unsigned class);
/** A node has a bit where, and only where, the node below has one. */
bool area_index_is_sound(const struct pmm_zone *zone);

/* --- area_line.c: the 512 bits of an area, set while a frame is free ---- */

/** Clear 2^order bits that lie together, aligned; 512: there are none. */
unsigned line_take(uint64_t *line, unsigned order);
/** Clear or set @count bits from @bit. */
void line_clear(uint64_t *line, unsigned bit, unsigned count);
void line_set(uint64_t *line, unsigned bit, unsigned count);
/** How many of @count bits from @bit are set. */
unsigned line_count(const uint64_t *line, unsigned bit, unsigned count);

/* --- area_open.c: from nothing ------------------------------------------- */

uint64_t area_metadata_size(const struct pmm *pmm);
void area_init(struct pmm *pmm);
/** Say of each run where its areas are; once more when runs have joined. */
void area_number_runs(struct pmm *pmm);
/** The first frame of area @n, were it whole. */
pfn_t area_base(const struct pmm *pmm, uint64_t n);
/** Describe 64 more areas of @zone; @return false: the first @wanted are. */
bool area_open_more(struct pmm *pmm, struct pmm_zone *zone, uint64_t wanted);

/* --- areas.c ------------------------------------------------------------ */

/** Areas are numbered through all runs, ascending, holes left out. */
struct area {
    uint64_t n;
    struct pmm_zone *zone; /* the one that holds it */
    uint16_t *free;        /* free frames, or AREA_WHOLE; junk until opened */
    uint64_t *line;        /* its bits; junk while all are free, or WHOLE */
};
struct area area_at(struct pmm *pmm, uint64_t n);
bool area_is_open(const struct area *area);
/** The area of frame @f in run number @run. */
uint64_t area_of(const struct pmm *pmm, pfn_t f, size_t run);
/** Say that @area has @now frames free (or AREA_WHOLE). */
void area_set_free(struct pmm *pmm, const struct area *area, unsigned now);
/** Make the line valid where the count alone said that all is free. */
void area_need_line(const struct area *area);
/** Make @area the one that @reserve serves from, in place of another. */
void area_reserve(struct pmm *pmm, struct pmm_reserve *reserve,
                  const struct area *area);
/** @reserve has no area. */
void area_forget_reserve(struct pmm *pmm, struct pmm_reserve *reserve);
/** Give the area of @reserve back to the index. */
void area_unreserve(struct pmm *pmm, struct pmm_reserve *reserve);

/* --- area_run.c --------------------------------------------------------- */

bool area_alloc_run(struct pmm *pmm, const struct pmm_want *want, pfn_t *first);
void area_break_up(struct pmm *pmm, pfn_t first, uint64_t count, size_t run);
bool area_take(struct pmm *pmm, pfn_t first, uint64_t count);
enum mm_status area_free_run(struct pmm *pmm, pfn_t first, uint64_t count,
                             size_t run);

/* --- area_sound.c ------------------------------------------------------- */

bool area_is_sound(const struct pmm *pmm);

#endif
