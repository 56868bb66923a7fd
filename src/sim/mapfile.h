/**
 * @file mapfile.h
 * Memory maps as text files, and the map of a default machine.
 *
 *   # comment
 *   <start> <end> <type> # comment
 *
 * start and end are 16 hexadecimal digits, end is inclusive (start - 1: empty),
 * type is decimal.
 */
#ifndef SIM_MAPFILE_H
#define SIM_MAPFILE_H

#include "hw/memmap.h"

#define MAPFILE_ENTRIES_MAX 4096

struct mapfile {
    struct memmap_entry *entries; /* malloc()ed */
    size_t count;
};

/** @return false with "file:line: what is wrong; what would be right" in @why
 */
bool mapfile_read(struct mapfile *map, const char *path, char *why,
                  size_t why_size);
/** What QEMU's default PC with @ram_bytes (whole MiB, 8 MiB .. 1009 GiB)
 *  reports to a kernel. */
bool mapfile_pc(struct mapfile *map, uint64_t ram_bytes, char *why,
                size_t why_size);
void mapfile_destroy(struct mapfile *map);

#endif
