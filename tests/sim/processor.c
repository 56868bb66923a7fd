#include "sim/processor.h"

#include <string.h>

struct sim_ram ram;
struct sim_events events;
struct sim_cpu cpu;
struct tables t;
struct sim_fault fault;

void power_on(enum tlb_policy policy, unsigned capacity) {
    memset(&events, 0, sizeof events);
    tables_ram(&ram);
    ck_assert(cpu_init(&cpu, &ram, &events, policy, capacity));
    tables_start(&t, &ram, 2 * MIB);
    ck_assert(cpu_write_cr3(&cpu, t.root));
    ram_store64(&ram, paddr(OLD_FRAME), OLD);
    ram_store64(&ram, paddr(NEW_FRAME), NEW);
}

void power_off(void) {
    cpu_destroy(&cpu);
    ram_destroy(&ram);
}

void setup(void) {
    power_on(TLB_LRU, 16);
}

void setup_policy(int policy) {
    power_off();
    power_on((enum tlb_policy)policy, 1024);
}

uint64_t load(vaddr_t va) {
    uint64_t value = 0;

    ck_assert_msg(cpu_load(&cpu, va, 8, &value, &fault),
                  "load of 0x%llx: error 0x%x", (unsigned long long)va.v,
                  fault.error);
    return value;
}

void store(vaddr_t va, uint64_t value) {
    ck_assert_msg(cpu_store(&cpu, va, 8, value, &fault),
                  "store to 0x%llx: error 0x%x", (unsigned long long)va.v,
                  fault.error);
}

bool access_works(vaddr_t va, enum sim_access access) {
    paddr_t pa;

    return cpu_translate(&cpu, va, access, &pa, NULL, &fault);
}

void faults(vaddr_t va, enum sim_access access, uint32_t error) {
    ck_assert_msg(!access_works(va, access), "no fault at 0x%llx",
                  (unsigned long long)va.v);
    ck_assert_uint_eq(fault.vector, 14);
    ck_assert_hex_eq(fault.error, error);
    ck_assert_hex_eq(fault.address.v, va.v);
    ck_assert_hex_eq(cpu.cr2.v, va.v);
}
