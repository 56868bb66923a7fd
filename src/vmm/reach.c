/*
 * Tables without the direct map.
 *
 *   window   [ page 0 ][ page 1 ] ... [ page 63 ]  ...  [ page 511 ]
 *              shows a frame each, the one                 shows the window's
 *              used least goes when another                own page table
 *              is asked for: INVLPG
 *
 * So what shows a frame is one store to page 511.  A pointer into a page of the
 * window holds until 63 others were asked for; loops over more ask again.  A
 * frame that goes back to the pmm is shown no longer: it may be anybody's then.
 *
 * The recursive slot needs no stores, and shows the tables of the kernel's
 * space in every space, since all roots share the entry.  When a table goes, it
 * is not enough to forget the way to it: it was a page as well, and its
 * translation is dropped by a CR3 load.
 *
 * Both cost more than a sum, and both need an order of INVLPGs of their own:
 * they are here to be compared.
 */
#include "vmm/reach.h"

#include "vmm/table.h"

static vaddr_t window_page(const struct vmm_reach *reach, unsigned n) {
    return vaddr_add(reach->window, n * PAGE_SIZE);
}

void *reach_frame(const struct vmm_space *space, pfn_t f) {
    struct vmm_reach *reach = space->reach;
    unsigned oldest = 0;

    reach->now++;
    for (unsigned n = 0; n < REACH_PAGES; n++) {
        if (reach->used[n] != 0 && reach->shown[n].v == f.v) {
            reach->used[n] = reach->now;
            return pointer_of(window_page(reach, n));
        }
        oldest = reach->used[n] < reach->used[oldest] ? n : oldest;
    }
    entry_set(&reach->entries[oldest],
              pte_make(f, PTE_PRESENT | PTE_WRITABLE | PTE_NO_EXECUTE));
    if (reach->used[oldest] != 0) {
        hw_invlpg(window_page(reach, oldest));
    }
    reach->shown[oldest] = f;
    reach->used[oldest] = reach->now;
    return pointer_of(window_page(reach, oldest));
}

void reach_forget(const struct vmm_space *space, pfn_t f, uint64_t count) {
    struct vmm_reach *reach = space->reach;

    for (unsigned n = 0; n < REACH_PAGES; n++) {
        if (reach->used[n] != 0 && reach->shown[n].v - f.v < count) {
            entry_set(&reach->entries[n], pte(0));
            hw_invlpg(window_page(reach, n));
            reach->used[n] = 0;
        }
    }
}

pte_t *reach_table(const struct vmm_space *space, vaddr_t va, unsigned level,
                   paddr_t pa) {
    const unsigned slot = space->reach->slot;

    if (slot != 0 && (space == space->kernel ||
                      (level < PAGING_LEVELS && !vmm_is_private(va)))) {
        return pointer_of(vmm_recursive_table(slot, va, level));
    }
    return reach_frame(space, pfn_of(pa));
}

/* --- begin and end ---------------------------------------------------------
 */

static enum mm_status reach_check(const struct vmm_space *kernel,
                                  const struct vmm_reach *reach) {
    if ((reach->window.v & (level_size(2) - 1)) != 0) {
        return MM_NOT_ALIGNED;
    }
    if (reach->slot >= TABLE_ENTRIES ||
        (reach->slot != 0 &&
         (reach->slot < (VMM_PRIVATE_SIZE >> level_shift(PAGING_LEVELS)) ||
          reach->slot == table_index(reach->window, PAGING_LEVELS) ||
          pte_is_present(
              entry_get(&table_at(kernel, kernel->root)[reach->slot]))))) {
        return MM_BAD_ARGUMENT;
    }
    return pages_check(kernel, reach->window, TABLE_ENTRIES);
}

static void set_all(struct vmm_space *kernel, struct vmm_reach *reach) {
    for (struct vmm_space *s = kernel; s != NULL; s = s->next) {
        near_forget(s);
        s->reach = reach;
    }
}

static void set_slot(struct vmm_space *kernel, unsigned slot, pte_t value) {
    upper_set(kernel, &table_at(kernel, kernel->root)[slot], PAGING_LEVELS,
              value);
}

enum mm_status vmm_reach_by(struct vmm_space *kernel, struct vmm_reach *reach) {
    enum mm_status status = reach_check(kernel, reach);
    pfn_t table;
    pte_t *own;

    if (status == MM_OK) {
        status = pages_survey(kernel, reach->window, TABLE_ENTRIES);
    }
    if (status == MM_OK) {
        status = entry_make(
            kernel, vaddr_add(reach->window, level_size(2) - PAGE_SIZE), &own);
    }
    if (status != MM_OK) {
        return status;
    }
    table = pfn_of(
        pte_address(entry_get(table_walk_to(kernel, reach->window, 2).entry)));
    entry_set(own,
              pte_make(table, PTE_PRESENT | PTE_WRITABLE | PTE_NO_EXECUTE));
    reach->entries = pointer_of(window_page(reach, TABLE_ENTRIES - 1));
    if (reach->slot != 0) {
        set_slot(kernel, reach->slot,
                 pte_make(pfn_of(kernel->root),
                          PTE_PRESENT | PTE_WRITABLE | PTE_NO_EXECUTE));
    }
    set_all(kernel, reach);
    return MM_OK;
}

void vmm_reach_directly(struct vmm_space *kernel) {
    const struct vmm_reach *reach = kernel->reach;
    pte_t *entries;

    set_all(kernel, NULL);
    entries = table_walk_to(kernel, reach->window, 1).entry;
    for (unsigned n = 0; n < TABLE_ENTRIES; n++) {
        entry_set(&entries[n], pte(0));
    }
    if (reach->slot != 0) {
        set_slot(kernel, reach->slot, pte(0));
    }
    hw_flush_all();
}
