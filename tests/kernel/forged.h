/**
 * @file forged.h
 * What a boot loader says, forged by a test: one frame, shown at its physical
 * address as entry.S would show it.
 */
#ifndef KERNEL_FORGED_H
#define KERNEL_FORGED_H

#include "support/machine.h"

/** Starts `m`.  @return the frame's bytes in the direct map, all 'x' */
void *forged_start(void);
void forged_stop(void);

/** Its physical address. */
paddr_t forged_at(void);

#endif
