/*
 * The main job on either machine: what a replay says of a heap that works, of
 * too little memory, and of modules that are none.
 */
#include <check.h>
#include <string.h>

#include "base/hash.h"
#include "replay/replay.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_replay.h"

static const struct hw_boot *boot;

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

    ck_assert_msg(replay_all(&heap_list, some_ops, count, RANDOM_IDS), "%s",
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
    replay_stop();
}
END_TEST

START_TEST(the_same_sequence_leads_to_the_same_state_again)
{
    const size_t count = make_ops(7);
    struct mm_digest first;
    struct replay_counts counts;
    uint64_t halfway;

    ck_assert(replay_all(&heap_list, some_ops, count, RANDOM_IDS));
    first = mm_digest(&mm);
    counts = replay.counts;
    halfway = replay.halfway;
    replay_stop();
    ck_assert(replay_all(&heap_list, some_ops, count, RANDOM_IDS));
    ck_assert_hex_eq(mm_digest(&mm).all, first.all);
    ck_assert_hex_eq(replay.counts.addresses, counts.addresses);
    ck_assert_hex_eq(replay.halfway, halfway);
    replay_stop();
}
END_TEST

/* A replay of the first half alone, the odd one included, ends in it. */
START_TEST(the_halfway_digest_is_the_state_after_half_of_the_operations)
{
    const size_t count = make_ops(7) - (size_t)_i;
    const size_t half = count - count / 2;
    uint64_t halfway;

    ck_assert(replay_all(&heap_list, some_ops, count, RANDOM_IDS));
    halfway = replay.halfway;
    replay_stop();
    ck_assert(replay_all(&heap_list, some_ops, half, RANDOM_IDS));
    ck_assert_hex_eq(mm_digest(&mm).all, halfway);
    replay_stop();
}
END_TEST

START_TEST(a_replay_gives_back_every_frame_that_it_took)
{
    const size_t count = make_ops(7);
    uint64_t free;

    replay_start(&heap_list);
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

    ck_assert(replay_all(&heap_list, some_ops, count, RANDOM_IDS));
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

    ck_assert(replay_all(&heap_bump, ops, COUNT_OF(ops), 1));
    ck_assert_uint_eq(mm.space.stats.faults, 5);
    replay_stop();
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

    ck_assert_msg(replay_all(&heap_list, ops, COUNT_OF(ops), 2), "%s",
                  replay.error);
    ck_assert_uint_eq(replay.counts.peak_bytes, 2);
    replay_stop();
}
END_TEST

START_TEST(a_trace_may_leave_blocks_live)
{
    const struct replay_op ops[] = {
        { .kind = REPLAY_ALLOC, .id = 3, .size = 100 },
    };

    ck_assert_msg(replay_all(&heap_list, ops, COUNT_OF(ops), 4), "%s",
                  replay.error);
    ck_assert_uint_eq(replay.counts.live_blocks, 1);
    replay_stop();
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

        replay_start(_i == 0 ? &heap_list : &heap_bump);
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

        replay_start(&heap_list);
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

    replay_start(&heap_list);
    machine_leave_free(&mm.pmm, left);
    ck_assert(!replay_init(&replay, &mm, NULL, 0, 1));
    ck_assert(replay_fini(&replay));
    ck_assert_uint_eq(pmm_free_count(&mm.pmm), left);
    machine_give_back(&mm.pmm);
    machine_stop(&mm);
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

START_TEST(a_replay_in_debug_mode_leaves_nothing_behind)
{ /* H18 */
    struct replay_header *h = load_module();

    h->heap_debug = MM_DEBUG_FENCED;
    ck_assert(replay_module(&mm, &loaded));
    ck_assert_uint_eq(mm.debug.number, 1);
    machine_power_off();
}
END_TEST

START_TEST(a_debug_mode_that_is_none_is_refused)
{ /* H18 */
    struct replay_header *h = load_module();

    h->heap_debug = MM_DEBUG_FENCED + 1;
    ck_assert(!replay_module(&mm, &loaded));
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
    tcase_add_test(tc, a_pattern_is_missed_by_no_byte);
    tcase_add_test(tc, a_pattern_can_be_continued_at_any_byte);
    tcase_add_test(tc, a_byte_that_is_not_zero_is_found_wherever_it_is);
    tcase_add_test(tc, a_whole_module_is_replayed);
    tcase_add_test(tc, heap_pages_can_have_their_frames_at_once);
    tcase_add_test(tc, a_replay_in_debug_mode_leaves_nothing_behind);
    tcase_add_test(tc, a_debug_mode_that_is_none_is_refused);
    tcase_add_loop_test(tc, a_module_that_is_not_whole_is_refused, 0, 11);
    suite_add_tcase(suite, tc);
    return suite;
}
