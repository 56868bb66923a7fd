/**
 * @file machine.h
 * What boot code and the test runner ask of this machine beyond hw.h.
 */
#ifndef ARCH_MACHINE_H
#define ARCH_MACHINE_H

#include "base/fmt.h"
#include "hw/hw.h"

/**
 * The first thing that C code does: serial port, interrupt controllers masked,
 * own GDT, and an IDT that reports any exception as a panic.
 *
 * @df_stack  top of the stack for double faults
 */
void machine_start_processor(vaddr_t df_stack);

/** Bits of a physical address (MAXPHYADDR), 36..52. */
unsigned machine_phys_bits(void);
/** Can a PDPT entry be a leaf? */
bool machine_has_1gib_pages(void);

/** Print on the console. */
void machine_say(const char *format, ...) MM_PRINTF(1, 2);

/** Told of every hw_exit(); it may keep the machine running by not returning.
 *  NULL: nobody. */
typedef void machine_exit_hook(enum hw_exit_code code);
void machine_set_exit_hook(machine_exit_hook *hook);

/** A build that counts coverage sends its counts out; other builds have no such
 *  function. */
void gcov_dump(void) __attribute__((weak));

/* descriptors.c */
void descriptors_load(const struct hw_traps *traps);
/* early.S */
extern void (*const early_entries[HW_EXCEPTIONS])(void);

#endif
