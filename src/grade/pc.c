/*
 * The boot loader of the judge's machine.
 *
 *   physical   1 MiB                               4 MiB
 *              [ PML4 ][ PDPT ][ PD ] ... free ... ]    reserved
 *   virtual    direct_base + p  shows p, for all RAM: 2 MiB leaves, writable,
 *              never executable, global
 */
#include "grade/test.h"

#define AREA_BASE MIB
#define AREA_SIZE (3 * MIB)
#define LEAF                                                                   \
    (PTE_PRESENT | PTE_WRITABLE | PTE_GLOBAL | PTE_NO_EXECUTE | PTE_HUGE)

static uint64_t new_table(struct pc *pc, uint64_t *next) {
    const uint64_t table = *next;

    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        ram_store64(&pc->ram, paddr(table + i * 8), 0);
    }
    *next += PAGE_SIZE;
    return table;
}

/** Where the entry of @level for @va lies, with the tables above it made. */
static paddr_t entry_of(struct pc *pc, uint64_t va, unsigned level,
                        uint64_t *next) {
    uint64_t table = AREA_BASE;

    for (unsigned l = PAGING_LEVELS;; l--) {
        const paddr_t at = paddr(table + table_index(vaddr(va), l) * 8);
        uint64_t e = ram_load64(&pc->ram, at);

        if (l == level) {
            return at;
        }
        if ((e & PTE_PRESENT) == 0) {
            e = new_table(pc, next) | PTE_PRESENT | PTE_WRITABLE;
            ram_store64(&pc->ram, at, e);
        }
        table = e & PTE_ADDRESS_MASK;
    }
}

static void map_run(struct pc *pc, struct prange run, uint64_t *next) {
    const uint64_t last = run.base.v + run.len - 1;

    for (uint64_t pa = run.base.v & ~(2 * MIB - 1); pa <= last; pa += 2 * MIB) {
        ram_store64(&pc->ram, entry_of(pc, PC_DIRECT_BASE + pa, 2, next),
                    pa | LEAF);
    }
}

bool pc_boot(struct pc *pc) {
    uint64_t next = AREA_BASE;

    if (!ram_holds(&pc->ram, paddr(AREA_BASE), AREA_SIZE)) {
        return false;
    }
    pc->boot.root = paddr(new_table(pc, &next));
    for (size_t i = 0; i < pc->ram.run_count; i++) {
        map_run(pc, pc->ram.runs[i], &next);
    }
    pc->boot.tables = (struct prange){ paddr(AREA_BASE), next - AREA_BASE };
    pc->boot.reserved[pc->boot.reserved_count++] =
        (struct prange){ paddr(AREA_BASE), AREA_SIZE };
    pc->boot.has_1gib = pc->cpu.huge_1gib;
    return cpu_write_cr3(&pc->cpu, pc->boot.root);
}
