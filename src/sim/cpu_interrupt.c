/*
 * Interrupt requests: a bit per vector, the highest first.
 *
 * A request stays until it is taken, however long interrupts are off; a second
 * one of the same vector meanwhile is lost in the first.  Only maskable ones
 * are here: an exception is a result of the access that raises it.
 *
 * Intel SDM vol. 3A, "Interrupt Acceptance for Fixed Interrupts", "Interrupt,
 * Task, and Processor Priority".
 */
#include "sim/cpu_inside.h"

void cpu_interrupt(struct sim_cpu *cpu, unsigned vector) {
    cpu->pending[vector / 64 % 4] |= UINT64_C(1) << (vector % 64);
}

bool cpu_is_called(const struct sim_cpu *cpu) {
    return (cpu->pending[0] | cpu->pending[1] | cpu->pending[2] |
            cpu->pending[3]) != 0;
}

bool cpu_is_interrupted(const struct sim_cpu *cpu) {
    return cpu->interrupts && cpu_is_called(cpu);
}

unsigned cpu_take_interrupt(struct sim_cpu *cpu) {
    unsigned i = 3, bit;

    while (i > 0 && cpu->pending[i] == 0) {
        i--;
    }
    bit = 63 - (unsigned)__builtin_clzll(cpu->pending[i]);
    cpu->pending[i] &= ~(UINT64_C(1) << bit);
    cpu->interrupts = false;
    sim_events_add(cpu->events, SIM_EVENT_INTERRUPT, 64 * i + bit, 0);
    return 64 * i + bit;
}
