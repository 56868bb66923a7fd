/*
 * Memory maps: any text, read, cut into frames, laid out as RAM.
 *
 * A text that is refused is refused in one line.  Of one that is read, every
 * frame near an edge is asked by brute force whether it is RAM; the order of
 * the lines does not matter; and a reserved range takes its frames and no
 * others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "pmm/memmap.h"
#include "sim/mapfile.h"
#include "sim/ram.h"

#define RUNS_MAX 512u
#define ENTRIES_MAX 60u /* brute force is their number to the third */

const char fuzz_name[] = "map";
const unsigned fuzz_inputs = 2000;

/** A file of these bytes; @path, of 40 bytes, is its name. */
static int file_of(const uint8_t *bytes, size_t size, char *path) {
    int fd = memfd_create("map", 0);

    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size) {
        fuzz_fail("no file for the input");
    }
    snprintf(path, 40, "/dev/fd/%d", fd);
    return fd;
}

static bool holds(struct prange range, uint64_t at) {
    return range.len != 0 && at >= range.base.v &&
           at - range.base.v <= range.len - 1;
}

static bool byte_is_ram(const struct mapfile *map, uint64_t at) {
    bool ram = false;

    for (size_t i = 0; i < map->count; i++) {
        if (holds(map->entries[i].range, at)) {
            if (map->entries[i].type != MEMMAP_USABLE) {
                return false;
            }
            ram = true;
        }
    }
    return ram;
}

/** All bytes of frame @f: claims change only where an entry begins or ends. */
static bool frame_is_ram(const struct mapfile *map, uint64_t f) {
    uint64_t first = f << PAGE_SHIFT;
    uint64_t last = first + (PAGE_SIZE - 1);

    if (!byte_is_ram(map, first)) {
        return false;
    }
    for (size_t i = 0; i < map->count; i++) {
        struct prange r = map->entries[i].range;
        uint64_t edges[2] = { r.base.v, r.base.v + r.len };

        for (unsigned e = 0; e < 2; e++) {
            if (edges[e] > first && edges[e] <= last &&
                !byte_is_ram(map, edges[e])) {
                return false;
            }
        }
    }
    return true;
}

static bool in_runs(const struct pmm_run *runs, size_t count, uint64_t f) {
    for (size_t i = 0; i < count; i++) {
        if (f >= runs[i].first.v && f - runs[i].first.v < runs[i].count) {
            return true;
        }
    }
    return false;
}

static void check_frame(const struct mapfile *map, const struct pmm_run *runs,
                        size_t count, uint64_t f) {
    f &= UINT64_MAX >> PAGE_SHIFT;
    if (frame_is_ram(map, f) != in_runs(runs, count, f)) {
        fuzz_fail("frame 0x%llx is RAM by one opinion only",
                  (unsigned long long)f);
    }
}

static void check_runs(const struct mapfile *map, const struct pmm_run *runs,
                       size_t count) {
    uint64_t frames = 0;

    for (size_t i = 0; i < count; i++) {
        if (runs[i].count == 0 ||
            (i > 0 &&
             runs[i].first.v <= runs[i - 1].first.v + runs[i - 1].count)) {
            fuzz_fail("runs are empty, touch or are out of order");
        }
        frames += runs[i].count;
    }
    if (frames != memmap_frames(map->entries, map->count)) {
        fuzz_fail("memmap_frames() counts otherwise");
    }
    for (size_t i = 0; i < map->count; i++) {
        struct prange r = map->entries[i].range;
        uint64_t from = r.base.v >> PAGE_SHIFT;
        uint64_t to = (r.base.v + r.len) >> PAGE_SHIFT;

        check_frame(map, runs, count, from - 1);
        check_frame(map, runs, count, from);
        check_frame(map, runs, count, from + 1);
        check_frame(map, runs, count, to - 1);
        check_frame(map, runs, count, to);
    }
}

static void check_order(const struct mapfile *map, const struct pmm_run *runs,
                        size_t count) {
    static struct memmap_entry turned[ENTRIES_MAX];
    static struct pmm_run other[RUNS_MAX];

    for (size_t i = 0; i < map->count; i++) {
        turned[map->count - 1 - i] = map->entries[i];
    }
    if (memmap_usable(turned, map->count, other, RUNS_MAX) != count ||
        memcmp(runs, other, count * sizeof(*runs)) != 0) {
        fuzz_fail("the lines in reverse order give other frames");
    }
}

/** The map's last entry as a hole. */
static void check_reserve(const struct mapfile *map, const struct pmm_run *runs,
                          size_t count) {
    static struct pmm_run after[RUNS_MAX];
    struct prange hole = map->entries[map->count - 1].range;
    uint64_t first = hole.base.v >> PAGE_SHIFT;
    uint64_t last = (hole.base.v + hole.len - 1) >> PAGE_SHIFT;
    size_t left;

    memcpy(after, runs, count * sizeof(*runs));
    left = memmap_reserve(after, count, RUNS_MAX, hole);
    for (size_t i = 0; i < count && hole.len != 0; i++) {
        uint64_t asked[] = {
            runs[i].first.v, first,    last,
            first - 1,       last + 1, runs[i].first.v + runs[i].count - 1
        };

        for (unsigned a = 0; a < 6; a++) {
            bool expected = in_runs(runs, count, asked[a]) &&
                            (asked[a] < first || asked[a] > last);

            if (in_runs(after, left, asked[a]) != expected) {
                fuzz_fail("after the reservation frame 0x%llx is wrong",
                          (unsigned long long)asked[a]);
            }
        }
    }
}

static void check_ram(const struct mapfile *map) {
    static struct sim_ram ram;
    char why[300] = "";

    if (!ram_init(&ram, map->entries, map->count, 1, vaddr(0), why,
                  sizeof(why))) {
        if (why[0] == '\0' || strchr(why, '\n') != NULL) {
            fuzz_fail("no RAM, and no reason: '%s'", why);
        }
        return;
    }
    for (size_t i = 0; i < ram.run_count; i++) {
        if (!ram_holds(&ram, ram.runs[i].base, ram.runs[i].len) ||
            ram_holds(&ram, ram.runs[i].base, ram.runs[i].len + 1)) {
            fuzz_fail("a run of RAM is not where it is");
        }
    }
    ram_destroy(&ram);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct pmm_run runs[RUNS_MAX];
    struct mapfile map;
    char path[40], why[300] = "";
    int fd = file_of(bytes, size, path);
    size_t count;

    if (!mapfile_read(&map, path, why, sizeof(why))) {
        if (strncmp(why, path, strlen(path)) != 0 ||
            strchr(why, '\n') != NULL || strchr(why, ';') == NULL) {
            fuzz_fail("refused without a good reason: '%s'", why);
        }
    } else if (map.count <= ENTRIES_MAX) {
        count = memmap_usable(map.entries, map.count, runs, RUNS_MAX);
        check_runs(&map, runs, count);
        check_order(&map, runs, count);
        check_reserve(&map, runs, count);
        check_ram(&map);
    }
    mapfile_destroy(&map);
    close(fd);
    return 0;
}
