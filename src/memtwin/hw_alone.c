/*
 * hw.h for figures: interrupts that are only remembered, and a number for each
 * thread.
 */
#include "memtwin/hw_alone.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "hw/hw.h"

static _Thread_local bool interrupts;
static _Thread_local unsigned number;

void hw_alone_be_cpu(unsigned cpu) {
    number = cpu;
}

unsigned hw_cpu(void) {
    return number;
}

void hw_pause(void) {
    sched_yield(); /* a thread may have lost its processor */
}

bool hw_irq_save(void) {
    const bool were_on = interrupts;

    interrupts = false;
    return were_on;
}

void hw_irq_restore(bool were_on) {
    if (were_on) {
        interrupts = true;
    }
}

void hw_putc(char c) {
    putc(c, stderr);
}

_Noreturn void hw_panic(const char *what, const char *file, int line) {
    fprintf(stderr, "panic: %s (%s:%d)\n", what, file, line);
    exit(EXIT_FAILURE);
}
