/*
 * Remembered upper entries, in the hostile policy: a changed parent is unseen,
 * also by pages that were never accessed, until exactly what must end it; and
 * unseen by no other policy's misses.  Rules 24, 25, 26, 27.  I3
 *
 *   PML4 --> PDPT --> PD --[PDE]--> PT:  VA shows OLD, SECOND shows OLD
 *                       \ [changed]-> other PT:        SECOND shows NEW
 */
#include "sim/processor.h"

static paddr_t pde;

/** VA was used; then its PDE leads to another table, with no flush. */
static void change_parent(int policy) {
    uint64_t other;

    setup_policy(policy);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    tables_map(&t, SECOND, OLD_FRAME, 1, P | RW);
    pde = tables_slot(&t, VA, 2, 0);
    ck_assert_hex_eq(load(VA), OLD);
    other = tables_take(&t).v;
    ram_store64(&ram, paddr(other + 8 * table_index(SECOND, 1)),
                NEW_FRAME | P | RW);
    ram_store64(&ram, pde, other | P | RW | US);
}

START_TEST(a_page_that_was_never_accessed_is_reached_through_the_old_parent)
{
    change_parent(TLB_HOSTILE);
    ck_assert_hex_eq(load(SECOND), OLD);
}
END_TEST

START_TEST(without_remembered_upper_entries_it_is_reached_through_the_new_one)
{
    static const enum tlb_policy others[] = { TLB_LRU, TLB_RANDOM, TLB_NONE };

    for (unsigned i = 0; i < 3; i++) {
        change_parent((int)others[i]);
        ck_assert_hex_eq(load(SECOND), NEW);
    }
}
END_TEST

/* rule 27 */
START_TEST(invlpg_of_any_address_ends_all_upper_entries)
{
    change_parent(TLB_HOSTILE);
    cpu_invlpg(&cpu, vaddr(7 * TIB));
    ck_assert_hex_eq(load(SECOND), NEW);
    ck_assert_hex_eq(load(VA), OLD); /* whose own translation is held still */
    change_parent(TLB_HOSTILE);
    cpu_invlpg(&cpu, vaddr(UINT64_C(1) << 47)); /* no address: nothing */
    ck_assert_hex_eq(load(SECOND), OLD);
}
END_TEST

START_TEST(a_load_of_cr3_a_changed_pge_and_a_set_smep_end_upper_entries)
{
    for (unsigned n = 0; n < 3; n++) {
        change_parent(TLB_HOSTILE);
        ck_assert(n == 0   ? cpu_write_cr3(&cpu, cpu.cr3)
                  : n == 1 ? cpu_write_cr4(&cpu, cpu.cr4 ^ CR4_PGE)
                           : cpu_write_cr4(&cpu, cpu.cr4 | CR4_SMEP));
        ck_assert_hex_eq(load(SECOND), NEW);
    }
}
END_TEST

/* "Individual-address": only what would translate that address */
START_TEST(invpcid_of_an_address_ends_the_upper_entries_of_that_address_alone)
{
    change_parent(TLB_HOSTILE);
    ck_assert(cpu_invpcid(&cpu, INVPCID_ADDRESS, 0, vaddr(VA.v + GIB)));
    ck_assert_hex_eq(load(SECOND), OLD);
    change_parent(TLB_HOSTILE);
    ck_assert(cpu_invpcid(&cpu, INVPCID_ADDRESS, 0, SECOND));
    ck_assert_hex_eq(load(SECOND), NEW);
}
END_TEST

/* rule 26: through the old parent the page is absent; the retry sees the new */
START_TEST(a_fault_ends_the_upper_entries_of_its_address)
{
    const vaddr_t third = vaddr_add(VA, 2 * PAGE_SIZE);

    change_parent(TLB_HOSTILE);
    ram_store64(&ram,
                paddr_add(pte_address(pte(ram_load64(&ram, pde))),
                          8 * table_index(third, 1)),
                NEW_FRAME | P | RW);
    faults(vaddr(3 * TIB), SIM_READ, 0); /* another address: not yet */
    faults(third, SIM_READ, 0);
    ck_assert_uint_eq(fault.walk.step_count, 1);
    ck_assert_uint_eq(fault.walk.top, 1);
    ck_assert_hex_eq(load(third), NEW);
    ck_assert_hex_eq(load(SECOND), NEW);
}
END_TEST

/** Rights of the parent tightened: its old ones still count. */
START_TEST(the_rights_of_an_upper_entry_are_remembered_with_it)
{
    const vaddr_t third = vaddr_add(VA, 2 * PAGE_SIZE);
    paddr_t pdpte;

    setup_policy(TLB_HOSTILE);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW | US);
    tables_map(&t, SECOND, OLD_FRAME, 1, P | RW | US);
    tables_map(&t, third, OLD_FRAME, 1, P | RW | US);
    pdpte = tables_slot(&t, VA, 3, 0);
    ck_assert_hex_eq(load(VA), OLD);
    ram_store64(&ram, pdpte, (ram_load64(&ram, pdpte) & ~(RW | US)) | NX);
    cpu.cpl = 3;
    ck_assert(access_works(SECOND, SIM_RMW));
    ck_assert(access_works(SECOND, SIM_FETCH));
    cpu_invlpg(&cpu, SECOND);
    faults(SECOND, SIM_READ, PF_PRESENT | PF_USER);
    cpu.cpl = 0;
    faults(SECOND, SIM_WRITE, PF_PRESENT | PF_WRITE);
    faults(SECOND, SIM_FETCH, PF_PRESENT | PF_FETCH);
    ck_assert_uint_eq(fault.walk.level, 3);
    /* and loosened ones do not count before the fault that ends them */
    ck_assert_hex_eq(load(SECOND), OLD);
    ram_store64(&ram, pdpte, ram_load64(&ram, pdpte) | RW);
    faults(third, SIM_WRITE, PF_PRESENT | PF_WRITE);
    ck_assert_uint_eq(fault.walk.step_count, 1);
    ck_assert_uint_eq(fault.walk.level, 2);
    ck_assert(access_works(third, SIM_WRITE));
}
END_TEST

/** The new walk begins at the lowest of them: PDE, PDPTE, PML4E. */
START_TEST(a_walk_begins_at_the_lowest_upper_entry_that_fits)
{
    static const struct {
        uint64_t away;
        unsigned reads;
    } cases[] = {
        { PAGE_SIZE, 1 }, { 2 * MIB, 2 }, { 2 * GIB, 3 }, { 2 * TIB, 4 }
    };

    for (unsigned i = 0; i < 4; i++) {
        vaddr_t far = vaddr(VA.v + cases[i].away);
        uint64_t reads;

        setup_policy(TLB_HOSTILE);
        tables_map(&t, VA, OLD_FRAME, 1, P);
        tables_map(&t, far, NEW_FRAME, 1, P);
        ck_assert_hex_eq(load(VA), OLD);
        reads = events.walk_reads;
        ck_assert_hex_eq(load(far), NEW);
        ck_assert_uint_eq(events.walk_reads - reads, cases[i].reads);
    }
}
END_TEST

/* rule 25: what was absent or reserved is not remembered at any level */
START_TEST(an_upper_entry_that_becomes_present_or_valid_is_seen_at_once)
{
    for (unsigned level = 4; level >= 2; level--) {
        uint64_t e;
        paddr_t at;

        setup_policy(_i);
        tables_map(&t, VA, OLD_FRAME, 1, P);
        at = tables_slot(&t, VA, level, 0);
        e = ram_load64(&ram, at);
        ram_store64(&ram, at, 0);
        faults(VA, SIM_READ, 0);
        ram_store64(&ram, at, e | UINT64_C(1) << 51);
        faults(VA, SIM_READ, PF_PRESENT | PF_RESERVED);
        ram_store64(&ram, at, e);
        ck_assert_hex_eq(load(VA), OLD);
    }
}
END_TEST

/* Nothing may be remembered of a walk that fails: it sets no A either. */
START_TEST(a_walk_that_fails_remembers_no_upper_entry)
{
    setup_policy(TLB_HOSTILE);
    tables_map(&t, VA, OLD_FRAME, 1, P);
    faults(SECOND, SIM_READ, 0);
    faults(VA, SIM_WRITE, PF_PRESENT | PF_WRITE);
    ck_assert_uint_eq(cpu.upper.count, 0);
    ck_assert_hex_eq(load(VA), OLD);
    ck_assert_uint_eq(cpu.upper.count, 3);
}
END_TEST

START_TEST(upper_entries_belong_to_their_pcid)
{
    setup_policy(TLB_HOSTILE);
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | CR4_PCIDE));
    change_parent(TLB_HOSTILE);
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | CR4_PCIDE));
    ck_assert(cpu_write_cr3(&cpu, paddr(t.root.v | 1 | CR3_NOFLUSH)));
    ck_assert_hex_eq(load(SECOND), NEW);
    cpu_invlpg(&cpu, vaddr(0)); /* ends those of PCID 1 */
    ck_assert(cpu_write_cr3(&cpu, paddr(t.root.v | CR3_NOFLUSH)));
    ck_assert_hex_eq(load(SECOND), OLD);
    ck_assert(cpu_write_cr3(&cpu, paddr(t.root.v | CR3_NOFLUSH)));
    ck_assert(cpu_invpcid(&cpu, INVPCID_CONTEXT, 0, vaddr(0)));
    ck_assert_hex_eq(load(SECOND), NEW);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim upper");
    TCase *tc = tcase_create("upper");

    tcase_add_checked_fixture(tc, setup, power_off);
    tcase_add_test(
        tc, a_page_that_was_never_accessed_is_reached_through_the_old_parent);
    tcase_add_test(
        tc, without_remembered_upper_entries_it_is_reached_through_the_new_one);
    tcase_add_test(tc, invlpg_of_any_address_ends_all_upper_entries);
    tcase_add_test(
        tc, a_load_of_cr3_a_changed_pge_and_a_set_smep_end_upper_entries);
    tcase_add_test(
        tc, invpcid_of_an_address_ends_the_upper_entries_of_that_address_alone);
    tcase_add_test(tc, a_fault_ends_the_upper_entries_of_its_address);
    tcase_add_test(tc, the_rights_of_an_upper_entry_are_remembered_with_it);
    tcase_add_test(tc, a_walk_begins_at_the_lowest_upper_entry_that_fits);
    EACH(tc, an_upper_entry_that_becomes_present_or_valid_is_seen_at_once);
    tcase_add_test(tc, a_walk_that_fails_remembers_no_upper_entry);
    tcase_add_test(tc, upper_entries_belong_to_their_pcid);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
