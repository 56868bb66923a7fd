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
#include "vmm/reach.h"

/** A fresh machine; what its boot loader left.  Call it in a checked fixture:
 *  RAM is shared with a forked child. */
const struct hw_boot *machine_power_on(void);
/** End the machine of machine_power_on(). */
void machine_power_off(void);

/** Can a test end the machine, and others follow?  On the host that takes a
 *  process of its own, which CK_FORK=no (at the debugger) denies. */
bool machine_can_exit(void);
/** tcase_add_exit_test(), where that is possible. */
#define machine_add_exit_test(tc, test, code)                                  \
    do {                                                                       \
        if (machine_can_exit()) {                                              \
            tcase_add_exit_test((tc), test, (code));                           \
        }                                                                      \
    } while (0)

/** A fresh machine and a fresh subsystem on it; fails the test when that fails.
 *  @config NULL: mm_default_config */
void machine_start(struct mm *mm, const struct mm_config *config);
/** Checks what must hold after any test (everything sound), then powers off. */
void machine_stop(struct mm *mm);

/* The subsystem under test, one for all suites: one machine is on at a time,
 * and a kernel has room for one.  Below is the same for the floors up to the
 * vmm. */
extern struct mm mm;
/* For suites that start one of their own, whatever the machine's does. */
extern struct pmm pmm;

/** As machine_start() without the heap: what the floors up to the vmm test. */
struct machine_pages {
    struct trap_hook hook; /* page faults go to vmm_fault() */
    struct events events;  /* of pmm and space; empty at the start */
    struct pmm pmm;
    struct vmm_space space;
    const struct hw_boot *boot;
    struct vmm_reach reach;
    uint64_t free_at_start;   /* frames */
    uint64_t tables_at_start; /* machine_tables_hash() */
};
extern struct machine_pages m;
void machine_start_pages(struct machine_pages *m);
/** How the next machine_start_pages() has tables reached; by the direct map
 *  again after machine_stop_pages(). */
enum machine_tables { TABLES_DIRECT, TABLES_TEMPORARY, TABLES_RECURSIVE };
extern enum machine_tables machine_tables;
/** Addresses of the window and of the slot, which no test maps. */
#define MACHINE_WINDOW UINT64_C(0x450000000000)
#define MACHINE_SLOT 137u
/** Removes all regions, gives everything back, and checks: all is sound, as
 *  many frames are free as at the start, the tables are as at the start. */
void machine_stop_pages(struct machine_pages *m);

/** The entry of @level for @va, found by hand; NULL: a table is missing. */
pte_t *machine_entry(struct vmm_space *space, vaddr_t va, unsigned level);

/** Take frames away until exactly @count are free, or give some back that were
 *  taken by an earlier call. */
void machine_leave_free(struct pmm *pmm, uint64_t count);
/** Give back all that machine_leave_free() holds. */
void machine_give_back(struct pmm *pmm);
/** A new machine: whatever machine_leave_free() held went with the old one. */
void machine_forget_held(void);

/** A hash of every entry of the root and of every page table below it, present
 *  or not, for "the tables are byte-identical".  A and D are left out: the
 *  processor writes them, also for the direct map that the tables are read
 *  through. */
uint64_t machine_tables_hash(const struct vmm_space *space);

#endif
