/**
 * @file own_walk.h
 * What the simulated processor thinks of a fault.
 */
#ifndef MEMTWIN_OWN_WALK_H
#define MEMTWIN_OWN_WALK_H

#include "sim/sim.h"

/** Complain, a line each, of the newest fault of @sim: the walk through the
 *  tables as they are now (walk_tell()).  Nothing when it was no page fault. */
void complain_walk(struct sim *sim);

#endif
