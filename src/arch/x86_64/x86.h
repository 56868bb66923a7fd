/**
 * @file x86.h
 * The instructions that C has no words for, one function each.
 */
#ifndef ARCH_X86_H
#define ARCH_X86_H

#include <stdint.h>

#define CR4_PGE (UINT64_C(1) << 7)
#define RFLAGS_IF (UINT64_C(1) << 9)
#define MSR_EFER 0xc0000080u
#define MSR_GS_BASE 0xc0000101u

static inline void x86_out8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t x86_in8(uint16_t port) {
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

struct x86_cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct x86_cpuid x86_cpuid(uint32_t leaf) {
    struct x86_cpuid r;

    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(0));
    return r;
}

static inline uint64_t x86_read_msr(uint32_t msr) {
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void x86_write_msr(uint32_t msr, uint64_t value) {
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value),
                       "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline void x86_pause(void) {
    __asm__ volatile("pause");
}

static inline uint64_t x86_read_cr0(void) {
    uint64_t value;

    __asm__ volatile("movq %%cr0, %0" : "=r"(value));
    return value;
}

static inline uint64_t x86_read_cr2(void) {
    uint64_t value;

    __asm__ volatile("movq %%cr2, %0" : "=r"(value));
    return value;
}

static inline uint64_t x86_read_cr3(void) {
    uint64_t value;

    __asm__ volatile("movq %%cr3, %0" : "=r"(value));
    return value;
}

static inline void x86_write_cr3(uint64_t value) {
    __asm__ volatile("movq %0, %%cr3" : : "r"(value) : "memory");
}

static inline uint64_t x86_read_cr4(void) {
    uint64_t value;

    __asm__ volatile("movq %%cr4, %0" : "=r"(value));
    return value;
}

static inline void x86_write_cr4(uint64_t value) {
    __asm__ volatile("movq %0, %%cr4" : : "r"(value) : "memory");
}

static inline void x86_invlpg(uint64_t va) {
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static inline uint64_t x86_read_flags(void) {
    uint64_t flags;

    __asm__ volatile("pushfq; popq %0" : "=r"(flags));
    return flags;
}

static inline void x86_cli(void) {
    __asm__ volatile("cli" : : : "memory");
}

static inline void x86_sti(void) {
    __asm__ volatile("sti" : : : "memory");
}

static inline void x86_hlt(void) {
    __asm__ volatile("hlt");
}

/** The operand of LGDT and LIDT. */
struct x86_table {
    uint16_t limit; /* bytes - 1 */
    uint64_t base;
} __attribute__((packed));

static inline void x86_lgdt(const struct x86_table *table) {
    __asm__ volatile("lgdt %0" : : "m"(*table) : "memory");
}

static inline void x86_lidt(const struct x86_table *table) {
    __asm__ volatile("lidt %0" : : "m"(*table) : "memory");
}

static inline void x86_ltr(uint16_t selector) {
    __asm__ volatile("ltr %0" : : "r"(selector) : "memory");
}

#endif
