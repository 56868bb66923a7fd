/*
 * Memory that goes back: heap_trim().
 *
 *   [ low ][ middle, freed ][ high ][ tail, freed ]
 *            no frames                no longer the heap's
 */
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

#define LARGE (24 * PAGE_SIZE)

static void start(int class, enum vmm_backing backing) {
    struct mm_config config = mm_default_config;

    config.heap_class = heap_classes[class];
    config.heap_backing = backing;
    machine_start(&mm, &config);
}

static bool serves(void) {
    return mm.heap.class != &heap_dummy;
}

static bool reuses(void) {
    return serves() && mm.heap.class != &heap_bump &&
           mm.heap.class != &heap_bump_noreset;
}

/** Is what is free at the end one run? */
static bool has_a_tail(void) {
    return reuses() && mm.heap.class != &heap_list_nomerge;
}

static uint8_t *take(size_t size, uint64_t seed) {
    uint8_t *p = heap_alloc(&mm.heap, layout(size, 16));

    ck_assert_ptr_nonnull(p);
    pattern_fill(p, size, seed);
    return p;
}

static void give(void *p, size_t size) {
    ck_assert_status(heap_free(&mm.heap, p, layout(size, 16)), MM_OK);
}

static void expect_all_sound(void) {
    const char *why = "";

    ck_assert_msg(mm_check(&mm, &why), "%s", why);
}

START_TEST(a_heap_in_which_nothing_lives_gives_every_frame_back)
{ /* H12: of every class, twice, with either backing */
    const enum vmm_backing backing = _i % 2 == 0 ? VMM_DEMAND : VMM_IMMEDIATE;
    uint64_t before, size;
    uint8_t *p[6];

    start(_i / 2, backing);
    mm_teardown(&mm);
    before = pmm_free_count(&mm.pmm);
    ck_assert_status(mm_init_heap(&mm).status, MM_OK);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned k = 0; serves() && k < 6; k++) {
            p[k] = take(50000 >> k, k);
        }
        for (unsigned k = 0; serves() && k < 6; k++) {
            give(p[k], 50000 >> k);
        }
        size = heap_size(&mm.heap);
        ck_assert_uint_eq(heap_trim(&mm.heap), size);
        ck_assert_uint_eq(heap_size(&mm.heap), 0);
        ck_assert_uint_eq(pmm_free_count(&mm.pmm), before);
        ck_assert_uint_eq(mm.heap_pages_filled, 0);
        expect_all_sound();
        ck_assert_uint_eq(heap_trim(&mm.heap), 0);
    }
    machine_stop(&mm);
}
END_TEST

START_TEST(free_pages_at_the_end_go_back_and_can_be_had_again)
{ /* H12 */
    uint8_t *low, *high;
    uint64_t size;

    start(_i, VMM_DEMAND);
    if (serves()) {
        low = take(1000, 1);
        high = take(LARGE, 2);
        size = heap_size(&mm.heap);
        if (has_a_tail()) {
            give(high, LARGE);
            ck_assert_uint_ge(heap_trim(&mm.heap), LARGE - 2 * PAGE_SIZE);
            ck_assert_uint_le(heap_size(&mm.heap),
                              size - LARGE + 2 * PAGE_SIZE);
            expect_all_sound();
            ck_assert_uint_eq(heap_trim(&mm.heap), 0); /* that was all */
            high = take(LARGE, 3);
            pattern_check(high, LARGE, 3);
        }
        pattern_check(low, 1000, 1);
        give(high, LARGE);
        give(low, 1000);
    }
    machine_stop(&mm);
}
END_TEST

START_TEST(pages_inside_a_free_run_lose_their_frames_and_are_filled_again)
{ /* H12 */
    uint8_t *low, *middle, *high;
    uint64_t filled;

    start(_i, VMM_DEMAND);
    if (reuses()) {
        low = take(LARGE, 1);
        middle = take(LARGE, 2);
        high = take(LARGE, 3);
        filled = mm.heap_pages_filled;
        give(middle, LARGE);
        (void)heap_trim(&mm.heap);
        /* one or two hold links; buddies look for marks in others */
        ck_assert_uint_le(mm.heap_pages_filled,
                          filled - (mm.heap.class->peeks ? 16 : 22));
        expect_all_sound();
        pattern_check(low, LARGE, 1);
        pattern_check(high, LARGE, 3);
        middle = take(LARGE, 4);
        pattern_check(middle, LARGE, 4);
        pattern_check(low, LARGE, 1);
        pattern_check(high, LARGE, 3);
        give(low, LARGE);
        give(middle, LARGE);
        give(high, LARGE);
    }
    machine_stop(&mm);
}
END_TEST

START_TEST(without_demand_no_page_inside_is_emptied)
{ /* H12 */
    uint8_t *middle, *high;
    uint64_t free;

    start(_i, VMM_IMMEDIATE);
    if (reuses()) {
        middle = take(LARGE, 2);
        high = take(LARGE, 3);
        (void)heap_trim(&mm.heap);
        free = pmm_free_count(&mm.pmm);
        give(middle, LARGE);
        (void)heap_trim(&mm.heap);
        ck_assert_uint_eq(pmm_free_count(&mm.pmm), free);
        expect_all_sound();
        give(high, LARGE);
    }
    machine_stop(&mm);
}
END_TEST

START_TEST(while_others_are_at_work_only_the_end_goes_back)
{ /* H12, H17: several processors */
    uint8_t *low, *middle, *high;
    uint64_t filled;

    start(_i, VMM_DEMAND);
    heap_set_processors(&mm.heap, 2);
    if (reuses()) {
        low = take(2 * PAGE_SIZE, 1);
        middle = take(LARGE, 2);
        high = take(2 * PAGE_SIZE, 3);
        (void)heap_trim(&mm.heap);
        give(middle, LARGE);
        filled = mm.heap_pages_filled;
        ck_assert(heap_trim(&mm.heap) > 0 || mm.heap_pages_filled == filled);
        give(high, 2 * PAGE_SIZE);
        give(low, 2 * PAGE_SIZE);
        (void)heap_trim(&mm.heap);
        ck_assert_uint_le(heap_size(&mm.heap), 4 * PAGE_SIZE);
        expect_all_sound();
    }
    machine_stop(&mm);
}
END_TEST

START_TEST(in_debug_mode_what_is_kept_back_goes_too)
{ /* H12, H18 */
    struct mm_config config = mm_default_config;
    uint8_t *p;

    config.heap_class = heap_classes[_i];
    config.heap_debug = MM_DEBUG_ZONES;
    machine_start(&mm, &config);
    if (serves()) {
        p = take(LARGE, 1);
        pattern_check(p, LARGE, 1);
        give(p, LARGE);
        ck_assert_uint_eq(mm.debug.kept_blocks, 1);
    }
    ck_assert_uint_ge(heap_trim(&mm.heap), serves() ? LARGE : 0);
    ck_assert_uint_eq(heap_size(&mm.heap), 0);
    expect_all_sound();
    machine_stop(&mm);
}
END_TEST

START_TEST(a_heap_that_can_not_shrink_stays_as_it_is)
{ /* H12: no frame for the record of a second region */
    struct vmm_region region = { .name = "one of many",
                                 .range = { vaddr(MACHINE_WINDOW), PAGE_SIZE },
                                 .backing = VMM_GUARD };
    uint64_t size, regions;
    uint8_t *low, *high;

    start(_i, VMM_DEMAND);
    if (has_a_tail()) {
        low = take(1000, 1);
        high = take(LARGE, 2);
        give(high, LARGE);
        machine_leave_free(&mm.pmm, 0);
        for (regions = 0; vmm_region_add(&mm.space, region) == MM_OK;
             regions++) {
            region.range.base.v += 2 * PAGE_SIZE;
        }
        ck_assert_uint_gt(regions, 4);
        size = heap_size(&mm.heap);
        ck_assert_uint_eq(heap_trim(&mm.heap), 0);
        ck_assert_uint_eq(heap_size(&mm.heap), size);
        machine_give_back(&mm.pmm);
        expect_all_sound();
        pattern_check(low, 1000, 1);
        ck_assert_uint_ge(heap_trim(&mm.heap), LARGE - 2 * PAGE_SIZE);
        give(low, 1000);
    }
    machine_stop(&mm);
}
END_TEST

/* --- the ends that classes meet ------------------------------------------- */

static enum mm_status take_back(void *ctx, vaddr_t end, size_t bytes) {
    struct arena *a = ctx;

    ck_assert_hex_eq(end.v, a->heap.end.v);
    ck_assert(bytes > 0 && bytes % PAGE_SIZE == 0);
    a->allowed += bytes;
    return MM_OK;
}

static enum mm_status keep(void *ctx, vaddr_t end, size_t bytes) {
    (void)ctx, (void)end, (void)bytes;
    return MM_REFUSED;
}

START_TEST(an_owner_that_takes_nothing_back_changes_nothing)
{ /* H12 */
    uint64_t before;

    arena_open(_i, 16 * PAGE_SIZE, 0);
    before = arena_state();
    ck_assert_uint_eq(heap_trim(&arena.heap), 0);
    arena.heap.drain.shrink = keep;
    ck_assert_uint_eq(heap_trim(&arena.heap), 0);
    ck_assert(arena_state() == before);
}
END_TEST

START_TEST(a_heap_is_trimmed_wherever_its_last_block_ends)
{ /* H12: blocks of every length up to two pages, one byte lives in front */
    arena_open(_i, 0, ARENA_LIMIT);
    arena.heap.drain = (struct heap_drain){ take_back, NULL, &arena };
    if (!arena_reuses()) {
        return;
    }
    for (size_t size = 16; size < 2 * PAGE_SIZE; size += 16 * 13) {
        uint8_t *a = arena_alloc(size, 16), *b = arena_alloc(3 * PAGE_SIZE, 16);
        const uint64_t end = arena.heap.end.v;

        pattern_fill(a, size, size);
        arena_free(b, 3 * PAGE_SIZE, 16);
        ck_must(heap_trim(&arena.heap) > 0, "nothing went back");
        ck_must(arena.heap.end.v < end &&
                    arena.heap.end.v >= vaddr_of_pointer(a).v + size,
                "the end is 0x%lx", (unsigned long)arena.heap.end.v);
        ck_must(heap_is_sound(&arena.heap), "not sound");
        ck_must(heap_trim(&arena.heap) == 0, "more went back");
        pattern_check(a, size, size);
        b = arena_alloc(3 * PAGE_SIZE, 16);
        arena_free(a, size, 16);
        (void)heap_trim(&arena.heap);
        arena_free(b, 3 * PAGE_SIZE, 16);
        ck_must(heap_is_sound(&arena.heap), "not sound");
        (void)heap_trim(&arena.heap);
        ck_must(heap_size(&arena.heap) == 0, "0x%lx bytes stay",
                (unsigned long)heap_size(&arena.heap));
    }
    arena.open = false; /* its pages keep what they showed */
}
END_TEST

Suite *heap_trim_suite(void) {
    Suite *suite = suite_create("heap trim");
    TCase *tc = tcase_create("pages go back");
    TCase *ends = tcase_create("ends");

    tcase_add_loop_test(tc,
                        a_heap_in_which_nothing_lives_gives_every_frame_back, 0,
                        2 * ARENA_CLASSES);
#define EACH_CLASS(tc, test) tcase_add_loop_test(tc, test, 0, ARENA_CLASSES)
    EACH_CLASS(tc, free_pages_at_the_end_go_back_and_can_be_had_again);
    EACH_CLASS(tc,
               pages_inside_a_free_run_lose_their_frames_and_are_filled_again);
    EACH_CLASS(tc, without_demand_no_page_inside_is_emptied);
    EACH_CLASS(tc, while_others_are_at_work_only_the_end_goes_back);
    EACH_CLASS(tc, in_debug_mode_what_is_kept_back_goes_too);
    EACH_CLASS(tc, a_heap_that_can_not_shrink_stays_as_it_is);
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(ends, arena_setup, arena_teardown);
    EACH_CLASS(ends, an_owner_that_takes_nothing_back_changes_nothing);
    EACH_CLASS(ends, a_heap_is_trimmed_wherever_its_last_block_ends);
#undef EACH_CLASS
    suite_add_tcase(suite, ends);
    return suite;
}
