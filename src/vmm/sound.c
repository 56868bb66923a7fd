/*
 * What must hold of a space between any two calls.
 *
 *   root      above the private part as the kernel's
 *   regions   ascending, whole pages, no two share a byte; the tree fits
 *   near      the page table walked to last is where a walk ends
 *   tokens    none owed, none used twice
 *   tables    as many as counted; none of them is free memory
 *   entries   that are not present are empty
 *   pages     of a guard: none; of an immediate region: all; whatever a page
 *             of a region shows is in use, and a 4 KiB page, with no more
 *             rights than the region; no frame is shown twice
 *
 * Who shows a frame twice is found without memory: a bit per frame for a window
 * of frames, as many rounds as there are windows with a frame in them.
 */
#include "vmm/regions.h"

#include <string.h>

static bool say(const char **why, const char *sentence) {
    if (why != NULL) {
        *why = sentence;
    }
    return false;
}

/** What is wrong with the branch at @record, whose regions must begin at byte
 *  *@from or behind; moves *@from behind the last of them.  *@over: the last
 *  ended with the address space. */
static const char *branch_complaint(const struct vmm_space *space,
                                    const struct vmm_record *record,
                                    uint64_t *from, bool *over) {
    const struct vrange range = record->region.range;
    const char *wrong = NULL;

    if (!record_is_kept(space, record)) {
        return "the record of a region lies in a free frame";
    }
    if (!vaddr_is_page_aligned(vaddr(range.len)) ||
        pages_check(space, range.base, range.len >> PAGE_SHIFT) != MM_OK) {
        return "a region is no range of whole pages";
    }
    if (record->child[0] != NULL) {
        wrong = branch_complaint(space, record->child[0], from, over);
    }
    if (wrong == NULL && (*over || range.base.v < *from)) {
        wrong = "two regions overlap or are out of order";
    }
    *from = span_of(range).last + 1;
    *over = *from == 0;
    if (wrong == NULL && record->child[1] != NULL) {
        wrong = branch_complaint(space, record->child[1], from, over);
    }
    return wrong;
}

static bool regions_are_sound(const struct vmm_space *space, const char **why) {
    const char *wrong = NULL;
    bool over = false;
    uint64_t from = 0;

    if (space->regions != NULL) {
        wrong = branch_complaint(space, space->regions, &from, &over);
    }
    if (wrong == NULL && !tree_fits(space->regions)) {
        wrong = "the tree of regions does not fit them";
    }
    return wrong == NULL || say(why, wrong);
}

struct tables_seen {
    const struct vmm_space *space;
    uint64_t count;
    bool one_is_free;
};

static void see_table(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct tables_seen *seen = ctx;

    (void)va;
    if (!pte_is_leaf(entry, level)) {
        seen->count++;
        seen->one_is_free |=
            !pmm_is_used(seen->space->pmm, pfn_of(pte_address(entry)));
    }
}

static bool tables_are_sound(const struct vmm_space *space, const char **why) {
    struct tables_seen seen = { .space = space };

    vmm_walk(space, space_part(space), see_table, &seen);
    if (seen.one_is_free) {
        return say(why, "a page table lies in a free frame");
    }
    if (seen.count != space->stats.tables) {
        return say(why, "there are not as many page tables as were counted");
    }
    return true;
}

#define RIGHTS ((unsigned)(VMM_WRITE | VMM_EXECUTE | VMM_USER))

bool frames_are_used(const struct vmm_space *space, pfn_t f, uint64_t count) {
    while (count > 0 && pmm_is_used(space->pmm, f)) {
        f = pfn_add(f, 1);
        count--;
    }
    return count == 0;
}

/** What the pages covered by the entry at @slot do wrong in @region. */
static const char *complaint(const struct vmm_space *space,
                             const struct vmm_region *region,
                             struct slot slot) {
    const pte_t seen = entry_get(slot.entry);

    if (!pte_is_present(seen) && seen.v != 0) {
        return "an entry lost its P bit: it shows nothing, but is not empty";
    }
    if (!pte_is_present(seen)) {
        return region->backing == VMM_IMMEDIATE || region->backing == VMM_DEVICE
                   ? "a page of an immediate region shows no frame"
                   : NULL;
    }
    if (region->backing == VMM_GUARD) {
        return "a page of a guard region shows a frame";
    }
    if (slot.level > (region->large ? 2u : 1u)) {
        return "a large page lies in a region that has none";
    }
    if (!frames_are_used(space, pfn_of(pte_leaf_address(seen, slot.level)),
                         level_pages(slot.level))) {
        return "a page of a region shows a free frame";
    }
    if ((leaf_access(seen) & ~region->access & RIGHTS) != 0) {
        return "a page has a right that its region has not";
    }
    if (pte_has(seen, PTE_WRITABLE | LEAF_COPY)) {
        return "a page to be copied before a write is writable";
    }
    return NULL;
}

static bool pages_are_sound(const struct vmm_space *space,
                            const struct vmm_region *region, const char **why) {
    uint64_t left = region->range.len >> PAGE_SHIFT;
    vaddr_t va = region->range.base;

    while (left > 0) {
        const struct slot slot = table_walk(space, va);
        const uint64_t pages = slot_pages(slot, va, left);
        const char *wrong = complaint(space, region, slot);

        if (wrong != NULL) {
            return say(why, wrong);
        }
        va = vaddr_add(va, pages * PAGE_SIZE);
        left -= pages;
    }
    return true;
}

#define WINDOW_FRAMES UINT64_C(2048)

/** The frames [first, first + WINDOW_FRAMES): which were seen. */
struct window {
    const struct vmm_space *space;
    uint64_t first, next; /* next: the lowest frame seen above; or UINT64_MAX */
    uint64_t seen[WINDOW_FRAMES / 64];
    bool twice;
};

static void see_one(struct window *window, pfn_t f) {
    const uint64_t at = f.v - window->first;

    if (f.v < window->first || !pmm_is_managed(window->space->pmm, f)) {
        return;
    }
    if (at >= WINDOW_FRAMES) {
        window->next = f.v < window->next ? f.v : window->next;
        return;
    }
    window->twice |= (window->seen[at / 64] >> (at % 64) & 1) != 0;
    window->seen[at / 64] |= UINT64_C(1) << (at % 64);
}

static void see_frames(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    (void)va;
    if (pte_is_leaf(entry, level)) {
        const pfn_t first = pfn_of(pte_leaf_address(entry, level));

        for (uint64_t n = 0; n < level_pages(level); n++) {
            see_one(ctx, pfn_add(first, n));
        }
    }
}

/** No frame of the pmm's is shown by two pages of regions. */
static bool frames_are_sound(const struct vmm_space *space, const char **why) {
    struct window window = { .space = space, .next = 0 };

    while (window.next != UINT64_MAX) {
        window.first = window.next;
        window.next = UINT64_MAX;
        memset(window.seen, 0, sizeof window.seen);
        for (const struct vmm_region *region = vmm_region_next(space, NULL);
             region != NULL; region = vmm_region_next(space, region)) {
            vmm_walk(space, region->range, see_frames, &window);
        }
    }
    return !window.twice ||
           say(why, "two pages of regions show the same frame");
}

/** The roots say the same of the part that all spaces share. */
static bool shared_is_sound(const struct vmm_space *space, const char **why) {
    const pte_t *own = table_at(space, space->root);
    const pte_t *kernels = table_at(space, space->kernel->root);

    for (unsigned n = table_index(vaddr(VMM_PRIVATE_SIZE), PAGING_LEVELS);
         n < TABLE_ENTRIES; n++) {
        if (((entry_get(&own[n]).v ^ entry_get(&kernels[n]).v) &
             ~(PTE_ACCESSED | PTE_DIRTY)) != 0) { /* D: a recursive slot */
            return say(why, "the roots of two spaces differ in the kernel's "
                            "part");
        }
    }
    return true;
}

/** Asked first: what comes behind walks by it. */
static bool near_is_right(const struct vmm_space *space) {
    const vaddr_t va = vaddr(space->near_at << level_shift(2));
    struct slot slot;

    if (space->near_at == NEAR_NOWHERE) {
        return true;
    }
    slot = table_walk_to(space, va, 1);
    return slot.level == 1 && slot.entry == space->near;
}

bool vmm_is_sound(const struct vmm_space *space, const char **why) {
    if (!near_is_right(space)) {
        return say(why, "the page table walked to last is none of the tree");
    }
    if (space->tokens_used < space->tokens) {
        return say(why, "a token is neither flushed nor skipped");
    }
    if (space->tokens_used > space->tokens || space->ids_owed != 0) {
        return say(why, "a token was used twice");
    }
    if (!shared_is_sound(space, why) || !regions_are_sound(space, why) ||
        !tables_are_sound(space, why)) {
        return false;
    }
    for (const struct vmm_region *region = vmm_region_next(space, NULL);
         region != NULL; region = vmm_region_next(space, region)) {
        if (!pages_are_sound(space, region, why)) {
            return false;
        }
    }
    return frames_are_sound(space, why);
}

/* --- all spaces -------------------------------------------------------------
 */

#define COUNTED_FRAMES UINT64_C(1024)

/** How many pages of regions show each of the frames [first, ...). */
struct tally {
    const struct pmm *pmm;
    uint64_t first, next; /* next: the lowest frame seen above; or UINT64_MAX */
    uint32_t pages[COUNTED_FRAMES];
};

static void count_one(struct tally *tally, pfn_t f) {
    if (f.v < tally->first || !pmm_is_managed(tally->pmm, f)) {
        return;
    }
    if (f.v - tally->first < COUNTED_FRAMES) {
        tally->pages[f.v - tally->first]++;
    } else if (f.v < tally->next) {
        tally->next = f.v;
    }
}

static void count_frames(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    (void)va;
    if (pte_is_leaf(entry, level)) {
        const pfn_t first = pfn_of(pte_leaf_address(entry, level));

        for (uint64_t n = 0; n < level_pages(level); n++) {
            count_one(ctx, pfn_add(first, n));
        }
    }
}

static void count_space(const struct vmm_space *space, struct tally *tally) {
    for (const struct vmm_region *region = vmm_region_next(space, NULL);
         region != NULL; region = vmm_region_next(space, region)) {
        if (region->backing != VMM_DEVICE) {
            vmm_walk(space, region->range, count_frames, tally);
        }
    }
}

/** Each frame has as many owners as pages of regions show it. */
static bool owners_are_sound(const struct vmm_space *kernel, const char **why) {
    struct tally tally = { .pmm = kernel->pmm, .next = 0 };

    while (tally.next != UINT64_MAX) {
        tally.first = tally.next;
        tally.next = UINT64_MAX;
        memset(tally.pages, 0, sizeof tally.pages);
        for (const struct vmm_space *s = kernel; s != NULL; s = s->next) {
            count_space(s, &tally);
        }
        for (uint64_t n = 0; n < COUNTED_FRAMES; n++) {
            if (tally.pages[n] != 0 &&
                pmm_owners(kernel->pmm, pfn(tally.first + n)) !=
                    tally.pages[n]) {
                return say(why, "a frame is shown by more or fewer pages than "
                                "own it");
            }
        }
    }
    return true;
}

bool vmm_all_are_sound(const struct vmm_space *kernel, const char **why) {
    const char *wrong;

    for (const struct vmm_space *s = kernel; s != NULL; s = s->next) {
        if (!vmm_is_sound(s, why)) {
            return false;
        }
    }
    wrong = trees_complaint(kernel);
    if (wrong != NULL) {
        return say(why, wrong);
    }
    if (!owners_are_sound(kernel, why)) {
        return false;
    }
    wrong = remembered_complaint(kernel);
    return wrong == NULL || say(why, wrong);
}
