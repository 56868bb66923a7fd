/*
 * The main job on either machine: what a replay says of a heap that works, of
 * heaps that do not, and of modules that are none.
 */
#include <check.h>
#include <string.h>

#include "base/hash.h"
#include "replay/replay.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct replay replay;
static const struct hw_boot *boot;

/** A fresh machine for a replay with @class, which comes after the books. */
static void start(const struct heap_class *class) {
    struct mm_config config = mm_default_config;

    config.heap_class = &heap_dummy; /* makes no page fault */
    machine_start(&mm, &config);
    mm_teardown(&mm);
    mm.config.heap_class = class;
}

/** Replay @count operations on a fresh machine with @class. */
static bool run(const struct heap_class *class, const struct replay_op *ops,
                size_t count, uint64_t ids) {
    start(class);
    ck_assert_msg(replay_init(&replay, &mm, ops, count, ids), "%s",
                  replay.error);
    return replay_run(&replay);
}

static void stop(void) {
    ck_assert(replay_fini(&replay));
    machine_stop(&mm);
}

/* --- a heap that works --------------------------------------------------- */

#define RANDOM_OPS 600
#define RANDOM_IDS 40

static struct replay_op some_ops[RANDOM_OPS + RANDOM_IDS];

/** A sequence that makes sense, ending with nothing live. */
static size_t make_ops(uint64_t seed) {
    bool live[RANDOM_IDS] = { false };
    size_t count = 0;

    while (count < RANDOM_OPS) {
        uint64_t dice = hash_mix(hash_mix(seed) + count);
        struct replay_op op = { .id = (uint32_t)(dice % RANDOM_IDS),
                                .size = (dice >> 8) % 3000 };

        if (live[op.id]) {
            op.kind = (dice >> 32) % 2 != 0 ? REPLAY_FREE : REPLAY_REALLOC;
        } else {
            op.kind = (uint8_t)((dice >> 32) % 3); /* alloc zeroed aligned */
            op.align_shift = (uint8_t)(5 + (dice >> 40) % 8);
        }
        live[op.id] = op.kind != REPLAY_FREE;
        some_ops[count++] = op;
    }
    for (uint32_t id = 0; id < RANDOM_IDS; id++) {
        if (live[id]) {
            some_ops[count++] =
                (struct replay_op){ .kind = REPLAY_FREE, .id = id };
        }
    }
    return count;
}

START_TEST(a_sequence_that_makes_sense_runs_to_its_end)
{
    const size_t count = make_ops((uint64_t)_i);
    uint64_t done = 0;

    ck_assert_msg(run(&heap_list, some_ops, count, RANDOM_IDS), "%s",
                  replay.error);
    for (unsigned kind = 0; kind < REPLAY_KIND_COUNT; kind++) {
        ck_assert_uint_gt(replay.counts.done[kind], 0);
        done += replay.counts.done[kind];
    }
    ck_assert_uint_eq(done, count);
    ck_assert_uint_eq(replay.op, count);
    ck_assert_uint_eq(replay.counts.live_blocks, 0);
    ck_assert_uint_eq(replay.counts.live_bytes, 0);
    /* The heap holds both blocks while it moves one. */
    ck_assert_uint_le(replay.counts.peak_bytes,
                      heap_stats(&mm.heap).peak_live_bytes);
    replay_report(&replay);
    stop();
}
END_TEST

START_TEST(the_same_sequence_leads_to_the_same_state_again)
{
    const size_t count = make_ops(7);
    struct mm_digest first;
    struct replay_counts counts;
    uint64_t halfway;

    ck_assert(run(&heap_list, some_ops, count, RANDOM_IDS));
    first = mm_digest(&mm);
    counts = replay.counts;
    halfway = replay.halfway;
    stop();
    ck_assert(run(&heap_list, some_ops, count, RANDOM_IDS));
    ck_assert_hex_eq(mm_digest(&mm).all, first.all);
    ck_assert_hex_eq(replay.counts.addresses, counts.addresses);
    ck_assert_hex_eq(replay.halfway, halfway);
    stop();
}
END_TEST

/* A replay of the first half alone, the odd one included, ends in it. */
START_TEST(the_halfway_digest_is_the_state_after_half_of_the_operations)
{
    const size_t count = make_ops(7) - (size_t)_i;
    const size_t half = count - count / 2;
    uint64_t halfway;

    ck_assert(run(&heap_list, some_ops, count, RANDOM_IDS));
    halfway = replay.halfway;
    stop();
    ck_assert(run(&heap_list, some_ops, half, RANDOM_IDS));
    ck_assert_hex_eq(mm_digest(&mm).all, halfway);
    stop();
}
END_TEST

START_TEST(a_replay_gives_back_every_frame_that_it_took)
{
    const size_t count = make_ops(7);
    uint64_t free;

    start(&heap_list);
    free = pmm_free_count(&mm.pmm);
    ck_assert(replay_init(&replay, &mm, some_ops, count, RANDOM_IDS));
    ck_assert(replay_run(&replay));
    ck_assert_uint_lt(pmm_free_count(&mm.pmm), free);
    ck_assert(replay_fini(&replay));
    ck_assert_uint_eq(pmm_free_count(&mm.pmm), free);
    machine_stop(&mm);
}
END_TEST

START_TEST(a_frame_that_never_comes_back_is_noticed)
{
    const size_t count = make_ops(7);
    pfn_t lost;

    ck_assert(run(&heap_list, some_ops, count, RANDOM_IDS));
    ck_assert_status(pmm_alloc(&mm.pmm, &lost), MM_OK);
    ck_assert(!replay_fini(&replay));
    ck_assert_status(pmm_free(&mm.pmm, lost), MM_OK);
    machine_stop(&mm);
}
END_TEST

START_TEST(every_page_fault_counted_is_one_of_the_heap)
{
    const struct replay_op ops[] = {
        { .kind = REPLAY_ALLOC, .id = 0, .size = 5 * PAGE_SIZE },
        { .kind = REPLAY_FREE, .id = 0 },
    };

    ck_assert(run(&heap_bump, ops, COUNT_OF(ops), 1));
    ck_assert_uint_eq(mm.space.stats.faults, 5);
    stop();
}
END_TEST

START_TEST(a_request_for_nothing_is_served_as_one_for_a_byte)
{
    const struct replay_op ops[] = {
        { .kind = REPLAY_ALLOC, .id = 0, .size = 0 },
        { .kind = REPLAY_ZEROED, .id = 1, .size = 0 },
        { .kind = REPLAY_REALLOC, .id = 1, .size = 0 },
        { .kind = REPLAY_FREE, .id = 1 },
        { .kind = REPLAY_FREE, .id = 0 },
    };

    ck_assert_msg(run(&heap_list, ops, COUNT_OF(ops), 2), "%s", replay.error);
    ck_assert_uint_eq(replay.counts.peak_bytes, 2);
    stop();
}
END_TEST

START_TEST(a_trace_may_leave_blocks_live)
{
    const struct replay_op ops[] = {
        { .kind = REPLAY_ALLOC, .id = 3, .size = 100 },
    };

    ck_assert_msg(run(&heap_list, ops, COUNT_OF(ops), 4), "%s", replay.error);
    ck_assert_uint_eq(replay.counts.live_blocks, 1);
    stop();
}
END_TEST

/* --- too little memory --------------------------------------------------- */

#define EDGE_FRAMES 3000 /* enough that the shadow takes a dozen of them */

/*
 * One block, from well inside the free frames to well beyond them.  What the
 * heap gives, the frames that are left must be able to keep: a replay that
 * took frames for itself after that would panic in a page fault.
 */
START_TEST(a_block_at_the_edge_of_memory_is_served_or_refused_never_a_panic)
{
    unsigned served = 0, refused = 0;

    for (uint64_t pages = EDGE_FRAMES - 60; pages <= EDGE_FRAMES; pages += 4) {
        const struct replay_op ops[] = {
            { .kind = REPLAY_ALLOC, .id = 0, .size = pages * PAGE_SIZE - 64 },
            { .kind = REPLAY_FREE, .id = 0 },
        };
        bool good;

        start(_i == 0 ? &heap_list : &heap_bump);
        machine_leave_free(&mm.pmm, EDGE_FRAMES);
        ck_assert(replay_init(&replay, &mm, ops, COUNT_OF(ops), 1));
        good = replay_run(&replay);
        ck_assert_msg(good || strncmp(replay.error, "out of memory: ", 15) == 0,
                      "says '%s'", replay.error);
        ck_assert_uint_eq(replay.op, good ? 2 : 0);
        served += good;
        refused += !good;
        ck_assert(replay_fini(&replay));
        machine_give_back(&mm.pmm);
        machine_stop(&mm);
    }
    ck_assert_uint_ge(served, 1);
    ck_assert_uint_ge(refused, 1);
}
END_TEST

/* The heap's first size is a promise too: the books must not come after it. */
START_TEST(a_first_heap_at_the_edge_of_memory_is_kept_or_refused)
{
    unsigned kept = 0, refused = 0;

    for (uint64_t pages = EDGE_FRAMES - 60; pages <= EDGE_FRAMES; pages += 4) {
        const struct replay_op ops[] = {
            { .kind = REPLAY_ALLOC, .id = 0, .size = (pages - 1) * PAGE_SIZE },
            { .kind = REPLAY_FREE, .id = 0 },
        };

        start(&heap_list);
        machine_leave_free(&mm.pmm, EDGE_FRAMES);
        mm.config.heap_size = pages * PAGE_SIZE;
        if (replay_init(&replay, &mm, ops, COUNT_OF(ops), 1)) {
            ck_assert_msg(replay_run(&replay), "%s", replay.error);
            kept++;
        } else {
            ck_assert_str_eq(replay.error, "no heap: MM_NO_MEMORY");
            refused++;
        }
        ck_assert(replay_fini(&replay));
        machine_give_back(&mm.pmm);
        machine_stop(&mm);
    }
    ck_assert_uint_ge(kept, 1);
    ck_assert_uint_ge(refused, 1);
}
END_TEST

START_TEST(books_that_do_not_fit_leave_nothing_behind)
{
    uint64_t left = (uint64_t)_i;

    start(&heap_list);
    machine_leave_free(&mm.pmm, left);
    ck_assert(!replay_init(&replay, &mm, NULL, 0, 1));
    ck_assert(replay_fini(&replay));
    ck_assert_uint_eq(pmm_free_count(&mm.pmm), left);
    machine_give_back(&mm.pmm);
    machine_stop(&mm);
}
END_TEST

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

    ck_assert(!run(&faults[_i].class, ops, COUNT_OF(ops), 2));
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

    ck_assert(!run(&class, ops, COUNT_OF(ops), 3));
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

    start(&class);
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

    ck_assert(!run(&heap_dummy, ops, COUNT_OF(ops), 1));
    ck_assert_str_eq(replay.error,
                     "out of memory: 32 bytes aligned to 16 for block 0");
    stop();
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
    ck_assert(!run(&heap_list, nonsense[_i].ops, 2, 2));
    ck_assert_uint_eq(replay.op, 1);
    ck_assert_str_eq(replay.error, nonsense[_i].error);
    stop();
}
END_TEST

START_TEST(a_table_of_blocks_that_does_not_fit_is_reported)
{
    const char expected[] = "no room for the books of 16777216 blocks: ";

    start(&heap_list);
    ck_assert(!replay_init(&replay, &mm, NULL, 0, REPLAY_ID_MAX));
    ck_assert_msg(strncmp(replay.error, expected, sizeof(expected) - 1) == 0,
                  "says '%s'", replay.error);
    stop();
}
END_TEST

/* --- patterns ------------------------------------------------------------ */

START_TEST(a_pattern_is_missed_by_no_byte)
{
    uint64_t words[6];
    uint8_t *bytes = (uint8_t *)words;

    for (uint64_t size = 1; size <= 40; size++) {
        memset(words, 0xee, sizeof(words));
        replay_fill(words, size, hash_mix(size), 0);
        ck_assert_uint_eq(bytes[size], 0xee);
        ck_assert_uint_eq(replay_check(words, size, hash_mix(size)), size);
        for (uint64_t i = 0; i < size; i++) {
            ck_assert_uint_eq(bytes[i], replay_pattern_byte(hash_mix(size), i));
            bytes[i] ^= 1;
            ck_assert_uint_eq(replay_check(words, size, hash_mix(size)), i);
            bytes[i] ^= 1;
        }
    }
}
END_TEST

START_TEST(a_pattern_can_be_continued_at_any_byte)
{
    uint64_t words[6];

    for (uint64_t from = 0; from <= 40; from++) {
        memset(words, 0, sizeof(words));
        replay_fill(words, from, 9, 0);
        replay_fill(words, 40, 9, from);
        ck_assert_uint_eq(replay_check(words, 40, 9), 40);
    }
}
END_TEST

START_TEST(a_byte_that_is_not_zero_is_found_wherever_it_is)
{
    uint64_t words[6];

    for (uint64_t size = 1; size <= 40; size++) {
        memset(words, 0, sizeof(words));
        ((uint8_t *)words)[size] = 1; /* not part of the block */
        ck_assert_uint_eq(replay_check_zero(words, size), size);
        for (uint64_t i = 0; i < size; i++) {
            ((uint8_t *)words)[i] = 0x80;
            ck_assert_uint_eq(replay_check_zero(words, size), i);
            ((uint8_t *)words)[i] = 0;
        }
    }
}
END_TEST

/* --- modules ------------------------------------------------------------- */

#define MODULE_AT (8 * MIB)

static struct hw_boot loaded;

/** A boot loader that left a whole module at MODULE_AT. */
static struct replay_header *load_module(void) {
    static const struct replay_op ops[] = {
        { .kind = REPLAY_ALLOC, .id = 0, .size = 10 },
        { .kind = REPLAY_FREE, .id = 0 },
    };
    struct replay_header *h;

    boot = machine_power_on();
    loaded = *boot;
    loaded.module =
        (struct prange){ paddr(MODULE_AT), sizeof(*h) + sizeof(ops) };
    loaded.reserved[loaded.reserved_count++] = loaded.module;
    h = boot_direct(&loaded, loaded.module.base);
    *h = (struct replay_header){ .magic = REPLAY_MAGIC,
                                 .op_count = 2,
                                 .id_count = 1,
                                 .heap_base = MM_HEAP_BASE,
                                 .heap_size = MM_HEAP_SIZE,
                                 .heap_limit = 1 * MIB,
                                 .heap_class = "list",
                                 .pmm_class = "bitmap" };
    memcpy(h + 1, ops, sizeof(ops));
    return h;
}

START_TEST(a_whole_module_is_replayed)
{
    struct replay_header *h = load_module();

    h->list_state = 1;
    h->sound_every = 1;
    ck_assert(replay_module(&mm, &loaded));
    machine_power_off();
}
END_TEST

START_TEST(heap_pages_can_have_their_frames_at_once)
{
    struct replay_header *h = load_module();

    h->immediate = 1;
    ck_assert(replay_module(&mm, &loaded));
    ck_assert_uint_eq(mm.space.stats.faults, 0);
    machine_power_off();
}
END_TEST

/* Each takes one thing away from a whole module. */
START_TEST(a_module_that_is_not_whole_is_refused)
{
    struct replay_header *h = load_module();

    switch (_i) {
    case 0:
        loaded.module.len = 0;
        break;
    case 1:
        loaded.module.len--;
        break;
    case 2:
        h->magic++;
        break;
    case 3:
        h->id_count = (uint64_t)REPLAY_ID_MAX + 1;
        break;
    case 4:
        h->op_count = UINT64_MAX / 8;
        break;
    case 5:
        memset(h->heap_class, 'x', sizeof(h->heap_class));
        break;
    case 6:
        memset(h->pmm_class, 'x', sizeof(h->pmm_class));
        break;
    case 7:
        h->heap_class[0] = 'X';
        break;
    case 8:
        h->pmm_class[0] = 'X';
        break;
    case 9:
        h->heap_limit = 123; /* not whole pages */
        break;
    default:
        h->heap_limit = UINT64_MAX - PAGE_SIZE + 1; /* wraps */
        break;
    }
    ck_assert(!replay_module(&mm, &loaded));
    machine_power_off();
}
END_TEST

Suite *replay_suite(void) {
    Suite *suite = suite_create("replay");
    TCase *tc = tcase_create("replay");

    tcase_add_loop_test(tc, a_sequence_that_makes_sense_runs_to_its_end, 0, 4);
    tcase_add_test(tc, the_same_sequence_leads_to_the_same_state_again);
    tcase_add_loop_test(
        tc, the_halfway_digest_is_the_state_after_half_of_the_operations, 0, 2);
    tcase_add_test(tc, a_replay_gives_back_every_frame_that_it_took);
    tcase_add_test(tc, a_frame_that_never_comes_back_is_noticed);
    tcase_add_test(tc, every_page_fault_counted_is_one_of_the_heap);
    tcase_add_test(tc, a_request_for_nothing_is_served_as_one_for_a_byte);
    tcase_add_test(tc, a_trace_may_leave_blocks_live);
    tcase_add_loop_test(
        tc, a_block_at_the_edge_of_memory_is_served_or_refused_never_a_panic, 0,
        2);
    tcase_add_test(tc, a_first_heap_at_the_edge_of_memory_is_kept_or_refused);
    tcase_add_loop_test(tc, books_that_do_not_fit_leave_nothing_behind, 0, 9);
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
    tcase_add_test(tc, a_pattern_is_missed_by_no_byte);
    tcase_add_test(tc, a_pattern_can_be_continued_at_any_byte);
    tcase_add_test(tc, a_byte_that_is_not_zero_is_found_wherever_it_is);
    tcase_add_test(tc, a_whole_module_is_replayed);
    tcase_add_test(tc, heap_pages_can_have_their_frames_at_once);
    tcase_add_loop_test(tc, a_module_that_is_not_whole_is_refused, 0, 11);
    suite_add_tcase(suite, tc);
    return suite;
}
