/**
 * @file one_processor.h
 * The door hw.h, as far as frames and heaps need it: one processor, nobody who
 * interrupts.  For the one file of a target that has no simulator.
 */
#ifndef TESTS_FUZZ_ONE_PROCESSOR_H
#define TESTS_FUZZ_ONE_PROCESSOR_H

#include "fuzz/fuzz.h"
#include "hw/hw.h"

static bool irqs = true;

bool hw_irq_save(void) {
    const bool were_on = irqs;

    irqs = false;
    return were_on;
}

void hw_irq_restore(bool were_on) {
    irqs = were_on;
}

unsigned hw_cpu(void) {
    return 0;
}

void hw_pause(void) {
    fuzz_fail("the only processor waits");
}

_Noreturn void hw_panic(const char *what, const char *file, int line) {
    fuzz_fail("panic: %s (%s:%d)", what, file, line);
}

#endif
