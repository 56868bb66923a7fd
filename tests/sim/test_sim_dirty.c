/*
 * A and D as the processor sets them: through remembered translations, after
 * they were cleared, and in entries that the access itself stores to.  _i is
 * the policy.  I2
 */
#include <string.h>

#include "sim/processor.h"

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

/** ... but one that changes in any other way is another one. */
START_TEST(a_translation_that_changes_otherwise_is_dropped_and_told_of)
{
    static const uint64_t change[] = { RW | US, RW | NX, RW | G };

    for (unsigned i = 0; i < 5; i++) {
        paddr_t at;

        setup_policy(_i);
        dropped = 0;
        cpu.tlb.on_drop = count_drop;
        at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
        ck_assert_hex_eq(load(VA), OLD);
        if (i < 3) {
            ram_store64(&ram, at, OLD_FRAME | P | change[i]);
        } else if (i == 3) {
            ram_store64(&ram, at, NEW_FRAME | P | RW);
        } else { /* the same frame in a larger page */
            tables_map(&t, VA, OLD_FRAME, 2, P | RW);
            cpu_invlpg(&cpu, SECOND); /* upper entries go, VA's leaf stays */
        }
        store(VA, 1);
        ck_assert_uint_eq(dropped, 1);
        ck_assert_uint_eq(cpu.tlb.count, 1);
    }
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

int main(void) {
    Suite *s = suite_create("sim dirty");
    TCase *tc = tcase_create("dirty");

    tcase_add_checked_fixture(tc, setup, power_off);
    EACH(tc, a_write_through_a_clean_translation_sets_d);
    BOTH(tc, cleared_a_and_d_come_back_after_the_invalidation_only);
    BOTH(tc, the_walk_for_d_believes_the_tables);
    BOTH(tc, a_translation_that_turns_dirty_is_kept_and_nobody_is_told);
    BOTH(tc, a_translation_that_changes_otherwise_is_dropped_and_told_of);
    EACH(tc, a_store_onto_its_own_entry_survives);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
