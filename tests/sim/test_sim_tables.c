/*
 * Who stores into a page table, in the live machine: compiled code, native but
 * for those stores.
 */
#include "mm/mm.h"

#include "sim/live_machine.h"

static struct table_writes writes;
static struct trap_fault fault;

static void start(void) {
    power_on_with(TLB_HOSTILE, 0);
    ck_assert(table_writes_init(&writes, 1000));
    ck_assert(sim_watch_tables(sim, &writes));
}

static void start_with_page(void) {
    start();
    map_page(HEAP, FRAME, ALL);
    (void)*at(HEAP); /* the walk makes it a table */
}

static void stop(void) {
    power_off();
    table_writes_destroy(&writes);
}

static paddr_t place(const volatile void *entry) {
    return paddr((uint64_t)(uintptr_t)entry - SIM_DIRECT_BASE);
}

/** Is @rip in the code of @fn? */
static bool is_in(uint64_t rip, void (*fn)(volatile uint64_t *)) {
    return rip - (uint64_t)(uintptr_t)fn < 64;
}

__attribute__((noinline)) static void unmap(volatile uint64_t *entry) {
    *entry = 0;
}
__attribute__((noinline)) static void same_again(volatile uint64_t *entry) {
    *entry = *entry;
}
__attribute__((noinline)) static void set_two(volatile uint64_t *entry) {
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0; movdqu %%xmm0, %0"
                     : "=m"(*(volatile char(*)[16])entry)
                     :
                     : "xmm0", "memory");
}
__attribute__((noinline)) static void clear_half(volatile uint64_t *entry) {
    uint64_t count = 256;

    __asm__ volatile("cld; rep stosq"
                     : "+D"(entry), "+c"(count)
                     : "a"(0)
                     : "cc", "memory");
}
__attribute__((noinline)) static void straddle(volatile uint64_t *entry) {
    __asm__ volatile("movq $0, 4(%0)" ::"r"(entry) : "memory");
}

START_TEST(a_store_to_a_table_is_recorded_with_its_instruction)
{
    volatile uint64_t *entry = entry_of(HEAP, 1);
    const struct table_write *w;
    uint64_t was = *entry;

    unmap(entry);
    w = table_writes_last(&writes, place(entry));
    ck_assert_ptr_nonnull(w);
    ck_assert(is_in(w->rip, unmap));
    ck_assert_uint_eq(w->before.v, was);
    ck_assert_uint_eq(w->after.v, 0);
    ck_assert_uint_eq(*entry, 0);
    unmap(entry); /* the second one as well */
    ck_assert_uint_eq(table_writes_last(&writes, place(entry))->before.v, 0);
}
END_TEST

START_TEST(a_store_of_the_same_value_is_recorded_too)
{
    volatile uint64_t *entry = entry_of(HEAP, 1);

    same_again(entry);
    ck_assert(is_in(table_writes_last(&writes, place(entry))->rip, same_again));
}
END_TEST

START_TEST(every_entry_that_one_instruction_changes_is_recorded)
{
    volatile uint64_t *entry = entry_of(HEAP, 1);
    uint64_t before = writes.total;

    set_two(entry);
    ck_assert_uint_eq(writes.total, before + 2);
    ck_assert(
        is_in(table_writes_last(&writes, place(entry + 1))->rip, set_two));
    before = writes.total;
    clear_half(entry);
    ck_assert_uint_eq(writes.total, before + 256); /* one an iteration */
    for (unsigned i = 0; i < 256; i++) {
        ck_assert_uint_eq(entry[i], 0);
        ck_assert(is_in(table_writes_last(&writes, place(entry + i))->rip,
                        clear_half));
    }
}
END_TEST

START_TEST(a_store_over_two_tables_is_recorded_for_both)
{
    /* the tables of HEAP lie one behind the other */
    volatile uint64_t *pd = entry_of(HEAP, 2);
    volatile uint64_t *last =
        (volatile uint64_t *)((uintptr_t)pd | (PAGE_SIZE - 8));

    last[0] = last[1] = ~UINT64_C(0);
    straddle(last);
    ck_assert_uint_eq(last[0], UINT32_MAX);
    ck_assert(is_in(table_writes_last(&writes, place(last))->rip, straddle));
    ck_assert(
        is_in(table_writes_last(&writes, place(last + 1))->rip, straddle));
}
END_TEST

START_TEST(memory_beside_tables_is_stored_to_at_full_speed)
{
    volatile uint64_t *page = direct(paddr(FRAME));
    uint64_t calls, total = writes.total;

    page[0] = 1;
    calls = sim->live->host_calls;
    for (unsigned i = 0; i < 512; i++) {
        page[i] = i;
    }
    ck_assert_uint_eq(sim->live->host_calls, calls);
    ck_assert_uint_eq(writes.total, total);
}
END_TEST

START_TEST(a_store_that_faults_on_its_way_leaves_no_page_open)
{
    volatile uint64_t *entry = entry_of(HEAP, 1);
    uint64_t from = HEAP + 7 * PAGE_SIZE; /* not mapped */
    bool done;

    ck_assert(!trap_try_read(vaddr(from), &(uint8_t){ 0 }, &fault));
    same_again(entry);
    done = trap_try_write(vaddr(from), 1, &fault);
    ck_assert(!done);
    unmap(entry);
    ck_assert(is_in(table_writes_last(&writes, place(entry))->rip, unmap));
}
END_TEST

START_TEST(a_stale_use_names_the_line_that_did_not_flush)
{
    volatile uint64_t *entry = entry_of(HEAP, 1);
    char text[600];

    ck_assert(cpu_report_stale(&sim->cpu));
    hw_invlpg(vaddr(HEAP));
    *at(HEAP) = 1;
    unmap(entry);
    cpu_frames_freed(&sim->cpu, (struct prange){ paddr(FRAME), PAGE_SIZE },
                     sim->live->windows[0].range);
    ck_assert_uint_eq(sim->events.counts[SIM_EVENT_STALE], 1);
    ck_assert(sim->events.stales[0].writer_is_known);
    ck_assert(is_in(sim->events.stales[0].writer_rip, unmap));
    sim_stale_explain(&sim->events.stales[0], text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "holds 0x0 now, stored at rip 0x"));
    sim_code_name(sim->events.stales[0].writer_rip, text, sizeof text);
    ck_assert_msg(strstr(text, "test_sim_tables") != NULL, "it says: %s", text);
}
END_TEST

START_TEST(code_that_is_nowhere_is_a_number)
{
    char text[100];

    sim_code_name(8, text, sizeof text);
    ck_assert_str_eq(text, "0x8");
}
END_TEST

START_TEST(tables_are_watched_once)
{ ck_assert(!sim_watch_tables(sim, &writes)); }
END_TEST

static struct mm mm;

START_TEST(the_real_kernel_runs_and_its_mapper_is_named)
{
    struct mm_init_result result;
    const struct table_write *w = NULL;
    const char *why = "";
    uint8_t *p;

    result = mm_init(&mm, &sim->boot, &mm_default_config);
    ck_assert_msg(result.status == MM_OK, "%s", result.step);
    for (unsigned i = 0; i < 20; i++) {
        p = kmalloc(&mm, 3 * PAGE_SIZE);
        memset(p, (int)i, 3 * PAGE_SIZE);
        w = table_writes_last(
            &writes, place(entry_of((uint64_t)(uintptr_t)p + PAGE_SIZE, 1)));
    }
    ck_assert_ptr_nonnull(w);
    ck_assert_uint_ne(w->rip, 0);
    ck_assert_uint_eq(w->before.v, 0);
    ck_assert(pte_is_present(w->after));
    ck_assert_msg(mm_check(&mm, &why), "%s", why);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_tables");
    TCase *tc = tcase_create("tables");
    TCase *real = tcase_create("real");

    tcase_add_checked_fixture(tc, start_with_page, stop);
    tcase_add_test(tc, a_store_to_a_table_is_recorded_with_its_instruction);
    tcase_add_test(tc, a_store_of_the_same_value_is_recorded_too);
    tcase_add_test(tc, every_entry_that_one_instruction_changes_is_recorded);
    tcase_add_test(tc, a_store_over_two_tables_is_recorded_for_both);
    tcase_add_test(tc, memory_beside_tables_is_stored_to_at_full_speed);
    tcase_add_test(tc, a_store_that_faults_on_its_way_leaves_no_page_open);
    tcase_add_test(tc, a_stale_use_names_the_line_that_did_not_flush);
    tcase_add_test(tc, code_that_is_nowhere_is_a_number);
    tcase_add_test(tc, tables_are_watched_once);
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(real, start, stop);
    tcase_add_test(real, the_real_kernel_runs_and_its_mapper_is_named);
    suite_add_tcase(suite, real);
    return run(suite);
}
