/*
 * What the mode of the processor does to accesses: privilege, AC, PKRU, SMEP,
 * SMAP, the stack segment, five levels, features that are missing; and
 * read-modify-writes.  _i is the policy.
 */
#include "sim/processor.h"

#define KEY(k) ((uint64_t)(k) << PTE_KEY_SHIFT)

static uint64_t add_7(void *ctx, uint64_t old) {
    ++*(unsigned *)ctx;
    return old + 7;
}

static unsigned changed; /* calls of add_7 */
static bool add(vaddr_t va, unsigned bytes, uint64_t *old) {
    changed = 0;
    return cpu_rmw(&cpu, va, bytes, add_7, &changed, old, &fault);
}

/* --- read-modify-write: rule 15 ----------------------------------------- */

START_TEST(a_read_modify_write_gives_the_old_value_and_stores_the_new)
{
    paddr_t at;
    uint64_t old = 0;

    setup_policy(_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    ck_assert(add(VA, 8, &old));
    ck_assert_hex_eq(old, OLD);
    ck_assert_uint_eq(changed, 1);
    ck_assert_hex_eq(load(VA), OLD + 7);
    ck_assert_hex_eq(ram_load64(&ram, at), OLD_FRAME | P | RW | A | D);
    ck_assert(add(VA, 1, &old)); /* one byte, and the others stay */
    ck_assert_hex_eq(old, (OLD + 7) & 0xff);
    ck_assert_hex_eq(load(VA), OLD + 14);
}
END_TEST

START_TEST(a_read_modify_write_over_two_pages_needs_both_writable)
{
    const vaddr_t va = vaddr(SECOND.v - 3);
    uint64_t old = 0;

    setup_policy(_i);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    tables_map(&t, SECOND, NEW_FRAME, 1, P);
    ram_store(&ram, paddr(OLD_FRAME + 0xffd), 3, 0xfffffe);
    ck_assert(!add(va, 8, &old));
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_WRITE);
    ck_assert_hex_eq(cpu.cr2.v, SECOND.v);
    ck_assert_uint_eq(changed, 0);
    tables_map(&t, SECOND, NEW_FRAME, 1, P | RW);
    ck_assert(add(va, 8, &old));
    ck_assert_hex_eq(old, 0xfffffe | NEW << 24);
    ck_assert_hex_eq(ram_load(&ram, paddr(OLD_FRAME + 0xffd), 3), 5);
    ck_assert_hex_eq(ram_load(&ram, paddr(NEW_FRAME), 5),
                     ((NEW & UINT64_C(0xffffffffff)) + 1));
    faults(vaddr_add(SECOND, PAGE_SIZE), SIM_RMW, PF_WRITE);
}
END_TEST

/* --- judged at the access: rule 25 -------------------------------------- */

/** The translation is held already when each control changes. */
START_TEST(smap_ac_smep_and_pkru_are_obeyed_at_the_next_access)
{
    setup_policy(_i);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW | US | KEY(2));
    ck_assert(access_works(VA, SIM_RMW));
    (void)load(VA); /* and is known by its host address */
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | CR4_SMAP));
    faults(VA, SIM_READ, PF_PRESENT);
    cpu.ac = true;
    ck_assert(access_works(VA, SIM_READ));
    cpu.ac = false;
    faults(VA, SIM_WRITE, PF_PRESENT | PF_WRITE);
    cpu.cpl = 3;
    ck_assert(access_works(VA, SIM_READ));
    cpu.cpl = 2; /* a supervisor too */
    faults(VA, SIM_READ, PF_PRESENT);
    cpu.cpl = 0;
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 & ~CR4_SMAP));
    ck_assert(access_works(VA, SIM_FETCH));
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | CR4_SMEP));
    faults(VA, SIM_FETCH, PF_PRESENT | PF_FETCH);
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 & ~CR4_SMEP));
    ck_assert(access_works(VA, SIM_FETCH));

    cpu.pkru = UINT32_C(1) << 4;
    ck_assert(access_works(VA, SIM_READ)); /* PKE is 0 */
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | CR4_PKE));
    faults(VA, SIM_READ, PF_PRESENT | PF_KEY);
    cpu.pkru = UINT32_C(2) << 4;
    ck_assert(access_works(VA, SIM_READ));
    faults(VA, SIM_WRITE, PF_PRESENT | PF_WRITE | PF_KEY);
    cpu.pkru = 0;
    ck_assert(access_works(VA, SIM_WRITE));
}
END_TEST

/** The key is remembered with the translation, PKRU is not. */
START_TEST(a_changed_key_is_unseen_until_the_invalidation)
{
    setup_policy(_i);
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | CR4_PKE));
    tables_map(&t, VA, OLD_FRAME, 1, P | US | KEY(2));
    cpu.pkru = UINT32_C(1) << 6;
    ck_assert_hex_eq(load(VA), OLD);
    tables_map(&t, VA, OLD_FRAME, 1, P | US | KEY(3));
    ck_assert_hex_eq(load(VA), OLD);
    cpu_invlpg(&cpu, VA);
    faults(VA, SIM_READ, PF_PRESENT | PF_KEY);
}
END_TEST

/* --- the stack segment: rule 20 ----------------------------------------- */

START_TEST(a_stack_access_that_is_not_canonical_raises_ss_and_leaves_cr2)
{
    uint64_t value;
    uint8_t byte;

    setup_policy(_i);
    faults(VA, SIM_READ, 0);
    cpu.stack = true;
    ck_assert(!cpu_store(&cpu, vaddr(UINT64_C(1) << 47), 8, 0, &fault));
    ck_assert_uint_eq(fault.vector, 12);
    ck_assert_uint_eq(fault.error, 0);
    ck_assert(
        !cpu_load(&cpu, vaddr(UINT64_C(0x7ffffffffffd)), 8, &value, &fault));
    ck_assert_uint_eq(fault.vector, 12);
    ck_assert_hex_eq(fault.address.v, UINT64_C(0x800000000000));
    ck_assert(!cpu_fetch(&cpu, vaddr(UINT64_C(1) << 47), &byte, &fault));
    ck_assert_uint_eq(fault.vector, 13);
    ck_assert_hex_eq(cpu.cr2.v, VA.v);
    faults(SECOND, SIM_READ, 0); /* a canonical one is an ordinary #PF */
}
END_TEST

/* --- five levels: A9 ---------------------------------------------------- */

/** Into long mode with LA57; the PML5's entry @index leads to t's PML4. */
static void start_five_levels(unsigned index) {
    paddr_t pml5 = tables_take(&t);

    ram_store64(&ram, paddr_add(pml5, 8 * index), t.root.v | P | RW | US);
    cpu_reset(&cpu);
    ck_assert(cpu_write_cr4(&cpu, CR4_PAE | CR4_PGE | CR4_LA57));
    ck_assert(cpu_write_cr3(&cpu, pml5));
    ck_assert(cpu_write_efer(&cpu, EFER_LME | EFER_NXE));
    ck_assert(cpu_write_cr0(&cpu, CR0_PG | CR0_PE | CR0_WP));
}

START_TEST(la57_gives_57_bits_of_address_and_stands_in_long_mode)
{
    const vaddr_t far = vaddr_add(VA, UINT64_C(5) << 48);
    paddr_t at;
    uint64_t value;

    setup_policy(_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    start_five_levels(5);
    ck_assert_hex_eq(load(far), OLD);
    ck_assert(!cpu_write_cr4(&cpu, cpu.cr4 & ~CR4_LA57));
    ram_store64(&ram, at, 0);
    cpu_invlpg(&cpu, vaddr_add(far, UINT64_C(1) << 56)); /* not canonical */
    cpu_invlpg(&cpu, VA);                                /* another page */
    if (_i != TLB_NONE && _i != TLB_RANDOM) {
        ck_assert_hex_eq(load(far), OLD);
    }
    cpu_invlpg(&cpu, far);
    faults(far, SIM_READ, 0);
    faults(VA, SIM_READ, 0);
    ck_assert_uint_eq(fault.walk.level, 5);
    ck_assert(
        !cpu_load(&cpu, vaddr((UINT64_C(1) << 56) - 4), 8, &value, &fault));
    ck_assert_uint_eq(fault.vector, 13);
}
END_TEST

START_TEST(after_a_reset_nothing_is_remembered_and_paging_is_off)
{
    setup_policy(_i);
    cpu.cpl = 3;
    cpu.ac = cpu.stack = cpu.interrupts = true;
    cpu.pkru = 5;
    tables_map(&t, VA, OLD_FRAME, 1, P | US | G);
    (void)load(VA);
    cpu_reset(&cpu);
    ck_assert_uint_eq(cpu.tlb.count + cpu.upper.count, 0);
    ck_assert_hex_eq(cpu.cr0 & (CR0_PG | CR0_PE), CR0_PE);
    ck_assert_hex_eq(cpu.cr3.v | cpu.cr4 | cpu.efer | cpu.pkru, 0);
    ck_assert(!cpu.ac && !cpu.stack && !cpu.interrupts && cpu.cpl == 0);
    ck_assert(cpu.has_nx && cpu.phys_bits == CPU_PHYS_BITS);
}
END_TEST

/* --- features ----------------------------------------------------------- */

START_TEST(the_bits_of_features_that_are_missing_are_reserved)
{
    cpu_reset(&cpu);
    ck_assert(cpu_write_cr4(&cpu, CR4_LA57 | CR4_SMEP | CR4_SMAP | CR4_PKE));
    ck_assert(cpu_write_cr4(&cpu, 0));
    cpu.has_la57 = cpu.has_smep = cpu.has_smap = false;
    cpu.has_keys = cpu.has_nx = cpu.has_pcid = false;
    ck_assert(!cpu_write_cr4(&cpu, CR4_LA57));
    ck_assert(!cpu_write_cr4(&cpu, CR4_SMEP));
    ck_assert(!cpu_write_cr4(&cpu, CR4_SMAP));
    ck_assert(!cpu_write_cr4(&cpu, CR4_PKE));
    ck_assert(!cpu_write_efer(&cpu, EFER_NXE));
    ck_assert(cpu_write_cr4(&cpu, CR4_PAE));
    ck_assert(cpu_write_efer(&cpu, EFER_LME));
    ck_assert(cpu_write_cr0(&cpu, CR0_PG | CR0_PE));
    ck_assert(!cpu_write_cr4(&cpu, CR4_PAE | CR4_PCIDE));
}
END_TEST

START_TEST(amd_refuses_bit_8_above_the_leaf_and_intel_ignores_it)
{
    for (unsigned level = 4; level >= 2; level--) {
        paddr_t at;

        setup_policy(_i);
        tables_map(&t, VA, OLD_FRAME, 1, P);
        at = tables_slot(&t, VA, level, 0);
        ram_store64(&ram, at, ram_load64(&ram, at) | G);
        ck_assert_hex_eq(load(VA), OLD);
        cpu.amd = true;
        ck_assert(cpu_write_cr3(&cpu, cpu.cr3));
        if (level >= 3) {
            faults(VA, SIM_READ, PF_PRESENT | PF_RESERVED);
        } else {
            ck_assert_hex_eq(load(VA), OLD);
        }
    }
}
END_TEST

/* --- a table that maps itself: rules 23, 30 ----------------------------- */

#define SELF 510u
/** The address at which the self-map shows the page table of @va. */
static vaddr_t window(vaddr_t va) {
    return vaddr_sign_extend(
        vaddr((uint64_t)SELF << 39 | (va.v >> 9 & UINT64_C(0x7ffffff000))));
}

/* VA's PDE leads to another table: the window onto the old one is a
   translation of its own. */
START_TEST(the_window_onto_a_page_table_needs_its_own_invlpg)
{
    paddr_t pde, old_pt, new_pt;
    uint64_t word;

    setup_policy(_i);
    ram_store64(&ram, paddr_add(t.root, 8 * SELF), t.root.v | P | RW);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    pde = tables_slot(&t, VA, 2, 0);
    old_pt = pte_address(pte(ram_load64(&ram, pde)));
    new_pt = tables_take(&t);
    word = load(window(VA));
    ck_assert_hex_eq(word, ram_load64(&ram, old_pt));
    ram_store64(&ram, new_pt, NEW_FRAME | P | RW);
    ram_store64(&ram, pde, new_pt.v | P | RW);
    cpu_invlpg(&cpu, VA);
    ck_assert_hex_eq(load(VA), NEW);
    ck_assert_hex_eq(load(window(VA)), word); /* the old table still */
    cpu_invlpg(&cpu, window(VA));
    ck_assert_hex_eq(load(window(VA)), NEW_FRAME | P | RW | A);
}
END_TEST

/** A write that lands on an entry it has just walked through: A is set there
 *  first, and then overwritten. */
START_TEST(a_store_onto_an_upper_entry_it_walked_through_survives)
{
    vaddr_t va;
    paddr_t at;

    setup_policy(_i);
    at = paddr_add(t.root, 8 * SELF);
    ram_store64(&ram, at, t.root.v | P | RW);
    va = vaddr_sign_extend(vaddr((uint64_t)SELF << 39 | (uint64_t)SELF << 30 |
                                 (uint64_t)SELF << 21 | (uint64_t)SELF << 12 |
                                 8 * SELF));
    ck_assert_hex_eq(load(va), t.root.v | P | RW | A); /* its own A */
    store(va, NEW_FRAME);
    ck_assert_hex_eq(ram_load64(&ram, at), NEW_FRAME);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim modes");
    TCase *tc = tcase_create("modes");

    tcase_add_checked_fixture(tc, setup, power_off);
    EACH(tc, a_read_modify_write_gives_the_old_value_and_stores_the_new);
    EACH(tc, a_read_modify_write_over_two_pages_needs_both_writable);
    EACH(tc, smap_ac_smep_and_pkru_are_obeyed_at_the_next_access);
    BOTH(tc, a_changed_key_is_unseen_until_the_invalidation);
    EACH(tc, a_stack_access_that_is_not_canonical_raises_ss_and_leaves_cr2);
    EACH(tc, la57_gives_57_bits_of_address_and_stands_in_long_mode);
    EACH(tc, after_a_reset_nothing_is_remembered_and_paging_is_off);
    tcase_add_test(tc, the_bits_of_features_that_are_missing_are_reserved);
    EACH(tc, amd_refuses_bit_8_above_the_leaf_and_intel_ignores_it);
    BOTH(tc, the_window_onto_a_page_table_needs_its_own_invlpg);
    EACH(tc, a_store_onto_an_upper_entry_it_walked_through_survives);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
