/*
 * Spaces: one tree of tables for each, and one part that all have in common.
 *
 *   PML4 entries     0 ............ 63   64 .......................... 511
 *   kernel's root    its own             [ table a ][ 0 ][ table b ] ...
 *   space 1          its own             [ table a ][ 0 ][ table b ] ...
 *   space 2          its own             [ table a ][ 0 ][ table b ] ...
 *
 * The common part is edited through the kernel's space alone.  Below the root
 * the tables are the same ones, so an edit shows in every space at once.  A new
 * or cleared entry of the root itself is written into every root there and then
 * (upper_set): there are at most 448 of them in a life, so nothing has to be
 * set aside for them, and no fault has to bring them in, which would be too
 * late for a stack.
 *
 * Private pages are never global, so a CR3 load forgets all of the space
 * before. Hence a space that is not in force owes the processor nothing.  Intel
 * SDM vol. 3A, "Operations that Invalidate TLBs and Paging-Structure Caches".
 */
#include "vmm/table.h"

#include <string.h>

#define FIRST_SHARED (unsigned)(VMM_PRIVATE_SIZE >> 39)

static void count_table(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct vmm_stats *stats = ctx;

    (void)va;
    stats->tables += !pte_is_leaf(entry, level);
}

void vmm_space_adopt(struct vmm_space *space, struct pmm *pmm,
                     const struct hw_boot *boot) {
    memset(space, 0, sizeof(*space));
    space->kernel = space->current = space;
    space->pmm = pmm;
    space->direct_base = boot->direct_base;
    space->root = boot->root;
    space->near_at = NEAR_NOWHERE;
    space->phys_bits = boot->phys_bits;
    space->largest = boot->has_1gib ? 3 : 2;
    vmm_walk(space, space_part(space), count_table, &space->stats);
}

void vmm_tables_edited(struct vmm_space *space) {
    near_forget(space);
}

void upper_set(struct vmm_space *space, pte_t *entry, unsigned level,
               pte_t value) {
    const size_t index =
        (vaddr_of_pointer(entry).v & (PAGE_SIZE - 1)) / sizeof(pte_t);

    entry_set(entry, value);
    if (level == PAGING_LEVELS && index >= FIRST_SHARED) {
        for (struct vmm_space *s = space->next; s != NULL; s = s->next) {
            entry_set(&table_at(s, s->root)[index], value);
        }
    }
}

enum mm_status vmm_space_create(struct vmm_space *space,
                                struct vmm_space *kernel) {
    struct frame_chain root = { 0 };
    const pte_t *shared = table_at(kernel, kernel->root);
    enum mm_status status;
    pte_t *entries;

    do {
        status = chain_take(kernel, &root, vaddr(0), true);
    } while (room_is_made(kernel, status));
    if (status != MM_OK) {
        return status;
    }
    *space = (struct vmm_space){
        .kernel = kernel,
        .next = kernel->next,
        .pmm = kernel->pmm,
        .events = kernel->events,
        .direct_base = kernel->direct_base,
        .reach = kernel->reach,
        .root = paddr_of(chain_pop_zeroed(kernel, &root)),
        .near_at = NEAR_NOWHERE,
        .phys_bits = kernel->phys_bits,
        .largest = kernel->largest,
    };
    entries = table_at(space, space->root);
    for (unsigned n = FIRST_SHARED; n < TABLE_ENTRIES; n++) {
        entry_set(&entries[n], entry_get(&shared[n]));
    }
    kernel->next = space;
    return MM_OK;
}

void vmm_space_switch(struct vmm_space *space) {
    if (space->kernel->current != space) {
        space->kernel->current = space;
        hw_write_cr3(space->root);
    }
}

enum mm_status vmm_space_destroy(struct vmm_space *space) {
    struct frame_chain root = { 0 };
    struct vmm_space **link = &space->kernel->next;
    struct vmm_changed rest;

    if (space == space->kernel || space_is_cached(space) ||
        space->tokens_used != space->tokens) {
        return MM_REFUSED;
    }
    while (space->region_count > 0) {
        const enum mm_status status =
            vmm_region_remove(space, space->regions->region.range.base);

        MM_ASSERT(status == MM_OK); /* it is there */
    }
    rest = vmm_unmap_range(space, vaddr(0), VMM_PRIVATE_SIZE >> PAGE_SHIFT);
    vmm_flush_skip(rest.token); /* it is not in force */
    vmm_reclaim_tables(space, space_part(space));
    MM_ASSERT(space->stats.tables == 0);
    while (*link != space) {
        link = &(*link)->next;
    }
    *link = space->next;
    chain_push(space, &root, pfn_of(space->root));
    chain_give_back(space, &root);
    space->root = paddr(0);
    return MM_OK;
}
