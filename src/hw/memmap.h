/**
 * @file memmap.h
 * The memory map as firmware hands it over: raw, in any order, with whatever
 * overlaps and gaps it has.  Making sense of it is the pmm's work.
 */
#ifndef HW_MEMMAP_H
#define HW_MEMMAP_H

#include "base/range.h"

/** Types as in the e820 interface; any other number means "not usable". */
enum memmap_type {
    MEMMAP_USABLE = 1,
    MEMMAP_RESERVED = 2,
    MEMMAP_ACPI_RECLAIMABLE = 3,
    MEMMAP_ACPI_NVS = 4,
    MEMMAP_BAD = 5,
};

struct memmap_entry {
    struct prange range; /* bytes; neither edge need be page-aligned */
    uint32_t type;       /* enum memmap_type or any other number */
};

#endif
