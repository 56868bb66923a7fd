/**
 * @file sim_machine.h
 * The functional machine as a machine for cases.
 */
#ifndef CONFORMANCE_SIM_MACHINE_H
#define CONFORMANCE_SIM_MACHINE_H

#include "conformance/case.h"
#include "sim/cpu.h"

struct sim_machine {
    struct conf_machine machine; /* first */
    struct sim_ram ram;
    struct sim_cpu cpu;
    struct sim_events events;

    bool skip_invlpg; /* leave INVLPG out */
    /* For explanations: what the tables said at each touch, whatever the TLB
     * said: about its first byte, its last, and a read of the first. */
    unsigned touches;
    struct walk_result first[CONF_TOUCHES_MAX], last[CONF_TOUCHES_MAX],
        read[CONF_TOUCHES_MAX];
    bool denies_reads[CONF_TOUCHES_MAX]; /* SMAP or keys are on */
};

/** @return false, with a sentence in @why */
bool sim_machine_start(struct sim_machine *s,
                       const struct conf_features *features, char *why,
                       size_t why_size);
/** Controls (enum conf_control) into a simulated processor. */
void sim_set_control(struct sim_cpu *cpu, uint64_t control);
/** Run @c; @s knows afterwards what the tables said. */
void sim_machine_run(struct sim_machine *s, const struct conf_case *c,
                     unsigned flush_before, struct conf_record *record);
void sim_machine_stop(struct sim_machine *s);

#endif
