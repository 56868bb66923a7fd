/*
 * Tables for exercises, drawn from a seed.
 *
 *   frame    0 1 2 3 ...                                511
 *   used     . . 4 . 1 . . 3 . . 2 . 1 . . . . . . . . . .     level of the
 * table ^ root                                        that is there
 *
 * Tables lie in drawn frames; what a page shows may lie anywhere, since nobody
 * reads it.  No two pages are in the same GiB, so what is wrong with one, in
 * its last three levels, is wrong with no other.
 */
#include "memtwin/quiz_tables.h"

#include "base/hash.h"
#include "hw/paging.h"

#include <inttypes.h>
#include <string.h>

#define QUIZ_RAM (QUIZ_FRAMES * PAGE_SIZE)
#define PHYS_BITS 46
#define PLAIN_PAGES 2

uint64_t quiz_draw(struct quiz_tables *tables, uint64_t limit) {
    return hash_mix(tables->state++) % limit;
}

vaddr_t quiz_address(struct quiz_tables *tables) {
    const uint64_t pages = UINT64_C(1) << (47 - PAGE_SHIFT);
    const uint64_t room = UINT64_C(1) << 20; /* pages behind it */

    return vaddr(PAGE_SIZE * quiz_draw(tables, pages - room));
}

/* --- tables --------------------------------------------------------------- */

static paddr_t new_table(struct quiz_tables *tables, unsigned level) {
    uint64_t f;

    do {
        f = 1 + quiz_draw(tables, QUIZ_FRAMES - 1);
    } while (tables->used[f] != 0);
    tables->used[f] = (uint8_t)level;
    for (uint64_t n = 0; n < TABLE_ENTRIES; n++) {
        ram_store64(&tables->ram, paddr_add(paddr_of(pfn(f)), 8 * n), 0);
    }
    return paddr_of(pfn(f));
}

static paddr_t entry_of(paddr_t table, vaddr_t va, unsigned level) {
    return paddr_add(table, 8 * table_index(va, level));
}

/** One thing that is wrong with an entry of a page. */
static uint64_t spoiled(struct quiz_tables *tables, uint64_t entry) {
    switch (quiz_draw(tables, 5)) {
    case 0:
        return entry & ~PTE_PRESENT;
    case 1:
        return entry & ~PTE_WRITABLE;
    case 2:
        return entry & ~PTE_USER;
    case 3:
        return entry | PTE_NO_EXECUTE;
    default: /* an address that the bus does not have */
        return entry | UINT64_C(1)
                           << (PHYS_BITS + quiz_draw(tables, 52 - PHYS_BITS));
    }
}

/** Show a drawn frame at @page->va, below tables that are there or new. */
static void show(struct quiz_tables *tables, struct quiz_page *page,
                 unsigned bad_level) {
    const uint64_t size = level_size(page->level);
    const uint64_t bits =
        PTE_PRESENT | PTE_WRITABLE | (page->user ? PTE_USER : 0);
    paddr_t table = tables->root;

    page->pa =
        paddr(size * (1 + quiz_draw(tables, (UINT64_C(1) << 36) / size - 1)));
    for (unsigned level = PAGING_LEVELS;; level--) {
        const paddr_t at = entry_of(table, page->va, level);
        uint64_t entry = ram_load64(&tables->ram, at);

        if (level == page->level) {
            entry = page->pa.v | bits | (level > 1 ? PTE_HUGE : 0);
        } else if (entry == 0) {
            entry = new_table(tables, level - 1).v | PTE_PRESENT |
                    PTE_WRITABLE | PTE_USER;
        }
        page->entry = at;
        table = pte_address(pte(entry));
        if (level == bad_level) {
            entry = spoiled(tables, entry);
        }
        ram_store64(&tables->ram, at, entry);
        if (level == page->level) {
            return;
        }
    }
}

/** The start of 2 MiB in a GiB that no page has yet. */
static vaddr_t apart(struct quiz_tables *tables, unsigned n) {
    vaddr_t va;
    bool taken;

    do {
        va = quiz_address(tables);
        va.v = align_down(va.v, level_size(2));
        taken = false;
        for (unsigned k = 0; k < n; k++) {
            taken |= tables->pages[k].va.v >> level_shift(3) ==
                     va.v >> level_shift(3);
        }
    } while (taken);
    return va;
}

bool quiz_tables_make(struct quiz_tables *tables, uint64_t seed, char *why,
                      size_t why_size) {
    const struct memmap_entry all = { { paddr(0), QUIZ_RAM }, MEMMAP_USABLE };

    if (!ram_init(&tables->ram, &all, 1, seed, vaddr(0), why, why_size)) {
        return false;
    }
    tables->state = hash_mix(seed);
    memset(tables->used, 0, sizeof(tables->used));
    tables->root = new_table(tables, PAGING_LEVELS);
    for (unsigned n = 0; n < QUIZ_PAGES; n++) {
        struct quiz_page *page = &tables->pages[n];
        const bool plain = n < PLAIN_PAGES;

        page->va = apart(tables, n);
        page->level = n == 1 || (!plain && quiz_draw(tables, 4) == 0) ? 2 : 1;
        if (page->level == 1) {
            page->va = vaddr_add(page->va, PAGE_SIZE * quiz_draw(tables, 512));
        }
        page->user = !plain && quiz_draw(tables, 2) == 1;
        /* What is wrong is in the page's own part of the tree. */
        show(tables, page,
             plain
                 ? 0
                 : page->level + (unsigned)quiz_draw(tables, 4 - page->level));
    }
    return true;
}

void quiz_tables_destroy(struct quiz_tables *tables) {
    ram_destroy(&tables->ram);
}

/* --- text ----------------------------------------------------------------- */

static void print_table(struct quiz_tables *tables, uint64_t f) {
    static const char *const names[] = { "", "page table", "page directory",
                                         "PDPT", "PML4" };

    printf("\n  0x%" PRIx64 ": %s\n", paddr_of(pfn(f)).v,
           names[tables->used[f]]);
    for (uint64_t n = 0; n < TABLE_ENTRIES; n++) {
        const uint64_t entry =
            ram_load64(&tables->ram, paddr_add(paddr_of(pfn(f)), 8 * n));

        if (entry != 0) {
            printf("    [%3" PRIu64 "] 0x%016" PRIx64 "\n", n, entry);
        }
    }
}

void quiz_tables_print(struct quiz_tables *tables) {
    for (unsigned level = PAGING_LEVELS; level > 0; level--) {
        for (uint64_t f = 0; f < QUIZ_FRAMES; f++) {
            if (tables->used[f] == level) {
                print_table(tables, f);
            }
        }
    }
}

unsigned quiz_count_tables(vaddr_t va, uint64_t pages) {
    const uint64_t last = va.v + (pages - 1) * PAGE_SIZE;
    unsigned tables = 1;

    for (unsigned level = 1; level < PAGING_LEVELS; level++) {
        tables += (unsigned)((last >> level_shift(level + 1)) -
                             (va.v >> level_shift(level + 1))) +
                  1;
    }
    return tables;
}
