/*
 * The first C code: on the boot stack, on the first tables of entry.S.
 */
#include "arch/x86_64/machine.h"
#include "boot/boot.h"

extern uint8_t boot_ist1_top[]; /* entry.S */

_Noreturn void boot_main(uint32_t start_info);

static struct hw_boot boot;

static void reserve(struct prange range) {
    boot.reserved[boot.reserved_count++] = range;
}

/** memtwin reads these lines and gives the simulator the same machine. */
static void say_what_there_is(void) {
    for (size_t i = 0; i < boot.map_count; i++) {
        machine_say("boot: map 0x%lx 0x%lx %u\n", boot.map[i].range.base.v,
                    boot.map[i].range.len, boot.map[i].type);
    }
    if (boot.module.len != 0) {
        machine_say("boot: module 0x%lx 0x%lx\n", boot.module.base.v,
                    boot.module.len);
    }
    for (size_t i = 0; i < boot.reserved_count; i++) {
        machine_say("boot: reserved 0x%lx 0x%lx\n", boot.reserved[i].base.v,
                    boot.reserved[i].len);
    }
}

/** Called by entry.S. */
_Noreturn void boot_main(uint32_t start_info) {
    boot.machine = "qemu";
    boot.ist_top[0] = vaddr_of_pointer(boot_ist1_top);
    machine_start_processor(boot.ist_top[0]);

    boot.phys_bits = machine_phys_bits();
    pvh_read(start_info, &boot);
    reserve((struct prange){ paddr(LOAD_START), LOAD_END - LOAD_START });
    if (boot.module.len != 0) {
        reserve(boot.module);
    }
    tables_build(&boot);
    hw_write_cr3(boot.root);

    say_what_there_is();
    kernel_main(&boot);
}
