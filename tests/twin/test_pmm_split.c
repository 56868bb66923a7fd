/*
 * A hole in the middle of RAM, inside an area of 2 MiB, with every strategy;
 * and damage to what a strategy keeps, which has to be noticed.
 *
 *   area     |            512 frames            |
 *   runs  ... first run ][ hole ][ second run ...
 */
#include <check.h>
#include <string.h>

#include "pmm/areas.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

#define HOLE 3u
#define ENTRIES_MAX 64

static struct hw_boot boot;
static struct memmap_entry map[ENTRIES_MAX]; /* the boot loader's, and a hole */
static uint64_t hole;                        /* its first frame */
static size_t low, high;                     /* the runs on both sides */
static pfn_t a, b, c; /* frames that came back in this order */

static void start(const struct pmm_class *class) {
    struct pmm_run largest;

    boot = *machine_power_on();
    machine_forget_held();
    ck_assert_status(pmm_init(&pmm, &boot, &pmm_bitmap), MM_OK);
    largest = pmm.runs[pmm.largest_run];
    hole = align_down(largest.first.v + largest.count / 2, 512) + 100;
    ck_assert_uint_lt(boot.map_count, ENTRIES_MAX);
    memcpy(map, boot.map, boot.map_count * sizeof(*map));
    map[boot.map_count].range =
        (struct prange){ paddr_of(pfn(hole)), HOLE * PAGE_SIZE };
    map[boot.map_count++].type = MEMMAP_RESERVED;
    boot.map = map;
    ck_assert_status(pmm_init(&pmm, &boot, class), MM_OK);
    low = pmm_run_of(&pmm, pfn(hole - 1));
    high = pmm_run_of(&pmm, pfn(hole + HOLE));
    ck_assert_uint_eq(low + 1, high);
}

static void stop(void) {
    ck_assert(pmm_is_sound(&pmm));
    machine_power_off();
}

static pfn_t alloc(void) {
    pfn_t f = pfn(0);

    ck_assert_status(pmm_alloc(&pmm, &f), MM_OK);
    return f;
}

static void start_with_three_back(const struct pmm_class *class) {
    start(class);
    a = alloc();
    b = alloc();
    c = alloc();
    ck_assert_status(pmm_free(&pmm, a), MM_OK);
    ck_assert_status(pmm_free(&pmm, b), MM_OK);
    ck_assert_status(pmm_free(&pmm, c), MM_OK);
    ck_assert(pmm_is_sound(&pmm));
}

static void expect_noticed(uint64_t *word, uint64_t wrong, const char *what) {
    const uint64_t kept = *word;

    *word = wrong;
    ck_assert_msg(!pmm_is_sound(&pmm), "%s: not noticed", what);
    *word = kept;
    ck_assert(pmm_is_sound(&pmm));
}

static struct pmm_link *link_of(pfn_t f) {
    return pmm_frame(&pmm, f);
}

START_TEST(frames_on_both_sides_of_a_hole_are_handed_out)
{ /* P3 P5 */
    uint64_t free_at_start;
    struct pmm_want above = { .count = 40 };
    pfn_t f;

    start(pmm_classes[_i]);
    free_at_start = pmm_free_count(&pmm);
    ck_assert_status(pmm_alloc_run(&pmm, above, &f), MM_OK);
    ck_assert_status(pmm_free_run(&pmm, f, 40), MM_OK);
    machine_leave_free(&pmm, 0);
    ck_assert_uint_eq(pmm.stats.allocated, free_at_start);
    for (uint64_t n = 0; n < HOLE; n++) {
        ck_assert(!pmm_is_managed(&pmm, pfn(hole + n)));
        ck_assert_status(pmm_free(&pmm, pfn(hole + n)), MM_NOT_MANAGED);
    }
    ck_assert(pmm_is_sound(&pmm));
    ck_assert_status(pmm_free(&pmm, pfn(hole - 1)), MM_OK);
    ck_assert_status(pmm_free(&pmm, pfn(hole + HOLE)), MM_OK);
    ck_assert_status(pmm_free_run(&pmm, pfn(hole - 1), 2), MM_NOT_MANAGED);
    ck_assert(pmm_is_sound(&pmm));
    machine_power_off();
}
END_TEST

START_TEST(a_run_in_the_middle_leaves_what_is_below_it_to_others)
{ /* P6 */
    struct pmm_want middle = { .count = 5, .align = 64 };
    pfn_t f, g;

    start(pmm_classes[_i]);
    g = alloc();
    ck_assert_status(pmm_alloc_run(&pmm, middle, &f), MM_OK);
    ck_assert_uint_eq(f.v % 64, 0);
    ck_assert(!pmm_is_used(&pmm, pfn_add(f, 5)));
    ck_assert(pmm_is_sound(&pmm));
    ck_assert_status(pmm_free_run(&pmm, f, 5), MM_OK);
    ck_assert_status(pmm_free(&pmm, g), MM_OK);
    machine_leave_free(&pmm, 0);
    machine_give_back(&pmm);
    stop();
}
END_TEST

START_TEST(damage_to_the_stack_is_noticed)
{                                      /* P14 */
    start_with_three_back(&pmm_stack); /* top: c, b, a */
    expect_noticed(&pmm.stack.fresh[high].v, hole, "a mark below its run");
    expect_noticed(&pmm.stack.top.v, hole, "a frame of the hole");
    expect_noticed(&pmm.stack.top.v, hole + HOLE, "a fresh frame");
    expect_noticed(&pmm.stack.top.v, b.v, "a frame that was left out");
    expect_noticed(&link_of(c)->previous.v, a.v, "a link back");
    expect_noticed(&link_of(a)->next.v, c.v, "a ring");
    bit_set(pmm.stack.words, b.v);
    ck_assert(!pmm_is_sound(&pmm));
    bit_clear(pmm.stack.words, b.v);
    link_of(b)->next = pfn(0); /* a is lost */
    ck_assert(!pmm_is_sound(&pmm));
    link_of(b)->next = a;
    stop();
}
END_TEST

START_TEST(damage_to_the_bump_pointer_is_noticed)
{ /* P14 */
    uint64_t *words;

    start(&pmm_bump);
    (void)alloc();
    words = pmm.bump.words;
    expect_noticed(&pmm.bump.next.v, pmm.runs[0].first.v - 1, "too low");
    expect_noticed(&pmm.bump.next.v,
                   pmm.runs[0].first.v + pmm.runs[0].count + 1, "too high");
    pmm.bump.run = pmm.run_count;
    ck_assert(!pmm_is_sound(&pmm));
    pmm.bump.run = 0;
    bit_clear(words, pmm.runs[0].first.v);
    ck_assert(!pmm_is_sound(&pmm));
    bit_set(words, pmm.runs[0].first.v);
    stop();
}
END_TEST

START_TEST(damage_to_buddies_is_noticed)
{ /* P14 */
    pfn_t *first;
    unsigned top = PMM_BUDDY_ORDERS - 1;
    uint64_t *bits;
    pfn_t used;

    start(&pmm_buddy);
    used = alloc();
    bits = pmm.buddy.free[0];
    while (pmm.buddy.first[top].v == 0 ||
           link_of(pmm.buddy.first[top])->next.v == 0) {
        top--; /* an order with two blocks */
    }
    first = &pmm.buddy.first[top];
    expect_noticed(&first->v, hole, "a block in the hole");
    expect_noticed(&first->v, first->v + 1, "a block that is not aligned");
    expect_noticed(&first->v, link_of(*first)->next.v, "a block left out");
    expect_noticed(&link_of(*first)->previous.v, 1, "a link back");
    expect_noticed(&pmm.buddy.free[top][0], 0, "no block of an order");
    expect_noticed(&link_of(*first)->next.v, 0, "a list cut off");
    expect_noticed(&pmm.buddy.free[3][pmm.buddy.first[3].v / 8 / 64],
                   UINT64_MAX, "two buddies that have not joined");
    expect_noticed(&bits[used.v / 64],
                   bits[used.v / 64] | UINT64_C(1) << (used.v % 64),
                   "a used frame marked as a free block");
    expect_noticed(&bits[hole / 64], bits[hole / 64] | UINT64_C(2) << hole % 64,
                   "a block in the hole that no list has");
    stop();
}
END_TEST

/*
 *   line of the first run's area    [ 100 bits | 0 . . . . . . . . . . ]
 *   line of the second one's        [ 0 . . . . . . | 409 bits         ]
 */
START_TEST(damage_to_areas_of_two_runs_is_noticed)
{ /* P14 */
    uint64_t *below, *above;

    start(&pmm_areas);
    machine_leave_free(&pmm, 0);
    ck_assert_status(pmm_free(&pmm, pfn(hole - 1)), MM_OK);
    below = &pmm.areas.lines[area_of(&pmm, pfn(hole - 1), low) * AREA_WORDS];
    above =
        &pmm.areas.lines[area_of(&pmm, pfn(hole + HOLE), high) * AREA_WORDS];
    ck_assert_ptr_ne(below, above);
    bit_clear(below, (hole - 1) % 512);
    bit_set(below, hole % 512); /* as many, but in the hole */
    ck_assert(!pmm_is_sound(&pmm));
    bit_clear(below, hole % 512);
    bit_set(below, (hole + HOLE) % 512); /* in the other run */
    ck_assert(!pmm_is_sound(&pmm));
    bit_clear(below, (hole + HOLE) % 512);
    bit_set(below, (hole - 1) % 512);
    expect_noticed(above, UINT64_MAX, "bits of the first run's frames");
    expect_noticed(&pmm.stats.peak, UINT64_MAX, "a peak beyond all frames");
    pmm.stats.allocated += pmm.frames;
    pmm.stats.allocs += pmm.frames;
    ck_assert(!pmm_is_sound(&pmm));
    pmm.stats.allocated -= pmm.frames;
    pmm.stats.allocs -= pmm.frames;
    stop();
}
END_TEST

Suite *pmm_split_suite(void) {
    Suite *suite = suite_create("pmm_split");
    TCase *tc = tcase_create("two runs");
    int n = 0;

    while (pmm_classes[n] != NULL) {
        n++;
    }
    tcase_add_loop_test(tc, frames_on_both_sides_of_a_hole_are_handed_out, 0,
                        n);
    tcase_add_loop_test(
        tc, a_run_in_the_middle_leaves_what_is_below_it_to_others, 0, n);
    suite_add_tcase(suite, tc);
    tc = tcase_create("damage");
    tcase_add_test(tc, damage_to_the_stack_is_noticed);
    tcase_add_test(tc, damage_to_the_bump_pointer_is_noticed);
    tcase_add_test(tc, damage_to_buddies_is_noticed);
    tcase_add_test(tc, damage_to_areas_of_two_runs_is_noticed);
    suite_add_tcase(suite, tc);
    return suite;
}
