/**
 * @file stale.h
 * What a run depended on that should have been flushed.
 */
#ifndef MEMTWIN_STALE_H
#define MEMTWIN_STALE_H

#include "memtwin/outcome.h"
#include "sim/sim.h"

/** Have @sim report from now on (cpu_report_stale(), sim_listen()).
 *  @return false after a message: no memory */
bool stale_begin(struct sim *sim);
/** Take what @sim reported into @outcome, which is good no longer if there is
 *  any; a message for each of the first. */
void stale_end(struct outcome *outcome, const struct sim *sim);

#endif
