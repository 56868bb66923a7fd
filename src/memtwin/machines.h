/**
 * @file machines.h
 * The two machines a module can run on.
 */
#ifndef MEMTWIN_MACHINES_H
#define MEMTWIN_MACHINES_H

#include "memtwin/module.h"
#include "memtwin/outcome.h"
#include "program/say.h"

/**
 * Run @module and gather what the machine says in *@outcome.
 *
 * @return EXIT_GOOD    it ran to the end; outcome->good is its own verdict
 *         EXIT_WRONG   it stopped on the way (fault, panic, hang), after a
 *                      message
 *         EXIT_USAGE   the machine asked for cannot be, after a message
 *         EXIT_CANNOT  this host cannot, after a message
 *
 * @twin  the outcome of a run in QEMU whose memory map and module address the
 *        simulated machine shall have; NULL: as the options say
 */
enum outcome_code run_on_sim(struct outcome *outcome,
                             const struct run_options *options,
                             const struct module *module,
                             const struct outcome *twin);
enum outcome_code run_on_qemu(struct outcome *outcome,
                              const struct run_options *options,
                              const struct module *module);

#endif
