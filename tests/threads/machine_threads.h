/**
 * @file machine_threads.h
 * A machine whose processors are threads: simulated RAM, seen through its
 * alias, and as much of hw.h as the frames need.
 *
 * Each thread has an interrupt flag of its own.  An interrupt can be made to
 * arrive at a chosen door: just before interrupts go off, or just after they
 * came back, which is when a real one that was kept waiting arrives.
 */
#ifndef THREADS_MACHINE_THREADS_H
#define THREADS_MACHINE_THREADS_H

#include "hw/boot.h"

/** Power on 32 MiB for @processors; this thread is number 0, interrupts on. */
const struct hw_boot *threads_power_on(unsigned processors);
void threads_power_off(void);
/** This thread is processor @number from now on, interrupts on. */
void threads_be(unsigned number);
/** Are this thread's interrupts on? */
bool threads_irqs_are_on(void);

/** Call @handler, interrupts off, at the @nth door from now on; 0: never. */
void threads_interrupt_at(uint64_t nth, void (*handler)(void));
/** Has that interrupt arrived? */
bool threads_interrupted(void);

/** How often any thread waited for another, all in all. */
uint64_t threads_pauses(void);

#endif
