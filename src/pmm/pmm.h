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
#include "base/status.h"
#include "hw/boot.h"
#include "hw/lock.h"

/** The most runs kept; what a map has beyond is dropped, largest kept. */
#define PMM_RUNS_MAX 256

/** @count frames from @first. */
struct pmm_run {
    pfn_t first;
    uint64_t count;
};

struct pmm_stats {
    uint64_t total;         /* frames that the map calls usable */
    uint64_t reserved;      /* of these, withheld: boot, policy, own metadata */
    uint64_t allocated;     /* of these, handed out; the rest is free */
    uint64_t peak;          /* the largest that allocated ever was */
    uint64_t allocs, frees; /* calls that succeeded */
};
/* Identity, after every call: total = reserved + allocated + free. */

struct pmm;

/** A strategy.  pmm.c has checked everything before it calls one. */
struct pmm_class {
    const char *name;
    /** Bytes of metadata wanted for frames 0 .. @frames - 1. */
    uint64_t (*metadata_size)(uint64_t frames);
    /** All frames used, then those of @pmm->runs free. */
    void (*init)(struct pmm *pmm);
    bool (*alloc)(struct pmm *pmm, pfn_t *f); /* false: none left */
    void (*free)(struct pmm *pmm, pfn_t f);
    bool (*is_used)(const struct pmm *pmm, pfn_t f);
    bool (*is_sound)(const struct pmm *pmm); /* own structures, counts */
};

extern const struct pmm_class pmm_bitmap;

/** All strategies, ended by NULL. */
extern const struct pmm_class *const pmm_classes[];
/** The class of that name, or NULL. */
const struct pmm_class *pmm_class_by_name(const char *name);

struct pmm {
    const struct pmm_class *class;
    struct lock lock;
    struct events *events; /* NULL: record nothing */

    struct pmm_run runs[PMM_RUNS_MAX]; /* ascending, none touching the next */
    size_t run_count;
    uint64_t frames; /* highest managed frame + 1 */

    struct prange metadata; /* in RAM, reached through the direct map */
    vaddr_t direct_base;

    struct pmm_stats stats;
    union {
        struct {
            uint64_t *words; /* bit set: used */
            uint64_t word_count;
            uint64_t hint; /* word where the next search starts */
        } bitmap;
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

/**
 * Take back a frame.
 *
 * @return MM_OK             free again
 *         MM_NOT_ALLOCATED  it is free already: a double free; nothing changed
 *         MM_NOT_MANAGED    no frame of ours: a hole, reserved, past the end of
 * RAM
 */
MM_MUST_CHECK enum mm_status pmm_free(struct pmm *pmm, pfn_t f);

/** As pmm_free() for who has an address; MM_NOT_ALIGNED inside a frame. */
MM_MUST_CHECK enum mm_status pmm_free_address(struct pmm *pmm, paddr_t pa);

/** Can @f not be handed out now?  True for all that is not managed. */
bool pmm_is_used(const struct pmm *pmm, pfn_t f);
/** Is @f one that pmm_alloc() may hand out at all? */
bool pmm_is_managed(const struct pmm *pmm, pfn_t f);

/** Frames that can still be handed out. */
uint64_t pmm_free_count(const struct pmm *pmm);

/** The longest run of free frames, in frames.  O(frames). */
uint64_t pmm_largest_free_run(const struct pmm *pmm);

/** Runs ascending and apart, counters add up, the class agrees.  O(frames). */
bool pmm_is_sound(const struct pmm *pmm);

#endif
