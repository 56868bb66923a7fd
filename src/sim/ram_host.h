/**
 * @file ram_host.h
 * What simulated RAM wants of the host: one large sparse piece of memory.
 * Only ram.c needs this.
 */
#ifndef SIM_RAM_HOST_H
#define SIM_RAM_HOST_H

#include "sim/ram.h"

/** Make ram->memfd and ram->alias for ram->size bytes, all zero and none of
 *  them taken from the host yet.  @return false with a sentence in @why */
bool ram_host_map(struct sim_ram *ram, vaddr_t alias_base, char *why,
                  size_t why_size);
void ram_host_unmap(struct sim_ram *ram);

#endif
