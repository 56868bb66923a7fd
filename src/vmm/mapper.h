/**
 * @file mapper.h
 * The mapper: which frame a page shows, with which rights, and what a processor
 * must forget for it.  All state is in the tables.
 */
#ifndef VMM_MAPPER_H
#define VMM_MAPPER_H

#include "base/range.h"
#include "base/status.h"
#include "vmm/region.h"
#include "vmm/token.h"

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

#endif
