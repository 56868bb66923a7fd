/*
 * What every heap class must do: one suite, looped over the table.
 */
#include <string.h>

#include "base/poison.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

START_TEST(what_is_no_layout_is_refused_and_changes_nothing)
{ /* H1 */
    static const struct layout bad[] = {
        { 0, 16 },
        { 16, 0 },
        { 16, 3 },
        { 16, 24 },
        { 16, HEAP_ALIGN_MAX * 2 },
        { 16, SIZE_MAX },
        { SIZE_MAX, 1 },
        { SIZE_MAX - 14, 16 },
        { SIZE_MAX - HEAP_ALIGN_MAX + 2, HEAP_ALIGN_MAX },
    };
    const size_t count = sizeof bad / sizeof bad[0];
    uint64_t before;

    arena_open(_i, 16 * PAGE_SIZE, MIB);
    before = arena_state();
    for (size_t k = 0; k < count; k++) {
        ck_assert_ptr_null(heap_alloc(&arena.heap, bad[k]));
        ck_assert_ptr_null(heap_alloc_zeroed(&arena.heap, bad[k]));
    }
    ck_assert_uint_eq(heap_stats(&arena.heap).failures, 2 * count);
    ck_assert_uint_eq(arena.told, 0);
    ck_assert_uint_eq(arena.asked, 0);
    ck_assert(arena_state() == before);
}
END_TEST

START_TEST(a_size_beyond_the_window_is_no_memory_and_the_hook_is_told_once)
{ /* H4 */
    static const size_t sizes[] = {
        ARENA_LIMIT + 1,
        SIZE_MAX / 2,
        SIZE_MAX - PAGE_SIZE,
        SIZE_MAX - 31,
    };
    uint64_t before;

    arena_open(_i, 16 * PAGE_SIZE, ARENA_LIMIT);
    before = arena_state();
    for (unsigned k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        ck_assert_ptr_null(heap_alloc(&arena.heap, layout(sizes[k], 1)));
        ck_assert_uint_eq(arena.told, k + 1);
        ck_assert_uint_eq(arena.told_of.size, sizes[k]);
        ck_assert_uint_eq(arena.told_of.align, 1);
        ck_assert_uint_eq(heap_stats(&arena.heap).failures, k + 1);
    }
    ck_assert_uint_eq(arena.asked, 0);
    ck_assert(arena_state() == before);
}
END_TEST

START_TEST(an_exhausted_heap_says_so_and_its_blocks_live_on)
{ /* H4 */
    uint8_t *blocks[16];
    unsigned n = 0;

    arena_open(_i, 16 * PAGE_SIZE, 0);
    while (n < 16 && (blocks[n] = heap_alloc(&arena.heap, layout(8000, 8)))) {
        pattern_fill(blocks[n], 8000, n);
        n++;
    }
    ck_assert_uint_eq(n, arena_serves() ? 8 : 0);
    ck_assert_uint_eq(arena.told, 1);
    ck_assert_uint_eq(heap_stats(&arena.heap).failures, 1);
    ck_assert(heap_is_sound(&arena.heap));
    for (unsigned k = 0; k < n; k++) {
        pattern_check(blocks[k], 8000, k);
        arena_free(blocks[k], 8000, 8);
    }
}
END_TEST

START_TEST(what_the_hook_frees_satisfies_the_request)
{ /* H4 */
    const size_t most = 4 * PAGE_SIZE - 96, some = 2 * PAGE_SIZE;
    uint8_t *p;

    arena_open(_i, 4 * PAGE_SIZE, 0);
    if (!arena_serves() || arena.heap.class == &heap_bump_noreset) {
        return; /* freeing gives them nothing */
    }
    arena.sacrifice = arena_alloc(most, 16);
    arena.sacrificed = layout(most, 16);
    ck_assert_uint_eq(arena.told, 0); /* not told of a success */
    p = arena_alloc(some, 16);
    ck_assert_uint_eq(arena.told, 1);
    ck_assert_uint_eq(heap_stats(&arena.heap).failures, 0);
    arena_free(p, some, 16);
}
END_TEST

START_TEST(a_hook_that_frees_too_little_is_not_asked_again)
{ /* H4 */
    arena_open(_i, PAGE_SIZE, 0);
    if (!arena_serves()) {
        return;
    }
    arena.sacrifice = arena_alloc(16, 16);
    arena.sacrificed = layout(16, 16);
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(2 * PAGE_SIZE, 16)));
    ck_assert_uint_eq(arena.told, 1);
    ck_assert_uint_eq(heap_stats(&arena.heap).failures, 1);
}
END_TEST

/** Frees nothing, and uses the heap that has none. */
static bool hook_that_allocates(struct heap *heap, struct layout want,
                                void *ctx) {
    unsigned *told = ctx;

    ck_must(++*told == 1, "the hook is asked from within the hook");
    ck_must(heap_alloc(heap, want) == NULL, "there is memory after all");
    return true;
}

START_TEST(a_hook_that_needs_memory_itself_is_not_asked_for_it)
{ /* H4: and the next request asks it again */
    const struct layout want = { 2 * PAGE_SIZE, 16 };
    unsigned told;

    arena_open(_i, PAGE_SIZE, 0);
    arena.heap.on_no_memory = hook_that_allocates;
    arena.heap.on_no_memory_ctx = &told;
    for (unsigned k = 1; k <= 2; k++) {
        told = 0;
        ck_assert_ptr_null(heap_alloc(&arena.heap, want));
        ck_assert_uint_eq(told, 1);
        ck_assert_uint_eq(heap_stats(&arena.heap).failures, 2 * k);
    }
}
END_TEST

START_TEST(blocks_of_all_alignments_are_aligned_apart_and_keep_their_bytes)
{ /* H1, H15 */
    enum { COUNT = 44 };
    struct {
        uint8_t *p;
        size_t size, align;
    } blocks[COUNT];

    arena_open(_i, PAGE_SIZE, ARENA_LIMIT);
    if (!arena_serves()) {
        return;
    }
    for (size_t k = 0; k < COUNT; k++) { /* 1 .. 2 MiB, twice */
        blocks[k].align = (size_t)1 << k % 22;
        blocks[k].size = 1 + 37 * k;
        blocks[k].p = arena_alloc(blocks[k].size, blocks[k].align);
        pattern_fill(blocks[k].p, blocks[k].size, k << 32);
    }
    ck_assert(heap_is_sound(&arena.heap));
    for (size_t k = 0; k < COUNT; k++) {
        pattern_check(blocks[k].p, blocks[k].size, k << 32);
        arena_free(blocks[k].p, blocks[k].size, blocks[k].align);
    }
    ck_assert_uint_eq(heap_stats(&arena.heap).live_blocks, 0);
    ck_assert_uint_eq(heap_stats(&arena.heap).held_bytes, 0);
}
END_TEST

static bool all_bytes_are(const uint8_t *p, size_t size, uint8_t value) {
    for (size_t k = 0; k < size; k++) {
        if (p[k] != value) {
            return false;
        }
    }
    return true;
}

START_TEST(memory_is_zero_when_asked_and_only_then)
{ /* H16 */
    arena_open(_i, 16 * PAGE_SIZE, 0);
    for (size_t size = 1; arena_serves() && size < 3000; size = size * 3 + 1) {
        uint8_t *p = arena_alloc(size, 16);

        ck_assert(all_bytes_are(p, size, HEAP_FRESH_BYTE));
        memset(p, 0x77, size);
        arena_free(p, size, 16);
        p = heap_alloc_zeroed(&arena.heap, layout(size, 16));
        ck_assert_ptr_nonnull(p);
        ck_assert(all_bytes_are(p, size, 0));
        arena_free(p, size, 16);
    }
}
END_TEST

/* Under the sanitizer the look itself is a report; test_mm.c has that. */
#ifndef MM_ASAN
START_TEST(freed_memory_shows_that_it_is_freed)
{ /* H16 */
    uint8_t *p;

    arena_open(_i, 16 * PAGE_SIZE, 0);
    if (!arena_serves()) {
        return;
    }
    p = arena_alloc(500, 16);
    memset(p, 0x77, 500);
    arena_free(p, 500, 16);
    /* The first bytes may be the class's: it keeps its books there. */
    ck_assert(all_bytes_are(p + 2 * HEAP_ALIGN_MIN, 500 - 2 * HEAP_ALIGN_MIN,
                            HEAP_FREED_BYTE));
}
END_TEST
#endif

START_TEST(a_pointer_from_elsewhere_is_not_freed)
{ /* H18 */
    const struct layout had = { 64, 64 };
    const uint64_t start = ARENA_BASE;
    uint64_t before, end;
    uint8_t *p = NULL;

    arena_open(_i, 16 * PAGE_SIZE, 0);
    end = arena.heap.end.v;
    if (arena_serves()) {
        p = arena_alloc(64, 64);
    }
    before = arena_state();
    ck_assert_status(heap_free(&arena.heap, NULL, had), MM_OK);
    ck_assert_status(heap_free(&arena.heap, &before, had), MM_NOT_MANAGED);
    ck_assert_status(heap_free(&arena.heap, pointer_of(vaddr(start - 64)), had),
                     MM_NOT_MANAGED);
    ck_assert_status(heap_free(&arena.heap, pointer_of(vaddr(end)), had),
                     MM_NOT_MANAGED);
    ck_assert_status(
        heap_free(&arena.heap, pointer_of(vaddr(end - 64)), layout(65, 16)),
        MM_NOT_MANAGED);
    ck_assert_status(heap_free(&arena.heap, pointer_of(vaddr(start + 16)), had),
                     MM_NOT_MANAGED); /* misaligned */
    ck_assert_status(
        heap_free(&arena.heap, pointer_of(vaddr(start + 4)), layout(8, 8)),
        MM_NOT_MANAGED);
    ck_assert_status(
        heap_free(&arena.heap, pointer_of(vaddr(start)), layout(0, 16)),
        MM_BAD_ARGUMENT);
    ck_assert_status(
        heap_free(&arena.heap, pointer_of(vaddr(start)), layout(16, 7)),
        MM_BAD_ARGUMENT);
    ck_assert(arena_state() == before);
    if (p != NULL) {
        arena_free(p, 64, 64);
    }
}
END_TEST

START_TEST(free_memory_is_not_freed_again)
{ /* H2, H18 */
    uint64_t before;

    arena_open(_i, 16 * PAGE_SIZE, 0);
    if (arena_serves()) {
        uint8_t *p = arena_alloc(100, 16);

        arena_free(p, 100, 16);
        before = arena_state();
        ck_assert_status(heap_free(&arena.heap, p, layout(100, 16)),
                         MM_NOT_ALLOCATED);
        ck_assert(arena_state() == before);
    }
    before = arena_state();
    ck_assert_status(heap_free(&arena.heap, pointer_of(vaddr(ARENA_BASE)),
                               layout(PAGE_SIZE, PAGE_SIZE)),
                     MM_NOT_ALLOCATED);
    ck_assert(arena_state() == before);
}
END_TEST

START_TEST(counters_tell_what_was_asked_for_and_what_is_held)
{
#define STATS heap_stats(&arena.heap)
    uint8_t *a, *b;

    arena_open(_i, 16 * PAGE_SIZE, 0);
    if (!arena_serves()) {
        return;
    }
    a = arena_alloc(1, 1);
    b = arena_alloc(100, 64);
    ck_assert_uint_eq(STATS.allocs, 2);
    ck_assert_uint_eq(STATS.live_blocks, 2);
    ck_assert_uint_eq(STATS.live_bytes, 101);
    ck_assert_uint_eq(STATS.held_bytes, arena_held(1, 1) + arena_held(100, 64));
    arena_free(b, 100, 64);
    a = heap_realloc(&arena.heap, a, layout(1, 1), 17);
    ck_assert_ptr_nonnull(a);
    ck_assert_uint_eq(STATS.reallocs, 1);
    ck_assert_uint_eq(STATS.allocs, 2);
    ck_assert_uint_eq(STATS.live_bytes, 17);
    ck_assert_uint_eq(STATS.held_bytes, arena_held(17, 1));
    ck_assert_uint_eq(STATS.peak_live_bytes, 101);
    arena_free(a, 17, 1);
    ck_assert_uint_eq(STATS.frees, 2);
    ck_assert_uint_eq(STATS.live_bytes, 0);
    ck_assert_uint_eq(STATS.failures, 0);
#undef STATS
}
END_TEST

START_TEST(classes_are_found_by_name)
{ /* H3 */
    for (size_t k = 0; heap_classes[k] != NULL; k++) {
        ck_assert_ptr_eq(heap_class_by_name(heap_classes[k]->name),
                         heap_classes[k]);
    }
    ck_assert_ptr_null(heap_class_by_name("lis"));
    ck_assert_ptr_null(heap_class_by_name(""));
}
END_TEST

START_TEST(the_dummy_has_nothing_and_takes_nothing)
{ /* H2 */
    void *here = pointer_of(vaddr(ARENA_BASE));

    arena_open_named("dummy", 16 * PAGE_SIZE, ARENA_LIMIT);
    ck_assert_ptr_null(heap_alloc(&arena.heap, layout(1, 1)));
    ck_assert_uint_eq(arena.told, 1);
    ck_assert_uint_eq(arena.asked, 0); /* more would not help it */
    ck_assert_status(heap_free(&arena.heap, here, layout(16, 16)),
                     MM_NOT_ALLOCATED);
    ck_assert_ptr_null(heap_realloc(&arena.heap, here, layout(16, 16), 32));
}
END_TEST

/* --- bump ---------------------------------------------------------------- */

START_TEST(bump_starts_again_when_the_last_block_is_gone_and_not_before)
{ /* H7 */
    uint8_t *a, *b, *c;

    arena_open_named("bump", 16 * PAGE_SIZE, 0);
    a = arena_alloc(100, 16);
    b = arena_alloc(100, 16);
    pattern_fill(b, 100, 1);
    arena_free(a, 100, 16);
    c = arena_alloc(100, 16);
    ck_assert_ptr_eq(c, b + 112); /* a's bytes are not used again */
    arena_free(c, 100, 16);
    pattern_check(b, 100, 1);
    arena_free(b, 100, 16);
    ck_assert_ptr_eq(arena_alloc(100, 16), a);
    arena_free(a, 100, 16);
}
END_TEST

START_TEST(bump_does_not_free_what_it_has_not_handed_out_yet)
{ /* H7, H18 */
    uint64_t before;
    uint8_t *p;

    arena_open_named("bump", 16 * PAGE_SIZE, 0);
    p = arena_alloc(100, 16);
    before = arena_state();
    ck_assert_status(heap_free(&arena.heap, p + 112, layout(100, 16)),
                     MM_NOT_ALLOCATED);
    ck_assert_status(heap_free(&arena.heap, p, layout(200, 16)),
                     MM_NOT_ALLOCATED);
    ck_assert(arena_state() == before);
    arena_free(p, 100, 16);
}
END_TEST

START_TEST(bump_without_reset_hands_no_byte_out_twice)
{ /* H7 */
    uint8_t *a, *b;

    arena_open_named("bump-noreset", 16 * PAGE_SIZE, 0);
    a = arena_alloc(100, 16);
    arena_free(a, 100, 16);
    b = arena_alloc(100, 16);
    ck_assert_ptr_eq(b, a + 112);
    arena_free(b, 100, 16);
    ck_assert_uint_eq(heap_stats(&arena.heap).live_blocks, 0);
}
END_TEST

Suite *heap_suite(void) {
    Suite *suite = suite_create("heap");
    TCase *every = tcase_create("every class");
    TCase *some = tcase_create("dummy and bump");

    tcase_add_checked_fixture(every, arena_setup, arena_teardown);
#define EVERY(test) tcase_add_loop_test(every, test, 0, ARENA_CLASSES)
    EVERY(what_is_no_layout_is_refused_and_changes_nothing);
    EVERY(a_size_beyond_the_window_is_no_memory_and_the_hook_is_told_once);
    EVERY(an_exhausted_heap_says_so_and_its_blocks_live_on);
    EVERY(what_the_hook_frees_satisfies_the_request);
    EVERY(a_hook_that_frees_too_little_is_not_asked_again);
    EVERY(a_hook_that_needs_memory_itself_is_not_asked_for_it);
    EVERY(blocks_of_all_alignments_are_aligned_apart_and_keep_their_bytes);
    EVERY(memory_is_zero_when_asked_and_only_then);
#ifndef MM_ASAN
    EVERY(freed_memory_shows_that_it_is_freed);
#endif
    EVERY(a_pointer_from_elsewhere_is_not_freed);
    EVERY(free_memory_is_not_freed_again);
    EVERY(counters_tell_what_was_asked_for_and_what_is_held);
#undef EVERY
    suite_add_tcase(suite, every);
    tcase_add_checked_fixture(some, arena_setup, arena_teardown);
    tcase_add_test(some, classes_are_found_by_name);
    tcase_add_test(some, the_dummy_has_nothing_and_takes_nothing);
    tcase_add_test(
        some, bump_starts_again_when_the_last_block_is_gone_and_not_before);
    tcase_add_test(some, bump_does_not_free_what_it_has_not_handed_out_yet);
    tcase_add_test(some, bump_without_reset_hands_no_byte_out_twice);
    suite_add_tcase(suite, some);
    return suite;
}
