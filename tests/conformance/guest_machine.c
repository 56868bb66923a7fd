/*
 * Cases on the processor that runs this code.
 *
 *   PML4   0x001   the user's stubs and stack
 *          0x088   cases, as in the windows of the simulator
 *          0x12c   cases in the upper half
 *          0x100   direct map, 0x1ff image: from the boot tables, but NX
 *
 * NX goes from the kernel's own mappings, since with EFER.NXE off it is a
 * reserved bit.
 */
#include "conformance/guest_machine.h"

#include <string.h>

#include "arch/x86_64/machine.h"
#include "arch/x86_64/x86.h"
#include "conformance/guest.h"

#define CR0_WP (UINT64_C(1) << 16)
#define CR4_SMEP (UINT64_C(1) << 20)
#define CR4_SMAP (UINT64_C(1) << 21)
#define CR4_PKE (UINT64_C(1) << 22)
#define EFER_NXE (UINT64_C(1) << 11)
#define RFLAGS_ONE (UINT64_C(1) << 1)
#define RFLAGS_AC (UINT64_C(1) << 18)

#define CPUID_SMEP (UINT32_C(1) << 7)  /* leaf 7, ebx */
#define CPUID_SMAP (UINT32_C(1) << 20) /* leaf 7, ebx */
#define CPUID_PKU (UINT32_C(1) << 3)   /* leaf 7, ecx */

static struct guest_machine *of(struct conf_machine *m) {
    return (struct guest_machine *)m;
}

static volatile uint64_t *word_at(struct guest_machine *g, uint64_t pa) {
    return pointer_of(vaddr_add(g->direct, pa));
}

/* --- memory and controls ---------------------------------------------------
 */

static uint64_t do_load(struct conf_machine *m, uint64_t pa) {
    return *word_at(of(m), pa);
}

static void do_store(struct conf_machine *m, uint64_t pa, uint64_t value) {
    *word_at(of(m), pa) = value;
}

static void write_pkru(uint32_t value) {
    __asm__ volatile("wrpkru" : : "a"(value), "c"(0), "d"(0) : "memory");
}

static void write_cr0(uint64_t value) {
    __asm__ volatile("movq %0, %%cr0" : : "r"(value) : "memory");
}

static void write_cr2(uint64_t value) {
    __asm__ volatile("movq %0, %%cr2" : : "r"(value) : "memory");
}

static uint64_t with(uint64_t value, uint64_t bits, bool on) {
    return on ? value | bits : value & ~bits;
}

static void do_control(struct conf_machine *m, uint64_t control) {
    const uint64_t changed = of(m)->control ^ control;
    uint64_t cr4;

    if ((changed & CONF_WP) != 0) {
        write_cr0(with(x86_read_cr0(), CR0_WP, (control & CONF_WP) != 0));
    }
    if ((changed & CONF_NXE) != 0) {
        x86_write_msr(MSR_EFER, with(x86_read_msr(MSR_EFER), EFER_NXE,
                                     (control & CONF_NXE) != 0));
    }
    if ((changed & (CONF_SMEP | CONF_SMAP | CONF_PKE)) != 0) {
        cr4 = with(x86_read_cr4(), CR4_SMEP, (control & CONF_SMEP) != 0);
        cr4 = with(cr4, CR4_SMAP, (control & CONF_SMAP) != 0);
        cr4 = with(cr4, CR4_PKE, (control & CONF_PKE) != 0);
        x86_write_cr4(cr4);
    }
    if ((control & CONF_PKE) != 0) {
        write_pkru((uint32_t)(control >> 32));
    }
    of(m)->control = control;
}

static void do_invlpg(struct conf_machine *m, uint64_t va) {
    (void)m;
    x86_invlpg(va);
}

static void do_reload(struct conf_machine *m) {
    x86_write_cr3(of(m)->root.v);
}

static void do_toggle(struct conf_machine *m) {
    (void)m;
    hw_flush_all();
}

/* --- touches ---------------------------------------------------------------
 */

/** A trap_hook handler: any trap ends the touch under way. */
static bool end_touch(struct trap_hook *hook, struct trap_frame *frame) {
    struct guest_machine *g =
        (struct guest_machine *)((char *)hook -
                                 offsetof(struct guest_machine, hook));

    if (!g->touching) {
        return false;
    }
    g->touching = false;
    if (frame->vector != TRAP_PROTECTION || frame->rip != g->user_hlt) {
        g->faulted = true;
        g->fault->vector = (unsigned)frame->vector;
        g->fault->error = frame->error;
        g->fault->cr2 = x86_read_cr2();
    }
    frame->rip = (uint64_t)(uintptr_t)guest_landing;
    frame->rsp = guest_landing_rsp;
    frame->cs = 0x08;
    frame->ss = 0x10;
    frame->rflags = RFLAGS_ONE;
    return true;
}

/** Where @stub lies in the user's copy. */
static const void *in_user_copy(const char *stub) {
    return (const void *)(uintptr_t)(GUEST_USER_STUBS +
                                     (uint64_t)(stub - guest_user_start));
}

static bool do_touch(struct conf_machine *m, enum conf_access access,
                     uint64_t va, uint64_t *value, struct conf_fault *fault) {
    struct guest_machine *g = of(m);
    const uint64_t flags =
        RFLAGS_ONE | ((g->control & CONF_AC) != 0 ? RFLAGS_AC : 0);

    g->fault = fault;
    g->faulted = false;
    g->touching = true;
    write_cr2(CONF_CR2_BEFORE);
    if ((g->control & CONF_USER) != 0) {
        *value = guest_touch_user(in_user_copy(guest_user_stubs[access]), va,
                                  *value, flags);
    } else {
        *value = guest_touch(guest_stubs[access], va, *value, flags);
    }
    g->touching = false;
    if (!g->faulted) {
        fault->cr2 = x86_read_cr2();
    }
    if (access == CONF_FETCH) {
        *value = conf_mark(*value);
    }
    return !g->faulted;
}

/* --- taking over -----------------------------------------------------------
 */

static uint64_t take_frame(struct guest_machine *g, uint64_t *next) {
    uint64_t pa = *next;

    *next += PAGE_SIZE;
    for (uint64_t i = 0; i < PAGE_SIZE; i += 8) {
        *word_at(g, pa + i) = 0;
    }
    return pa;
}

/** Allow execution in everything below @table. */
static void clear_nx(struct guest_machine *g, uint64_t table, unsigned level) {
    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        volatile uint64_t *e = word_at(g, table + 8 * i);

        if ((*e & PTE_PRESENT) == 0) {
            continue;
        }
        *e &= ~PTE_NO_EXECUTE;
        if (!pte_is_leaf(pte(*e), level)) {
            clear_nx(g, pte_address(pte(*e)).v, level - 1);
        }
    }
}

/** The user's stubs at GUEST_USER_STUBS, a stack in the page after them. */
static void map_user(struct guest_machine *g, uint64_t *next) {
    const uint64_t bits = PTE_PRESENT | PTE_WRITABLE | PTE_USER;
    const vaddr_t va = vaddr(GUEST_USER_STUBS);
    uint64_t table = g->root.v, code;

    for (unsigned level = PAGING_LEVELS; level > 1; level--) {
        uint64_t below = take_frame(g, next);

        *word_at(g, table + 8 * table_index(va, level)) = below | bits;
        table = below;
    }
    code = take_frame(g, next);
    *word_at(g, table) = code | bits;
    *word_at(g, table + 8) = take_frame(g, next) | bits;
    memcpy((void *)(uintptr_t)word_at(g, code), guest_user_start,
           (size_t)(guest_user_end - guest_user_start));
}

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3], reserved1, ist[HW_IST_COUNT], reserved2;
    uint16_t reserved3, io_map;
} __attribute__((packed));

/** The kernel's descriptors, and the user's behind them. */
static void load_descriptors(const struct hw_boot *boot) {
    static uint8_t trap_stack[16384] __attribute__((aligned(16)));
    static struct tss tss = { .io_map = sizeof(struct tss) };
    static uint64_t gdt[7] = {
        0, UINT64_C(0x00209a0000000000), UINT64_C(0x0000920000000000), 0,
        0, UINT64_C(0x0000f20000000000), UINT64_C(0x0020fa0000000000)
    };
    const struct x86_table gdtr = { sizeof(gdt) - 1, vaddr_of_pointer(gdt).v };
    const uint64_t base = vaddr_of_pointer(&tss).v;

    tss.rsp[0] = vaddr_of_pointer(trap_stack).v + sizeof(trap_stack);
    for (unsigned i = 0; i < HW_IST_COUNT; i++) {
        tss.ist[i] = boot->ist_top[i].v;
    }
    gdt[3] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 |
             UINT64_C(0x89) << 40 | (base >> 24 & 0xff) << 56;
    gdt[4] = base >> 32;
    x86_lgdt(&gdtr);
    x86_ltr(0x18);
}

void guest_machine_start(struct guest_machine *g, const struct hw_boot *boot) {
    uint64_t next = CONF_TABLES + 4 * MIB;

    *g = (struct guest_machine){
        .machine = { do_load, do_store, do_control, do_invlpg, do_reload,
                     do_toggle, do_touch },
        .hook = { .handle = end_touch },
        .direct = boot->direct_base,
        .root = paddr(conf_table_at(CONF_PML4)),
        .control = CONF_CONTROL_START,
        .user_hlt =
            GUEST_USER_STUBS + (uint64_t)(guest_user_hlt - guest_user_start),
    };
    trap_init(&g->hook, boot);
    load_descriptors(boot);
    clear_nx(g, boot->root.v, PAGING_LEVELS);
    for (uint64_t i = 0; i < PAGE_SIZE; i += 8) {
        *word_at(g, g->root.v + i) = *word_at(g, boot->root.v + i);
    }
    map_user(g, &next);
    hw_write_cr3(g->root);
    hw_flush_all();
}

struct conf_features guest_features(const struct hw_boot *boot) {
    const struct x86_cpuid seven =
        x86_cpuid(0).eax >= 7 ? x86_cpuid(7) : (struct x86_cpuid){ 0, 0, 0, 0 };
    uint64_t controls = CONF_WP | CONF_NXE | CONF_USER;

    controls |= (seven.ebx & CPUID_SMEP) != 0 ? CONF_SMEP : 0;
    controls |= (seven.ebx & CPUID_SMAP) != 0 ? CONF_SMAP | CONF_AC : 0;
    controls |= (seven.ecx & CPUID_PKU) != 0 ? CONF_PKE : 0;
    return (struct conf_features){ boot->phys_bits, machine_has_1gib_pages(),
                                   controls };
}
