/*
 * The processor and the board as the kernel wants to find them.
 *
 * No interrupt is wanted: both 8259s are masked, IF stays off until somebody
 * switches it on.
 */
#include "arch/x86_64/machine.h"

#include "arch/x86_64/serial.h"
#include "arch/x86_64/x86.h"

#define PIC1_MASK 0x21
#define PIC2_MASK 0xa1

#define CPUID_EXTENDED UINT32_C(0x80000000) /* eax: the highest such leaf */
#define CPUID_FEATURES UINT32_C(0x80000001)
#define CPUID_1GIB_PAGES (UINT32_C(1) << 26) /* edx of the features */
#define CPUID_SIZES UINT32_C(0x80000008)     /* eax 7:0: MAXPHYADDR */

_Noreturn void early_trap(uint64_t vector, uint64_t error, uint64_t rip);

static void put(void *ctx, char c) {
    (void)ctx;
    hw_putc(c);
}

void machine_say(const char *format, ...) {
    va_list args;

    va_start(args, format);
    fmt_vprint(put, NULL, format, args);
    va_end(args);
}

/** Called by early.S. */
_Noreturn void early_trap(uint64_t vector, uint64_t error, uint64_t rip) {
    machine_say("trap: vector %lu error 0x%lx at rip 0x%lx, cr2 0x%lx\n",
                vector, error, rip, hw_read_cr2().v);
    hw_panic("an exception before the kernel has trap handlers", __FILE__,
             __LINE__);
}

static void load_early_traps(vaddr_t df_stack) {
    struct hw_traps traps = { .count = HW_EXCEPTIONS };

    for (unsigned v = 0; v < HW_EXCEPTIONS; v++) {
        traps.gates[v].entry = early_entries[v];
    }
    traps.gates[8].ist = 1; /* #DF */
    traps.ist_top[0] = df_stack;
    hw_load_traps(&traps);
}

void machine_start_processor(vaddr_t df_stack) {
    x86_cli();
    serial_init();
    load_early_traps(df_stack);
    x86_out8(PIC1_MASK, 0xff);
    x86_out8(PIC2_MASK, 0xff);
    hw_set_local(NULL);
}

unsigned machine_phys_bits(void) {
    unsigned bits = 0;

    if (x86_cpuid(CPUID_EXTENDED).eax >= CPUID_SIZES) {
        bits = x86_cpuid(CPUID_SIZES).eax & 0xff;
    }
    return bits < 36 ? 36 : bits > 52 ? 52 : bits;
}

bool machine_has_1gib_pages(void) {
    return (x86_cpuid(CPUID_FEATURES).edx & CPUID_1GIB_PAGES) != 0;
}
