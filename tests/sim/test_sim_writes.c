/*
 * Who wrote the entry: stores are recorded with the place that made them, and
 * a stale use names the store that was not followed by its INVLPG.  I7
 */
#include <string.h>

#include "sim/processor.h"

#define WINDOW vaddr(UINT64_C(0x500000000000)) /* shows the table of VA */

static struct table_writes writes;

static void stop(void) {
    table_writes_destroy(&writes);
    power_off();
}

/** VA shows OLD_FRAME, and WINDOW the page table that says so. */
static paddr_t start(unsigned capacity) {
    paddr_t at;

    ck_assert(table_writes_init(&writes, capacity));
    cpu_record_writes(&cpu, &writes);
    at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    tables_map(&t, WINDOW, align_down(at.v, PAGE_SIZE), 1, P | RW);
    return at;
}

static vaddr_t window(paddr_t at) {
    return vaddr_add(WINDOW, at.v & (PAGE_SIZE - 1));
}

START_TEST(a_store_to_an_entry_is_recorded_with_what_it_changed)
{
    paddr_t at = start(16);
    const struct table_write *w;

    ck_assert_ptr_null(table_writes_last(&writes, at));
    cpu.rip = 0x401000;
    store(window(at), NEW_FRAME | P);
    w = table_writes_last(&writes, at);
    ck_assert_ptr_nonnull(w);
    ck_assert_hex_eq(w->at.v, at.v);
    ck_assert_hex_eq(w->before.v, OLD_FRAME | P | RW);
    ck_assert_hex_eq(w->after.v, NEW_FRAME | P);
    ck_assert_hex_eq(w->rip, 0x401000);
    ck_assert_uint_eq(w->cpu, 0);
    cpu.rip = 0x402000;
    store(window(at), OLD_FRAME | P); /* a hit now: recorded as well */
    ck_assert_hex_eq(table_writes_last(&writes, at)->rip, 0x402000);
}
END_TEST

START_TEST(the_call_stands_for_the_instruction_that_is_not_named)
{
    paddr_t at = start(16);

    store(window(at), 0);
    ck_assert_msg(
        table_writes_last(&writes, at)->rip - (uint64_t)(uintptr_t)store < 4096,
        "the store was made in store(), by rip 0x%llx",
        (unsigned long long)table_writes_last(&writes, at)->rip);
}
END_TEST

START_TEST(a_store_that_touches_two_words_is_recorded_for_both)
{
    paddr_t at = start(16);
    uint64_t first = ram_load64(&ram, at);

    store(vaddr_add(window(at), 4), 0);
    ck_assert_uint_eq(writes.total, 2);
    ck_assert_hex_eq(table_writes_last(&writes, at)->after.v,
                     first & 0xffffffff);
    ck_assert_hex_eq(table_writes_last(&writes, paddr_add(at, 8))->at.v,
                     at.v + 8);
    ck_assert_ptr_null(table_writes_last(&writes, paddr_add(at, 16)));
}
END_TEST

START_TEST(a_record_that_was_overwritten_is_not_known)
{
    paddr_t at = start(2);

    store(window(at), 1);
    store(vaddr_add(window(at), 8), 2);
    ck_assert_ptr_nonnull(table_writes_last(&writes, at));
    store(vaddr_add(window(at), 16), 3);
    ck_assert_ptr_null(table_writes_last(&writes, at));
}
END_TEST

START_TEST(a_change_by_nobody_is_noticed_at_the_next_walk)
{
    paddr_t at = start(16);
    uint64_t changes;

    (void)load(VA);
    changes = events.counts[SIM_EVENT_CHANGE];
    ram_store64(&ram, at, NEW_FRAME | P | RW);
    ck_assert_ptr_null(table_writes_last(&writes, at));
    cpu_invlpg(&cpu, VA);
    ck_assert_hex_eq(load(VA), NEW);
    ck_assert_uint_eq(events.counts[SIM_EVENT_CHANGE], changes + 1);
    ck_assert_hex_eq(table_writes_last(&writes, at)->before.v,
                     OLD_FRAME | P | RW);
    ck_assert_hex_eq(table_writes_last(&writes, at)->after.v,
                     NEW_FRAME | P | RW);
    ck_assert_hex_eq(table_writes_last(&writes, at)->rip, 0);
    cpu_invlpg(&cpu, VA);
    (void)load(VA); /* A alone is no change */
    ck_assert_uint_eq(events.counts[SIM_EVENT_CHANGE], changes + 1);
}
END_TEST

START_TEST(a_stale_use_names_who_stored_the_entry)
{
    paddr_t at;
    char text[500];

    setup_policy(_i);
    ck_assert(cpu_report_stale(&cpu));
    at = start(16);
    cpu.number = 3;
    (void)load(VA);
    cpu.rip = 0x401234;
    store(window(at), 0);
    cpu.rip = 0x405678;
    (void)load(VA);
    ck_assert_uint_eq(events.counts[SIM_EVENT_STALE], 1);
    sim_stale_explain(&events.stales[0], text, sizeof text);
    ck_assert_msg(strstr(text, "holds 0x0 now, stored at rip 0x401234 by "
                               "processor 3. Needed") != NULL,
                  "it says: %s", text);
}
END_TEST

START_TEST(nothing_is_recorded_when_nobody_asked)
{
    paddr_t at = start(16);

    cpu_record_writes(&cpu, NULL);
    store(window(at), 0);
    ck_assert_uint_eq(writes.total, 0);
}
END_TEST

START_TEST(what_was_stored_to_fast_before_is_recorded_as_well)
{
    paddr_t at = start(16);

    cpu_record_writes(&cpu, NULL);
    store(window(at), OLD_FRAME | P);
    store(window(at), OLD_FRAME | P); /* by its host address */
    cpu_record_writes(&cpu, &writes);
    store(window(at), NEW_FRAME | P);
    ck_assert_uint_eq(writes.total, 1);
    ck_assert_hex_eq(table_writes_last(&writes, at)->after.v, NEW_FRAME | P);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_writes");
    TCase *tc = tcase_create("writes");

    tcase_add_checked_fixture(tc, setup, stop);
    tcase_add_test(tc, a_store_to_an_entry_is_recorded_with_what_it_changed);
    tcase_add_test(tc, the_call_stands_for_the_instruction_that_is_not_named);
    tcase_add_test(tc, a_store_that_touches_two_words_is_recorded_for_both);
    tcase_add_test(tc, a_record_that_was_overwritten_is_not_known);
    tcase_add_test(tc, a_change_by_nobody_is_noticed_at_the_next_walk);
    BOTH(tc, a_stale_use_names_who_stored_the_entry);
    tcase_add_test(tc, nothing_is_recorded_when_nobody_asked);
    tcase_add_test(tc, what_was_stored_to_fast_before_is_recorded_as_well);
    suite_add_tcase(suite, tc);
    return tables_run(suite);
}
