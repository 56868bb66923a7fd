/**
 * @file pmm.h
 * Frames: which 4 KiB pieces of RAM are in use, and by nobody twice.
 *
 * The memory map of the firmware becomes a list of managed runs (usable RAM,
 * whole frames, minus what was reserved at boot); a strategy hands frames of
 * these runs out and takes them back.  Whatever the map does not call usable
 * is never handed out.
 */
#ifndef PMM_PMM_H
#define PMM_PMM_H

#include "base/events.h"
#include "base/fmt.h"
#include "base/status.h"
#include "hw/boot.h"
#include "hw/lock.h"

/** The most runs kept; what a map has beyond is dropped, largest kept. */
#define PMM_RUNS_MAX 256
/** What may be managed is kept as well; metadata may cut one more of these in
 *  two. */
#define PMM_SPANS_MAX (PMM_RUNS_MAX + 1)

/** The buddy strategy has blocks of 2^0 .. 2^10 frames. */
#define PMM_BUDDY_ORDERS 11

/** The default strategy tells apart RAM below 16 MiB, below 4 GiB, the rest. */
#define PMM_ZONES 3
#define PMM_AREA_CLASSES 8
#define PMM_AREA_LEVELS 6 /* 64^6 areas of 2 MiB are beyond 2^52 bytes */
/** [0] is what single frames are served from, [1] what blocks of 2 to 256. */
#define PMM_RESERVES 2

/** @count frames from @first. */
struct pmm_run {
    pfn_t first;
    uint64_t count;
};

struct pmm_want; /* what one may ask for, below */

struct pmm_stats {
    uint64_t total;     /* frames that the map calls usable, or ACPI tables */
    uint64_t reserved;  /* of these, withheld: boot, policy, metadata, books */
    uint64_t allocated; /* of these, handed out; the rest is free */
    uint64_t peak;      /* the largest that allocated ever was */
    uint64_t allocs, frees; /* frames ever handed out, ever taken back */
};
/* Identity, after every call: total = reserved + allocated + free. */

struct pmm;

/**
 * A strategy.  pmm.c holds the lock, knows that the frames it names are managed
 * ones of a single run, and counts; all else is the strategy's.
 */
struct pmm_class {
    const char *name;
    /** Are frames that came back handed out again at once?  Those of a bump
     *  only after all have come back, but for runs. */
    bool reuses;
    /** Bytes at the start of a free frame that the strategy writes to. */
    unsigned scratch;
    /** Bytes of metadata wanted for @pmm->spans, frames below @pmm->frames. */
    uint64_t (*metadata_size)(const struct pmm *pmm);
    /** The frames of @pmm->runs are free, all others used. */
    void (*init)(struct pmm *pmm);
    bool (*alloc)(struct pmm *pmm, pfn_t *f); /* false: none left */
    /** MM_OK or MM_NOT_ALLOCATED; @run is the index of the run with @f. */
    enum mm_status (*free)(struct pmm *pmm, pfn_t f, size_t run);
    bool (*is_used)(const struct pmm *pmm, pfn_t f);
    /** Mark frames used that is_used() just called free; false: won't. */
    bool (*take)(struct pmm *pmm, pfn_t first, uint64_t count);
    /** Optional: hand out a run, if there is a quick way to one. */
    bool (*alloc_run)(struct pmm *pmm, const struct pmm_want *want,
                      pfn_t *first);
    /** Optional: free frames of one run, all or none. */
    enum mm_status (*free_run)(struct pmm *pmm, pfn_t first, uint64_t count,
                               size_t run);
    /** Optional: frames of one run, all used, will come back one by one. */
    void (*break_up)(struct pmm *pmm, pfn_t first, uint64_t count, size_t run);
    /** Optional: @piece has become part of a run (reclaim.c); the strategy
     * calls its frames used or free, and those that are used are freed next. */
    void (*joined)(struct pmm *pmm, struct pmm_run piece);
    bool (*is_sound)(const struct pmm *pmm); /* own structures, counts */
};

extern const struct pmm_class pmm_areas, pmm_bitmap, pmm_bump, pmm_stack,
    pmm_buddy;
/** For tests, in no list: never a frame; as many as @pmm->few.left says. */
extern const struct pmm_class pmm_empty, pmm_few;

/** All strategies that one may choose, ended by NULL. */
extern const struct pmm_class *const pmm_classes[];
/** The class of that name, or NULL. */
const struct pmm_class *pmm_class_by_name(const char *name);

/** A node of an index over areas: a word for each class of fullness. */
struct pmm_area_node {
    uint64_t in[PMM_AREA_CLASSES];
};

/** Areas (2 MiB of RAM) that lie below the same limit. */
struct pmm_zone {
    uint64_t first, count; /* areas */
    uint64_t opened;       /* of these, described; the rest is all free */
    unsigned levels;
    struct pmm_area_node *level[PMM_AREA_LEVELS];
};

/** An area kept out of the index, to serve from; one per processor and kind
 *  when there are several processors. */
struct pmm_reserve {
    uint64_t area; /* PMM_NO_AREA: none */
    uint16_t *free;
    uint64_t *line;
    pfn_t base;
    size_t run;    /* one with frames of the area; PMM_RUNS_MAX: no area */
    unsigned word; /* where the next search starts */
};
#define PMM_NO_AREA UINT64_MAX

/** Who asked for frames: a tag, a place in the code, or both. */
struct pmm_site {
    const char *tag; /* NULL: none given */
    vaddr_t caller;  /* behind the call of pmm_alloc() or pmm_alloc_run() */
    uint64_t live;   /* frames */
};
#define PMM_SITES 64 /* the last one: all that came too late for its own */

/** What the books say of a frame; books.c. */
struct pmm_entry {
    uint16_t shares; /* owners beyond the first */
    uint8_t site;    /* who asked for it; who had it last, once free */
    uint8_t part;    /* 0: free, 1: first frame of a run, 2: the rest */
};
#define PMM_SHARES_MAX UINT16_MAX

struct pmm_books {
    struct pmm_entry *of;  /* by frame number; NULL: no books are kept */
    struct pmm_run frames; /* that the books fill */
    struct pmm_site sites[PMM_SITES];
    unsigned site_count;
};

/** A free frame was written to; the newest case. */
struct pmm_damage {
    uint64_t cases; /* 0: never */
    pfn_t frame;
    uint64_t offset, seen;       /* the first wrong word: where, what */
    const struct pmm_site *last; /* who had it before, by the books; or NULL */
};

struct pmm {
    const struct pmm_class *class;
    struct lock lock;
    struct events *events; /* NULL: record nothing */

    struct pmm_run runs[PMM_RUNS_MAX]; /* ascending, none touching the next */
    size_t run_count;
    struct pmm_run largest; /* a copy of runs[largest_run] */
    size_t largest_run;
    struct pmm_run spans[PMM_SPANS_MAX]; /* the runs, and what may join them */
    size_t span_count;
    uint64_t frames; /* highest frame of a span + 1 */

    struct prange metadata; /* in RAM, reached through the direct map */
    vaddr_t direct_base;

    struct pmm_stats stats;
    bool watched; /* books are kept or poison is on */
    struct pmm_books books;
    uint64_t poison; /* seed of the pattern; 0: off */
    struct pmm_damage damage;
    union {
        struct pmm_areas_state {
            uint64_t *lines; /* 8 words per area; bit set: free */
            uint16_t *free;  /* per area: free frames */
            uint64_t span_area[PMM_SPANS_MAX]; /* first area of each span */
            /* Of each run: what to add to the number of a 2 MiB block to
             * have that of its area; modulo 2^64. */
            uint64_t run_shift[PMM_RUNS_MAX];
            struct pmm_zone zones[PMM_ZONES];
            struct pmm_reserve reserves[PMM_RESERVES];
            uint16_t none; /* what a reserve without area has left: 0 */
        } areas;
        struct pmm_bitmap_state {
            uint64_t *words; /* bit set: used */
            uint64_t word_count;
            uint64_t hint; /* word where the next search starts */
        } bitmap;
        struct pmm_few_state {
            struct pmm_bitmap_state bitmap; /* first: it is a bitmap */
            uint64_t left;                  /* frames that may still be given */
        } few;
        struct {
            uint64_t *words; /* bit set: used; written below next only */
            size_t run;      /* run and frame that come next */
            pfn_t next;
        } bump;
        struct {
            uint64_t *words; /* bit set: used */
            pfn_t top;       /* of the stack of free frames; 0: empty */
            size_t run;      /* those before have no fresh frame */
            pfn_t fresh[PMM_RUNS_MAX]; /* per run: never handed out, from here
                                          on */
        } stack;
        struct {
            uint64_t *free[PMM_BUDDY_ORDERS]; /* bit n: block n is free */
            pfn_t first[PMM_BUDDY_ORDERS];    /* of the list; 0: empty */
        } buddy;
    };
};

/**
 * Take over the RAM of @boot->map, less the first MiB (legacy firmware data)
 * and less @boot->reserved, with the metadata in the lowest run that holds it.
 *
 * @return MM_OK       frames can be allocated
 *         MM_BAD_MAP  no usable frame, or no run that holds the metadata
 */
MM_MUST_CHECK enum mm_status pmm_init(struct pmm *pmm,
                                      const struct hw_boot *boot,
                                      const struct pmm_class *class);

/**
 * Hand out one frame; its contents are whatever they were.
 *
 * @return MM_OK         *@f is the caller's until pmm_free()
 *         MM_NO_MEMORY  none left; *@f is unchanged
 *
 * Amortised O(1).
 */
MM_MUST_CHECK enum mm_status pmm_alloc(struct pmm *pmm, pfn_t *f);

/** What one may ask for beyond one frame anywhere. */
struct pmm_want {
    uint64_t count;  /* frames, one behind the other; at least 1 */
    uint64_t align;  /* of the first frame's number, a power of two; 0: any */
    pfn_t below;     /* the last frame lies below this one; 0: anywhere */
    const char *tag; /* for the books; lives as long as they do, or NULL */
};

/** Limits of devices: ISA DMA reaches 16 MiB, 32-bit PCI 4 GiB. */
#define PMM_BELOW_16M pfn(16 * MIB >> PAGE_SHIFT)
#define PMM_BELOW_4G pfn(4 * GIB >> PAGE_SHIFT)

/** 2^order frames, aligned to their size; order 9 is the 2 MiB of a huge page.
 */
static inline struct pmm_want pmm_block(unsigned order) {
    return (struct pmm_want){ .count = UINT64_C(1) << order,
                              .align = UINT64_C(1) << order };
}
#define PMM_ORDER_2M 9

/**
 * Hand out a run of frames.
 *
 * @return MM_OK            *@first and the frames behind it are the caller's
 *         MM_BAD_ARGUMENT  no frames asked for, or @align no power of two
 *         MM_NO_MEMORY     no such run is free
 *         After all but MM_OK nothing has changed.
 *
 * A strategy may know a quick way to some runs; else O(frames).
 */
MM_MUST_CHECK enum mm_status pmm_alloc_run(struct pmm *pmm,
                                           struct pmm_want want, pfn_t *first);

/**
 * Take back @count frames from @first: all or none.  They need not be what one
 * call handed out, except that a 2 MiB block may have to come back whole.
 *
 * @return as pmm_free(); MM_BAD_ARGUMENT for a count of 0
 */
MM_MUST_CHECK enum mm_status pmm_free_run(struct pmm *pmm, pfn_t first,
                                          uint64_t count);

/**
 * Take back a frame.
 *
 * @return MM_OK             free again
 *                           (or, if it was shared, one owner less)
 *         MM_NOT_ALLOCATED  it is free already: a double free; nothing changed
 *         MM_BAD_RANGE      part of a run that must come back as a whole
 *         MM_NOT_MANAGED    no frame of ours: a hole, reserved, past the end of
 * RAM
 */
MM_MUST_CHECK enum mm_status pmm_free(struct pmm *pmm, pfn_t f);

/**
 * From now on @count frames from @first, of any runs, are single ones, each
 * with as many owners as its run had: they come back one by one.
 *
 * @return MM_OK             O(@count)
 *         MM_BAD_ARGUMENT   @count is 0
 *         MM_NOT_MANAGED    not all in one run of managed memory
 *         MM_NOT_ALLOCATED  one is free, or holds the books
 *         After all but MM_OK nothing has changed.
 */
MM_MUST_CHECK enum mm_status pmm_break_up(struct pmm *pmm, pfn_t first,
                                          uint64_t count);

/** As pmm_free() for who has an address; MM_NOT_ALIGNED inside a frame. */
MM_MUST_CHECK enum mm_status pmm_free_address(struct pmm *pmm, paddr_t pa);

/* --- reclaim.c: what was in use at boot ---------------------------------- */

/**
 * Manage the frames that @range touches, too: they were withheld at the start
 * (the module, boot tables, what the boot loader left over), and the caller
 * says that nobody uses them any more.
 *
 * @return MM_OK             they are free
 *         MM_BAD_ARGUMENT   the range is empty
 *         MM_NOT_MANAGED    not RAM, or never ours: the first MiB, metadata
 *         MM_NOT_ALLOCATED  some are managed already: reclaimed twice
 *         MM_NO_MEMORY      there are PMM_RUNS_MAX runs, and it touches none
 *         After all but MM_OK nothing has changed.
 */
MM_MUST_CHECK enum mm_status pmm_reclaim(struct pmm *pmm, struct prange range);

/**
 * The same for all that the map calls ACPI tables, once nobody reads them any
 * more; but for what @boot reserves.
 *
 * @return MM_OK
 *         MM_NOT_ALLOCATED  there was nothing to reclaim (any more)
 *         MM_NO_MEMORY      some touch none of PMM_RUNS_MAX runs and stay as
 *                           they were; the others are free
 */
MM_MUST_CHECK enum mm_status pmm_reclaim_acpi(struct pmm *pmm,
                                              const struct hw_boot *boot);

/* --- books.c: owners --------------------------------------------------- */

/**
 * Keep books from now on: who asked for which frames, how many own them.  4
 * bytes per frame up to the highest managed one, taken from free memory for
 * good and counted as reserved; so keep them from the start.  A run then has to
 * come back as it was handed out.  What was handed out before counts as single
 * frames of one site, which may come back together.
 *
 * @return MM_OK, or MM_NO_MEMORY: no run of free frames for them
 */
MM_MUST_CHECK enum mm_status pmm_keep_books(struct pmm *pmm);

/**
 * One more owner for the frame or run at @first; each gives it back.
 *
 * @return MM_OK, MM_NOT_MANAGED, MM_NOT_ALLOCATED
 *         MM_BAD_RANGE  inside a run, not its first frame
 *         MM_REFUSED    no books are kept, or it has PMM_SHARES_MAX + 1 owners
 */
MM_MUST_CHECK enum mm_status pmm_share(struct pmm *pmm, pfn_t first);
/** How many own @f; without books 1 for any frame that is used. */
uint64_t pmm_owners(const struct pmm *pmm, pfn_t f);
/** Who asked for @f, or, when it is free, had it last; NULL: unknown. */
const struct pmm_site *pmm_site_of(const struct pmm *pmm, pfn_t f);

/* --- poison.c ------------------------------------------------------------ */

/** Fill frames that come back with a pattern, and look at it when they are
 *  handed out again: pmm->damage tells.  @seed 0: no more; else a fresh one
 * each time, on old RAM, too.  Frames never handed out are not checked, nor
 * what the strategy itself writes to a free frame. */
void pmm_poison(struct pmm *pmm, uint64_t seed);

/* --- report.c ------------------------------------------------------------ */

struct pmm_fragmentation {
    uint64_t free;            /* frames */
    uint64_t largest_run;     /* of free frames */
    uint64_t blocks;          /* whole 2 MiB that are free */
    uint64_t blocks_possible; /* that so many free frames could be */
};
/** O(frames). */
struct pmm_fragmentation pmm_fragmentation(const struct pmm *pmm);

/** Say in words what @f is and whose: "frame 0x1234 is used, by heap". */
void pmm_describe(const struct pmm *pmm, pfn_t f, fmt_sink *sink, void *ctx);
/** A line for each site with live frames, as the books say.  @return frames */
uint64_t pmm_report_live(const struct pmm *pmm, fmt_sink *sink, void *ctx);

/* --- questions -------------------------------------------------------------
 */

/** Can @f not be handed out now?  True for all that is not managed. */
bool pmm_is_used(const struct pmm *pmm, pfn_t f);
/** Is @f one that pmm_alloc() may hand out at all? */
bool pmm_is_managed(const struct pmm *pmm, pfn_t f);

/** What was counted so far; exact while nobody is at work. */
static inline struct pmm_stats pmm_stats(const struct pmm *pmm) {
    return pmm->stats;
}

/** Frames that are neither reserved nor handed out.  A bump can hand out fewer.
 */
uint64_t pmm_free_count(const struct pmm *pmm);

/** The longest run of free frames, in frames.  O(frames). */
uint64_t pmm_largest_free_run(const struct pmm *pmm);

/** Runs ascending and apart, counters add up, the class and the books agree.
 *  O(frames). */
bool pmm_is_sound(const struct pmm *pmm);

#endif
