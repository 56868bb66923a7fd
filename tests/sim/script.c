/*
 * One step at a time, on the processor and on oracle_cpu.c.
 *
 *   pool  [root A][root B][t][t][t][t]...  entries lead into the pool, or are
 *                                          large leaves over all of it
 */
#include "sim/script.h"

#include <string.h>

#include "sim/oracle_cpu.h"
#include "sim/processor.h"

#define POOL UINT64_C(0x200000) /* where tables are */
#define POOL_FRAMES (SCRIPT_ENTRIES / TABLE_ENTRIES)
#define POOL_SIZE (POOL_FRAMES * PAGE_SIZE)
#define RAM_FRAMES 8192u /* tables_ram() */

static struct sim_ram twin_ram; /* the oracle's */
static struct oracle_cpu oracle;
static bool written[RAM_FRAMES];
static script_choice *any;

static bool rarely(unsigned n) {
    return any(n) == 0;
}

/* --- both machines ------------------------------------------------------ */

static void poke(uint64_t pa, uint64_t value) {
    ram_store64(&ram, paddr(pa), value);
    ram_store64(&twin_ram, paddr(pa), value);
}

static uint64_t entry(void) {
    uint64_t e = POOL + any(POOL_FRAMES) * PAGE_SIZE;

    e |= rarely(12) ? 0 : P;
    e |= rarely(5) ? 0 : RW;
    e |= rarely(3) ? 0 : US;
    e |= rarely(6) ? NX : 0;
    e |= rarely(4) ? G : 0;
    e |= rarely(4) ? D : 0;
    e |= any(4) << PTE_KEY_SHIFT;
    e |= rarely(40) ? UINT64_C(1) << any(64) : 0;
    if (rarely(10)) { /* a large leaf; of 1 GiB too, when bit 21 is not asked */
        e = (e & ~PTE_ADDRESS_MASK) | (rarely(2) ? 0 : POOL) | PS;
    }
    return e;
}

/** Few addresses, of both halves: two choices at each level. */
static uint64_t address(void) {
    static const uint64_t index[] = { 0, 1, 256, 511 };
    uint64_t va = 0;

    va |= index[any(4)] << 39;
    va |= any(2) << 30;
    va |= any(2) << 21;
    va |= any(3) << 12;
    va |= rarely(3) ? 0xff8 + any(8) : any(PAGE_SIZE);
    va |= va >> 47 != 0 ? UINT64_C(0xffff) << 48 : 0;
    return rarely(60) ? va ^ UINT64_C(1) << (47 + any(17)) : va;
}

/* --- on and off --------------------------------------------------------- */

static bool is_on;
static struct sim_cpu kept[TLB_POLICIES]; /* those that do not run */

static void power_both_on(void) {
    tables_ram(&ram);
    tables_ram(&twin_ram);
    memset(written, true, sizeof(written)); /* with junk */
    for (unsigned p = 0; p < TLB_POLICIES; p++) {
        ck_assert(cpu_init(&kept[p], &ram, &events, (enum tlb_policy)p,
                           p == TLB_RANDOM ? 16 : TLB_CAPACITY_MAX));
    }
    is_on = true;
}

static void clear(struct sim_ram *of, paddr_t frame) {
    if (ram_holds(of, frame, PAGE_SIZE)) {
        ram_touch(of, (struct prange){ frame, PAGE_SIZE });
        memset(of->alias + frame.v, 0, PAGE_SIZE);
    }
}

/** What is no table is zero. */
static void clear_written(void) {
    for (uint64_t f = 0; f < RAM_FRAMES; f++) {
        if (written[f]) {
            clear(&ram, paddr(f * PAGE_SIZE));
            clear(&twin_ram, paddr(f * PAGE_SIZE));
            written[f] = false;
        }
    }
}

/** As after cpu_init(), the tables at the root. */
static void reset_cpu(enum tlb_policy policy) {
    cpu = kept[policy];
    memset(&events, 0, sizeof(events));
    cpu_reset(&cpu);
    ck_assert(cpu_write_cr4(&cpu, CR4_PAE | CR4_PGE));
    ck_assert(cpu_write_efer(&cpu, EFER_LME | EFER_NXE));
    ck_assert(cpu_write_cr3(&cpu, paddr(POOL)));
    ck_assert(cpu_write_cr0(&cpu, cpu.cr0 | CR0_PG | CR0_WP));
    cpu.cr2 = vaddr(0);
}

void script_draw(uint64_t *tables, script_choice *choose) {
    any = choose;
    for (unsigned i = 0; i < SCRIPT_ENTRIES; i++) {
        tables[i] = entry();
    }
}

void script_start(enum tlb_policy policy, uint64_t seed, const uint64_t *tables,
                  script_choice *choose) {
    if (!is_on) {
        power_both_on();
    }
    any = choose;
    clear_written();
    ram_touch(&ram, (struct prange){ paddr(POOL), POOL_SIZE });
    ram_touch(&twin_ram, (struct prange){ paddr(POOL), POOL_SIZE });
    memcpy(ram.alias + POOL, tables, POOL_SIZE);
    memcpy(twin_ram.alias + POOL, tables, POOL_SIZE);
    reset_cpu(policy);
    cpu.tlb.random = seed + 1;
    oracle.count = 0;
    oracle.real = &cpu;
    /* Random: which RAM has A and D does not matter. */
    oracle.ram = policy == TLB_RANDOM ? &ram : &twin_ram;
    oracle.remembers = policy != TLB_NONE;
    oracle.uppers = oracle.insists = policy == TLB_HOSTILE;
}

void script_end(void) {
    kept[cpu.tlb.policy] = cpu;
}

void script_power_off(void) {
    for (unsigned p = 0; p < TLB_POLICIES && is_on; p++) {
        cpu_destroy(&kept[p]);
    }
    if (is_on) {
        ram_destroy(&ram);
        ram_destroy(&twin_ram);
    }
    is_on = false;
}

/* --- steps -------------------------------------------------------------- */

/** Mostly an entry that accesses meet. */
static void change_entry(void) {
    static const uint64_t index[] = { 0, 1, 2, 256, 511 };
    uint64_t at = POOL + any(POOL_FRAMES) * PAGE_SIZE;

    at += 8 * index[any(5)];
    poke(at, entry());
}

static void change_control(void) {
    static const unsigned cr4_bits[] = { 7, 17, 20, 21, 22 };
    uint64_t from = cpu.cr4;

    switch (any(8)) {
    case 0:
        ck_assert(cpu_write_cr0(&cpu, cpu.cr0 ^ CR0_WP));
        break;
    case 1:
        ck_assert(cpu_write_efer(&cpu, cpu.efer ^ EFER_NXE));
        break;
    case 2:
    case 3:
        if (cpu_write_cr4(&cpu, from ^ UINT64_C(1) << cr4_bits[any(5)])) {
            oracle_cr4_changed(&oracle, from);
        }
        break;
    case 4:
        cpu.pkru = (uint32_t)any(256) & (uint32_t)any(256);
        break;
    case 5:
        cpu.ac = !cpu.ac;
        cpu.stack = rarely(2);
        break;
    default:
        cpu.cpl = rarely(2) ? 3 : 0;
        break;
    }
}

static void load_root(void) {
    bool pcids = (cpu.cr4 & CR4_PCIDE) != 0;
    uint64_t root = POOL + any(2) * PAGE_SIZE;
    bool noflush = pcids && rarely(2);

    if (pcids) {
        root |= any(3);
    }
    ck_assert(cpu_write_cr3(&cpu, paddr(root | (noflush ? CR3_NOFLUSH : 0))));
    oracle_cr3_loaded(&oracle, noflush);
}

static void invalidate(void) {
    uint64_t va = address();
    unsigned type = (unsigned)any(4);
    unsigned pcid = (unsigned)any(3);

    if (rarely(2)) {
        cpu_invlpg(&cpu, vaddr(va));
        oracle_invlpg(&oracle, va);
    } else if (cpu_invpcid(&cpu, type, pcid, vaddr(va))) {
        oracle_invpcid(&oracle, type, pcid, va);
    }
}

static uint64_t invert(void *ctx, uint64_t old) {
    (void)ctx;
    return old ^ UINT64_C(0x40); /* a D bit, should it meet a table */
}

static bool real_access(uint64_t va, unsigned bytes, enum sim_access access,
                        uint64_t *value) {
    uint8_t byte = 0;
    bool done;

    switch (access) {
    case SIM_READ:
        return cpu_load(&cpu, vaddr(va), bytes, value, &fault);
    case SIM_WRITE:
        return cpu_store(&cpu, vaddr(va), bytes, *value, &fault);
    case SIM_RMW:
        return cpu_rmw(&cpu, vaddr(va), bytes, invert, NULL, value, &fault);
    default:
        done = cpu_fetch(&cpu, vaddr(va), &byte, &fault);
        *value = byte;
        return done;
    }
}

/** The bytes of @r in the oracle's RAM. */
static uint64_t seen(const struct oracle_result *r) {
    uint64_t value = ram_load(&twin_ram, paddr(r->pa[0]), r->bytes[0]);

    if (r->bytes[1] != 0) {
        value |= ram_load(&twin_ram, paddr(r->pa[1]), r->bytes[1])
                 << (8 * r->bytes[0]);
    }
    return value;
}

static void put_piece(uint64_t pa, unsigned bytes, uint64_t value) {
    ram_store(&twin_ram, paddr(pa), bytes, value);
    if (pa / PAGE_SIZE < RAM_FRAMES) {
        written[pa / PAGE_SIZE] = true;
    }
}

static void put(const struct oracle_result *r, uint64_t value) {
    put_piece(r->pa[0], r->bytes[0], value);
    if (r->bytes[1] != 0) {
        put_piece(r->pa[1], r->bytes[1], value >> (8 * r->bytes[0]));
    }
}

static void same_pool(unsigned step) {
    if (memcmp(ram.alias + POOL, twin_ram.alias + POOL, POOL_SIZE) != 0) {
        ck_abort_msg("step %u: the tables differ", step);
    }
}

static bool access_once(unsigned step) {
    enum sim_access access = (enum sim_access)any(4);
    unsigned bytes = access == SIM_FETCH ? 1 : 1 + (unsigned)any(8);
    uint64_t va = address();
    unsigned shift = rarely(2) ? 0 : 3; /* drawn in this order always */
    uint64_t value = entry() >> shift;
    uint64_t written = value;
    uint64_t cr2 = cpu.cr2.v;
    struct oracle_result r = oracle_access(&oracle, va, bytes, access);
    bool done = real_access(va, bytes, access, &value);

    if (done != (r.vector == 0) ||
        (!done && (fault.vector != r.vector || fault.error != r.error ||
                   cpu.cr2.v != (r.vector == 14 ? r.address : cr2)))) {
        ck_abort_msg("step %u: access %d of %u bytes at 0x%llx: vector %u, "
                     "error 0x%x; the oracle says %u, 0x%x",
                     step, access, bytes, (unsigned long long)va,
                     done ? 0 : fault.vector, done ? 0 : fault.error, r.vector,
                     r.error);
    }
    if (done && access != SIM_WRITE) {
        ck_assert_hex_eq(value, seen(&r));
    }
    if (done && access == SIM_RMW) {
        put(&r, value ^ 0x40);
    } else if (done && access == SIM_WRITE) {
        put(&r, written);
    }
    same_pool(step);
    return done;
}

/** A byte, by a processor that forgets at random: is the result permitted? */
static bool access_by_chance(unsigned step) {
    enum sim_access access = (enum sim_access)any(4);
    uint64_t va = address();
    struct walk_control c = cpu_control(&cpu);
    uint64_t fills = events.counts[SIM_EVENT_FILL];
    paddr_t pa = paddr(UINT64_MAX);
    bool done;

    if (!oracle_is_canonical(&c, va)) {
        return false;
    }
    done = cpu_translate(&cpu, vaddr(va), access, &pa, NULL, &fault);
    if (!oracle_allows(&oracle, va, access, pa.v,
                       done ? 0 : fault.walk.error)) {
        ck_abort_msg("step %u: access %d at 0x%llx: nothing permits 0x%llx, "
                     "error 0x%x",
                     step, access, (unsigned long long)va,
                     (unsigned long long)pa.v, done ? 0 : fault.error);
    }
    if (!done) {
        oracle_faulted(&oracle, va);
    } else if (events.counts[SIM_EVENT_FILL] != fills) {
        oracle_filled(&oracle, va, access);
    }
    return done;
}

static bool access_by_policy(unsigned step) {
    return cpu.tlb.policy == TLB_RANDOM ? access_by_chance(step)
                                        : access_once(step);
}

bool script_step(unsigned step) {
    switch (any(24)) {
    case 0:
    case 1:
    case 2:
        change_entry();
        return false;
    case 3:
    case 4:
        change_control();
        return false;
    case 5:
        load_root();
        return false;
    case 6:
        invalidate();
        return false;
    default:
        return access_by_policy(step);
    }
}
