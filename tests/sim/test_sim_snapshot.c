/*
 * A whole machine kept and put back, and stepping back to before an event.  I9
 */
#include <string.h>

#include "sim/journal.h"
#include "sim/processor.h"

static struct sim_cpu *cpus[1] = { &cpu };
static struct snapshot *kept;
static struct journal journal;

static void start(void) {
    setup();
    kept = NULL;
    memset(&journal, 0, sizeof journal);
}

static void stop(void) {
    snapshot_drop(kept);
    journal_destroy(&journal);
    power_off();
}

static void take(void) {
    snapshot_drop(kept);
    kept = snapshot_take(cpus, 1, NULL);
    ck_assert_ptr_nonnull(kept);
}

/** A hash of all RAM that was touched, and of what a program can ask. */
static uint64_t look(void) {
    uint64_t hash = cpu.cr0 ^ cpu.cr3.v << 1 ^ cpu.cr4 << 2 ^ cpu.efer << 3 ^
                    cpu.cr2.v << 4 ^ cpu.cpl << 5 ^ (uint64_t)cpu.pkru << 6 ^
                    cpu.tlb.count << 7 ^ cpu.tlb.random << 8 ^
                    events.total << 9 ^ events.walk_reads << 10;

    for (uint64_t c = 0; c < ram.size / RAM_CHUNK; c++) {
        for (uint64_t pa = c * RAM_CHUNK;
             ram_is_ready(&ram, c) && pa < (c + 1) * RAM_CHUNK; pa += 8) {
            if (ram_holds(&ram, paddr(pa), 8)) {
                hash = (hash ^ ram_load64(&ram, paddr(pa))) *
                       UINT64_C(0x9e3779b97f4a7c15);
            }
        }
    }
    return hash;
}

/** Some of everything: misses, hits, faults, flushes, changed tables. */
static void live_on(unsigned steps) {
    static uint64_t x;
    uint64_t value;

    x = 88172645463325252u;
    for (unsigned i = 0; i < steps; i++) {
        vaddr_t va = vaddr_add(VA, (x >> 13) % 40 * PAGE_SIZE + (x & 0xff8));

        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        switch (x >> 40 & 7) {
        case 0:
            tables_map(&t, vaddr(va.v & ~UINT64_C(0xfff)),
                       OLD_FRAME + (x >> 20 & 15) * PAGE_SIZE, 1,
                       P | (x >> 30 & RW));
            break;
        case 1:
            cpu_invlpg(&cpu, va);
            break;
        case 2:
            ck_assert(cpu_write_cr3(&cpu, t.root));
            break;
        case 3:
        case 4:
            (void)cpu_store(&cpu, va, 8, x, &fault);
            break;
        default:
            (void)cpu_load(&cpu, va, 8, &value, &fault);
            break;
        }
    }
}

START_TEST(a_restored_machine_is_as_it_was_and_goes_on_as_it_did)
{
    struct tables tables;
    uint64_t before, after;

    setup_policy(_i);
    live_on(400);
    take();
    tables = t;
    before = look();
    live_on(700);
    after = look();
    for (unsigned again = 0; again < 2; again++) {
        snapshot_restore(kept);
        t = tables;
        ck_assert_hex_eq(look(), before);
        live_on(700);
        ck_assert_hex_eq(look(), after);
    }
}
END_TEST

/* The older one knows nothing of memory that was touched after it. */
START_TEST(a_newer_snapshot_can_be_restored_after_an_older_one)
{
    const paddr_t pa = paddr(40 * RAM_CHUNK);
    struct snapshot *newer;

    take();
    ck_assert(!ram_is_ready(&ram, pa.v / RAM_CHUNK));
    ram_store64(&ram, pa, 0x1234);
    newer = snapshot_take(cpus, 1, kept);
    ck_assert_ptr_nonnull(newer);
    snapshot_restore(kept);
    ck_assert(!ram_is_ready(&ram, pa.v / RAM_CHUNK));
    snapshot_restore(newer);
    ck_assert_hex_eq(ram_load64(&ram, pa), 0x1234);
    snapshot_drop(newer);
}
END_TEST

START_TEST(what_is_remembered_comes_back_with_the_tables_that_it_came_from)
{
    uint64_t value;
    paddr_t at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);

    (void)load(VA);
    take();
    ram_store64(&ram, at, 0);
    cpu_invlpg(&cpu, VA);
    ck_assert(!cpu_load(&cpu, VA, 8, &value, &fault));
    snapshot_restore(kept);
    ram_store64(&ram, at, 0); /* so only the TLB can know */
    ck_assert_hex_eq(load(VA), OLD);
}
END_TEST

START_TEST(memory_touched_since_is_junk_again)
{
    const paddr_t far = paddr(24 * MIB + 8);
    uint64_t junk;

    junk = ram_load64(&ram, far);
    power_off();
    power_on(TLB_LRU, 16);
    take();
    ram_store64(&ram, far, 42);
    snapshot_restore(kept);
    ck_assert(!ram_is_ready(&ram, far.v / RAM_CHUNK));
    ck_assert_hex_eq(ram_load64(&ram, far), junk);
}
END_TEST

START_TEST(equal_pages_are_kept_once)
{
    struct snapshot *second;
    uint64_t pages;

    take();
    pages = snapshot_pages(kept);
    ck_assert_uint_eq(snapshot_own_pages(kept), pages);
    ram_store64(&ram, paddr(OLD_FRAME), 1);
    second = snapshot_take(cpus, 1, kept);
    ck_assert_ptr_nonnull(second);
    ck_assert_uint_eq(snapshot_pages(second), pages);
    ck_assert_uint_eq(snapshot_own_pages(second), 1);
    snapshot_drop(kept); /* the shared ones stay */
    ram_store64(&ram, paddr(OLD_FRAME), 2);
    ram_store64(&ram, paddr(NEW_FRAME), 3);
    kept = second;
    snapshot_restore(kept);
    ck_assert_hex_eq(ram_load64(&ram, paddr(OLD_FRAME)), 1);
    ck_assert_hex_eq(ram_load64(&ram, paddr(NEW_FRAME)), NEW);
}
END_TEST

START_TEST(memory_of_the_caller_comes_back_too)
{
    unsigned parts[SNAPSHOT_PARTS_MAX + 1] = { 1, 2, 3 };

    take();
    for (unsigned i = 0; i < SNAPSHOT_PARTS_MAX; i++) {
        ck_assert(snapshot_keep(kept, &parts[i], sizeof parts[i]));
    }
    ck_assert(!snapshot_keep(kept, &parts[0], sizeof parts[0]));
    memset(parts, 0xff, sizeof parts);
    snapshot_restore(kept);
    ck_assert_uint_eq(parts[0], 1);
    ck_assert_uint_eq(parts[2], 3);
    ck_assert_uint_eq(parts[SNAPSHOT_PARTS_MAX], ~0u);
}
END_TEST

START_TEST(too_many_processors_are_refused)
{
    struct sim_cpu *many[SNAPSHOT_CPUS_MAX + 1] = { &cpu };

    ck_assert_ptr_null(snapshot_take(many, SNAPSHOT_CPUS_MAX + 1, NULL));
    snapshot_drop(NULL);
}
END_TEST

START_TEST(a_stale_use_is_reported_with_its_entry_after_a_restore)
{
    paddr_t at;

    setup_policy(TLB_HOSTILE);
    ck_assert(cpu_report_stale(&cpu));
    at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    (void)load(VA);
    take();
    cpu_invlpg(&cpu, VA);
    snapshot_restore(kept);
    ram_store64(&ram, at, 0);
    (void)load(VA);
    ck_assert_uint_eq(events.counts[SIM_EVENT_STALE], 1);
    ck_assert_hex_eq(events.stales[0].at.v, at.v);
}
END_TEST

START_TEST(what_is_remembered_since_is_forgotten_hits_by_host_address_too)
{
    uint64_t walks;

    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    take();
    walks = events.counts[SIM_EVENT_WALK];
    (void)load(VA);
    (void)load(VA);
    ck_assert_uint_eq(events.counts[SIM_EVENT_WALK], walks + 1);
    snapshot_restore(kept);
    ck_assert_uint_eq(events.counts[SIM_EVENT_WALK], walks);
    (void)load(VA);
    ck_assert_uint_eq(events.counts[SIM_EVENT_WALK], walks + 1);
}
END_TEST

START_TEST(who_looks_on_stays_and_what_was_counted_comes_back)
{
    struct injection none = { .kind = INJECT_NOTHING };
    struct table_writes writes;
    uint64_t holes = ram.hole_accesses;

    take();
    ck_assert(cpu_report_stale(&cpu));
    ck_assert(table_writes_init(&writes, 4));
    cpu_record_writes(&cpu, &writes);
    cpu_inject(&cpu, &none);
    (void)ram_load64(&ram, paddr(0xa0000));
    snapshot_restore(kept);
    ck_assert_uint_eq(ram.hole_accesses, holes);
    ck_assert(cpu.report_stale);
    ck_assert_ptr_eq(cpu.writes, &writes);
    ck_assert_ptr_eq(cpu.injection, &none);
    cpu_record_writes(&cpu, NULL);
    table_writes_destroy(&writes);
}
END_TEST

/* --- stepping back ------------------------------------------------------- */

static struct sim_op_result result;

static bool op(enum sim_op_kind kind, uint64_t at, uint64_t value) {
    struct sim_op it = { kind, 0, 8, at, value };

    ck_assert(journal_do(&journal, it, &result));
    return result.done;
}

/** VA is mapped, used @before times, unmapped without its flush, used @after
 *  times. */
static paddr_t forget_a_flush(unsigned every, unsigned before, unsigned after) {
    paddr_t at;

    setup_policy(TLB_HOSTILE);
    ck_assert(cpu_report_stale(&cpu));
    at = tables_slot(&t, VA, 1, P | RW | US);
    ck_assert(journal_init(&journal, cpus, 1, every));
    op(SIM_OP_POKE, at.v, OLD_FRAME | P | RW);
    for (unsigned i = 0; i < before; i++) {
        ck_assert(op(SIM_OP_STORE, VA.v + 8, i));
    }
    op(SIM_OP_POKE, at.v, 0);
    for (unsigned i = 0; i < after; i++) {
        ck_assert(op(SIM_OP_LOAD, VA.v + 8, 0));
    }
    return at;
}

START_TEST(going_back_to_before_the_stale_use_finds_the_store_that_caused_it)
{
    paddr_t at = forget_a_flush((unsigned)_i, 100, 50);
    uint64_t total = events.total, hash = look();
    uint64_t number = total - 50; /* the first stale use */
    size_t guilty;

    ck_assert_int_eq(events.ring[number % SIM_EVENTS_KEPT].kind,
                     SIM_EVENT_STALE);
    guilty = journal_op_of_event(&journal, number);
    ck_assert_uint_eq(guilty, 1 + 100 + 1);
    journal_back(&journal, guilty);
    ck_assert_uint_eq(events.total, number);
    ck_assert_uint_eq(journal_op_of_event(&journal, number), guilty);
    ck_assert_uint_eq(journal_op_of_event(&journal, total - 1),
                      journal.count - 1);
    ck_assert_uint_eq(journal_op_of_event(&journal, total), journal.count);
    ck_assert_uint_eq(events.counts[SIM_EVENT_STALE], 0);
    ck_assert_hex_eq(ram_load64(&ram, at), 0);
    journal_back(&journal, guilty - 1); /* further: the page is there again */
    ck_assert_hex_eq(ram_load64(&ram, at), OLD_FRAME | P | RW | A | D);
    journal_back(&journal, 0);
    ck_assert_hex_eq(ram_load64(&ram, at), 0);
    journal_back(&journal, journal.count); /* and forward */
    ck_assert_uint_eq(events.total, total);
    ck_assert_hex_eq(look(), hash);
}
END_TEST

START_TEST(what_is_done_after_going_back_replaces_what_was)
{
    forget_a_flush(10, 100, 50);
    journal_back(&journal, 1 + 100 + 1);
    op(SIM_OP_INVLPG, VA.v, 0); /* what was forgotten */
    ck_assert(!op(SIM_OP_LOAD, VA.v, 0));
    ck_assert_uint_eq(events.counts[SIM_EVENT_STALE], 0);
    ck_assert_uint_eq(journal.count, 1 + 100 + 1 + 2);
}
END_TEST

START_TEST(few_snapshots_are_kept_however_long_it_gets)
{
    uint64_t hash;

    forget_a_flush(1, 20, 0);
    journal_back(&journal, 7);
    hash = look();
    journal_back(&journal, journal.count);
    for (unsigned i = 0; i < 500; i++) {
        op(SIM_OP_STORE, VA.v + 16, i);
    }
    ck_assert_uint_le(journal.snapshot_count, JOURNAL_SNAPSHOTS);
    ck_assert_uint_gt(journal.every, 1);
    journal_back(&journal, 7);
    ck_assert_hex_eq(look(), hash);
}
END_TEST

static unsigned told;

static void count_events(struct sim_watch *watch,
                         const struct sim_event *event) {
    (void)watch, (void)event;
    told++;
}

START_TEST(who_watches_is_told_once)
{
    struct sim_watch watch = { .seen = count_events };
    unsigned once;

    forget_a_flush(10, 10, 10);
    sim_watch(&events, &watch);
    told = 0;
    op(SIM_OP_INVLPG, VA.v, 0);
    ck_assert(!op(SIM_OP_FETCH, VA.v, 0));
    once = told;
    ck_assert_uint_gt(once, 0);
    journal_back(&journal, 3);
    journal_back(&journal, journal.count);
    ck_assert_uint_eq(told, once);
    ck_assert_ptr_eq(events.watches, &watch);
    sim_unwatch(&events, &watch);
}
END_TEST

START_TEST(every_operation_does_what_its_call_does)
{
    const uint64_t cr4 = cpu.cr4;
    paddr_t at = tables_slot(&t, VA, 1, P | RW | US);

    ck_assert(journal_init(&journal, cpus, 1, 100));
    ck_assert_uint_eq(journal_op_of_event(&journal, 0), 0);
    op(SIM_OP_POKE, at.v, OLD_FRAME | P | RW | US);
    ck_assert(op(SIM_OP_STORE, VA.v, 40));
    ck_assert(op(SIM_OP_ADD, VA.v, 2));
    ck_assert_uint_eq(result.value, 40);
    ck_assert(op(SIM_OP_LOAD, VA.v, 0));
    ck_assert_uint_eq(result.value, 42);
    ck_assert(op(SIM_OP_FETCH, VA.v, 0));
    ck_assert_uint_eq(result.value, 42);
    ck_assert(op(SIM_OP_CR4, 0, cr4 | CR4_PCIDE | CR4_SMAP));
    ck_assert(!op(SIM_OP_LOAD, VA.v, 0)); /* SMAP */
    op(SIM_OP_MODE, 0, sim_op_mode(3, false, true, 5));
    ck_assert_uint_eq(cpu.cpl, 3);
    ck_assert(cpu.interrupts && !cpu.ac);
    ck_assert_uint_eq(cpu.pkru, 5);
    ck_assert(op(SIM_OP_LOAD, VA.v, 0));
    ck_assert(op(SIM_OP_INVPCID, VA.v, (uint64_t)INVPCID_ALL << 32));
    ck_assert_uint_eq(cpu.tlb.count, 0);
    ck_assert(!op(SIM_OP_CR0, 0, 0));
    ck_assert(op(SIM_OP_CR3, 0, t.root.v | 7));
    ck_assert_uint_eq(cpu_pcid(&cpu), 7);
    ck_assert(!op(SIM_OP_EFER, 0, UINT64_C(1) << 40));
    ck_assert(op(SIM_OP_LOAD, VA.v, 0));
    op(SIM_OP_FREED, OLD_FRAME, PAGE_SIZE);
    ck_assert_uint_eq(events.counts[SIM_EVENT_STALE], 1);
    op(SIM_OP_INVLPG, VA.v, 0);
    ck_assert_uint_eq(cpu.tlb.count, 0);
    ck_assert_uint_eq(journal_op_of_event(&journal, events.total),
                      journal.count);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_snapshot");
    TCase *tc = tcase_create("snapshot");
    TCase *back = tcase_create("back");

    tcase_add_checked_fixture(tc, start, stop);
    EACH(tc, a_restored_machine_is_as_it_was_and_goes_on_as_it_did);
    tcase_add_test(
        tc, what_is_remembered_comes_back_with_the_tables_that_it_came_from);
    tcase_add_test(tc, a_newer_snapshot_can_be_restored_after_an_older_one);
    tcase_add_test(tc, memory_touched_since_is_junk_again);
    tcase_add_test(tc, equal_pages_are_kept_once);
    tcase_add_test(tc, memory_of_the_caller_comes_back_too);
    tcase_add_test(tc, too_many_processors_are_refused);
    tcase_add_test(tc, a_stale_use_is_reported_with_its_entry_after_a_restore);
    tcase_add_test(
        tc, what_is_remembered_since_is_forgotten_hits_by_host_address_too);
    tcase_add_test(tc, who_looks_on_stays_and_what_was_counted_comes_back);
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(back, start, stop);
    tcase_add_loop_test(
        back, going_back_to_before_the_stale_use_finds_the_store_that_caused_it,
        1, 12);
    tcase_add_test(back, what_is_done_after_going_back_replaces_what_was);
    tcase_add_test(back, few_snapshots_are_kept_however_long_it_gets);
    tcase_add_test(back, who_watches_is_told_once);
    tcase_add_test(back, every_operation_does_what_its_call_does);
    suite_add_tcase(suite, back);
    return tables_run(suite);
}
