/*
 * The first C code: on the boot stack, on the first tables of entry.S.
 */
#include "arch/x86_64/machine.h"
#include "boot/boot.h"
#include "pmm/memmap.h"

extern uint8_t boot_ist1_top[]; /* entry.S */

_Noreturn void boot_main(uint32_t by, uint32_t info);

static struct hw_boot boot;

static void reserve(struct prange range) {
    boot.reserved[boot.reserved_count++] = range;
}

/** As `memtwin maps` says it, so that the two can be compared. */
static void say_figures(void) {
    const struct memmap_figures sum = memmap_figures(boot.map, boot.map_count);

    machine_say("boot: below 1 MiB %lu, 16 MiB %lu, 4 GiB %lu frames; whole "
                "blocks of 2 MiB %lu, of 1 GiB %lu; highest frame 0x%lx\n",
                sum.below_1m, sum.below_16m, sum.below_4g, sum.blocks_2m,
                sum.blocks_1g, sum.highest.v);
}

/** memtwin reads these lines and gives the simulator the same machine. */
static void say_what_there_is(void) {
    for (size_t i = 0; i < boot.map_count; i++) {
        machine_say("boot: map 0x%lx 0x%lx %u\n", boot.map[i].range.base.v,
                    boot.map[i].range.len, boot.map[i].type);
    }
    say_figures();
    if (boot.module.len != 0) {
        machine_say("boot: module 0x%lx 0x%lx\n", boot.module.base.v,
                    boot.module.len);
    }
    for (size_t i = 0; i < boot.reserved_count; i++) {
        machine_say("boot: reserved 0x%lx 0x%lx\n", boot.reserved[i].base.v,
                    boot.reserved[i].len);
    }
}

static void read_what_the_loader_says(uint32_t by, uint32_t info) {
    if (by == BOOT_BY_MULTIBOOT2) {
        machine_say("\nboot: by multiboot2\n"); /* a menu may end mid-line */
        multiboot2_read(info, &boot);
    } else {
        machine_say("\nboot: by pvh\n");
        pvh_read(info, &boot);
    }
}

/** Called by entry.S. */
_Noreturn void boot_main(uint32_t by, uint32_t info) {
    boot.machine = "qemu";
    boot.ist_top[0] = vaddr_of_pointer(boot_ist1_top);
    machine_start_processor(boot.ist_top[0]);

    boot.phys_bits = machine_phys_bits();
    boot.has_1gib = machine_has_1gib_pages();
    read_what_the_loader_says(by, info);
    reserve((struct prange){ paddr(LOAD_START), LOAD_END - LOAD_START });
    if (boot.module.len != 0) {
        reserve(boot.module);
    }
    tables_build(&boot);
    hw_write_cr3(boot.root);

    say_what_there_is();
    kernel_main(&boot);
}
