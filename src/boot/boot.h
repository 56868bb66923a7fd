/**
 * @file boot.h
 * From the boot loader's hand-over to kernel_main(), in three steps: read what
 * it says (pvh.c or multiboot2.c, both by handover.c), build the page tables
 * (tables.c), go (start.c).
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include "hw/boot.h"

/** The load area: image, boot tables and stacks.  The simulator's firmware
 *  takes the same frames, so that what is left is equal on both machines. */
#define LOAD_START MIB
#define LOAD_END (4 * MIB)
#define KERNEL_BASE UINT64_C(0xffffffff80000000)

/** Of the kernel half, where nothing else is. */
#define DIRECT_BASE UINT64_C(0xffff800000000000)

#define BOOT_CMDLINE_MAX 256

/** How we were started: EAX of a multiboot2 loader; for PVH, what its start
 * info begins with. */
#define BOOT_BY_MULTIBOOT2 UINT32_C(0x36d76289)
#define BOOT_BY_PVH UINT32_C(0x336ec578)

/** Copy what lies at physical @info: memory map, module, command line.  A panic
 *  with a sentence when it can't be read. */
void pvh_read(uint32_t info, struct hw_boot *boot);
void multiboot2_read(uint32_t info, struct hw_boot *boot);

/** The words given to the kernel (QEMU's -append); "" when none. */
const char *boot_cmdline(void);

/* --- handover.c: what both protocols say --------------------------------- */

#define boot_refuse(sentence) hw_panic((sentence), __FILE__, __LINE__)
/** What lies at physical @pa, @len bytes of it, through the identity map. */
const void *boot_reach(uint64_t pa, uint64_t len);
void boot_add_entry(struct hw_boot *boot, uint64_t base, uint64_t len,
                    uint32_t type);
void boot_set_module(struct hw_boot *boot, uint64_t base, uint64_t len);
/** @from ends with '\0' or after @max bytes; what is too long is cut. */
void boot_set_cmdline(const char *from, size_t max);

/** Build the tables that boot->root names: the image at KERNEL_BASE, the
 *  direct map at DIRECT_BASE.  Runs on the identity map of entry.S. */
void tables_build(struct hw_boot *boot);
/** The frames that they lie in, root first. */
struct prange tables_frames(void);

/** The kernel proper; each image has its own. */
_Noreturn void kernel_main(const struct hw_boot *boot);

#endif
