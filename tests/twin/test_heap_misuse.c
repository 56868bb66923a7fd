/*
 * What the debug mode finds: a table of wrong use, tried on every class.
 *
 * A case is a few steps, on the block `p` and on `old`, what p was before:
 *
 *   ALLOC(100, 16), WRITE_END(0), FREE      one byte too far, found by the free
 *
 * Each must be reported once, as what it is, with the fragment in its
 * paragraph; then the heap goes on.
 */
#include <string.h>

#include "base/poison.h"
#include "twin/suites.h"
#include "twin/test_heap_debug.h"

enum step_kind {
    DO_NOTHING, /* ends the steps */
    DO_ALLOC,
    DO_ZEROED,
    DO_REALLOC,
    DO_FREE,
    DO_FREE_AS,
    DO_FREE_AT,
    DO_FREE_END,
    DO_FREE_OLD,
    DO_FREE_PLACE,
    DO_REALLOC_AS,
    DO_REALLOC_AT,
    DO_REALLOC_OLD,
    DO_REALLOC_PLACE,
    DO_WRITE,
    DO_WRITE_END,
    DO_WRITE_OLD,
    DO_COPY_BEHIND,
    DO_CHECK,
    DO_DROP,
    DO_LEAKS,
    DO_SCAN
};

struct step {
    enum step_kind kind;
    int64_t a, b;
};

/* clang-format off */
#define ALLOC(size, align)   { DO_ALLOC, size, align }
#define ZEROED(size, align)  { DO_ZEROED, size, align }
#define REALLOC(size)        { DO_REALLOC, size, 0 }
#define FREE                 { DO_FREE, 0, 0 }
#define FREE_AS(size, align) { DO_FREE_AS, size, align }
#define FREE_AT(delta)       { DO_FREE_AT, delta, 0 }
#define FREE_END(delta)      { DO_FREE_END, delta, 0 }
#define FREE_OLD             { DO_FREE_OLD, 0, 0 }
#define FREE_PLACE(place)    { DO_FREE_PLACE, place, 0 }
#define REALLOC_AS(sz, al)   { DO_REALLOC_AS, sz, al }
#define REALLOC_AT(delta)    { DO_REALLOC_AT, delta, 0 }
#define REALLOC_OLD          { DO_REALLOC_OLD, 0, 0 }
#define REALLOC_PLACE(place) { DO_REALLOC_PLACE, place, 0 }
#define WRITE(offset)        { DO_WRITE, offset, 0 }
#define WRITE_END(offset)    { DO_WRITE_END, offset, 0 }
#define WRITE_OLD(offset)    { DO_WRITE_OLD, offset, 0 }
#define COPY_BEHIND(bytes)   { DO_COPY_BEHIND, bytes, 0 }
#define CHECK                { DO_CHECK, 0, 0 }
#define DROP                 { DO_DROP, 0, 0 }
#define LEAKS                { DO_LEAKS, 0, 0 }
#define SCAN                 { DO_SCAN, 0, 0 }
/* clang-format on */

/** Addresses that no block of the heap has. */
enum place {
    PLACE_STACK,
    PLACE_DATA,
    PLACE_CODE,
    PLACE_BELOW,
    PLACE_END,
    PLACE_LIMIT,
    PLACE_FREE,
    PLACE_SMALL,
    PLACE_TOP,
    PLACE_NOT_CANONICAL,
    PLACE_FRAME,
    PLACE_OTHER_HEAP
};

static const struct misuse {
    const char *name;
    struct step steps[6];
    enum heap_misuse misuse;
    const char *says;
} misuses[] = {
    /* clang-format off */
    /* freed twice */
    { "free, free", { ALLOC(100, 16), FREE, FREE },
      HEAP_FREED_TWICE, "was freed before; nobody may use it" },
    { "free, free of a large block", { ALLOC(9000, 16), FREE, FREE },
      HEAP_FREED_TWICE, "9000 bytes" },
    { "free, free of one byte", { ALLOC(1, 1), FREE, FREE },
      HEAP_FREED_TWICE, "1 byte at" },
    { "free, free of an aligned block", { ALLOC(64, 4096), FREE, FREE },
      HEAP_FREED_TWICE, "aligned to 4096" },
    { "free, free of a zeroed block", { ZEROED(24, 8), FREE, FREE },
      HEAP_FREED_TWICE, "24 bytes" },
    { "free, alloc, free of the first",
      { ALLOC(48, 16), FREE, ALLOC(48, 16), FREE_OLD },
      HEAP_FREED_TWICE, "allocation 1" },
    { "free of what realloc moved", { ALLOC(40, 8), REALLOC(80), FREE_OLD },
      HEAP_FREED_TWICE, "40 bytes" },
    { "free of what realloc made smaller", { ALLOC(80, 8), REALLOC(40), FREE_OLD },
      HEAP_FREED_TWICE, "80 bytes" },
    { "free of what realloc left as large", { ALLOC(80, 8), REALLOC(80), FREE_OLD },
      HEAP_FREED_TWICE, "freed in" },
    { "realloc of a freed block", { ALLOC(32, 16), FREE, REALLOC(64) },
      HEAP_FREED_TWICE, "found by heap_realloc()" },
    { "realloc of what realloc moved", { ALLOC(32, 16), REALLOC(64), REALLOC_OLD },
      HEAP_FREED_TWICE, "32 bytes" },
    { "free, free with another size", { ALLOC(32, 16), FREE, FREE_AS(64, 16) },
      HEAP_FREED_TWICE, "32 bytes" },
    { "free, free after it left the quarantine", { ALLOC(32, 16), FREE, DROP, FREE },
      HEAP_NEVER_GIVEN, "or freed long ago" },
    { "realloc after it left the quarantine", { ALLOC(32, 16), FREE, DROP, REALLOC(64) },
      HEAP_NEVER_GIVEN, "found by heap_realloc()" },
    /* never ours */
    { "free of a variable on the stack", { FREE_PLACE(PLACE_STACK) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free of static data", { FREE_PLACE(PLACE_DATA) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free of a function", { FREE_PLACE(PLACE_CODE) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free below the heap", { FREE_PLACE(PLACE_BELOW) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free at the heap's end", { FREE_PLACE(PLACE_END) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free at the heap's limit", { FREE_PLACE(PLACE_LIMIT) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free of a small number", { FREE_PLACE(PLACE_SMALL) },
      HEAP_OUTSIDE, "0x10 is not in this heap" },
    { "free of -1", { FREE_PLACE(PLACE_TOP) },
      HEAP_OUTSIDE, "0xffffffffffffffff is not" },
    { "free of what is not canonical", { FREE_PLACE(PLACE_NOT_CANONICAL) },
      HEAP_OUTSIDE, "0x8000000000000000 is not" },
    { "free of a frame in the direct map", { FREE_PLACE(PLACE_FRAME) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free of a block of another heap", { FREE_PLACE(PLACE_OTHER_HEAP) },
      HEAP_OUTSIDE, "is not in this heap" },
    { "free of memory that is free", { FREE_PLACE(PLACE_FREE) },
      HEAP_NEVER_GIVEN, "no block is known there" },
    { "realloc of a variable on the stack", { REALLOC_PLACE(PLACE_STACK) },
      HEAP_OUTSIDE, "found by heap_realloc()" },
    { "realloc of static data", { REALLOC_PLACE(PLACE_DATA) },
      HEAP_OUTSIDE, "found by heap_realloc()" },
    { "realloc of a block of another heap", { REALLOC_PLACE(PLACE_OTHER_HEAP) },
      HEAP_OUTSIDE, "found by heap_realloc()" },
    { "realloc of memory that is free", { REALLOC_PLACE(PLACE_FREE) },
      HEAP_NEVER_GIVEN, "no block is known there" },
    /* inside a block */
    { "free one byte in", { ALLOC(100, 16), FREE_AT(1) },
      HEAP_INTERIOR, "at offset 1 in a block." },
    { "free 16 bytes in", { ALLOC(100, 16), FREE_AT(16) },
      HEAP_INTERIOR, "at offset 16 in a block." },
    { "free of the last byte", { ALLOC(100, 16), FREE_END(-1) },
      HEAP_INTERIOR, "at offset 99 in a block." },
    { "free of the end", { ALLOC(100, 16), FREE_END(0) },
      HEAP_INTERIOR, "0 bytes behind the end of a block." },
    { "free one byte in front", { ALLOC(100, 16), FREE_AT(-1) },
      HEAP_INTERIOR, "1 byte in front of a block." },
    { "free 16 bytes in front", { ALLOC(100, 16), FREE_AT(-16) },
      HEAP_INTERIOR, "16 bytes in front of a block." },
    { "free in the middle of a large block", { ALLOC(9000, 16), FREE_AT(4096) },
      HEAP_INTERIOR, "at offset 4096 in a block." },
    { "free inside a freed block", { ALLOC(100, 16), FREE, FREE_AT(16) },
      HEAP_INTERIOR, "in a block that was freed." },
    { "realloc one byte in", { ALLOC(100, 16), REALLOC_AT(1) },
      HEAP_INTERIOR, "at offset 1 in a block." },
    { "realloc 8 bytes in front", { ALLOC(100, 16), REALLOC_AT(-8) },
      HEAP_INTERIOR, "8 bytes in front of a block." },
    /* another layout */
    { "a size too large by one", { ALLOC(100, 16), FREE_AS(101, 16) },
      HEAP_WRONG_LAYOUT, "given back as 101 bytes aligned to 16" },
    { "a size too small by one", { ALLOC(100, 16), FREE_AS(99, 16) },
      HEAP_WRONG_LAYOUT, "given back as 99 bytes aligned to 16" },
    { "twice the size", { ALLOC(64, 16), FREE_AS(128, 16) },
      HEAP_WRONG_LAYOUT, "given back as 128 bytes" },
    { "a size of 1", { ALLOC(64, 16), FREE_AS(1, 16) },
      HEAP_WRONG_LAYOUT, "given back as 1 byte " },
    { "a size of 0", { ALLOC(64, 16), FREE_AS(0, 16) },
      HEAP_WRONG_LAYOUT, "given back as 0 bytes" },
    { "a size of -1", { ALLOC(64, 16), FREE_AS(-1, 16) },
      HEAP_WRONG_LAYOUT, "18446744073709551615" },
    { "a larger alignment", { ALLOC(64, 16), FREE_AS(64, 64) },
      HEAP_WRONG_LAYOUT, "aligned to 64" },
    { "a smaller alignment", { ALLOC(64, 64), FREE_AS(64, 16) },
      HEAP_WRONG_LAYOUT, "aligned to 16" },
    { "an alignment of 0", { ALLOC(64, 16), FREE_AS(64, 0) },
      HEAP_WRONG_LAYOUT, "aligned to 0" },
    { "an alignment that is no power of two", { ALLOC(64, 16), FREE_AS(64, 24) },
      HEAP_WRONG_LAYOUT, "aligned to 24" },
    { "the size before a realloc", { ALLOC(64, 16), REALLOC(65), FREE_AS(64, 16) },
      HEAP_WRONG_LAYOUT, "The block: 65 bytes" },
    { "realloc with another size", { ALLOC(64, 16), REALLOC_AS(32, 16) },
      HEAP_WRONG_LAYOUT, "given back as 32 bytes" },
    { "realloc with another alignment", { ALLOC(64, 16), REALLOC_AS(64, 8) },
      HEAP_WRONG_LAYOUT, "aligned to 8" },
    /* too far */
    { "the byte behind", { ALLOC(100, 16), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "1 byte was written behind the block: the byte at" },
    { "the byte behind one byte", { ALLOC(1, 1), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 1, is" },
    { "the byte behind a whole slot", { ALLOC(64, 16), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 64, is" },
    { "the byte behind a page", { ALLOC(4096, 16), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 4096, is" },
    { "the byte behind a large block", { ALLOC(9001, 16), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 9001, is" },
    { "the byte behind an aligned block", { ALLOC(64, 4096), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 64, is" },
    { "the byte behind a zeroed block", { ZEROED(30, 8), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 30, is" },
    { "a byte further behind", { ALLOC(100, 16), WRITE_END(7), FREE },
      HEAP_OVERFLOW, "offset 107, is" },
    { "the last byte of the zone", { ALLOC(112, 16), WRITE_END(15), FREE },
      HEAP_OVERFLOW, "offset 127, is" },
    { "a string with its 0", { ALLOC(5, 1), COPY_BEHIND(1), FREE },
      HEAP_OVERFLOW, "is 0x00 and was 0xfd" },
    { "a copy of 16 bytes too many", { ALLOC(32, 16), COPY_BEHIND(16), FREE },
      HEAP_OVERFLOW, "16 bytes were written behind the block" },
    { "behind, found by realloc", { ALLOC(100, 16), WRITE_END(0), REALLOC(200) },
      HEAP_OVERFLOW, "found by heap_realloc()" },
    { "behind, after realloc made it larger",
      { ALLOC(100, 16), REALLOC(200), WRITE_END(0), FREE },
      HEAP_OVERFLOW, "offset 200, is" },
    { "where the block was before realloc made it smaller",
      { ALLOC(100, 16), REALLOC(60), WRITE(60), FREE },
      HEAP_OVERFLOW, "offset 60, is" },
    { "behind, found by a check", { ALLOC(100, 16), WRITE_END(0), CHECK, WRITE_END(0) },
      HEAP_OVERFLOW, "found by heap_debug_check()" },
    /* too early */
    { "the byte in front", { ALLOC(100, 16), WRITE(-1), FREE },
      HEAP_UNDERFLOW, "in front of the block: the byte at" },
    { "the byte in front of one byte", { ALLOC(1, 1), WRITE(-1), FREE },
      HEAP_UNDERFLOW, "offset -1, is" },
    { "the byte in front of a large block", { ALLOC(9000, 16), WRITE(-1), FREE },
      HEAP_UNDERFLOW, "offset -1, is" },
    { "the byte in front of an aligned block", { ALLOC(64, 4096), WRITE(-1), FREE },
      HEAP_UNDERFLOW, "offset -1, is" },
    { "the first byte of the zone", { ALLOC(100, 16), WRITE(-16), FREE },
      HEAP_UNDERFLOW, "offset -16, is" },
    { "in front, found by realloc", { ALLOC(100, 16), WRITE(-8), REALLOC(10) },
      HEAP_UNDERFLOW, "found by heap_realloc()" },
    { "in front, found by a check", { ALLOC(100, 16), WRITE(-1), CHECK, WRITE(-1) },
      HEAP_UNDERFLOW, "found by heap_debug_check()" },
    /* after the free */
    { "the first byte of a freed block", { ALLOC(100, 16), FREE, WRITE(0), DROP },
      HEAP_USED_AFTER_FREE, "offset 0, is 0x22 and was 0xdd" },
    { "the last byte of a freed block", { ALLOC(100, 16), FREE, WRITE_END(-1), DROP },
      HEAP_USED_AFTER_FREE, "offset 99, is" },
    { "the middle of a large freed block", { ALLOC(3000, 16), FREE, WRITE(1500), DROP },
      HEAP_USED_AFTER_FREE, "offset 1500, is" },
    { "a freed block of one byte", { ALLOC(1, 1), FREE, WRITE(0), DROP },
      HEAP_USED_AFTER_FREE, "offset 0, is" },
    { "a freed aligned block", { ALLOC(64, 512), FREE, WRITE(8), DROP },
      HEAP_USED_AFTER_FREE, "offset 8, is" },
    { "what realloc moved", { ALLOC(100, 16), REALLOC(50), WRITE_OLD(3), DROP },
      HEAP_USED_AFTER_FREE, "offset 3, is" },
    { "a freed block, found by a check",
      { ALLOC(100, 16), FREE, WRITE(5), CHECK, WRITE(5) },
      HEAP_USED_AFTER_FREE, "found by heap_debug_check()" },
    { "a freed block, found when others are freed",
      { ALLOC(100, 16), FREE, WRITE(5), ALLOC(16384, 16), FREE },
      HEAP_USED_AFTER_FREE, "found by heap_free()" },
    /* lost */
    { "never freed", { ALLOC(100, 16), LEAKS },
      HEAP_LEAKED, "The block was never freed" },
    { "never freed after a realloc", { ALLOC(100, 16), REALLOC(200), LEAKS },
      HEAP_LEAKED, "200 bytes" },
    { "the second of two never freed",
      { ALLOC(10, 8), FREE, ALLOC(20, 8), LEAKS },
      HEAP_LEAKED, "allocation 2" },
    { "no pointer is left", { ALLOC(100, 16), SCAN },
      HEAP_UNREACHABLE, "No pointer to the block is left" },
    /* clang-format on */
};

#define MISUSES (sizeof misuses / sizeof misuses[0])

_Static_assert(MISUSES >= 60, "the goal");

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
    for (size_t k = 0; k < MISUSES; k++) {
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
