/*
 * Control registers: which values are taken, which are ignored, which would
 * raise #GP(0).  A6
 */

#include "sim/processor.h"

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
    ck_assert(!c.smep && !c.smap && !c.keys && !c.five_levels && !c.ac);
    ck_assert(!c.amd && !c.stack);
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
        /* PCIDE SMEP SMAP PKE; LA57 stands while in long mode */
        bool known = bit <= 10 || bit == 17 || (bit >= 20 && bit <= 22);
        bool refused = !known || bit == 5;

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

int main(void) {
    Suite *s = suite_create("sim control");
    TCase *tc = tcase_create("control");

    tcase_add_checked_fixture(tc, setup, power_off);
    tcase_add_test(tc, after_power_up_it_is_in_long_mode_with_wp_pge_and_nxe);
    tcase_add_test(
        tc, every_bit_of_cr0_is_taken_ignored_or_refused_as_the_manual_says);
    tcase_add_test(tc, every_bit_of_cr4_is_taken_or_refused_as_the_manual_says);
    tcase_add_test(tc,
                   every_bit_of_efer_is_taken_or_refused_as_the_manual_says);
    tcase_add_test(tc, cr3_takes_any_address_below_maxphyaddr);
    tcase_add_test(tc, the_low_12_bits_of_cr3_do_not_address);
    tcase_add_test(tc, paging_starts_only_after_pae_and_lme);
    tcase_add_test(tc, before_paging_pae_and_lme_may_be_taken_back);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
