/*
 * hw.h by the instructions it stands for.
 *
 * QEMU's isa-debug-exit device ends the machine at a write to its port; the
 * status of the QEMU process is then (code << 1) | 1.
 */
#include "arch/x86_64/machine.h"
#include "arch/x86_64/serial.h"
#include "arch/x86_64/x86.h"
#include "hw/paging.h"

#define DEBUG_EXIT_PORT 0xf4

static machine_exit_hook *exit_hook;

void machine_set_exit_hook(machine_exit_hook *hook) {
    exit_hook = hook;
}

/* --- the console and the end ---------------------------------------------- */

void hw_putc(char c) {
    serial_put(c);
}

_Noreturn void hw_exit(enum hw_exit_code code) {
    if (exit_hook != NULL) {
        exit_hook(code);
    }
    x86_cli();
    if (gcov_dump != NULL) {
        gcov_dump();
    }
    x86_out8(DEBUG_EXIT_PORT, (uint8_t)code);
    for (;;) { /* no such device: stand still */
        x86_hlt();
    }
}

_Noreturn void hw_panic(const char *what, const char *file, int line) {
    machine_say("panic: %s (%s:%d)\n", what, file, line);
    hw_exit(HW_EXIT_PANIC);
}

/* --- translations ----------------------------------------------------------
 */

paddr_t hw_read_cr3(void) {
    return paddr(x86_read_cr3() & PTE_ADDRESS_MASK);
}

void hw_write_cr3(paddr_t root) {
    x86_write_cr3(root.v);
}

vaddr_t hw_read_cr2(void) {
    return vaddr(x86_read_cr2());
}

void hw_invlpg(vaddr_t va) {
    x86_invlpg(va.v);
}

void hw_flush_all(void) {
    const uint64_t cr4 = x86_read_cr4();

    x86_write_cr4(cr4 & ~CR4_PGE);
    x86_write_cr4(cr4 | CR4_PGE);
}

bool hw_remembered(uint64_t n, struct hw_remembered *seen) {
    (void)n;
    (void)seen;
    return false;
}

/* --- interrupts, the processor's own pointer --------------------------------
 */

bool hw_irq_save(void) {
    const bool were_on = (x86_read_flags() & RFLAGS_IF) != 0;

    x86_cli();
    return were_on;
}

void hw_irq_restore(bool were_on) {
    if (were_on) {
        x86_sti();
    }
}

unsigned hw_cpu(void) {
    return 0; /* one runs */
}

void hw_pause(void) {
    x86_pause();
}

void *hw_local(void) {
    return (void *)(uintptr_t)x86_read_msr(MSR_GS_BASE);
}

void hw_set_local(void *local) {
    x86_write_msr(MSR_GS_BASE, (uint64_t)(uintptr_t)local);
}

void hw_load_traps(const struct hw_traps *traps) {
    descriptors_load(traps);
}
