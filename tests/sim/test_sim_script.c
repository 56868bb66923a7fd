/*
 * Random scripts: the processor against oracle_cpu.c, step by step.
 *
 * A few frames are tables of any level at once, so that tables point to
 * themselves and to each other; stores through the processor land on them too.
 * Every step is a change of an entry, a control register, an invalidation or an
 * access; after each access the result is compared, and A and D with it.
 *
 *   pool  [root A][root B][t][t][t][t]...  entries lead into the pool, or are
 *                                          large leaves over all of it
 */
#include <string.h>

#include "base/hash.h"
#include "sim/oracle_cpu.h"
#include "sim/processor.h"

#define POOL UINT64_C(0x200000) /* where tables are */
#define POOL_FRAMES 10u
#define STEPS 6000u

static struct sim_ram twin_ram; /* the oracle's */
static struct oracle_cpu oracle;
static uint64_t state;

static uint64_t any(uint64_t n) {
    state += UINT64_C(0x9e3779b97f4a7c15);
    return hash_mix(state) % n;
}

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
    va |= any(2) << 30 | any(2) << 21 | any(3) << 12;
    va |= rarely(3) ? 0xff8 + any(8) : any(PAGE_SIZE);
    va |= va >> 47 != 0 ? UINT64_C(0xffff) << 48 : 0;
    return rarely(60) ? va ^ UINT64_C(1) << (47 + any(17)) : va;
}

static void start(unsigned seed, enum tlb_policy policy) {
    power_off();
    power_on(policy, policy == TLB_RANDOM ? 16 : TLB_CAPACITY_MAX);
    tables_ram(&twin_ram);
    for (uint64_t at = 0; at < PAGE_SIZE; at += 8) { /* power_on()'s marks */
        ram_store64(&twin_ram, paddr(OLD_FRAME + at),
                    ram_load64(&ram, paddr(OLD_FRAME + at)));
        ram_store64(&twin_ram, paddr(NEW_FRAME + at),
                    ram_load64(&ram, paddr(NEW_FRAME + at)));
    }
    memset(&oracle, 0, sizeof oracle);
    oracle.ram = &twin_ram;
    oracle.real = &cpu;
    oracle.remembers = policy != TLB_NONE;
    oracle.uppers = oracle.insists = policy == TLB_HOSTILE;
    state = seed;
    for (uint64_t pa = 0; pa < 0x9f000; pa += 8) {
        poke(pa, 0);
    }
    for (uint64_t i = 0; i < POOL_FRAMES * TABLE_ENTRIES; i++) {
        poke(POOL + 8 * i, entry());
    }
    ck_assert(cpu_write_cr3(&cpu, paddr(POOL)));
    oracle_cr3_loaded(&oracle, false);
}

/* --- steps -------------------------------------------------------------- */

/** Mostly an entry that accesses meet. */
static void change_entry(void) {
    static const uint64_t index[] = { 0, 1, 2, 256, 511 };

    poke(POOL + any(POOL_FRAMES) * PAGE_SIZE + 8 * index[any(5)], entry());
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

static void put(const struct oracle_result *r, uint64_t value) {
    ram_store(&twin_ram, paddr(r->pa[0]), r->bytes[0], value);
    if (r->bytes[1] != 0) {
        ram_store(&twin_ram, paddr(r->pa[1]), r->bytes[1],
                  value >> (8 * r->bytes[0]));
    }
}

static void same_pool(unsigned step) {
    if (memcmp(ram.alias + POOL, twin_ram.alias + POOL,
               POOL_FRAMES * PAGE_SIZE) != 0) {
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

static void run(unsigned seed, enum tlb_policy policy) {
    unsigned done = 0;

    start(seed, policy);
    if (policy == TLB_RANDOM) { /* which RAM has A and D does not matter */
        oracle.ram = &ram;
        cpu.tlb.random = seed + 1;
    }
    for (unsigned step = 0; step < STEPS; step++) {
        switch (any(24)) {
        case 0:
        case 1:
        case 2:
            change_entry();
            break;
        case 3:
        case 4:
            change_control();
            break;
        case 5:
            load_root();
            break;
        case 6:
            invalidate();
            break;
        default:
            done += access_by_policy(step);
            break;
        }
    }
    ram_destroy(&twin_ram);
    ck_assert_uint_ge(done, STEPS / 20);
}

START_TEST(a_hostile_processor_does_what_the_manual_permits_at_most)
{
    for (unsigned n = 0; n < 4; n++) {
        run((unsigned)_i * 4 + n, TLB_HOSTILE);
    }
}
END_TEST

START_TEST(a_processor_with_a_large_tlb_does_what_the_oracle_says)
{
    for (unsigned n = 0; n < 4; n++) {
        run(100 + (unsigned)_i * 4 + n, TLB_LRU);
    }
}
END_TEST

START_TEST(a_processor_without_a_tlb_does_what_the_tables_say)
{
    for (unsigned n = 0; n < 4; n++) {
        run(200 + (unsigned)_i * 4 + n, TLB_NONE);
    }
}
END_TEST

START_TEST(a_processor_that_forgets_at_random_does_nothing_forbidden)
{
    for (unsigned n = 0; n < 4; n++) {
        run(300 + (unsigned)_i * 4 + n, TLB_RANDOM);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim script");
    TCase *tc = tcase_create("script");

    tcase_add_checked_fixture(tc, setup, power_off);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(
        tc, a_hostile_processor_does_what_the_manual_permits_at_most, 0, 6);
    tcase_add_loop_test(
        tc, a_processor_with_a_large_tlb_does_what_the_oracle_says, 0, 3);
    tcase_add_loop_test(tc, a_processor_without_a_tlb_does_what_the_tables_say,
                        0, 3);
    tcase_add_loop_test(
        tc, a_processor_that_forgets_at_random_does_nothing_forbidden, 0, 3);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
