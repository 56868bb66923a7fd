/*
 * Lab 5, the tests behind the curtain: an oracle of blocks beside random calls,
 * every order of frees, requests that are none.
 */
#include "../../blocks.h"

/* --- blocks -------------------------------------------------------------- */

static void random_calls(struct test *t, enum class_number class) {
    struct blocks b;
    uint64_t bytes;

    one_heap(t, &b, class, 64 * KIB, 8 * MIB, 0);
    for (unsigned n = 0; n < 3000; n++) {
        const uint64_t what = draw(t, 10);

        if (b.count < 100 && (b.count == 0 || what < 5)) {
            new_block(t, &b, 1 + draw(t, draw(t, 20) == 0 ? 9000 : 300),
                      UINT64_C(1) << draw(t, 9));
        } else if (what < 7) {
            (void)resize_block(t, &b, (unsigned)draw(t, b.count),
                               1 + draw(t, 600));
        } else {
            free_block(t, &b, (unsigned)draw(t, b.count));
        }
        if (n % 250 == 0) {
            (void)runs_check(t, &b, &bytes);
            credit(t, n / 60);
        }
    }
    free_all(t, &b);
    (void)runs_check(t, &b, &bytes);
}

SCRIPT(random_calls_of_a_list_heap_agree_with_an_oracle) {
    random_calls(t, LIST);
}
SCRIPT(random_calls_of_a_boundary_heap_agree_with_an_oracle) {
    random_calls(t, BOUNDARY);
}
SCRIPT(random_calls_of_a_fixed_heap_agree_with_an_oracle) {
    random_calls(t, FIXED);
}
SCRIPT(random_calls_of_a_bump_heap_agree_with_an_oracle) {
    random_calls(t, BUMP);
}

/** Six blocks, freed in every order: one free run is left. */
static void every_order(struct test *t, enum class_number class) {
    unsigned order[6];
    struct blocks b;

    one_heap(t, &b, class, 4 * PAGE_SIZE, 4 * PAGE_SIZE, 0);
    for (unsigned nth = 0; nth < 720; nth += 1 + (unsigned)draw(t, 3)) {
        unsigned rest = nth, left[6] = { 0, 1, 2, 3, 4, 5 };
        struct block blocks[6];

        for (unsigned i = 0; i < 6; i++) { /* the nth permutation */
            const unsigned k = rest % (6 - i);

            rest /= 6 - i;
            order[i] = left[k];
            left[k] = left[5 - i];
        }
        for (unsigned i = 0; i < 6; i++) {
            blocks[i] = b.live[new_block(t, &b, 100 + 200 * i, 16)];
        }
        for (unsigned i = 0; i < 6; i++) {
            unsigned at = 0;

            while (b.live[at].at != blocks[order[i]].at) {
                at++;
            }
            free_block(t, &b, at);
        }
        must_be_whole(t, &b);
    }
}

SCRIPT(a_list_is_one_hole_again_whatever_the_order_of_frees) {
    every_order(t, LIST);
}
SCRIPT(a_boundary_heap_is_one_hole_again_whatever_the_order_of_frees) {
    every_order(t, BOUNDARY);
}

SCRIPT(blocks_of_the_smallest_size_fill_a_list_without_loss) {
    struct blocks b;

    one_heap(t, &b, LIST, PAGE_SIZE, PAGE_SIZE, 0);
    for (unsigned n = 0; n < 85; n++) {
        new_block(t, &b, 16, 16);
        new_block(t, &b, 32, 16);
    }
    while (try_block(t, &b, 16, 16)) {
    }
    must(t, b.count == 171, "H24",
         "171 blocks fill the page, %u were handed out: bytes are lost",
         b.count);
    free_all(t, &b);
    must_be_whole(t, &b);
}

SCRIPT(a_bump_heap_starts_again_only_when_nothing_lives) {
    struct blocks b;

    one_heap(t, &b, BUMP, 16 * PAGE_SIZE, 16 * PAGE_SIZE, 0);
    for (unsigned n = 0; n < 20; n++) {
        new_block(t, &b, 200, 16);
    }
    while (b.count > 1) {
        free_block(t, &b, 0);
        new_block(t, &b, 100, 16);
        free_block(t, &b, b.count - 1);
    }
    new_block(t, &b, 3000, 16);
    free_all(t, &b);
}

SCRIPT(a_block_of_a_bump_heap_does_not_grow_into_its_neighbour) {
    struct blocks b;
    unsigned first;

    one_heap(t, &b, BUMP, 16 * PAGE_SIZE, 16 * PAGE_SIZE, 0);
    first = new_block(t, &b, 64, 16);
    new_block(t, &b, 64, 16);
    must(t, resize_block(t, &b, first, 512), NULL, "no memory for 512 bytes");
    new_block(t, &b, 64, 16);
    bytes_check(t, &b, &b.live[1], 64, "H18");
    free_all(t, &b);
}

/* --- requests that are none ---------------------------------------------- */

SCRIPT(sizes_and_alignments_that_are_none_give_no_block) {
    static const struct {
        uint64_t size, align;
    } wrong[] = {
        { 0, 16 },
        { 16, 3 },
        { 16, 0 },
        { UINT64_MAX, 16 },
        { UINT64_MAX - 7, 8 },
        { UINT64_MAX - 15, 4096 },
        { UINT64_MAX - 30, 16 },
        { UINT64_MAX / 2 + 1, 16 },
        { 16, 4 * MIB },
    };
    struct blocks b;

    for (unsigned c = 0; c < 4; c++) {
        one_heap(t, &b, all_classes[c], 4 * PAGE_SIZE, MIB, 0);
        new_block(t, &b, 100, 16);
        for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
            const uint64_t at =
                ask(t, ASK_HEAP_ALLOC, 0, wrong[i].size, wrong[i].align)
                    ->out[0];

            must(t, at == 0, "H03",
                 "%s: a block for 0x%lx bytes, alignment %lu, at 0x%lx",
                 class_name(b.class), wrong[i].size, wrong[i].align, at);
        }
        free_all(t, &b);
        credit(t, 20 * c);
    }
}

SCRIPT(what_is_no_live_block_is_not_freed) {
    static const enum class_number those[] = { LIST, BOUNDARY };
    struct blocks b;

    for (unsigned c = 0; c < 2; c++) {
        struct block gone, lives;
        uint64_t bytes;

        one_heap(t, &b, those[c], 4 * PAGE_SIZE, MIB, 0);
        new_block(t, &b, 112, 16);
        gone = b.live[new_block(t, &b, 112, 16)];
        lives = b.live[new_block(t, &b, 112, 16)];
        free_block(t, &b, 1);
        must(t, ask(t, ASK_HEAP_FREE, 0, gone.at, 112, 16)->status != MM_OK,
             "H13", "%s: a block is freed twice, and heap_free() says MM_OK",
             class_name(b.class));
        must(t,
             ask(t, ASK_HEAP_FREE, 0, b.base - 64 * KIB, 112, 16)->status !=
                 MM_OK,
             "H15", "%s: a pointer below the heap is freed",
             class_name(b.class));
        must(t,
             ask(t, ASK_HEAP_FREE, 0, b.base + 512 * KIB, 112, 16)->status !=
                 MM_OK,
             "H15", "%s: a pointer behind the heap's end is freed",
             class_name(b.class));
        must(t, ask(t, ASK_HEAP_FREE, 0, lives.at + 8, 96, 16)->status != MM_OK,
             "H15", "%s: a pointer that is not aligned is freed",
             class_name(b.class));
        (void)runs_check(t, &b, &bytes);
        free_all(t, &b);
        must_be_whole(t, &b);
        credit(t, 50);
    }
}

SCRIPT(an_odd_size_is_given_back_as_it_was_taken) {
    struct blocks b;

    for (unsigned c = 1; c < 3; c++) {
        one_heap(t, &b, all_classes[c], 4 * PAGE_SIZE, 4 * PAGE_SIZE, 0);
        for (unsigned n = 0; n < 300; n++) {
            free_block(t, &b, new_block(t, &b, 1 + draw(t, 500), 16));
        }
        must_be_whole(t, &b);
    }
}

/* --- bytes --------------------------------------------------------------- */

SCRIPT(zeroed_blocks_are_zero_to_the_last_byte) {
    struct blocks b;

    one_heap(t, &b, LIST, 64 * KIB, 64 * KIB, 0);
    for (uint64_t size = 1; size < 200; size++) {
        uint64_t at;
        const uint8_t *p;

        new_block(t, &b, size + 64, 16); /* leaves its bytes behind */
        free_all(t, &b);
        at = ask(t, ASK_HEAP_ZEROED, 0, size, 16)->out[0];
        must(t, at != 0, NULL, "no block for %lu bytes", size);
        p = window(t, at);
        for (uint64_t n = 0; n < size; n++) {
            must(t, p[n] == 0, "H21",
                 "byte %lu of a zeroed block of %lu is 0x%02x", n, size, p[n]);
        }
        must(t, ask(t, ASK_HEAP_FREE, 0, at, size, 16)->status == MM_OK, NULL,
             "the block can't be freed");
    }
}

SCRIPT(a_block_that_moves_brings_no_bytes_of_its_neighbour) {
    struct blocks b;

    for (unsigned c = 0; c < 4; c++) {
        struct block moved;
        const uint8_t *p;
        uint64_t at;

        one_heap(t, &b, all_classes[c], 64 * KIB, MIB, 0);
        ask(t, ASK_HEAP_POISON, 0, 1);
        moved = b.live[new_block(t, &b, 80, 16)];
        new_block(t, &b, 400, 16);
        at = ask(t, ASK_HEAP_REALLOC, 0, moved.at, 80, 16, 400)->out[0];
        must(t, at != 0, NULL, "no memory for 400 bytes");
        p = window(t, at);
        for (unsigned n = 0; n < 400; n++) {
            must(t, p[n] == (n < 80 ? byte_of(moved.seed, n) : HEAP_FRESH_BYTE),
                 "H16",
                 "%s: a block of 80 bytes moved to one of 400; byte %u is "
                 "0x%02x, which %s",
                 class_name(b.class), n, p[n],
                 n < 80 ? "is not its own"
                        : "nobody wrote: poison is expected");
        }
    }
}

const struct script lab5_hidden[] = {
    LISTED(random_calls_of_a_list_heap_agree_with_an_oracle),
    LISTED(random_calls_of_a_boundary_heap_agree_with_an_oracle),
    LISTED(random_calls_of_a_fixed_heap_agree_with_an_oracle),
    LISTED(random_calls_of_a_bump_heap_agree_with_an_oracle),
    LISTED(a_list_is_one_hole_again_whatever_the_order_of_frees),
    LISTED(a_boundary_heap_is_one_hole_again_whatever_the_order_of_frees),
    LISTED(blocks_of_the_smallest_size_fill_a_list_without_loss),
    LISTED(a_bump_heap_starts_again_only_when_nothing_lives),
    LISTED(a_block_of_a_bump_heap_does_not_grow_into_its_neighbour),
    LISTED(sizes_and_alignments_that_are_none_give_no_block),
    LISTED(what_is_no_live_block_is_not_freed),
    LISTED(an_odd_size_is_given_back_as_it_was_taken),
    LISTED(zeroed_blocks_are_zero_to_the_last_byte),
    LISTED(a_block_that_moves_brings_no_bytes_of_its_neighbour),
    { NULL, NULL },
};
