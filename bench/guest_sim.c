/*
 * The loops of sim_loops.h on the processor that runs this code: QEMU's.
 */
#include "arch/x86_64/machine.h"
#include "arch/x86_64/x86.h"
#include "boot/boot.h"

static vaddr_t direct;

static inline uint64_t bench_load(uint64_t va) {
    return *(const volatile uint64_t *)pointer_of(vaddr(va));
}
static inline void bench_reload(void) {
    x86_write_cr3(x86_read_cr3());
}
static inline void bench_store(uint64_t pa, uint64_t value) {
    *(volatile uint64_t *)pointer_of(vaddr_add(direct, pa)) = value;
}

#include "sim_loops.h"

_Noreturn void kernel_main(const struct hw_boot *boot) {
    uint64_t sum = 0;

    direct = boot->direct_base;
    machine_say("1..1\n");
    loops_build(boot->root.v);
    for (unsigned l = 0; l < LOOP_COUNT; l++) {
        machine_say("figure %s %ju\n", loop_names[l],
                    (uintmax_t)loop_best((enum loop)l, &sum));
    }
    machine_say("# sum 0x%jx\nok 1 - every loop ran\n", (uintmax_t)sum);
    hw_exit(HW_EXIT_PASS);
}
