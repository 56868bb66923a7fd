/*
 * Steps of several processors, in the order that a schedule says.
 *
 *   go_on()       one step of the handler under way, else of the program
 *   take()        the handler begins
 *   list_enabled  what can be done now: that is all a schedule chooses from
 */
#include "sim/smp.h"

#include <stdlib.h>
#include <string.h>

bool smp_init(struct smp *smp, unsigned count, struct sim_ram *ram,
              struct sim_events *events, enum tlb_policy policy,
              unsigned tlb_capacity) {
    memset(smp, 0, sizeof(*smp));
    smp->ram = ram;
    smp->events = events;
    smp->cpus = calloc(count, sizeof(*smp->cpus));
    while (smp->cpus != NULL && smp->count < count) {
        struct sim_cpu *cpu = smp_cpu(smp, smp->count);

        if (!cpu_init(cpu, ram, events, policy, tlb_capacity)) {
            break;
        }
        cpu->number = smp->count++;
        cpu->interrupts = true;
    }
    if (smp->count < count) {
        smp_destroy(smp);
        return false;
    }
    return true;
}

void smp_destroy(struct smp *smp) {
    for (unsigned n = 0; n < smp->count; n++) {
        cpu_destroy(smp_cpu(smp, n));
    }
    free(smp->cpus);
    memset(smp, 0, sizeof(*smp));
}

void smp_send(struct smp *smp, unsigned to, unsigned vector) {
    sim_events_add(smp->events, SIM_EVENT_IPI, to, vector);
    cpu_interrupt(smp_cpu(smp, to), vector);
}

static void rewind_one(struct smp_cpu *c) {
    const struct tlb_scope everything = { .every_pcid = true, .globals = true };

    tlb_drop_all(&c->cpu.tlb, everything);
    tlb_drop_all(&c->cpu.upper, everything);
    memset(c->cpu.pending, 0, sizeof(c->cpu.pending));
    c->cpu.interrupts = true;
    c->cpu.cpl = 0;
    c->handling = c->divided = false;
    c->at = c->handler_at = 0;
}

void smp_rewind(struct smp *smp) {
    for (unsigned n = 0; n < smp->count; n++) {
        rewind_one(&smp->cpus[n]);
    }
}

/* --- what can be done ---------------------------------------------------- */

/** The step that processor @n does next, or NULL: its program has ended. */
static const struct smp_step *next_step(const struct smp_cpu *c) {
    if (c->handling) {
        return &c->handler.steps[c->handler_at];
    }
    return c->at < c->program.count ? &c->program.steps[c->at] : NULL;
}

static unsigned list_enabled(const struct smp *smp,
                             uint8_t enabled[2 * SCHEDULE_CPUS_MAX],
                             bool *all_done) {
    unsigned count = 0;

    *all_done = true;
    for (unsigned n = 0; n < smp->count; n++) {
        const struct smp_cpu *c = &smp->cpus[n];
        const struct smp_step *step = next_step(c);

        *all_done &= step == NULL && !cpu_is_called(&c->cpu);
        if (step != NULL && (step->ready == NULL || step->ready(smp, n))) {
            enabled[count++] = (uint8_t)n;
        }
        if (cpu_is_interrupted(&c->cpu) && !c->handling && !c->divided) {
            enabled[count++] = (uint8_t)(n | SCHEDULE_INTERRUPT);
        }
    }
    return count;
}

/* --- doing it ------------------------------------------------------------ */

static void end_handler(struct smp_cpu *c) {
    if (c->handling && c->handler_at == c->handler.count) {
        c->handling = false;
        c->cpu.interrupts = true;
    }
}

static void take(struct smp_cpu *c) {
    c->vector = cpu_take_interrupt(&c->cpu);
    c->handling = true;
    c->handler_at = 0;
    end_handler(c);
}

static void go_on(struct smp *smp, unsigned n) {
    struct smp_cpu *c = &smp->cpus[n];
    const struct smp_step *step = next_step(c);

    *(c->handling ? &c->handler_at : &c->at) += 1;
    step->run(smp, n);
    end_handler(c);
}

bool smp_step(struct smp *smp, struct schedule *schedule, enum smp_end *end) {
    uint8_t enabled[2 * SCHEDULE_CPUS_MAX];
    bool all_done;
    unsigned count = list_enabled(smp, enabled, &all_done);
    uint8_t action;
    unsigned n;

    if (count == 0) {
        *end = all_done ? SMP_DONE : SMP_STUCK;
        return false;
    }
    action = schedule_pick(schedule, enabled, count);
    if (action == SCHEDULE_NONE) {
        *end = SMP_IMPOSSIBLE;
        return false;
    }
    n = action & (SCHEDULE_INTERRUPT - 1u);
    smp->events->cpu = n;
    if ((action & SCHEDULE_INTERRUPT) != 0) {
        take(&smp->cpus[n]);
    } else {
        go_on(smp, n);
    }
    return true;
}

enum smp_end smp_run(struct smp *smp, struct schedule *schedule) {
    enum smp_end end;

    while (smp_step(smp, schedule, &end)) {
    }
    return end;
}

uint64_t smp_run_all(struct smp *smp, struct schedule *schedule,
                     void (*begin)(struct smp *smp),
                     void (*judge)(struct smp *smp, enum smp_end end,
                                   const struct schedule *schedule)) {
    uint64_t count = 0;

    schedule->kind = SCHEDULE_ALL;
    schedule_start(schedule);
    do {
        enum smp_end end;

        smp_rewind(smp);
        begin(smp);
        end = smp_run(smp, schedule);
        judge(smp, end, schedule);
        count++;
    } while (schedule_next(schedule));
    return count;
}
