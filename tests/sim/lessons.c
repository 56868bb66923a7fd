/*
 * The experiments of doc/tlb.md, each a function; the page shows them and what
 * they print.
 *
 *   lessons NAME
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/cpu.h"

static struct sim_ram ram;
static struct sim_events events;
static struct sim_cpu cpu;

/* Pages of one page table at 0x4000, and frames to show. */
#define PAGE UINT64_C(0x5000)
#define NEIGHBOUR UINT64_C(0x6000)
#define FRAME_A UINT64_C(0x10000)
#define FRAME_B UINT64_C(0x11000)
#define PT UINT64_C(0x4000)
#define PD UINT64_C(0x3000)
#define OTHER_PT UINT64_C(0x8000)

#define P PTE_PRESENT
#define RW PTE_WRITABLE
#define D PTE_DIRTY

/* --- what the experiments are written in --------------------------------- */

static void set_entry(uint64_t table, unsigned index, uint64_t entry) {
    ram_store64(&ram, paddr(table + 8 * index), entry);
}

static uint64_t entry(uint64_t table, unsigned index) {
    return ram_load64(&ram, paddr(table + 8 * index));
}

static void set_frame(uint64_t frame, uint64_t value) {
    ram_store64(&ram, paddr(frame), value);
}

/** Print what came of an access, and whether a stale translation decided. */
static void told(bool done, const struct sim_fault *fault, uint64_t stales) {
    if (!done) {
        printf("#PF, error %u", (unsigned)fault->error);
    }
    puts(events.counts[SIM_EVENT_STALE] != stales ? "  <- stale" : "");
}

static void load(uint64_t va) {
    uint64_t stales = events.counts[SIM_EVENT_STALE];
    struct sim_fault fault;
    uint64_t value;
    bool done = cpu_load(&cpu, vaddr(va), 8, &value, &fault);

    printf("load  0x%" PRIx64 ": ", va);
    if (done) {
        printf("0x%" PRIx64, value);
    }
    told(done, &fault, stales);
}

static void store(uint64_t va, uint64_t value) {
    uint64_t stales = events.counts[SIM_EVENT_STALE];
    struct sim_fault fault;
    bool done = cpu_store(&cpu, vaddr(va), 8, value, &fault);

    printf("store 0x%" PRIx64 ": ", va);
    if (done) {
        printf("done");
    }
    told(done, &fault, stales);
}

static void invlpg(uint64_t va) {
    cpu_invlpg(&cpu, vaddr(va));
    printf("invlpg 0x%" PRIx64 "\n", va);
}

static void load_cr3(void) {
    if (cpu_write_cr3(&cpu, cpu.cr3)) {
        puts("mov cr3");
    }
}

static void explain(void) {
    char text[600];

    sim_stale_explain(&events.stales[0], text, sizeof(text));
    puts(text);
}

/* --- the experiments ------------------------------------------------------ */

static void reuse(void) {
    set_entry(PT, 5, FRAME_A | P | RW);
    store(PAGE, 0x1111);
    set_entry(PT, 5, 0);           /* unmapped, and no INVLPG */
    set_frame(FRAME_A, 0x5ec2e75); /* the frame is somebody else's by now */
    load(PAGE);
    store(PAGE, 0xbad);
    invlpg(PAGE);
    load(PAGE);
    explain();
}

static void present(void) {
    set_entry(PT, 5, 0);
    load(PAGE);
    set_entry(PT, 5, FRAME_A | P); /* mapped, and no INVLPG: none is needed */
    set_frame(FRAME_A, 0x2222);
    load(PAGE);
}

static void rights(void) {
    set_entry(PT, 5, FRAME_A | P | RW);
    store(PAGE, 1);
    set_entry(PT, 5, FRAME_A | P); /* tightened: needs a flush */
    store(PAGE, 2);
    invlpg(PAGE);
    store(PAGE, 3);
    load(PAGE);
    set_entry(PT, 5, FRAME_A | P | RW); /* loosened: one fault at most */
    store(PAGE, 4);
    store(PAGE, 5);
}

static void dirty(void) {
    set_entry(PT, 5, FRAME_A | P | RW);
    store(PAGE, 1);
    set_entry(PT, 5, entry(PT, 5) & ~D); /* the page was written to disk */
    store(PAGE, 2);                      /* a change that nobody will see */
    printf("D is %d\n", (entry(PT, 5) & D) != 0);
    invlpg(PAGE);
    store(PAGE, 3);
    printf("D is %d\n", (entry(PT, 5) & D) != 0);
}

static void parent(void) {
    set_entry(PT, 5, FRAME_A | P);
    set_entry(OTHER_PT, 5, FRAME_B | P);
    set_entry(OTHER_PT, 6, FRAME_B | P);
    set_frame(FRAME_B, 0xbbbb);
    load(PAGE);
    set_entry(PD, 0, OTHER_PT | P | RW); /* another page table */
    load(NEIGHBOUR);                     /* a page never accessed before */
    invlpg(PAGE);                        /* any address will do */
    load(NEIGHBOUR);
}

static void global(void) {
    set_entry(PT, 5, FRAME_A | P | PTE_GLOBAL);
    set_entry(PT, 6, FRAME_A | P);
    load(PAGE);
    load(NEIGHBOUR);
    set_entry(PT, 5, 0);
    set_entry(PT, 6, 0);
    load_cr3();
    load(NEIGHBOUR);
    load(PAGE);
    invlpg(PAGE);
    load(PAGE);
}

static const struct experiment {
    const char *name;
    void (*run)(void);
    enum tlb_policy policy;
} experiments[] = {
    { "reuse", reuse, TLB_HOSTILE },     { "present", present, TLB_HOSTILE },
    { "rights", rights, TLB_HOSTILE },   { "dirty", dirty, TLB_HOSTILE },
    { "parent", parent, TLB_HOSTILE },   { "global", global, TLB_HOSTILE },
    { "parent-lucky", parent, TLB_LRU }, { "reuse-lucky", reuse, TLB_NONE },
};

/** A machine with an empty page table at PT for the lowest addresses. */
static bool power_on(enum tlb_policy policy) {
    const struct memmap_entry all = { { { 0 }, 1 * MIB }, MEMMAP_USABLE };
    char why[200];

    if (!ram_init(&ram, &all, 1, 1, vaddr(0), why, sizeof(why)) ||
        !cpu_init(&cpu, &ram, &events, policy, 64)) {
        return false;
    }
    for (uint64_t pa = 0; pa < FRAME_B + PAGE_SIZE; pa += 8) {
        ram_store64(&ram, paddr(pa), 0);
    }
    set_entry(0x1000, 0, 0x2000 | P | RW);
    set_entry(0x2000, 0, PD | P | RW);
    set_entry(PD, 0, PT | P | RW);
    return cpu_write_cr3(&cpu, paddr(0x1000)) && cpu_report_stale(&cpu);
}

int main(int argc, char **argv) {
    for (size_t i = 0; i < sizeof(experiments) / sizeof(experiments[0]); i++) {
        if (argc == 2 && strcmp(argv[1], experiments[i].name) == 0) {
            if (!power_on(experiments[i].policy)) {
                return 1;
            }
            experiments[i].run();
            cpu_destroy(&cpu);
            ram_destroy(&ram);
            return 0;
        }
    }
    fprintf(stderr, "lessons: name an experiment of doc/tlb.md\n");
    return 2;
}
