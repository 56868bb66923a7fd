/*
 * The functional machine behind hw.h, and the comparisons.
 *
 * Three opinions about a page: the arrays, vmm_translate() and the simulator's
 * walk; a fourth where it is touched, the processor's, which remembers as long
 * as the manual permits (TLB_HOSTILE) and so believes what nobody made it
 * forget.
 */
#include "programs/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM (16 * MIB)

struct world world;

/* --- hw.h ----------------------------------------------------------------- */

bool hw_irq_save(void) {
    const bool were_on = world.cpu.interrupts;

    world.cpu.interrupts = false;
    return were_on;
}
void hw_irq_restore(bool were_on) {
    world.cpu.interrupts = were_on;
}
unsigned hw_cpu(void) {
    return 0;
}
void hw_pause(void) {}
_Noreturn void hw_panic(const char *what, const char *file, int line) {
    fprintf(stderr, "panic: %s (%s:%d)\n", what, file, line);
    exit(HW_EXIT_PANIC);
}
void hw_invlpg(vaddr_t va) {
    if (!world.deaf) {
        cpu_invlpg(&world.cpu, va);
    }
}
paddr_t hw_read_cr3(void) {
    return world.cpu.cr3;
}
void hw_write_cr3(paddr_t root) {
    (void)cpu_write_cr3(&world.cpu, root);
}
bool hw_remembered(uint64_t n, struct hw_remembered *seen) {
    static struct hw_remembered all[2 * TLB_CAPACITY_MAX];
    static unsigned count;

    if (n == 0) {
        count = cpu_remembered(&world.cpu, all, sizeof all / sizeof all[0]);
    }
    if (n < count) {
        *seen = all[n];
    }
    return n < count;
}
void hw_flush_all(void) {
    const uint64_t cr4 = world.cpu.cr4;

    (void)cpu_write_cr4(&world.cpu, cr4 ^ CR4_PGE);
    (void)cpu_write_cr4(&world.cpu, cr4);
}

/* --- start -----------------------------------------------------------------
 */

static void must(bool done, const char *what) {
    if (!done) {
        fprintf(stderr, "Bail out! no machine: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static uint64_t *word_of(uint64_t n) {
    return (uint64_t *)(void *)(world.ram.alias + paddr_of(frame(n)).v);
}

static void model_start(void) {
    struct model *model = &world.model;

    memset(model, 0, sizeof(*model));
    model->live[0] = true;
    for (unsigned s = 0; s < SPACES; s++) {
        for (uint64_t n = 0; n < PAGES; n++) {
            model->pages[s][n].frame = NOTHING;
        }
    }
    for (uint64_t n = 0; n < PAGES; n++) {
        model->words[n] = *word_of(n) = n;
    }
}

void world_start(void) {
    static const struct memmap_entry map[] = {
        { { { 0 }, RAM }, MEMMAP_USABLE },
    };
    const struct pmm_want want = { .count = PAGES, .align = 512 };
    struct hw_boot boot = {
        .map = map, .map_count = 1, .phys_bits = CPU_PHYS_BITS, .has_1gib = true
    };
    pfn_t root;

    memset(&world, 0, sizeof world);
    must(ram_init(&world.ram, map, 1, 1, vaddr(0), world.why, sizeof world.why),
         world.why);
    must(cpu_init(&world.cpu, &world.ram, &world.sim_events, TLB_HOSTILE, 1024),
         "cpu_init");
    ram_touch(&world.ram, (struct prange){ paddr(0), RAM });
    boot.direct_base = vaddr_of_pointer(world.ram.alias);
    must(pmm_init(&world.pmm, &boot, &pmm_areas) == MM_OK, "pmm_init");
    must(pmm_keep_books(&world.pmm) == MM_OK, "pmm_keep_books");
    must(pmm_alloc(&world.pmm, &root) == MM_OK, "pmm_alloc");
    boot.root = paddr_of(root);
    memset(world.ram.alias + boot.root.v, 0, PAGE_SIZE);
    (void)cpu_write_cr3(&world.cpu, boot.root);
    vmm_space_adopt(&world.s[0], &world.pmm, &boot);
    must(pmm_alloc_run(&world.pmm, want, &world.frames) == MM_OK, "frames");
    world.free_at_start = pmm_free_count(&world.pmm);
    model_start();
}

void world_end(void) {
    cpu_destroy(&world.cpu);
    ram_destroy(&world.ram);
}

/* --- what is seen ----------------------------------------------------------
 */

#define SAY(...) (snprintf(world.why, sizeof world.why, __VA_ARGS__), false)

static bool access_agrees(unsigned access, struct walk_rights rights) {
    return ((access & VMM_WRITE) != 0) == rights.writable &&
           ((access & VMM_USER) != 0) == rights.user &&
           ((access & VMM_EXECUTE) == 0) == rights.no_execute;
}

static bool walk_agrees(unsigned space, vaddr_t va, struct vmm_translation t) {
    struct walk_control control = cpu_control(&world.cpu);
    struct walk_result seen;

    control.root = world.s[space].root;
    seen = walk(&world.ram, &control, va, SIM_READ, false);
    if (t.status != MM_OK) {
        return seen.reason == WALK_NOT_PRESENT;
    }
    return seen.reason == WALK_OK && seen.pa.v == t.pa.v &&
           UINT64_C(1) << seen.page_shift == t.page_size &&
           access_agrees(t.access, seen.rights) &&
           seen.global == ((t.access & VMM_GLOBAL) != 0);
}

static bool by_hand_agrees(unsigned space, uint64_t n,
                           struct vmm_translation t) {
    const struct page *want = &world.model.pages[space][n];

    if (want->frame == NOTHING) {
        return t.status == MM_NOT_MAPPED ||
               SAY("space %u shows something at page %lu", space,
                   (unsigned long)n);
    }
    return (t.status == MM_OK && pfn_of(t.pa).v == frame(want->frame).v &&
            t.access == want->access &&
            t.page_size == level_size(want->level)) ||
           SAY("space %u, page %lu: frame %ld, rights 0x%x, size 0x%lx, "
               "expected frame %lu, 0x%x, level %u",
               space, (unsigned long)n,
               t.status == MM_OK ? (long)(pfn_of(t.pa).v - world.frames.v)
                                 : -1L,
               t.access, (unsigned long)t.page_size, (unsigned long)want->frame,
               want->access, want->level);
}

static bool cell_agrees(unsigned space, uint64_t n, struct vmm_translation t) {
    const struct model *model = &world.model;
    const bool has = model->regions[space][n / REGION_PAGES];
    const uint64_t word = model->cells[space][n];

    if (t.status != MM_OK) {
        return !has || word == 0 ||
               SAY("space %u lost cell %lu", space, (unsigned long)n);
    }
    return (has && *(uint64_t *)(void *)(world.ram.alias + t.pa.v) == word) ||
           SAY("space %u, cell %lu: not the word 0x%lx", space,
               (unsigned long)n, (unsigned long)word);
}

bool page_agrees(unsigned space, uint64_t page) {
    const vaddr_t va = at(space, page);
    const struct vmm_translation t = vmm_translate(&world.s[space], va);

    if (!walk_agrees(space, va, t)) {
        return SAY("space %u, page %lu: vmm_translate() and the simulator's "
                   "walk disagree",
                   space, (unsigned long)page);
    }
    return page < PAGES ? by_hand_agrees(space, page, t)
                        : cell_agrees(space, page - REGIONS_AT, t);
}

/** No debt is open between two calls: what the processor remembers of a page
 *  is what the tables say, or fewer rights. */
static void see_remembered(void *ctx, const struct tlb_entry *entry) {
    const struct vmm_space *space = vmm_space_at(&world.s[0], entry->page);
    const struct vmm_translation t = vmm_translate(space, entry->page);
    const unsigned rights = (entry->rights.writable ? VMM_WRITE : 0u) |
                            (entry->rights.user ? VMM_USER : 0u) |
                            (entry->rights.no_execute ? 0u : VMM_EXECUTE) |
                            (entry->global ? VMM_GLOBAL : 0u);
    bool *right = ctx;

    if (*right && (t.status != MM_OK || t.pa.v != entry->frame.v ||
                   (rights & ~t.access) != 0)) {
        *right = SAY("a processor goes on believing what was at 0x%lx",
                     (unsigned long)entry->page.v);
    }
}

static bool remembered_agrees(void) {
    bool right = true;

    tlb_each(&world.cpu.tlb, see_remembered, &right);
    return right;
}

bool all_agrees(void) {
    const char *why = "";

    for (unsigned s = 0; s < SPACES; s++) {
        for (uint64_t n = 0; n < PAGES && world.model.live[s]; n++) {
            if (!page_agrees(s, n)) {
                return false;
            }
        }
        for (uint64_t n = 0; n < CELLS && world.model.live[s]; n++) {
            if (!page_agrees(s, REGIONS_AT + n)) {
                return false;
            }
        }
    }
    return (pmm_is_sound(&world.pmm) || SAY("the pmm is not sound")) &&
           (vmm_all_are_sound(&world.s[0], &why) ||
            SAY("not sound: %s", why)) &&
           remembered_agrees();
}

/* --- what is done -----------------------------------------------------------
 */

/** The word that the model has for the page, and may it be written? */
static uint64_t *expected(unsigned space, uint64_t n, bool *writable) {
    struct model *model = &world.model;

    if (n >= PAGES) {
        n -= REGIONS_AT;
        *writable = true;
        return model->regions[space][n / REGION_PAGES] ? &model->cells[space][n]
                                                       : NULL;
    }
    *writable = (model->pages[space][n].access & VMM_WRITE) != 0;
    return model->pages[space][n].frame == NOTHING
               ? NULL
               : &model->words[model->pages[space][n].frame];
}

/** Twice at most: filled or copied, and once for a stale "no". */
static bool access_page(vaddr_t va, bool write, uint64_t *word) {
    struct sim_fault fault;

    for (unsigned n = 0; n < 3; n++) {
        if (write ? cpu_store(&world.cpu, va, 8, *word, &fault)
                  : cpu_load(&world.cpu, va, 8, word, &fault)) {
            return true;
        }
        if (vmm_fault(&world.s[0], va, fault.error).status != MM_OK) {
            return false;
        }
    }
    return false;
}

bool touch(unsigned space, uint64_t page, bool write, uint64_t word) {
    bool writable;
    uint64_t *want = expected(space, page, &writable);
    const bool may = want != NULL && (writable || !write);

    if (access_page(at(space, page), write, &word) != may) {
        return SAY("space %u, page %lu can%s be %s", space, (unsigned long)page,
                   may ? "not" : "", write ? "written" : "read");
    }
    if (may && write) {
        *want = word;
    }
    return !may || *want == word ||
           SAY("space %u, page %lu reads 0x%lx, expected 0x%lx", space,
               (unsigned long)page, (unsigned long)word, (unsigned long)*want);
}
