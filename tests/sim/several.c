#include "sim/several.h"

#include <string.h>

struct sim_ram ram;
struct sim_events events;
struct tables t;
struct smp smp;
struct schedule schedule;
paddr_t leaf;

void several_on(unsigned count, enum tlb_policy policy) {
    memset(&events, 0, sizeof events);
    memset(&schedule, 0, sizeof schedule);
    tables_ram(&ram);
    tables_start(&t, &ram, 2 * MIB);
    for (uint64_t pa = 0; pa < 32 * MIB; pa += 2 * MIB) {
        (void)tables_map(&t, vaddr(DIRECT + pa), pa, 2, P | RW | G | NX);
    }
    leaf = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    ck_assert(smp_init(&smp, count, &ram, &events, policy, 64));
    for (unsigned n = 0; n < count; n++) {
        ck_assert(cpu_write_cr3(smp_cpu(&smp, n), t.root));
        ck_assert(cpu_report_stale(smp_cpu(&smp, n)));
    }
    several_begin(&smp);
}

void several_off(void) {
    smp_destroy(&smp);
    ram_destroy(&ram);
}

void several_setup(void) {
    several_on(2, TLB_LRU);
}

void several_begin(struct smp *machine) {
    ram_store64(machine->ram, leaf, OLD_FRAME | P | RW);
    ram_store64(machine->ram, paddr(OLD_FRAME), OLD);
    ram_store64(machine->ram, paddr(NEW_FRAME), 0);
    for (unsigned i = 0; i < 8; i++) {
        ram_store64(machine->ram, paddr(WORDS + 8 * i), 0);
    }
}

uint64_t load_on(struct smp *machine, unsigned n, uint64_t va) {
    struct sim_fault fault;
    uint64_t value = 0;

    ck_assert_msg(cpu_load(smp_cpu(machine, n), vaddr(va), 8, &value, &fault),
                  "processor %u: load of 0x%llx faults", n,
                  (unsigned long long)va);
    return value;
}

void store_on(struct smp *machine, unsigned n, uint64_t va, uint64_t value) {
    struct sim_fault fault;

    ck_assert_msg(cpu_store(smp_cpu(machine, n), vaddr(va), 8, value, &fault),
                  "processor %u: store to 0x%llx faults", n,
                  (unsigned long long)va);
}

enum smp_end run_list(const uint8_t *list, size_t count) {
    schedule.kind = SCHEDULE_LIST;
    schedule.list = list;
    schedule.list_count = count;
    schedule_start(&schedule);
    return smp_run(&smp, &schedule);
}
