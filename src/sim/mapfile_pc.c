/*
 * The memory map of QEMU's default PC (i440FX, SeaBIOS, TCG), as a kernel
 * started by -kernel finds it.
 *
 *   0 ......... 9fc00 EBDA a0000 .. f0000 BIOS 100000 ....... low-top low
 *   [ usable         ][ res. ]      [ res.    ][ usable      ][ res. ]
 *
 *   fffc0000 flash 4 GiB ............. high            fd.. ......... 1 TiB
 *   [ reserved    ][ usable, when RAM is not all low ] [ HyperTransport ]
 *
 * SeaBIOS keeps `top` bytes below the end of low RAM for tables; with more than
 * four DIMMs (16 GiB each) the SMBIOS tables take one page more.  The
 * HyperTransport window exists because QEMU's own processors call themselves
 * AMD.  Compared with QEMU 7.2, from 4 MiB to 1009 GiB.
 */
#include <stdlib.h>

#include "base/fmt.h"
#include "sim/mapfile.h"

#define PC_ENTRIES_MAX 8
#define PC_RAM_MIN (8 * MIB)
/** More would have to lie above the window, and beyond the 40 physical address
 *  bits that QEMU's processors have. */
#define PC_RAM_MAX (1009 * GIB)
#define PC_LOW_LIMIT (3584 * MIB) /* from here on low RAM is 3 GiB */
#define HYPERTRANSPORT (1012 * GIB)

static void add(struct mapfile *map, uint64_t from, uint64_t to,
                enum memmap_type type) {
    map->entries[map->count++] =
        (struct memmap_entry){ { paddr(from), to - from }, type };
}

bool mapfile_pc(struct mapfile *map, uint64_t ram_bytes, char *why,
                size_t why_size) {
    uint64_t low = ram_bytes < PC_LOW_LIMIT ? ram_bytes : 3 * GIB;
    uint64_t top = ram_bytes <= 64 * GIB ? 128 * KIB : 132 * KIB;

    *map = (struct mapfile){ NULL, 0 };
    if (ram_bytes < PC_RAM_MIN || ram_bytes > PC_RAM_MAX ||
        ram_bytes % MIB != 0) {
        fmt_format(why, why_size,
                   "a PC with %ju bytes of RAM is not modelled; it should be "
                   "whole MiB, from 8 MiB to 1009 GiB (a map file can describe "
                   "any other machine)",
                   (uintmax_t)ram_bytes);
        return false;
    }
    map->entries = calloc(PC_ENTRIES_MAX, sizeof(*map->entries));
    if (map->entries == NULL) {
        fmt_format(why, why_size, "no memory for a map");
        return false;
    }
    add(map, 0, 0x9fc00, MEMMAP_USABLE);
    add(map, 0x9fc00, 0xa0000, MEMMAP_RESERVED);
    add(map, 0xf0000, MIB, MEMMAP_RESERVED);
    add(map, MIB, low - top, MEMMAP_USABLE);
    add(map, low - top, low, MEMMAP_RESERVED);
    add(map, 4 * GIB - 256 * KIB, 4 * GIB, MEMMAP_RESERVED);
    if (low < ram_bytes) {
        add(map, 4 * GIB, 4 * GIB + ram_bytes - low, MEMMAP_USABLE);
    }
    add(map, HYPERTRANSPORT, TIB, MEMMAP_RESERVED);
    return true;
}
