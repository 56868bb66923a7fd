/**
 * @file region.h
 * Regions: what a range of addresses is for, and so what a page fault in it
 * means.
 */
#ifndef VMM_REGION_H
#define VMM_REGION_H

#include "base/addr.h"
#include "base/range.h"
#include "base/status.h"
#include "vmm/pager.h"

struct vmm_space;

/** What may be done to a page; reading always may. */
enum vmm_access {
    VMM_READ = 0,
    VMM_WRITE = 1 << 0,
    VMM_EXECUTE = 1 << 1,
    VMM_USER = 1 << 2,
    VMM_UNCACHED = 1 << 3, /* device registers: PCD and PWT */
    VMM_GLOBAL = 1 << 4,   /* survives a CR3 load; not for private pages */
    VMM_ACCESS_ALL = (1 << 5) - 1
};

enum vmm_backing {
    VMM_GUARD,     /* never shows a frame: every access is refused */
    VMM_DEMAND,    /* a page gets a zeroed frame when it is first touched */
    VMM_IMMEDIATE, /* every page has a zeroed frame from the start */
    VMM_DEVICE,    /* every page shows a given frame, uncached, for good: a
                      device's registers; none goes back to the pmm */
    VMM_STACK,     /* as VMM_DEMAND, and grows downward by being touched */
    VMM_PAGED,     /* a page is brought by a pager when it is touched, and may
                      be taken away when frames are short */
    VMM_BACKINGS
};

struct vmm_region {
    const char *name;    /* for reports */
    struct vrange range; /* whole pages */
    unsigned access;     /* OR of enum vmm_access */
    enum vmm_backing backing;
    pfn_t device;            /* VMM_DEVICE: what the first page shows */
    uint64_t limit;          /* VMM_STACK: bytes that it may grow to */
    struct vmm_pager *pager; /* VMM_PAGED */
    /** Pages of 2 MiB where they fit in and RAM has such a piece; not for
     *  VMM_PAGED. */
    bool large;
};

/**
 * Declare what @region.range is for; VMM_IMMEDIATE and VMM_DEVICE pages are
 * mapped now.
 *
 * Whatever frame its pages show is the region's and goes back to the pmm with
 * it, also one that vmm_map() put there.  Who gave such a frame back, or shows
 * it twice, made a mistake: vmm_is_sound() says so, and when the region goes
 * the frame is left alone and counted (vmm_stats.not_taken_back).
 *
 * @return MM_OK, MM_NOT_ALIGNED, MM_NOT_CANONICAL, MM_BAD_RANGE (empty, wraps),
 *         MM_BAD_ARGUMENT, MM_OVERLAP (with a region), MM_ALREADY_MAPPED or
 *         MM_HUGE_PAGE (a page shows something, whatever the backing),
 *         MM_NO_MEMORY (no frame for pages, tables or the record, and no
 *         paged page could be taken away); then nothing changed: no frame and
 *         no table is kept.  The same of vmm_region_extend(),
 * vmm_region_split(), vmm_space_create() and vmm_space_fork(). Cost:
 * logarithmic in the regions, and what the backing asks for.
 */
MM_MUST_CHECK enum mm_status vmm_region_add(struct vmm_space *space,
                                            struct vmm_region region);

/** Make the region that starts at @base @len bytes long, more than now (else
 *  MM_BAD_RANGE); as vmm_region_add() for the new part, and MM_NO_REGION. */
MM_MUST_CHECK enum mm_status vmm_region_extend(struct vmm_space *space,
                                               vaddr_t base, uint64_t len);

/**
 * Make two regions of the one that holds @at: one ends there, one begins there.
 * A large page across @at becomes small ones.  So a part of a region can be
 * removed or protected.
 *
 * @return MM_OK (also when one begins there already), MM_NOT_ALIGNED,
 *         MM_NO_REGION, MM_REFUSED (a stack), MM_NO_MEMORY; then nothing
 *         changed, but that a large page may be small ones
 */
MM_MUST_CHECK enum mm_status vmm_region_split(struct vmm_space *space,
                                              vaddr_t at);

/** Give the region that starts at @base, and all its pages, the rights @access.
 *  @return MM_OK, MM_NO_REGION, MM_BAD_ARGUMENT, MM_REFUSED (writable and
 *          executable), MM_HUGE_PAGE (a page of it, mapped by hand, reaches
 *          out of it); then nothing changed */
MM_MUST_CHECK enum mm_status vmm_region_protect(struct vmm_space *space,
                                                vaddr_t base, unsigned access);

/** Unmap, flush, give the frames back, forget the region.  The tables stay:
 *  vmm_reclaim_tables() takes them.  Pages of a paged region are not saved:
 *  vmm_region_save() does that before; then its pager is told.
 *  @return MM_OK, or MM_NO_REGION when none starts at @base */
MM_MUST_CHECK enum mm_status vmm_region_remove(struct vmm_space *space,
                                               vaddr_t base);

/**
 * The lowest place for @len bytes (whole pages) within @bounds that keeps @gap
 * bytes free of regions on either side, and where nothing is mapped.
 *
 * @return MM_OK          *@va is page-aligned, never 0
 *         MM_NOT_ALIGNED, MM_BAD_RANGE (a length of 0, bounds that are none)
 *         MM_NO_MEMORY   no such place
 * Cost: logarithmic in the regions; the tables of the places tried.
 */
MM_MUST_CHECK enum mm_status vmm_region_find(struct vmm_space *space,
                                             struct vrange bounds, uint64_t len,
                                             uint64_t gap, vaddr_t *va);

/** The region that holds @va, or NULL.  It stays where it is until it is
 *  removed. */
const struct vmm_region *vmm_region_at(const struct vmm_space *space,
                                       vaddr_t va);
/** What a space says of an address: of its region, and of its page. */
struct vmm_query {
    enum mm_status status; /* MM_OK; MM_NO_REGION; MM_NOT_MAPPED: no page yet */
    const struct vmm_region *region; /* NULL: MM_NO_REGION */
    paddr_t pa;                      /* of the byte, with MM_OK; so are these */
    uint64_t page_size;
    unsigned access; /* of the page: at most the region's, but VMM_GLOBAL */
};
/** Where @va leads if a region holds it; what shows a page without a region (a
 *  boot loader's, one mapped by hand) is not told: vmm_translate() tells. */
struct vmm_query vmm_region_query(const struct vmm_space *space, vaddr_t va);

/** The lowest region of @space above @region, one of its own; NULL: the lowest
 *  of all.  NULL when there is none. */
const struct vmm_region *vmm_region_next(const struct vmm_space *space,
                                         const struct vmm_region *region);

#endif
