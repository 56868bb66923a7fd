/**
 * @file space.h
 * Spaces: a tree of page tables with its regions; what a page fault in one
 * comes to; copies between them.
 */
#ifndef VMM_SPACE_H
#define VMM_SPACE_H

#include "base/events.h"
#include "base/status.h"
#include "hw/boot.h"
#include "hw/paging.h"
#include "pmm/pmm.h"
#include "vmm/region.h"

/** Regions whose records a space has room for; more lie in frames. */
#define VMM_RECORDS_INSIDE 16

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

/* --- spaces: space.c, share.c ----------------------------------------------
 */

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

/* --- faults: fault.c -------------------------------------------------------
 */

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

/* --- copies: copy.c --------------------------------------------------------
 */

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

#endif
