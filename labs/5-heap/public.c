/*
 * Lab 5, the tests that students have: the four of the blog, alignments, and
 * the dump of the list.
 */
#include "../blocks.h"

/* "Allocator Designs" and "Heap Allocation", retold. */

SCRIPT(two_small_blocks_keep_their_values) {
    struct blocks b;

    one_heap(t, &b, LIST, 64 * KIB, MIB, 0);
    new_block(t, &b, 8, 8);
    new_block(t, &b, 8, 8);
    free_all(t, &b);
}

SCRIPT(a_vector_grows_and_keeps_its_elements) {
    struct blocks b;
    unsigned v;

    one_heap(t, &b, LIST, 64 * KIB, MIB, 0);
    v = new_block(t, &b, 8, 8);
    for (uint64_t size = 16; size <= 8192; size *= 2) {
        must(t, resize_block(t, &b, v, size), NULL,
             "no memory to grow a vector to %lu bytes", size);
    }
    free_all(t, &b);
}

SCRIPT(many_boxes_reuse_what_was_freed) {
    struct blocks b;

    one_heap(t, &b, LIST, 64 * KIB, 64 * KIB, 0);
    for (unsigned n = 0; n < 5000; n++) { /* 80 KB in all */
        free_block(t, &b, new_block(t, &b, 16, 8));
    }
}

SCRIPT(many_boxes_beside_a_long_lived_one_reuse_what_was_freed) {
    struct blocks b;

    one_heap(t, &b, LIST, 64 * KIB, 64 * KIB, 0);
    new_block(t, &b, 16, 8);
    for (unsigned n = 0; n < 5000; n++) {
        free_block(t, &b, new_block(t, &b, 16, 8));
    }
    free_all(t, &b);
}

SCRIPT(a_bump_heap_hands_out_one_block_behind_the_other) {
    struct blocks b;

    one_heap(t, &b, BUMP, 64 * KIB, 64 * KIB, 0);
    for (unsigned n = 0; n < 50; n++) {
        new_block(t, &b, 1 + draw(t, 1000), 16);
    }
    free_all(t, &b);
    new_block(t, &b, 60 * KIB, 16); /* all of it is free again */
}

SCRIPT(fixed_blocks_of_all_sizes_are_apart) {
    struct blocks b;

    one_heap(t, &b, FIXED, 64 * KIB, MIB, 0);
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t size = 1; size <= 3000; size += 1 + size / 3) {
            new_block(t, &b, size, 16);
            new_block(t, &b, size, 16);
        }
        free_all(t, &b);
    }
}

SCRIPT(alignments_up_to_a_page_are_kept) {
    struct blocks b;

    one_heap(t, &b, LIST, 64 * KIB, MIB, 0);
    for (uint64_t align = 1; align <= PAGE_SIZE; align *= 2) {
        new_block(t, &b, 24, align);
        new_block(t, &b, 3 * align, align);
        credit(t, 7 * (unsigned)__builtin_ctzl(align));
    }
    free_all(t, &b);
}

SCRIPT(the_list_shows_its_holes_and_merges_them) {
    struct blocks b;
    uint64_t bytes;

    one_heap(t, &b, LIST, 4 * PAGE_SIZE, 4 * PAGE_SIZE, 0);
    for (unsigned n = 0; n < 8; n++) {
        new_block(t, &b, 1024, 16);
    }
    free_block(t, &b, 3);
    must(t, runs_check(t, &b, &bytes) == 2, "H24",
         "a block in the middle is freed: two holes are expected");
    credit(t, 50);
    free_all(t, &b);
    must_be_whole(t, &b);
}

const struct script lab5_public[] = {
    LISTED(two_small_blocks_keep_their_values),
    LISTED(a_vector_grows_and_keeps_its_elements),
    LISTED(many_boxes_reuse_what_was_freed),
    LISTED(many_boxes_beside_a_long_lived_one_reuse_what_was_freed),
    LISTED(a_bump_heap_hands_out_one_block_behind_the_other),
    LISTED(fixed_blocks_of_all_sizes_are_apart),
    LISTED(alignments_up_to_a_page_are_kept),
    LISTED(the_list_shows_its_holes_and_merges_them),
    { NULL, NULL },
};
