/**
 * @file several.h
 * Several processors of the functional machine, for each test afresh: one set
 * of tables, a page VA that shows OLD_FRAME, and a direct map of all RAM, by
 * which programs store entries as a kernel does.
 *
 *   VA        PTE `leaf` --> OLD_FRAME
 *   DIRECT    2 MiB leaves, global: physical p at DIRECT + p
 *   words     at WORDS: what the programs tell each other
 */
#ifndef TESTS_SIM_SEVERAL_H
#define TESTS_SIM_SEVERAL_H

#include "sim/cpu_halves.h"
#include "sim/smp.h"
#include "sim/tables.h"

#define VA vaddr(UINT64_C(0x444444400000))
#define DIRECT UINT64_C(0x200000000000)
#define OLD_FRAME UINT64_C(0x400000)
#define NEW_FRAME UINT64_C(0x600000)
#define WORDS UINT64_C(0x800000)
#define OLD UINT64_C(0x0123456789abcdef)
#define SECRET UINT64_C(0x5ec2e75ec2e75ec2)
#define VECTOR 0xfd

extern struct sim_ram ram;
extern struct sim_events events;
extern struct tables t;
extern struct smp smp;
extern struct schedule schedule;
extern paddr_t leaf; /* where the PTE of VA lies */

/** @count processors with that policy. */
void several_on(unsigned count, enum tlb_policy policy);
void several_off(void);
/** The checked fixture: two, LRU. */
void several_setup(void);
/** VA shows OLD_FRAME, which holds OLD; the words are 0. */
void several_begin(struct smp *machine);

/** Processor @n makes an access that must succeed. */
uint64_t load_on(struct smp *machine, unsigned n, uint64_t va);
void store_on(struct smp *machine, unsigned n, uint64_t va, uint64_t value);

/** Run what the processors have as programs, in the order @list, then by
 *  turns. */
enum smp_end run_list(const uint8_t *list, size_t count);
#define N_OF(list) (unsigned)(sizeof(list) / sizeof((list)[0]))

#define PROGRAM(machine, n, list)                                              \
    ((machine)->cpus[n].program =                                              \
         (struct smp_program){ list, sizeof(list) / sizeof((list)[0]) })
#define HANDLER(machine, n, list)                                              \
    ((machine)->cpus[n].handler =                                              \
         (struct smp_program){ list, sizeof(list) / sizeof((list)[0]) })

#endif
