/**
 * @file ram.h
 * Simulated physical memory: one sparse object, laid out by a memory map.
 *
 *   physical  0 ........ 9fc00      100000 ................ 10000000
 *             [ RAM run ]   (hole)  [ RAM run ]                      (nothing)
 *   alias     the same offsets, for the simulator's own eyes only
 *
 * Contents start as seeded junk, never as zero, so that a forgotten clear
 * shows; the junk is written chunk by chunk (RAM_CHUNK) when a chunk is
 * first touched, so a machine of 16 TiB costs nothing until it is used.
 *
 * Holes read as all ones and swallow writes, as an unclaimed bus does, but for
 * those parts where a device was put.
 */
#ifndef SIM_RAM_H
#define SIM_RAM_H

#include "base/range.h"
#include "hw/memmap.h"

#define RAM_CHUNK (128 * KIB)
#define RAM_RUNS_MAX 1024
#define RAM_SIZE_MAX (16 * TIB)

/** Registers of a device, in a hole: loads and stores are calls.  The live
 *  machine only names it. */
struct ram_device {
    const char *name;
    struct prange range; /* whole frames, where no RAM is */
    /** @offset bytes from the range's base; 1 to 8 @bytes, in one frame.  NULL:
     *  reads as ones; swallows writes. */
    uint64_t (*load)(void *ctx, uint64_t offset, unsigned bytes);
    void (*store)(void *ctx, uint64_t offset, unsigned bytes, uint64_t value);
    void *ctx;
};
#define RAM_DEVICES_MAX 8

struct sim_ram {
    struct prange runs[RAM_RUNS_MAX]; /* RAM, ascending, whole frames, apart */
    size_t run_count;
    size_t recent;  /* the run that an access was in last: asked first */
    uint64_t size;  /* bytes up to the end of the last run */
    uint8_t *alias; /* physical byte p is alias[p]; only runs are meant */
    int memfd;      /* -1 where the host has none: functional only */
    uint64_t seed;
    bool *ready;            /* of each chunk: its junk is written */
    uint64_t hole_accesses; /* loads and stores that met a hole */
    struct ram_device devices[RAM_DEVICES_MAX];
    unsigned device_count;
};

/**
 * Lay out RAM: every frame that a usable (1) or ACPI (3, 4) entry touches.
 * Reserved entries may be devices, so nothing is there.
 *
 * @alias_base  where to map the alias, or 0: anywhere
 * @return true, or false with a sentence in @why
 */
bool ram_init(struct sim_ram *ram, const struct memmap_entry *map, size_t count,
              uint64_t seed, vaddr_t alias_base, char *why, size_t why_size);
void ram_destroy(struct sim_ram *ram);

/** Are all @len bytes from @pa RAM? */
bool ram_holds(const struct sim_ram *ram, paddr_t pa, uint64_t len);
/** The run of RAM that holds @pa; len 0 when none does. */
struct prange ram_run_at(const struct sim_ram *ram, paddr_t pa);
/** Was chunk @number touched, so that its junk is written? */
bool ram_is_ready(const struct sim_ram *ram, uint64_t number);
/** As if that chunk had never been touched: it is junk again.  Who keeps host
 *  addresses of it (cpu_front, host mappings) lets them go first. */
void ram_forget(struct sim_ram *ram, uint64_t number);
/** Write the junk of all chunks that @range touches, unless it is there. */
void ram_touch(struct sim_ram *ram, struct prange range);

/** The run that an access was in last, as one value: who asks often keeps it
 *  in registers.  It stays right as long as the RAM is there. */
struct ram_view {
    uint64_t base, len;
    const bool *ready;
    uint8_t *alias;
};

static inline struct ram_view ram_view(const struct sim_ram *ram) {
    const struct prange *run = &ram->runs[ram->recent];

    return (struct ram_view){ run->base.v, run->len, ram->ready, ram->alias };
}

/** Is the byte at @pa, with the rest of its frame, at view.alias + pa.v on the
 *  host?  false: that takes a search or junk; the calls below do both. */
static inline bool ram_view_shows(struct ram_view view, paddr_t pa) {
    return pa.v - view.base < view.len && view.ready[pa.v / RAM_CHUNK];
}

/** Put @device where there is a hole.  @return false: no whole frames, RAM or
 *  another device there, or RAM_DEVICES_MAX reached */
bool ram_add_device(struct sim_ram *ram, struct ram_device device);
/** The device at @pa, or NULL. */
const struct ram_device *ram_device_at(const struct sim_ram *ram, paddr_t pa);

/** @bytes 1..8, all inside one frame; the machine is little-endian. */
uint64_t ram_load(struct sim_ram *ram, paddr_t pa, unsigned bytes);
void ram_store(struct sim_ram *ram, paddr_t pa, unsigned bytes, uint64_t value);
/** @pa is 8-aligned for the 64-bit calls. */
uint64_t ram_load64(struct sim_ram *ram, paddr_t pa);
void ram_store64(struct sim_ram *ram, paddr_t pa, uint64_t value);
uint8_t ram_load8(struct sim_ram *ram, paddr_t pa);
void ram_store8(struct sim_ram *ram, paddr_t pa, uint8_t value);

#endif
