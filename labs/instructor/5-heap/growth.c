/*
 * Lab 5, the tests behind the curtain: memory that runs out and heaps that
 * grow, what one heap may know of another, and how much work a request is.
 */
#include "../../blocks.h"

/* --- memory runs out ----------------------------------------------------- */

SCRIPT(a_realloc_that_fails_leaves_the_block_as_it_was) {
    struct blocks b;

    for (unsigned c = 1; c < 4; c++) {
        unsigned i;

        one_heap(t, &b, all_classes[c], 4 * PAGE_SIZE, 4 * PAGE_SIZE, 0);
        ask(t, ASK_HEAP_POISON, 0, 1);
        i = new_block(t, &b, 500, 16);
        new_block(t, &b, 500, 16);
        must(t, !resize_block(t, &b, i, 5 * PAGE_SIZE), NULL,
             "%s: 20 KiB out of a heap of 16", class_name(b.class));
        while (try_block(t, &b, 400, 16)) {
        }
        bytes_check(t, &b, &b.live[i], 500, "H19");
        free_all(t, &b);
    }
}

SCRIPT(a_growth_that_is_refused_changes_nothing) {
    struct blocks b;

    for (unsigned c = 0; c < 4; c++) {
        uint64_t end;

        one_heap(t, &b, all_classes[c], 2 * PAGE_SIZE, MIB, PAGE_SIZE);
        new_block(t, &b, 1000, 16);
        end = heap_end(t, &b);
        ask(t, ASK_HEAP_FAIL, 0, 0);
        must(t, !try_block(t, &b, 40 * KIB, 16), "H31",
             "%s: a block larger than the heap, which could not grow",
             class_name(b.class));
        must(t, heap_end(t, &b) == end, "H31",
             "%s: the heap could not grow, and its end moved:\n"
             "  expected   0x%lx\n  seen       0x%lx",
             class_name(b.class), end, heap_end(t, &b));
        ask(t, ASK_HEAP_FAIL, 0, UINT64_MAX);
        new_block(t, &b, 40 * KIB, 16);
        free_all(t, &b);
        credit(t, c * 25);
    }
}

SCRIPT(a_heap_grows_by_what_its_free_end_lacks) {
    struct blocks b;
    uint64_t end;

    one_heap(t, &b, LIST, 16 * PAGE_SIZE, MIB, PAGE_SIZE);
    new_block(t, &b, 64, 16);
    new_block(t, &b, 17 * PAGE_SIZE, 16); /* 16 pages less 64 bytes are free */
    end = heap_end(t, &b);
    must(t, end - b.base <= 19 * PAGE_SIZE, "H30",
         "the heap grew to %lu pages, 18 hold both blocks:\n"
         "  [ block ][ free tail ][ new ......... ]  the new memory should be "
         "one with the tail",
         (end - b.base) / PAGE_SIZE);
    free_all(t, &b);
}

/*
 *   [ block ][ free ... ]  all freed  [ free ........ ]  grows  [ new
 * .......... ] ^ the last block again
 */
SCRIPT(an_empty_heap_grows_in_one_piece) {
    static const enum class_number those[] = { LIST, BOUNDARY };
    struct blocks b;
    uint64_t bytes;

    for (unsigned c = 0; c < 2; c++) {
        one_heap(t, &b, those[c], 2 * PAGE_SIZE, MIB, PAGE_SIZE);
        new_block(t, &b, 100, 16);
        free_all(t, &b);
        new_block(t, &b, 5 * PAGE_SIZE, 16);
        (void)runs_check(t, &b, &bytes);
        free_all(t, &b);
        must_be_whole(t, &b);
    }
}

static unsigned times_told(struct test *t) {
    const struct talk_event *at;
    const unsigned count = events_of_turn(t, &at);
    unsigned told = 0;

    for (unsigned n = 0; n < count; n++) {
        told += at[n].kind == TALK_NO_MEMORY;
    }
    return told;
}

SCRIPT(the_hook_is_asked_once_and_only_without_memory) {
    struct blocks b;
    struct block spare;
    uint64_t at;
    unsigned told;

    one_heap(t, &b, LIST, 4 * PAGE_SIZE, 4 * PAGE_SIZE, 0);
    spare = b.live[new_block(t, &b, 8000, 16)];
    ask(t, ASK_HEAP_ON_NO_MEMORY, 0, 1, 0, 0, 0);
    at = ask(t, ASK_HEAP_ALLOC, 0, 100, 16)->out[0];
    told = times_told(t);
    must(t, at != 0 && told == 0, "H33",
         "the hook was asked %u times about a request that was met", told);
    must_ok(t, (enum mm_status)ask(t, ASK_HEAP_FREE, 0, at, 100, 16)->status);
    at = ask(t, ASK_HEAP_ALLOC, 0, 9000, 16)->out[0];
    told = times_told(t);
    must(t, at == 0 && told == 1, "H33",
         "no memory for 9000 bytes: the hook was asked %u times, expected once",
         told);
    ask(t, ASK_HEAP_ON_NO_MEMORY, 0, 2, spare.at, spare.size, spare.align);
    at = ask(t, ASK_HEAP_ALLOC, 0, 8500, 16)->out[0];
    must(
        t, at != 0, "H33",
        "the hook freed 8000 bytes beside a hole and said \"again\", and there "
        "is still no block for 8500");
}

SCRIPT(after_a_failure_the_heap_can_be_used) {
    struct blocks b;

    for (unsigned c = 0; c < 4; c++) {
        one_heap(t, &b, all_classes[c], 4 * PAGE_SIZE, 4 * PAGE_SIZE, 0);
        must(t, !try_block(t, &b, 64 * KIB, 16), NULL, "%s: 64 KiB out of 16",
             class_name(b.class));
        note(t, "after a request that could not be met\n");
        new_block(t, &b, 100, 16); /* a lock that is held is a panic */
        free_all(t, &b);
    }
}

SCRIPT(no_interrupt_may_come_while_the_heap_is_changed) {
    struct blocks b;
    const struct talk_event *at;
    unsigned count;

    one_heap(t, &b, LIST, 0, MIB, PAGE_SIZE);
    (void)ask(t, ASK_HEAP_ALLOC, 0, 3000, 16);
    count = events_of_turn(t, &at);
    for (unsigned n = 0; n < count; n++) {
        must(t, at[n].kind != TALK_IRQ_ON, "H36",
             "the heap grows with interrupts on: a handler that allocates "
             "finds it half changed");
    }
}

/* --- heaps, and how much work -------------------------------------------- */

SCRIPT(two_heaps_know_nothing_of_each_other) {
    static struct blocks b[2];

    for (unsigned c = 0; c < 4; c++) {
        one_heap(t, &b[0], all_classes[c], 64 * KIB, MIB, 0);
        heap_on(t, &b[1], 1, all_classes[c], 64 * KIB, MIB, 0);
        note(t, "two heaps of the class %s take turns\n",
             class_name(all_classes[c]));
        for (unsigned n = 0; n < 20; n++) {
            for (unsigned h = 0; h < 2; h++) {
                must(t, try_block(t, &b[h], 100 + n * 30, 16), "H37",
                     "heap %u of class %s has no memory left", h,
                     class_name(all_classes[c]));
            }
        }
        free_all(t, &b[0]);
        free_all(t, &b[1]);
    }
}

/** Instructions of one request that the first of @holes holes can meet. */
static uint64_t work(struct test *t, unsigned holes) {
    struct blocks b;

    one_heap(t, &b, LIST, MIB, MIB, 0);
    for (unsigned n = 0; n < 2 * holes; n++) {
        new_block(t, &b, 256, 16);
    }
    for (unsigned n = 0; n < b.count; n++) {
        struct block *block = &b.live[n];

        if ((block->at - b.base) / 256 % 2 == 0 && block->size == 256) {
            must_ok(t,
                    (enum mm_status)ask(t, ASK_HEAP_FREE, 0, block->at, 256, 16)
                        ->status);
            block->size = 0;
        }
    }
    count_next(t, 100000);
    (void)ask(t, ASK_HEAP_ALLOC, 0, 128, 16);
    return counted(t);
}

SCRIPT(first_fit_stops_at_the_first_hole_that_fits) {
    const uint64_t few = work(t, 4), many = work(t, 100);

    if (few == 0 || many == 0) {
        skip(t, "this host can not count instructions");
    }
    must(t, many < 2 * few, "H39",
         "the first hole fits, and the work grows with the number of holes:\n"
         "  4 holes    %lu instructions\n  100 holes  %lu instructions",
         few, many);
}

SCRIPT(a_list_wastes_little_of_what_it_holds) {
    struct blocks b;
    uint64_t live = 0, peak = 0, size;

    one_heap(t, &b, LIST, PAGE_SIZE, 8 * MIB, PAGE_SIZE);
    for (unsigned n = 0; n < 4000; n++) {
        if (b.count < 60 || (b.count < 120 && draw(t, 2) == 0)) {
            new_block(t, &b, 16 + draw(t, 1500), 16);
            live += b.live[b.count - 1].size;
        } else {
            const unsigned i = (unsigned)draw(t, b.count);

            live -= b.live[i].size;
            free_block(t, &b, i);
        }
        peak = live > peak ? live : peak;
    }
    size = heap_end(t, &b) - b.base;
    credit(t, (unsigned)(peak * 100 / size));
    must(t, size < 2 * peak, "H30",
         "%lu bytes lived at most, and the heap grew to %lu", peak, size);
}

const struct script lab5_growth[] = {
    LISTED(a_realloc_that_fails_leaves_the_block_as_it_was),
    LISTED(a_growth_that_is_refused_changes_nothing),
    LISTED(a_heap_grows_by_what_its_free_end_lacks),
    LISTED(an_empty_heap_grows_in_one_piece),
    LISTED(the_hook_is_asked_once_and_only_without_memory),
    LISTED(after_a_failure_the_heap_can_be_used),
    LISTED(no_interrupt_may_come_while_the_heap_is_changed),
    LISTED(two_heaps_know_nothing_of_each_other),
    LISTED(first_fit_stops_at_the_first_hole_that_fits),
    LISTED(a_list_wastes_little_of_what_it_holds),
    { NULL, NULL },
};
