/*
 * Mistakes that an ordinary test of a heap does not see: the copy that reads
 * too far, the heap that is two, the search that is too long.
 */
#include <string.h>

#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

START_TEST(a_block_that_moves_brings_along_no_byte_that_was_not_its_own)
{ /* H16 of the labs: behind the old block somebody else's bytes stand */
    const size_t old = 80, new = 400;
    uint8_t *p, *neighbour, *q;

    arena_open(_i, 64 * KIB, 0);
    if (!arena_serves()) {
        return;
    }
    heap_set_poison(&arena.heap, true);
    p = arena_alloc(old, 16);
    neighbour = arena_alloc(new, 16);
    pattern_fill(p, old, 1);
    memset(neighbour, 0x77, new);
    q = heap_realloc(&arena.heap, p, layout(old, 16), new);
    ck_assert_ptr_nonnull(q);
    pattern_check(q, old, 1);
    for (size_t n = old; n < new; n++) {
        ck_must(q[n] == HEAP_FRESH_BYTE,
                "byte %lu of a block that had %lu is 0x%x, expected 0x%x",
                (unsigned long)n, (unsigned long)old, q[n], HEAP_FRESH_BYTE);
    }
    arena_free(q, new, 16);
    arena_free(neighbour, new, 16);
}
END_TEST

/** All that is asked for is there already. */
static enum mm_status grant(void *ctx, vaddr_t end, size_t bytes) {
    (void)ctx, (void)end, (void)bytes;
    return MM_OK;
}

START_TEST(two_heaps_of_one_class_know_nothing_of_each_other)
{ /* H37 of the labs */
    const struct vrange windows[2] = { { vaddr(ARENA_BASE), MIB },
                                       { vaddr(ARENA_BASE + 2 * MIB), MIB } };
    static struct heap heaps[2];
    void *blocks[2][20];

    arena_open(_i, 0, 0); /* for arena_serves() */
    if (!arena_serves()) {
        return;
    }
    for (unsigned h = 0; h < 2; h++) {
        ck_assert_status(heap_init(&heaps[h], heap_classes[_i], windows[h],
                                   256 * KIB,
                                   (struct heap_source){ grant, NULL }, NULL),
                         MM_OK);
    }
    for (unsigned n = 0; n < 20; n++) {
        for (unsigned h = 0; h < 2; h++) {
            blocks[h][n] = heap_alloc(&heaps[h], layout(100 + n * 50, 16));
            ck_assert_msg(
                vrange_holds(windows[h], vaddr_of_pointer(blocks[h][n])),
                "heap %u gives %p, of the other one", h, blocks[h][n]);
        }
    }
    for (unsigned h = 0; h < 2; h++) {
        for (unsigned n = 0; n < 20; n++) {
            ck_assert_status(
                heap_free(&heaps[h], blocks[h][n], layout(100 + n * 50, 16)),
                MM_OK);
        }
        ck_assert_msg(heap_is_sound(&heaps[h]), "heap %u is not sound", h);
    }
    for (unsigned h = 0; h < 2; h++) {
        heap_release(&heaps[h]);
        vmm_flush(vmm_unmap_range(&arena.mm.space, windows[h].base,
                                  windows[h].len >> PAGE_SHIFT)
                      .token);
    }
}
END_TEST

static unsigned asked_with_interrupts;

static enum mm_status grant_quietly(void *ctx, vaddr_t end, size_t bytes) {
    const bool were_on = hw_irq_save();

    (void)ctx, (void)end, (void)bytes;
    asked_with_interrupts += were_on;
    hw_irq_restore(were_on);
    return MM_OK;
}

START_TEST(no_interrupt_comes_while_a_heap_is_changed)
{ /* H36 of the labs: its handler would find the heap half changed */
    const struct vrange window = { vaddr(ARENA_BASE), MIB };
    static struct heap heap;
    void *p;

    arena_open(_i, 0, 0);
    if (!arena_serves()) {
        return;
    }
    asked_with_interrupts = 0;
    ck_assert_status(heap_init(&heap, heap_classes[_i], window, 0,
                               (struct heap_source){ grant_quietly, NULL },
                               NULL),
                     MM_OK);
    p = heap_alloc(&heap, layout(100, 16));
    ck_assert_ptr_nonnull(p);
    ck_assert_msg(asked_with_interrupts == 0,
                  "the heap grew with interrupts on");
    ck_assert_status(heap_free(&heap, p, layout(100, 16)), MM_OK);
    heap_release(&heap);
    vmm_flush(
        vmm_unmap_range(&arena.mm.space, window.base, window.len >> PAGE_SHIFT)
            .token);
}
END_TEST

#define HOLES 32

START_TEST(a_block_that_fits_the_first_hole_is_found_without_a_look_at_others)
{ /* H39 of the labs: a hole in each page; A tells which were read */
    void *used[HOLES], *freed[HOLES];
    unsigned read = 0;

    arena_open_named("list", HOLES * PAGE_SIZE, 0);
    for (unsigned n = 0; n < HOLES; n++) {
        freed[n] = arena_alloc(2048, 16);
        used[n] = arena_alloc(2048, 16);
    }
    for (unsigned n = 0; n < HOLES; n++) {
        arena_free(freed[n], 2048, 16);
    }
    for (unsigned n = 0; n < HOLES; n++) {
        machine_entry(&arena.mm.space, vaddr(ARENA_BASE + n * PAGE_SIZE), 1)
            ->v &= ~PTE_ACCESSED;
    }
    hw_flush_all();
    freed[0] = arena_alloc(1024, 16);
    for (unsigned n = 0; n < HOLES; n++) {
        read += pte_has(*machine_entry(&arena.mm.space,
                                       vaddr(ARENA_BASE + n * PAGE_SIZE), 1),
                        PTE_ACCESSED);
    }
    ck_assert_msg(read <= 2, "%u pages with a hole were read, expected one",
                  read);
    arena_free(freed[0], 1024, 16);
    for (unsigned n = 0; n < HOLES; n++) {
        arena_free(used[n], 2048, 16);
    }
}
END_TEST

Suite *heap_lessons_suite(void) {
    Suite *suite = suite_create("heap_lessons");
    TCase *tc = tcase_create("lessons");

    tcase_add_checked_fixture(tc, arena_setup, arena_teardown);
    tcase_add_loop_test(
        tc, a_block_that_moves_brings_along_no_byte_that_was_not_its_own, 0,
        ARENA_CLASSES);
    tcase_add_loop_test(tc, two_heaps_of_one_class_know_nothing_of_each_other,
                        0, ARENA_CLASSES);
    tcase_add_loop_test(tc, no_interrupt_comes_while_a_heap_is_changed, 0,
                        ARENA_CLASSES);
    tcase_add_test(
        tc, a_block_that_fits_the_first_hole_is_found_without_a_look_at_others);
    suite_add_tcase(suite, tc);
    return suite;
}
