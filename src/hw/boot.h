/**
 * @file boot.h
 * What a boot loader hands to the kernel side, the same on both machines.
 */
#ifndef HW_BOOT_H
#define HW_BOOT_H

#include "base/events.h"
#include "hw/hw.h"
#include "hw/memmap.h"

#define BOOT_RESERVED_MAX 8
#define BOOT_LEFTOVER_MAX 2
#define BOOT_SECTIONS_MAX 5

/** A part of the kernel that the boot loader mapped: readable, and what is said
 *  here. */
struct hw_section {
    const char *name;    /* "text", "boot stack" ... */
    struct vrange range; /* whole pages */
    bool writable, executable;
};

struct hw_boot {
    const char *machine; /* "sim" or "qemu" */

    const struct memmap_entry *map;
    size_t map_count;

    /** In use already although the map calls it usable: image, boot tables,
     *  boot stacks, module.  Page-aligned outward by whoever reads them. */
    struct prange reserved[BOOT_RESERVED_MAX];
    size_t reserved_count;

    /** Whole frames of reserved[] that nobody needs once the kernel runs: what
     *  only started it, what was kept free for tables.  len 0: none. */
    struct prange leftover[BOOT_LEFTOVER_MAX];

    /** Whole frames of reserved[]: the page tables that @root leads to. */
    struct prange tables;

    /** The image by section, where it lies in the machine's memory, and the
     *  stacks; what lies below a stack shows nothing.  Apart. */
    struct hw_section sections[BOOT_SECTIONS_MAX];
    size_t section_count;

    /** The file loaded beside the kernel; len 0 when there is none. */
    struct prange module;

    /** The direct map shows physical byte p at direct_base + p, for all RAM of
     *  the map, writable, never executable, global. */
    vaddr_t direct_base;

    /** CR3 as the boot loader left it: only kernel-side mappings (direct map,
     *  image or boot stack), nothing where regions will be. */
    paddr_t root;

    /** Stack tops for the IST; [0] is IST 1.  Each has >= 8 KiB below. */
    vaddr_t ist_top[HW_IST_COUNT];

    unsigned phys_bits; /* MAXPHYADDR, 36..52 */
    bool has_1gib;      /* the processor knows 1 GiB pages */

    unsigned processors; /* that will run at the same time; 0 counts as 1 */

    /** Hears what the subsystem does; NULL: nobody (always so on bare metal).
     */
    struct events_ear *ear;
};

/** Where the direct map shows @pa. */
static inline void *boot_direct(const struct hw_boot *boot, paddr_t pa) {
    return pointer_of(vaddr_add(boot->direct_base, pa.v));
}

#endif
