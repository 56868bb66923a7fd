/*
 * The walk against a second opinion (oracle.c).  I2
 *
 * Permission tests go through every combination of P, R/W, U/S and XD on every
 * level, reserved-bit tests through every bit.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sim/walked.h"

/* --- permissions -------------------------------------------------------- */

/** P, R/W, U/S, XD of one level from four bits. */
static uint64_t flags_of(unsigned four) {
    return (four & 1 ? P : 0) | (four & 2 ? RW : 0) | (four & 4 ? US : 0) |
           (four & 8 ? NX : 0);
}

/*
 * _i is the level of the leaf:
 *
 *   [PML4E ????] [PDPTE ????] [PDE ????] [PTE ????]   ???? = P RW US NX
 */
START_TEST(every_combination_of_flags_wp_nxe_access_and_mode_is_judged_right)
{
    unsigned leaf = (unsigned)_i;
    unsigned levels = 5 - leaf;
    paddr_t at[4];

    for (unsigned i = 0; i < levels; i++) {
        at[i] = tables_slot(&t, vaddr(VA), 4 - i, P | RW | US);
    }
    for (unsigned flags = 0; flags < 1u << (4 * levels); flags++) {
        for (unsigned i = 0; i < levels; i++) {
            uint64_t base =
                i + 1 < levels
                    ? ram_load64(&ram, at[i]) & UINT64_C(0xffffffffff000)
                    : UINT64_C(0x40000000) | (leaf > 1 ? PS : 0);

            ram_store64(&ram, at[i], base | flags_of(flags >> (4 * i) & 15));
        }
        for (unsigned rest = 0; rest < 32; rest++) {
            struct walk_control c = control_of(rest & 1, rest & 2);

            (void)agree(&c, VA, (enum sim_access)(rest / 8), rest & 4);
        }
    }
}
END_TEST

START_TEST(the_reason_names_the_topmost_entry_that_forbids)
{
    struct walk_control c = control_of(true, true);
    paddr_t pdpte, pte_at = tables_map(&t, vaddr(VA), 0x5000, 1, P | RW | US);
    uint64_t e;

    pdpte = tables_slot(&t, vaddr(VA), 3, 0);
    e = ram_load64(&ram, pdpte);
    ram_store64(&ram, pdpte, e & ~RW);
    ram_store64(&ram, pte_at, 0x5000 | P | US);
    ck_assert_uint_eq(agree(&c, VA, SIM_WRITE, false).level, 3);
    ram_store64(&ram, pdpte, e);
    ck_assert_uint_eq(agree(&c, VA, SIM_WRITE, false).level, 1);
    ram_store64(&ram, pdpte, e | NX);
    ck_assert_uint_eq(agree(&c, VA, SIM_FETCH, false).level, 3);
    ram_store64(&ram, pdpte, e & ~US);
    ck_assert_uint_eq(agree(&c, VA, SIM_READ, true).level, 3);
}
END_TEST

/* --- reserved bits ------------------------------------------------------ */

/** One bit on top of a good entry: for all levels, bits and processors. */
START_TEST(every_single_bit_of_every_entry_is_reserved_exactly_where_it_is)
{
    unsigned leaf = 1 + (unsigned)_i % 3;
    bool amd = _i / 3 % 2;
    bool five = _i / 6;

    tables_map(&t, vaddr(VA), 0x40000000, leaf, P | RW | US);
    if (five) { /* a PML5 above, whose entry 0 leads to the PML4 */
        paddr_t pml4 = t.root;

        t.root = tables_take(&t);
        ram_store64(&ram, t.root, pml4.v | P | RW | US);
    }
    for (unsigned level = five ? 5 : 4; level >= leaf; level--) {
        struct tables below = t;
        paddr_t at = t.root;
        uint64_t good;

        if (level < 5) {
            below.root =
                five ? pte_address(pte(ram_load64(&ram, t.root))) : t.root;
            at = tables_slot(&below, vaddr(VA), level, 0);
        }
        good = ram_load64(&ram, at);

        for (unsigned n = 0; n < 64 * 17 * 4; n++) {
            struct walk_control c = control_of(true, n & 1);

            c.huge_1gib = (n & 2) != 0;
            c.phys_bits = 36 + n / 4 % 17;
            c.amd = amd;
            c.five_levels = five;
            ram_store64(&ram, at, good ^ UINT64_C(1) << (n / 4 / 17));
            (void)agree(&c, VA, SIM_READ, false);
        }
        ram_store64(&ram, at, good);
    }
}
END_TEST

START_TEST(an_upper_reserved_bit_beats_a_lower_absent_entry_and_vice_versa)
{
    struct walk_control c = control_of(true, true);
    paddr_t pml4e, pde;
    uint64_t top, low;

    tables_map(&t, vaddr(VA), 0x5000, 1, P);
    pml4e = tables_slot(&t, vaddr(VA), 4, 0);
    pde = tables_slot(&t, vaddr(VA), 2, 0);
    top = ram_load64(&ram, pml4e);
    low = ram_load64(&ram, pde);

    ram_store64(&ram, pml4e, top | PS);
    ram_store64(&ram, pde, low & ~P);
    ck_assert_int_eq(agree(&c, VA, SIM_READ, false).reason, WALK_RESERVED);
    ram_store64(&ram, pml4e, top & ~P);
    ram_store64(&ram, pde, low | UINT64_C(1) << 51);
    ck_assert_int_eq(agree(&c, VA, SIM_READ, false).reason, WALK_NOT_PRESENT);
    /* in a not-present entry nothing is reserved */
    ram_store64(&ram, pml4e, ~P);
    ck_assert_int_eq(agree(&c, VA, SIM_READ, false).reason, WALK_NOT_PRESENT);
}
END_TEST

START_TEST(a_reserved_bit_fault_says_present_and_reserved)
{
    struct walk_control c = control_of(true, true);
    paddr_t at = tables_map(&t, vaddr(VA), 0x5000, 1, P | RW | US);

    ram_store64(&ram, at, 0x5000 | P | RW | US | UINT64_C(1) << 46);
    ck_assert_hex_eq(agree(&c, VA, SIM_READ, false).error, 0x09);
    ck_assert_hex_eq(agree(&c, VA, SIM_WRITE, false).error, 0x0b);
    ck_assert_hex_eq(agree(&c, VA, SIM_READ, true).error, 0x0d);
    ck_assert_hex_eq(agree(&c, VA, SIM_WRITE, true).error, 0x0f);
    ck_assert_hex_eq(agree(&c, VA, SIM_FETCH, false).error, 0x19);
    ck_assert_hex_eq(agree(&c, VA, SIM_FETCH, true).error, 0x1d);
}
END_TEST

START_TEST(the_fetch_bit_of_the_error_code_needs_nxe_or_smep)
{
    const struct walk_rights all = { true, true, false, 0 };
    struct walk_control c = control_of(true, false);

    ck_assert_hex_eq(agree(&c, VA, SIM_FETCH, false).error, 0x00);
    c.no_execute = true;
    ck_assert_hex_eq(agree(&c, VA, SIM_FETCH, false).error, 0x10);
    ck_assert_hex_eq(agree(&c, VA, SIM_FETCH, true).error, 0x14);
    c.no_execute = false; /* or SMEP: rule 17 */
    c.smep = true;
    ck_assert_hex_eq(agree(&c, VA, SIM_FETCH, false).error, 0x10);
    ck_assert_hex_eq(agree(&c, VA, SIM_READ, false).error, 0x00);
    ck_assert_hex_eq(walk_error(&c, WALK_OK, all, SIM_WRITE, true), 0);
    ck_assert_hex_eq(walk_error(&c, WALK_NOT_CANONICAL, all, SIM_WRITE, true),
                     0);
}
END_TEST

/** Random tables: few frames, so that entries meet; most of them present. */
START_TEST(random_tables_are_walked_as_the_oracle_walks_them)
{
    uint64_t x = 88172645463325252u + (uint64_t)_i;
    unsigned reached = 0;

    for (unsigned n = 0; n < 8 * TABLE_ENTRIES; n++) {
        uint64_t e;

        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        e = t.root.v + (x >> 20 & 7) * PAGE_SIZE;
        e |= (x & 15) != 0 ? P : 0;
        e |= x >> 4 & (RW | US);
        e |= (x >> 30 & 7) == 0 ? PS : 0;
        e |= (x >> 33 & 7) == 0 ? NX : 0;
        e |= (x >> 36 & 63) == 0 ? UINT64_C(1) << (x >> 42 & 63) : 0;
        e |= (x >> 42 & 15) == 0 ? G : 0;
        e |= (x >> 52 & 15) << PTE_KEY_SHIFT;
        if ((e & PS) != 0 && (x >> 48 & 3) != 0) {
            e &= ~UINT64_C(0x3fffe000);
        }
        ram_store64(&ram, paddr_add(t.root, 8 * n), e);
    }
    for (unsigned n = 0; n < 50000; n++) {
        struct walk_control c;
        uint64_t va;

        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        c = control_of(x & 1, x & 2);
        c.huge_1gib = (x & 12) != 0;
        c.phys_bits = 36 + (unsigned)(x >> 56) % 17;
        c.smep = x >> 4 & 1;
        c.smap = x >> 5 & 1;
        c.ac = x >> 6 & 1;
        c.keys = x >> 7 & 1;
        c.amd = (x >> 8 & 7) == 0;
        c.stack = x >> 11 & 1;
        c.pkru = (uint32_t)hash_mix(x);
        c.five_levels = (x >> 12 & 3) == 0;
        va = hash_mix(~x);
        va = c.five_levels ? (uint64_t)((int64_t)(va << 7) >> 7)
                           : vaddr_sign_extend(vaddr(va)).v;
        va ^= (x >> 14 & 127) == 0 ? UINT64_C(1) << 60 : 0;
        reached +=
            agree(&c, va, (enum sim_access)(x >> 52 & 3), x >> 55 & 1).reason ==
            WALK_OK;
    }
    ck_assert_msg(reached > 5000, "only %u walks arrived", reached);
}
END_TEST

/* --- accessed and dirty ------------------------------------------------- */

/** _i: level of the leaf.  Also writes that WP=0 lets through set D. */
START_TEST(a_walk_sets_a_in_every_entry_and_d_in_the_leaf_on_writes_only)
{
    unsigned leaf = (unsigned)_i;

    for (unsigned n = 0; n < 8; n++) {
        enum sim_access access = (enum sim_access)(n % 4);
        bool wp = n >= 4;
        struct walk_control c = control_of(wp, true);
        uint64_t rights = P | (wp ? RW : 0);
        uint64_t before[4];
        struct walk_result r;

        tables_map(&t, vaddr(VA), 0x40000000, leaf, rights);
        for (unsigned l = 4; l >= leaf; l--) {
            paddr_t at = tables_slot(&t, vaddr(VA), l, 0);

            before[l - 1] = ram_load64(&ram, at) & ~A;
            ram_store64(&ram, at, before[l - 1]);
        }
        r = agree(&c, VA, access, false);
        ck_assert_int_eq(r.reason, WALK_OK);
        ck_assert_hex_eq(ram_load64(&ram, r.steps[0].at), before[3]);
        walk_commit(&ram, &r);
        for (unsigned l = 4; l >= leaf; l--) {
            bool dirty =
                l == leaf && (access == SIM_WRITE || access == SIM_RMW);

            ck_assert_hex_eq(r.steps[4 - l].seen.v, before[l - 1]);
            ck_assert_hex_eq(r.steps[4 - l].after.v,
                             before[l - 1] | A | (dirty ? D : 0));
            ck_assert_hex_eq(ram_load64(&ram, tables_slot(&t, vaddr(VA), l, 0)),
                             before[l - 1] | A | (dirty ? D : 0));
        }
    }
}
END_TEST

START_TEST(a_read_of_a_dirty_page_reports_it_dirty_still)
{
    struct walk_control c = control_of(true, true);

    tables_map(&t, vaddr(VA), 0x5000, 1, P | D);
    ck_assert(agree(&c, VA, SIM_READ, false).dirty);
    tables_map(&t, vaddr(VA), 0x5000, 1, P);
    ck_assert(!agree(&c, VA, SIM_READ, false).dirty);
}
END_TEST

START_TEST(a_walk_that_fails_changes_no_entry)
{
    struct walk_control c = control_of(true, true);
    paddr_t at = tables_map(&t, vaddr(VA), 0x5000, 1, P);
    struct walk_result r = agree(&c, VA, SIM_WRITE, false);

    ck_assert_int_eq(r.reason, WALK_NOT_WRITABLE);
    walk_commit(&ram, &r);
    ck_assert_hex_eq(ram_load64(&ram, at), 0x5000 | P);
    ck_assert_hex_eq(ram_load64(&ram, r.steps[0].at) & (A | D), 0);
}
END_TEST

/* One PML4E stands at all four levels: VA selects entry 510 four times. */
START_TEST(a_and_d_meet_in_an_entry_that_is_table_and_leaf_at_once)
{
    struct walk_control c = control_of(true, true);
    uint64_t self = UINT64_C(510);
    uint64_t va = vaddr_sign_extend(
                      vaddr(self << 39 | self << 30 | self << 21 | self << 12))
                      .v;
    struct walk_result r;

    ram_store64(&ram, paddr_add(t.root, 8 * 510), t.root.v | P | RW);
    r = agree(&c, va, SIM_WRITE, false);
    walk_commit(&ram, &r);
    ck_assert_hex_eq(ram_load64(&ram, paddr_add(t.root, 8 * 510)),
                     t.root.v | P | RW | A | D);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim walk");
    TCase *rights = tcase_create("rights");
    TCase *places = tcase_create("addresses");
    TCase *flags = tcase_create("accessed and dirty");

    tcase_add_checked_fixture(rights, setup, teardown);
    tcase_set_timeout(rights, 120);
    tcase_add_loop_test(
        rights,
        every_combination_of_flags_wp_nxe_access_and_mode_is_judged_right, 1,
        4);
    tcase_add_test(rights, the_reason_names_the_topmost_entry_that_forbids);
    tcase_add_loop_test(
        rights, every_single_bit_of_every_entry_is_reserved_exactly_where_it_is,
        0, 12);
    tcase_add_test(
        rights,
        an_upper_reserved_bit_beats_a_lower_absent_entry_and_vice_versa);
    tcase_add_test(rights, a_reserved_bit_fault_says_present_and_reserved);
    tcase_add_test(rights, the_fetch_bit_of_the_error_code_needs_nxe_or_smep);
    suite_add_tcase(s, rights);

    tcase_add_checked_fixture(places, setup, teardown);
    tcase_set_timeout(places, 120);
    tcase_add_loop_test(
        places, random_tables_are_walked_as_the_oracle_walks_them, 0, 4);
    suite_add_tcase(s, places);

    tcase_add_checked_fixture(flags, setup, teardown);
    tcase_add_loop_test(
        flags, a_walk_sets_a_in_every_entry_and_d_in_the_leaf_on_writes_only, 1,
        4);
    tcase_add_test(flags, a_read_of_a_dirty_page_reports_it_dirty_still);
    tcase_add_test(flags, a_walk_that_fails_changes_no_entry);
    tcase_add_test(flags,
                   a_and_d_meet_in_an_entry_that_is_table_and_leaf_at_once);
    suite_add_tcase(s, flags);

    return tables_run(s);
}
