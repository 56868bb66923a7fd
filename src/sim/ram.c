/*
 * Simulated RAM: where it is, what it holds at first, and how it is read.
 *
 * Layout.  Entries of the map are rounded outward to frames, sorted, and those
 * that touch or overlap become one run:
 *
 *   map   [ 1   ][ 3 ]    [ 2      ][ 1        ]
 *   runs  [ run 0    ]              [ run 1    ]
 *
 * Junk.  The word at physical p is a hash of the seed and p.  It is written
 * when its chunk is first needed, so every way to the memory has to
 * announce itself by ram_touch(); a mark per chunk remembers.
 */
#include "sim/ram.h"

#include <stdlib.h>
#include <string.h>

#include "base/fmt.h"
#include "base/hash.h"
#include "sim/ram_host.h"

static uint64_t range_end(struct prange r) {
    return r.base.v + r.len;
}

/* --- layout ------------------------------------------------------------- */

static bool is_memory(const struct memmap_entry *entry) {
    return entry->range.len != 0 && (entry->type == MEMMAP_USABLE ||
                                     entry->type == MEMMAP_ACPI_RECLAIMABLE ||
                                     entry->type == MEMMAP_ACPI_NVS);
}

/** The frames that @r touches.  @return false: some are beyond the maximum */
static bool round_outward(struct prange r, struct prange *out) {
    uint64_t first = align_down(r.base.v, PAGE_SIZE);
    uint64_t last;

    if (__builtin_add_overflow(r.base.v, r.len - 1, &last) ||
        last >= RAM_SIZE_MAX) {
        return false;
    }
    *out =
        (struct prange){ paddr(first), (last | (PAGE_SIZE - 1)) - first + 1 };
    return true;
}

static int by_base(const void *a, const void *b) {
    uint64_t left = ((const struct prange *)a)->base.v;
    uint64_t right = ((const struct prange *)b)->base.v;

    return (left > right) - (left < right);
}

/** Join @pieces, sorted by base, into runs.  @return false: too many runs */
static bool join(struct sim_ram *ram, const struct prange *pieces,
                 size_t count) {
    struct prange *last = NULL;

    for (size_t i = 0; i < count; i++) {
        if (last != NULL && pieces[i].base.v <= range_end(*last)) {
            if (range_end(pieces[i]) > range_end(*last)) {
                last->len = range_end(pieces[i]) - last->base.v;
            }
            continue;
        }
        if (ram->run_count == RAM_RUNS_MAX) {
            return false;
        }
        last = &ram->runs[ram->run_count++];
        *last = pieces[i];
    }
    return true;
}

static bool lay_out(struct sim_ram *ram, const struct memmap_entry *map,
                    size_t count, char *why, size_t why_size) {
    struct prange *pieces = calloc(count + 1, sizeof(*pieces));
    size_t used = 0;
    bool joined;

    if (pieces == NULL) {
        fmt_format(why, why_size, "no memory for a map of %ju entries",
                   (uintmax_t)count);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_memory(&map[i])) {
            continue;
        }
        if (!round_outward(map[i].range, &pieces[used++])) {
            fmt_format(why, why_size,
                       "the RAM at 0x%jx reaches beyond the 16 TiB that can "
                       "be simulated",
                       (uintmax_t)map[i].range.base.v);
            free(pieces);
            return false;
        }
    }
    qsort(pieces, used, sizeof(*pieces), by_base);
    joined = join(ram, pieces, used);
    free(pieces);
    if (!joined) {
        fmt_format(why, why_size, "the map has more than %d runs of RAM",
                   RAM_RUNS_MAX);
        return false;
    }
    if (ram->run_count == 0) {
        fmt_format(why, why_size,
                   "the map has no RAM: no entry of type 1, 3 or 4");
        return false;
    }
    ram->size = range_end(ram->runs[ram->run_count - 1]);
    return true;
}

bool ram_init(struct sim_ram *ram, const struct memmap_entry *map, size_t count,
              uint64_t seed, vaddr_t alias_base, char *why, size_t why_size) {
    uint64_t chunks;

    memset(ram, 0, sizeof(*ram));
    ram->memfd = -1;
    ram->seed = seed;
    if (!lay_out(ram, map, count, why, why_size)) {
        return false;
    }
    chunks = (ram->size + RAM_CHUNK - 1) / RAM_CHUNK;
    ram->ready = calloc((size_t)chunks, sizeof(*ram->ready));
    if (ram->ready == NULL) {
        fmt_format(why, why_size, "no memory for the marks of %ju chunks",
                   (uintmax_t)chunks);
        return false;
    }
    if (!ram_host_map(ram, alias_base, why, why_size)) {
        free(ram->ready);
        ram->ready = NULL;
        return false;
    }
    return true;
}

void ram_destroy(struct sim_ram *ram) {
    ram_host_unmap(ram);
    free(ram->ready);
    memset(ram, 0, sizeof(*ram));
    ram->memfd = -1;
}

/* --- where RAM is ------------------------------------------------------- */

/** The first run that ends after @pa, or run_count. */
static size_t run_after(const struct sim_ram *ram, uint64_t pa) {
    size_t low = 0;
    size_t high = ram->run_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (range_end(ram->runs[middle]) <= pa) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct prange ram_run_at(const struct sim_ram *ram, paddr_t pa) {
    size_t i = run_after(ram, pa.v);

    if (i < ram->run_count && prange_holds(ram->runs[i], pa)) {
        return ram->runs[i];
    }
    return (struct prange){ pa, 0 };
}

bool ram_holds(const struct sim_ram *ram, paddr_t pa, uint64_t len) {
    struct prange run = ram_run_at(ram, pa);

    return len == 0 || (run.len != 0 && len <= range_end(run) - pa.v);
}

/* --- junk --------------------------------------------------------------- */

static uint64_t junk(uint64_t mixed_seed, uint64_t pa) {
    uint64_t word = hash_mix(mixed_seed ^ pa);

    return word != 0 ? word : mixed_seed | 1;
}

static void write_junk(struct sim_ram *ram, struct prange part) {
    uint64_t mixed_seed = hash_mix(ram->seed);

    for (uint64_t pa = part.base.v; pa < range_end(part); pa += 8) {
        uint64_t word = junk(mixed_seed, pa);

        memcpy(ram->alias + pa, &word, sizeof(word));
    }
}

/** Write the junk of one chunk, in as much of it as is RAM. */
static void touch_chunk(struct sim_ram *ram, uint64_t chunk) {
    uint64_t base = chunk * RAM_CHUNK;
    uint64_t end = base + RAM_CHUNK;

    for (size_t i = run_after(ram, base); i < ram->run_count; i++) {
        uint64_t from = ram->runs[i].base.v;
        uint64_t to = range_end(ram->runs[i]);

        if (from >= end) {
            break;
        }
        from = from < base ? base : from;
        to = to > end ? end : to;
        write_junk(ram, (struct prange){ paddr(from), to - from });
    }
    ram->ready[chunk] = true;
}

bool ram_is_ready(const struct sim_ram *ram, uint64_t number) {
    return ram->ready[number];
}

void ram_forget(struct sim_ram *ram, uint64_t number) {
    ram->ready[number] = false;
}

void ram_touch(struct sim_ram *ram, struct prange range) {
    uint64_t last;

    if (range.len == 0 || range.base.v >= ram->size) {
        return;
    }
    last = range.len - 1 < ram->size - 1 - range.base.v
               ? range.base.v + range.len - 1
               : ram->size - 1;
    for (uint64_t c = range.base.v / RAM_CHUNK; c <= last / RAM_CHUNK; c++) {
        if (!ram->ready[c]) {
            touch_chunk(ram, c);
        }
    }
}

/* --- loads and stores --------------------------------------------------- */

static uint8_t *search(struct sim_ram *ram, paddr_t pa) {
    size_t i = run_after(ram, pa.v);
    uint64_t chunk = pa.v / RAM_CHUNK;

    if (i == ram->run_count || !prange_holds(ram->runs[i], pa)) {
        return NULL;
    }
    if (!ram->ready[chunk]) {
        touch_chunk(ram, chunk);
    }
    ram->recent = i;
    return ram->alias + pa.v;
}

/** @pa, ready for use; or NULL: no RAM. */
static uint8_t *reach(struct sim_ram *ram, paddr_t pa) {
    struct ram_view view = ram_view(ram);

    return ram_view_shows(view, pa) ? view.alias + pa.v : search(ram, pa);
}

/** A device, or a hole, which is counted. */
static uint64_t load_elsewhere(struct sim_ram *ram, paddr_t pa,
                               unsigned bytes) {
    const struct ram_device *d = ram_device_at(ram, pa);
    uint64_t ones = ~UINT64_C(0) >> (64 - 8 * bytes);

    if (d == NULL) {
        ram->hole_accesses++;
        return ones;
    }
    return d->load == NULL
               ? ones
               : d->load(d->ctx, pa.v - d->range.base.v, bytes) & ones;
}

static void store_elsewhere(struct sim_ram *ram, paddr_t pa, unsigned bytes,
                            uint64_t value) {
    const struct ram_device *d = ram_device_at(ram, pa);

    if (d == NULL) {
        ram->hole_accesses++;
    } else if (d->store != NULL) {
        d->store(d->ctx, pa.v - d->range.base.v, bytes,
                 value & ~UINT64_C(0) >> (64 - 8 * bytes));
    }
}

/* The byte order of the simulated machine is little-endian; where it is the
 * host's as well, eight bytes are one access. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HOST_HAS_OUR_BYTE_ORDER true
#else
#define HOST_HAS_OUR_BYTE_ORDER false
#endif

uint64_t ram_load(struct sim_ram *ram, paddr_t pa, unsigned bytes) {
    const uint8_t *p = reach(ram, pa);
    uint64_t value = 0;

    if (p == NULL) {
        return load_elsewhere(ram, pa, bytes);
    }
    if (HOST_HAS_OUR_BYTE_ORDER && bytes == 8) {
        memcpy(&value, p, sizeof(value));
        return value;
    }
    for (unsigned i = bytes; i-- > 0;) {
        value = value << 8 | p[i];
    }
    return value;
}

void ram_store(struct sim_ram *ram, paddr_t pa, unsigned bytes,
               uint64_t value) {
    uint8_t *p = reach(ram, pa);

    if (p == NULL) {
        store_elsewhere(ram, pa, bytes, value);
        return;
    }
    if (HOST_HAS_OUR_BYTE_ORDER && bytes == 8) {
        memcpy(p, &value, sizeof(value));
        return;
    }
    for (unsigned i = 0; i < bytes; i++) {
        p[i] = (uint8_t)(value >> (8 * i));
    }
}

uint8_t ram_load8(struct sim_ram *ram, paddr_t pa) {
    return (uint8_t)ram_load(ram, pa, 1);
}

void ram_store8(struct sim_ram *ram, paddr_t pa, uint8_t value) {
    ram_store(ram, pa, 1, value);
}

uint64_t ram_load64(struct sim_ram *ram, paddr_t pa) {
    return ram_load(ram, pa, 8);
}

void ram_store64(struct sim_ram *ram, paddr_t pa, uint64_t value) {
    ram_store(ram, pa, 8, value);
}
