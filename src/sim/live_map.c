/*
 * Host mappings as a cache of recorded translations.
 *
 *   entry   [page ............................ 2 MiB or 1 GiB)
 *   RAM           [run ..................]
 *   chunk              [2 MiB)
 *   shown              [^^^^^^^^^^^^^^^^^]  the part around the access
 *
 * A leaf may reach past RAM: it is clipped, and an access to the clipped part
 * is a physical hole.  At most one chunk is shown at once, so that the junk of
 * a huge machine is written only where it is used.
 *
 * mmap() and munmap() go by raw system calls, which no sanitizer intercepts
 * (its shadow must survive a refill).  Hiding puts the reservation back over
 * the mapping: the window never has a gap that the host could fill.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/live.h"

/** A failed mapping call would leave a stale translation behind: the machine
 *  can't go on, and nothing of it may be trusted. */
static void host_map(struct sim *sim, struct vrange at, int prot, int flags,
                     int fd, paddr_t offset) {
    struct sim_live *live = sim->live;
    bool inject = ++live->host_calls == live->fail_host_call;
    long got = inject
                   ? -1
                   : syscall(SYS_mmap, at.base.v, at.len, prot,
                             flags | MAP_FIXED | MAP_NORESERVE, fd, offset.v);
    int error = inject ? ENOMEM : errno;

    if (got == -1) {
        fprintf(stderr,
                "memtwin: the host refused to map 0x%lx, %lu KiB (%s): the "
                "simulated TLB can't be kept; a smaller one may help, or a "
                "larger vm.max_map_count\n",
                at.base.v, at.len / KIB, strerror(error));
        abort();
    }
}

/** What of @range lies in a window; len 0 when nothing does. */
static struct vrange clip_to_window(const struct sim_live *live,
                                    struct vrange range) {
    for (size_t i = 0; i < live->window_count; i++) {
        struct vrange w = live->windows[i].range;

        if (vranges_overlap(w, range)) {
            uint64_t from = range.base.v > w.base.v ? range.base.v : w.base.v;
            uint64_t end = range.base.v + range.len;
            uint64_t w_end = w.base.v + w.len;

            return (struct vrange){ vaddr(from),
                                    (end < w_end ? end : w_end) - from };
        }
    }
    return (struct vrange){ range.base, 0 };
}

/** The physical bytes to show for @pa, which @entry translates. */
static struct prange part_to_show(const struct sim_ram *ram,
                                  const struct tlb_entry *entry, paddr_t pa) {
    struct prange run = ram_run_at(ram, pa);
    uint64_t page = UINT64_C(1) << entry->page_shift;
    uint64_t piece = page < RAM_CHUNK ? page : RAM_CHUNK;
    uint64_t from = align_down(pa.v, piece);
    uint64_t to = from + piece;

    if (run.len == 0) {
        return run;
    }
    if (from < run.base.v) {
        from = run.base.v;
    }
    if (to > run.base.v + run.len) {
        to = run.base.v + run.len;
    }
    return (struct prange){ paddr(from), to - from };
}

static int protection(struct sim *sim, const struct tlb_entry *entry) {
    struct walk_control control = cpu_control(&sim->cpu);
    bool user = sim->cpu.cpl == 3;
    int prot = PROT_NONE;

    if (walk_permits(&control, entry->rights, SIM_READ, user) == WALK_OK) {
        prot |= PROT_READ;
    }
    /* The first write to a clean page must be seen, to set D. */
    if (entry->dirty &&
        walk_permits(&control, entry->rights, SIM_WRITE, user) == WALK_OK) {
        prot |= PROT_WRITE;
    }
    if (walk_permits(&control, entry->rights, SIM_FETCH, user) == WALK_OK) {
        prot |= PROT_EXEC;
    }
    return prot;
}

bool live_show(struct sim *sim, const struct tlb_entry *entry, vaddr_t va) {
    paddr_t pa = paddr_add(entry->frame, va.v - entry->page.v);
    struct prange part = part_to_show(&sim->ram, entry, pa);
    struct vrange at;

    if (part.len == 0) {
        return false;
    }
    at = clip_to_window(
        sim->live,
        (struct vrange){ vaddr(entry->page.v + (part.base.v - entry->frame.v)),
                         part.len });
    part.base = paddr(entry->frame.v + (at.base.v - entry->page.v));
    ram_touch(&sim->ram, (struct prange){ part.base, at.len });
    host_map(sim, at, protection(sim, entry), MAP_SHARED, sim->ram.memfd,
             part.base);
    return true;
}

void live_hide(void *ctx, const struct tlb_entry *entry) {
    struct sim *sim = ctx;
    struct vrange at = clip_to_window(
        sim->live,
        (struct vrange){ entry->page, UINT64_C(1) << entry->page_shift });

    if (at.len != 0) {
        host_map(sim, at, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, paddr(0));
    }
}
