/*
 * Watching the kernel of a live machine: what it says it did, what it may
 * spend, and faults that it has to live with.
 *
 *   pmm, vmm, heap --> struct events_ear --> the machine's events, in one order
 *                 <-- may the frame, the block be had? -- struct injection
 *
 * The ear is handed over by struct hw_boot, so the kernel's objects are the
 * same and hear nobody on bare metal.  It works on a host stack, as hw.h does:
 * the caller's own stack may be simulated.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/live.h"

static struct sim *sim_of(struct events_ear *ear) {
    return (struct sim *)(void *)((char *)ear - offsetof(struct sim, ear));
}

static void do_hear(struct sim *sim, uint64_t unused) {
    const struct event heard = sim->heard;

    (void)unused;
    sim_events_add(&sim->events,
                   (enum sim_event_kind)(SIM_EVENT_KERNEL + (int)heard.kind),
                   heard.a, heard.b);
    if (heard.kind == EVENT_PMM_TAKES) {
        const struct prange frames = { paddr_of(pfn(heard.a)),
                                       (heard.b + 1) * PAGE_SIZE };

        for (unsigned n = 0; n < sim_cpu_count(sim); n++) {
            cpu_frames_freed(sim_cpu_at(sim, n), frames,
                             sim->live->windows[0].range);
        }
    }
}

static void hear(struct events_ear *ear, enum event_kind kind, uint64_t a,
                 uint64_t b) {
    sim_of(ear)->heard = (struct event){ kind, a, b };
    live_call(do_hear, 0);
}

static bool permits(struct events_ear *ear, enum event_kind kind) {
    return !inject_is_due(sim_of(ear)->cpu.injection, kind == EVENT_PMM_GIVES
                                                          ? INJECT_FRAME
                                                          : INJECT_BLOCK);
}

void sim_listen(struct sim *sim) {
    sim->ear = (struct events_ear){ hear, permits };
    sim->boot.ear = &sim->ear;
}

void sim_inject(struct sim *sim, struct injection *injection) {
    cpu_inject(&sim->cpu, injection);
    sim->live->interrupt_waits = false;
}

void live_interrupt(struct sim *sim, bool occasion) {
    struct injection *injection = sim->cpu.injection;

    if (occasion && inject_is_due(injection, INJECT_INTERRUPT)) {
        sim->live->interrupt_waits = true;
    }
    if (sim->live->interrupt_waits && sim->cpu.interrupts) {
        sim->live->interrupt_waits = false;
        sim->cpu.interrupts = false;
        injection->interrupt(injection->ctx);
        sim->cpu.interrupts = true;
    }
}

/* --- budgets ------------------------------------------------------------ */

void sim_set_budget(struct sim *sim, struct sim_budget *budget) {
    if (sim->budget != NULL) {
        sim_unwatch(&sim->events, &sim->budget->watch);
    }
    sim->budget = budget;
    if (budget != NULL) {
        sim_budget_start(budget, &sim->events);
    }
}

bool live_budget_is_over(struct sim *sim) {
    if (sim->budget == NULL || !sim->budget->is_over) {
        return false;
    }
    fmt_format(sim->live->stop_text, sizeof sim->live->stop_text, "%s",
               sim->budget->report);
    sim_set_budget(sim, NULL); /* said once */
    return true;
}
