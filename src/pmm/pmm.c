/*
 * What every strategy would do again, part 1: which frames there are to manage,
 * and questions about them.
 *
 *   map       [ usable      ]     [ usable                        ][ ACPI ]
 *   less      [1 MiB]                 [image][tables]      [module]
 *   spans             [     ]        [                                     ]
 *   runs              [     ]     M                  [    ]        []
 *
 * Spans are what may ever be managed: what is withheld in them now may join the
 * runs later (reclaim.c), so metadata describes spans.  M is the strategy's
 * metadata: it lies in the RAM that it describes, at the start of the lowest
 * run that is large beside it (or, where there is none, has room for it), and
 * is withheld like the rest.
 */
#include <string.h>

#include "pmm/inside.h"
#include "pmm/memmap.h"

/** Below, firmware keeps things it does not always mention (the interrupt
 *  table, the EBDA); frame 0 must stay unused so that 0 can mean "none". */
#define WITHHELD_BELOW MIB

const struct pmm_class *const pmm_classes[] = {
    &pmm_areas, &pmm_bitmap, &pmm_bump, &pmm_stack, &pmm_buddy, NULL,
};

const struct pmm_class *pmm_class_by_name(const char *name) {
    for (size_t i = 0; pmm_classes[i] != NULL; i++) {
        if (strcmp(pmm_classes[i]->name, name) == 0) {
            return pmm_classes[i];
        }
    }
    return NULL;
}

static void withhold(struct pmm *pmm, struct prange range) {
    pmm->run_count =
        memmap_reserve(pmm->runs, pmm->run_count, PMM_RUNS_MAX, range);
}

static void withhold_for_good(struct pmm *pmm, struct prange range) {
    pmm->span_count =
        memmap_reserve(pmm->spans, pmm->span_count, PMM_SPANS_MAX, range);
    withhold(pmm, range);
}

/** The spans and runs before the metadata has a place. */
static void find_runs(struct pmm *pmm, const struct hw_boot *boot) {
    const uint64_t bus = UINT64_C(1) << boot->phys_bits;

    pmm->span_count = memmap_reclaimable(boot->map, boot->map_count, pmm->spans,
                                         PMM_RUNS_MAX);
    memcpy(pmm->runs, pmm->spans, sizeof(pmm->runs));
    pmm->run_count = pmm->span_count;
    withhold_for_good(pmm, (struct prange){ paddr(0), WITHHELD_BELOW });
    withhold_for_good(pmm, (struct prange){ paddr(bus), UINT64_MAX - bus + 1 });
    for (size_t i = 0; i < boot->map_count; i++) {
        if (boot->map[i].type == MEMMAP_ACPI_RECLAIMABLE) {
            withhold(pmm, boot->map[i].range);
        }
    }
    for (size_t i = 0; i < boot->reserved_count; i++) {
        withhold(pmm, boot->reserved[i]);
    }
    withhold(pmm, boot->module);
}

static uint64_t frames_to_describe(const struct pmm *pmm) {
    const struct pmm_run *last;

    if (pmm->run_count == 0) {
        return 0;
    }
    last = &pmm->spans[pmm->span_count - 1];
    return last->first.v + last->count;
}

/** The lowest run of at least @pages frames; run_count: there is none. */
static size_t lowest_run_of(const struct pmm *pmm, uint64_t pages) {
    size_t i = 0;

    while (i < pmm->run_count && pmm->runs[i].count < pages) {
        i++;
    }
    return i;
}

/** Withhold @bytes.  Low memory is scarce: a large machine's metadata must not
 *  eat up what old devices can reach. */
static bool place_metadata(struct pmm *pmm, uint64_t bytes) {
    const uint64_t pages = pages_for(bytes);
    size_t i = lowest_run_of(pmm, 8 * pages);

    if (i == pmm->run_count) {
        i = lowest_run_of(pmm, pages);
    }
    if (i == pmm->run_count) {
        return false;
    }
    pmm->metadata =
        (struct prange){ paddr_of(pmm->runs[i].first), pages * PAGE_SIZE };
    withhold_for_good(pmm, pmm->metadata);
    return true;
}

void pmm_find_largest_run(struct pmm *pmm) {
    size_t largest = 0;

    for (size_t i = 1; i < pmm->run_count; i++) {
        largest = pmm->runs[i].count > pmm->runs[largest].count ? i : largest;
    }
    pmm->largest_run = largest;
    pmm->largest = pmm->runs[largest];
}

static uint64_t frames_in_runs(const struct pmm *pmm) {
    uint64_t frames = 0;

    for (size_t i = 0; i < pmm->run_count; i++) {
        frames += pmm->runs[i].count;
    }
    return frames;
}

enum mm_status pmm_init(struct pmm *pmm, const struct hw_boot *boot,
                        const struct pmm_class *class) {
    memset(pmm, 0, sizeof(*pmm));
    pmm->class = class;
    pmm->lock = lock_for(boot->processors);
    pmm->direct_base = boot->direct_base;
    find_runs(pmm, boot);
    pmm->frames = frames_to_describe(pmm);
    if (!place_metadata(pmm, class->metadata_size(pmm))) {
        return MM_BAD_MAP;
    }
    pmm->frames = frames_to_describe(pmm); /* the metadata took some */
    if (pmm->frames == 0) {
        return MM_BAD_MAP;
    }
    pmm_find_largest_run(pmm);
    pmm->stats.total = memmap_reclaimable_frames(boot->map, boot->map_count);
    pmm->stats.reserved = pmm->stats.total - frames_in_runs(pmm);
    class->init(pmm);
    return MM_OK;
}

uint64_t pmm_free_count(const struct pmm *pmm) {
    return pmm->stats.total - pmm->stats.reserved - pmm->stats.allocated;
}

size_t pmm_run_search(const struct pmm *pmm, pfn_t f) {
    size_t low = 0, high = pmm->run_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct pmm_run run = pmm->runs[middle];

        if (range_holds(run.first.v, run.count, f.v)) {
            return middle;
        }
        if (f.v < run.first.v) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return PMM_RUNS_MAX;
}

bool pmm_is_managed(const struct pmm *pmm, pfn_t f) {
    return pmm_run_of(pmm, f) < PMM_RUNS_MAX;
}

bool pmm_is_used(const struct pmm *pmm, pfn_t f) {
    return !pmm_is_managed(pmm, f) || pmm->class->is_used(pmm, f);
}

/** Ascending, none empty, none touching the next.  @return the frame behind the
 *  last one; 0: they are not */
static uint64_t end_of_sound(const struct pmm_run *runs, size_t count) {
    uint64_t least = 1; /* frame 0 is never ours */

    for (size_t i = 0; i < count; i++) {
        if (runs[i].count == 0 || runs[i].first.v < least) {
            return 0;
        }
        least = runs[i].first.v + runs[i].count + 1; /* a frame between */
    }
    return least - 1;
}

static bool largest_is_known(const struct pmm *pmm) {
    const struct pmm_run run = pmm->runs[pmm->largest_run];

    return run.first.v == pmm->largest.first.v &&
           run.count == pmm->largest.count;
}

static bool runs_are_sound(const struct pmm *pmm) {
    size_t s = 0; /* the span of the run */

    for (size_t i = 0; i < pmm->run_count; i++) {
        const struct pmm_run run = pmm->runs[i];

        while (s < pmm->span_count &&
               !range_holds(pmm->spans[s].first.v, pmm->spans[s].count,
                            run.first.v)) {
            s++;
        }
        if (s == pmm->span_count ||
            run.count >
                pmm->spans[s].count - (run.first.v - pmm->spans[s].first.v)) {
            return false;
        }
    }
    return (pmm->run_count == 0 ||
            (largest_is_known(pmm) &&
             end_of_sound(pmm->runs, pmm->run_count) != 0)) &&
           end_of_sound(pmm->spans, pmm->span_count) == pmm->frames;
}

bool pmm_is_sound(const struct pmm *pmm) {
    const struct pmm_stats *stats = &pmm->stats;
    const uint64_t managed = frames_in_runs(pmm);

    return runs_are_sound(pmm) &&
           stats->total + pmm->books.frames.count ==
               stats->reserved + managed &&
           stats->allocated <= managed && stats->peak <= managed &&
           stats->allocated <= stats->peak &&
           stats->allocated == stats->allocs - stats->frees &&
           pmm->class->is_sound(pmm) && pmm_books_are_sound(pmm);
}
