/*
 * Firmware: what a boot loader does before the kernel side starts.
 *
 * The load area stands where the kernel image stands on bare metal, so that
 * the frames left over are the same on both machines:
 *
 *   1 MiB                                                        4 MiB
 *   [ boot tables --->                 <--- IST stack ][ boot stack ]
 *
 * Virtual memory at the start:
 *
 *   stack_base   [guard][ boot stack ][guard][ IST 1 ][guard]
 *   direct_base  [ all RAM, writable, not executable, global ]
 *
 * The module lies at the top of RAM below 4 GiB, where QEMU puts it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/live.h"

#define LOAD_BASE (1 * MIB)
#define LOAD_SIZE (3 * MIB)
#define BOOT_STACK_SIZE (256 * KIB)
#define IST_STACK_SIZE (64 * KIB)
#define LEAF_BITS (PTE_PRESENT | PTE_WRITABLE | PTE_GLOBAL | PTE_NO_EXECUTE)

struct loader {
    struct sim *sim;
    struct prange area;
    uint64_t tables_end; /* physical; the next table goes here */
    uint64_t tables_limit;
    bool full;
};

/** Are all bytes of @range usable by the map, and by no other entry? */
static bool is_usable(const struct sim_config *config, struct prange range) {
    bool usable = false;

    for (size_t i = 0; i < config->map_count; i++) {
        const struct memmap_entry *e = &config->map[i];

        if (e->type != MEMMAP_USABLE) {
            if (ranges_overlap(e->range.base.v, e->range.len, range.base.v,
                               range.len)) {
                return false;
            }
        } else if (prange_holds(e->range, range.base) &&
                   e->range.len - (range.base.v - e->range.base.v) >=
                       range.len) {
            usable = true;
        }
    }
    return usable;
}

/** 1 MiB where that is usable, else the lowest usable MiB boundary. */
static bool find_load_area(struct loader *loader) {
    const struct sim_config *config = &loader->sim->config;
    bool found = false;

    loader->area = (struct prange){ paddr(LOAD_BASE), LOAD_SIZE };
    if (is_usable(config, loader->area)) {
        return true;
    }
    for (size_t i = 0; i < config->map_count; i++) {
        struct prange at = { paddr(0), LOAD_SIZE };

        if (config->map[i].type == MEMMAP_USABLE &&
            align_up(config->map[i].range.base.v, MIB, &at.base.v) &&
            at.base.v >= LOAD_BASE && is_usable(config, at) &&
            (!found || at.base.v < loader->area.base.v)) {
            loader->area = at;
            found = true;
        }
    }
    return found;
}

static paddr_t new_table(struct loader *loader) {
    paddr_t table = paddr(loader->tables_end);

    if (loader->tables_end + PAGE_SIZE > loader->tables_limit) {
        loader->full = true;
        return loader->area.base; /* the caller gives up */
    }
    loader->tables_end += PAGE_SIZE;
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        ram_store64(&loader->sim->ram, paddr_add(table, i * 8), 0);
    }
    return table;
}

/** The page table entry of @level for @va, with the tables above it made. */
static paddr_t entry_at(struct loader *loader, vaddr_t va, unsigned level) {
    struct sim_ram *ram = &loader->sim->ram;
    paddr_t table = loader->sim->cpu.cr3;

    for (unsigned l = PAGING_LEVELS;; l--) {
        paddr_t at = paddr_add(table, table_index(va, l) * 8);
        pte_t e;

        if (l == level || loader->full) {
            return at;
        }
        e = pte(ram_load64(ram, at));
        if (!pte_is_present(e)) {
            e = pte_make(pfn_of(new_table(loader)), PTE_PRESENT | PTE_WRITABLE);
            if (loader->full) {
                return at;
            }
            ram_store64(ram, at, e.v);
        }
        table = pte_address(e);
    }
}

static void map(struct loader *loader, vaddr_t va, paddr_t pa, unsigned level) {
    paddr_t at = entry_at(loader, va, level);

    if (!loader->full) {
        ram_store64(
            &loader->sim->ram, at,
            pte_make(pfn_of(pa), LEAF_BITS | (level > 1 ? PTE_HUGE : 0)).v);
    }
}

/** Direct map: 1 GiB leaves where the whole GiB is RAM, 2 MiB leaves where any
 *  byte is; what of a leaf is no RAM must not be touched. */
static void map_ram(struct loader *loader) {
    const struct sim_ram *ram = &loader->sim->ram;
    vaddr_t base = loader->sim->config.direct_base;
    uint64_t done = 0;

    for (size_t i = 0; i < ram->run_count && !loader->full; i++) {
        uint64_t end = ram->runs[i].base.v + ram->runs[i].len;
        uint64_t from = align_down(ram->runs[i].base.v, 2 * MIB);

        for (uint64_t pa = from > done ? from : done;
             pa < end && !loader->full;) {
            unsigned level = (pa & (GIB - 1)) == 0 &&
                                     loader->sim->cpu.huge_1gib &&
                                     ram_holds(ram, paddr(pa), GIB)
                                 ? 3
                                 : 2;

            map(loader, vaddr_add(base, pa), paddr(pa), level);
            pa += level_size(level);
            done = pa;
        }
    }
}

/** A stack of @size below physical @end; @return its top. */
static vaddr_t map_stack(struct loader *loader, const char *name,
                         vaddr_t bottom, uint64_t end, uint64_t size) {
    struct hw_boot *boot = &loader->sim->boot;

    boot->sections[boot->section_count++] = (struct hw_section){
        .name = name, .range = { bottom, size }, .writable = true
    };
    for (uint64_t at = 0; at < size; at += PAGE_SIZE) {
        map(loader, vaddr_add(bottom, at), paddr(end - size + at), 1);
    }
    return vaddr_add(bottom, size);
}

/** The lowest start of what keeps @want from holding a module: entries that
 *  are not usable, the load area.  UINT64_MAX: nothing does. */
static uint64_t first_obstacle(const struct loader *loader,
                               struct prange want) {
    const struct sim_config *config = &loader->sim->config;
    uint64_t first = UINT64_MAX;

    if (ranges_overlap(want.base.v, want.len, loader->area.base.v,
                       loader->area.len)) {
        first = loader->area.base.v;
    }
    for (size_t i = 0; i < config->map_count; i++) {
        const struct memmap_entry *e = &config->map[i];

        if (e->type != MEMMAP_USABLE && e->range.base.v < first &&
            ranges_overlap(want.base.v, want.len, e->range.base.v,
                           e->range.len)) {
            first = e->range.base.v;
        }
    }
    return first;
}

/** The highest page below @end in usable entry @e where @size bytes fit; 0:
 *  nowhere. */
static uint64_t highest_fit(const struct loader *loader,
                            const struct memmap_entry *e, uint64_t size) {
    uint64_t end = e->range.base.v + e->range.len;

    end = end < 4 * GIB ? end : 4 * GIB;
    for (;;) {
        struct prange want = { paddr(align_down(end, PAGE_SIZE) - size), size };
        uint64_t obstacle;

        if (end < size || align_down(end, PAGE_SIZE) < size ||
            want.base.v < e->range.base.v) {
            return 0;
        }
        obstacle = first_obstacle(loader, want);
        if (obstacle == UINT64_MAX) {
            return want.base.v;
        }
        end = obstacle;
    }
}

/** As QEMU: as high as it fits in RAM below 4 GiB, page-aligned. */
static bool place_module(struct loader *loader) {
    const struct sim_config *config = &loader->sim->config;
    uint64_t size = pages_for(config->module_size) * PAGE_SIZE;
    uint64_t best = config->module_at;

    for (size_t i = 0; config->module_at == 0 && i < config->map_count; i++) {
        if (config->map[i].type == MEMMAP_USABLE) {
            uint64_t fit = highest_fit(loader, &config->map[i], size);

            best = fit > best ? fit : best;
        }
    }
    loader->sim->boot.module =
        (struct prange){ paddr(best), config->module_size };
    return best != 0 &&
           is_usable(config, (struct prange){ paddr(best), size }) &&
           !ranges_overlap(best, size, loader->area.base.v, loader->area.len);
}

static void load_module(struct loader *loader) {
    struct sim *sim = loader->sim;
    struct prange at = sim->boot.module;

    ram_touch(&sim->ram, at);
    memcpy(sim->ram.alias + at.base.v, sim->config.module, at.len);
}

static void hand_over(struct loader *loader) {
    struct hw_boot *boot = &loader->sim->boot;

    boot->machine = "sim";
    boot->map = loader->sim->map;
    boot->map_count = loader->sim->config.map_count;
    boot->reserved[boot->reserved_count++] = loader->area;
    boot->tables = (struct prange){ loader->area.base,
                                    loader->tables_end - loader->area.base.v };
    boot->leftover[0] =
        (struct prange){ paddr(loader->tables_end),
                         loader->tables_limit - loader->tables_end };
    if (boot->module.len != 0) {
        boot->reserved[boot->reserved_count++] = boot->module;
    }
    boot->direct_base = loader->sim->config.direct_base;
    boot->root = loader->sim->cpu.cr3;
    boot->phys_bits = loader->sim->cpu.phys_bits;
    boot->processors = sim_cpu_count(loader->sim);
    boot->has_1gib = loader->sim->cpu.huge_1gib;
}

enum sim_status firmware_boot(struct sim *sim, char *why, size_t why_size) {
    struct loader loader = { .sim = sim };
    vaddr_t bottom = vaddr_add(sim->config.stack_base, PAGE_SIZE);
    uint64_t end;

    if (!find_load_area(&loader)) {
        snprintf(why, why_size,
                 "the memory map has no 3 MiB of usable RAM at 1 MiB or above "
                 "to load a kernel into");
        return SIM_BAD_MAP;
    }
    if (sim->config.module != NULL && !place_module(&loader)) {
        snprintf(why, why_size,
                 "the memory map has no place for a module of %zu bytes%s",
                 sim->config.module_size,
                 sim->config.module_at != 0 ? " at the address asked for"
                                            : "; give the machine more RAM");
        return SIM_BAD_MAP;
    }
    end = loader.area.base.v + loader.area.len;
    loader.tables_end = loader.area.base.v;
    loader.tables_limit = end - BOOT_STACK_SIZE - IST_STACK_SIZE;
    if (!cpu_write_cr3(&sim->cpu, new_table(&loader))) {
        snprintf(why, why_size, "the load area lies beyond MAXPHYADDR");
        return SIM_BAD_MAP;
    }
    map_ram(&loader);
    sim->boot_stack_bottom = bottom;
    sim->boot_stack_top =
        map_stack(&loader, "boot stack", bottom, end, BOOT_STACK_SIZE);
    sim->boot.ist_top[0] = map_stack(&loader, "double-fault stack",
                                     vaddr_add(sim->boot_stack_top, PAGE_SIZE),
                                     end - BOOT_STACK_SIZE, IST_STACK_SIZE);
    if (loader.full) {
        snprintf(why, why_size,
                 "the direct map of this memory map needs more boot tables "
                 "than fit into the load area");
        return SIM_BAD_MAP;
    }
    if (sim->config.module != NULL) {
        load_module(&loader);
    }
    hand_over(&loader);
    return SIM_OK;
}
