/*
 * bench_vmm: what pages cost, beside a walker that takes them one by one.
 *
 * The machine is the functional one: tables lie in simulated RAM, reached by
 * its alias as a direct map, and INVLPG and CR3 loads go to a simulated
 * processor.  Both sides edit the same kind of tables with the same frames; the
 * peer walks from the root for each page, as textbooks do.  They take turns
 * within a round, and the median of the rounds counts.
 *
 *   each row   our ns per page, the peer's, and peer / ours
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/cpu.h"
#include "vmm/vmm.h"

#define ROUNDS 15
#define BASE UINT64_C(0x444444400000) /* 4 MiB-aligned */
#define LARGE UINT64_C(0x444480000000)
#define RAM (64 * MIB)

static struct sim_ram ram;
static struct sim_events sim_events;
static struct sim_cpu cpu;
static struct pmm pmm;
static struct vmm_space space;

/* --- hw.h: the functional processor ----------------------------------------
 */

static bool interrupts;

bool hw_irq_save(void) {
    const bool were_on = interrupts;

    interrupts = false;
    return were_on;
}
void hw_irq_restore(bool were_on) {
    interrupts = were_on;
}
unsigned hw_cpu(void) {
    return 0;
}
void hw_pause(void) {}
_Noreturn void hw_panic(const char *what, const char *file, int line) {
    fprintf(stderr, "panic: %s (%s:%d)\n", what, file, line);
    exit(EXIT_FAILURE);
}
void hw_invlpg(vaddr_t va) {
    cpu_invlpg(&cpu, va);
}
paddr_t hw_read_cr3(void) {
    return cpu.cr3;
}
void hw_write_cr3(paddr_t root) {
    (void)cpu_write_cr3(&cpu, root);
}
bool hw_remembered(uint64_t n, struct hw_remembered *seen) {
    (void)n;
    (void)seen;
    return false;
}
void hw_flush_all(void) {
    const uint64_t cr4 = cpu.cr4;

    (void)cpu_write_cr4(&cpu, cr4 ^ CR4_PGE);
    (void)cpu_write_cr4(&cpu, cr4);
}

/* --- helpers ----------------------------------------------------------------
 */

static double now(void) {
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values) {
    qsort(values, ROUNDS, sizeof(*values), ascending);
    return values[ROUNDS / 2];
}

static void print_row(const char *name, const char *kind, double *ours,
                      double *peers) {
    const double a = median(ours), b = median(peers);

    printf("%-30s %-10s %8.2f %8.2f %7.2fx\n", name, kind, a, b, b / a);
}

static void must(enum mm_status status, const char *what) {
    if (status != MM_OK) {
        fprintf(stderr, "bench_vmm: %s said %s\n", what,
                mm_status_name(status));
        exit(EXIT_FAILURE);
    }
}

static void start(void) {
    static const struct memmap_entry map[] = {
        { { { 0 }, RAM }, MEMMAP_USABLE },
    };
    static struct hw_boot boot = {
        .map = map, .map_count = 1, .phys_bits = 46, .has_1gib = true
    };
    char why[256] = "";
    pfn_t root;

    if (!ram_init(&ram, map, 1, 1, vaddr(0), why, sizeof(why)) ||
        !cpu_init(&cpu, &ram, &sim_events, TLB_LRU, 1024)) {
        fprintf(stderr, "bench_vmm: no memory %s\n", why);
        exit(EXIT_FAILURE);
    }
    ram_touch(&ram, (struct prange){ paddr(0), RAM });
    boot.direct_base = vaddr_of_pointer(ram.alias);
    must(pmm_init(&pmm, &boot, &pmm_areas), "pmm_init");
    must(pmm_alloc(&pmm, &root), "pmm_alloc");
    boot.root = paddr_of(root);
    memset(ram.alias + boot.root.v, 0, PAGE_SIZE);
    (void)cpu_write_cr3(&cpu, boot.root);
    vmm_space_adopt(&space, &pmm, &boot);
}

/* --- the peer: page by page --------------------------------------------------
 */

static pte_t *peer_walk(uint64_t va, unsigned level, bool make) {
    uint64_t table = space.root.v;

    for (unsigned l = 4;; l--) {
        pte_t *e = (pte_t *)(void *)(ram.alias + table) +
                   (va >> (12 + 9 * (l - 1)) & 511);

        if (l == level) {
            return e;
        }
        if ((e->v & PTE_PRESENT) == 0) {
            pfn_t f;

            if (!make || pmm_alloc(&pmm, &f) != MM_OK) {
                return NULL;
            }
            memset(ram.alias + paddr_of(f).v, 0, PAGE_SIZE);
            *(volatile uint64_t *)&e->v = pte_make(f, 7).v;
            space.stats.tables++;
        }
        table = e->v & PTE_ADDRESS_MASK;
    }
}

static void peer_map(uint64_t va, uint64_t f, uint64_t count) {
    for (uint64_t n = 0; n < count; n++) {
        pte_t *e = peer_walk(va + n * PAGE_SIZE, 1, true);

        if (e == NULL || (e->v & PTE_PRESENT) != 0) {
            must(MM_ALREADY_MAPPED, "the peer");
        }
        *(volatile uint64_t *)&e->v = pte_make(pfn(f + n), 3).v;
    }
}

static void peer_unmap(uint64_t va, uint64_t count) {
    for (uint64_t n = 0; n < count; n++) {
        pte_t *e = peer_walk(va + n * PAGE_SIZE, 1, false);

        if (e == NULL || (e->v & PTE_PRESENT) == 0) {
            must(MM_NOT_MAPPED, "the peer");
        }
        *(volatile uint64_t *)&e->v = 0;
        if (count == 1) {
            hw_invlpg(vaddr(va + n * PAGE_SIZE));
        }
    }
    if (count > 1) {
        hw_write_cr3(hw_read_cr3());
    }
}

/** The same question as ours: pages of any size, the rights of all levels. */
static uint64_t peer_translate(uint64_t va, uint64_t *rights) {
    uint64_t table = space.root.v, all = ~UINT64_C(0), any = 0;

    if ((int64_t)(va << 16) >> 16 != (int64_t)va) {
        return 0;
    }
    for (unsigned l = 4;; l--) {
        const uint64_t e = *(
            const volatile uint64_t *)(const void *)(ram.alias + table +
                                                     8 * (va >> (12 +
                                                                 9 * (l - 1)) &
                                                          511));
        const uint64_t offset = (UINT64_C(1) << (12 + 9 * (l - 1))) - 1;

        if ((e & PTE_PRESENT) == 0) {
            return 0;
        }
        all &= e;
        any |= e;
        if (l == 1 || (l < 4 && (e & PTE_HUGE) != 0)) {
            *rights =
                (all & (PTE_WRITABLE | PTE_USER)) | (any & PTE_NO_EXECUTE);
            return (e & PTE_ADDRESS_MASK & ~offset) | (va & offset);
        }
        table = e & PTE_ADDRESS_MASK;
    }
}

/* --- rows
 * --------------------------------------------------------------------- */

static volatile uint64_t sink;

static void ours_map(uint64_t va, uint64_t f, uint64_t count) {
    must(vmm_map_range(&space, vaddr(va), pfn(f), count, VMM_WRITE), "map");
}
static void ours_unmap(uint64_t va, uint64_t count) {
    struct vmm_changed gone = vmm_unmap_range(&space, vaddr(va), count);

    must(gone.status, "unmap");
    vmm_flush(gone.token);
}

enum { MAP, UNMAP, TRANSLATE, KINDS };

/** One round: @places runs of @count pages, one behind the other; ns per page
 *  and kind. */
static void run_round(bool peer, uint64_t count, uint64_t places, bool fresh,
                      double ns[KINDS]) {
    double t0 = now(), t1, t2, t3;

    for (uint64_t r = 0; r < places; r++) {
        const uint64_t va = BASE + r * count * PAGE_SIZE;

        peer ? peer_map(va, 512, count) : ours_map(va, 512, count);
    }
    t1 = now();
    for (uint64_t n = 0; n < count * places; n++) {
        const uint64_t va = BASE + n * PAGE_SIZE;

        if (peer) {
            uint64_t rights = 0;

            sink = peer_translate(va, &rights);
            sink = rights;
        } else {
            const struct vmm_translation t = vmm_translate(&space, vaddr(va));

            sink = t.pa.v;
            sink = t.access;
        }
    }
    t2 = now();
    for (uint64_t r = 0; r < places; r++) {
        const uint64_t va = BASE + r * count * PAGE_SIZE;

        peer ? peer_unmap(va, count) : ours_unmap(va, count);
    }
    t3 = now();
    ns[MAP] = (t1 - t0) / (double)(count * places);
    ns[TRANSLATE] = (t2 - t1) / (double)(count * places);
    ns[UNMAP] = (t3 - t2) / (double)(count * places);
    if (fresh) {
        vmm_reclaim_tables(&space, (struct vrange){ vaddr(0), UINT64_MAX });
    }
}

static void run(const char *name, uint64_t count, uint64_t places, bool fresh) {
    static const char *const kinds[KINDS] = { "map", "unmap", "translate" };
    double ours[KINDS][ROUNDS], peers[KINDS][ROUNDS], ns[KINDS];

    for (int round = 0; round < ROUNDS; round++) {
        for (int side = 0; side < 2; side++) {
            run_round(side == 1, count, places, fresh, ns);
            for (int k = 0; k < KINDS; k++) {
                (side == 1 ? peers : ours)[k][round] = ns[k];
            }
        }
    }
    for (int k = 0; k < KINDS; k++) {
        print_row(name, kinds[k], ours[k], peers[k]);
    }
}

#define PAIRS 200000

/** A page comes and goes; its tables stay.  INVLPG each time, or a skipped
 *  token: what the mapper alone costs. */
static void pairs(bool flush) {
    double ours[ROUNDS], peers[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        double t0 = now(), t1;

        for (int n = 0; n < PAIRS; n++) {
            struct vmm_unmapped gone;

            must(vmm_map(&space, vaddr(BASE), pfn(512), VMM_WRITE), "map");
            gone = vmm_unmap(&space, vaddr(BASE));
            flush ? vmm_flush(gone.token) : vmm_flush_skip(gone.token);
        }
        t1 = now();
        ours[round] = (t1 - t0) / PAIRS;
        for (int n = 0; n < PAIRS; n++) {
            pte_t *e;

            peer_map(BASE, 512, 1);
            e = peer_walk(BASE, 1, false);
            *(volatile uint64_t *)&e->v = 0;
            if (flush) {
                hw_invlpg(vaddr(BASE));
            }
        }
        peers[round] = (now() - t1) / PAIRS;
    }
    print_row(flush ? "a lone page, INVLPG" : "a lone page, no flush", "pair",
              ours, peers);
}

/** 1 GiB in pages of 2 MiB, beside lone leaves by the peer. */
static void large(void) {
    double ours[ROUNDS], peers[ROUNDS];
    double ours_gone[ROUNDS], peers_gone[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        double t0 = now(), t1, t2;
        struct vmm_changed gone;

        must(vmm_map_large(&space, vaddr(LARGE + 2 * MIB), pfn(512), 511 * 512,
                           VMM_WRITE),
             "map");
        t1 = now();
        gone = vmm_unmap_range(&space, vaddr(LARGE), 512 * 512);
        must(gone.status, "unmap");
        vmm_flush(gone.token);
        t2 = now();
        ours[round] = (t1 - t0) / 511;
        ours_gone[round] = (t2 - t1) / 511;
        t1 = now();
        for (uint64_t n = 1; n < 512; n++) {
            pte_t *e = peer_walk(LARGE + n * 2 * MIB, 2, true);

            *(volatile uint64_t *)&e->v =
                pte_make(pfn(n * 512), 3 | PTE_HUGE).v;
        }
        t2 = now();
        peers[round] = (t2 - t1) / 511;
        for (uint64_t n = 1; n < 512; n++) {
            pte_t *e = peer_walk(LARGE + n * 2 * MIB, 2, false);

            *(volatile uint64_t *)&e->v = 0;
        }
        hw_write_cr3(hw_read_cr3());
        peers_gone[round] = (now() - t2) / 511;
    }
    print_row("511 pages of 2 MiB", "map", ours, peers);
    print_row("511 pages of 2 MiB", "unmap", ours_gone, peers_gone);
}

/* --- filling ahead
 * ------------------------------------------------------------ */

#define TOUCHED UINT64_C(512)

/** ns per page of a region of TOUCHED pages, filled by a fault each or as it is
 *  made. */
static double filled(enum vmm_backing backing) {
    const struct vmm_region region = {
        .name = "bench",
        .range = { vaddr(BASE), TOUCHED * PAGE_SIZE },
        .access = VMM_WRITE,
        .backing = backing,
    };
    const double t0 = now();
    double t1;

    must(vmm_region_add(&space, region), "add");
    for (uint64_t n = 0; n < TOUCHED && backing == VMM_DEMAND; n++) {
        must(vmm_fault(&space, vaddr(BASE + n * PAGE_SIZE), PF_WRITE).status,
             "fault");
    }
    t1 = now();
    must(vmm_region_remove(&space, vaddr(BASE)), "remove");
    return (t1 - t0) / (double)TOUCHED;
}

/** What mapping the neighbours of a touched page ahead would save. */
static void filling_ahead(void) {
    double by_fault[ROUNDS], at_once[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        by_fault[round] = filled(VMM_DEMAND);
        at_once[round] = filled(VMM_IMMEDIATE);
    }
    printf("\nns per page filled: %.0f by a fault each, %.0f all at once; "
           "clearing is in both\n",
           median(by_fault), median(at_once));
}

/* --- INVLPG each, or everything at once
 * --------------------------------------- */

/** ns until @warm other pages are remembered again after @pages were dropped
 *  one by one (@each) or all at once. */
static double flush_cost(uint64_t warm, uint64_t pages, bool each) {
    double times[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        double total = 0;

        for (int r = 0; r < 50; r++) {
            struct sim_fault fault;
            paddr_t pa;
            double t0;

            for (uint64_t n = 0; n < warm + pages; n++) {
                (void)cpu_translate(&cpu, vaddr(BASE + n * PAGE_SIZE), SIM_READ,
                                    &pa, NULL, &fault);
            }
            t0 = now();
            if (!each) {
                hw_write_cr3(hw_read_cr3());
            }
            for (uint64_t n = 0; each && n < pages; n++) {
                hw_invlpg(vaddr(BASE + (warm + n) * PAGE_SIZE));
            }
            for (uint64_t n = 0; n < warm; n++) {
                (void)cpu_translate(&cpu, vaddr(BASE + n * PAGE_SIZE), SIM_READ,
                                    &pa, NULL, &fault);
            }
            total += now() - t0;
        }
        times[round] = total / 50;
    }
    return median(times);
}

static void flushes(void) {
    static const uint64_t warm[] = { 0, 8, 32, 128, 512 };
    static const uint64_t pages[] = { 1, 8, 32, 64, 128, 256 };

    printf("\nns to forget n pages and to be warm again in w others:"
           " INVLPG each / CR3 load\n%8s",
           "w \\ n");
    for (size_t p = 0; p < sizeof(pages) / sizeof(pages[0]); p++) {
        printf("%14lu", (unsigned long)pages[p]);
    }
    putchar('\n');
    ours_map(BASE, 512, 1024);
    for (size_t w = 0; w < sizeof(warm) / sizeof(warm[0]); w++) {
        printf("%8lu", (unsigned long)warm[w]);
        for (size_t p = 0; p < sizeof(pages) / sizeof(pages[0]); p++) {
            printf("%7.0f/%-6.0f", flush_cost(warm[w], pages[p], true),
                   flush_cost(warm[w], pages[p], false));
        }
        putchar('\n');
    }
    ours_unmap(BASE, 1024);
}

int main(void) {
    start();
    printf("%-30s %-10s %8s %8s %8s\n", "ns per page", "", "ours", "peer",
           "ratio");
    run("1 page", 1, 4096, false);
    run("512 pages", 512, 64, false);
    run("512 pages, tables made anew", 512, 64, true);
    run("1 GiB in 4 KiB pages", GIB / PAGE_SIZE, 1, false);
    large();
    pairs(false);
    pairs(true);
    flushes();
    filling_ahead();
    return EXIT_SUCCESS;
}
