/*
 * hw.h for benchmarks: as little machine as the frames need, so that what is
 * measured is the subsystem and not the simulator.
 */
#include <stdio.h>
#include <stdlib.h>

#include "hw/hw.h"

static bool interrupts;

bool hw_irq_save(void) {
    const bool were_on = interrupts;

    interrupts = false;
    return were_on;
}

void hw_irq_restore(bool were_on) {
    interrupts = were_on;
}

void hw_putc(char c) {
    putc(c, stderr);
}

_Noreturn void hw_panic(const char *what, const char *file, int line) {
    fprintf(stderr, "panic: %s (%s:%d)\n", what, file, line);
    exit(EXIT_FAILURE);
}
