/*
 * Several processors, one baton.
 *
 *   sim->cpu        the processor that runs; its recorded translations are what
 *   (has the baton) the host may show
 *        ^ |
 *        | v        at a point, if the schedule says so: hide all that is
 * shown, cpus[n].rest    change the contents, go on where the other one was
 * left (those that wait)
 *
 * What the other processor remembers is shown again as it is touched, from its
 * recorded entries, never from the tables: a translation that should have been
 * flushed there is as stale as it was.  All run on the one thread of the host,
 * each on its own stack, so equal schedules give equal runs.
 *
 * The change itself runs on the host's stack: both stacks in simulated memory
 * may be hidden meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/live.h"

struct live_cpu {
    struct sim_cpu rest; /* while another one runs */
    struct live_fpu *fpu;
    unsigned fpu_count;
    bool on;        /* started */
    bool ended;     /* outside an interrupt it has nothing to do */
    bool waits;     /* in sim_pause(), and nobody has acted since */
    bool called;    /* it goes on by taking an interrupt */
    uint64_t rsp;   /* where it was left, when ... */
    bool has_begun; /* ... this is so; else it begins at ... */
    void (*entry)(void *arg);
    void *arg;
    struct vrange stack;
    struct fiber fiber;
};

struct live_smp {
    unsigned count;
    unsigned now, before, next; /* who has the baton, had it, gets it */
    struct schedule *schedule;
    struct schedule turns; /* when nobody sets one */
    struct live_cpu cpus[SCHEDULE_CPUS_MAX];
};

/* --- life ---------------------------------------------------------------- */

bool live_smp_start(struct sim *sim, char *why, size_t why_size) {
    struct sim_live *live = sim->live;
    const struct sim_config *config = &sim->config;
    unsigned count = config->cpu_count;

    if (count <= 1) {
        return true;
    }
    live->smp = calloc(1, sizeof *live->smp);
    for (unsigned n = 1; live->smp != NULL && n < count; n++) {
        struct live_cpu *c = &live->smp->cpus[n];

        c->fpu = live_fpu_new();
        if (c->fpu == NULL ||
            !cpu_init(&c->rest, &sim->ram, &sim->events, config->tlb_policy,
                      config->tlb_capacity)) {
            break;
        }
        c->rest.number = n;
        live->smp->count = n + 1;
    }
    if (live->smp == NULL || live->smp->count != count) {
        snprintf(why, why_size, "the host has no memory for %u processors",
                 count);
        return false;
    }
    live->smp->cpus[0].on = live->smp->cpus[0].has_begun = true;
    sim_set_schedule(sim, NULL);
    return true;
}

void live_smp_stop(struct sim *sim) {
    struct live_smp *smp = sim->live->smp;

    if (smp == NULL) {
        return;
    }
    live_smp_home(sim);
    for (unsigned n = 1; n < SCHEDULE_CPUS_MAX; n++) {
        live_fpu_free(smp->cpus[n].fpu);
        if (smp->cpus[n].rest.ram != NULL) {
            cpu_destroy(&smp->cpus[n].rest);
        }
    }
    free(smp);
    sim->live->smp = NULL;
}

bool live_smp_is_started(const struct sim *sim) {
    const struct live_smp *smp = sim->live->smp;
    bool started = false;

    for (unsigned n = 1; smp != NULL && n < smp->count; n++) {
        started |= smp->cpus[n].on;
    }
    return started;
}

unsigned sim_cpu_count(const struct sim *sim) {
    return sim->live->smp == NULL ? 1 : sim->live->smp->count;
}

struct sim_cpu *sim_cpu_at(struct sim *sim, unsigned n) {
    struct live_smp *smp = sim->live->smp;

    return smp == NULL || n == smp->now ? &sim->cpu : &smp->cpus[n].rest;
}

void sim_set_schedule(struct sim *sim, struct schedule *schedule) {
    struct live_smp *smp = sim->live->smp;

    if (smp == NULL) {
        return;
    }
    smp->schedule = schedule;
    if (schedule == NULL) {
        smp->schedule = &smp->turns;
        smp->turns.kind = SCHEDULE_TURNS;
        smp->turns.limit = UINT64_MAX;
        schedule_start(&smp->turns);
    }
}

/* --- the baton ----------------------------------------------------------- */

/** Processor @n becomes the one that runs. */
static void pass_baton(struct sim *sim, unsigned n) {
    struct sim_live *live = sim->live;
    struct live_smp *smp = live->smp;
    struct live_cpu *from = &smp->cpus[smp->now];
    struct live_cpu *to = &smp->cpus[n];

    live_hide_windows(sim);
    from->rest = sim->cpu;
    from->rest.tlb.on_drop = NULL; /* nothing of it is shown */
    from->fpu = live->fpu;
    from->fpu_count = live->fpu_count;
    sim->cpu = to->rest;
    sim->cpu.tlb.on_drop = live_hide;
    sim->cpu.tlb.on_flush = live_flush;
    sim->cpu.tlb.on_drop_ctx = sim;
    live->fpu = to->fpu;
    live->fpu_count = to->fpu_count;
    to->fpu = NULL;
    sim->events.cpu = n;
    smp->before = smp->now;
    smp->now = n;
}

void live_smp_home(struct sim *sim) {
    struct live_smp *smp = sim->live->smp;

    if (smp == NULL) {
        return;
    }
    if (smp->now != 0) {
        pass_baton(sim, 0);
    }
    for (unsigned n = 1; n < smp->count; n++) {
        smp->cpus[n].on = false;
    }
    smp->cpus[0].waits = smp->cpus[0].called = false;
}

static void first(void);

/** On the host's stack: the change between the two. */
static struct guest_next change(struct sim *sim) {
    struct live_smp *smp = sim->live->smp;
    struct live_cpu *to = &smp->cpus[smp->next];
    struct guest_next next = { to->rsp, NULL };

    pass_baton(sim, smp->next);
    if (!to->has_begun) {
        to->has_begun = true;
        next.rsp = to->stack.base.v + to->stack.len;
        next.first = first;
    }
    sim->live->busy = false;
    return next;
}

/** Processor @n goes on; returns when this one has the baton again. */
static void switch_to(struct sim *sim, unsigned n) {
    struct live_smp *smp = sim->live->smp;
    struct live_cpu *me = &smp->cpus[smp->now];
    struct live_cpu *to = &smp->cpus[n];
    uint8_t *stack_top = sim->live->host_stack + LIVE_STACK_SIZE;

    smp->next = n;
    fiber_leave(&me->fiber, to->fiber.bottom, to->fiber.size);
    sim->live->busy = true;
    guest_switch(&me->rsp, (uint64_t)(uintptr_t)stack_top, sim, change);
    fiber_arrive_from(&me->fiber, &smp->cpus[smp->before].fiber);
}

/* --- choices ------------------------------------------------------------- */

static unsigned list_enabled(struct sim *sim,
                             uint8_t enabled[2 * SCHEDULE_CPUS_MAX]) {
    struct live_smp *smp = sim->live->smp;
    unsigned count = 0;

    for (unsigned n = 0; n < smp->count; n++) {
        const struct live_cpu *c = &smp->cpus[n];

        if (c->on && !c->waits && !c->ended) {
            enabled[count++] = (uint8_t)n;
        }
        if (c->on && cpu_is_interrupted(sim_cpu_at(sim, n))) {
            enabled[count++] = (uint8_t)(n | SCHEDULE_INTERRUPT);
        }
    }
    return count;
}

/** Who goes next?  Who waited for somebody to act may go on after that. */
static unsigned choose(struct sim *sim) {
    struct live_smp *smp = sim->live->smp;
    uint8_t enabled[2 * SCHEDULE_CPUS_MAX];
    unsigned count = list_enabled(sim, enabled);
    uint8_t action;
    unsigned next;

    if (count == 0) {
        hw_panic("deadlock: every processor waits for another one", __FILE__,
                 __LINE__);
    }
    action = schedule_pick(smp->schedule, enabled, count);
    if (action == SCHEDULE_NONE) {
        hw_panic("the schedule names a processor that cannot go on, or is at "
                 "its limit",
                 __FILE__, __LINE__);
    }
    next = action & (SCHEDULE_INTERRUPT - 1u);
    for (unsigned n = 0; n < smp->count; n++) {
        smp->cpus[n].waits = false;
    }
    smp->cpus[next].called = (action & SCHEDULE_INTERRUPT) != 0;
    return next;
}

/** Here, in the middle of whatever @c does. */
static void take_interrupt(struct live_cpu *c) {
    bool ended = c->ended;

    c->called = c->ended = false;
    guest_interrupt();
    c->ended = ended;
}

void sim_point(struct sim *sim) {
    struct live_smp *smp = sim->live->smp;
    unsigned me = smp == NULL ? 0 : smp->now;

    while (smp != NULL) {
        unsigned next = choose(sim);

        if (next != me) {
            switch_to(sim, next);
        }
        if (!smp->cpus[me].called) {
            break;
        }
        take_interrupt(&smp->cpus[me]);
    }
}

void sim_pause(struct sim *sim) {
    struct live_smp *smp = sim->live->smp;

    if (smp == NULL) {
        hw_panic("deadlock: the only processor waits for another one", __FILE__,
                 __LINE__);
    }
    smp->cpus[smp->now].waits = true;
    sim_point(sim);
}

void sim_send_ipi(struct sim *sim, unsigned n, unsigned vector) {
    sim_events_add(&sim->events, SIM_EVENT_IPI, n, vector);
    cpu_interrupt(sim_cpu_at(sim, n), vector);
    sim_point(sim);
}

/* --- start and end ------------------------------------------------------- */

static void first(void) {
    struct sim *sim = sim_current();
    struct live_smp *smp = sim->live->smp;
    struct live_cpu *me = &smp->cpus[smp->now];

    fiber_arrive_from(&me->fiber, &smp->cpus[smp->before].fiber);
    me->entry(me->arg);
    me->ended = true;
    for (;;) { /* as HLT does with interrupts on */
        sim_point(sim);
    }
}

static void set_registers(struct sim *sim, struct sim_cpu *cpu) {
    const struct tlb_scope everything = { .every_pcid = true, .globals = true };

    tlb_drop_all(&cpu->tlb, everything);
    tlb_drop_all(&cpu->upper, everything);
    memset(cpu->pending, 0, sizeof cpu->pending);
    cpu->cr0 = sim->cpu.cr0;
    cpu->cr3 = sim->cpu.cr3;
    cpu->cr4 = sim->cpu.cr4;
    cpu->efer = sim->cpu.efer;
    cpu->phys_bits = sim->cpu.phys_bits;
    cpu->cpl = 0;
    cpu->interrupts = cpu->ac = false;
    cpu->traps.count = 0;
    cpu->local = NULL;
}

void sim_start_cpu(struct sim *sim, unsigned n, void (*entry)(void *arg),
                   void *arg, struct vrange stack) {
    struct live_smp *smp = sim->live->smp;
    struct live_cpu *c;

    MM_ASSERT(smp != NULL && n > 0 && n < smp->count && n != smp->now);
    c = &smp->cpus[n];
    set_registers(sim, &c->rest);
    MM_UNPOISON(pointer_of(stack.base), stack.len); /* of a former start */
    c->entry = entry;
    c->arg = arg;
    c->stack = stack;
    c->fpu_count = 0;
    c->on = true;
    c->waits = c->called = c->ended = c->has_begun = false;
    c->fiber = (struct fiber){ NULL, pointer_of(stack.base), stack.len };
}
