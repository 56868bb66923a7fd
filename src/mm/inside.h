/**
 * @file inside.h
 * Between the files of mm; nobody else includes it.
 */
#ifndef MM_INSIDE_H
#define MM_INSIDE_H

#include "mm/mm.h"

/** Are there frames for all pages of a heap of @len bytes, tables included,
 *  and for @others more? */
bool mm_can_promise(const struct mm *mm, uint64_t len, uint64_t others);

/** Whole pages of the heap lose their frames. */
void mm_empty_pages(struct mm *mm, vaddr_t at, uint64_t bytes);

/** The debug mode of a new heap, as the configuration says.
 *  @return MM_OK; for guard pages MM_BAD_ARGUMENT (they need demand backing) or
 *          MM_REFUSED (the class reads the memory of blocks) */
MM_MUST_CHECK enum mm_status mm_debug_start(struct mm *mm);
/** The heap is released: its records go, too. */
void mm_debug_end(struct mm *mm);

#endif
