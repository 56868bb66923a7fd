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
                "memtwin: the host refused to map 0x%lx, %lu KiB (%s); the "
                "machine can't go on.  If vm.max_map_count is the limit, a "
                "smaller TLB helps\n",
                at.base.v, at.len / KIB, strerror(error));
        abort();
    }
}

/** What @range and @window share; len 0: nothing. */
static struct vrange shared(struct vrange range, struct vrange window) {
    uint64_t from = range.base.v > window.base.v ? range.base.v : window.base.v;
    uint64_t end = range.base.v + range.len;
    uint64_t window_end = window.base.v + window.len;

    end = end < window_end ? end : window_end;
    return (struct vrange){ vaddr(from), end > from ? end - from : 0 };
}

/** The physical bytes to show for @pa, which @entry translates. */
static struct prange part_to_show(const struct sim *sim,
                                  const struct tlb_entry *entry, paddr_t pa) {
    struct prange run = ram_run_at(&sim->ram, pa);
    uint64_t page = UINT64_C(1) << entry->page_shift;
    uint64_t most = sim->live->tables != NULL ? PAGE_SIZE : RAM_CHUNK;
    uint64_t piece = page < most ? page : most;
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

static int protection(struct sim *sim, const struct tlb_entry *entry,
                      paddr_t pa) {
    struct walk_control control = cpu_control(&sim->cpu);
    bool user = sim->cpu.cpl == 3;
    int prot = PROT_NONE;

    if (walk_permits(&control, entry->rights, SIM_READ, user) == WALK_OK) {
        prot |= PROT_READ;
    }
    /* The first write to a clean page must be seen, to set D. */
    if (entry->dirty && !live_is_read_only(sim, pa) &&
        walk_permits(&control, entry->rights, SIM_WRITE, user) == WALK_OK) {
        prot |= PROT_WRITE;
    }
    if (walk_permits(&control, entry->rights, SIM_FETCH, user) == WALK_OK) {
        prot |= PROT_EXEC;
    }
    return prot;
}

static bool is_large(const struct tlb_entry *entry) {
    return entry->page_shift > PAGE_SHIFT;
}

static void hide_if_large(void *ctx, const struct tlb_entry *entry) {
    if (is_large(entry)) {
        live_hide(ctx, entry);
    }
}

/** Every piece is a mapping of the host, which has room for some ten thousand;
 *  the TLB's capacity bounds entries, not the pieces of a large one. */
static void bound_pieces(struct sim *sim, const struct tlb_entry *entry) {
    if (is_large(entry) && ++sim->live->large_shown > sim->live->large_max) {
        tlb_each(&sim->cpu.tlb, hide_if_large, sim);
        sim->live->large_shown = 1;
    }
}

bool live_piece_of(struct sim *sim, const struct tlb_entry *entry, vaddr_t va,
                   struct live_piece *piece) {
    paddr_t pa = paddr_add(entry->frame, va.v - entry->page.v);
    struct prange part = part_to_show(sim, entry, pa);

    if (part.len == 0) {
        return false;
    }
    piece->at = shared(
        (struct vrange){ vaddr(entry->page.v + (part.base.v - entry->frame.v)),
                         part.len },
        live_window_at(sim->live, va)->range);
    piece->frame = paddr(entry->frame.v + (piece->at.base.v - entry->page.v));
    piece->protection = protection(sim, entry, piece->frame);
    return true;
}

void live_show_piece(struct sim *sim, const struct live_piece *piece) {
    ram_touch(&sim->ram, (struct prange){ piece->frame, piece->at.len });
    host_map(sim, piece->at, piece->protection, MAP_SHARED, sim->ram.memfd,
             piece->frame);
}

bool live_show(struct sim *sim, const struct tlb_entry *entry, vaddr_t va) {
    struct live_piece piece;

    if (!live_piece_of(sim, entry, va, &piece)) {
        return false;
    }
    bound_pieces(sim, entry);
    live_show_piece(sim, &piece);
    return true;
}

void live_hide_range(struct sim *sim, struct vrange range) {
    host_map(sim, range, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, paddr(0));
}

void live_hide(void *ctx, const struct tlb_entry *entry) {
    struct sim *sim = ctx;
    const struct vrange page = { entry->page, UINT64_C(1)
                                                  << entry->page_shift };

    /* A large page may lie in several windows. */
    for (size_t i = 0; i < sim->live->window_count; i++) {
        struct vrange at = shared(page, sim->live->windows[i].range);

        if (at.len != 0) {
            live_hide_range(sim, at);
        }
    }
}

void live_hide_windows(struct sim *sim) {
    for (size_t i = 0; i < sim->live->window_count; i++) {
        host_map(sim, sim->live->windows[i].range, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, paddr(0));
    }
    sim->live->large_shown = 0;
}

void live_hide_page(struct sim *sim, vaddr_t page) {
    host_map(sim, (struct vrange){ page, PAGE_SIZE }, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, paddr(0));
}

void live_hide_all(struct sim *sim) {
    if (!live_flush(sim, &sim->cpu.tlb, NULL)) {
        tlb_each(&sim->cpu.tlb, live_hide, sim);
    }
    sim->live->large_shown = 0;
}
