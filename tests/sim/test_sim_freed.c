/*
 * A frame that goes back to the kernel while the processor still remembers a
 * way to it is reported, with the change that was not flushed.
 */
#include <string.h>

#include "sim/processor.h"

static const struct vrange nothing = { { 0 }, 0 };

static void start(int policy) {
    setup_policy(policy);
    ck_assert(cpu_report_stale(&cpu));
}

static unsigned reports(void) {
    return (unsigned)events.counts[SIM_EVENT_STALE];
}

static void free_frame(uint64_t pa) {
    cpu_frames_freed(&cpu, (struct prange){ paddr(pa), PAGE_SIZE }, nothing);
}

static void says(const char *expected) {
    char text[500];

    sim_stale_explain(&events.stales[reports() - 1], text, sizeof text);
    ck_assert_str_eq(text, expected);
}

START_TEST(a_frame_freed_before_its_page_is_flushed_is_reported)
{
    paddr_t at;

    start(_i);
    at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    (void)load(VA);
    ram_store64(&ram, at, 0);
    free_frame(NEW_FRAME);
    ck_assert_uint_eq(reports(), 0);
    free_frame(OLD_FRAME);
    ck_assert_uint_eq(reports(), 1);
    ck_assert_int_eq(events.stales[0].effect, STALE_FREED);
    ck_assert_hex_eq(events.stales[0].va.v, VA.v);
    says("physical 0x400000 was handed back while the way to it by "
         "0x444444400000 is still remembered: the PTE (level 1) at physical "
         "0x203000 held 0x400023 when it was remembered and holds 0x0 now. "
         "Needed before: INVLPG of 0x444444400000, or a load of CR3");
    cpu_invlpg(&cpu, VA);
    free_frame(OLD_FRAME);
    ck_assert_uint_eq(reports(), 1);
}
END_TEST

START_TEST(a_frame_freed_while_the_tables_still_show_it_is_reported)
{
    start(_i);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW | G);
    (void)load(VA);
    free_frame(OLD_FRAME);
    says("physical 0x400000 was handed back while the way to it by "
         "0x444444400000 is still remembered: the tables are as they were. "
         "Needed before: INVLPG of 0x444444400000 (the page is global: a load "
         "of CR3 spares it)");
}
END_TEST

START_TEST(a_part_of_a_large_page_names_its_own_address)
{
    start(_i);
    tables_map(&t, VA, OLD_FRAME, 2, P | RW);
    (void)load(VA);
    free_frame(OLD_FRAME + 5 * PAGE_SIZE);
    ck_assert_uint_eq(reports(), 1);
    ck_assert_hex_eq(events.stales[0].va.v, VA.v + 5 * PAGE_SIZE);
    ck_assert_hex_eq(events.stales[0].freed.v, OLD_FRAME + 5 * PAGE_SIZE);
}
END_TEST

START_TEST(what_the_kernel_keeps_mapped_for_good_is_excepted)
{
    start(_i);
    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    (void)load(VA);
    cpu_frames_freed(&cpu, (struct prange){ paddr(OLD_FRAME), PAGE_SIZE },
                     (struct vrange){ VA, PAGE_SIZE });
    ck_assert_uint_eq(reports(), 0);
    cpu_frames_freed(&cpu, (struct prange){ paddr(OLD_FRAME), PAGE_SIZE },
                     (struct vrange){ SECOND, PAGE_SIZE });
    ck_assert_uint_eq(reports(), 1);
}
END_TEST

/** Hostile remembers upper entries, so a table that was freed is still read. */
START_TEST(a_page_table_freed_before_the_flush_is_reported)
{
    paddr_t table;

    start(TLB_HOSTILE);
    table = paddr(
        align_down(tables_map(&t, VA, OLD_FRAME, 1, P | RW).v, PAGE_SIZE));
    (void)load(VA);
    ram_store64(&ram, tables_slot(&t, VA, 2, 0), 0);
    free_frame(table.v);
    ck_assert_uint_eq(reports(), 1);
    ck_assert_uint_eq(events.stales[0].level, 2);
    says("physical 0x203000 was handed back while the way to it by "
         "0x444444400000 is still remembered: the PDE (level 2) at physical "
         "0x202110 held 0x203027 when it was remembered and holds 0x0 now. "
         "Needed before: INVLPG of 0x444444400000, or a load of CR3");
}
END_TEST

START_TEST(it_is_seen_without_the_other_reports_but_for_the_change)
{
    setup_policy(_i);
    ram_store64(&ram, tables_map(&t, VA, OLD_FRAME, 1, P | RW),
                OLD_FRAME | P | RW);
    (void)load(VA);
    free_frame(OLD_FRAME);
    ck_assert_uint_eq(reports(), 1);
    ck_assert_uint_eq(events.stales[0].level, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_freed");
    TCase *tc = tcase_create("freed");

    tcase_add_checked_fixture(tc, setup, power_off);
    BOTH(tc, a_frame_freed_before_its_page_is_flushed_is_reported);
    BOTH(tc, a_frame_freed_while_the_tables_still_show_it_is_reported);
    BOTH(tc, a_part_of_a_large_page_names_its_own_address);
    BOTH(tc, what_the_kernel_keeps_mapped_for_good_is_excepted);
    tcase_add_test(tc, a_page_table_freed_before_the_flush_is_reported);
    BOTH(tc, it_is_seen_without_the_other_reports_but_for_the_change);
    suite_add_tcase(suite, tc);
    return tables_run(suite);
}
