/*
 * What the frames are like, in figures and in words.
 */
#include "pmm/inside.h"

uint64_t pmm_largest_free_run(const struct pmm *pmm) {
    uint64_t largest = 0;

    for (size_t i = 0; i < pmm->run_count; i++) {
        const struct pmm_run run = pmm->runs[i];
        uint64_t length = 0;

        for (uint64_t n = 0; n < run.count; n++) {
            bool used = pmm->class->is_used(pmm, pfn_add(run.first, n));

            length = used ? 0 : length + 1;
            largest = length > largest ? length : largest;
        }
    }
    return largest;
}

/** How many of the blocks of 2 MiB inside @run are free; *@whole: how many
 *  there are. */
static uint64_t free_blocks(const struct pmm *pmm, struct pmm_run run,
                            uint64_t *whole) {
    const uint64_t size = UINT64_C(1) << PMM_ORDER_2M;
    const uint64_t end = run.first.v + run.count;
    uint64_t at = next_aligned(run.first.v, size), blocks = 0;

    for (; at + size <= end; at += size) {
        uint64_t n = 0;

        while (n < size && !pmm->class->is_used(pmm, pfn(at + n))) {
            n++;
        }
        blocks += n == size;
        ++*whole;
    }
    return blocks;
}

struct pmm_fragmentation pmm_fragmentation(const struct pmm *pmm) {
    struct pmm_fragmentation f = {
        .free = pmm_free_count(pmm),
        .largest_run = pmm_largest_free_run(pmm),
        .blocks_possible = pmm_free_count(pmm) >> PMM_ORDER_2M,
    };
    uint64_t whole = 0;

    for (size_t i = 0; i < pmm->run_count; i++) {
        f.blocks += free_blocks(pmm, pmm->runs[i], &whole);
    }
    if (f.blocks_possible > whole) {
        f.blocks_possible = whole;
    }
    return f;
}

/* --- in words ------------------------------------------------------------ */

static void print_site(const struct pmm_site *site, fmt_sink *sink, void *ctx) {
    if (site->tag != NULL) {
        fmt_print(sink, ctx, "%s ", site->tag);
    }
    fmt_print(sink, ctx, "(called from 0x%lx)", site->caller.v);
}

static const char *why_not_managed(const struct pmm *pmm, pfn_t f) {
    if (prange_holds(pmm->metadata, paddr_of(f))) {
        return "holds the books of the frames themselves";
    }
    if (f.v < MIB >> PAGE_SHIFT) {
        return "lies in the first MiB, which is left to the firmware";
    }
    if (f.v >= pmm->frames) {
        return "lies beyond the last frame";
    }
    return "is not RAM, or was in use at boot";
}

void pmm_describe(const struct pmm *pmm, pfn_t f, fmt_sink *sink, void *ctx) {
    const struct pmm_site *site = pmm_site_of(pmm, f);

    fmt_print(sink, ctx, "frame 0x%lx ", f.v);
    if (!pmm_is_managed(pmm, f)) {
        fmt_print(sink, ctx, "%s", why_not_managed(pmm, f));
    } else if (pmm_holds_books(pmm, f)) {
        fmt_print(sink, ctx, "holds the books of the frames themselves");
    } else if (!pmm_is_used(pmm, f)) {
        fmt_print(sink, ctx,
                  site != NULL ? "is free; the last to have it was "
                               : "is free");
    } else {
        fmt_print(sink, ctx, "is used");
        fmt_print(sink, ctx, site != NULL ? " by " : "");
    }
    if (site != NULL) {
        print_site(site, sink, ctx);
    }
}

uint64_t pmm_report_live(const struct pmm *pmm, fmt_sink *sink, void *ctx) {
    uint64_t frames = 0;

    for (unsigned i = 0; i < pmm->books.site_count; i++) {
        const struct pmm_site *site = &pmm->books.sites[i];

        if (site->live > 0) {
            fmt_print(sink, ctx, "%lu frames: ", site->live);
            print_site(site, sink, ctx);
            fmt_print(sink, ctx, "\n");
            frames += site->live;
        }
    }
    return frames;
}
