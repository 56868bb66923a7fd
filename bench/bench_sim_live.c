/*
 * What the live machine's work costs, beside the bare signals and system calls
 * that it cannot do without.
 *
 *   fill           a load from a page not shown: signal, mmap(), host's fault
 *   first write    D is to be set: signal, mmap() over the mapping
 *   INVLPG         mmap() of the reservation over one page
 *   flush          of all pages: one mmap() of the reservation over them
 *   controls       every right judged anew: the same
 *   #PF            a load from a page that is not there, skipped by the
 *                  kernel's handler: two signals, one of them for iretq
 *
 *   refill         fills after a CR3 reload, pages ahead of each filled too
 *
 * The bare side does just that, in the same process, with frames of the same
 * memory file in the same order, which is scattered: no two of the host's
 * mappings can become one.  Both sides take turns in each round; medians.
 */
#include "bench_sim.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "sim/mapfile.h"
#include "sim/sim.h"
#include "trap/trap.h"

#define PAGES 1000
#define ROUNDS 15
#define PAGES_VA UINT64_C(0x444444440000)
#define ABSENT_VA (PAGES_VA + 2 * PAGES * PAGE_SIZE)
#define BARE_VA UINT64_C(0x300000000000)
#define TABLES (16 * MIB) /* physical: PDPT, PD, eight PTs */
#define FRAMES (24 * MIB)
#define LOAD_BYTES 2 /* of the instruction in load() */

static struct sim *sim;
static struct mapfile map;
static struct trap_hook hook;

enum cost { FILL, UPGRADE, INVLPG, FLUSH, CONTROLS, PF, COSTS };
static double engine[COSTS][ROUNDS], bare[COSTS][ROUNDS], signals[ROUNDS];

/* Refills: how many pages ahead, and of which pages every how many are touched.
 */
static const unsigned aheads[] = { 0, 1, 3, 7, 15, 31 };
static const unsigned strides[] = { 1, 8 };
#define AHEADS (sizeof(aheads) / sizeof(aheads[0]))
#define STRIDES (sizeof(strides) / sizeof(strides[0]))
static double refill[AHEADS][STRIDES][ROUNDS];
static uint64_t refill_signals[AHEADS][STRIDES];

static double now(void) {
    return bench_ns_per_cycle() * (double)__builtin_ia32_rdtsc();
}

/** The frame of page @i: neighbours are never neighbours. */
static uint64_t frame_of(uint64_t i) {
    return FRAMES + (i * 7 % PAGES) * 2 * PAGE_SIZE;
}

static void load(uint64_t va) {
    uint8_t value;

    __asm__ volatile("movb (%%rdi), %%al" : "=a"(value) : "D"(va) : "memory");
}
static void store(uint64_t va) {
    *(volatile uint8_t *)(uintptr_t)va = 1;
}

/* --- bare ------------------------------------------------------------------
 */

static void bare_map(uint64_t va, uint64_t len, int prot, int flags, int fd,
                     uint64_t offset) {
    if (syscall(SYS_mmap, va, len, prot, flags | MAP_FIXED | MAP_NORESERVE, fd,
                offset) == -1) {
        abort();
    }
}

static void bare_show(uint64_t va, int prot) {
    bare_map(va, PAGE_SIZE, prot, MAP_SHARED, sim->ram.memfd,
             frame_of((va - BARE_VA) / PAGE_SIZE));
}

static void bare_hide(uint64_t va, uint64_t len) {
    bare_map(va, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/** Pages are shown, the one after them skipped. */
static void on_signal(int number, siginfo_t *info, void *raw) {
    greg_t *regs = ((ucontext_t *)raw)->uc_mcontext.gregs;
    const uint64_t va = (uint64_t)regs[REG_CR2];

    (void)number;
    (void)info;
    if (va >= BARE_VA + PAGES * PAGE_SIZE) {
        regs[REG_RIP] += LOAD_BYTES;
    } else {
        bare_show(va & ~(PAGE_SIZE - 1), (regs[REG_ERR] & 2) != 0
                                             ? PROT_READ | PROT_WRITE
                                             : PROT_READ);
    }
}

/** Nanoseconds of @each on every page from @base on. */
static double timed(void (*each)(uint64_t va), uint64_t base) {
    const double start = now();

    for (uint64_t i = 0; i < PAGES; i++) {
        each(base + i * PAGE_SIZE);
    }
    return (now() - start) / PAGES;
}

static void bare_invlpg(uint64_t va) {
    bare_hide(va, PAGE_SIZE);
}
static void bare_skip(uint64_t va) {
    (void)va;
    load(BARE_VA + PAGES * PAGE_SIZE);
}

static double bare_flush(void) {
    double start;

    (void)timed(load, BARE_VA);
    start = now();
    bare_hide(BARE_VA, PAGES * PAGE_SIZE);
    return (now() - start) / PAGES;
}

static void bare_round(int n) {
    struct sigaction action = { .sa_sigaction = on_signal,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK };
    struct sigaction old;

    sigfillset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &old);
    bare[FILL][n] = timed(load, BARE_VA);
    bare[UPGRADE][n] = timed(store, BARE_VA);
    bare[INVLPG][n] = timed(bare_invlpg, BARE_VA);
    bare[FLUSH][n] = bare_flush();
    bare[CONTROLS][n] = bare_flush();
    signals[n] = timed(bare_skip, 0);
    bare[PF][n] = 2 * signals[n];
    sigaction(SIGSEGV, &old, NULL);
}

/* --- the engine ------------------------------------------------------------
 */

/** The tables as nobody has used them: A and D are 0. */
static void build(void) {
    const uint64_t bits = PTE_PRESENT | PTE_WRITABLE;
    struct sim_ram *ram = &sim->ram;
    uint64_t table = sim->boot.root.v, next = TABLES;

    for (unsigned level = 4; level > 2; level--) {
        ram_store64(ram, paddr(table + 8 * table_index(vaddr(PAGES_VA), level)),
                    next | bits);
        table = next;
        next += PAGE_SIZE;
        for (unsigned i = 0; i < PAGE_SIZE; i += 8) {
            ram_store64(ram, paddr(table + i), 0);
        }
    }
    for (unsigned t = 0; t < 8; t++, next += PAGE_SIZE) {
        ram_store64(ram,
                    paddr(table + 8 * (table_index(vaddr(PAGES_VA), 2) + t)),
                    next | bits);
        for (uint64_t i = 0; i < TABLE_ENTRIES; i++) {
            const uint64_t page =
                t * TABLE_ENTRIES + i - table_index(vaddr(PAGES_VA), 1);

            ram_store64(ram, paddr(next + 8 * i),
                        page < PAGES ? frame_of(page) | bits : 0);
        }
    }
}

static bool skip(struct trap_hook *h, struct trap_frame *frame) {
    (void)h;
    frame->rip += LOAD_BYTES;
    return true;
}

static void engine_invlpg(uint64_t va) {
    hw_invlpg(vaddr(va));
}
static void engine_absent(uint64_t va) {
    (void)va;
    load(ABSENT_VA);
}

static void engine_round(int n) {
    double start;

    build();
    hw_write_cr3(hw_read_cr3()); /* nothing is left of the round before */
    engine[FILL][n] = timed(load, PAGES_VA);
    engine[UPGRADE][n] = timed(store, PAGES_VA);
    engine[INVLPG][n] = timed(engine_invlpg, PAGES_VA);
    build();
    (void)timed(load, PAGES_VA);
    start = now();
    hw_write_cr3(hw_read_cr3());
    engine[FLUSH][n] = (now() - start) / PAGES;
    (void)timed(load, PAGES_VA);
    start = now();
    sim_controls_changed(sim);
    engine[CONTROLS][n] = (now() - start) / PAGES;
    hw_write_cr3(hw_read_cr3());
    engine[PF][n] = timed(engine_absent, 0);
}

/** All pages were accessed; each that is touched costs what? */
static void refill_round(int n) {
    for (unsigned a = 0; a < AHEADS; a++) {
        for (unsigned s = 0; s < STRIDES; s++) {
            const uint64_t before = sim_signals(sim);
            double start;

            sim->config.fill_ahead = aheads[a];
            hw_write_cr3(hw_read_cr3());
            start = now();
            for (uint64_t i = 0; i < PAGES; i += strides[s]) {
                load(PAGES_VA + i * PAGE_SIZE);
            }
            refill[a][s][n] = (now() - start) * strides[s] / PAGES;
            refill_signals[a][s] = sim_signals(sim) - before;
        }
    }
    sim->config.fill_ahead = 0;
}

/* --- the table -------------------------------------------------------------
 */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values) {
    qsort(values, ROUNDS, sizeof(*values), ascending);
    return values[ROUNDS / 2];
}

static void print(void) {
    static const char *const texts[COSTS] = {
        "fill of 4 KiB",
        "first write, sets D",
        "INVLPG",
        "CR3 reload, of 1000, each",
        "controls, of 1000, each",
        "#PF to the kernel and back",
    };

    printf("\n%-28s%10s%10s%10s\n", "live, us per operation", "here", "bare",
           "ratio");
    for (unsigned c = 0; c < COSTS; c++) {
        const double here = median(engine[c]) / 1000;
        const double there = median(bare[c]) / 1000;

        printf("%-28s%10.2f%10.2f%10.2f\n", texts[c], here, there,
               here / there);
    }
    printf("%-28s%10s%10.2f\n", "one signal, skipped", "",
           median(signals) / 1000);
    printf("\n%-28s%20s%20s\n", "refill after CR3, per access", "every page",
           "every 8th page");
    for (unsigned a = 0; a < AHEADS; a++) {
        printf("  %2u ahead: signals, us      ", aheads[a]);
        for (unsigned s = 0; s < STRIDES; s++) {
            printf("%10.3f%10.2f",
                   (double)refill_signals[a][s] * strides[s] / PAGES,
                   median(refill[a][s]) / 1000);
        }
        printf("\n");
    }
}

void bench_live(void) {
    struct sim_config config = sim_default_config;
    char why[256] = "";

    if (!mapfile_pc(&map, 64 * MIB, why, sizeof(why))) {
        fprintf(stderr, "bench_sim: %s\n", why);
        exit(EXIT_FAILURE);
    }
    config.map = map.entries;
    config.map_count = map.count;
    config.tlb_capacity = 2 * PAGES;
    if (sim_create(&sim, &config, why, sizeof(why)) != SIM_OK) {
        printf("live: %s\n", why);
        return;
    }
    hook.handle = skip;
    trap_init(&hook, &sim->boot);
    bare_map(BARE_VA, 2 * PAGES * PAGE_SIZE, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ram_touch(&sim->ram, (struct prange){ paddr(TABLES), 24 * MIB });
    for (int n = 0; n < ROUNDS; n++) {
        bare_round(n);
        engine_round(n);
        refill_round(n);
    }
    print();
    sim_destroy(sim);
    mapfile_destroy(&map);
}
