/*
 * What may stay stale, until when, and what must be seen at once.
 *
 * An entry is changed behind the processor's back (a plain store to simulated
 * memory); then the next access is asked what it sees, before and after each
 * invalidation that ought to end the old translation.  _i is the policy:
 * TLB_LRU or TLB_HOSTILE.  I3
 */

#include "sim/processor.h"

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

int main(void) {
    Suite *s = suite_create("sim stale");
    TCase *tc = tcase_create("stale");

    tcase_add_checked_fixture(tc, setup, power_off);
    BOTH(tc, a_translation_stays_stale_until_exactly_its_invalidation);
    BOTH(tc, tightened_rights_are_unseen_until_the_invalidation);
    BOTH(tc, invlpg_of_another_page_or_of_no_address_ends_nothing);
    BOTH(tc, invlpg_anywhere_in_a_large_page_ends_all_of_it);
    BOTH(tc, a_split_large_page_is_stale_until_it_is_invalidated);
    BOTH(tc, a_cr3_load_spares_global_leaves_only_while_pge_is_on);
    BOTH(tc, invlpg_ends_a_global_translation);
    BOTH(tc, writing_cr4_without_touching_pge_ends_nothing);
    EACH(tc, a_page_that_becomes_present_or_valid_is_seen_at_once);
    EACH(tc, wp_nxe_and_cpl_are_obeyed_at_the_next_access);
    BOTH(tc, loosened_rights_cost_at_most_one_spurious_fault);
    tcase_add_test(tc, a_stale_denial_is_explained_as_such);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
