/*
 * A frame came back to the kernel's frame allocator: does the processor still
 * remember a way to it?
 *
 *   TLB      [va -> frame]        an access by that way would reach a frame
 *   upper    [va.. -> table]      that is somebody else's by then
 *
 * The machine does not know its kernel, so it has to be told (sim_listen(), or
 * a test).  What the kernel keeps mapped for good, its direct map, is excepted.
 */
#include "sim/cpu_inside.h"

struct freed {
    struct sim_cpu *cpu;
    struct tlb *tlb;
    struct prange frames;
    struct vrange except;
};

static void report(const struct freed *f, const struct tlb_entry *entry,
                   paddr_t pa) {
    struct sim_stale stale = {
        .va = vaddr(entry->page.v + (pa.v - entry->frame.v)),
        .effect = STALE_FREED,
        .freed = pa,
        .global = entry->global,
        .pcid = entry->pcid,
        .cpu = f->cpu->number,
        .flusher = SIM_NO_CPU,
    };

    if (f->tlb == &f->cpu->upper) { /* the table, not a byte of the page */
        stale.va = entry->page;
    }
    cpu_add_stale(f->cpu, &stale, tlb_origin_of(f->tlb, entry));
}

static void visit(void *ctx, const struct tlb_entry *entry) {
    const struct freed *f = ctx;
    uint64_t size =
        f->tlb == &f->cpu->upper ? PAGE_SIZE : UINT64_C(1) << entry->page_shift;
    paddr_t first = entry->frame;

    if (vrange_holds(f->except, entry->page) ||
        !ranges_overlap(entry->frame.v, size, f->frames.base.v,
                        f->frames.len)) {
        return;
    }
    if (first.v < f->frames.base.v) {
        first = f->frames.base;
    }
    report(f, entry, first);
}

void cpu_frames_freed(struct sim_cpu *cpu, struct prange frames,
                      struct vrange except) {
    struct freed f = { cpu, &cpu->tlb, frames, except };

    tlb_each(&cpu->tlb, visit, &f);
    f.tlb = &cpu->upper;
    tlb_each(&cpu->upper, visit, &f);
}
