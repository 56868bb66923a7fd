/*
 * PCIDs and INVPCID: whose translations each instruction ends, and whose not.
 *
 * Two roots, A and B, show OLD and NEW at VA; A runs under PCID 1, B under 2.
 * _i is the policy where the outcome is the same under LRU and hostile.
 */
#include "sim/processor.h"

#define PCID_A 1u
#define PCID_B 2u

static struct tables b; /* the tables of B; `t` are those of A */

/** MOV to CR3: that root and PCID, with bit 63 when nothing is to go. */
static bool load_cr3(paddr_t root, unsigned pcid, uint64_t noflush) {
    return cpu_write_cr3(&cpu, paddr(root.v | pcid | noflush));
}
static void run_a(void) {
    ck_assert(load_cr3(t.root, PCID_A, CR3_NOFLUSH));
}
static void run_b(void) {
    ck_assert(load_cr3(b.root, PCID_B, CR3_NOFLUSH));
}

/** Both processes have used VA; then both forget to unmap it properly. */
static void start(int policy, uint64_t bits) {
    setup_policy(policy);
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | CR4_PCIDE));
    tables_start(&b, &ram, 8 * MIB);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW | bits);
    tables_map(&b, VA, NEW_FRAME, 1, P | RW);
    run_a();
    ck_assert_hex_eq(load(VA), OLD);
    if ((bits & G) == 0) {
        run_b();
        ck_assert_hex_eq(load(VA), NEW);
    }
    ram_store64(&ram, tables_slot(&t, VA, 1, 0), 0);
    ram_store64(&ram, tables_slot(&b, VA, 1, 0), 0);
}

static bool a_is_held(void) {
    run_a();
    return access_works(VA, SIM_READ);
}
static bool b_is_held(void) {
    run_b();
    return access_works(VA, SIM_READ);
}

START_TEST(each_pcid_has_translations_of_its_own)
{
    start(_i, 0);
    run_a();
    ck_assert_hex_eq(load(VA), OLD);
    run_b();
    ck_assert_hex_eq(load(VA), NEW);
}
END_TEST

START_TEST(a_load_of_cr3_drops_those_of_the_new_pcid_unless_bit_63_is_set)
{
    start(_i, 0);
    run_a();
    ck_assert(load_cr3(b.root, PCID_B, 0));
    ck_assert(!access_works(VA, SIM_READ));
    ck_assert(a_is_held());
    ck_assert(load_cr3(t.root, PCID_A, CR3_NOFLUSH));
    ck_assert(access_works(VA, SIM_READ));
    ck_assert(load_cr3(t.root, PCID_A, 0));
    ck_assert(!access_works(VA, SIM_READ));
    ck_assert_hex_eq(cpu.cr3.v, t.root.v | PCID_A); /* bit 63 is not kept */
}
END_TEST

START_TEST(invlpg_ends_it_under_the_current_pcid_only)
{
    start(_i, 0);
    run_b();
    cpu_invlpg(&cpu, VA);
    ck_assert(!access_works(VA, SIM_READ));
    ck_assert(a_is_held());
}
END_TEST

START_TEST(a_global_page_is_held_under_every_pcid_and_invlpg_ends_it_from_any)
{
    start(_i, G);
    run_b();
    ck_assert_hex_eq(load(VA), OLD);
    ck_assert(load_cr3(b.root, PCID_B, 0));
    ck_assert_hex_eq(load(VA), OLD);
    cpu_invlpg(&cpu, VA);
    ck_assert(!access_works(VA, SIM_READ));
    ck_assert(!a_is_held());
}
END_TEST

/* type 0: the address under that PCID, wherever it is called, but no global */
START_TEST(invpcid_of_an_address_ends_it_under_that_pcid_only)
{
    start(_i, 0);
    run_b();
    ck_assert(cpu_invpcid(&cpu, INVPCID_ADDRESS, PCID_A, SECOND));
    ck_assert(a_is_held());
    run_b();
    ck_assert(cpu_invpcid(&cpu, INVPCID_ADDRESS, PCID_A, vaddr_add(VA, 9)));
    ck_assert(b_is_held());
    ck_assert(!a_is_held());
    start(_i, G);
    ck_assert(cpu_invpcid(&cpu, INVPCID_ADDRESS, PCID_A, VA));
    ck_assert(a_is_held());
}
END_TEST

START_TEST(invpcid_of_a_context_ends_all_of_that_pcid_but_global_pages)
{
    start(_i, 0);
    run_b();
    ck_assert(cpu_invpcid(&cpu, INVPCID_CONTEXT, PCID_A, vaddr(0)));
    ck_assert(b_is_held());
    ck_assert(!a_is_held());
    start(_i, G);
    ck_assert(cpu_invpcid(&cpu, INVPCID_CONTEXT, PCID_A, vaddr(0)));
    ck_assert(a_is_held());
}
END_TEST

START_TEST(invpcid_of_all_contexts_takes_global_pages_or_spares_them)
{
    start(_i, 0);
    ck_assert(cpu_invpcid(&cpu, INVPCID_ALL_BUT_GLOBAL, 7, vaddr(0)));
    ck_assert(!a_is_held());
    ck_assert(!b_is_held());
    start(_i, G);
    ck_assert(cpu_invpcid(&cpu, INVPCID_ALL_BUT_GLOBAL, 0, vaddr(0)));
    ck_assert(a_is_held());
    ck_assert(cpu_invpcid(&cpu, INVPCID_ALL, 0, vaddr(0)));
    ck_assert(!a_is_held());
    start(_i, 0);
    ck_assert(cpu_invpcid(&cpu, INVPCID_ALL, 0, vaddr(0)));
    ck_assert(!a_is_held());
    ck_assert(!b_is_held());
}
END_TEST

START_TEST(invpcid_with_operands_that_do_not_exist_is_refused)
{
    const vaddr_t bad = vaddr(UINT64_C(1) << 47);

    start(_i, 0);
    ck_assert(!cpu_invpcid(&cpu, 4, 0, VA));
    ck_assert(!cpu_invpcid(&cpu, UINT64_MAX, 0, VA));
    ck_assert(!cpu_invpcid(&cpu, INVPCID_ADDRESS, 0x1001, VA));
    ck_assert(!cpu_invpcid(&cpu, INVPCID_ALL, 0x1000, VA));
    ck_assert(!cpu_invpcid(&cpu, INVPCID_ADDRESS, PCID_B, bad));
    ck_assert(b_is_held());
    ck_assert(a_is_held());
    ck_assert(cpu_invpcid(&cpu, INVPCID_CONTEXT, PCID_B, bad)); /* unused */
    ck_assert(cpu_invpcid(&cpu, INVPCID_ADDRESS, 0xfff, VA));
    /* while PCIDE is 0 there is PCID 0 alone */
    ck_assert(load_cr3(t.root, 0, 0));
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 & ~CR4_PCIDE));
    ck_assert(!cpu_invpcid(&cpu, INVPCID_ADDRESS, 1, VA));
    ck_assert(!cpu_invpcid(&cpu, INVPCID_CONTEXT, 1, VA));
    ck_assert(cpu_invpcid(&cpu, INVPCID_CONTEXT, 0, VA));
    ck_assert(cpu_invpcid(&cpu, INVPCID_ALL, 1, VA));
    cpu.has_pcid = false;
    ck_assert(!cpu_invpcid(&cpu, INVPCID_ALL, 0, VA));
    ck_assert_uint_eq(events.counts[SIM_EVENT_INVPCID], 4);
}
END_TEST

START_TEST(clearing_pcide_ends_everything_and_setting_it_nothing)
{
    setup_policy(_i);
    tables_map(&t, VA, OLD_FRAME, 1, P | G);
    tables_map(&t, SECOND, OLD_FRAME, 1, P);
    ck_assert_hex_eq(load(VA), OLD);
    ck_assert_hex_eq(load(SECOND), OLD);
    ram_store64(&ram, tables_slot(&t, VA, 1, 0), 0);
    ram_store64(&ram, tables_slot(&t, SECOND, 1, 0), 0);
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | CR4_PCIDE));
    ck_assert_hex_eq(load(VA), OLD);
    ck_assert_hex_eq(load(SECOND), OLD);
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 & ~CR4_PCIDE));
    ck_assert_uint_eq(cpu.tlb.count, 0);
    ck_assert(!access_works(VA, SIM_READ));
    ck_assert(!access_works(SECOND, SIM_READ));
}
END_TEST

START_TEST(pcids_start_from_pcid_0_in_long_mode_only)
{
    ck_assert(cpu_write_cr3(&cpu, paddr(t.root.v | 8)));
    ck_assert(!cpu_write_cr4(&cpu, cpu.cr4 | CR4_PCIDE));
    ck_assert_uint_eq(cpu_pcid(&cpu), 0); /* those bits are PWT and PCD */
    ck_assert(!cpu_write_cr3(&cpu, paddr(t.root.v | CR3_NOFLUSH)));
    ck_assert(cpu_write_cr3(&cpu, t.root));
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | CR4_PCIDE));
    ck_assert(load_cr3(t.root, 0xabc, 0));
    ck_assert_uint_eq(cpu_pcid(&cpu), 0xabc);
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | CR4_SMEP)); /* it stays on */
    ck_assert(!cpu_write_cr3(&cpu, paddr(UINT64_C(1) << 62)));
    cpu_reset(&cpu);
    ck_assert(cpu_write_cr4(&cpu, CR4_PAE));
    ck_assert(!cpu_write_cr4(&cpu, CR4_PAE | CR4_PCIDE));
}
END_TEST

/* "Operations that Invalidate TLBs": CR4.SMEP from 0 to 1 */
START_TEST(setting_smep_ends_what_the_current_pcid_holds)
{
    start(_i, 0);
    run_b();
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | CR4_SMEP));
    ck_assert(!access_works(VA, SIM_READ));
    ck_assert(a_is_held());
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 & ~CR4_SMEP));
    ck_assert(access_works(VA, SIM_READ));
}
END_TEST

START_TEST(a_page_fault_ends_it_under_the_current_pcid_only)
{
    start(_i, 0);
    run_b();
    cpu.cpl = 3;
    faults(VA, SIM_READ, _i == TLB_HOSTILE ? PF_PRESENT | PF_USER : PF_USER);
    cpu.cpl = 0;
    ck_assert(!access_works(VA, SIM_READ));
    ck_assert(a_is_held());
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim pcid");
    TCase *tc = tcase_create("pcid");

    tcase_add_checked_fixture(tc, setup, power_off);
    BOTH(tc, each_pcid_has_translations_of_its_own);
    BOTH(tc, a_load_of_cr3_drops_those_of_the_new_pcid_unless_bit_63_is_set);
    BOTH(tc, invlpg_ends_it_under_the_current_pcid_only);
    BOTH(tc,
         a_global_page_is_held_under_every_pcid_and_invlpg_ends_it_from_any);
    BOTH(tc, invpcid_of_an_address_ends_it_under_that_pcid_only);
    BOTH(tc, invpcid_of_a_context_ends_all_of_that_pcid_but_global_pages);
    BOTH(tc, invpcid_of_all_contexts_takes_global_pages_or_spares_them);
    BOTH(tc, invpcid_with_operands_that_do_not_exist_is_refused);
    BOTH(tc, clearing_pcide_ends_everything_and_setting_it_nothing);
    tcase_add_test(tc, pcids_start_from_pcid_0_in_long_mode_only);
    BOTH(tc, setting_smep_ends_what_the_current_pcid_holds);
    BOTH(tc, a_page_fault_ends_it_under_the_current_pcid_only);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
