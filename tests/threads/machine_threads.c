#include "threads/machine_threads.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/ram.h"

static const struct memmap_entry map[] = {
    { { { 0 }, 32 * MIB }, MEMMAP_USABLE },
};
static struct sim_ram ram;
static struct hw_boot boot;
static uint64_t pauses;

static _Thread_local struct {
    unsigned number;
    bool irqs;
    uint64_t doors_left; /* until the interrupt; 0: none is due */
    bool interrupted;
    void (*handler)(void);
} cpu;

const struct hw_boot *threads_power_on(unsigned processors) {
    char why[256] = "";

    if (!ram_init(&ram, map, 1, 1, vaddr(0), why, sizeof why)) {
        fprintf(stderr, "Bail out! %s\n", why);
        exit(EXIT_FAILURE);
    }
    boot = (struct hw_boot){ .machine = "threads",
                             .map = map,
                             .map_count = 1,
                             .direct_base = vaddr_of_pointer(ram.alias),
                             .phys_bits = 46,
                             .processors = processors };
    threads_be(0);
    return &boot;
}

void threads_power_off(void) {
    ram_destroy(&ram);
}

void threads_be(unsigned number) {
    cpu.number = number;
    cpu.irqs = true;
    cpu.doors_left = 0;
}

bool threads_irqs_are_on(void) {
    return cpu.irqs;
}

void threads_interrupt_at(uint64_t nth, void (*handler)(void)) {
    cpu.doors_left = nth;
    cpu.interrupted = false;
    cpu.handler = handler;
}

bool threads_interrupted(void) {
    return cpu.interrupted;
}

uint64_t threads_pauses(void) {
    return __atomic_load_n(&pauses, __ATOMIC_RELAXED);
}

/** Interrupts are on: does one arrive? */
static void door(void) {
    if (cpu.doors_left > 0 && --cpu.doors_left == 0) {
        cpu.interrupted = true;
        cpu.irqs = false;
        cpu.handler();
        cpu.irqs = true;
    }
}

/* --- hw.h ----------------------------------------------------------------- */

bool hw_irq_save(void) {
    const bool were_on = cpu.irqs;

    if (were_on) {
        door();
    }
    cpu.irqs = false;
    return were_on;
}

void hw_irq_restore(bool were_on) {
    if (were_on) {
        cpu.irqs = true;
        door();
    }
}

unsigned hw_cpu(void) {
    return cpu.number;
}

void hw_pause(void) {
    __atomic_fetch_add(&pauses, 1, __ATOMIC_RELAXED);
    sched_yield();
}

void hw_putc(char c) {
    putc(c, stderr);
}

_Noreturn void hw_panic(const char *what, const char *file, int line) {
    fprintf(stderr, "panic: %s (%s:%d)\n", what, file, line);
    exit(HW_EXIT_PANIC);
}
