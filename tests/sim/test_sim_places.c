/*
 * Where a walk leads: which entries it reads, from which bits of the address
 * and of CR3, and which byte it comes to.  I2
 */
#include <string.h>

#include "sim/walked.h"

/* A2: the address of a well-known tutorial */
START_TEST(the_golden_address_goes_through_entries_1_0_511_127)
{
    struct walk_control c = control_of(true, true);
    const uint64_t va = UINT64_C(0x803FE7F5CE);
    struct walk_result r;

    tables_map(&t, vaddr(va), 0x3000, 1, P | RW);
    r = agree(&c, va, SIM_READ, false);
    ck_assert_hex_eq(r.pa.v, 0x35ce);
    ck_assert_uint_eq(r.step_count, 4);
    ck_assert_hex_eq(r.steps[0].at.v, t.root.v + 8 * 1);
    ck_assert_hex_eq(r.steps[1].at.v, t.root.v + 0x1000 + 8 * 0);
    ck_assert_hex_eq(r.steps[2].at.v, t.root.v + 0x2000 + 8 * 511);
    ck_assert_hex_eq(r.steps[3].at.v, t.root.v + 0x3000 + 8 * 127);
}
END_TEST

/* A3: bit 12 of a large leaf is PAT and not address */
START_TEST(large_leaves_show_their_base_plus_21_or_30_bits)
{
    struct walk_control c = control_of(true, true);

    tables_map(&t, vaddr(0x40200000), 0x600000, 2, P | PTE_PAT_HUGE);
    ck_assert_hex_eq(agree(&c, 0x4020abcd, SIM_READ, false).pa.v, 0x60abcd);
    ck_assert_hex_eq(agree(&c, 0x403fffff, SIM_READ, false).pa.v, 0x7fffff);
    tables_map(&t, vaddr(0x8080000000), 0x80000000, 3, P | PTE_PAT_HUGE);
    ck_assert_hex_eq(agree(&c, 0x80a0123456, SIM_READ, false).pa.v, 0xa0123456);
}
END_TEST

/* A3: PAT of a 4 KiB leaf is bit 7, which is no PS there */
START_TEST(bit_7_of_a_pte_changes_nothing)
{
    struct walk_control c = control_of(true, true);

    tables_map(&t, vaddr(VA), 0x7000, 1, P | PTE_PAT_4K);
    ck_assert_hex_eq(agree(&c, VA, SIM_READ, false).pa.v, 0x7123);
}
END_TEST

START_TEST(ignored_bits_change_nothing)
{
    const uint64_t ignored = PTE_WRITE_THROUGH | PTE_CACHE_DISABLE | D | G |
                             UINT64_C(0xe00) | UINT64_C(0x7ff) << 52;
    struct walk_control c = control_of(true, true);
    struct walk_result r;

    tables_map(&t, vaddr(VA), 0x7000, 1, P | (ignored & ~(D | G)));
    for (unsigned level = 4; level > 1; level--) {
        paddr_t at = tables_slot(&t, vaddr(VA), level, 0);

        ram_store64(&ram, at, ram_load64(&ram, at) | ignored);
    }
    r = agree(&c, VA, SIM_READ, false);
    ck_assert_hex_eq(r.pa.v, 0x7123);
    ck_assert(!r.global);
    ck_assert(!r.dirty);
}
END_TEST

/* Of a page that is there, of one that is not, and of a reserved bit: what
 * takes the short cut, and what does not. */
START_TEST(only_bits_51_to_12_of_cr3_address_a_table)
{
    const uint64_t pages[] = { VA, VA + PAGE_SIZE, VA + 2 * PAGE_SIZE };

    tables_map(&t, vaddr(pages[0]), 0x7000, 1, P);
    tables_map(&t, vaddr(pages[1]), 0x7000, 1, 0);
    tables_map(&t, vaddr(pages[2]), 0x7000, 1, P | UINT64_C(1) << 51);
    for (unsigned bit = 0; bit < 64; bit++) {
        struct walk_control c = control_of(true, true);

        if (bit >= 12 && bit < 52) {
            continue;
        }
        for (unsigned i = 0; i < 3; i++) {
            struct walk_result r, bare = agree(&c, pages[i], SIM_READ, false);

            c.root = paddr(t.root.v | UINT64_C(1) << bit);
            r = walk(&ram, &c, vaddr(pages[i]), SIM_READ, false);
            c.root = t.root;
            ck_assert_msg(oracle_same_walk(&r, &bare),
                          "bit %u of CR3 changes the walk of page %u", bit, i);
        }
    }
}
END_TEST

START_TEST(only_canonical_addresses_are_walked)
{
    static const uint64_t bad[] = {
        UINT64_C(0x0000800000000000), UINT64_C(0xffff7fffffffffff),
        UINT64_C(0x0001000000000000), UINT64_C(0x8000000000000000),
        UINT64_C(0xfffe800000000000), UINT64_C(0x7fff800000000000),
    };
    static const uint64_t good[] = { 0, UINT64_C(0x00007fffffffffff),
                                     UINT64_C(0xffff800000000000), UINT64_MAX };
    struct walk_control c = control_of(true, true);

    for (unsigned i = 0; i < 6; i++) {
        struct walk_result r = agree(&c, bad[i], SIM_WRITE, true);

        ck_assert_int_eq(r.reason, WALK_NOT_CANONICAL);
        ck_assert_uint_eq(r.error, 0);
        ck_assert_uint_eq(r.step_count, 0);
        ck_assert_uint_eq(r.vector, 13);
        c.stack = true; /* rule 20: through SS it is #SS(0), but no fetch is */
        ck_assert_uint_eq(agree(&c, bad[i], SIM_WRITE, true).vector, 12);
        ck_assert_uint_eq(agree(&c, bad[i], SIM_FETCH, true).vector, 13);
        c.stack = false;
    }
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(agree(&c, good[i], SIM_READ, false).reason,
                         WALK_NOT_PRESENT);
    }
}
END_TEST

START_TEST(a_table_in_a_hole_reads_as_ones)
{
    struct walk_control c = control_of(true, true);
    struct walk_result r;

    ram_store64(&ram, paddr_add(t.root, 8 * (VA >> 39)), 0xb0000 | P | RW);
    r = agree(&c, VA, SIM_READ, false);
    ck_assert_int_eq(r.reason, WALK_RESERVED);
    ck_assert_uint_eq(r.level, 3);
    ck_assert_hex_eq(r.steps[1].seen.v, UINT64_MAX);
    ck_assert(ram.hole_accesses > 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim places");
    TCase *places = tcase_create("addresses");

    tcase_add_checked_fixture(places, setup, teardown);
    tcase_add_test(places, the_golden_address_goes_through_entries_1_0_511_127);
    tcase_add_test(places, large_leaves_show_their_base_plus_21_or_30_bits);
    tcase_add_test(places, bit_7_of_a_pte_changes_nothing);
    tcase_add_test(places, ignored_bits_change_nothing);
    tcase_add_test(places, only_bits_51_to_12_of_cr3_address_a_table);
    tcase_add_test(places, only_canonical_addresses_are_walked);
    tcase_add_test(places, a_table_in_a_hole_reads_as_ones);
    suite_add_tcase(s, places);

    return tables_run(s);
}
