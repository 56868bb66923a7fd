/*
 * The windows: host addresses that belong to the simulated machine.
 *
 * Each is reserved without access at the start (MAP_FIXED_NOREPLACE), since
 * later mappings use MAP_FIXED, which would overwrite a library in silence.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/live.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/** What of this process stands in @range, as /proc/self/maps names it. */
static void name_clash(struct vrange range, char *name, size_t size) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];

    snprintf(name, size, "another mapping");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        int at = 0;

        if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &from, &to, &at) >= 2 &&
            ranges_overlap(range.base.v, range.len, from, to - from)) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(name, size, "%s",
                     line[at] != '\0' ? line + at : "an unnamed mapping");
            break;
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
}

bool live_reserve(struct sim_live *live, char *why, size_t why_size) {
    for (; live->reserved < live->window_count; live->reserved++) {
        const struct sim_window *w = &live->windows[live->reserved];
        long at = syscall(SYS_mmap, w->range.base.v, w->range.len, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
                              MAP_FIXED_NOREPLACE,
                          -1, 0L);
        char clash[128];

        if ((uint64_t)at == w->range.base.v) {
            continue;
        }
        if (at != -1) { /* a kernel too old to know NOREPLACE */
            syscall(SYS_munmap, at, w->range.len);
        }
        if (at != -1 || errno == EEXIST) {
            name_clash(w->range, clash, sizeof clash);
        } else {
            snprintf(clash, sizeof clash, "the host (%s)", strerror(errno));
        }
        snprintf(why, why_size,
                 "the %s window 0x%lx..0x%lx of the simulated machine is taken "
                 "by %s; start the program with other window bases",
                 w->name, w->range.base.v, w->range.base.v + w->range.len,
                 clash);
        return false;
    }
    return true;
}

void live_release(struct sim_live *live) {
    while (live->reserved > 0) {
        const struct sim_window *w = &live->windows[--live->reserved];

        syscall(SYS_munmap, w->range.base.v, w->range.len);
    }
}

const struct sim_window *live_window_at(const struct sim_live *live,
                                        vaddr_t va) {
    for (size_t i = 0; i < live->window_count; i++) {
        if (vrange_holds(live->windows[i].range, va)) {
            return &live->windows[i];
        }
    }
    return NULL;
}
