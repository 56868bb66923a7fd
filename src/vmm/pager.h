/**
 * @file pager.h
 * Pages that somebody else keeps while they show no frame: a file, a disk.
 */
#ifndef VMM_PAGER_H
#define VMM_PAGER_H

#include "base/addr.h"
#include "base/status.h"

struct vmm_space;
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

#endif
