/*
 * GDT, TSS and IDT: what the processor looks up when it takes an exception.
 *
 *   vector --> IDT gate --> selector 0x08 --> GDT: 64-bit code, ring 0
 *                      \--> IST n --> TSS (found through TR) --> stack top
 *
 * The selectors are the ones that entry.S began with and that the simulator
 * pushes.  Intel SDM vol. 3A, "64-Bit Mode Interrupt Handling" and "64-Bit
 * Task State Segment".
 */
#include "arch/x86_64/machine.h"
#include "arch/x86_64/x86.h"

enum {
    SELECTOR_CODE = 0x08,
    SELECTOR_DATA = 0x10,
    SELECTOR_TSS = 0x18 /* two slots */
};

/* Access byte and flags of the flat segments; base and limit mean nothing in
 * 64-bit mode. */
#define GDT_CODE UINT64_C(0x00209a0000000000) /* P, code, readable, L */
#define GDT_DATA UINT64_C(0x0000920000000000) /* P, data, writable */
#define GDT_TSS_AVAILABLE UINT64_C(0x89)      /* P, available 64-bit TSS */
#define GATE_INTERRUPT UINT64_C(0x8e)         /* P, ring 0, IF off at entry */

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[HW_IST_COUNT];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map; /* beyond the limit: no map */
} __attribute__((packed));

struct gate {
    uint64_t low, high;
};

static uint64_t gdt[5] = { 0, GDT_CODE, GDT_DATA };
static struct tss tss = { .io_map = sizeof(struct tss) };
static struct gate idt[HW_GATES_MAX];

static uint64_t address_of(const void *p) {
    return (uint64_t)(uintptr_t)p;
}

/** Bits @from .. @from + @count - 1 of @value, moved to bit @to. */
static uint64_t bits(uint64_t value, unsigned from, unsigned count,
                     unsigned to) {
    return (value >> from & ((UINT64_C(1) << count) - 1)) << to;
}

static struct gate gate_make(const struct hw_gate *gate) {
    const uint64_t entry = (uint64_t)(uintptr_t)gate->entry;

    return (struct gate){
        bits(entry, 0, 16, 0) | (uint64_t)SELECTOR_CODE << 16 |
            bits(gate->ist, 0, 3, 32) | GATE_INTERRUPT << 40 |
            bits(entry, 16, 16, 48),
        bits(entry, 32, 32, 0),
    };
}

/** LTR refuses a TSS that is busy, and leaves it busy: make it available. */
static void describe_tss(void) {
    const uint64_t base = address_of(&tss);

    gdt[SELECTOR_TSS / 8] = bits(sizeof(tss) - 1, 0, 16, 0) |
                            bits(base, 0, 24, 16) | GDT_TSS_AVAILABLE << 40 |
                            bits(base, 24, 8, 56);
    gdt[SELECTOR_TSS / 8 + 1] = bits(base, 32, 32, 0);
}

void descriptors_load(const struct hw_traps *traps) {
    const struct x86_table gdtr = { sizeof(gdt) - 1, address_of(gdt) };
    const struct x86_table idtr = { sizeof(idt) - 1, address_of(idt) };

    for (unsigned i = 0; i < HW_IST_COUNT; i++) {
        tss.ist[i] = traps->ist_top[i].v;
    }
    for (unsigned v = 0; v < HW_GATES_MAX; v++) {
        idt[v] = v < traps->count ? gate_make(&traps->gates[v])
                                  : (struct gate){ 0, 0 };
    }
    describe_tss();
    x86_lgdt(&gdtr);
    x86_ltr(SELECTOR_TSS);
    x86_lidt(&idtr);
}
