/*
 * The page tables that the kernel starts with.
 *
 *   DIRECT_BASE + p   any RAM byte p: 2 MiB leaves, or 1 GiB where a whole GiB
 *                     is usable and the processor can, 4 KiB in the load area;
 *                     not executable
 *   KERNEL_BASE + p   the image at p by section: 4 KiB leaves; not the guards
 *   the lower half    nothing
 *
 * In the image nothing is both writable and executable: text is executable,
 * read-only data neither, data and stacks writable.  All leaves are global,
 * those of the direct map writable but where it shows text and read-only data:
 * a page that is read-only under one address is so under the other.  Tables
 * come from the load area above the image, and are reached by their physical
 * addresses, through the identity map of entry.S.
 */
#include <string.h>

#include "arch/x86_64/machine.h"
#include "boot/boot.h"
#include "hw/paging.h"

#define TABLE_BITS (PTE_PRESENT | PTE_WRITABLE)
#define LEAF_BITS (PTE_PRESENT | PTE_GLOBAL)

/* kernel.ld and entry.S */
extern const uint8_t image_start[], image_rodata[], image_data[],
    image_stacks[], image_end[];
extern const uint8_t boot_guard_0[], boot_guard_1[];
extern const uint8_t boot_stack_top[], boot_ist1_top[];

static struct prange frames; /* tables handed out so far; the first is root */

struct prange tables_frames(void) {
    return frames;
}

static pte_t *table_at(paddr_t pa) {
    return (pte_t *)(uintptr_t)pa.v;
}

static paddr_t new_table(void) {
    paddr_t table = paddr_add(frames.base, frames.len);

    if (table.v + PAGE_SIZE > LOAD_END) {
        hw_panic("the direct map of this memory map needs more boot tables "
                 "than fit below 4 MiB",
                 __FILE__, __LINE__);
    }
    frames.len += PAGE_SIZE;
    memset(table_at(table), 0, PAGE_SIZE);
    return table;
}

/** Show @pa at @va with a leaf of @level, unless something shows there. */
static void map(vaddr_t va, paddr_t pa, unsigned level, uint64_t bits) {
    paddr_t table = frames.base;

    for (unsigned l = PAGING_LEVELS;; l--) {
        pte_t *e = &table_at(table)[table_index(va, l)];

        if (l == level) {
            if (!pte_is_present(*e)) {
                *e = pte_make(pfn_of(pa), bits | (l > 1 ? PTE_HUGE : 0));
            }
            return;
        }
        if (!pte_is_present(*e)) {
            *e = pte_make(pfn_of(new_table()), TABLE_BITS);
        } else if (pte_is_leaf(*e, l)) {
            return;
        }
        table = pte_address(*e);
    }
}

/* --- the image -------------------------------------------------------------
 */

enum rights { READ, WRITE, EXECUTE };

/** Map the pages of the image from @first up to @end. */
static void map_section(struct hw_boot *boot, const char *name,
                        const uint8_t *first, const uint8_t *end,
                        enum rights rights) {
    const vaddr_t base = vaddr_of_pointer(first);
    const uint64_t len = (uint64_t)(end - first);
    const uint64_t bits = LEAF_BITS | (rights == WRITE ? PTE_WRITABLE : 0) |
                          (rights == EXECUTE ? 0 : PTE_NO_EXECUTE);

    for (uint64_t at = 0; at < len; at += PAGE_SIZE) {
        map(vaddr_add(base, at), paddr(base.v + at - KERNEL_BASE), 1, bits);
    }
    boot->sections[boot->section_count++] = (struct hw_section){
        name, { base, len }, rights == WRITE, rights == EXECUTE
    };
}

/** What lies between two sections (guards) is not mapped. */
static void map_image(struct hw_boot *boot) {
    map_section(boot, "text", image_start, image_rodata, EXECUTE);
    map_section(boot, "rodata", image_rodata, image_data, READ);
    map_section(boot, "data", image_data, image_stacks, WRITE);
    map_section(boot, "boot stack", boot_guard_0 + PAGE_SIZE, boot_stack_top,
                WRITE);
    map_section(boot, "double-fault stack", boot_guard_1 + PAGE_SIZE,
                boot_ist1_top, WRITE);
}

/* --- the direct map --------------------------------------------------------
 */

static bool is_ram(const struct memmap_entry *e) {
    return e->range.len != 0 &&
           (e->type == MEMMAP_USABLE || e->type == MEMMAP_ACPI_RECLAIMABLE ||
            e->type == MEMMAP_ACPI_NVS);
}

/** Is all of @range inside a usable entry, and in no entry of another type? */
static bool is_usable(const struct hw_boot *boot, struct prange range) {
    bool usable = false;

    for (size_t i = 0; i < boot->map_count; i++) {
        const struct memmap_entry *e = &boot->map[i];

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

/** The level of the leaf for @pa, a multiple of 2 MiB or in the load area. */
static unsigned ram_level(const struct hw_boot *boot, uint64_t pa,
                          bool has_1gib) {
    const struct prange gib = { paddr(pa), GIB };

    if (pa < LOAD_END) {
        return 1;
    }
    return has_1gib && pa % GIB == 0 && is_usable(boot, gib) ? 3 : 2;
}

/** Text and read-only data are written through no address. */
static uint64_t ram_bits(uint64_t pa) {
    const uint64_t first = vaddr_of_pointer(image_start).v - KERNEL_BASE;
    const uint64_t len = (uint64_t)(image_data - image_start);

    return LEAF_BITS | PTE_NO_EXECUTE | (pa - first < len ? 0 : PTE_WRITABLE);
}

/** Map the leaves that @ram touches, as far as the processor's bus goes. */
static void map_ram(const struct hw_boot *boot, struct prange ram,
                    bool has_1gib) {
    const uint64_t bus = UINT64_C(1) << boot->phys_bits;
    uint64_t pa = align_down(ram.base.v, level_size(2));

    while (pa < bus && (pa < ram.base.v || pa - ram.base.v < ram.len)) {
        const unsigned level = ram_level(boot, pa, has_1gib);

        map(vaddr(DIRECT_BASE + pa), paddr(pa), level, ram_bits(pa));
        pa += level_size(level);
    }
}

/** Which frames of the load area are tables; .boot and what no table needed are
 *  nobody's. */
static void hand_over(struct hw_boot *boot) {
    const uint64_t image = vaddr_of_pointer(image_start).v - KERNEL_BASE;
    const paddr_t end = paddr_add(frames.base, frames.len);

    boot->tables = frames;
    boot->leftover[0] =
        (struct prange){ paddr(LOAD_START), image - LOAD_START };
    boot->leftover[1] = (struct prange){ end, LOAD_END - end.v };
}

void tables_build(struct hw_boot *boot) {
    const bool has_1gib = machine_has_1gib_pages();

    frames.base = paddr(vaddr_of_pointer(image_end).v - KERNEL_BASE);
    boot->root = new_table();
    boot->direct_base = vaddr(DIRECT_BASE);
    map_image(boot);
    for (size_t i = 0; i < boot->map_count; i++) {
        if (is_ram(&boot->map[i])) {
            map_ram(boot, boot->map[i].range, has_1gib);
        }
    }
    hand_over(boot);
}
