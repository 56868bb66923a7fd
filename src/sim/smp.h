/**
 * @file smp.h
 * Several processors over one memory, in the functional machine.
 *
 *        RAM, events            one
 *       /     |     \
 *   cpu 0   cpu 1   cpu 2       each: registers, TLB, mode, IF, requests
 *     |       |       |
 *   steps   steps   steps       a program each, and a handler of interrupts
 *
 * A step is a C call in which nobody else acts: one instruction, as a rule.
 * Which processor goes next is said by a schedule alone (schedule.h), so a run
 * repeats, and all runs of small programs can be gone through.  Memory is in
 * order: what a step stores, the next step of any processor loads.
 *
 * An interrupt is taken between two steps of a processor whose IF is on, as a
 * choice of its own: it may come at once or after any number of steps.  The
 * handler's steps run with IF off; its end switches IF on.
 */
#ifndef SIM_SMP_H
#define SIM_SMP_H

#include "sim/cpu.h"
#include "sim/schedule.h"

struct smp;

struct smp_step {
    /** Processor @n does it. */
    void (*run)(struct smp *smp, unsigned n);
    /** Can it?  Looks only.  NULL: always.  A step that waits. */
    bool (*ready)(const struct smp *smp, unsigned n);
};

struct smp_program {
    const struct smp_step *steps;
    unsigned count;
};

struct smp_cpu {
    struct sim_cpu cpu;
    struct smp_program program, handler; /* set by the caller */

    bool handling;       /* between interrupt and the handler's end ... */
    unsigned vector;     /* ... of that one */
    unsigned at;         /* the next step of the program ... */
    unsigned handler_at; /* ... and of the handler */
    bool divided; /* between cpu_begin() and cpu_finish(): no interrupt; a step
                     sets and clears it */
};

struct smp {
    struct sim_ram *ram;
    struct sim_events *events;
    unsigned count;
    struct smp_cpu *cpus;
    void *ctx; /* the caller's */
};

/** @count processors, 1 to SCHEDULE_CPUS_MAX, each as after cpu_init().
 *  @return false when the host has no memory for them */
bool smp_init(struct smp *smp, unsigned count, struct sim_ram *ram,
              struct sim_events *events, enum tlb_policy policy,
              unsigned tlb_capacity);
void smp_destroy(struct smp *smp);

static inline struct sim_cpu *smp_cpu(struct smp *smp, unsigned n) {
    return &smp->cpus[n].cpu;
}

/** The processor whose step this is sends interrupt @vector (0 .. 255) to @to.
 */
void smp_send(struct smp *smp, unsigned to, unsigned vector);

/** Programs at their beginning, nothing remembered, nothing pending, IF on,
 *  CPL 0.  Control registers and memory stay. */
void smp_rewind(struct smp *smp);

enum smp_end {
    SMP_DONE,      /* every program has ended, every interrupt is handled */
    SMP_STUCK,     /* all that is left waits: for each other, or with IF off */
    SMP_IMPOSSIBLE /* the schedule names a processor that can't, or is full */
};

/** One choice of @schedule.  @return true, or false with the *@end */
bool smp_step(struct smp *smp, struct schedule *schedule, enum smp_end *end);
/** Choices until an end.  The schedule was started. */
enum smp_end smp_run(struct smp *smp, struct schedule *schedule);

/**
 * Every order in which the programs can go.
 *
 * @begin  before each: put memory and registers as they are to be; smp_rewind()
 *         was called
 * @judge  after each; schedule->taken is the order that was tried
 * @return how many there are
 */
uint64_t smp_run_all(struct smp *smp, struct schedule *schedule,
                     void (*begin)(struct smp *smp),
                     void (*judge)(struct smp *smp, enum smp_end end,
                                   const struct schedule *schedule));

#endif
