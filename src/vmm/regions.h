/**
 * @file regions.h
 * Inside the vmm: the records of a space's regions, and the tree they form.
 */
#ifndef VMM_REGIONS_H
#define VMM_REGIONS_H

#include "vmm/span.h"

/* --- records.c: memory for records ---------------------------------------- */

/** @return NULL: no frame for a page of records */
struct vmm_record *record_take(struct vmm_space *space);
void record_give_back(struct vmm_space *space, struct vmm_record *record);
/** Does @record lie in memory that is in use? */
bool record_is_kept(const struct vmm_space *space,
                    const struct vmm_record *record);

/* --- tree.c: records by address ------------------------------------------- */

/** Put @record, which overlaps none, into the tree at @root.
 *  @return the new root; so does the next */
struct vmm_record *tree_insert(struct vmm_record *root,
                               struct vmm_record *record);
/** Take @record out; it is in the tree. */
struct vmm_record *tree_remove(struct vmm_record *root,
                               const struct vmm_record *record);
/** The range of @record has changed, its order among the others has not. */
void tree_refresh(struct vmm_record *root, const struct vmm_record *record);

/** The lowest record whose region ends at byte @first or behind; or NULL.
 *  Adds the records looked at to *@steps; so does the next. */
struct vmm_record *tree_from(struct vmm_record *root, uint64_t first,
                             uint64_t *steps);
/** Where the lowest hole of at least @want bytes begins that lies between two
 *  regions and behind byte @from; 0: there is none.  @want is not 0. */
uint64_t tree_hole(const struct vmm_record *root, uint64_t from, uint64_t want,
                   uint64_t *steps);

/** Is what each record below @root says of its branches so, and are these
 *  balanced?  The records are in order. */
bool tree_fits(const struct vmm_record *root);

/** tree_from() in @space, counted there. */
struct vmm_region *region_from(struct vmm_space *space, uint64_t first);

/* --- region.c ------------------------------------------------------------- */

/** The region that starts at @base, or NULL. */
struct vmm_region *region_with_base(struct vmm_space *space, vaddr_t base);

/** Is @range fit for a region, and does it meet none, and do its pages show
 *  nothing yet? */
enum mm_status claim_check(struct vmm_space *space, struct vrange range);

#endif
