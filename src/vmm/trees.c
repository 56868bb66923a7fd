/*
 * What must hold of the trees of all spaces together, whoever wrote the
 * entries.
 *
 *   every entry    no bit that the processor reserves
 *   every leaf     shows no free frame; lets nobody write what he may execute
 *   every table    is reached by one entry, and no page can be written that
 *                  shows it: whoever writes tables gives himself any right
 *
 * The direct map shows every frame on purpose, free ones and tables, and the
 * window of reach.c tables; neither may be executed where it may be written.
 * The boot loader's pages and tables are asked like all others.
 *
 * Which frames are tables is noted without memory: a bit per frame for a window
 * of frames, as many rounds as there are windows with a table in them.
 *
 * Intel SDM vol. 3A, "4-Level Paging and 5-Level Paging": reserved bits.
 */
#include "vmm/reach.h"
#include "vmm/span.h"

#include <string.h>

#define WINDOW_FRAMES UINT64_C(2048)

struct look {
    const struct vmm_space *space;
    uint64_t path[PAGING_LEVELS + 2]; /* W and NX down to each level */
    uint64_t first, next; /* window; next: the lowest table above it */
    uint64_t tables[WINDOW_FRAMES / 64];
    const char *wrong;
};

/** Call @visit for all that is not shown twice: the kernel's space entirely, of
 *  the others what is their own. */
static void look_at_all(const struct vmm_space *kernel, vmm_visit *visit,
                        struct look *look) {
    for (const struct vmm_space *s = kernel; s != NULL; s = s->next) {
        look->space = s;
        vmm_walk(s, space_part(s), visit, look);
    }
}

/* --- entry by entry ------------------------------------------------------- */

static bool reserved_is_set(const struct vmm_space *space, unsigned level,
                            pte_t entry) {
    const uint64_t beyond =
        PTE_ADDRESS_MASK & ~((UINT64_C(1) << space->phys_bits) - 1);
    uint64_t reserved = beyond;

    if (level > space->largest) {
        reserved |= PTE_HUGE;
    } else if (level > 1 && pte_has(entry, PTE_HUGE)) {
        reserved |= (level_size(level) - 1) & PTE_ADDRESS_MASK & ~PTE_PAT_HUGE;
    }
    return (entry.v & reserved) != 0;
}

/** Is the page there for tables to be reached by? */
static bool shows_tables(const struct vmm_space *space, vaddr_t va) {
    return in_direct_map(space, va) ||
           (space->reach != NULL &&
            range_holds(space->reach->window.v, level_size(2), va.v));
}

static bool may_be_both(const struct vmm_space *space) {
    return space->write_execute || space->kernel->write_execute;
}

/** What is wrong with an entry, which has the rights @path. */
static const char *entry_complaint(const struct vmm_space *space, vaddr_t va,
                                   unsigned level, pte_t entry, uint64_t path) {
    const pfn_t first = pfn_of(pte_leaf_address(entry, level));

    if (reserved_is_set(space, level, entry)) {
        return "an entry has a reserved bit set";
    }
    if (!pte_is_leaf(entry, level)) {
        return NULL;
    }
    if (path == PTE_WRITABLE && !may_be_both(space)) {
        return "a page can be written and executed";
    }
    return !in_direct_map(space, va) &&
                   !frames_are_used(space, first, level_pages(level))
               ? "a page shows a free frame"
               : NULL;
}

static void see_entry(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct look *look = ctx;
    const uint64_t above =
        level == PAGING_LEVELS ? PTE_WRITABLE : look->path[level + 1];
    const char *wrong;

    look->path[level] =
        (above & entry.v & PTE_WRITABLE) | ((above | entry.v) & PTE_NO_EXECUTE);
    wrong = entry_complaint(look->space, va, level, entry, look->path[level]);
    look->wrong = look->wrong == NULL ? wrong : look->wrong;
}

/* --- tables ----------------------------------------------------------------
 */

static void note_table(struct look *look, pfn_t f) {
    const uint64_t at = f.v - look->first;

    if (f.v < look->first) {
        return;
    }
    if (at >= WINDOW_FRAMES) {
        look->next = f.v < look->next ? f.v : look->next;
        return;
    }
    if ((look->tables[at / 64] >> (at % 64) & 1) != 0) {
        look->wrong = "a page table is reached by two entries";
    }
    look->tables[at / 64] |= UINT64_C(1) << (at % 64);
}

static void see_table(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    (void)va;
    if (!pte_is_leaf(entry, level)) {
        note_table(ctx, pfn_of(pte_address(entry)));
    }
}

static void see_page(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    struct look *look = ctx;
    uint64_t at = pfn_of(pte_leaf_address(entry, level)).v - look->first;

    if (!pte_is_leaf(entry, level) || (entry.v & PTE_WRITABLE) == 0 ||
        shows_tables(look->space, va)) {
        return;
    }
    for (uint64_t n = 0; n < level_pages(level); n++, at++) {
        if (at < WINDOW_FRAMES &&
            (look->tables[at / 64] >> (at % 64) & 1) != 0) {
            look->wrong = "a page table can be written through a page";
        }
    }
}

static void look_at_tables(const struct vmm_space *kernel, struct look *look) {
    while (look->next != UINT64_MAX) {
        look->first = look->next;
        look->next = UINT64_MAX;
        memset(look->tables, 0, sizeof look->tables);
        for (const struct vmm_space *s = kernel; s != NULL; s = s->next) {
            look->space = s;
            note_table(look, pfn_of(s->root));
        }
        look_at_all(kernel, see_table, look);
        look_at_all(kernel, see_page, look);
    }
}

/* --- all -------------------------------------------------------------------
 */

const char *trees_complaint(const struct vmm_space *kernel) {
    struct look look = { .next = 0 };

    look_at_all(kernel, see_entry, &look);
    if (look.wrong == NULL) {
        look_at_tables(kernel, &look);
    }
    return look.wrong;
}
