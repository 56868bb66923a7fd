/*
 * What a replay says of heaps that do not work, and of operations that make no
 * sense.
 */
#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_replay.h"

struct replay replay;

void replay_start(const struct heap_class *class) {
    struct mm_config config = mm_default_config;

    config.heap_class = &heap_dummy; /* makes no page fault */
    machine_start(&mm, &config);
    mm_teardown(&mm);
    mm.config.heap_class = class;
}

bool replay_all(const struct heap_class *class, const struct replay_op *ops,
                size_t count, uint64_t ids) {
    replay_start(class);
    ck_assert_msg(replay_init(&replay, &mm, ops, count, ids), "%s",
                  replay.error);
    return replay_run(&replay);
}

void replay_stop(void) {
    ck_assert(replay_fini(&replay));
    machine_stop(&mm);
}

/* --- heaps that do not work ---------------------------------------------- */

/* Each is the bump heap with one mistake. */

static void faulty_init(struct heap *heap) {
    heap_bump.init(heap);
}
static void faulty_add(struct heap *heap, void *at, size_t bytes) {
    heap_bump.add(heap, at, bytes);
}
static void *good_alloc(struct heap *heap, struct layout want) {
    return heap_bump.alloc(heap, want);
}
static enum mm_status good_free(struct heap *heap, void *p, struct layout had) {
    return heap_bump.free(heap, p, had);
}
static enum mm_status good_resize(struct heap *heap, void *p, struct layout had,
                                  size_t size) {
    return heap_bump.resize(heap, p, had, size);
}
static size_t faulty_hint(const struct heap *heap, struct layout want) {
    return heap_bump.grow_hint(heap, want);
}
static bool good_sound(const struct heap *heap) {
    return heap_bump.is_sound(heap);
}

static void *overlapping(struct heap *heap, struct layout want) {
    uint8_t *p = heap_bump.alloc(heap, want);

    return p == NULL || vaddr_of_pointer(p).v == heap->start.v ? p : p - 16;
}
static void *misaligned(struct heap *heap, struct layout want) {
    uint8_t *p = heap_bump.alloc(heap, want);

    return p == NULL ? p : p + 8;
}
static void *outside(struct heap *heap, struct layout want) {
    (void)want;
    return pointer_of(vaddr(heap->end.v - 16));
}
/** Writes a header before the block: into the block before. */
static void *corrupting(struct heap *heap, struct layout want) {
    uint8_t *p = heap_bump.alloc(heap, want);

    if (p != NULL && vaddr_of_pointer(p).v != heap->start.v) {
        p[-1] ^= 0x40;
    }
    return p;
}
static enum mm_status refusing(struct heap *heap, void *p, struct layout had) {
    (void)heap, (void)p, (void)had;
    return MM_NOT_ALLOCATED;
}
static enum mm_status forgetful(struct heap *heap, void *p, struct layout had,
                                size_t size) {
    (void)heap, (void)had, (void)size;
    memset(p, 0, 16);
    return MM_OK;
}
static bool unsound(const struct heap *heap) {
    (void)heap;
    return false;
}

#define FAULTY(alloc_, free_, resize_, sound_)                                 \
    {                                                                          \
        .name = "faulty", .granule = HEAP_ALIGN_MIN, .init = faulty_init,      \
        .add = faulty_add, .alloc = alloc_, .free = free_, .resize = resize_,  \
        .grow_hint = faulty_hint, .is_sound = sound_                           \
    }

/* Block 0 of 32 bytes at 0x444444440000, then block 1 of 100. */
static const struct {
    struct heap_class class;
    uint64_t op;
    const char *error;
} faults[] = {
    { FAULTY(overlapping, good_free, good_resize, good_sound), 1,
      "block 1 of 100 bytes at 0x444444440010 overlaps block 0 of 32 bytes at "
      "0x444444440000" },
    { FAULTY(misaligned, good_free, good_resize, good_sound), 0,
      "block 0 at 0x444444440008 is not aligned to 16" },
    { FAULTY(outside, good_free, good_resize, good_sound), 0,
      "block 0 of 32 bytes at 0x444444458ff0 is not inside the heap "
      "(0x444444440000 to 0x444444459000)" },
    { FAULTY(good_alloc, good_free, forgetful, good_sound), 2,
      "block 0 is corrupt after it was reallocated: byte 0 of 16 at "
      "0x444444440000 is 0x00, expected 0x" },
    { FAULTY(good_alloc, refusing, good_resize, good_sound), 3,
      "the heap refuses to free block 1 at 0x444444440020: MM_NOT_ALLOCATED" },
    { FAULTY(good_alloc, good_free, good_resize, unsound), 5, "not sound: " },
};

START_TEST(a_faulty_heap_is_found_out_at_the_operation_that_shows_it)
{
    const struct replay_op ops[] = {
        { .kind = REPLAY_ALLOC, .id = 0, .size = 32 },
        { .kind = REPLAY_ALLOC, .id = 1, .size = 100 },
        { .kind = REPLAY_REALLOC, .id = 0, .size = 16 },
        { .kind = REPLAY_FREE, .id = 1 },
        { .kind = REPLAY_FREE, .id = 0 },
    };

    ck_assert(!replay_all(&faults[_i].class, ops, COUNT_OF(ops), 2));
    ck_assert_uint_eq(replay.op, faults[_i].op);
    ck_assert_msg(
        strncmp(replay.error, faults[_i].error, strlen(faults[_i].error)) == 0,
        "says '%s', expected '%s'", replay.error, faults[_i].error);
    replay_report(&replay);
    machine_power_off(); /* its state is broken: nothing more to check */
}
END_TEST

/* The last byte of block 0 is byte 31; block 1 is allocated over it.  Made
 * shorter, block 0 would lose the byte, and with it the evidence. */
static const struct {
    struct replay_op then;
    uint64_t op;
    const char *error;
} discoveries[] = {
    { { .kind = REPLAY_FREE, .id = 0 },
      2,
      "block 0 is corrupt when it is freed: byte 31 of 32 at 0x44444444001f "
      "is 0x" },
    { { .kind = REPLAY_REALLOC, .id = 0, .size = 16 },
      2,
      "block 0 is corrupt before it is reallocated: byte 31 of 32 at "
      "0x44444444001f is 0x" },
    { { .kind = REPLAY_ALLOC, .id = 2, .size = 16 },
      3,
      "block 0 is corrupt at the end: byte 31 of 32 at 0x44444444001f is 0x" },
};

START_TEST(a_byte_written_by_somebody_else_is_named_with_its_address)
{
    static const struct heap_class class =
        FAULTY(corrupting, good_free, good_resize, good_sound);
    const struct replay_op ops[] = {
        { .kind = REPLAY_ALLOC, .id = 0, .size = 32 },
        { .kind = REPLAY_ALLOC, .id = 1, .size = 16 },
        discoveries[_i].then,
    };
    const char *expected = discoveries[_i].error;

    ck_assert(!replay_all(&class, ops, COUNT_OF(ops), 3));
    ck_assert_uint_eq(replay.op, discoveries[_i].op);
    ck_assert_msg(strncmp(replay.error, expected, strlen(expected)) == 0,
                  "says '%s', expected '%s'", replay.error, expected);
    machine_power_off();
}
END_TEST

/** Unsound while exactly two blocks are live, and sound again after. */
static bool unsound_with_two(const struct heap *heap) {
    return heap_stats(heap).live_blocks != 2;
}

/* How often it looks, and the operation (from 0) at which that finds it; 6: it
 * is not found. */
static const struct {
    uint32_t every;
    uint64_t op;
} rounds[] = { { 0, 6 }, { 1, 1 }, { 2, 1 }, { 3, 6 }, { 4, 3 }, { 5, 6 } };

START_TEST(a_heap_that_is_unsound_for_a_while_is_found_by_looking_often)
{
    static const struct heap_class class =
        FAULTY(good_alloc, good_free, good_resize, unsound_with_two);
    const struct replay_op ops[] = {
        { .kind = REPLAY_ALLOC, .id = 0, .size = 32 }, /* 1 live */
        { .kind = REPLAY_ALLOC, .id = 1, .size = 32 }, /* 2 */
        { .kind = REPLAY_ALLOC, .id = 2, .size = 32 }, /* 3 */
        { .kind = REPLAY_FREE, .id = 1 },              /* 2 */
        { .kind = REPLAY_FREE, .id = 0 },              /* 1 */
        { .kind = REPLAY_FREE, .id = 2 },              /* 0 */
    };
    bool good;

    replay_start(&class);
    ck_assert(replay_init(&replay, &mm, ops, COUNT_OF(ops), 3));
    replay.sound_every = rounds[_i].every;
    good = replay_run(&replay);
    ck_assert_uint_eq(replay.op, rounds[_i].op);
    ck_assert_uint_eq(
        replay.counts.sound_checks,
        good
            ? 1 + (rounds[_i].every != 0 ? COUNT_OF(ops) / rounds[_i].every : 0)
            : (replay.op + 1) / rounds[_i].every);
    ck_assert_int_eq(good, rounds[_i].op == COUNT_OF(ops));
    if (!good) {
        ck_assert_msg(strncmp(replay.error, "not sound: ", 11) == 0,
                      "says '%s'", replay.error);
    }
    machine_power_off();
}
END_TEST

START_TEST(a_heap_without_memory_is_told_from_a_broken_one)
{
    const struct replay_op ops[] = {
        { .kind = REPLAY_ALLOC, .id = 0, .size = 32 },
    };

    ck_assert(!replay_all(&heap_dummy, ops, COUNT_OF(ops), 1));
    ck_assert_str_eq(replay.error,
                     "out of memory: 32 bytes aligned to 16 for block 0");
    replay_stop();
}
END_TEST

/* --- operations that make no sense --------------------------------------- */

static const struct {
    struct replay_op ops[2];
    const char *error;
} nonsense[] = {
    { { { .kind = REPLAY_ALLOC, .id = 0, .size = 1 },
        { .kind = REPLAY_ALLOC, .id = 0, .size = 1 } },
      "bad module: block 0 is live already" },
    { { { .kind = REPLAY_ALLOC, .id = 0, .size = 1 },
        { .kind = REPLAY_FREE, .id = 1 } },
      "bad module: block 1 is not live" },
    { { { .kind = REPLAY_ALLOC, .id = 0, .size = 1 },
        { .kind = REPLAY_REALLOC, .id = 1, .size = 1 } },
      "bad module: block 1 is not live" },
    { { { .kind = REPLAY_ALLOC, .id = 0, .size = 1 },
        { .kind = REPLAY_KIND_COUNT, .id = 1 } },
      "bad module: kind 5, block 1" },
    { { { .kind = REPLAY_ALLOC, .id = 0, .size = 1 },
        { .kind = REPLAY_ALLOC, .id = 2, .size = 1 } },
      "bad module: kind 0, block 2" },
    { { { .kind = REPLAY_ALLOC, .id = 0, .size = 1 },
        { .kind = REPLAY_ALIGNED, .id = 1, .size = 1, .align_shift = 22 } },
      "bad module: alignment 2^22" },
    { { { .kind = REPLAY_ALLOC, .id = 0, .size = 1 },
        { .kind = REPLAY_ALIGNED, .id = 1, .size = 1, .align_shift = 255 } },
      "bad module: alignment 2^255" },
};

START_TEST(an_operation_that_makes_no_sense_is_refused)
{
    ck_assert(!replay_all(&heap_list, nonsense[_i].ops, 2, 2));
    ck_assert_uint_eq(replay.op, 1);
    ck_assert_str_eq(replay.error, nonsense[_i].error);
    replay_stop();
}
END_TEST

START_TEST(a_table_of_blocks_that_does_not_fit_is_reported)
{
    const char expected[] = "no room for the books of 16777216 blocks: ";

    replay_start(&heap_list);
    ck_assert(!replay_init(&replay, &mm, NULL, 0, REPLAY_ID_MAX));
    ck_assert_msg(strncmp(replay.error, expected, sizeof(expected) - 1) == 0,
                  "says '%s'", replay.error);
    replay_stop();
}
END_TEST

Suite *replay_faults_suite(void) {
    Suite *suite = suite_create("replay_faults");
    TCase *tc = tcase_create("faults");

    tcase_add_loop_test(
        tc, a_faulty_heap_is_found_out_at_the_operation_that_shows_it, 0,
        (int)COUNT_OF(faults));
    tcase_add_loop_test(
        tc, a_byte_written_by_somebody_else_is_named_with_its_address, 0,
        (int)COUNT_OF(discoveries));
    tcase_add_loop_test(
        tc, a_heap_that_is_unsound_for_a_while_is_found_by_looking_often, 0,
        (int)COUNT_OF(rounds));
    tcase_add_test(tc, a_heap_without_memory_is_told_from_a_broken_one);
    tcase_add_loop_test(tc, an_operation_that_makes_no_sense_is_refused, 0,
                        (int)COUNT_OF(nonsense));
    tcase_add_test(tc, a_table_of_blocks_that_does_not_fit_is_reported);
    suite_add_tcase(suite, tc);
    return suite;
}
