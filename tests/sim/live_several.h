/**
 * @file live_several.h
 * Several processors of the live machine, with a kernel of a few lines on each:
 * gates, a stack and an IST stack of its own, and a handler that obeys the call
 * to flush.
 */
#ifndef SIM_LIVE_SEVERAL_H
#define SIM_LIVE_SEVERAL_H

#include "sim/live_machine.h"

#define STACK_PAGES 8
#define STACK_OF(n) (HEAP + (n)*MIB) /* processor n's */
#define STACK_FRAMES(n) (FRAME + (n)*128 * KIB)
#define OTHER_FRAME (FRAME + 16 * PAGE_SIZE)
#define SECRET 0x5e

/** One for each processor. */
static struct own {
    struct trap_hook hook;
    struct hw_boot boot;
    volatile bool reads, obeyed, done;
} own[SCHEDULE_CPUS_MAX];

static struct schedule schedule;
static volatile unsigned secrets;

static inline void power_on_two(enum tlb_policy policy) {
    power_on_several(2, policy, TLB_CAPACITY_DEFAULT);
    memset(own, 0, sizeof own);
    secrets = 0;
}

static inline void setup(void) {
    memset(&schedule, 0, sizeof schedule);
    power_on_two(TLB_LRU);
}

static inline unsigned me(void) {
    return sim->cpu.number;
}

static inline bool obey(struct trap_hook *h, struct trap_frame *frame) {
    (void)h;
    if (frame->vector != TRAP_IPI) {
        return false;
    }
    hw_invlpg(vaddr(HEAP));
    own[me()].obeyed = true;
    return true;
}

/** What each processor does first. */
static inline void begin_processor(void) {
    struct own *mine = &own[me()];

    mine->boot = sim->boot;
    mine->boot.ist_top[0] = vaddr(STACK_OF(me()) + 4 * PAGE_SIZE);
    mine->hook.handle = obey;
    trap_init(&mine->hook, &mine->boot);
}

/** Processor @n on a stack, and one for double faults below it:
 *    [ guard ][ IST 1: 4 pages ][ guard ][ 8 pages ]  */
static inline void start(unsigned n, void (*entry)(void *arg)) {
    const uint64_t bottom = STACK_OF(n) + 5 * PAGE_SIZE;

    for (unsigned i = 0; i < 4; i++) {
        map_page(STACK_OF(n) + i * PAGE_SIZE, STACK_FRAMES(n) + i * PAGE_SIZE,
                 ALL);
    }
    for (unsigned i = 0; i < STACK_PAGES; i++) {
        map_page(bottom + i * PAGE_SIZE, STACK_FRAMES(n) + (4 + i) * PAGE_SIZE,
                 ALL);
    }
    sim_start_cpu(sim, n, entry, (void *)(uintptr_t)n,
                  (struct vrange){ vaddr(bottom), STACK_PAGES * PAGE_SIZE });
}

static inline void wait_for(volatile bool *word) {
    while (!*word) {
        sim_pause(sim);
    }
}

#endif
