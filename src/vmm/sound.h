/**
 * @file sound.h
 * What must hold between any two calls: sound.c, trees.c, remembered.c.
 */
#ifndef VMM_SOUND_H
#define VMM_SOUND_H

#include "base/range.h"
#include "hw/paging.h"

struct vmm_space;

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
