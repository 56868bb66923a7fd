#include <stdio.h>

#include "sim/cpu.h"

static struct sim_ram ram;
static struct sim_events events;
static struct sim_cpu cpu;

int main(void) {
    const struct memmap_entry all = { { { 0 }, 16 * MIB }, MEMMAP_USABLE };
    const uint64_t bits = PTE_PRESENT | PTE_WRITABLE;
    const vaddr_t va = vaddr(0x5000);
    struct sim_fault fault;
    uint64_t value = 0;
    char text[300];

    if (!ram_init(&ram, &all, 1, 1, vaddr(0), text, sizeof(text)) ||
        !cpu_init(&cpu, &ram, &events, TLB_HOSTILE, 0)) {
        return 1;
    }
    for (uint64_t pa = 0; pa < 4 * PAGE_SIZE; pa += 8) {
        ram_store64(&ram, paddr(pa), 0); /* RAM holds junk at first */
    }
    ram_store64(&ram, paddr(0x0000), 0x1000 | bits); /* PML4E */
    ram_store64(&ram, paddr(0x1000), 0x2000 | bits); /* PDPTE */
    ram_store64(&ram, paddr(0x2000), 0x3000 | bits); /* PDE */
    ram_store64(&ram, paddr(0x3028), 0x8000 | bits); /* PTE of page 5 */

    if (cpu_write_cr3(&cpu, paddr(0)) && cpu_report_stale(&cpu) &&
        cpu_store(&cpu, va, 8, 42, &fault)) {
        ram_store64(&ram, paddr(0x3028), 0); /* unmapped, and not flushed */
        if (cpu_load(&cpu, va, 8, &value, &fault)) {
            sim_stale_explain(&events.stales[0], text, sizeof(text));
            printf("%d: %s\n", (int)value, text);
        }
        cpu_invlpg(&cpu, va);
        if (!cpu_load(&cpu, va, 8, &value, &fault)) {
            walk_explain(&fault.walk, va, SIM_READ, text, sizeof(text));
            printf("#PF(%u): %s\n", (unsigned)fault.error, text);
        }
    }
    cpu_destroy(&cpu);
    ram_destroy(&ram);
    return 0;
}
