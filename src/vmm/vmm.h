/**
 * @file vmm.h
 * Pages: which frame each virtual page shows, and what may be done to it.
 *
 * A space is a tree of page tables, reached through the direct map, and regions
 * that say what an address range is for.  The mapper edits the tree
 * (map, unmap, protect, translate); a region decides what a page fault in it
 * means.  Nothing here allocates from the heap.
 */
#ifndef VMM_VMM_H
#define VMM_VMM_H

#include "base/events.h"
#include "base/status.h"
#include "hw/boot.h"
#include "hw/paging.h"
#include "pmm/pmm.h"
#include "vmm/token.h"

/** Regions whose records a space has room for; more lie in frames. */
#define VMM_RECORDS_INSIDE 16

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

struct vmm_region;

/**
 * Where the pages of a VMM_PAGED region are while they show no frame: a file, a
 * disk.  The caller's; it lives as long as the region, and the parts that
 * vmm_region_split() makes of it.  The calls are made while a page fault is
 * decided, or by vmm_evict() and others: they may touch nothing that may fault.
 * Each says MM_OK, or why it can't.
 */
struct vmm_pager {
    /** Fill the zeroed PAGE_SIZE bytes at @bytes with the page @page. */
    enum mm_status (*load)(struct vmm_pager *pager,
                           const struct vmm_region *region, vaddr_t page,
                           void *bytes);
    /** Keep these bytes.  Not asked for pages that were never written to. */
    enum mm_status (*save)(struct vmm_pager *pager,
                           const struct vmm_region *region, vaddr_t page,
                           const void *bytes);
    /** The space of @region is forked: *@child is to keep what is kept here
     *  now, apart from here.  NULL: the fork is refused. */
    enum mm_status (*fork)(struct vmm_pager *pager,
                           const struct vmm_region *region,
                           struct vmm_pager **child);
    /** @region, which named this pager, is no more.  NULL: no need to know. */
    void (*end)(struct vmm_pager *pager, const struct vmm_region *region);
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

/** A region and its place in the tree of its space's regions: tree.c. */
struct vmm_record {
    struct vmm_region region;
    struct vmm_record *child[2]; /* lower and higher regions */
    uint64_t first, last; /* bytes: the lowest and highest from here down */
    uint64_t hole;        /* bytes: the largest hole between two of these */
    unsigned height;      /* of the tree from here down; 1: no child */
};
struct vmm_records; /* a frame of them: records.c */

struct vmm_stats {
    uint64_t maps, unmaps;   /* leaves written, cleared, of any size */
    uint64_t tables;         /* page tables now, the root not counted */
    uint64_t faults;         /* page faults asked of this space */
    uint64_t faults_refused; /* of these, refused */
    uint64_t copies;         /* pages copied before a write */
    uint64_t loads, saves;   /* pages that a pager brought; was asked to keep */
    uint64_t evictions;      /* pages taken away */
    uint64_t flushes;        /* pages that the processor was told to forget */
    uint64_t invlpgs;        /* INVLPGs for that */
    uint64_t flushed_all;    /* times that it was told to forget everything */
    uint64_t not_taken_back; /* frames of a region that was removed which the
                                pmm did not take: free already */
    uint64_t region_steps;   /* records looked at by calls that may change the
                                space, and by faults */
};

/** A fault that was answered by "try again". */
struct vmm_retry {
    vaddr_t va;
    unsigned error;
    uint64_t changes; /* entries written by then */
};

/** Stays where it is while there are regions.  One caller at a time: there is
 *  no lock.  The trap handler is a caller too,
 *  so none of these calls may touch a demand page of its own space. */
struct vmm_space {
    /** Whose part above the private one this space shows; the kernel's space
     *  names itself. */
    struct vmm_space *kernel;
    struct vmm_space *current; /* the kernel's: the one in force */
    struct vmm_space *next;    /* the kernel's: the first created; then next */
    struct pmm *pmm;
    struct events *events; /* NULL: record nothing */
    vaddr_t direct_base;
    struct vmm_reach *reach; /* NULL: tables by the direct map; reach.h */
    paddr_t root;            /* the PML4 */
    unsigned phys_bits;      /* MAXPHYADDR: frames beyond can't be mapped */
    unsigned largest;        /* level of the largest leaves: 2 or 3 */
    /** May a page be writable and executable?  false at the start: then it is
     *  MM_REFUSED, by every call that names rights. */
    bool write_execute;
    struct vmm_record *regions; /* root of the tree; NULL: none */
    size_t region_count;
    struct vmm_records *records; /* frames of records with room for more */
    struct vmm_record inside[VMM_RECORDS_INSIDE];
    uint64_t inside_used;   /* bit n: inside[n] */
    pte_t *near;            /* entries of the page table walked to last */
    uint64_t near_at;       /* the 2 MiB that it translates, by number */
    uint64_t tokens;        /* given out ever */
    uint64_t tokens_used;   /* of these, flushed or skipped */
    uint64_t ids_owed;      /* of those owed: their mixed ids, added up */
    uint64_t changes;       /* entries written, but for maps and unmaps */
    vaddr_t hand;           /* of the clock: where vmm_evict() goes on */
    bool deciding;          /* the kernel's: about a page fault, just now */
    paddr_t kept;           /* the kernel's: a frame that vmm_evict() leaves
                               alone, since a copy is under way; 0: none */
    struct vmm_retry retry; /* the newest that SMEP or SMAP may have caused */
    struct vmm_stats stats;
};

/* --- spaces: space.c ----------------------------------------------------- */

/** Entries above level 1 of @space were changed by other means than these
 *  calls: forget the way to page tables. */
void vmm_tables_edited(struct vmm_space *space);

/** Addresses below this are each space's own (PML4 entries 0 .. 63); all others
 *  are the kernel's, and the same in every space. */
#define VMM_PRIVATE_SIZE (32 * TIB)
static inline bool vmm_is_private(vaddr_t va) {
    return va.v < VMM_PRIVATE_SIZE;
}

/** Adopt the page tables that the boot loader left, with no region yet: the
 *  kernel's space, and in force. */
void vmm_space_adopt(struct vmm_space *space, struct pmm *pmm,
                     const struct hw_boot *boot);

/**
 * A space that shows nothing of its own, beside @kernel, an adopted one.  Calls
 * for it with an address of the kernel's part give MM_BAD_RANGE.  @space must
 * stay where it is until it is destroyed.
 *
 * @return MM_OK, or MM_NO_MEMORY: no frame for its root
 */
MM_MUST_CHECK enum mm_status vmm_space_create(struct vmm_space *space,
                                              struct vmm_space *kernel);

/** Put @space in force: a CR3 load, unless it is already.  Private pages are
 *  never global, so nothing of the space before is remembered. */
void vmm_space_switch(struct vmm_space *space);

/**
 * End a space: its regions with their frames, its tables and its root.  Frames
 * that vmm_map() put outside regions stay their owner's.
 *
 * @return MM_OK, or MM_REFUSED: it is in force, it is the kernel's, or a token
 *         of it is owed; then nothing changed
 */
MM_MUST_CHECK enum mm_status vmm_space_destroy(struct vmm_space *space);

/**
 * Make @child a space that shows what @parent shows in its private regions: the
 * same frames, each copied when one of the two writes to it for the first time.
 * Device regions stay shared; a paged one has a pager of its own.  Pages
 * outside regions are not inherited.
 *
 * @return MM_OK, MM_NO_MEMORY, what a pager said, or
 *         MM_REFUSED (the pmm keeps no books to count owners in, a frame has
 *         too many, or a pager can't fork: two spaces may not save one page);
 *         then nothing changed, but that large pages may be small ones: a copy
 *         is to be one of 4 KiB
 */
MM_MUST_CHECK enum mm_status vmm_space_fork(struct vmm_space *child,
                                            struct vmm_space *parent);

/** The space whose region and tables decide about @va while one of @space's
 *  family is in force: the kernel's, or for a private address that in force. */
static inline struct vmm_space *vmm_space_at(const struct vmm_space *space,
                                             vaddr_t va) {
    return vmm_is_private(va) ? space->kernel->current : space->kernel;
}

/* --- the mapper: map.c ------------------------------------------------- */

/** Drop the stale translations now: INVLPG each; for many pages a CR3 load,
 *  which spares global translations, or everything when one was global. */
void vmm_flush(struct vmm_token token);
/** The caller knows that nobody can have cached them, or flushes otherwise. */
void vmm_flush_skip(struct vmm_token token);

/** With more pages than this to forget, everything is forgotten at once: it
 *  costs less.  `make bench-vmm` shows where the two costs meet. */
#define VMM_FLUSH_EACH_MAX 32

/** Tokens of scattered pages of one space, to be paid together; all zero at
 *  the start. */
struct vmm_batch {
    struct vmm_token tokens[VMM_FLUSH_EACH_MAX];
    uint64_t count; /* tokens added; the first of them are kept */
    uint64_t pages; /* of all */
    bool global;
};
/** Put a token, which may owe nothing, into the batch; it stays owed. */
void vmm_batch_add(struct vmm_batch *batch, struct vmm_token token);
/** Pay for all: INVLPG each, or one flush when they are too many pages. */
void vmm_batch_flush(struct vmm_batch *batch);

/**
 * Make the page of @level's size at @va show the frames from @f: one leaf.
 *
 * @level   1: 4 KiB, 2: 2 MiB, 3: 1 GiB where the processor knows these
 * @va      canonical, a multiple of the page's size
 * @f       below MAXPHYADDR, aligned likewise; the frames stay the caller's
 * @access  OR of enum vmm_access
 *
 * @return MM_OK              the next access to the page reaches its frames
 *         MM_NOT_CANONICAL, MM_NOT_ALIGNED, MM_BAD_ARGUMENT
 *         MM_ALREADY_MAPPED  something of the page shows a frame already
 *         MM_HUGE_PAGE       a larger leaf covers @va
 *         MM_NO_MEMORY       no frame for a table
 * After anything but MM_OK the tables are byte-identical to before.
 *
 * Tables that show nothing and that a large leaf replaces go back to the pmm.
 * Needs no flush: a translation that was not present is not cached.
 * Intel SDM vol. 3A, "Caching Translation Information".
 */
MM_MUST_CHECK enum mm_status vmm_map_leaf(struct vmm_space *space, vaddr_t va,
                                          pfn_t f, unsigned level,
                                          unsigned access);
/** A page of 4 KiB. */
MM_MUST_CHECK enum mm_status vmm_map(struct vmm_space *space, vaddr_t va,
                                     pfn_t f, unsigned access);

/** As vmm_map() for @count pages from @va onto frames from @f; all or none.
 *  Rights are decided in the leaf; tables that are new allow everything.
 *  MM_BAD_RANGE when the range is empty, wraps or leaves its canonical half. */
MM_MUST_CHECK enum mm_status vmm_map_range(struct vmm_space *space, vaddr_t va,
                                           pfn_t f, uint64_t count,
                                           unsigned access);
/** As vmm_map_range(), with the largest leaves that the alignment of @va and
 *  @f, @count and the processor permit. */
MM_MUST_CHECK enum mm_status vmm_map_large(struct vmm_space *space, vaddr_t va,
                                           pfn_t f, uint64_t count,
                                           unsigned access);

/** The page at address f * 4096 shows frame @f. */
MM_MUST_CHECK enum mm_status vmm_identity_map(struct vmm_space *space, pfn_t f,
                                              unsigned access);

struct vmm_unmapped {
    enum mm_status status;
    pfn_t frame; /* the first; the caller's again: give it back only after
                    the flush */
    struct vmm_token token;
};

/**
 * Make the page of @level's size at @va show nothing.  Frees neither frames nor
 * tables.
 *
 * status: MM_OK, MM_NOT_CANONICAL, MM_NOT_ALIGNED, MM_BAD_ARGUMENT (@level),
 * MM_NOT_MAPPED, MM_HUGE_PAGE (a larger leaf stands there), MM_SMALL_PAGES (a
 * table of smaller ones does); with anything but MM_OK the token owes nothing.
 */
MM_MUST_CHECK struct vmm_unmapped vmm_unmap_leaf(struct vmm_space *space,
                                                 vaddr_t va, unsigned level);
MM_MUST_CHECK struct vmm_unmapped vmm_unmap(struct vmm_space *space,
                                            vaddr_t va);

/** Make a page that shows something show the frames from @f instead, with the
 *  rights @access and A and D clear, in one store.  Statuses as vmm_map_leaf()
 *  and vmm_unmap_leaf(); @frame is what it showed before. */
MM_MUST_CHECK struct vmm_unmapped vmm_update_leaf(struct vmm_space *space,
                                                  vaddr_t va, pfn_t f,
                                                  unsigned level,
                                                  unsigned access);
MM_MUST_CHECK static inline struct vmm_unmapped
vmm_update(struct vmm_space *space, vaddr_t va, pfn_t f, unsigned access) {
    return vmm_update_leaf(space, va, f, 1, access);
}

struct vmm_changed {
    enum mm_status status;
    struct vmm_token token;
};

/** Make all of @count pages of 4 KiB from @va show nothing; leaves of any size,
 *  and pages that show nothing are no mistake.
 *  status: MM_OK, MM_NOT_CANONICAL, MM_NOT_ALIGNED, MM_BAD_RANGE, MM_HUGE_PAGE
 *  (a leaf reaches out of the range at one end: vmm_split() it; nothing
 *  changed) */
MM_MUST_CHECK struct vmm_changed vmm_unmap_range(struct vmm_space *space,
                                                 vaddr_t va, uint64_t count);

/** Give the page of @level's size at @va the rights @access; frame, A, D and
 *  PAT stay.  Statuses as vmm_unmap_leaf().  The token owes nothing when no
 *  right was taken away: a processor that meets too few rights looks again. */
MM_MUST_CHECK struct vmm_changed vmm_protect_leaf(struct vmm_space *space,
                                                  vaddr_t va, unsigned level,
                                                  unsigned access);
MM_MUST_CHECK static inline struct vmm_changed
vmm_protect(struct vmm_space *space, vaddr_t va, unsigned access) {
    return vmm_protect_leaf(space, va, 1, access);
}
/** The same for whatever @count pages of 4 KiB from @va show.  Statuses as
 *  vmm_unmap_range(), and MM_BAD_ARGUMENT. */
MM_MUST_CHECK struct vmm_changed vmm_protect_range(struct vmm_space *space,
                                                   vaddr_t va, uint64_t count,
                                                   unsigned access);

/**
 * Make the leaf that shows something at @va, any byte, no larger than @level (1
 * or 2): 512 leaves or twice as many tables in its place, which show the same
 * with the same rights, caching, G, PAT, key, A and D.  Flushes.  In a region
 * the frames will come back to the pmm one by one.
 *
 * @return MM_OK (also when it is small enough already), MM_NOT_CANONICAL,
 *         MM_BAD_ARGUMENT, MM_NOT_MAPPED, MM_NO_MEMORY; then nothing changed
 */
MM_MUST_CHECK enum mm_status vmm_split(struct vmm_space *space, vaddr_t va,
                                       unsigned level);

/**
 * Make one leaf of @level (2 or 3) of the 512 smaller ones at @va, a multiple
 * of its size.  They must show consecutive frames from an aligned one on, and
 * be alike in all but A and D.  What the entry of their table forbade, the leaf
 * forbids.  Flushes; the table goes back to the pmm.
 *
 * @return MM_OK, MM_NOT_CANONICAL, MM_NOT_ALIGNED, MM_BAD_ARGUMENT,
 *         MM_NOT_MAPPED (one shows nothing), MM_HUGE_PAGE (it is one leaf),
 *         MM_SMALL_PAGES (one is a table), MM_REFUSED (they are not alike, or
 *         the table was never the pmm's, or they are of a region that has no
 *         large pages or reach out of one, or a fork shares one); then nothing
 *         changed
 */
MM_MUST_CHECK enum mm_status vmm_merge(struct vmm_space *space, vaddr_t va,
                                       unsigned level);

/**
 * Set the rights of the table entry of @level (2, 3 or 4) that translates @va:
 * every page below has at most these, whatever its leaf says.
 *
 * @access  OR of VMM_WRITE, VMM_EXECUTE and VMM_USER
 *
 * status: MM_OK, MM_NOT_CANONICAL, MM_NOT_ALIGNED, MM_BAD_ARGUMENT,
 * MM_NOT_MAPPED (no table there), MM_HUGE_PAGE (a leaf stands there, or above).
 * The token covers all that the entry translates, global or not; it owes
 * nothing when no right was taken away.  An entry made by vmm_map() allows all.
 */
MM_MUST_CHECK struct vmm_changed vmm_protect_table(struct vmm_space *space,
                                                   vaddr_t va, unsigned level,
                                                   unsigned access);

struct vmm_translation {
    enum mm_status status; /* MM_OK, MM_NOT_CANONICAL, MM_NOT_MAPPED */
    paddr_t pa;            /* of the byte at va */
    uint64_t page_size;    /* 4 KiB, 2 MiB or 1 GiB */
    unsigned access;       /* rights over all levels */
};

/** Where @va leads, through leaves of any size; any byte, not only a page. */
struct vmm_translation vmm_translate(const struct vmm_space *space, vaddr_t va);

/** Give the page tables that translate some byte of @range and show nothing
 *  back to the pmm, with the tables below them, and flush.  Tables of the boot
 *  loader's stay.
 *  @return how many */
uint64_t vmm_reclaim_tables(struct vmm_space *space, struct vrange range);

/* --- regions: region.c, place.c ----------------------------------------- */

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

/* --- faults: fault.c --------------------------------------------------- */

/** What a fault came to, and why; the reason can be printed. */
struct vmm_verdict {
    enum mm_status status; /* MM_OK: repaired, run the access again */
    const char *reason;
    const struct vmm_region *region; /* NULL: none holds the address */
};

/**
 * Decide a page fault at @va with the processor's @error code (PF_ bits), while
 * @space or another of its family is in force: vmm_space_at() decides.  The
 * policy is the table at the head of fault.c; the tables are believed, not P.
 *
 * status: MM_OK         the page shows what it should now, or the
 *                       translation was stale and is dropped
 *         MM_NO_REGION  no region holds @va
 *         MM_REFUSED    the region forbids this access, or what is not in
 *                       the tables: a protection key, SMEP, SMAP
 *         MM_NO_MEMORY  no frame for the page or a table, and no paged page
 *                       could be taken away; nothing changed
 *         or what the pager said; nothing changed
 * Panics when called by itself: a fault inside the handler of one.
 */
struct vmm_verdict vmm_fault(struct vmm_space *space, vaddr_t va,
                             unsigned error);

/* --- evict.c --------------------------------------------------------------
 */

/**
 * Take one page of a paged region of @space away, one that was not touched of
 * late; its pager saves it first when it was written to.
 *
 * @return MM_OK         a page less is shown; its frame is free, unless a fork
 *                       of the page still shows it
 *         MM_NO_MEMORY  no paged region shows a page
 *         or what a pager said: none of the pages could be saved.  They stay.
 * Cost: the pages of paged regions, at most three times.
 */
MM_MUST_CHECK enum mm_status vmm_evict(struct vmm_space *space);

/**
 * Let the pager of the paged region that starts at @base keep every page that
 * was written to.  The pages stay.
 *
 * @return MM_OK, MM_NO_REGION, MM_BAD_ARGUMENT (it is not paged), or what the
 *         pager said of the first page that it could not keep; that one and
 *         those behind it are still to be saved
 */
MM_MUST_CHECK enum mm_status vmm_region_save(struct vmm_space *space,
                                             vaddr_t base);

/* --- copies: copy.c ------------------------------------------------------ */

struct vmm_copied {
    enum mm_status status; /* of the first byte that was not copied */
    uint64_t bytes;        /* copied, from the start on */
};

/**
 * Copy @len bytes between the private parts of two spaces, or between a space
 * and kernel memory, with the rights of user mode and without a fault: through
 * the direct map.  Pages that a region would fill are filled; A and D are set.
 * Neither space needs to be in force.  The bytes may not overlap.
 *
 * status: MM_OK            all was copied
 *         MM_BAD_RANGE     not a private address
 *         MM_NO_REGION, MM_REFUSED, MM_NO_MEMORY   as vmm_fault()
 *         MM_NOT_MANAGED   the page shows what is no RAM of ours
 * @bytes is exact: all before the page that is at fault was copied, and nothing
 * behind it.
 */
MM_MUST_CHECK struct vmm_copied vmm_copy(struct vmm_space *to_space, vaddr_t to,
                                         struct vmm_space *from_space,
                                         vaddr_t from, uint64_t len);
MM_MUST_CHECK struct vmm_copied vmm_copy_in(void *to, struct vmm_space *space,
                                            vaddr_t from, uint64_t len);
MM_MUST_CHECK struct vmm_copied vmm_copy_out(struct vmm_space *space,
                                             vaddr_t to, const void *from,
                                             uint64_t len);

/* --- soundness: sound.c ------------------------------------------------ */

/** Told of every present entry in @range, tables before what they hold.  @va:
 * the first byte that the entry translates. */
typedef void vmm_visit(void *ctx, vaddr_t va, unsigned level, pte_t entry);
/** Visit every present entry that translates a byte of @range, in order. */
void vmm_walk(const struct vmm_space *space, struct vrange range,
              vmm_visit *visit, void *ctx);

/**
 * Regions ascending and apart, and their tree fits them; no token owed or used
 * twice; every page of a region shows an allocated frame, with no right that
 * the region has not, and no frame of the pmm's is shown by two pages of
 * regions; guards show none; immediate regions show all; no page table lies in
 * free memory.
 * @why  set to a sentence when false; may be NULL
 */
bool vmm_is_sound(const struct vmm_space *space, const char **why);

/** vmm_is_sound() of the kernel's space and of all that share its part, and of
 *  all together: what trees.c says of their tables, and each frame of the
 *  pmm's has as many owners as pages of regions show it.  doc/invariants.md
 *  numbers them. */
bool vmm_all_are_sound(const struct vmm_space *kernel, const char **why);

#endif
