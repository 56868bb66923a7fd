/*
 * What every boot loader says, whatever its protocol, is kept here.
 *
 *   loader's memory: map, module, words --> [ map ][ command line ]  ours
 *
 * It lies in memory that the map may call usable and nobody reserves, so all
 * of it is copied before the first frame is handed out.
 */
#include <string.h>

#include "arch/x86_64/machine.h"
#include "boot/boot.h"

#define IDENTITY_END (4 * GIB) /* of entry.S */
#define MAP_MAX 256

static struct memmap_entry map[MAP_MAX];
static char cmdline[BOOT_CMDLINE_MAX];

const char *boot_cmdline(void) {
    return cmdline;
}

const void *boot_reach(uint64_t pa, uint64_t len) {
    if (pa == 0 || pa > IDENTITY_END || len > IDENTITY_END - pa) {
        boot_refuse("the boot loader points to nothing below 4 GiB");
    }
    return (const void *)(uintptr_t)pa;
}

void boot_add_entry(struct hw_boot *boot, uint64_t base, uint64_t len,
                    uint32_t type) {
    if (boot->map_count == MAP_MAX) {
        boot_refuse("the memory map has more than 256 entries");
    }
    boot->map = map;
    map[boot->map_count++] =
        (struct memmap_entry){ { paddr(base), len }, type };
}

void boot_set_module(struct hw_boot *boot, uint64_t base, uint64_t len) {
    if (boot->module.base.v != 0) {
        boot_refuse("more than one module was loaded beside the kernel");
    }
    boot->module = (struct prange){ paddr(base), len };
}

void boot_set_cmdline(const char *from, size_t max) {
    size_t n = 0;

    while (n < BOOT_CMDLINE_MAX - 1 && n < max && from[n] != '\0') {
        cmdline[n] = from[n];
        n++;
    }
    cmdline[n] = '\0';
}
