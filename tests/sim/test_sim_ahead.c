/*
 * Pages that a miss fills beside the one that was touched.
 *
 *   HEAP   [0][1][2][3] ...   all accessed, flushed, [0] touched again:
 *           ^--------------   one signal, and up to AHEAD pages after it
 */
#include "sim/live_machine.h"

#define AHEAD 7
#define PAGES 24

static const enum tlb_policy policies[] = { TLB_LRU, TLB_HOSTILE, TLB_RANDOM };

static uint64_t page(unsigned i) {
    return HEAP + i * PAGE_SIZE;
}
/** Neighbours are not in neighbouring frames, but pages 4 and 5 are. */
static uint64_t frame(unsigned i) {
    return FRAME + (i == 5 ? 9 : i == 4 ? 8 : 2 * i + 32) * PAGE_SIZE;
}

static bool is_remembered(unsigned i) {
    return tlb_find(&sim->cpu.tlb, vaddr(page(i)), 0) != NULL;
}

static bool can_read(unsigned i, uint8_t *seen) {
    struct trap_fault fault;

    return trap_try_read(vaddr(page(i)), seen, &fault);
}

/** *@counter now: the accesses of these tests are volatile, too. */
static uint64_t now(const uint64_t *counter) {
    return *(const volatile uint64_t *)counter;
}

static void load_cr3(void) {
    hw_write_cr3(hw_read_cr3());
}

/** Pages 0 .. PAGES - 1 hold their numbers; A and D are set; then a flush. */
static void pages_with(uint64_t bits) {
    for (unsigned i = 0; i < PAGES; i++) {
        map_page(page(i), frame(i), ALL | bits);
        *at(page(i)) = (uint8_t)i;
    }
    hw_flush_all();
    sim->config.fill_ahead = AHEAD;
}

static void setup(void) {
    power_on();
    pages_with(0);
}

START_TEST(one_signal_fills_the_pages_after_it)
{
    uint64_t signals = sim_signals(sim);
    uint64_t fills = now(&sim->events.counts[SIM_EVENT_FILL]);

    for (unsigned i = 0; i < PAGES; i++) {
        ck_assert_uint_eq(*at(page(i)), i);
    }
    ck_assert_uint_eq(sim_signals(sim) - signals, PAGES / (AHEAD + 1));
    ck_assert_uint_eq(sim->events.counts[SIM_EVENT_FILL] - fills, PAGES);
}
END_TEST

START_TEST(a_page_whose_a_is_clear_is_not_filled_ahead)
{
    for (unsigned i = 1; i <= AHEAD; i += 2) {
        *entry_of(page(i), 1) &= ~PTE_ACCESSED;
    }
    load_cr3();
    (void)*at(page(0));
    for (unsigned i = 1; i <= AHEAD; i++) {
        ck_assert_msg(is_remembered(i) == (i % 2 == 0), "page %u", i);
        ck_assert_uint_eq(*entry_of(page(i), 1) & PTE_ACCESSED,
                          i % 2 == 0 ? PTE_ACCESSED : 0);
    }
}
END_TEST

START_TEST(a_page_whose_d_is_clear_is_not_writable_ahead)
{
    *entry_of(page(1), 1) &= ~PTE_DIRTY;
    load_cr3();
    (void)*at(page(0));
    ck_assert(is_remembered(1));
    ck_assert_uint_eq(*entry_of(page(1), 1) & PTE_DIRTY, 0);
    *at(page(1)) = 99;
    ck_assert_uint_ne(*entry_of(page(1), 1) & PTE_DIRTY, 0);
    ck_assert_uint_eq(*(uint8_t *)direct(paddr(frame(1))), 99);
}
END_TEST

START_TEST(a_page_whose_d_is_set_is_written_without_a_signal)
{
    uint64_t signals;

    (void)*at(page(0));
    signals = sim_signals(sim);
    *at(page(1)) = 99;
    ck_assert_uint_eq(sim_signals(sim), signals);
}
END_TEST

/* What else is not filled, each by what its entry holds. */
static const uint64_t never[] = {
    0,                                         /* not present */
    ALL | PTE_ACCESSED | UINT64_C(1) << 51,    /* a reserved bit */
    0xfee00000 | ALL | PTE_ACCESSED,           /* no RAM */
    PTE_ACCESSED | PTE_DIRTY | PTE_NO_EXECUTE, /* all but P */
};

START_TEST(what_is_absent_reserved_or_no_ram_is_not_filled_ahead)
{
    *entry_of(page(1), 1) = never[_i];
    (void)*at(page(0));
    ck_assert(!is_remembered(1));
    ck_assert(is_remembered(2));
    ck_assert_uint_eq(sim->events.counts[SIM_EVENT_HOLE], 0);
}
END_TEST

START_TEST(nothing_is_filled_beyond_the_page_table)
{
    const uint64_t last = HEAP | (2 * MIB - PAGE_SIZE);

    for (unsigned i = 0; i < 2; i++) {
        map_page(last + i * PAGE_SIZE, frame(i), ALL);
        *at(last + i * PAGE_SIZE) = 1;
    }
    load_cr3();
    (void)*at(last);
    ck_assert_ptr_null(tlb_find(&sim->cpu.tlb, vaddr(last + PAGE_SIZE), 0));
}
END_TEST

START_TEST(a_page_filled_ahead_is_stale_until_invlpg)
{
    uint8_t seen = 0;

    power_on_with(policies[_i], TLB_CAPACITY_DEFAULT);
    pages_with(0);
    (void)*at(page(0));
    ck_assert(is_remembered(3));
    *entry_of(page(3), 1) = 0;
    *entry_of(page(4), 1) = 0;
    *entry_of(page(6), 1) = frame(7) | ALL;
    ck_assert_uint_eq(*at(page(6)), 6);
    hw_invlpg(vaddr(page(3) + 5));
    ck_assert_msg(!can_read(3, &seen), "read after its INVLPG");
    hw_invlpg(vaddr(page(6)));
    ck_assert_uint_eq(*at(page(6)), 7);
    power_off();
}
END_TEST

static void flush_all(void) {
    hw_flush_all();
}

START_TEST(every_flush_ends_what_was_filled_ahead)
{
    void (*const flushes[])(void) = { load_cr3, flush_all };
    uint8_t seen = 0;

    for (unsigned p = 0; p < 3; p++) {
        power_on_with(policies[p], TLB_CAPACITY_DEFAULT);
        pages_with(_i == 1 ? PTE_GLOBAL : 0);
        (void)*at(page(0));
        for (unsigned i = 0; i < PAGES; i++) {
            *entry_of(page(i), 1) = 0;
        }
        flushes[_i]();
        for (unsigned i = 0; i < PAGES; i++) {
            ck_assert_msg(!can_read(i, &seen), "page %u, policy %u", i, p);
        }
        power_off();
    }
}
END_TEST

START_TEST(a_global_page_filled_ahead_outlives_a_load_of_cr3)
{
    power_on();
    pages_with(PTE_GLOBAL);
    (void)*at(page(0));
    *entry_of(page(1), 1) = 0;
    load_cr3();
    ck_assert_uint_eq(*at(page(1)), 1);
    power_off();
}
END_TEST

START_TEST(a_guess_evicts_nothing)
{
    uint64_t guesses = 0;

    power_on_with(TLB_LRU, SIM_TLB_MIN);
    pages_with(0);
    for (unsigned i = 0; i < PAGES; i++) {
        uint64_t evictions = now(&sim->cpu.tlb.evictions);
        uint64_t insertions = now(&sim->cpu.tlb.insertions);

        ck_assert_uint_eq(*at(page(i)), i);
        ck_assert_uint_le(sim->cpu.tlb.count, SIM_TLB_MIN);
        insertions = sim->cpu.tlb.insertions - insertions;
        evictions = sim->cpu.tlb.evictions - evictions;
        ck_assert_uint_le(evictions, 1);
        guesses += insertions > 1 ? insertions - 1 : 0;
    }
    ck_assert_uint_gt(guesses, 0);
    power_off();
}
END_TEST

START_TEST(pages_in_a_row_are_shown_by_one_call_of_the_host)
{
    uint64_t calls;

    (void)*at(page(3));
    hw_invlpg(vaddr(page(4)));
    hw_invlpg(vaddr(page(5)));
    sim->config.fill_ahead = 1;
    calls = now(&sim->live->host_calls);
    ck_assert_uint_eq(*at(page(4)), 4);
    ck_assert_uint_eq(*at(page(5)), 5);
    ck_assert_uint_eq(sim->live->host_calls, calls + 1);
}
END_TEST

START_TEST(nothing_is_filled_ahead_unless_asked_for)
{
    sim->config.fill_ahead = sim_default_config.fill_ahead;
    (void)*at(page(0));
    ck_assert(is_remembered(0));
    ck_assert(!is_remembered(1));
}
END_TEST

static struct table_writes writes;

START_TEST(while_tables_are_watched_nothing_is_filled_ahead)
{
    ck_assert(sim_watch_tables(sim, &writes));
    (void)*at(page(0));
    ck_assert(!is_remembered(1));
}
END_TEST

START_TEST(a_page_filled_ahead_whose_frame_goes_back_is_reported)
{
    const struct vrange none = { vaddr(0), 0 };

    ck_assert(cpu_report_stale(&sim->cpu));
    (void)*at(page(0));
    cpu_frames_freed(&sim->cpu, (struct prange){ paddr(frame(1)), PAGE_SIZE },
                     none);
    ck_assert_uint_ge(sim->events.counts[SIM_EVENT_STALE], 1);
    ck_assert_uint_eq(sim->events.stales[0].effect, STALE_FREED);
    ck_assert_uint_eq(sim->events.stales[0].va.v, page(1));
}
END_TEST

static TCase *with_machine(Suite *s, const char *name, bool pages) {
    TCase *tc = tcase_create(name);

    if (pages) {
        tcase_add_checked_fixture(tc, setup, power_off);
    }
    suite_add_tcase(s, tc);
    return tc;
}

int main(void) {
    Suite *s = suite_create("filling ahead");
    TCase *tc = with_machine(s, "one machine", true);

    tcase_add_test(tc, one_signal_fills_the_pages_after_it);
    tcase_add_test(tc, a_page_whose_a_is_clear_is_not_filled_ahead);
    tcase_add_test(tc, a_page_whose_d_is_clear_is_not_writable_ahead);
    tcase_add_test(tc, a_page_whose_d_is_set_is_written_without_a_signal);
    tcase_add_loop_test(
        tc, what_is_absent_reserved_or_no_ram_is_not_filled_ahead, 0, 4);
    tcase_add_test(tc, nothing_is_filled_beyond_the_page_table);
    tcase_add_test(tc, pages_in_a_row_are_shown_by_one_call_of_the_host);
    tcase_add_test(tc, nothing_is_filled_ahead_unless_asked_for);
    tcase_add_test(tc, while_tables_are_watched_nothing_is_filled_ahead);
    tcase_add_test(tc, a_page_filled_ahead_whose_frame_goes_back_is_reported);
    tc = with_machine(s, "machines of its own", false);
    tcase_add_loop_test(tc, a_page_filled_ahead_is_stale_until_invlpg, 0, 2);
    tcase_add_loop_test(tc, every_flush_ends_what_was_filled_ahead, 0, 2);
    tcase_add_test(tc, a_global_page_filled_ahead_outlives_a_load_of_cr3);
    tcase_add_test(tc, a_guess_evicts_nothing);
    return run(s);
}
