/*
 * Books, sharing, poison and reports, with every strategy.
 */
#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static uint64_t poison_seed = 1; /* no two tests the same: RAM stays */
static char text[400];

static void start(int i) {
    ck_assert_status(pmm_init(&pmm, machine_power_on(), pmm_classes[i]), MM_OK);
}

static void start_with_books(int i) {
    start(i);
    ck_assert_status(pmm_keep_books(&pmm), MM_OK);
}

static void stop(void) {
    ck_assert(pmm_is_sound(&pmm));
    ck_assert_uint_eq(pmm.stats.allocated, 0);
    machine_power_off();
}

/* Inlined it would be several places that allocate. */
__attribute__((noinline)) static pfn_t alloc(void) {
    pfn_t f = pfn(0);

    ck_assert_status(pmm_alloc(&pmm, &f), MM_OK);
    return f;
}

static pfn_t alloc_run(uint64_t count, const char *tag) {
    pfn_t f = pfn(0);

    ck_assert_status(
        pmm_alloc_run(&pmm, (struct pmm_want){ .count = count, .tag = tag },
                      &f),
        MM_OK);
    return f;
}

static void give(pfn_t f) {
    ck_assert_status(pmm_free(&pmm, f), MM_OK);
}

/** @sink for fmt_print(): into text. */
static void put(void *ctx, char c) {
    size_t *used = ctx;

    if (*used < sizeof(text) - 1) {
        text[(*used)++] = c;
        text[*used] = '\0';
    }
}

static const char *described(pfn_t f) {
    size_t used = 0;

    text[0] = '\0';
    pmm_describe(&pmm, f, put, &used);
    return text;
}

static bool says(const char *said, const char *what) {
    const size_t len = strlen(what);

    for (; *said != '\0'; said++) {
        if (strncmp(said, what, len) == 0) {
            return true;
        }
    }
    return false;
}

#define ck_assert_says(said, what)                                             \
    ck_assert_msg(says((said), (what)), "'%s' does not say '%s'", (said),      \
                  (what))

START_TEST(a_shared_frame_becomes_free_with_its_last_owner)
{ /* P12 */
    pfn_t f;

    start_with_books(_i);
    f = alloc();
    ck_assert_uint_eq(pmm_owners(&pmm, f), 1);
    ck_assert_status(pmm_share(&pmm, f), MM_OK);
    ck_assert_status(pmm_share(&pmm, f), MM_OK);
    ck_assert_uint_eq(pmm_owners(&pmm, f), 3);
    give(f);
    give(f);
    ck_assert(pmm_is_used(&pmm, f));
    ck_assert_uint_eq(pmm.stats.allocated, 1);
    give(f);
    ck_assert(!pmm_is_used(&pmm, f));
    ck_assert_uint_eq(pmm_owners(&pmm, f), 0);
    ck_assert_status(pmm_free(&pmm, f), MM_NOT_ALLOCATED);
    stop();
}
END_TEST

START_TEST(too_many_owners_are_refused)
{ /* P12 */
    pfn_t f;

    start_with_books(_i);
    f = alloc();
    for (unsigned n = 0; n < PMM_SHARES_MAX; n++) {
        ck_assert_status(pmm_share(&pmm, f), MM_OK);
    }
    ck_assert_status(pmm_share(&pmm, f), MM_REFUSED);
    ck_assert_uint_eq(pmm_owners(&pmm, f), PMM_SHARES_MAX + UINT64_C(1));
    for (unsigned n = 0; n < PMM_SHARES_MAX; n++) {
        give(f);
    }
    ck_assert_uint_eq(pmm.stats.allocated, 1);
    give(f);
    stop();
}
END_TEST

START_TEST(what_can_not_be_shared_is_refused)
{ /* P12 */
    pfn_t f;

    start(_i);
    f = alloc();
    ck_assert_status(pmm_share(&pmm, f), MM_REFUSED); /* no books */
    ck_assert_uint_eq(pmm_owners(&pmm, f), 1);
    give(f);
    ck_assert_status(pmm_keep_books(&pmm), MM_OK);
    ck_assert_status(pmm_keep_books(&pmm), MM_OK); /* they are kept */
    ck_assert_status(pmm_share(&pmm, f), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_share(&pmm, pfn(0)), MM_NOT_MANAGED);
    f = alloc_run(3, NULL);
    ck_assert_status(pmm_share(&pmm, pfn_add(f, 1)), MM_BAD_RANGE);
    ck_assert_status(pmm_share(&pmm, f), MM_OK);
    ck_assert_uint_eq(pmm_owners(&pmm, pfn_add(f, 2)), 2);
    ck_assert_status(pmm_free_run(&pmm, f, 3), MM_OK);
    ck_assert_status(pmm_free_run(&pmm, f, 3), MM_OK);
    ck_assert(!lock_is_held(&pmm.lock));
    stop();
}
END_TEST

START_TEST(with_books_a_run_comes_back_as_it_was_handed_out)
{ /* P11 P15 */
    pfn_t f, behind;

    start_with_books(_i);
    f = alloc_run(4, NULL);
    behind = alloc();
    ck_assert_status(pmm_free(&pmm, f), MM_BAD_RANGE);
    ck_assert_status(pmm_free(&pmm, pfn_add(f, 1)), MM_BAD_RANGE);
    ck_assert_status(pmm_free_run(&pmm, f, 3), MM_BAD_RANGE);
    ck_assert_status(pmm_free_run(&pmm, pfn_add(f, 1), 3), MM_BAD_RANGE);
    ck_assert_status(pmm_free(&pmm, pmm.books.frames.first), MM_NOT_ALLOCATED);
    ck_assert_uint_eq(pmm.stats.allocated, 5);
    ck_assert_status(pmm_free_run(&pmm, f, 4), MM_OK);
    ck_assert_status(pmm_free_run(&pmm, f, 4), MM_NOT_ALLOCATED);
    give(behind);
    stop();
}
END_TEST

START_TEST(books_that_find_no_room_change_nothing)
{ /* P15 */
    struct pmm_stats before;

    start(_i);
    machine_forget_held();
    machine_leave_free(&pmm, 1);
    before = pmm.stats;
    ck_assert_status(pmm_keep_books(&pmm), MM_NO_MEMORY);
    ck_assert_int_eq(memcmp(&before, &pmm.stats, sizeof(before)), 0);
    machine_give_back(&pmm);
    stop();
}
END_TEST

START_TEST(books_know_what_was_handed_out_before_them)
{ /* P15 */
    pfn_t f;

    start(_i);
    f = alloc();
    ck_assert_status(pmm_keep_books(&pmm), MM_OK);
    ck_assert_uint_eq(pmm.books.sites[0].live, 1);
    ck_assert_ptr_null(pmm_site_of(&pmm, f));
    ck_assert_status(pmm_share(&pmm, f), MM_OK);
    give(f);
    give(f);
    ck_assert_uint_eq(pmm.books.sites[0].live, 0);
    stop();
}
END_TEST

START_TEST(a_run_from_before_the_books_still_comes_back)
{ /* P11 P12 */
    pfn_t run, block;

    start(_i);
    run = alloc_run(5, NULL);
    ck_assert_status(pmm_alloc_run(&pmm, pmm_block(PMM_ORDER_2M), &block),
                     MM_OK);
    ck_assert_status(pmm_keep_books(&pmm), MM_OK);
    ck_assert_uint_eq(pmm.books.sites[0].live, 517);
    if (pmm.class == &pmm_areas) {
        ck_assert_status(pmm_free(&pmm, block), MM_BAD_RANGE);
        ck_assert_uint_eq(pmm.books.sites[0].live, 517);
    }
    ck_assert_status(pmm_free_run(&pmm, block, 512), MM_OK);
    ck_assert_status(pmm_share(&pmm, pfn_add(run, 2)), MM_OK);
    ck_assert_status(pmm_free_run(&pmm, run, 5), MM_BAD_RANGE);
    give(pfn_add(run, 2));
    ck_assert_status(pmm_share(&pmm, run), MM_OK);
    ck_assert_status(pmm_free_run(&pmm, run, 5), MM_BAD_RANGE);
    give(run);
    ck_assert_status(pmm_free_run(&pmm, run, 5), MM_OK);
    ck_assert_uint_eq(pmm.books.sites[0].live, 0);
    stop();
}
END_TEST

START_TEST(a_frame_from_before_the_books_is_no_run_with_a_later_one)
{ /* P11 */
    pfn_t first, second, again;

    start(_i);
    first = alloc();
    second = alloc();
    ck_assert_status(pmm_keep_books(&pmm), MM_OK);
    give(second);
    again = alloc();
    if (again.v == first.v + 1) { /* not with bump */
        ck_assert_status(pmm_free_run(&pmm, first, 2), MM_BAD_RANGE);
    }
    give(again);
    give(first);
    stop();
}
END_TEST

START_TEST(the_same_tag_from_two_places_is_two_sites)
{ /* P15 */
    pfn_t here, there;

    start_with_books(_i);
    ck_assert_status(pmm_alloc(&pmm, &here), MM_OK);
    ck_assert_status(pmm_alloc(&pmm, &there), MM_OK);
    ck_assert_ptr_ne(pmm_site_of(&pmm, here), pmm_site_of(&pmm, there));
    give(here);
    give(there);
    here = alloc();
    there = alloc(); /* the call is the same one */
    ck_assert_ptr_eq(pmm_site_of(&pmm, here), pmm_site_of(&pmm, there));
    give(here);
    give(there);
    ck_assert_uint_eq(pmm_owners(&pmm, here), 0);
    ck_assert_uint_eq(pmm_owners(&pmm, pfn(0)), 0);
    pmm_poison(&pmm, 0); /* which it never was: books are still kept */
    ck_assert(pmm.watched);
    stop();
}
END_TEST

START_TEST(a_leak_is_reported_with_its_tag)
{ /* P15 */
    pfn_t table, ring, lone;
    size_t used = 0;

    start_with_books(_i);
    table = alloc_run(1, "page table");
    ring = alloc_run(5, "ring");
    lone = alloc();
    ck_assert_uint_eq(pmm_report_live(&pmm, put, &used), 7);
    ck_assert_says(text, "1 frames: page table (called from 0x");
    ck_assert_says(text, "5 frames: ring (called from 0x");
    ck_assert_says(text, "1 frames: (called from 0x");
    ck_assert_str_eq(pmm_site_of(&pmm, pfn_add(ring, 4))->tag, "ring");
    give(table);
    ck_assert_status(pmm_free_run(&pmm, ring, 5), MM_OK);
    give(lone);
    used = 0;
    text[0] = '\0';
    ck_assert_uint_eq(pmm_report_live(&pmm, put, &used), 0);
    ck_assert_str_eq(text, "");
    stop();
}
END_TEST

START_TEST(sites_beyond_the_table_are_counted_together)
{ /* P15 */
    static const char tags[2 * PMM_SITES] = "";
    pfn_t f[2 * PMM_SITES];

    start_with_books(_i);
    for (size_t i = 0; i < sizeof(tags); i++) {
        f[i] = alloc_run(1, &tags[i]);
    }
    ck_assert_uint_eq(pmm.books.site_count, PMM_SITES);
    ck_assert_uint_eq(pmm.books.sites[1].live, 1);
    ck_assert_str_eq(pmm.books.sites[PMM_SITES - 1].tag, "others");
    ck_assert_uint_eq(pmm.books.sites[PMM_SITES - 1].live, PMM_SITES + 2);
    for (size_t i = 0; i < sizeof(tags); i++) {
        give(f[i]);
    }
    ck_assert_uint_eq(pmm.books.sites[PMM_SITES - 1].live, 0);
    stop();
}
END_TEST

START_TEST(a_frame_is_described_with_its_owner)
{ /* P11 P15 */
    pfn_t f;

    start(_i);
    f = alloc();
    ck_assert_says(described(f), " is used");
    give(f);
    ck_assert_says(described(f), " is free");
    ck_assert_status(pmm_keep_books(&pmm), MM_OK);
    f = alloc_run(1, "stack of a thread");
    ck_assert_says(described(f), " is used by stack of a thread (called from");
    give(f);
    ck_assert_says(described(f), "the last to have it was stack of a thread");
    ck_assert_says(described(pfn(0)), "the first MiB");
    ck_assert_says(described(pfn(pmm.frames)), "beyond the last frame");
    ck_assert_says(described(pfn_of(pmm.metadata.base)), "holds the books");
    ck_assert_says(described(pmm.books.frames.first), "holds the books");
    f = pfn(pmm.frames); /* and the end of the run before the last */
    while (pmm_is_managed(&pmm, pfn(--f.v)) ||
           prange_holds(pmm.metadata, paddr_of(f))) {
    }
    ck_assert_says(described(f), "is not RAM, or was in use at boot");
    stop();
}
END_TEST

START_TEST(books_that_say_other_than_the_frames_are_noticed)
{ /* P12 */
    struct pmm_entry *of;
    pfn_t f;

    start_with_books(_i);
    f = alloc_run(2, NULL);
    ck_assert_status(pmm_break_up(&pmm, f, 2), MM_OK);
    give(f);
    of = &pmm.books.of[f.v];
    ck_assert(pmm_is_sound(&pmm));
    of[1].part = 2; /* the rest of no run */
    ck_assert(!pmm_is_sound(&pmm));
    of[1].part = 0; /* free */
    ck_assert(!pmm_is_sound(&pmm));
    of[1].part = 1;
    pmm.books.sites[of[1].site].live++;
    ck_assert(!pmm_is_sound(&pmm));
    pmm.books.sites[of[1].site].live--;
    give(pfn_add(f, 1));
    stop();
}
END_TEST

/* --- poison ------------------------------------------------------------------
 */

static uint64_t *words_of(pfn_t f) {
    return pointer_of(vaddr_add(pmm.direct_base, paddr_of(f).v));
}

START_TEST(a_write_to_a_free_frame_is_found_at_the_next_alloc)
{ /* P13 */
    uint64_t copied;
    pfn_t f[3];

    start(_i);
    pmm_poison(&pmm, ++poison_seed);
    for (int i = 0; i < 3; i++) {
        f[i] = alloc();
        memset(words_of(f[i]), 0, PAGE_SIZE);
    }
    for (int i = 0; i < 3; i++) {
        give(f[i]);
    }
    ck_assert_uint_ne(words_of(f[1])[2], 0);
    copied = words_of(f[0])[100]; /* the pattern of another frame */
    words_of(f[1])[100] = copied;
    words_of(f[1])[300] = 0xbad;
    machine_forget_held();
    machine_leave_free(&pmm, 0);
    ck_assert_uint_eq(pmm.damage.cases, 1);
    ck_assert_hex_eq(pmm.damage.frame.v, f[1].v);
    ck_assert_uint_eq(pmm.damage.offset, 800);
    ck_assert_hex_eq(pmm.damage.seen, copied);
    machine_give_back(&pmm);
    stop();
}
END_TEST

START_TEST(who_had_a_damaged_frame_before_is_known_by_the_books)
{ /* P13 P15 */
    pfn_t f;

    if (pmm_classes[_i] == &pmm_bump) {
        return; /* with books it hands out no frame twice */
    }
    start_with_books(_i);
    pmm_poison(&pmm, ++poison_seed);
    f = alloc_run(1, "the culprit");
    give(f);
    words_of(f)[100] = 0xbad;
    machine_forget_held();
    machine_leave_free(&pmm, 0);
    ck_assert_uint_eq(pmm.damage.cases, 1);
    ck_assert_hex_eq(pmm.damage.frame.v, f.v);
    ck_assert_ptr_nonnull(pmm.damage.last);
    ck_assert_str_eq(pmm.damage.last->tag, "the culprit");
    machine_give_back(&pmm);
    stop();
}
END_TEST

START_TEST(a_frame_that_nobody_wrote_to_is_not_damaged)
{ /* P13 */
    pfn_t f;

    start(_i);
    pmm_poison(&pmm, ++poison_seed);
    f = alloc_run(20, NULL);
    memset(words_of(f), 0xff, PAGE_SIZE);
    ck_assert_status(pmm_free_run(&pmm, f, 20), MM_OK);
    machine_forget_held();
    machine_leave_free(&pmm, 0);
    machine_give_back(&pmm);
    machine_leave_free(&pmm, 0);
    machine_give_back(&pmm);
    ck_assert_uint_eq(pmm.damage.cases, 0);
    pmm_poison(&pmm, 0);
    ck_assert(!pmm.watched);
    stop();
}
END_TEST

/* --- figures -----------------------------------------------------------------
 */

START_TEST(fragmentation_counts_the_whole_blocks_that_are_left)
{ /* P14 */
    struct pmm_fragmentation at_start, now;
    pfn_t block, f;

    start(_i);
    at_start = pmm_fragmentation(&pmm);
    ck_assert_uint_eq(at_start.free, pmm_free_count(&pmm));
    ck_assert_uint_eq(at_start.largest_run, pmm_largest_free_run(&pmm));
    ck_assert_uint_gt(at_start.blocks, 4);
    ck_assert_uint_ge(at_start.blocks_possible, at_start.blocks);
    ck_assert_status(pmm_alloc_run(&pmm, pmm_block(PMM_ORDER_2M), &block),
                     MM_OK);
    now = pmm_fragmentation(&pmm);
    ck_assert_uint_eq(now.blocks, at_start.blocks - 1);
    ck_assert_uint_eq(now.free, at_start.free - 512);
    ck_assert_status(pmm_free_run(&pmm, block, 512), MM_OK);
    f = alloc();
    now = pmm_fragmentation(&pmm);
    ck_assert_uint_ge(now.blocks + 1, at_start.blocks);
    give(f);
    now = pmm_fragmentation(&pmm);
    ck_assert_uint_eq(now.blocks, at_start.blocks);
    stop();
}
END_TEST

Suite *pmm_watch_suite(void) {
    Suite *suite = suite_create("pmm_watch");
    TCase *tc = tcase_create("books");
    int n = 0;

    while (pmm_classes[n] != NULL) {
        n++;
    }
    tcase_add_loop_test(tc, a_shared_frame_becomes_free_with_its_last_owner, 0,
                        n);
    tcase_add_loop_test(tc, too_many_owners_are_refused, 0, n);
    tcase_add_loop_test(tc, what_can_not_be_shared_is_refused, 0, n);
    tcase_add_loop_test(tc, with_books_a_run_comes_back_as_it_was_handed_out, 0,
                        n);
    tcase_add_loop_test(tc, books_that_find_no_room_change_nothing, 0, n);
    tcase_add_loop_test(tc, books_know_what_was_handed_out_before_them, 0, n);
    tcase_add_loop_test(tc, a_run_from_before_the_books_still_comes_back, 0, n);
    tcase_add_loop_test(
        tc, a_frame_from_before_the_books_is_no_run_with_a_later_one, 0, n);
    tcase_add_loop_test(tc, the_same_tag_from_two_places_is_two_sites, 0, n);
    tcase_add_loop_test(tc, a_leak_is_reported_with_its_tag, 0, n);
    tcase_add_loop_test(tc, sites_beyond_the_table_are_counted_together, 0, n);
    tcase_add_loop_test(tc, a_frame_is_described_with_its_owner, 0, n);
    tcase_add_loop_test(tc, books_that_say_other_than_the_frames_are_noticed, 0,
                        n);
    suite_add_tcase(suite, tc);

    tc = tcase_create("poison");
    tcase_add_loop_test(tc, a_write_to_a_free_frame_is_found_at_the_next_alloc,
                        0, n);
    tcase_add_loop_test(
        tc, who_had_a_damaged_frame_before_is_known_by_the_books, 0, n);
    tcase_add_loop_test(tc, a_frame_that_nobody_wrote_to_is_not_damaged, 0, n);
    suite_add_tcase(suite, tc);

    tc = tcase_create("figures");
    tcase_add_loop_test(tc, fragmentation_counts_the_whole_blocks_that_are_left,
                        0, n);
    suite_add_tcase(suite, tc);
    return suite;
}
