/**
 * @file pages.h
 * What the scripts of labs 2, 3 and 4 have in common: calls of the pages' floor
 * as they read in a test, and what the judge looks up by himself.
 */
#ifndef LABS_PAGES_H
#define LABS_PAGES_H

#include <string.h>

#include "grade/script.h"

/** A range that is the kernel's, and one that is each space's own. */
#define KERNEL_VA UINT64_C(0x444500000000)
#define USER_VA UINT64_C(0x10000000000)
#define PAGE(va, n) ((va) + (uint64_t)(n)*PAGE_SIZE)
#define HUGE_SIZE (2 * MIB)

/** A machine, its frames, the kernel's space (number 0). */
static inline void pages_on(struct test *t, enum tlb_policy tlb) {
    machine_on(t, (struct machine_want){ .ram = 16 * MIB, .tlb = tlb });
    must_ok(t, ask_pmm_init(t, "bitmap"));
    ask(t, ASK_VMM_ADOPT, 0);
    set_handler(t, true);
}

static inline uint64_t frame(struct test *t) {
    uint64_t f = 0;

    must_ok(t, ask_pmm_alloc(t, &f));
    return f;
}

static inline enum mm_status status_of(const struct call *call) {
    return (enum mm_status)call->status;
}

static inline enum mm_status map_in(struct test *t, uint64_t space, uint64_t va,
                                    uint64_t f, unsigned access) {
    return status_of(ask(t, ASK_VMM_MAP, space, va, f, access, 1));
}
static inline enum mm_status map(struct test *t, uint64_t va, uint64_t f,
                                 unsigned access) {
    return map_in(t, 0, va, f, access);
}
static inline enum mm_status map_range(struct test *t, uint64_t va, uint64_t f,
                                       uint64_t count, unsigned access) {
    return status_of(ask(t, ASK_VMM_MAP_RANGE, 0, va, f, count, access));
}
static inline enum mm_status map_huge(struct test *t, uint64_t va, uint64_t f,
                                      unsigned access) {
    return status_of(ask(t, ASK_VMM_MAP, 0, va, f, access, 2));
}
static inline enum mm_status map_large(struct test *t, uint64_t va, uint64_t f,
                                       uint64_t count) {
    return status_of(ask(t, ASK_VMM_MAP_LARGE, 0, va, f, count, VMM_WRITE));
}
static inline enum mm_status unmap(struct test *t, uint64_t va) {
    return status_of(ask(t, ASK_VMM_UNMAP, 0, va, 1));
}
static inline enum mm_status unmap_range(struct test *t, uint64_t va,
                                         uint64_t count) {
    return status_of(ask(t, ASK_VMM_UNMAP_RANGE, 0, va, count));
}
static inline enum mm_status unmap_huge(struct test *t, uint64_t va) {
    return status_of(ask(t, ASK_VMM_UNMAP, 0, va, 2));
}
static inline enum mm_status protect(struct test *t, uint64_t va,
                                     unsigned access) {
    return status_of(ask(t, ASK_VMM_PROTECT, 0, va, access, 1));
}
static inline uint64_t reclaim(struct test *t, uint64_t va, uint64_t len) {
    return ask(t, ASK_VMM_RECLAIM, 0, va, len)->out[0];
}
static inline enum mm_status
add_region(struct test *t, uint64_t space, uint64_t base, uint64_t pages,
           unsigned access, enum vmm_backing backing, uint64_t more) {
    return status_of(ask(t, ASK_VMM_REGION_ADD, space, base, pages * PAGE_SIZE,
                         access, (uint64_t)backing, more));
}
static inline enum mm_status remove_region(struct test *t, uint64_t space,
                                           uint64_t base) {
    return status_of(ask(t, ASK_VMM_REGION_REMOVE, space, base));
}
static inline uint64_t free_frames(struct test *t) {
    return ask_pmm_stats(t).free;
}

/** The frame that the tables in RAM show at @va; UINT64_MAX: none. */
static inline uint64_t shown(struct test *t, uint64_t va) {
    const struct walk_result r = tables_say(t, va, SIM_READ);

    return r.reason == WALK_OK ? r.pa.v >> PAGE_SHIFT : UINT64_MAX;
}

/** The tables in RAM show @f at @va, or the test fails. */
static inline void must_show(struct test *t, const char *mistake, uint64_t va,
                             uint64_t f) {
    const uint64_t seen = shown(t, va);

    must(t, seen != UINT64_MAX, mistake,
         "0x%lx shows nothing:\n"
         "  expected   PML4[%u] -> PDPT[%u] -> PD[%u] -> PT[%u] -> frame 0x%lx",
         va, table_index(vaddr(va), 4), table_index(vaddr(va), 3),
         table_index(vaddr(va), 2), table_index(vaddr(va), 1), f);
    must(t, seen == f, mistake,
         "0x%lx shows the wrong frame:\n"
         "  expected   [ PT %3u ] -> frame 0x%lx\n"
         "  seen       [ PT %3u ] -> frame 0x%lx",
         va, table_index(vaddr(va), 1), f, table_index(vaddr(va), 1), seen);
}
static inline void must_show_nothing(struct test *t, const char *mistake,
                                     uint64_t va) {
    must(t, shown(t, va) == UINT64_MAX, mistake,
         "0x%lx should show nothing:\n"
         "  expected   [ PT %3u ] -> not present\n"
         "  seen       [ PT %3u ] -> frame 0x%lx",
         va, table_index(vaddr(va), 1), table_index(vaddr(va), 1),
         shown(t, va));
}

/** The entry of @level that translates @va, in RAM. */
static inline uint64_t *entry_in_ram(struct test *t, uint64_t va,
                                     unsigned level) {
    const struct walk_result r = tables_say(t, va, SIM_READ);

    must(t, r.step_count > r.top - level, NULL,
         "0x%lx has no entry of level %u", va, level);
    return (uint64_t *)(void *)physical(t, r.steps[r.top - level].at.v);
}

/** Store and load by way of the processor, and look into the frame. */
static inline void must_reach(struct test *t, const char *mistake, uint64_t va,
                              uint64_t f) {
    const uint64_t word = UINT64_C(0x6d656d7477696e00) ^ va;
    uint64_t seen = 0, in_ram;

    must(t, store(t, va, 8, word).done, mistake,
         "a store at 0x%lx is refused; frame 0x%lx should be there", va, f);
    must(t, load(t, va, 8, &seen).done && seen == word, mistake,
         "the load at 0x%lx gives 0x%lx, 0x%lx was stored", va, seen, word);
    memcpy(&in_ram, physical(t, (f << PAGE_SHIFT) | (va & (PAGE_SIZE - 1))), 8);
    must(t, in_ram == word, mistake,
         "what was stored at 0x%lx is not in frame 0x%lx:\n"
         "  expected   0x%lx\n  seen       0x%lx",
         va, f, word, in_ram);
}

/** A machine with one page, written and read, at KERNEL_VA.  @return its frame
 */
static inline uint64_t page_on(struct test *t, enum tlb_policy tlb) {
    uint64_t f;

    pages_on(t, tlb);
    f = frame(t);
    must_ok(t, map(t, KERNEL_VA, f, VMM_WRITE));
    must_reach(t, "V02", KERNEL_VA, f);
    return f;
}

/** Pages on demand in the kernel's space. */
static inline void demand(struct test *t, uint64_t base, uint64_t pages,
                          unsigned access) {
    must_ok(t, add_region(t, 0, base, pages, access, VMM_DEMAND, 0));
}

/** 0 .. @count - 1 in an order of the student's own. */
static inline void any_order(struct test *t, unsigned *order, unsigned count) {
    for (unsigned n = 0; n < count; n++) {
        const unsigned at = (unsigned)draw(t, n + 1);

        if (at != n) {
            order[n] = order[at];
        }
        order[at] = n;
    }
}

/** 2 MiB of RAM. */
static inline uint64_t huge_frame(struct test *t) {
    uint64_t f = 0;

    must_ok(t, ask_pmm_alloc_run(t, 512, 512, 0, &f));
    return f;
}

/** Nothing can be loaded from the page at @va any more. */
static inline void must_be_gone(struct test *t, const char *mistake,
                                uint64_t va) {
    uint64_t value;

    must_show_nothing(t, mistake, va);
    must(t, !load(t, va, 1, &value).done, mistake,
         "0x%lx was unmapped, and is still read: the TLB remembers it", va);
}

/** What the floor says of itself: no flush is owed, tables are counted. */
static inline void must_be_sound(struct test *t) {
    must(t, ask(t, ASK_VMM_IS_SOUND, 0)->out[0] != 0, NULL,
         "vmm_all_are_sound() is false: a token that was not used, or tables "
         "that were not counted");
}

/** As many frames are free as @before, or the test fails. */
static inline void must_have_free(struct test *t, const char *mistake,
                                  uint64_t before) {
    const uint64_t now = free_frames(t);

    must(t, now == before, mistake,
         "%lu frames were free before, %lu are now: %lu %s", before, now,
         now < before ? before - now : now - before,
         now < before ? "leaked" : "too many were given back");
}

#endif
