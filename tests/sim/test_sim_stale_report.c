/*
 * The legality report: an access whose result depended on what should have been
 * flushed is recorded with the entry that changed; any other access is not.  I7
 */
#include <string.h>

#include "sim/processor.h"

static void start(enum tlb_policy policy) {
    setup_policy((int)policy);
    ck_assert(cpu_report_stale(&cpu));
}

static unsigned reports(void) {
    return (unsigned)events.counts[SIM_EVENT_STALE];
}
static const struct sim_stale *newest(void) {
    ck_assert_uint_ge(reports(), 1);
    return &events.stales[(reports() - 1) % SIM_STALES_KEPT];
}
static void reported(unsigned count, enum sim_stale_effect effect,
                     unsigned level, paddr_t at, uint64_t then, uint64_t now) {
    ck_assert_uint_eq(reports(), count);
    ck_assert_int_eq(newest()->effect, effect);
    ck_assert_uint_eq(newest()->level, level);
    ck_assert_hex_eq(newest()->at.v, at.v);
    ck_assert_hex_eq(newest()->then.v, then);
    ck_assert_hex_eq(newest()->now.v, now);
}
static void says(const char *expected) {
    char text[400];

    sim_stale_explain(newest(), text, sizeof text);
    ck_assert_str_eq(text, expected);
}

START_TEST(an_unmapped_page_that_is_still_used_is_reported_with_its_entry)
{
    paddr_t at;

    start((enum tlb_policy)_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    (void)load(VA);
    ck_assert_uint_eq(reports(), 0);
    ram_store64(&ram, at, 0);
    (void)load(vaddr_add(VA, 8));
    reported(1, STALE_ALLOWED, 1, at, OLD_FRAME | P | RW | A, 0);
    ck_assert_hex_eq(newest()->va.v, VA.v + 8);
    ck_assert_hex_eq(events.ring[(events.total - 1) % SIM_EVENTS_KEPT].a,
                     VA.v + 8);
    says("read of 0x444444400008 was made, though the tables forbid it now: "
         "the PTE (level 1) at physical 0x203000 held 0x400023 when it was "
         "remembered and holds 0x0 now. Needed after the change: INVLPG of "
         "0x444444400008, or a load of CR3");
    (void)load(VA);
    ck_assert_uint_eq(reports(), 2);
    cpu_invlpg(&cpu, VA);
    faults(VA, SIM_READ, 0);
    ck_assert_uint_eq(reports(), 2);
}
END_TEST

START_TEST(a_remapped_page_is_reported_as_gone_elsewhere)
{
    paddr_t at;

    start((enum tlb_policy)_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P | RW | G);
    store(VA, OLD);
    tables_map(&t, VA, NEW_FRAME, 1, P | RW | G);
    store(VA, 1);
    reported(1, STALE_ELSEWHERE, 1, at, OLD_FRAME | P | RW | G | A | D,
             NEW_FRAME | P | RW | G);
    ck_assert(newest()->global);
    says("write to 0x444444400000 went elsewhere than the tables say now: the "
         "PTE (level 1) at physical 0x203000 held 0x400163 when it was "
         "remembered and holds 0x600103 now. Needed after the change: INVLPG "
         "of 0x444444400000 (the page is global: a load of CR3 spares it)");
}
END_TEST

START_TEST(a_write_that_sets_no_d_is_reported)
{
    paddr_t at;

    start((enum tlb_policy)_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    store(VA, OLD);
    ram_store64(&ram, at, OLD_FRAME | P | RW);
    (void)load(VA); /* its A stays 0: nothing that a program may rely on */
    ck_assert_uint_eq(reports(), 0);
    store(VA, OLD);
    reported(1, STALE_NOT_DIRTY, 1, at, OLD_FRAME | P | RW | A | D,
             OLD_FRAME | P | RW);
}
END_TEST

START_TEST(a_spurious_fault_is_reported)
{
    paddr_t at;

    start(TLB_HOSTILE);
    at = tables_map(&t, VA, OLD_FRAME, 1, P);
    (void)load(VA);
    ram_store64(&ram, at, OLD_FRAME | P | RW | A);
    faults(VA, SIM_WRITE, PF_PRESENT | PF_WRITE);
    reported(1, STALE_DENIED, 1, at, OLD_FRAME | P | A, OLD_FRAME | P | RW | A);
    store(VA, 1);
    ck_assert_uint_eq(reports(), 1);
    says("write to 0x444444400000 faulted otherwise than the tables say now: "
         "the PTE (level 1) at physical 0x203000 held 0x400021 when it was "
         "remembered and holds 0x400023 now. Needed after the change: INVLPG "
         "of 0x444444400000, or a load of CR3");
}
END_TEST

/** The parent changed; the page was never accessed.  The walk itself began
 *  where it should not have. */
START_TEST(an_upper_entry_that_is_still_used_is_reported)
{
    paddr_t pde;
    uint64_t then, other;

    start(TLB_HOSTILE);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    tables_map(&t, SECOND, OLD_FRAME, 1, P | RW);
    (void)load(VA);
    pde = tables_slot(&t, VA, 2, 0);
    then = ram_load64(&ram, pde);
    other = tables_take(&t).v;
    ram_store64(&ram, pde, other | P | RW | US);
    (void)load(SECOND);
    reported(1, STALE_ALLOWED, 2, pde, then, other | P | RW | US);
    /* what was remembered of SECOND is stale by the same entry */
    (void)load(SECOND);
    reported(2, STALE_ALLOWED, 2, pde, then, other | P | RW | US);
    cpu_invlpg(&cpu, SECOND);
    faults(SECOND, SIM_READ, 0);
    ck_assert_uint_eq(reports(), 2);
}
END_TEST

/* Several entries changed: the topmost is named, as the first to repair.  One
   that changed in its flags alone is none. */
START_TEST(of_several_changed_entries_the_topmost_that_matters_is_named)
{
    paddr_t pte_at, pde, pml4e;
    uint64_t then;

    start((enum tlb_policy)_i);
    pte_at = tables_map(&t, VA, OLD_FRAME, 1, P);
    pde = tables_slot(&t, VA, 2, 0);
    pml4e = tables_slot(&t, VA, 4, 0);
    (void)load(VA);
    then = ram_load64(&ram, pde);
    ram_store64(&ram, pml4e, ram_load64(&ram, pml4e) & ~A);
    ram_store64(&ram, pte_at, 0);
    (void)load(VA);
    reported(1, STALE_ALLOWED, 1, pte_at, OLD_FRAME | P | A, 0);
    ram_store64(&ram, pde, 0);
    (void)load(VA);
    reported(2, STALE_ALLOWED, 2, pde, then, 0);
}
END_TEST

/* The tables lead into a hole now; that the report looks there is no access. */
START_TEST(a_report_is_no_access_of_its_own)
{
    paddr_t pde;

    start((enum tlb_policy)_i);
    tables_map(&t, VA, OLD_FRAME, 1, P);
    pde = tables_slot(&t, VA, 2, 0);
    (void)load(VA);
    ram_store64(&ram, pde, 0xb8000 | P);
    (void)load(VA);
    ck_assert_uint_eq(reports(), 1);
    ck_assert_uint_eq(ram.hole_accesses, 0);
    ck_assert_uint_eq(events.counts[SIM_EVENT_HOLE], 0);
}
END_TEST

/** A page of the old root under a PCID that was used again for another. */
START_TEST(a_translation_of_another_root_is_reported_without_an_entry)
{
    struct tables b;

    start(TLB_HOSTILE);
    tables_start(&b, &ram, 8 * MIB);
    tables_map(&t, VA, OLD_FRAME, 1, P);
    ck_assert(cpu_write_cr4(&cpu, cpu.cr4 | CR4_PCIDE));
    (void)load(VA);
    ck_assert(cpu_write_cr3(&cpu, paddr(b.root.v | CR3_NOFLUSH)));
    (void)load(VA);
    reported(1, STALE_ALLOWED, 0, paddr(0), 0, 0);
    says("read of 0x444444400000 was made, though the tables forbid it now: no "
         "entry on its way is known to have changed: it was remembered under "
         "another root, or before reports began. Needed after the change: "
         "INVLPG of 0x444444400000, or a load of CR3");
}
END_TEST

START_TEST(what_comes_to_the_same_is_no_report)
{
    paddr_t at;

    start((enum tlb_policy)_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P);
    (void)load(VA);
    ram_store64(&ram, at, OLD_FRAME | P | RW | NX | G); /* for reads alike */
    (void)load(VA);
    ram_store64(&ram, at, OLD_FRAME | P | US | UINT64_C(0xe00)); /* ignored */
    (void)load(VA);
    tables_map(&t, SECOND, NEW_FRAME, 1, P); /* absent to present */
    (void)load(SECOND);
    ck_assert_uint_eq(reports(), 0);
    ck_assert_uint_eq(ram.hole_accesses, 0);
}
END_TEST

START_TEST(what_was_remembered_before_is_reported_without_its_entry)
{
    paddr_t at;

    setup_policy(TLB_HOSTILE);
    at = tables_map(&t, VA, OLD_FRAME, 1, P);
    tables_map(&t, SECOND, OLD_FRAME, 1, P);
    (void)load(VA);
    ck_assert(cpu_report_stale(&cpu));
    (void)load(SECOND); /* from an upper entry of unknown origin */
    ram_store64(&ram, at, 0);
    (void)load(VA);
    reported(1, STALE_ALLOWED, 0, paddr(0), 0, 0);
    ram_store64(&ram, paddr_add(at, 8), 0);
    (void)load(SECOND); /* of which only the PTE is known */
    reported(2, STALE_ALLOWED, 1, paddr_add(at, 8), OLD_FRAME | P | A, 0);
}
END_TEST

START_TEST(nobody_who_did_not_ask_is_told)
{
    paddr_t at;

    setup_policy(TLB_HOSTILE);
    at = tables_map(&t, VA, OLD_FRAME, 1, P);
    (void)load(VA);
    ram_store64(&ram, at, 0);
    (void)load(VA);
    ck_assert_uint_eq(reports(), 0);
}
END_TEST

/* A correct program under a hostile processor: never a report. */
START_TEST(who_flushes_every_change_is_never_reported)
{
    uint64_t x = 88172645463325252u;

    start(TLB_HOSTILE);
    for (unsigned n = 0; n < 5000; n++) {
        vaddr_t page;

        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        page = vaddr_add(VA, (x & 31) * PAGE_SIZE);
        if (x >> 5 & 1) {
            tables_map(&t, page, (x >> 8 & 7) * PAGE_SIZE, 1,
                       (x >> 16 | (x >> 6 & 1) | x << 40) &
                           (P | RW | US | NX | G | A | D));
            cpu_invlpg(&cpu, page);
        }
        (void)access_works(vaddr_add(VA, x >> 20 & 0x1ffff),
                           (enum sim_access)(x >> 40 & 3));
    }
    ck_assert_uint_eq(reports(), 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim stale report");
    TCase *tc = tcase_create("report");

    tcase_add_checked_fixture(tc, setup, power_off);
    BOTH(tc, an_unmapped_page_that_is_still_used_is_reported_with_its_entry);
    BOTH(tc, a_remapped_page_is_reported_as_gone_elsewhere);
    BOTH(tc, a_write_that_sets_no_d_is_reported);
    tcase_add_test(tc, a_spurious_fault_is_reported);
    tcase_add_test(tc, an_upper_entry_that_is_still_used_is_reported);
    tcase_add_test(tc,
                   a_translation_of_another_root_is_reported_without_an_entry);
    BOTH(tc, of_several_changed_entries_the_topmost_that_matters_is_named);
    BOTH(tc, a_report_is_no_access_of_its_own);
    BOTH(tc, what_comes_to_the_same_is_no_report);
    tcase_add_test(tc,
                   what_was_remembered_before_is_reported_without_its_entry);
    tcase_add_test(tc, nobody_who_did_not_ask_is_told);
    tcase_add_test(tc, who_flushes_every_change_is_never_reported);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
