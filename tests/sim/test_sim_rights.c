/*
 * Rights beyond R/W, U/S and XD: SMEP, SMAP, protection keys, the kinds of
 * access, and five levels; the walk against the oracle.  I2, A7, A9
 */
#include "sim/oracle.h"
#include "sim/tables.h"

static struct sim_ram ram;
static struct tables t;
static struct walk_control c;

static void setup(void) {
    tables_ram(&ram);
    tables_start(&t, &ram, 2 * MIB);
    c = (struct walk_control){
        .root = t.root,
        .write_protect = true,
        .no_execute = true,
        .huge_1gib = true,
        .phys_bits = 46,
    };
}

static void teardown(void) {
    ram_destroy(&ram);
}

static const uint64_t VA = UINT64_C(0x444444440123);
#define KEY(k) ((uint64_t)(k) << PTE_KEY_SHIFT)

static uint32_t error(enum sim_access access, bool user) {
    return walk_as_oracle(&ram, &c, VA, access, user).error;
}
static enum walk_reason reason(enum sim_access access, bool user) {
    return walk_as_oracle(&ram, &c, VA, access, user).reason;
}
static void map(uint64_t bits) {
    tables_map(&t, vaddr(VA), 0x5000, 1, bits);
}

/*
 * _i is the level of the leaf.  15 bits: U/S of the leaf and of its parent,
 * R/W, XD; WP, NXE, SMEP, SMAP, AC, PKE, AD, WD; access, mode.
 */
START_TEST(every_combination_of_smep_smap_and_keys_is_judged_right)
{
    unsigned leaf = (unsigned)_i;
    paddr_t at = tables_map(&t, vaddr(VA), 0x40000000, leaf, P);
    paddr_t above = tables_slot(&t, vaddr(VA), leaf + 1, 0);
    uint64_t parent = ram_load64(&ram, above);
    uint64_t base = ram_load64(&ram, at) | KEY(6);

    for (unsigned n = 0; n < 1u << 15; n++) {
        ram_store64(&ram, above, (n & 1) != 0 ? parent & ~US : parent);
        ram_store64(&ram, at,
                    base | (n & 2 ? US : 0) | (n & 4 ? RW : 0) |
                        (n & 8 ? NX : 0));
        c.write_protect = n & 0x10;
        c.no_execute = n & 0x20;
        c.smep = n & 0x40;
        c.smap = n & 0x80;
        c.ac = n & 0x100;
        c.keys = n & 0x200;
        c.pkru = (n >> 10 & 3) << (2 * 6);
        (void)walk_as_oracle(&ram, &c, VA, (enum sim_access)(n >> 12 & 3),
                             n >> 14);
    }
}
END_TEST

/* rule 10 */
START_TEST(smep_forbids_supervisor_fetches_from_user_pages_ac_or_not)
{
    c.smep = true;
    map(P | RW | US);
    ck_assert_hex_eq(error(SIM_FETCH, false), PF_PRESENT | PF_FETCH);
    c.ac = true;
    ck_assert_hex_eq(error(SIM_FETCH, false), PF_PRESENT | PF_FETCH);
    ck_assert_int_eq(reason(SIM_READ, false), WALK_OK);
    ck_assert_int_eq(reason(SIM_FETCH, true), WALK_OK);
    /* a page is a user page only when all levels say so: rule 13 */
    ram_store64(&ram, tables_slot(&t, vaddr(VA), 3, 0),
                ram_load64(&ram, tables_slot(&t, vaddr(VA), 3, 0)) & ~US);
    ck_assert_int_eq(reason(SIM_FETCH, false), WALK_OK);
}
END_TEST

/* rule 11 */
START_TEST(smap_forbids_supervisor_data_in_user_pages_unless_ac)
{
    c.smap = true;
    map(P | US);
    ck_assert_hex_eq(error(SIM_READ, false), PF_PRESENT);
    c.write_protect = false; /* lifts R/W, not SMAP */
    ck_assert_hex_eq(error(SIM_WRITE, false), PF_PRESENT | PF_WRITE);
    ck_assert_int_eq(reason(SIM_WRITE, false), WALK_SMAP);
    ck_assert_int_eq(reason(SIM_FETCH, false), WALK_OK);
    ck_assert_int_eq(reason(SIM_READ, true), WALK_OK);
    c.ac = true;
    ck_assert_int_eq(reason(SIM_WRITE, false), WALK_OK);
    c.write_protect = true; /* AC lifts SMAP, not R/W */
    ck_assert_int_eq(reason(SIM_WRITE, false), WALK_NOT_WRITABLE);
}
END_TEST

/* rule 14; _i: the key */
START_TEST(a_key_asks_its_own_two_bits_of_pkru_and_those_of_no_other)
{
    unsigned key = (unsigned)_i;

    map(P | RW | US | KEY(key));
    c.keys = true;
    c.pkru = ~(UINT32_C(3) << (2 * key));
    ck_assert_int_eq(reason(SIM_RMW, true), WALK_OK);
    c.pkru = UINT32_C(2) << (2 * key); /* WD */
    ck_assert_int_eq(reason(SIM_READ, true), WALK_OK);
    ck_assert_hex_eq(error(SIM_WRITE, true),
                     PF_PRESENT | PF_WRITE | PF_USER | PF_KEY);
    ck_assert_hex_eq(error(SIM_RMW, false), PF_PRESENT | PF_WRITE | PF_KEY);
    c.write_protect = false;
    ck_assert_int_eq(reason(SIM_WRITE, false), WALK_OK);
    ck_assert_int_eq(reason(SIM_WRITE, true), WALK_KEY);
    c.pkru = UINT32_C(1) << (2 * key); /* AD: supervisors too, whatever WP */
    ck_assert_hex_eq(error(SIM_READ, false), PF_PRESENT | PF_KEY);
    ck_assert_int_eq(reason(SIM_FETCH, true), WALK_OK);
    map(P | RW | KEY(key)); /* a supervisor page has no key */
    ck_assert_int_eq(reason(SIM_WRITE, false), WALK_OK);
    ck_assert_hex_eq(error(SIM_READ, true), PF_PRESENT | PF_USER);
}
END_TEST

START_TEST(the_key_is_that_of_the_leaf_and_not_of_its_parents)
{
    paddr_t parent;

    c.keys = true;
    c.pkru = ~UINT32_C(0xc); /* all but key 1 */
    map(P | RW | US | KEY(1));
    parent = tables_slot(&t, vaddr(VA), 2, 0);
    ram_store64(&ram, parent, ram_load64(&ram, parent) | KEY(15));
    ck_assert_int_eq(reason(SIM_WRITE, true), WALK_OK);
    c.pkru = ~c.pkru;
    ck_assert_int_eq(reason(SIM_WRITE, true), WALK_KEY);
}
END_TEST

/* rule 18 */
START_TEST(pk_is_told_also_when_other_rights_deny_as_well)
{
    c.keys = true;
    c.smap = true;
    c.pkru = 1;
    map(P | US);
    ck_assert_int_eq(reason(SIM_WRITE, false), WALK_SMAP);
    ck_assert_hex_eq(error(SIM_WRITE, false), PF_PRESENT | PF_WRITE | PF_KEY);
    ck_assert_hex_eq(error(SIM_WRITE, true),
                     PF_PRESENT | PF_WRITE | PF_USER | PF_KEY);
    map(P | US | NX); /* a fetch is none of the key's business */
    ck_assert_hex_eq(error(SIM_FETCH, true), PF_PRESENT | PF_USER | PF_FETCH);
    map(US); /* nor is an absent page */
    ck_assert_hex_eq(error(SIM_READ, true), PF_USER);
    map(P | US | UINT64_C(1) << 50);
    ck_assert_hex_eq(error(SIM_READ, true), PF_PRESENT | PF_USER | PF_RESERVED);
}
END_TEST

/* rule 15 */
START_TEST(a_read_modify_write_is_a_write_even_when_the_page_is_absent)
{
    ck_assert_hex_eq(error(SIM_RMW, true), PF_USER | PF_WRITE);
    map(P);
    ck_assert_hex_eq(error(SIM_RMW, false), PF_PRESENT | PF_WRITE);
    map(P | RW);
    ck_assert(walk_as_oracle(&ram, &c, VA, SIM_RMW, false).dirty);
}
END_TEST

/* --- five levels -------------------------------------------------------- */

/*
 *   PML5 [3] --> PML4 --> ...    bits 56:48 select the PML5E
 */
START_TEST(with_five_levels_57_bits_translate)
{
    paddr_t pml4 = t.root;
    const uint64_t far = UINT64_C(3) << 48 | VA;
    struct walk_result r;

    map(P | RW);
    c.root = tables_take(&t);
    ram_store64(&ram, paddr_add(c.root, 8 * 3), pml4.v | P | RW);
    c.five_levels = true;
    r = walk_as_oracle(&ram, &c, far, SIM_READ, false);
    ck_assert_hex_eq(r.pa.v, 0x5123);
    ck_assert_uint_eq(r.step_count, 5);
    ck_assert_uint_eq(r.top, 5);
    ck_assert_hex_eq(r.steps[0].after.v, pml4.v | P | RW | A);
    r = walk_as_oracle(&ram, &c, VA, SIM_READ, false);
    ck_assert_int_eq(r.reason, WALK_NOT_PRESENT);
    ck_assert_uint_eq(r.level, 5);
    r = walk_as_oracle(&ram, &c, UINT64_C(1) << 56, SIM_READ, false);
    ck_assert_int_eq(r.reason, WALK_NOT_CANONICAL);
    r = walk_as_oracle(&ram, &c, UINT64_C(0xff00) << 48, SIM_READ, false);
    ck_assert_int_eq(r.reason, WALK_NOT_PRESENT);
}
END_TEST

/* --- from a remembered upper entry on ----------------------------------- */

/** As if the PDE had been read before, and now only the PTE is. */
START_TEST(a_walk_from_an_upper_entry_reads_what_is_below_and_ands_its_rights)
{
    paddr_t pt;
    struct walk_start start = { .level = 1,
                                .rights = { true, true, false, 9 } };
    struct walk_result r;

    map(P | RW | US | KEY(3));
    pt = pte_address(pte(ram_load64(&ram, tables_slot(&t, vaddr(VA), 2, 0))));
    start.table = pt;
    r = walk_from(&ram, &c, start, vaddr(VA), SIM_WRITE, true);
    ck_assert_int_eq(r.reason, WALK_OK);
    ck_assert_uint_eq(r.step_count, 1);
    ck_assert_uint_eq(r.top, 1);
    ck_assert_hex_eq(r.pa.v, 0x5123);
    ck_assert_uint_eq(r.rights.key, 3);
    start.rights.writable = false;
    r = walk_from(&ram, &c, start, vaddr(VA), SIM_WRITE, true);
    ck_assert_int_eq(r.reason, WALK_NOT_WRITABLE);
    ck_assert_uint_eq(r.level, 2);
    start.rights.user = false;
    r = walk_from(&ram, &c, start, vaddr(VA), SIM_READ, true);
    ck_assert_int_eq(r.reason, WALK_NOT_USER);
    ck_assert_uint_eq(r.level, 2);
    start.rights.no_execute = true;
    r = walk_from(&ram, &c, start, vaddr(VA), SIM_FETCH, false);
    ck_assert_int_eq(r.reason, WALK_NO_EXECUTE);
    ck_assert_uint_eq(r.level, 2);
}
END_TEST

/** As if there were something above the PML4 that forbids. */
START_TEST(a_walk_from_the_pml4_ands_the_rights_it_was_given)
{
    struct walk_start start = { .table = c.root,
                                .level = 4,
                                .rights = { true, true, true, 0 } };

    map(P | RW | US);
    ck_assert_int_eq(
        walk_from(&ram, &c, start, vaddr(VA), SIM_FETCH, true).reason,
        WALK_NO_EXECUTE);
    start.rights = (struct walk_rights){ true, false, false, 0 };
    ck_assert_int_eq(
        walk_from(&ram, &c, start, vaddr(VA), SIM_READ, true).reason,
        WALK_NOT_USER);
    start.rights = (struct walk_rights){ false, true, false, 0 };
    ck_assert_int_eq(
        walk_from(&ram, &c, start, vaddr(VA), SIM_WRITE, true).reason,
        WALK_NOT_WRITABLE);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim rights");
    TCase *tc = tcase_create("rights");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(
        tc, every_combination_of_smep_smap_and_keys_is_judged_right, 1, 4);
    tcase_add_test(tc,
                   smep_forbids_supervisor_fetches_from_user_pages_ac_or_not);
    tcase_add_test(tc, smap_forbids_supervisor_data_in_user_pages_unless_ac);
    tcase_add_loop_test(
        tc, a_key_asks_its_own_two_bits_of_pkru_and_those_of_no_other, 0, 16);
    tcase_add_test(tc, the_key_is_that_of_the_leaf_and_not_of_its_parents);
    tcase_add_test(tc, pk_is_told_also_when_other_rights_deny_as_well);
    tcase_add_test(tc,
                   a_read_modify_write_is_a_write_even_when_the_page_is_absent);
    tcase_add_test(tc, with_five_levels_57_bits_translate);
    tcase_add_test(
        tc, a_walk_from_an_upper_entry_reads_what_is_below_and_ands_its_rights);
    tcase_add_test(tc, a_walk_from_the_pml4_ands_the_rights_it_was_given);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
