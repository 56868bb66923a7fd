/*
 * What a multiboot2 boot loader (GRUB, on BIOS and on UEFI) says to its kernel.
 *
 *   EBX -> [ size | 0 ][ tag ][ tag ] ... [ end tag ]
 *   tag    [ type | size | what the type has ] padded to 8 bytes
 *
 *   1  command line, without the name of the kernel
 *   3  a module: first byte, the byte behind its last, its words
 *   6  memory map: e820 types; a UEFI map comes translated to them
 *
 * Other tags are passed over.  Multiboot2 Specification, "Boot information
 * format".
 */
#include "boot/boot.h"

enum tag_type { TAG_END = 0, TAG_CMDLINE = 1, TAG_MODULE = 3, TAG_MAP = 6 };

#define INFO_MAX MIB /* far more than any loader says */

struct info {
    uint32_t size, reserved;
};

struct tag {
    uint32_t type, size;
};

struct module_tag {
    struct tag tag;
    uint32_t first, end;
};

struct map_tag {
    struct tag tag;
    uint32_t entry_size, entry_version;
};

struct map_entry {
    uint64_t base, len;
    uint32_t type, reserved;
};

static void copy_map(const struct map_tag *map, struct hw_boot *boot) {
    const uint8_t *at = (const uint8_t *)(map + 1);
    const uint8_t *end = (const uint8_t *)map + map->tag.size;

    if (map->tag.size < sizeof(*map) ||
        map->entry_size < sizeof(struct map_entry) || map->entry_size % 8) {
        boot_refuse("the boot loader's memory map has entries of a wrong size");
    }
    while ((uint64_t)(end - at) >= map->entry_size) {
        const struct map_entry *entry = (const struct map_entry *)at;

        boot_add_entry(boot, entry->base, entry->len, entry->type);
        at += map->entry_size;
    }
}

static void copy_module(const struct module_tag *module, struct hw_boot *boot) {
    if (module->tag.size < sizeof(*module) || module->end < module->first) {
        boot_refuse("the boot loader's module has no end");
    }
    boot_set_module(boot, module->first, module->end - module->first);
}

static void take_tag(const struct tag *tag, struct hw_boot *boot) {
    switch (tag->type) {
    case TAG_CMDLINE:
        boot_set_cmdline((const char *)(tag + 1), tag->size - sizeof(*tag));
        break;
    case TAG_MODULE:
        copy_module((const struct module_tag *)tag, boot);
        break;
    case TAG_MAP:
        copy_map((const struct map_tag *)tag, boot);
        break;
    default:
        break;
    }
}

/** The size of the tag at @offset with its padding; it lies inside. */
static uint32_t check_tag(const struct tag *tag, uint32_t offset,
                          uint32_t size) {
    if (size - offset < sizeof(*tag) || tag->size < sizeof(*tag) ||
        tag->size > size - offset) {
        boot_refuse("the boot loader's tags run past their end");
    }
    return (tag->size + 7u) & ~7u;
}

void multiboot2_read(uint32_t pa, struct hw_boot *boot) {
    const struct info *info = boot_reach(pa, sizeof(*info));
    const uint8_t *base = (const uint8_t *)info;
    const uint32_t size = info->size;
    uint32_t offset = sizeof(*info);

    if (size < sizeof(*info) || size > INFO_MAX) {
        boot_refuse("the boot loader's information has a wrong size");
    }
    (void)boot_reach(pa, size);
    boot_set_cmdline("", 0);
    while (offset < size) {
        const struct tag *tag = (const struct tag *)(base + offset);
        const uint32_t step = check_tag(tag, offset, size);

        if (tag->type == TAG_END) {
            break;
        }
        take_tag(tag, boot);
        offset += step;
    }
    if (boot->map_count == 0) {
        boot_refuse("the boot loader says no memory map");
    }
}
