/*
 * What the debug mode finds: the cases of test_heap_misuse.h, tried on every
 * class.
 */
#include <string.h>

#include "base/poison.h"
#include "twin/suites.h"
#include "twin/test_heap_debug.h"
#include "twin/test_heap_misuse.h"

/* --- the steps ------------------------------------------------------------ */

static struct {
    uint8_t *p, *old;
    struct layout had, old_had;
    bool live, old_live;
} now;

static uint64_t static_data[4];
static struct heap other;

/** A write that sanitizers would stop, too. */
MM_NO_SANITIZE static void flip(uint8_t *p, int64_t offset) {
    p[offset] ^= 0xff;
}

MM_NO_SANITIZE static void zero(uint8_t *p, int64_t from, int64_t bytes) {
    for (int64_t k = 0; k < bytes; k++) {
        *(volatile uint8_t *)&p[from + k] = 0;
    }
}

static enum mm_status nothing_to_extend(void *ctx, vaddr_t end, size_t bytes) {
    (void)ctx, (void)end, (void)bytes;
    return MM_OK;
}

/** A block of a heap in the second half of the arena's window. */
static void *block_of_another_heap(void) {
    const struct vrange window = { { ARENA_BASE + ARENA_LIMIT / 2 },
                                   ARENA_LIMIT / 4 };
    void *p;

    ck_assert_status(heap_init(&other, &heap_bump, window, PAGE_SIZE,
                               (struct heap_source){ nothing_to_extend, NULL },
                               NULL),
                     MM_OK);
    p = heap_alloc(&other, layout(64, 16)); /* bump writes nothing there */
    ck_assert_ptr_nonnull(p);
    return p;
}

static void *address_of(enum place place, uint64_t *on_stack) {
    const struct heap *heap = &arena.heap;

    switch (place) {
    case PLACE_STACK:
        return on_stack;
    case PLACE_DATA:
        return static_data;
    case PLACE_CODE:
        return pointer_of(vaddr((uint64_t)(uintptr_t)address_of));
    case PLACE_BELOW:
        return pointer_of(vaddr(heap->start.v - 16));
    case PLACE_END:
        return pointer_of(heap->end);
    case PLACE_LIMIT:
        return pointer_of(heap->limit);
    case PLACE_FREE:
        return pointer_of(vaddr(heap->end.v - 64));
    case PLACE_SMALL:
        return pointer_of(vaddr(16));
    case PLACE_TOP:
        return pointer_of(vaddr(UINT64_MAX));
    case PLACE_NOT_CANONICAL:
        return pointer_of(vaddr(UINT64_C(1) << 63));
    case PLACE_FRAME:
        return pointer_of(arena.mm.space.direct_base);
    default:
        return block_of_another_heap();
    }
}

static void take(void *p, struct layout had) {
    ck_assert_ptr_nonnull(p);
    now.old = now.p;
    now.old_had = now.had;
    now.old_live = now.live;
    now.p = p;
    now.had = had;
    now.live = true;
}

static void give(void *p, struct layout had) {
    const enum mm_status st = heap_free_at(&arena.heap, p, had, HEAP_HERE);

    if (p == now.p && st == MM_OK) {
        now.live = false;
    }
}

static void resize(void *p, struct layout had, size_t size) {
    uint8_t *q = heap_realloc_at(&arena.heap, p, had, size, HEAP_HERE);

    if (q != NULL) {
        now.live = false; /* p is gone */
        take(q, layout(size, had.align));
    }
}

static void do_step(struct step step) {
    const struct layout as = { (size_t)step.a, (size_t)step.b };
    const size_t size = (size_t)step.a;
    uint64_t on_stack[4];

    switch (step.kind) {
    case DO_NOTHING:
        break;
    case DO_ALLOC:
        take(heap_alloc_at(&arena.heap, as, HEAP_HERE), as);
        break;
    case DO_ZEROED:
        take(heap_alloc_zeroed_at(&arena.heap, as, HEAP_HERE), as);
        break;
    case DO_REALLOC:
        resize(now.p, now.had, size);
        break;
    case DO_FREE:
        give(now.p, now.had);
        break;
    case DO_FREE_AS:
        give(now.p, as);
        break;
    case DO_FREE_AT:
        give(now.p + step.a, now.had);
        break;
    case DO_FREE_END:
        give(now.p + now.had.size + step.a, now.had);
        break;
    case DO_FREE_OLD:
        give(now.old, now.old_had);
        break;
    case DO_FREE_PLACE:
        give(address_of((enum place)step.a, on_stack), layout(64, 16));
        break;
    case DO_REALLOC_AS:
        resize(now.p, as, 10);
        break;
    case DO_REALLOC_AT:
        resize(now.p + step.a, now.had, 10);
        break;
    case DO_REALLOC_OLD:
        resize(now.old, now.old_had, 10);
        break;
    case DO_REALLOC_PLACE:
        resize(address_of((enum place)step.a, on_stack), layout(64, 16), 10);
        break;
    case DO_WRITE:
        flip(now.p, step.a);
        break;
    case DO_WRITE_END:
        flip(now.p, (int64_t)now.had.size + step.a);
        break;
    case DO_WRITE_OLD:
        flip(now.old, step.a);
        break;
    case DO_COPY_BEHIND:
        zero(now.p, (int64_t)now.had.size, step.a);
        break;
    case DO_CHECK:
        ck_assert_uint_eq(heap_debug_check(&arena.heap, HEAP_HERE), 1);
        break;
    case DO_DROP:
        ck_assert_status(heap_debug_stop(&arena.heap),
                         now.live ? MM_REFUSED : MM_OK);
        if (!now.live) { /* on again, with what was reported so far */
            ck_assert_status(
                heap_debug_start(&arena.heap, &watched.debug, &watched.config),
                MM_OK);
        }
        break;
    case DO_LEAKS:
        ck_assert_uint_eq(heap_debug_leaks(&arena.heap, HEAP_HERE), 1);
        break;
    case DO_SCAN:
        ck_assert_uint_eq(heap_debug_scan(&arena.heap, NULL, 0, HEAP_HERE), 1);
        break;
    }
}

static void try_misuse(const struct misuse *misuse) {
    memset(&now, 0, sizeof now);
    watch_start();
    for (size_t k = 0; k < sizeof misuse->steps / sizeof misuse->steps[0];
         k++) {
        do_step(misuse->steps[k]);
    }
    ck_must(watched.reports == 1, "%s: '%s' was reported %u times:\n%s",
            arena.heap.class->name, misuse->name, watched.reports,
            watched.text);
    ck_must(watched.last.misuse == misuse->misuse,
            "%s: '%s' was reported as '%s':\n%s", arena.heap.class->name,
            misuse->name, heap_misuse_name(watched.last.misuse), watched.text);
    ck_must(watched_says(misuse->says), "%s: '%s' does not say '%s':\n%s",
            arena.heap.class->name, misuse->name, misuse->says, watched.text);
    if (now.live) {
        ck_must(heap_free_at(&arena.heap, now.p, now.had, HEAP_HERE) == MM_OK,
                "'%s': the block can't be freed", misuse->name);
    }
    if (now.old_live) {
        ck_must(heap_free_at(&arena.heap, now.old, now.old_had, HEAP_HERE) ==
                    MM_OK,
                "'%s': the first block can't be freed", misuse->name);
    }
    watch_stop();
    ck_must(watched.reports == 1, "'%s': more was reported:\n%s", misuse->name,
            watched.text);
}

START_TEST(every_misuse_is_reported_once_as_what_it_is)
{ /* H18: in every class that hands out anything */
    arena_open(_i, 4 * PAGE_SIZE, ARENA_LIMIT / 4);
    if (!arena_serves()) {
        return;
    }
    for (size_t k = 0; k < misuse_count; k++) {
        try_misuse(&misuses[k]);
    }
}
END_TEST

Suite *heap_misuse_suite(void) {
    Suite *suite = suite_create("heap misuse");
    TCase *tc = tcase_create("misuses");

    tcase_add_checked_fixture(tc, watch_setup, watch_teardown);
    tcase_add_loop_test(tc, every_misuse_is_reported_once_as_what_it_is, 0,
                        ARENA_CLASSES);
    suite_add_tcase(suite, tc);
    return suite;
}
