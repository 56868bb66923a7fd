/*
 * The processor: control registers, and what it remembers.
 *
 * Rules of the TLB are tested by changing an entry behind its back (a plain
 * store to simulated memory) and asking what the next access sees, before and
 * after each invalidation that ought to end the old translation.  _i is the
 * policy: TLB_LRU or TLB_HOSTILE.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/cpu.h"
#include "sim/tables.h"

static struct sim_ram ram;
static struct sim_events events;
static struct sim_cpu cpu;
static struct tables t;
static struct sim_fault fault;

/* Two frames, told apart by their first word. */
#define OLD_FRAME UINT64_C(0x400000)
#define NEW_FRAME UINT64_C(0x600000)
#define OLD UINT64_C(0x0123456789abcdef)
#define NEW UINT64_C(0xfedcba9876543210)
static const vaddr_t VA = { UINT64_C(0x444444400000) };

static void power_on(enum tlb_policy policy, unsigned capacity) {
    memset(&events, 0, sizeof events);
    tables_ram(&ram);
    ck_assert(cpu_init(&cpu, &ram, &events, policy, capacity));
    tables_start(&t, &ram, 2 * MIB);
    ck_assert(cpu_write_cr3(&cpu, t.root));
    ram_store64(&ram, paddr(OLD_FRAME), OLD);
    ram_store64(&ram, paddr(NEW_FRAME), NEW);
}

static void power_off(void) {
    cpu_destroy(&cpu);
    ram_destroy(&ram);
}

static void setup(void) {
    power_on(TLB_LRU, 16);
}

static void setup_policy(int policy) {
    power_off();
    power_on((enum tlb_policy)policy, 1024);
}

static uint64_t load(vaddr_t va) {
    uint64_t value = 0;

    ck_assert_msg(cpu_load(&cpu, va, 8, &value, &fault),
                  "load of 0x%llx: error 0x%x", (unsigned long long)va.v,
                  fault.error);
    return value;
}

static void store(vaddr_t va, uint64_t value) {
    ck_assert_msg(cpu_store(&cpu, va, 8, value, &fault),
                  "store to 0x%llx: error 0x%x", (unsigned long long)va.v,
                  fault.error);
}

static bool access_works(vaddr_t va, enum sim_access access) {
    paddr_t pa;

    return cpu_translate(&cpu, va, access, &pa, NULL, &fault);
}

/** The access faults with @error, and CR2 shows it. */
static void faults(vaddr_t va, enum sim_access access, uint32_t error) {
    ck_assert_msg(!access_works(va, access), "no fault at 0x%llx",
                  (unsigned long long)va.v);
    ck_assert_uint_eq(fault.vector, 14);
    ck_assert_hex_eq(fault.error, error);
    ck_assert_hex_eq(fault.address.v, va.v);
    ck_assert_hex_eq(cpu.cr2.v, va.v);
}

/* --- control registers: A6 ---------------------------------------------- */

START_TEST(after_power_up_it_is_in_long_mode_with_wp_pge_and_nxe)
{
    struct walk_control c = cpu_control(&cpu);

    ck_assert(c.write_protect && c.no_execute && c.huge_1gib);
    ck_assert_hex_eq(c.root.v, t.root.v);
    ck_assert_uint_eq(c.phys_bits, CPU_PHYS_BITS);
    ck_assert_uint_eq(cpu.cpl, 0);
    ck_assert(!cpu.interrupts);
    ck_assert_hex_eq(cpu.efer, EFER_LME | EFER_LMA | EFER_NXE);
    ck_assert_hex_eq(cpu.cr4, CR4_PAE | CR4_PGE);
}
END_TEST

START_TEST(every_bit_of_cr0_is_taken_ignored_or_refused_as_the_manual_says)
{
    const uint64_t start = cpu.cr0;

    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t asked = start ^ UINT64_C(1) << bit;
        /* upper half; PE or PG cleared in long mode; NW without CD */
        bool refused = bit >= 32 || bit == 0 || bit == 31 || bit == 29;
        /* MP EM TS NE WP AM CD; ET stays 1, the others do not exist */
        bool changes = bit == 1 || bit == 2 || bit == 3 || bit == 5 ||
                       bit == 16 || bit == 18 || bit == 30;

        ck_assert_msg(cpu_write_cr0(&cpu, asked) == !refused, "bit %u", bit);
        ck_assert_hex_eq(cpu.cr0, changes ? asked : start);
        ck_assert(cpu_write_cr0(&cpu, start));
    }
    ck_assert(cpu_write_cr0(&cpu, start | UINT64_C(3) << 29));
}
END_TEST

START_TEST(every_bit_of_cr4_is_taken_or_refused_as_the_manual_says)
{
    const uint64_t start = cpu.cr4;

    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t asked = start ^ UINT64_C(1) << bit;
        bool refused = bit > 10 || bit == 5;

        ck_assert_msg(cpu_write_cr4(&cpu, asked) == !refused, "bit %u", bit);
        ck_assert_hex_eq(cpu.cr4, refused ? start : asked);
        ck_assert(cpu_write_cr4(&cpu, start));
    }
}
END_TEST

START_TEST(every_bit_of_efer_is_taken_or_refused_as_the_manual_says)
{
    const uint64_t start = cpu.efer;

    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t asked = start ^ UINT64_C(1) << bit;
        bool refused = bit != 0 && bit != 11;

        ck_assert_msg(cpu_write_efer(&cpu, asked) == !refused, "bit %u", bit);
        ck_assert_hex_eq(cpu.efer, refused ? start : asked);
        ck_assert(cpu_write_efer(&cpu, start));
    }
}
END_TEST

START_TEST(cr3_takes_any_address_below_maxphyaddr)
{
    for (cpu.phys_bits = 36; cpu.phys_bits <= 52; cpu.phys_bits++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            bool fine = bit < cpu.phys_bits;

            cpu.cr3 = paddr(0);
            ck_assert(cpu_write_cr3(&cpu, paddr(UINT64_C(1) << bit)) == fine);
            ck_assert_hex_eq(cpu.cr3.v, fine ? UINT64_C(1) << bit : 0);
        }
    }
}
END_TEST

/* rule 1: PWT, PCD and the ignored bits do not address */
START_TEST(the_low_12_bits_of_cr3_do_not_address)
{
    tables_map(&t, VA, OLD_FRAME, 1, P);
    ck_assert(cpu_write_cr3(&cpu, paddr(t.root.v | 0xfff)));
    ck_assert_hex_eq(load(VA), OLD);
}
END_TEST

/*
 * From 32-bit protected mode: PAE, LME, PG, in this order or not at all.
 * Bit i of `done` says whether step i was taken before PG was asked for.
 */
START_TEST(paging_starts_only_after_pae_and_lme)
{
    for (unsigned done = 0; done < 4; done++) {
        cpu.cr0 = CR0_PE;
        cpu.cr4 = 0;
        cpu.efer = 0;
        ck_assert((done & 1) == 0 || cpu_write_cr4(&cpu, CR4_PAE));
        ck_assert((done & 2) == 0 || cpu_write_efer(&cpu, EFER_LME));
        ck_assert(!cpu_write_cr0(&cpu, CR0_PG)); /* without PE: never */
        ck_assert(cpu_write_cr0(&cpu, CR0_PE | CR0_PG) == (done == 3));
        ck_assert_hex_eq(cpu.efer & EFER_LMA, done == 3 ? EFER_LMA : 0);
        ck_assert_hex_eq(cpu.cr0 & CR0_PG, done == 3 ? CR0_PG : 0);
    }
    /* and there is no way back for 64-bit code */
    ck_assert(!cpu_write_cr0(&cpu, CR0_PE));
    ck_assert(!cpu_write_cr4(&cpu, 0));
    ck_assert(!cpu_write_efer(&cpu, EFER_LMA));
}
END_TEST

START_TEST(before_paging_pae_and_lme_may_be_taken_back)
{
    cpu.cr0 = CR0_PE;
    cpu.efer = 0;
    ck_assert(cpu_write_efer(&cpu, EFER_LME | EFER_NXE));
    ck_assert(!cpu_write_efer(&cpu, EFER_LME | EFER_LMA));
    ck_assert(cpu_write_efer(&cpu, 0));
    ck_assert(cpu_write_cr4(&cpu, 0));
    ck_assert(cpu_write_cr0(&cpu, 0));
}
END_TEST

/* --- one translation ---------------------------------------------------- */

START_TEST(a_translation_names_the_entry_that_is_remembered)
{
    struct tlb_entry *entry = NULL, *again = NULL;
    paddr_t pa;

    setup_policy(_i);
    tables_map(&t, VA, OLD_FRAME, 2, P | RW | US | NX | G);
    ck_assert(cpu_translate(&cpu, vaddr_add(VA, 0x54321), SIM_READ, &pa, &entry,
                            &fault));
    ck_assert_hex_eq(pa.v, OLD_FRAME + 0x54321);
    ck_assert_hex_eq(entry->page.v, VA.v);
    ck_assert_hex_eq(entry->frame.v, OLD_FRAME);
    ck_assert_uint_eq(entry->page_shift, 21);
    ck_assert(entry->rights.writable && entry->rights.user);
    ck_assert(entry->rights.no_execute && entry->global && !entry->dirty);
    ck_assert(cpu_translate(&cpu, VA, SIM_WRITE, &pa, &again, &fault));
    ck_assert_hex_eq(pa.v, OLD_FRAME);
    ck_assert_ptr_eq(again, entry);
    ck_assert(entry->dirty);
}
END_TEST

START_TEST(a_fetch_asks_for_the_right_to_execute)
{
    uint8_t byte;

    setup_policy(_i);
    tables_map(&t, VA, OLD_FRAME, 1, P | NX);
    ck_assert(!cpu_fetch(&cpu, VA, &byte, &fault));
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_FETCH);
    ck_assert(cpu_write_efer(&cpu, cpu.efer & ~EFER_NXE));
    ck_assert(!cpu_fetch(&cpu, VA, &byte, &fault)); /* a reserved bit now */
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_RESERVED);
    ck_assert(cpu_write_efer(&cpu, cpu.efer | EFER_NXE));
    tables_map(&t, VA, OLD_FRAME, 1, P);
    ck_assert(cpu_fetch(&cpu, vaddr_add(VA, 7), &byte, &fault));
    ck_assert_uint_eq(byte, OLD >> 56);
}
END_TEST

/* --- stale translations: rules 24, 27, 28 ------------------------------- */

/** How the old translation is ended. */
enum ending { BY_INVLPG, BY_CR3, BY_PGE };

static void end_by(enum ending ending) {
    uint64_t cr4 = cpu.cr4;

    switch (ending) {
    case BY_INVLPG:
        cpu_invlpg(&cpu, vaddr_add(VA, 0xabc));
        break;
    case BY_CR3:
        ck_assert(cpu_write_cr3(&cpu, cpu.cr3));
        break;
    case BY_PGE:
        ck_assert(cpu_write_cr4(&cpu, cr4 & ~CR4_PGE));
        ck_assert(cpu_write_cr4(&cpu, cr4));
        break;
    }
}

/** Change the entry at @level for VA after it was used; the change must stay
 *  unseen by reads until the translation is ended. */
static void stale_until(enum ending ending, unsigned level, uint64_t clear,
                        uint64_t set, bool then_faults) {
    paddr_t at;

    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    at = tables_slot(&t, VA, level, 0);
    ck_assert_hex_eq(load(VA), OLD);
    ram_store64(&ram, at, (ram_load64(&ram, at) & ~clear) | set);
    ck_assert_hex_eq(load(VA), OLD);
    ck_assert_hex_eq(load(vaddr_add(VA, 8 * 100)),
                     ram_load64(&ram, paddr(OLD_FRAME + 800)));
    end_by(ending);
    if (then_faults) {
        ck_assert(!access_works(VA, SIM_READ));
    } else {
        ck_assert_hex_eq(load(VA), NEW);
    }
}

/** Every change of rule 24, every way to end it, both policies. */
START_TEST(a_translation_stays_stale_until_exactly_its_invalidation)
{
    for (unsigned e = BY_INVLPG; e <= BY_PGE; e++) {
        enum ending ending = (enum ending)e;

        setup_policy(_i);
        stale_until(ending, 1, P, 0, true); /* unmapped */
        setup_policy(_i);
        stale_until(ending, 1, OLD_FRAME, NEW_FRAME, false); /* remapped */
        setup_policy(_i);
        stale_until(ending, 1, 0, UINT64_C(1) << 50, true); /* reserved bit */
        setup_policy(_i);
        stale_until(ending, 3, P, 0, true); /* the parent went */
        setup_policy(_i);
        stale_until(ending, 2, P, 0, true);
        setup_policy(_i);
        stale_until(ending, 4, P, 0, true);
    }
}
END_TEST

START_TEST(tightened_rights_are_unseen_until_the_invalidation)
{
    paddr_t at;
    uint8_t byte;

    setup_policy(_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P | RW | US);
    cpu.cpl = 3;
    store(VA, 1);
    ram_store64(&ram, at, OLD_FRAME | P | NX); /* no write, user, fetch */
    store(VA, 2);
    ck_assert(cpu_fetch(&cpu, VA, &byte, &fault));
    ck_assert_uint_eq(byte, 2);
    cpu_invlpg(&cpu, VA);
    faults(VA, SIM_WRITE, PF_PRESENT | PF_WRITE | PF_USER);
    faults(VA, SIM_READ, PF_PRESENT | PF_USER);
    faults(VA, SIM_FETCH, PF_PRESENT | PF_USER | PF_FETCH);
    cpu.cpl = 0;
    faults(VA, SIM_WRITE, PF_PRESENT | PF_WRITE);
    faults(VA, SIM_FETCH, PF_PRESENT | PF_FETCH);
}
END_TEST

START_TEST(invlpg_of_another_page_or_of_no_address_ends_nothing)
{
    paddr_t at;

    setup_policy(_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P);
    ck_assert_hex_eq(load(VA), OLD);
    ram_store64(&ram, at, 0);
    cpu_invlpg(&cpu, vaddr(VA.v - 1));
    cpu_invlpg(&cpu, vaddr_add(VA, PAGE_SIZE));
    cpu_invlpg(&cpu, vaddr(VA.v | UINT64_C(1) << 60)); /* not canonical */
    ck_assert_hex_eq(load(VA), OLD);
    ck_assert_uint_eq(events.counts[SIM_EVENT_INVLPG], 3);
}
END_TEST

/*
 *   2 MiB leaf [....x...........y....]   used at x, INVLPG at y
 */
START_TEST(invlpg_anywhere_in_a_large_page_ends_all_of_it)
{
    for (unsigned level = 2; level <= 3; level++) {
        vaddr_t page = vaddr(align_down(VA.v, level_size(level)));
        vaddr_t last = vaddr_add(page, level_size(level) - 1);
        paddr_t at;

        setup_policy(_i);
        at = tables_map(&t, page, 0, level, P | RW | G);
        ck_assert_hex_eq(load(vaddr_add(page, OLD_FRAME & 0x1fffff)),
                         ram_load64(&ram, paddr(OLD_FRAME & 0x1fffff)));
        ram_store64(&ram, at, 0);
        ck_assert(access_works(vaddr_add(page, 0x5000), SIM_READ));
        cpu_invlpg(&cpu, last);
        faults(vaddr_add(page, 0x5000), SIM_READ, 0);
    }
}
END_TEST

START_TEST(a_split_large_page_is_stale_until_it_is_invalidated)
{
    setup_policy(_i);
    tables_map(&t, VA, OLD_FRAME, 2, P | RW);
    ck_assert_hex_eq(load(VA), OLD);
    ram_store64(&ram, tables_slot(&t, VA, 2, 0), 0);
    tables_map(&t, VA, NEW_FRAME, 1, P | RW);
    ck_assert_hex_eq(load(VA), OLD);
    cpu_invlpg(&cpu, VA);
    ck_assert_hex_eq(load(VA), NEW);
}
END_TEST

/* G in the leaf, or only in a parent; PGE on or off; CR3 or PGE toggled */
START_TEST(a_cr3_load_spares_global_leaves_only_while_pge_is_on)
{
    for (unsigned n = 0; n < 8; n++) {
        bool in_leaf = n & 1, in_parent = n & 2, pge = n & 4;
        bool survives = in_leaf && pge;
        paddr_t at, parent;

        setup_policy(_i);
        ck_assert(cpu_write_cr4(&cpu, CR4_PAE | (pge ? CR4_PGE : 0)));
        at = tables_map(&t, VA, OLD_FRAME, 1, P | (in_leaf ? G : 0));
        parent = tables_slot(&t, VA, 2, 0);
        ram_store64(&ram, parent,
                    ram_load64(&ram, parent) | (in_parent ? G : 0));
        ck_assert_hex_eq(load(VA), OLD);
        ram_store64(&ram, at, 0);
        ck_assert(cpu_write_cr3(&cpu, t.root));
        ck_assert(access_works(VA, SIM_READ) == survives);
        ck_assert(cpu_write_cr4(&cpu, cpu.cr4 ^ CR4_PGE));
        ck_assert(!access_works(VA, SIM_READ));
    }
}
END_TEST

START_TEST(invlpg_ends_a_global_translation)
{
    paddr_t at;

    setup_policy(_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P | G);
    ck_assert_hex_eq(load(VA), OLD);
    ram_store64(&ram, at, 0);
    cpu_invlpg(&cpu, VA);
    faults(VA, SIM_READ, 0);
}
END_TEST

START_TEST(writing_cr4_without_touching_pge_ends_nothing)
{
    paddr_t at;

    setup_policy(_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P);
    ck_assert_hex_eq(load(VA), OLD);
    ram_store64(&ram, at, 0);
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | 1 << 9));
    ck_assert(!cpu_write_cr4(&cpu, cpu.cr4 & ~CR4_PAE));
    ck_assert(!cpu_write_cr3(&cpu, paddr(UINT64_MAX)));
    ck_assert_hex_eq(load(VA), OLD);
}
END_TEST

/* --- seen at once: rules 25, 26 ----------------------------------------- */

START_TEST(a_page_that_becomes_present_or_valid_is_seen_at_once)
{
    paddr_t at;

    setup_policy(_i);
    at = tables_slot(&t, VA, 1, P | RW);
    faults(VA, SIM_READ, 0);
    ram_store64(&ram, at, OLD_FRAME | P | UINT64_C(1) << 50);
    faults(VA, SIM_READ, PF_PRESENT | PF_RESERVED);
    ram_store64(&ram, at, OLD_FRAME | P);
    ck_assert_hex_eq(load(VA), OLD);
}
END_TEST

START_TEST(wp_nxe_and_cpl_are_obeyed_at_the_next_access)
{
    setup_policy(_i);
    tables_map(&t, VA, OLD_FRAME, 1, P | US | D);
    ck_assert_hex_eq(load(VA), OLD);
    faults(VA, SIM_WRITE, PF_PRESENT | PF_WRITE);
    ck_assert(cpu_write_cr0(&cpu, cpu.cr0 & ~CR0_WP));
    ck_assert(access_works(VA, SIM_WRITE));
    cpu.cpl = 3;
    faults(VA, SIM_WRITE, PF_PRESENT | PF_WRITE | PF_USER);
    cpu.cpl = 0;
    ck_assert(access_works(VA, SIM_WRITE));
    ck_assert(cpu_write_cr0(&cpu, cpu.cr0 | CR0_WP));
    faults(VA, SIM_WRITE, PF_PRESENT | PF_WRITE);

    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    cpu_invlpg(&cpu, VA);
    ck_assert(access_works(VA, SIM_WRITE));
    cpu.cpl = 3;
    faults(VA, SIM_READ, PF_PRESENT | PF_USER);
}
END_TEST

/** Rights loosened in memory alone; the clean translation allowed less. */
START_TEST(loosened_rights_cost_at_most_one_spurious_fault)
{
    for (unsigned kind = 0; kind < 3; kind++) {
        enum sim_access access = kind == 0   ? SIM_WRITE
                                 : kind == 1 ? SIM_FETCH
                                             : SIM_READ;
        paddr_t at;

        setup_policy(_i);
        at = tables_map(&t, VA, OLD_FRAME, 1, P | NX);
        ck_assert_hex_eq(load(VA), OLD);
        ram_store64(&ram, at, OLD_FRAME | P | RW | US);
        cpu.cpl = kind == 2 ? 3 : 0;
        if (_i == TLB_HOSTILE) {
            uint32_t error = kind == 0   ? PF_PRESENT | PF_WRITE
                             : kind == 1 ? PF_PRESENT | PF_FETCH
                                         : PF_PRESENT | PF_USER;

            faults(VA, access, error);
            ck_assert(fault.stale);
            ck_assert_uint_eq(fault.walk.step_count, 0);
        }
        ck_assert(access_works(VA, access));
    }
}
END_TEST

START_TEST(a_stale_denial_is_explained_as_such)
{
    char text[200];

    setup_policy(TLB_HOSTILE);
    tables_map(&t, VA, OLD_FRAME, 1, P);
    ck_assert_hex_eq(load(VA), OLD);
    faults(VA, SIM_WRITE, PF_PRESENT | PF_WRITE);
    ck_assert(fault.stale);
    walk_explain(&fault.walk, VA, SIM_WRITE, text, sizeof text);
    ck_assert_str_eq(text, "write to 0x444444400000: the remembered "
                           "translation (level 1) is not writable: R/W is 0");
    faults(VA, SIM_WRITE, PF_PRESENT | PF_WRITE); /* by a walk this time */
    ck_assert(!fault.stale);
    ck_assert_uint_eq(fault.walk.step_count, 4);
}
END_TEST

/* --- accessed and dirty: rules 21 to 23, 29 ----------------------------- */

START_TEST(a_write_through_a_clean_translation_sets_d)
{
    paddr_t at;

    setup_policy(_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    ck_assert_hex_eq(load(VA), OLD);
    ck_assert_hex_eq(ram_load64(&ram, at), OLD_FRAME | P | RW | A);
    store(VA, OLD);
    ck_assert_hex_eq(ram_load64(&ram, at), OLD_FRAME | P | RW | A | D);
    ck_assert_uint_eq(cpu.tlb.count, 1);
}
END_TEST

START_TEST(cleared_a_and_d_come_back_after_the_invalidation_only)
{
    paddr_t at;

    setup_policy(_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    store(VA, OLD);
    ram_store64(&ram, at, OLD_FRAME | P | RW);
    store(VA, OLD);
    ck_assert_hex_eq(ram_load64(&ram, at), OLD_FRAME | P | RW);
    cpu_invlpg(&cpu, VA);
    ck_assert_hex_eq(load(VA), OLD);
    ck_assert_hex_eq(ram_load64(&ram, at), OLD_FRAME | P | RW | A);
    store(VA, OLD);
    ck_assert_hex_eq(ram_load64(&ram, at), OLD_FRAME | P | RW | A | D);
}
END_TEST

/** The walk for D meets tables that changed meanwhile: they are believed. */
START_TEST(the_walk_for_d_believes_the_tables)
{
    paddr_t at;

    setup_policy(_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    ck_assert_hex_eq(load(VA), OLD);
    ram_store64(&ram, at, NEW_FRAME | P | RW);
    store(VA, 7);
    ck_assert_hex_eq(ram_load64(&ram, paddr(OLD_FRAME)), OLD);
    ck_assert_hex_eq(ram_load64(&ram, paddr(NEW_FRAME)), 7);
    ck_assert_uint_eq(cpu.tlb.count, 1);

    at = tables_map(&t, vaddr_add(VA, PAGE_SIZE), OLD_FRAME, 1, P | RW);
    ck_assert_hex_eq(load(vaddr_add(VA, PAGE_SIZE)), OLD);
    ram_store64(&ram, at, 0);
    faults(vaddr_add(VA, PAGE_SIZE), SIM_WRITE, PF_WRITE);
    ck_assert(!fault.stale);
    ck_assert_uint_eq(cpu.tlb.count, 1);
}
END_TEST

static unsigned dropped;
static void count_drop(void *ctx, const struct tlb_entry *entry) {
    (void)ctx;
    (void)entry;
    dropped++;
}

START_TEST(a_translation_that_turns_dirty_is_kept_and_nobody_is_told)
{
    setup_policy(_i);
    dropped = 0;
    cpu.tlb.on_drop = count_drop;
    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    ck_assert_hex_eq(load(VA), OLD);
    store(VA, 1);
    ck_assert_uint_eq(dropped, 0);
    cpu_invlpg(&cpu, VA);
    ck_assert_uint_eq(dropped, 1);
}
END_TEST

/** The leaf at VA shows the page table that holds it: the store sets A and D
 *  first and then overwrites the entry, so what was stored stands. */
START_TEST(a_store_onto_its_own_entry_survives)
{
    paddr_t at, table;
    vaddr_t window;

    setup_policy(_i);
    at = tables_slot(&t, VA, 1, P | RW);
    table = paddr(align_down(at.v, PAGE_SIZE));
    window = vaddr_add(VA, at.v - table.v);
    ram_store64(&ram, at, table.v | P | RW);
    store(window, NEW_FRAME | P | RW);
    ck_assert_hex_eq(ram_load64(&ram, at), NEW_FRAME | P | RW);
    /* and a load through it sees the A that itself has set */
    cpu_invlpg(&cpu, VA);
    ram_store64(&ram, at, table.v | P | RW);
    ck_assert_hex_eq(load(window), table.v | P | RW | A);
}
END_TEST

/* --- accesses over two pages: rule 19 ----------------------------------- */

static const vaddr_t SECOND = { UINT64_C(0x444444401000) };

START_TEST(a_straddling_access_meets_both_pages)
{
    for (unsigned bytes = 2; bytes <= 8; bytes++) {
        for (unsigned first = 1; first < bytes; first++) {
            vaddr_t va = vaddr(SECOND.v - first);
            uint64_t mask = UINT64_MAX >> (64 - 8 * bytes);
            uint64_t value = 0;

            setup_policy(_i);
            tables_map(&t, VA, OLD_FRAME, 1, P | RW);
            tables_map(&t, SECOND, NEW_FRAME, 1, P | RW);
            ck_assert(cpu_store(&cpu, va, bytes, OLD, &fault));
            ck_assert(cpu_load(&cpu, va, bytes, &value, &fault));
            ck_assert_hex_eq(value, OLD & mask);
            ck_assert_hex_eq(ram_load8(&ram, paddr(OLD_FRAME + 0xfff)),
                             OLD >> (8 * (first - 1)) & 0xff);
            ck_assert_hex_eq(ram_load8(&ram, paddr(NEW_FRAME)),
                             OLD >> (8 * first) & 0xff);
        }
    }
}
END_TEST

START_TEST(a_straddling_store_that_faults_stores_nothing_and_sets_no_flag)
{
    paddr_t first, second;
    vaddr_t va = vaddr(SECOND.v - 3);

    setup_policy(_i);
    first = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    second = tables_map(&t, SECOND, NEW_FRAME, 1, P);
    ram_store64(&ram, paddr(OLD_FRAME + 0xff8), OLD);
    ck_assert(!cpu_store(&cpu, va, 8, UINT64_MAX, &fault));
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_WRITE);
    ck_assert_hex_eq(fault.address.v, SECOND.v);
    ck_assert_hex_eq(cpu.cr2.v, SECOND.v);
    ck_assert_hex_eq(ram_load64(&ram, paddr(OLD_FRAME + 0xff8)), OLD);
    ck_assert_hex_eq(ram_load64(&ram, paddr(NEW_FRAME)), NEW);
    ck_assert_hex_eq(ram_load64(&ram, first), OLD_FRAME | P | RW);
    ck_assert_hex_eq(ram_load64(&ram, second), NEW_FRAME | P);
    ck_assert_uint_eq(cpu.tlb.count, 0);
    /* the first page absent: its fault comes first, at the access itself */
    ram_store64(&ram, first, 0);
    ck_assert(!cpu_store(&cpu, va, 8, UINT64_MAX, &fault));
    ck_assert_hex_eq(fault.error, PF_WRITE);
    ck_assert_hex_eq(cpu.cr2.v, va.v);
}
END_TEST

START_TEST(a_straddling_access_works_with_a_single_translation_remembered)
{
    uint64_t value;

    power_off();
    power_on(TLB_LRU, 1);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    tables_map(&t, SECOND, NEW_FRAME, 1, P | RW);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert(cpu_store(&cpu, vaddr(SECOND.v - 1 - i), 8, OLD + i, &fault));
        ck_assert(cpu_load(&cpu, vaddr(SECOND.v - 1 - i), 8, &value, &fault));
        ck_assert_hex_eq(value, OLD + i);
        ck_assert_uint_eq(cpu.tlb.count, 1);
    }
    ck_assert_uint_eq(events.counts[SIM_EVENT_EVICT], cpu.tlb.evictions);
    ck_assert(cpu.tlb.evictions >= 7);
}
END_TEST

START_TEST(pages_meet_at_both_ends_of_the_address_space)
{
    const vaddr_t top = vaddr(UINT64_MAX - 4095);
    uint64_t value;

    tables_map(&t, top, OLD_FRAME, 1, P | RW);
    tables_map(&t, vaddr(0), NEW_FRAME, 1, P | RW);
    ck_assert(cpu_store(&cpu, vaddr(UINT64_MAX - 3), 8, OLD, &fault));
    ck_assert(cpu_load(&cpu, vaddr(UINT64_MAX - 3), 8, &value, &fault));
    ck_assert_hex_eq(value, OLD);
    ck_assert_hex_eq(ram_load(&ram, paddr(NEW_FRAME), 4), OLD >> 32);
}
END_TEST

/* --- no page fault: rule 20 --------------------------------------------- */

START_TEST(an_address_that_is_not_canonical_raises_gp_and_leaves_cr2)
{
    static const uint64_t bad[] = {
        UINT64_C(0x800000000000),     UINT64_C(0xffff7fffffffffff),
        UINT64_C(0x8000444444400000), UINT64_C(0x7ffffffffffd), /* straddles */
        UINT64_C(0xffff7ffffffffffc),
    };
    uint64_t value;

    setup_policy(_i);
    faults(VA, SIM_READ, 0);
    for (unsigned i = 0; i < 5; i++) {
        ck_assert(!cpu_load(&cpu, vaddr(bad[i]), 8, &value, &fault));
        ck_assert_uint_eq(fault.vector, 13);
        ck_assert_uint_eq(fault.error, 0);
        ck_assert_int_eq(fault.walk.reason, WALK_NOT_CANONICAL);
        ck_assert(!cpu_store(&cpu, vaddr(bad[i]), 8, 0, &fault));
        ck_assert_uint_eq(fault.vector, 13);
    }
    ck_assert_hex_eq(cpu.cr2.v, VA.v);
}
END_TEST

/* --- who flushes notices nothing ---------------------------------------- */

/*
 * 32 pages change at random; each change is followed by the INVLPG it needs.
 * Then a processor with a TLB, of whatever policy and size, answers every
 * access as the walk alone would.
 */
START_TEST(with_every_invalidation_done_no_tlb_can_be_noticed)
{
    uint64_t x = 88172645463325252u + (uint64_t)_i;

    power_off();
    power_on(_i & 1 ? TLB_HOSTILE : TLB_LRU, 1u << _i);
    for (unsigned n = 0; n < 20000; n++) {
        vaddr_t page, va;
        enum sim_access access;
        struct walk_control control;
        struct walk_result expected;
        paddr_t pa;

        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        page = vaddr_add(VA, (x & 31) * PAGE_SIZE);
        if (x >> 5 & 1) {
            uint64_t rights = P | RW | US | NX | G | A | D;

            tables_map(&t, page, (x >> 8 & 7) * PAGE_SIZE, 1,
                       (x >> 16 | (x >> 6 & 1) | x << 40) & rights);
            cpu_invlpg(&cpu, page);
        }
        va = vaddr_add(VA, x >> 20 & 0x1ffff);
        access = (enum sim_access)((x >> 40 & 3) % 3);
        cpu.cpl = x >> 42 & 1 ? 3 : 0;
        ck_assert(cpu_write_cr0(&cpu, x >> 43 & 1 ? cpu.cr0 | CR0_WP
                                                  : cpu.cr0 & ~CR0_WP));
        control = cpu_control(&cpu);
        expected = walk(&ram, &control, va, access, cpu.cpl == 3);
        if (cpu_translate(&cpu, va, access, &pa, NULL, &fault)) {
            if (expected.reason != WALK_OK || expected.pa.v != pa.v) {
                ck_abort_msg("step %u: 0x%llx", n, (unsigned long long)va.v);
            }
        } else if (fault.error != expected.error ||
                   expected.reason == WALK_OK) {
            ck_abort_msg("step %u: error 0x%x", n, fault.error);
        }
    }
}
END_TEST

/* --- holes and events: I1, I7 ------------------------------------------- */

START_TEST(an_access_to_a_hole_reads_ones_and_is_an_event)
{
    setup_policy(_i);
    tables_map(&t, VA, 0xb8000, 1, P | RW);
    store(VA, 1);
    ck_assert_hex_eq(load(VA), UINT64_MAX);
    ck_assert_uint_eq(events.counts[SIM_EVENT_HOLE], 2);
    ck_assert_hex_eq(events.ring[(events.total - 1) % SIM_EVENTS_KEPT].a,
                     0xb8000);
    /* a table in a hole */
    ram_store64(&ram, tables_slot(&t, SECOND, 2, 0), 0xc0000 | P | RW);
    faults(SECOND, SIM_READ, PF_PRESENT | PF_RESERVED);
    ck_assert_uint_eq(events.counts[SIM_EVENT_HOLE], 3);
}
END_TEST

START_TEST(what_the_machine_does_is_counted)
{
    setup_policy(_i);
    memset(&events, 0, sizeof events);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    tables_map(&t, vaddr(GIB), 0, 3, P | RW);
    (void)load(VA);                      /* walk, 4 reads, fill */
    (void)load(VA);                      /* hit */
    store(VA, OLD);                      /* walk for D, 4 reads, fill */
    (void)load(vaddr(GIB));              /* walk, 2 reads, fill */
    faults(vaddr(3 * TIB), SIM_READ, 0); /* walk, 1 read, fault */
    cpu_invlpg(&cpu, VA);
    ck_assert(cpu_write_cr3(&cpu, t.root));
    ck_assert(cpu_write_cr4(&cpu, CR4_PAE));
    ck_assert_uint_eq(events.counts[SIM_EVENT_WALK], 4);
    ck_assert_uint_eq(events.walk_reads, 11);
    ck_assert_uint_eq(events.counts[SIM_EVENT_FILL], 3);
    ck_assert_uint_eq(events.counts[SIM_EVENT_FAULT], 1);
    ck_assert_uint_eq(events.counts[SIM_EVENT_INVLPG], 1);
    ck_assert_uint_eq(events.counts[SIM_EVENT_CR3], 1);
    ck_assert_uint_eq(events.counts[SIM_EVENT_FLUSH_ALL], 1);
    ck_assert_uint_eq(events.total, 11);
    for (int kind = 0; kind < SIM_EVENT_KIND_COUNT; kind++) {
        ck_assert_str_ne(sim_event_name((enum sim_event_kind)kind), "?");
    }
    ck_assert_str_eq(sim_event_name(SIM_EVENT_KIND_COUNT), "?");
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim cpu");
    TCase *control = tcase_create("control registers");
    TCase *stale = tcase_create("translations");
    TCase *data = tcase_create("loads and stores");

    tcase_add_checked_fixture(control, setup, power_off);
    tcase_add_test(control,
                   after_power_up_it_is_in_long_mode_with_wp_pge_and_nxe);
    tcase_add_test(
        control,
        every_bit_of_cr0_is_taken_ignored_or_refused_as_the_manual_says);
    tcase_add_test(control,
                   every_bit_of_cr4_is_taken_or_refused_as_the_manual_says);
    tcase_add_test(control,
                   every_bit_of_efer_is_taken_or_refused_as_the_manual_says);
    tcase_add_test(control, cr3_takes_any_address_below_maxphyaddr);
    tcase_add_test(control, the_low_12_bits_of_cr3_do_not_address);
    tcase_add_test(control, paging_starts_only_after_pae_and_lme);
    tcase_add_test(control, before_paging_pae_and_lme_may_be_taken_back);
    suite_add_tcase(s, control);

    tcase_add_checked_fixture(stale, setup, power_off);
#define BOTH(test) tcase_add_loop_test(stale, test, TLB_LRU, TLB_HOSTILE + 1)
    BOTH(a_translation_names_the_entry_that_is_remembered);
    BOTH(a_fetch_asks_for_the_right_to_execute);
    BOTH(a_translation_stays_stale_until_exactly_its_invalidation);
    BOTH(tightened_rights_are_unseen_until_the_invalidation);
    BOTH(invlpg_of_another_page_or_of_no_address_ends_nothing);
    BOTH(invlpg_anywhere_in_a_large_page_ends_all_of_it);
    BOTH(a_split_large_page_is_stale_until_it_is_invalidated);
    BOTH(a_cr3_load_spares_global_leaves_only_while_pge_is_on);
    BOTH(invlpg_ends_a_global_translation);
    BOTH(writing_cr4_without_touching_pge_ends_nothing);
    BOTH(a_page_that_becomes_present_or_valid_is_seen_at_once);
    BOTH(wp_nxe_and_cpl_are_obeyed_at_the_next_access);
    BOTH(loosened_rights_cost_at_most_one_spurious_fault);
    tcase_add_test(stale, a_stale_denial_is_explained_as_such);
    BOTH(a_write_through_a_clean_translation_sets_d);
    BOTH(cleared_a_and_d_come_back_after_the_invalidation_only);
    BOTH(the_walk_for_d_believes_the_tables);
    BOTH(a_translation_that_turns_dirty_is_kept_and_nobody_is_told);
    BOTH(a_store_onto_its_own_entry_survives);
    suite_add_tcase(s, stale);

    tcase_add_checked_fixture(data, setup, power_off);
#undef BOTH
#define BOTH(test) tcase_add_loop_test(data, test, TLB_LRU, TLB_HOSTILE + 1)
    BOTH(a_straddling_access_meets_both_pages);
    BOTH(a_straddling_store_that_faults_stores_nothing_and_sets_no_flag);
    tcase_add_test(
        data, a_straddling_access_works_with_a_single_translation_remembered);
    tcase_add_test(data, pages_meet_at_both_ends_of_the_address_space);
    BOTH(an_address_that_is_not_canonical_raises_gp_and_leaves_cr2);
    tcase_add_loop_test(
        data, with_every_invalidation_done_no_tlb_can_be_noticed, 0, 6);
    BOTH(an_access_to_a_hole_reads_ones_and_is_an_event);
    BOTH(what_the_machine_does_is_counted);
    suite_add_tcase(s, data);
    return tables_run(s);
}
