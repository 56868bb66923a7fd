/*
 * What a PVH boot loader (QEMU's -kernel) says to its kernel.
 *
 *   EBX -> [ start info ] -> [ module ] ...      the -initrd file
 *                         -> command line        the -append words
 *                         -> [ map entry ] ...   e820, types 1:1
 *
 * Xen, "x86/HVM direct boot ABI"
 * (xen/include/public/arch-x86/hvm/start_info.h).
 */
#include "boot/boot.h"

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

static const struct start_info *find_info(uint32_t pa) {
    const struct start_info *info = boot_reach(pa, sizeof(*info));

    if (info->magic != BOOT_BY_PVH) {
        boot_refuse("the boot loader is not a PVH one: no start info");
    }
    if (info->version < 1 || info->map_count == 0) {
        boot_refuse("the start info has no memory map (version 1 is needed)");
    }
    return info;
}

static void copy_map(const struct start_info *info, struct hw_boot *boot) {
    const struct map_info *from =
        boot_reach(info->map, info->map_count * sizeof(*from));

    for (uint32_t i = 0; i < info->map_count; i++) {
        boot_add_entry(boot, from[i].base, from[i].len, from[i].type);
    }
}

static void copy_modules(const struct start_info *info, struct hw_boot *boot) {
    for (uint32_t i = 0; i < info->module_count; i++) {
        const struct module_info *module =
            boot_reach(info->modules + i * sizeof(*module), sizeof(*module));

        boot_set_module(boot, module->base, module->len);
    }
}

void pvh_read(uint32_t start_info, struct hw_boot *boot) {
    const struct start_info *info = find_info(start_info);

    copy_map(info, boot);
    copy_modules(info, boot);
    boot_set_cmdline("", 0);
    if (info->cmdline != 0) {
        boot_set_cmdline(boot_reach(info->cmdline, BOOT_CMDLINE_MAX),
                         BOOT_CMDLINE_MAX);
    }
}
