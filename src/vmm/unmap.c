/*
 * Many pages at once, the other way: unmap, change the rights, drop.
 *
 * Pages that show nothing are left alone, so nothing can go wrong behind the
 * first look, which is at the two ends: only there may a large leaf reach out
 * of the range.
 *
 *   range         [............................)
 *   leaves   [ 2 MiB ][][][] [  1 GiB  ][ 2 MiB ]
 *               ^ MM_HUGE_PAGE             ^ MM_HUGE_PAGE; split it first
 *
 * Dropping goes in two rounds with the flush between:
 *
 *   leaf    [ frame | P=1 ]  -->  [ frame | P=0 ]  --flush-->  [ 0 ]
 *
 * The frame number stays in the entry, which the processor ignores once P is
 * 0, until no translation can lead to the frame any more; then it is given
 * back.  Intel SDM vol. 3A, "Recommended Invalidation".
 */
#include "vmm/table.h"

/** Of @limit entries of @level from @entry, a large leaf, how many are such up
 *  to the first that is not. */
static uint64_t large_leaves(const pte_t *entry, unsigned level,
                             uint64_t limit) {
    uint64_t n = 1;

    while (n < limit && pte_is_present(entry_get(&entry[n])) &&
           pte_is_leaf(entry_get(&entry[n]), level)) {
        n++;
    }
    return n;
}

bool row_next(const struct vmm_space *space, vaddr_t *va, uint64_t *left,
              struct row *row) {
    struct slot slot;
    uint64_t pages;

    if (*left == 0) {
        return false;
    }
    slot = table_walk(space, *va);
    *row = (struct row){ slot.entry, *va, slot.level, 1 };
    pages = slot_pages(slot, *va, *left);
    if (slot.level == 1) {
        row->entries = pages = row_entries(*va, 1, *left);
    } else if (pages < level_pages(slot.level)) {
        row->entries = 0; /* reaches out of the range */
    } else if (pte_is_present(entry_get(slot.entry))) {
        row->entries = large_leaves(slot.entry, slot.level,
                                    row_entries(*va, slot.level, *left));
        pages = row->entries * level_pages(slot.level);
    }
    *va = vaddr_add(*va, pages * PAGE_SIZE);
    *left -= pages;
    return true;
}

/** Which pages may be stale; none yet when pages is 0. */
struct stale {
    uint64_t first, last; /* bytes where leaves begin */
    unsigned level;       /* of the smallest */
    uint64_t leaves;
    uint64_t bits; /* of all leaves, ORed */
};

static void stale_add(struct stale *stale, const struct row *row,
                      uint64_t first, uint64_t last, uint64_t bits) {
    if (stale->leaves == 0) {
        stale->first = row->va.v + first * level_size(row->level);
        stale->level = row->level;
    }
    stale->level = row->level < stale->level ? row->level : stale->level;
    stale->last = row->va.v + last * level_size(row->level);
    stale->bits |= bits;
}

static struct vmm_token stale_token(struct vmm_space *space,
                                    const struct stale *stale) {
    if (stale->leaves == 0) {
        return (struct vmm_token){ 0 };
    }
    return token_owe(
        space, vaddr(stale->first), stale->level,
        ((stale->last - stale->first) >> level_shift(stale->level)) + 1,
        (stale->bits & PTE_GLOBAL) != 0);
}

static void clear_entries(pte_t *entries, uint64_t count, uint64_t keep) {
    if (keep == 0) {
#pragma GCC unroll 8
        for (uint64_t n = 0; n < count; n++) {
            entry_set(&entries[n], pte(0));
        }
        return;
    }
    for (uint64_t n = 0; n < count; n++) {
        entry_set(&entries[n], pte(entry_get(&entries[n]).v & keep));
    }
}

/** Clear the leaves of @row but for the bits @keep. */
static void clear_row(struct vmm_space *space, const struct row *row,
                      uint64_t keep, struct stale *stale) {
    const struct row_bits bits = row_bits(row->entry, row->entries);
    uint64_t first = 0, last = row->entries - 1, count = row->entries;

    if ((bits.any & PTE_PRESENT) == 0) {
        return;
    }
    while (!pte_is_present(entry_get(&row->entry[first]))) {
        first++;
    }
    while (!pte_is_present(entry_get(&row->entry[last]))) {
        last--;
    }
    events_add(space->events, EVENT_VMM_UNMAPS,
               row->va.v + first * level_size(row->level) + last - first,
               pfn_of(pte_leaf_address(row->entry[first], row->level)).v);
    if ((bits.all & PTE_PRESENT) == 0) {
        count = 0;
        for (uint64_t n = first; n <= last; n++) {
            count += pte_is_present(entry_get(&row->entry[n]));
        }
    }
    clear_entries(&row->entry[first], last - first + 1, keep);
    stale_add(stale, row, first, last, bits.any);
    stale->leaves += count;
    space->stats.unmaps += count;
}

static struct vmm_token clear_range(struct vmm_space *space, vaddr_t va,
                                    uint64_t count, uint64_t keep) {
    struct stale stale = { 0 };
    struct row row;

    while (row_next(space, &va, &count, &row)) {
        if (row.entries > 0) {
            clear_row(space, &row, keep, &stale);
        }
    }
    return stale_token(space, &stale);
}

/** Does the leaf at @va, if there is one, lie within the range? */
static bool leaf_is_inside(struct vmm_space *space, vaddr_t va,
                           struct vrange range) {
    const struct slot slot = table_walk(space, va);
    const uint64_t size = level_size(slot.level);
    const vaddr_t first = vaddr(align_down(va.v, size));

    near_note_slot(space, va, slot);
    return !pte_is_present(entry_get(slot.entry)) ||
           (vrange_holds(range, first) &&
            vrange_holds(range, vaddr_add(first, size - 1)));
}

static enum mm_status ends_check(struct vmm_space *space, vaddr_t va,
                                 uint64_t count) {
    const struct vrange range = { va, count * PAGE_SIZE };
    const enum mm_status status = pages_check(space, va, count);

    if (status != MM_OK) {
        return status;
    }
    if (!leaf_is_inside(space, vaddr_add(va, range.len - 1), range) ||
        !leaf_is_inside(space, va, range)) {
        return MM_HUGE_PAGE;
    }
    return MM_OK;
}

struct vmm_changed vmm_unmap_range(struct vmm_space *space, vaddr_t va,
                                   uint64_t count) {
    struct vmm_changed result = { 0 };
    pte_t *leaf = near_entry(space, va);

    if (count == 1 && leaf != NULL && pte_is_present(entry_get(leaf))) {
        result.token = leaf_take(space, va, leaf, 1).token;
        return result;
    }
    result.status = ends_check(space, va, count);
    if (result.status == MM_OK) {
        result.token = clear_range(space, va, count, 0);
    }
    return result;
}

/* --- rights -------------------------------------------------------------- */

/** Give the leaves of @row the rights @access. */
static void protect_row(struct vmm_space *space, const struct row *row,
                        unsigned access, struct stale *stale) {
    for (uint64_t n = 0; n < row->entries; n++) {
        const pte_t seen = entry_get(&row->entry[n]);

        if (pte_is_present(seen)) {
            entry_set(&row->entry[n],
                      leaf_with(space, seen, row->level, access));
            space->changes++;
            if (access_is_taken(leaf_access(seen), access)) {
                stale_add(stale, row, n, n, seen.v);
                stale->leaves++;
            }
        }
    }
}

struct vmm_changed vmm_protect_range(struct vmm_space *space, vaddr_t va,
                                     uint64_t count, unsigned access) {
    struct vmm_changed result = { .status = ends_check(space, va, count) };
    struct stale stale = { 0 };
    struct row row;

    if (result.status == MM_OK) {
        result.status = access_check(space, va, access);
    }
    if (result.status != MM_OK) {
        return result;
    }
    while (row_next(space, &va, &count, &row)) {
        protect_row(space, &row, access, &stale);
    }
    result.token = stale_token(space, &stale);
    return result;
}

/** Let the writable leaves of @row be copied before the next write. */
static void share_row(struct vmm_space *space, const struct row *row,
                      struct stale *stale) {
    for (uint64_t n = 0; n < row->entries; n++) {
        const pte_t seen = entry_get(&row->entry[n]);

        if (pte_has(seen, PTE_PRESENT | PTE_WRITABLE) &&
            frame_is_shared(space, pfn_of(pte_address(seen)))) {
            entry_set(&row->entry[n], leaf_shared(seen));
            space->changes++;
            stale_add(stale, row, n, n, seen.v);
            stale->leaves++;
        }
    }
}

struct vmm_token pages_share(struct vmm_space *space, vaddr_t va,
                             uint64_t count) {
    struct stale stale = { 0 };
    struct row row;

    while (row_next(space, &va, &count, &row)) {
        share_row(space, &row, &stale);
    }
    return stale_token(space, &stale);
}

/* --- dropping ------------------------------------------------------------ */

/** Give back what a leaf showed: a run, or frames that were handed out or
 *  broken up one by one, or all but one that went back by another way. */
static enum mm_status free_shown(struct vmm_space *space, pfn_t f,
                                 uint64_t count) {
    enum mm_status status;

    frames_forget(space, f, count);
    status = pmm_free_run(space->pmm, f, count);
    if (status != MM_OK && count > 1) {
        status = MM_OK;
        for (uint64_t n = 0; n < count; n++) {
            const enum mm_status one = pmm_free(space->pmm, pfn_add(f, n));

            status = one != MM_OK ? one : status;
        }
    }
    return status;
}

/** The second round.  A frame that was never the pmm's (somebody mapped a
 *  device's) stays whose it is.  One that is free already was given back
 *  behind the region's back: that is counted, and no reason to stop. */
static void free_cleared(struct vmm_space *space, vaddr_t va, uint64_t count) {
    struct row row;

    while (row_next(space, &va, &count, &row)) {
        for (uint64_t n = 0; n < row.entries; n++) {
            const pte_t seen = entry_get(&row.entry[n]);
            enum mm_status status;

            if (seen.v == 0) {
                continue;
            }
            status =
                free_shown(space, pfn_of(pte_leaf_address(seen, row.level)),
                           level_pages(row.level));
            space->stats.not_taken_back +=
                status != MM_OK && status != MM_NOT_MANAGED;
            entry_set(&row.entry[n], pte(0));
        }
    }
}

void pages_drop(struct vmm_space *space, vaddr_t va, uint64_t count,
                bool give_back) {
    vmm_flush(clear_range(space, va, count, give_back ? PTE_ADDRESS_MASK : 0));
    if (give_back) {
        free_cleared(space, va, count);
    }
}
