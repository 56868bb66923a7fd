/*
 * Lab 5, the tests behind the curtain: the last byte of a heap, pointers that
 * are none, what is counted.
 */
#include "../../blocks.h"

static struct heap_stats_seen {
    uint64_t blocks, bytes, failures;
} counts_of(struct test *t) {
    const struct call *stats = ask(t, ASK_HEAP_STATS, 0);

    return (struct heap_stats_seen){ stats->out[0], stats->out[1],
                                     stats->out[2] };
}

static void must_be_sound(struct test *t, const struct blocks *b) {
    must(t, ask(t, ASK_HEAP_IS_SOUND, b->heap)->out[0] != 0, "H24",
         "%s: heap_is_sound() is false with %u blocks that live",
         class_name(b->class), b->count);
}

SCRIPT(a_heap_is_handed_out_to_its_last_byte_again_and_again) {
    struct blocks b;

    for (unsigned c = 0; c < 3; c++) { /* fixed: the list serves this size */
        one_heap(t, &b, all_classes[c], 4 * PAGE_SIZE, 4 * PAGE_SIZE, 0);
        for (unsigned round = 0; round < 3; round++) {
            new_block(t, &b,
                      all_classes[c] == BOUNDARY ? 4 * PAGE_SIZE - 64
                                                 : 4 * PAGE_SIZE,
                      16);
            free_all(t, &b);
            new_block(t, &b, 100, 16);
            free_all(t, &b);
        }
    }
}

SCRIPT(the_newest_block_does_not_grow_beyond_the_heap) {
    struct blocks b;
    unsigned i;

    for (unsigned c = 0; c < 4; c++) {
        one_heap(t, &b, all_classes[c], 4 * PAGE_SIZE, 4 * PAGE_SIZE, 0);
        new_block(t, &b, 100, 16);
        i = new_block(t, &b, 3000, 16);
        must(t, !resize_block(t, &b, i, 6 * PAGE_SIZE), "H18",
             "%s: 24 KiB out of a heap of 16", class_name(b.class));
        must(t, resize_block(t, &b, i, 200), NULL,
             "%s: no memory to make a block shorter", class_name(b.class));
        must_be_sound(t, &b);
        free_all(t, &b);
        must_be_sound(t, &b);
    }
}

SCRIPT(every_heap_grows_by_what_its_free_end_lacks) {
    struct blocks b;
    uint64_t pages;

    for (unsigned c = 0; c < 4; c++) {
        one_heap(t, &b, all_classes[c], 16 * PAGE_SIZE, MIB, PAGE_SIZE);
        new_block(t, &b, 64, 16);
        new_block(t, &b, 17 * PAGE_SIZE, 16);
        pages = (heap_end(t, &b) - b.base) / PAGE_SIZE;
        must(t, pages <= 19, "H30",
             "%s: the heap grew to %lu pages, 18 hold both blocks",
             class_name(b.class), pages);
        free_all(t, &b);
    }
}

SCRIPT(a_heap_of_fixed_sizes_rounds_up_once) {
    struct blocks b;
    unsigned n;

    one_heap(t, &b, FIXED, PAGE_SIZE, PAGE_SIZE, 0);
    for (n = 0; n < 240 && try_block(t, &b, 16, 16); n++) {
    }
    must(t, n == 240, "H24",
         "a page has room for 256 blocks of 16 bytes, and gave %u", n);
    for (unsigned round = 0; round < 2; round++) { /* off the stack, and on */
        free_all(t, &b);
        must_be_sound(t, &b);
        for (n = 0; n < 240; n++) {
            new_block(t, &b, 16, 16);
        }
    }
    one_heap(t, &b, FIXED, PAGE_SIZE, MIB, PAGE_SIZE);
    new_block(t, &b, 2048, 16);
    for (n = 0; n < 53; n++) { /* 1200 bytes are left, too few for 2048 */
        new_block(t, &b, 16, 16);
    }
    new_block(t, &b, 1100, 16);
    free_all(t, &b);
    must_be_sound(t, &b);
}

/* --- pointers that are none ------------------------------------------------
 */

static void must_refuse(struct test *t, const struct blocks *b, uint64_t at,
                        uint64_t size, const char *mistake, const char *what) {
    const struct heap_stats_seen before = counts_of(t);
    struct heap_stats_seen after;

    must(t, ask(t, ASK_HEAP_FREE, 0, at, size, 16)->status != MM_OK, mistake,
         "%s: %s is freed, and heap_free() says MM_OK", class_name(b->class),
         what);
    must(t, ask(t, ASK_HEAP_REALLOC, 0, at, size, 16, 4 * size)->out[0] == 0,
         mistake, "%s: %s is made longer", class_name(b->class), what);
    after = counts_of(t);
    must(t, after.blocks == before.blocks && after.bytes == before.bytes,
         mistake,
         "%s: %s is refused, and the counters changed:\n"
         "  expected   %lu blocks, %lu bytes\n  seen       %lu and %lu",
         class_name(b->class), what, before.blocks, before.bytes, after.blocks,
         after.bytes);
}

SCRIPT(what_was_freed_or_never_given_changes_nothing) {
    static const enum class_number those[] = { LIST, BOUNDARY, FIXED };
    struct blocks b;
    struct block gone;

    for (unsigned c = 0; c < 3; c++) {
        one_heap(t, &b, those[c], 4 * PAGE_SIZE, MIB, 0);
        new_block(t, &b, 128, 16);
        gone = b.live[new_block(t, &b, 128, 16)];
        new_block(t, &b, 128, 16);
        free_block(t, &b, 1);
        must_refuse(t, &b, gone.at, 128, "H13", "a block that was freed");
        must_refuse(t, &b, b.base - 64 * KIB, 128, "H15",
                    "a pointer below the heap");
        must_refuse(t, &b, b.base + 512 * KIB, 128, "H15",
                    "a pointer behind the heap");
        must_refuse(t, &b, b.live[0].at + 8, 96, "H15",
                    "a pointer into a block");
        must(t, ask(t, ASK_HEAP_FREE, 0, 0, 128, 16)->status == MM_OK, NULL,
             "%s: to free NULL is nothing, and is refused",
             class_name(b.class));
        must_be_sound(t, &b);
        free_all(t, &b);
    }
}

SCRIPT(a_block_is_freed_with_the_size_it_has) {
    struct blocks b;

    one_heap(t, &b, LIST, 4 * PAGE_SIZE, MIB, 0);
    new_block(t, &b, 128, 16);
    new_block(t, &b, 128, 16);
    free_block(t, &b, 1);
    must(t, ask(t, ASK_HEAP_FREE, 0, b.live[0].at, 256, 16)->status != MM_OK,
         "H25",
         "a block of 128 bytes is freed as one of 256, half of which is free "
         "already");
    must_be_sound(t, &b);
    free_all(t, &b);
    must_be_whole(t, &b);
}

SCRIPT(a_bump_heap_in_which_nothing_lives_takes_nothing_back) {
    struct blocks b;
    struct block gone;

    one_heap(t, &b, BUMP, 4 * PAGE_SIZE, MIB, 0);
    gone = b.live[new_block(t, &b, 128, 16)];
    free_block(t, &b, 0);
    must_refuse(t, &b, gone.at, 128, "H28", "a block that was freed");
    must_be_sound(t, &b);
}

SCRIPT(an_alignment_above_the_largest_gives_no_block) {
    struct blocks b;

    for (unsigned c = 0; c < 4; c++) {
        one_heap(t, &b, all_classes[c], 4 * PAGE_SIZE, 12 * MIB, 0);
        must(t,
             ask(t, ASK_HEAP_ALLOC, 0, 16, UINT64_C(2) * HEAP_ALIGN_MAX)
                     ->out[0] == 0,
             "H01", "%s: the largest alignment is %lu; twice that is served",
             class_name(b.class), (uint64_t)HEAP_ALIGN_MAX);
        must(t, counts_of(t).failures == 1, "H33",
             "%s: a request failed, and %lu failures are counted",
             class_name(b.class), counts_of(t).failures);
    }
}

/* --- counters, poison -------------------------------------------------------
 */

SCRIPT(what_lives_is_counted_through_random_calls) {
    struct blocks b;
    uint64_t bytes;

    for (unsigned c = 0; c < 4; c++) {
        one_heap(t, &b, all_classes[c], 64 * KIB, 8 * MIB, 0);
        ask(t, ASK_HEAP_POISON, 0, 1);
        for (unsigned n = 0; n < 600; n++) {
            const uint64_t what = draw(t, 10);

            if (b.count < 60 && (b.count == 0 || what < 5)) {
                new_block(t, &b, 1 + draw(t, 300), UINT64_C(1) << draw(t, 9));
            } else if (what < 8) { /* with poison the old bytes stay */
                (void)resize_block(t, &b, (unsigned)draw(t, b.count),
                                   1 + draw(t, 600));
            } else {
                free_block(t, &b, (unsigned)draw(t, b.count));
            }
            if (n % 50 == 0) {
                must(t, counts_of(t).blocks == b.count, "H24",
                     "%s: %u blocks live, and %lu are counted",
                     class_name(b.class), b.count, counts_of(t).blocks);
                must_be_sound(t, &b);
            }
        }
        free_all(t, &b);
        must(t, counts_of(t).blocks == 0 && counts_of(t).bytes == 0, "H24",
             "%s: nothing lives, and %lu blocks of %lu bytes are counted",
             class_name(b.class), counts_of(t).blocks, counts_of(t).bytes);
        must_be_sound(t, &b);
        if (b.class == LIST || b.class == BOUNDARY) {
            must_be_whole(t, &b);
        }
        (void)runs_check(t, &b, &bytes);
        credit(t, 24 * (c + 1));
    }
}

SCRIPT(a_block_that_moves_leaves_nothing_behind) {
    struct blocks b;
    unsigned i;

    for (unsigned c = 1; c < 3; c++) {
        one_heap(t, &b, all_classes[c], 4 * PAGE_SIZE, 4 * PAGE_SIZE, 0);
        for (unsigned n = 0; n < 100; n++) {
            i = new_block(t, &b, 1000, 16);
            new_block(t, &b, 1000, 16);
            must(t, resize_block(t, &b, i, 4000), "H19",
                 "%s: after %u blocks that moved there is no memory for 4000 "
                 "bytes: the places they left are lost",
                 class_name(b.class), n);
            free_all(t, &b);
        }
        must_be_whole(t, &b);
    }
}

const struct script lab5_edges[] = {
    LISTED(a_heap_is_handed_out_to_its_last_byte_again_and_again),
    LISTED(the_newest_block_does_not_grow_beyond_the_heap),
    LISTED(every_heap_grows_by_what_its_free_end_lacks),
    LISTED(a_heap_of_fixed_sizes_rounds_up_once),
    LISTED(what_was_freed_or_never_given_changes_nothing),
    LISTED(a_block_is_freed_with_the_size_it_has),
    LISTED(a_bump_heap_in_which_nothing_lives_takes_nothing_back),
    LISTED(an_alignment_above_the_largest_gives_no_block),
    LISTED(what_lives_is_counted_through_random_calls),
    LISTED(a_block_that_moves_leaves_nothing_behind),
    { NULL, NULL },
};
