/**
 * @file boot.h
 * From the boot loader's hand-over to kernel_main(), in three steps: read what
 * it says (pvh.c), build the page tables (tables.c), go (start.c).
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

/** Copy what the PVH start info at physical @start_info says: memory map,
 *  module, command line.  Panics with a sentence when it can't be read. */
void pvh_read(uint32_t start_info, struct hw_boot *boot);

/** The words given to the kernel (QEMU's -append); "" when none. */
const char *boot_cmdline(void);

/** Build the tables that boot->root names: the image at KERNEL_BASE, the
 *  direct map at DIRECT_BASE.  Runs on the identity map of entry.S. */
void tables_build(struct hw_boot *boot);
/** The frames that they lie in, root first. */
struct prange tables_frames(void);

/** The kernel proper; each image has its own. */
_Noreturn void kernel_main(const struct hw_boot *boot);

#endif
