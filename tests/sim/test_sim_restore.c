/*
 * The live machine kept and put back, with the real kernel on it: tests that
 * share one machine and need no process each.  I9
 */
#include "base/poison.h"
#include "mm/mm.h"
#include "replay/replay.h"

#include "sim/live_machine.h"

static struct mm mm;
static struct snapshot *kept;
static void *block;

static void start(void) {
    power_on();
    ck_assert_int_eq(mm_init(&mm, &sim->boot, &mm_default_config).status,
                     MM_OK);
    block = kmalloc(&mm, 3 * PAGE_SIZE);
    memset(block, 0x5a, 3 * PAGE_SIZE);
    kept = sim_snapshot(sim, NULL);
    ck_assert_ptr_nonnull(kept);
    ck_assert(snapshot_keep(kept, &mm, sizeof mm));
}

static void stop(void) {
    snapshot_drop(kept);
    power_off();
}

static bool is_sound(void) {
    const char *why = "";
    bool sound = mm_check(&mm, &why);

    ck_assert_msg(sound, "%s", why);
    return sound;
}

static void go_on(void) {
    for (unsigned i = 0; i < 200; i++) {
        uint8_t *p = kmalloc(&mm, 100 * (i % 7 + 1));

        memset(p, (int)i, 100);
        if (i % 3 != 0) {
            kfree(&mm, p);
        }
    }
}

/* What a test may do to a machine: afterwards it is as if it had not. */
static void free_all(void) {
    kfree(&mm, block);
    mm_teardown(&mm);
}
static void overwrite(void) {
    memset(block, 0, 3 * PAGE_SIZE);
    memset(&mm, 0xff, sizeof mm);
}
static void break_tables(void) {
    pte_t *root = boot_direct(&sim->boot, hw_read_cr3());

    root[table_index(mm_default_config.heap_base, PAGING_LEVELS)] = pte(0);
    hw_flush_all();
}
static void other_root(void) {
    uint64_t *copy = direct(paddr(FRAME));

    memcpy(copy, direct(hw_read_cr3()), PAGE_SIZE);
    hw_write_cr3(paddr(FRAME));
    copy[table_index(mm_default_config.heap_base, PAGING_LEVELS)] = 0;
    hw_flush_all();
    hw_irq_restore(true);
}
/** Under the sanitizer the write would be a report. */
MM_NO_SANITIZE static void break_heap(void) {
    for (volatile uint8_t *header = (uint8_t *)block - 16;
         header != (uint8_t *)block; header++) {
        *header = 0x77;
    }
}

static void (*const damages[])(void) = { free_all,   overwrite,  break_tables,
                                         other_root, break_heap, go_on };

START_TEST(whatever_was_done_the_restored_kernel_is_sound_and_goes_on)
{
    const struct mm_digest before = mm_digest(&mm);
    struct mm_digest after;

    go_on();
    after = mm_digest(&mm);
    for (unsigned again = 0; again < 3; again++) {
        ck_assert(sim_restore(sim, kept));
        damages[_i]();
        ck_assert(sim_restore(sim, kept));
        ck_assert_uint_eq(mm_digest(&mm).all, before.all);
        ck_assert(!sim->cpu.interrupts);
        for (unsigned i = 0; i < 3 * PAGE_SIZE; i++) {
            ck_assert_uint_eq(((uint8_t *)block)[i], 0x5a);
        }
        ck_assert(is_sound());
        go_on();
        ck_assert_uint_eq(mm_digest(&mm).all, after.all);
    }
}
END_TEST

START_TEST(a_page_written_after_the_snapshot_shows_the_old_bytes)
{
    volatile uint8_t *p = block;

    p[10] = 1; /* shown writable on the host */
    ck_assert(sim_restore(sim, kept));
    ck_assert_uint_eq(p[10], 0x5a);
    p[10] = 2;
    ck_assert(sim_restore(sim, kept));
    ck_assert_uint_eq(p[10], 0x5a);
}
END_TEST

START_TEST(a_stale_translation_is_as_stale_as_it_was)
{
    map_page(HEAP + 2 * GIB, FRAME, ALL);
    (void)*at(HEAP + 2 * GIB);
    *entry_of(HEAP + 2 * GIB, 1) = 0;
    snapshot_drop(kept);
    kept = sim_snapshot(sim, NULL);
    hw_invlpg(vaddr(HEAP + 2 * GIB));
    ck_assert(sim_restore(sim, kept));
    (void)*at(HEAP + 2 * GIB); /* no fault: still remembered */
    hw_invlpg(vaddr(HEAP + 2 * GIB));
}
END_TEST

/* What a sanitizer knows of the heap is no part of a snapshot. */
#ifndef MM_ASAN
/* --- in the middle of a replay --------------------------------------------
 *
 *   ops  [ 0 ........ HALF )[ HALF ........ OPS )    digest
 *                         ^  on to the end            d
 *                  snapshot  restored, on again       d, each time
 */

#define IDS 60
#define OPS 3000
#define HALF 1301

static struct replay replay;
static struct replay_op ops[OPS];

/** Blocks come and go and change their sizes; some stay. */
static void make_ops(void) {
    bool live[IDS] = { false };
    uint64_t dice = 99;

    for (unsigned i = 0; i < OPS; i++) {
        struct replay_op *op = &ops[i];

        dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
        op->id = (uint32_t)(dice >> 33) % IDS;
        op->size = (dice >> 40) % 9000;
        op->kind = !live[op->id]     ? REPLAY_ALLOC
                   : op->size < 6000 ? REPLAY_FREE
                                     : REPLAY_REALLOC;
        live[op->id] = op->kind != REPLAY_FREE;
    }
}

/** Operations @from .. @to - 1.  @return the digest after them */
static uint64_t replay_part(unsigned from, unsigned to) {
    replay.ops = ops + from;
    replay.op_count = to - from;
    ck_assert_msg(replay_run(&replay), "operation %lu after %u: %s",
                  (unsigned long)replay.op, from, replay.error);
    return mm_digest(&mm).all ^ replay.counts.addresses;
}

static void quiet(void *ctx, char c) {
    (void)ctx;
    (void)c;
}

START_TEST(a_replay_goes_on_from_its_middle_to_the_same_end_each_time)
{
    struct snapshot *middle;
    uint64_t end;

    sim->config.putc = quiet;
    make_ops();
    kfree(&mm, block);
    mm_teardown(&mm);
    ck_assert_msg(replay_init(&replay, &mm, ops, OPS, IDS), "%s", replay.error);
    (void)replay_part(0, HALF);
    middle = sim_snapshot(sim, kept);
    ck_assert_ptr_nonnull(middle);
    ck_assert(snapshot_keep(middle, &mm, sizeof mm));
    ck_assert(snapshot_keep(middle, &replay, sizeof replay));
    end = replay_part(HALF, OPS);
    for (unsigned again = 0; again < 3; again++) {
        ck_assert(sim_restore(sim, middle));
        ck_assert_uint_ne(mm_digest(&mm).all ^ replay.counts.addresses, end);
        ck_assert_uint_eq(replay_part(HALF, OPS), end);
    }
    ck_assert(sim_restore(sim, kept)); /* and from before it all */
    ck_assert(is_sound());
    snapshot_drop(middle);
}
END_TEST
#endif

static struct snapshot *within;
static bool restored;

static void kernel(const struct hw_boot *boot) {
    volatile uint64_t *word = boot_direct(boot, paddr(FRAME));

    *word += 1;
    within = sim_snapshot(sim, NULL);
    restored = sim_restore(sim, kept);
    hw_exit(*word == 7 ? HW_EXIT_PASS : HW_EXIT_FAIL);
}

START_TEST(every_run_from_one_snapshot_begins_alike)
{
    *direct(paddr(FRAME)) = 6;
    snapshot_drop(kept);
    kept = sim_snapshot(sim, NULL);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(sim_run(sim, kernel), HW_EXIT_PASS);
        ck_assert(sim_restore(sim, kept));
        ck_assert_uint_eq(*direct(paddr(FRAME)), 6);
    }
    ck_assert_ptr_null(within); /* not while a kernel runs */
    ck_assert(!restored);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_restore");
    TCase *tc = tcase_create("restore");

    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_loop_test(
        tc, whatever_was_done_the_restored_kernel_is_sound_and_goes_on, 0,
        sizeof damages / sizeof damages[0]);
    tcase_add_test(tc, a_page_written_after_the_snapshot_shows_the_old_bytes);
    tcase_add_test(tc, a_stale_translation_is_as_stale_as_it_was);
#ifndef MM_ASAN
    tcase_add_test(tc,
                   a_replay_goes_on_from_its_middle_to_the_same_end_each_time);
#endif
    tcase_add_test(tc, every_run_from_one_snapshot_begins_alike);
    suite_add_tcase(suite, tc);
    return run(suite);
}
