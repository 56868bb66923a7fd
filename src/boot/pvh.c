/*
 * What a PVH boot loader (QEMU's -kernel) says to its kernel.
 *
 *   EBX -> [ start info ] -> [ module ] ...      the -initrd file
 *                         -> command line        the -append words
 *                         -> [ map entry ] ...   e820, types 1:1
 *
 * All of it is copied: it lies in memory that nobody reserves.
 * Xen, "x86/HVM direct boot ABI"
 * (xen/include/public/arch-x86/hvm/start_info.h).
 */
#include <string.h>

#include "arch/x86_64/machine.h"
#include "boot/boot.h"

#define START_INFO_MAGIC UINT32_C(0x336ec578)
#define IDENTITY_END (4 * GIB) /* of entry.S */

struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, cmdline, rsdp; /* physical */
    /* From version 1 on: */
    uint64_t map;
    uint32_t map_count, reserved;
};

struct module_info {
    uint64_t base, len, cmdline, reserved;
};

struct map_info {
    uint64_t base, len;
    uint32_t type, reserved;
};

#define MAP_MAX 256

static struct memmap_entry map[MAP_MAX];
static char cmdline[BOOT_CMDLINE_MAX];

const char *boot_cmdline(void) {
    return cmdline;
}

/** What lies at physical @pa, @len bytes of it, through the identity map. */
static const void *at(uint64_t pa, uint64_t len) {
    if (pa == 0 || pa > IDENTITY_END || len > IDENTITY_END - pa) {
        hw_panic("the start info points to nothing below 4 GiB", __FILE__,
                 __LINE__);
    }
    return (const void *)(uintptr_t)pa;
}

static const struct start_info *find_info(uint32_t pa) {
    const struct start_info *info = at(pa, sizeof(*info));

    if (info->magic != START_INFO_MAGIC) {
        hw_panic("the boot loader is not a PVH one: no start info", __FILE__,
                 __LINE__);
    }
    if (info->version < 1 || info->map_count == 0) {
        hw_panic("the start info has no memory map (version 1 is needed)",
                 __FILE__, __LINE__);
    }
    return info;
}

static void copy_map(const struct start_info *info, struct hw_boot *boot) {
    const struct map_info *from =
        at(info->map, info->map_count * sizeof(*from));

    if (info->map_count > MAP_MAX) {
        hw_panic("the memory map has more than 256 entries", __FILE__,
                 __LINE__);
    }
    for (uint32_t i = 0; i < info->map_count; i++) {
        map[i] = (struct memmap_entry){ { paddr(from[i].base), from[i].len },
                                        from[i].type };
    }
    boot->map = map;
    boot->map_count = info->map_count;
}

static void copy_module(const struct start_info *info, struct hw_boot *boot) {
    const struct module_info *module;

    if (info->module_count == 0) {
        return;
    }
    if (info->module_count > 1) {
        hw_panic("more than one module was loaded beside the kernel", __FILE__,
                 __LINE__);
    }
    module = at(info->modules, sizeof(*module));
    boot->module = (struct prange){ paddr(module->base), module->len };
}

static void copy_cmdline(const struct start_info *info) {
    const char *from = "";
    size_t n = 0;

    if (info->cmdline != 0) {
        from = at(info->cmdline, BOOT_CMDLINE_MAX);
    }
    while (n < BOOT_CMDLINE_MAX - 1 && from[n] != '\0') {
        cmdline[n] = from[n];
        n++;
    }
    cmdline[n] = '\0';
}

void pvh_read(uint32_t start_info, struct hw_boot *boot) {
    const struct start_info *info = find_info(start_info);

    copy_map(info, boot);
    copy_module(info, boot);
    copy_cmdline(info);
}
