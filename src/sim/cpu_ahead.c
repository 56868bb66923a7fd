/*
 * A translation that no access asked for.
 *
 *   page table  [A][A][ ][A D][ ]      va was touched: cpu_translate()
 *                va ^  |   |
 *                 may: +   +-- remembered, clean where D is clear
 *                 A is clear: never, since it would have to be set
 *
 * A processor may remember what it needs for prefetches and for what it
 * executes speculatively, wherever P and A are set.  It may not remember a page
 * whose A is clear without setting it, and never sets D ahead: so memory is as
 * it was.
 *
 * Intel SDM vol. 3A, "Details of TLB Use", "Accessed and Dirty Flags".
 */
#include "sim/cpu_inside.h"

const struct tlb_entry *cpu_fill_ahead(struct sim_cpu *cpu, vaddr_t va) {
    const struct walk_control control = cpu_control(cpu);
    const struct tlb_entry *upper;
    struct cpu_found found = { 0 };

    if (cpu->tlb.count == cpu->tlb.capacity ||
        tlb_find(&cpu->tlb, va, cpu_pcid(cpu)) != NULL) {
        return NULL;
    }
    found.missed = true;
    found.insertions = cpu->tlb.insertions;
    found.start = cpu_walk_start(cpu, &control, va, &upper);
    walk_into(&found.walk, cpu->ram, &control, found.start, va, SIM_READ,
              cpu_is_user(cpu));
    if (found.walk.reason != WALK_OK || found.walk.page_shift != PAGE_SHIFT ||
        found.walk.sets_flags ||
        !ram_holds(cpu->ram, found.walk.pa, PAGE_SIZE)) {
        return NULL;
    }
    if (upper != NULL && cpu->report_stale) {
        found.above = *tlb_origin_of(&cpu->upper, upper);
    }
    cpu->events->walk_reads += found.walk.step_count;
    sim_events_add(cpu->events, SIM_EVENT_WALK, va.v, found.walk.step_count);
    return cpu_remember(cpu, va, &found);
}
