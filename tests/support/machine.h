/**
 * @file machine.h
 * A fresh machine for each test, on the host and in QEMU alike.
 *
 * machine_host.c powers a simulated machine on; tests/kernel puts the boot page
 * tables back as the boot loader left them.  Everything else is shared.
 */
#ifndef SUPPORT_MACHINE_H
#define SUPPORT_MACHINE_H

#include "mm/mm.h"

/** A fresh machine; what its boot loader left.  Call it in a checked fixture:
 *  RAM is shared with a forked child. */
const struct hw_boot *machine_power_on(void);
/** End the machine of machine_power_on(). */
void machine_power_off(void);

/** A fresh machine and a fresh subsystem on it; fails the test when that fails.
 *  @config NULL: mm_default_config */
void machine_start(struct mm *mm, const struct mm_config *config);
/** Checks what must hold after any test (everything sound), then powers off. */
void machine_stop(struct mm *mm);

/** Take frames away until exactly @count are free, or give some back that were
 *  taken by an earlier call. */
void machine_leave_free(struct pmm *pmm, uint64_t count);
/** Give back all that machine_leave_free() holds. */
void machine_give_back(struct pmm *pmm);

/** A hash of every byte of every page table below the root, for "the tables are
 *  byte-identical".  Leaves of the direct map are not followed. */
uint64_t machine_tables_hash(const struct vmm_space *space);

#endif
