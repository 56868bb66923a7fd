/*
 * Headers, lists and marks that were damaged one word at a time: the checkers
 * of the classes that keep them in the heap itself.
 *
 *   [ a, in use ][ b, free ][ c, in use ][ the rest, free ]
 *
 * Added to a word that links, 16 leads to memory of the heap, not out of it.
 */
#include "base/poison.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

#define SIZE 480 /* of a, b and c: with any header a buddy of 512 bytes */

static uint8_t *b_of(const char *class) {
    uint8_t *b;

    arena_open_named(class, PAGE_SIZE, 0);
    arena_alloc(SIZE, 16);
    b = arena_alloc(SIZE, 16);
    arena_alloc(SIZE, 16);
    arena_free(b, SIZE, 16);
    ck_assert(heap_is_sound(&arena.heap));
    return b;
}

MM_NO_SANITIZE static void add_to(void *word, uint64_t add) {
    *(uint64_t *)word += add;
}

/** Each of @count words from @first on says otherwise; the first @links of them
 *  lead to other headers. */
static void expect_noticed(uint8_t *first, unsigned links, unsigned count,
                           const char *which) {
    static const uint64_t adds[] = { 8, 16, (uint64_t)-16, 1,
                                     UINT64_C(1) << 32 };

    for (unsigned k = 0; k < count; k++) {
        for (unsigned i = 0; i < (k < links ? 3 : 5); i++) {
            add_to(first + 8 * k, adds[i]);
            ck_must(!arena.heap.class->is_sound(&arena.heap),
                    "%s: word %u of %s, %ld more, went unnoticed",
                    arena.heap.class->name, k, which, (long)adds[i]);
            add_to(first + 8 * k, -adds[i]);
        }
    }
    ck_assert(heap_is_sound(&arena.heap));
}

START_TEST(damaged_boundary_headers_are_noticed)
{ /* H10, H19: previous, next, bytes, mark */
    uint8_t *b = b_of("boundary");

    expect_noticed(b - SIZE - 64, 2, 4, "the first header");
    expect_noticed(b - 32, 2, 4, "the header of a free block");
    expect_noticed(b + SIZE, 2, 4, "the header of a block in use");
    arena.heap.fronts[1].counts.held_bytes += PAGE_SIZE;
    ck_assert(!heap_boundary.is_sound(&arena.heap));
    arena.heap.fronts[1].counts.held_bytes -= PAGE_SIZE;
    arena.heap.fronts[1].counts.allocs++;
    ck_assert(!heap_boundary.is_sound(&arena.heap));
    arena.heap.fronts[1].counts.allocs--;
}
END_TEST

START_TEST(damaged_tlsf_headers_are_noticed)
{ /* H13, H19: the block before, and size and check; a free one's links */
    uint8_t *b = b_of("tlsf");

    expect_noticed(b - SIZE - 32, 1, 2, "the first header");
    expect_noticed(b - 16, 1, 2, "the header of a free block");
    expect_noticed(b + SIZE, 1, 2, "the header of a block in use");
    add_to(b + 8, 16); /* previous in the list */
    ck_assert(!heap_tlsf.is_sound(&arena.heap));
    add_to(b + 8, (uint64_t)-16);
    arena.heap.fronts[1].counts.held_bytes += PAGE_SIZE;
    ck_assert(!heap_tlsf.is_sound(&arena.heap));
    arena.heap.fronts[1].counts.held_bytes -= PAGE_SIZE;
    for (unsigned level = 0; level < HEAP_TLSF_LEVELS; level++) {
        arena.heap.tlsf.levels ^= UINT64_C(1) << level;
        ck_assert(!heap_tlsf.is_sound(&arena.heap));
        arena.heap.tlsf.levels ^= UINT64_C(1) << level;
        arena.heap.tlsf.parts[level] ^= 8;
        ck_assert(!heap_tlsf.is_sound(&arena.heap));
        arena.heap.tlsf.parts[level] ^= 8;
    }
}
END_TEST

START_TEST(damaged_buddies_are_noticed)
{                             /* H13, H19: links and mark of a free block */
    const unsigned order = 4; /* 512 bytes */
    struct buddy_block **first = &arena.heap.buddy.first[order];
    uint8_t *b = b_of("buddy");

    ck_assert_ptr_eq(*first, b);
    add_to(b + 8, 16); /* previous */
    ck_assert(!heap_buddy.is_sound(&arena.heap));
    add_to(b + 8, (uint64_t)-16);
    add_to(b + 16, 1); /* the mark */
    ck_assert(!heap_buddy.is_sound(&arena.heap));
    add_to(b + 16, (uint64_t)-1);
    *first = pointer_of(vaddr(vaddr_of_pointer(b).v + 32));
    ck_assert(!heap_buddy.is_sound(&arena.heap));
    *first = NULL; /* a block is lost */
    ck_assert(!heap_buddy.is_sound(&arena.heap));
    *first = (void *)b;
    arena.heap.buddy.held += 32;
    ck_assert(!heap_buddy.is_sound(&arena.heap));
    arena.heap.buddy.held -= 32;
    ck_assert(heap_is_sound(&arena.heap));
}
END_TEST

START_TEST(damaged_stacks_of_fixed_sizes_are_noticed)
{ /* H11, H19 */
    uint8_t *b = b_of("fixed");
    struct fixed_block **stack = &arena.heap.fixed[5]; /* 512 bytes */

    ck_assert_ptr_eq(*stack, b);
    *stack = (void *)(b + 16);
    ck_assert(!heap_fixed.is_sound(&arena.heap));
    *stack = pointer_of(arena.heap.end);
    ck_assert(!heap_fixed.is_sound(&arena.heap));
    *stack = (void *)b;
    add_to(b, vaddr_of_pointer(b).v); /* a ring: next was NULL */
    ck_assert(!heap_fixed.is_sound(&arena.heap));
    add_to(b, -vaddr_of_pointer(b).v);
    arena.heap.fixed_held -= 16;
    ck_assert(!heap_fixed.is_sound(&arena.heap));
    arena.heap.fixed_held += 16;
    arena.heap.list.holes++;
    ck_assert(!heap_fixed.is_sound(&arena.heap));
    arena.heap.list.holes--;
    ck_assert(heap_is_sound(&arena.heap));
}
END_TEST

/* --- the end of the heap -------------------------------------------------- */

static enum mm_status take_back(void *ctx, vaddr_t end, size_t bytes) {
    (void)ctx, (void)end, (void)bytes;
    return MM_OK;
}

START_TEST(a_block_at_the_end_keeps_the_heap_from_being_trimmed)
{ /* H12: whatever nobody holds goes, and no more */
    size_t size = 4 * PAGE_SIZE;
    uint64_t all;
    uint8_t *p = NULL;

    arena_open(_i, 4 * PAGE_SIZE, 0);
    arena.heap.drain.shrink = take_back;
    heap_set_processors(&arena.heap, 2); /* a heap where others are at work */
    while (arena_serves() && p == NULL) {
        size -= 16;
        p = heap_alloc(&arena.heap, layout(size, 16));
    }
    all = heap_size(&arena.heap);
    if (p != NULL) {
        pattern_fill(p, size, 1);
    }
    ck_assert_uint_eq(heap_trim(&arena.heap) + heap_size(&arena.heap), all);
    ck_assert(heap_is_sound(&arena.heap));
    if (p != NULL) {
        pattern_check(p, size, 1);
        ck_assert_uint_ge(heap_size(&arena.heap), size);
        arena_free(p, size, 16);
    }
}
END_TEST

Suite *heap_headers_suite(void) {
    Suite *suite = suite_create("heap headers");
    TCase *tc = tcase_create("headers");

    tcase_add_checked_fixture(tc, arena_setup, arena_teardown);
    tcase_add_test(tc, damaged_boundary_headers_are_noticed);
    tcase_add_test(tc, damaged_tlsf_headers_are_noticed);
    tcase_add_test(tc, damaged_buddies_are_noticed);
    tcase_add_test(tc, damaged_stacks_of_fixed_sizes_are_noticed);
    tcase_add_loop_test(tc,
                        a_block_at_the_end_keeps_the_heap_from_being_trimmed, 0,
                        ARENA_CLASSES);
    suite_add_tcase(suite, tc);
    return suite;
}
