/**
 * @file world.h
 * A functional machine with four spaces, and beside it what each page should
 * show, in plain arrays.
 *
 *   space 0, the kernel's    pages at 0x4444_4000_0000
 *   spaces 1, 2, 3           pages at 0x1000_0000_0000, each its own
 *
 *   page   0 .............. 1023 | 4096 ... 4111 | 4112 ... | 4128 ... | 4144
 * ... mapped by hand,         four demand regions of 16 pages two page tables
 *
 * Pages mapped by hand show frames of one aligned run, counted from 0; each
 * frame's first word is part of the model.  A page of a region is known by its
 * first word: which frame it has is the kernel's affair.
 */
#ifndef PROGRAMS_WORLD_H
#define PROGRAMS_WORLD_H

#include "sim/cpu.h"
#include "vmm/vmm.h"

#define SPACES 4u
#define PAGES UINT64_C(1024)
#define REGION_PAGES UINT64_C(16)
#define REGIONS 4u
#define REGIONS_AT UINT64_C(4096)
#define CELLS (REGIONS * REGION_PAGES)
#define NOTHING UINT64_MAX

/** What a page mapped by hand should show. */
struct page {
    uint64_t frame; /* NOTHING: not mapped */
    unsigned access, level;
};

struct model {
    bool live[SPACES];
    unsigned current;
    struct page pages[SPACES][PAGES];
    bool regions[SPACES][REGIONS];
    uint64_t cells[SPACES][CELLS]; /* first words of the pages of regions */
    uint64_t words[PAGES];         /* first words of the frames */
};

struct world {
    struct sim_ram ram;
    struct sim_events sim_events;
    struct sim_cpu cpu;
    struct pmm pmm;
    struct vmm_space s[SPACES];
    struct model model;
    pfn_t frames; /* PAGES of them, 2 MiB-aligned */
    uint64_t free_at_start;
    bool deaf; /* a processor that does not hear INVLPG: the seeded bug */
    char why[200];
};
extern struct world world;

/** A fresh machine; whatever was before is gone. */
void world_start(void);
void world_end(void);

static inline vaddr_t at(unsigned space, uint64_t page) {
    const uint64_t base =
        space == 0 ? UINT64_C(0x444440000000) : UINT64_C(0x100000000000);

    return vaddr(base + page * PAGE_SIZE);
}
static inline pfn_t frame(uint64_t n) {
    return pfn_add(world.frames, n);
}

/** Read, or write @word to, the first word of a page by the processor, whose
 *  faults go to vmm_fault(); is it what the model says?  @space is in force, or
 *  0.  @return false: world.why says */
bool touch(unsigned space, uint64_t page, bool write, uint64_t word);

/** Do the kernel's translation, the simulator's walk and the model agree about
 *  the page?  @return false: world.why says */
bool page_agrees(unsigned space, uint64_t page);
/** About all pages, and is all sound? */
bool all_agrees(void);

#endif
