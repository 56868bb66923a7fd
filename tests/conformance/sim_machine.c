/*
 * Cases on the functional machine, with a TLB that keeps all it may.
 */
#include "conformance/sim_machine.h"

#include <string.h>

static struct sim_machine *of(struct conf_machine *m) {
    return (struct sim_machine *)m;
}

static uint64_t do_load(struct conf_machine *m, uint64_t pa) {
    return ram_load64(&of(m)->ram, paddr(pa));
}

static void do_store(struct conf_machine *m, uint64_t pa, uint64_t value) {
    ram_store64(&of(m)->ram, paddr(pa), value);
}

static uint64_t with(uint64_t value, uint64_t bits, bool on) {
    return on ? value | bits : value & ~bits;
}

static bool apply(struct sim_cpu *cpu, uint64_t control) {
    uint64_t cr4 = cpu->cr4;

    cr4 = with(cr4, CR4_SMEP, (control & CONF_SMEP) != 0);
    cr4 = with(cr4, CR4_SMAP, (control & CONF_SMAP) != 0);
    cr4 = with(cr4, CR4_PKE, (control & CONF_PKE) != 0);
    cpu->cpl = (control & CONF_USER) != 0 ? 3 : 0;
    cpu->ac = (control & CONF_AC) != 0;
    cpu->pkru = (uint32_t)(control >> 32);
    return cpu_write_cr0(cpu,
                         with(cpu->cr0, CR0_WP, (control & CONF_WP) != 0)) &&
           cpu_write_efer(
               cpu, with(cpu->efer, EFER_NXE, (control & CONF_NXE) != 0)) &&
           (cr4 == cpu->cr4 || cpu_write_cr4(cpu, cr4));
}

void sim_set_control(struct sim_cpu *cpu, uint64_t control) {
    MM_ASSERT(apply(cpu, control));
}

static void do_control(struct conf_machine *m, uint64_t control) {
    sim_set_control(&of(m)->cpu, control);
}

static void do_invlpg(struct conf_machine *m, uint64_t va) {
    if (!of(m)->skip_invlpg) {
        cpu_invlpg(&of(m)->cpu, vaddr(va));
    }
}

static void do_reload(struct conf_machine *m) {
    MM_ASSERT(cpu_write_cr3(&of(m)->cpu, of(m)->cpu.cr3));
}

static void do_toggle(struct conf_machine *m) {
    const uint64_t cr4 = of(m)->cpu.cr4;

    MM_ASSERT(cpu_write_cr4(&of(m)->cpu, cr4 & ~CR4_PGE));
    MM_ASSERT(cpu_write_cr4(&of(m)->cpu, cr4));
}

static uint64_t store_instead(void *ctx, uint64_t old) {
    (void)old;
    return *(const uint64_t *)ctx;
}

/** The word of marked code at @va, byte by byte. */
static bool fetch(struct sim_cpu *cpu, vaddr_t va, uint64_t *value,
                  struct sim_fault *fault) {
    uint8_t byte;

    *value = 0;
    for (unsigned i = 0; i < 8; i++) {
        if (!cpu_fetch(cpu, vaddr_add(va, i), &byte, fault)) {
            return false;
        }
        *value |= (uint64_t)byte << (8 * i);
    }
    return true;
}

static bool act(struct sim_cpu *cpu, enum conf_access access, vaddr_t va,
                uint64_t *value, struct sim_fault *fault) {
    uint64_t stored = *value;

    cpu->stack = access == CONF_STACK_READ || access == CONF_STACK_WRITE;
    switch (access) {
    case CONF_READ:
    case CONF_STACK_READ:
        return cpu_load(cpu, va, 8, value, fault);
    case CONF_WRITE:
    case CONF_STACK_WRITE:
        return cpu_store(cpu, va, 8, stored, fault);
    case CONF_RMW:
        return cpu_rmw(cpu, va, 8, store_instead, &stored, value, fault);
    default:
        return fetch(cpu, va, value, fault);
    }
}

/** What the tables say, before the access changes them. */
static void look(struct sim_machine *s, enum conf_access access, vaddr_t va) {
    static const enum sim_access kinds[CONF_ACCESS_COUNT] = {
        SIM_READ, SIM_WRITE, SIM_FETCH, SIM_RMW, SIM_READ, SIM_WRITE,
    };
    const struct walk_control control = cpu_control(&s->cpu);
    const bool user = s->cpu.cpl == 3;
    const unsigned t = s->touches;

    s->first[t] = walk(&s->ram, &control, va, kinds[access], user);
    s->last[t] = walk(&s->ram, &control, vaddr_add(va, 7), kinds[access], user);
    s->read[t] = walk(&s->ram, &control, va, SIM_READ, user);
    s->denies_reads[t] = control.smap || control.keys;
    s->touches++;
}

static bool do_touch(struct conf_machine *m, enum conf_access access,
                     uint64_t va, uint64_t *value, struct conf_fault *out) {
    struct sim_cpu *cpu = &of(m)->cpu;
    struct sim_fault fault;
    bool done;

    look(of(m), access, vaddr(va));
    cpu->cr2 = vaddr(CONF_CR2_BEFORE);
    done = act(cpu, access, vaddr(va), value, &fault);
    if (!done) {
        out->vector = fault.vector;
        out->error = fault.error;
    }
    out->cr2 = cpu->cr2.v;
    return done;
}

bool sim_machine_start(struct sim_machine *s,
                       const struct conf_features *features, char *why,
                       size_t why_size) {
    static const struct memmap_entry map[] = {
        { { { 0 }, CONF_RAM }, MEMMAP_USABLE },
    };

    memset(s, 0, sizeof(*s));
    s->machine =
        (struct conf_machine){ do_load,   do_store,  do_control, do_invlpg,
                               do_reload, do_toggle, do_touch };
    if (!ram_init(&s->ram, map, 1, 1, vaddr(0), why, why_size)) {
        return false;
    }
    if (!cpu_init(&s->cpu, &s->ram, &s->events, TLB_HOSTILE, 0)) {
        ram_destroy(&s->ram);
        return false;
    }
    s->cpu.phys_bits = features->phys_bits;
    s->cpu.huge_1gib = features->huge_1gib;
    for (unsigned i = 0; i < PAGE_SIZE; i += 8) {
        do_store(&s->machine, conf_table_at(CONF_PML4) + i, 0);
    }
    conf_prepare(&s->machine);
    return cpu_write_cr3(&s->cpu, paddr(conf_table_at(CONF_PML4)));
}

void sim_machine_run(struct sim_machine *s, const struct conf_case *c,
                     unsigned flush_before, struct conf_record *record) {
    s->touches = 0;
    conf_run(&s->machine, c, flush_before, record);
}

void sim_machine_stop(struct sim_machine *s) {
    cpu_destroy(&s->cpu);
    ram_destroy(&s->ram);
}
