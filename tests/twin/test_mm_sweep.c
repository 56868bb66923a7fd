/*
 * Every failure point gets its turn: with n = 0, 1, 2 ... frames free, set up
 * or grow the heap, until it works.  Each failure must leave everything as it
 * was: the same frames free, the tables byte-identical, every floor sound; and
 * with frames enough the same request must work.
 */
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_arena.h"

#define PLENTY 1000 /* frames: more than any of these needs */

static struct mm_config config;

static void setup(void) {
    config = mm_default_config;
    config.heap_class = &heap_list; /* frames are counted beforehand */
}

static void stop(void) {
    machine_stop(&mm);
}

/** What a failure must not change. */
struct before {
    uint64_t free_frames, tables, heap_end, heap_state;
    size_t regions;
};

static void hash_run(void *ctx, vaddr_t start, uint64_t bytes, bool used) {
    uint64_t *sum = ctx;

    *sum = *sum * 31 + start.v + bytes * 7 + used;
}

static struct before look(void) {
    struct before now = {
        .free_frames = pmm_free_count(&mm.pmm),
        .tables = machine_tables_hash(&mm.space),
        .heap_end = mm.heap.end.v,
        .heap_state = heap_stats(&mm.heap).live_bytes,
        .regions = mm.space.region_count,
    };

    heap_walk(&mm.heap, hash_run, &now.heap_state);
    return now;
}

static void assert_unchanged(const struct before *before, uint64_t n) {
    struct before now = look();
    const char *why = "";

    ck_assert_msg(mm_check(&mm, &why), "with %lu frames: %s", (unsigned long)n,
                  why);
    ck_assert_msg(now.free_frames == before->free_frames,
                  "with %lu frames: %lu free after, %lu before",
                  (unsigned long)n, (unsigned long)now.free_frames,
                  (unsigned long)before->free_frames);
    ck_assert_msg(now.tables == before->tables,
                  "with %lu frames: the tables changed", (unsigned long)n);
    ck_assert_msg(now.heap_end == before->heap_end &&
                      now.heap_state == before->heap_state,
                  "with %lu frames: the heap changed", (unsigned long)n);
    ck_assert_msg(now.regions == before->regions,
                  "with %lu frames: a region is left", (unsigned long)n);
}

static void touch_all(uint8_t *p, size_t size, uint8_t value) {
    memset(p, value, size);
    for (size_t k = 0; k < size; k += PAGE_SIZE / 2) {
        ck_assert_uint_eq(p[k], value);
    }
}

START_TEST(init_with_any_number_of_frames_is_all_or_nothing)
{ /* H6, V8: 25 pages and 3 tables, or 6 promised */
    const uint64_t needed = _i == 0 ? 25 + 6 : 25 + 3;
    struct mm_init_result result;
    uint64_t n = 0;

    config.heap_backing = _i == 0 ? VMM_DEMAND : VMM_IMMEDIATE;
    machine_forget_held();
    result = mm_init_frames(&mm, machine_power_on(), &config);
    ck_assert_status(result.status, MM_OK);
    for (;; n++) {
        struct before before;

        ck_assert_uint_le(n, needed);
        machine_leave_free(&mm.pmm, n);
        before = look();
        result = mm_init_heap(&mm);
        if (result.status == MM_OK) {
            break;
        }
        ck_assert_status(result.status, MM_NO_MEMORY);
        ck_assert_str_eq(result.step, "heap");
        ck_assert(!mm_has_heap(&mm));
        assert_unchanged(&before, n);
    }
    ck_assert_uint_eq(n, needed);
    touch_all(kmalloc(&mm, config.heap_size - 16), config.heap_size - 16, 3);
}
END_TEST

/*
 * The heap ends right below a 2 MiB boundary, so that growing takes a new
 * page table as well:
 *
 *   0x4444_4460_0000 - 4 KiB    0x4444_4460_0000
 *   [ all of the heap          ][ next page table ... ]
 */
static void start_at_edge_of_table(int i) {
    config.heap_base = vaddr(UINT64_C(0x444444600000) - PAGE_SIZE);
    config.heap_size = PAGE_SIZE;
    config.heap_backing = i == 0 ? VMM_DEMAND : VMM_IMMEDIATE;
    if (i == 2) {
        config.heap_class = &heap_slab;
        config.heap_quantum = PAGE_SIZE;
    }
    machine_start(&mm, &config);
    ck_assert_ptr_nonnull(kmalloc(&mm, PAGE_SIZE - 16));
}

START_TEST(growth_with_any_number_of_frames_is_all_or_nothing)
{ /* H14, V8 */
    const size_t size = 9 * PAGE_SIZE - 16;
    uint64_t n = 0;
    uint8_t *p;

    start_at_edge_of_table(_i);
    for (;; n++) {
        struct before before;

        ck_assert_uint_le(n, PLENTY);
        machine_leave_free(&mm.pmm, n);
        before = look();
        p = kmalloc(&mm, size);
        if (p != NULL) {
            break;
        }
        assert_unchanged(&before, n);
    }
    /* 9 pages and a table; a promise is more careful about tables, and records
     * may need a page. */
    if (_i < 2) {
        ck_assert_uint_eq(n, _i == 0 ? 9 + 6 : 9 + 1);
    } else {
        ck_assert_uint_ge(n, 8);
        ck_assert_uint_le(n, 11);
    }
    touch_all(p, size, 4);
    kfree(&mm, p);
}
END_TEST

START_TEST(realloc_with_any_number_of_frames_keeps_the_old_block)
{ /* H1, H14 */
    const size_t size = 9 * PAGE_SIZE - 16;
    uint64_t n = 0;
    uint8_t *p, *q;

    start_at_edge_of_table(_i);
    p = kmalloc(&mm, 100);
    (void)kmalloc(&mm, HEAP_QUANTUM - 128 - 16);
    pattern_fill(p, 100, 1);
    for (;; n++) {
        struct before before;

        ck_assert_uint_le(n, PLENTY);
        machine_leave_free(&mm.pmm, n);
        before = look();
        q = krealloc(&mm, p, size);
        if (q != NULL) {
            break;
        }
        assert_unchanged(&before, n);
        pattern_check(p, 100, 1);
    }
    pattern_check(q, 100, 1);
    touch_all(q, size, 5);
    kfree(&mm, q);
}
END_TEST

START_TEST(a_heap_filled_to_the_last_frame_says_no_and_goes_on)
{ /* H4, H14: small blocks, so that many growths come before the end */
    const uint64_t frames = 300;
    uint64_t count = 0, freed = 0;
    struct link {
        struct link *next;
        uint64_t number;
    } *all = NULL;

    config.heap_backing = _i == 0 ? VMM_DEMAND : VMM_IMMEDIATE;
    machine_start(&mm, &config);
    machine_leave_free(&mm.pmm, frames);
    for (;;) {
        struct link *link = kmalloc(&mm, 1000);

        if (link == NULL) {
            break;
        }
        memset(link, 0xee, 1000);
        link->next = all;
        link->number = count++;
        all = link;
    }
    ck_assert_uint_gt(count * 1016, (frames - 10) * PAGE_SIZE);
    ck_assert(mm_check(&mm, NULL));
    while (all != NULL) {
        struct link *next = all->next;

        ck_assert_uint_eq(all->number, count - ++freed);
        kfree(&mm, all);
        all = next;
    }
    ck_assert_uint_eq(mm.heap.list.holes, 1);
    ck_assert_ptr_nonnull(kmalloc(&mm, count * 1016 - 16));
}
END_TEST

START_TEST(a_promise_broken_by_others_is_a_fault_that_says_why)
{ /* V18: frames taken after the heap had asked for them */
    struct trap_fault fault = { 0 };
    uint8_t *p;

    machine_start(&mm, &config);
    p = kmalloc(&mm, 50 * KIB);
    ck_assert_ptr_nonnull(p);
    machine_leave_free(&mm.pmm, 0);
    ck_assert(!trap_try_write(vaddr_of_pointer(p + 30 * KIB), 1, &fault));
    ck_assert_status(mm.verdict.status, MM_NO_MEMORY);
    ck_assert_ptr_nonnull(mm.verdict.reason);
    machine_give_back(&mm.pmm);
    ck_assert(trap_try_write(vaddr_of_pointer(p + 30 * KIB), 1, &fault));
    kfree(&mm, p);
}
END_TEST

Suite *mm_sweep_suite(void) {
    Suite *suite = suite_create("mm sweeps");
    TCase *tc = tcase_create("sweeps");

    tcase_add_checked_fixture(tc, setup, stop);
    tcase_add_loop_test(tc, init_with_any_number_of_frames_is_all_or_nothing, 0,
                        2);
    tcase_add_loop_test(tc, growth_with_any_number_of_frames_is_all_or_nothing,
                        0, 3);
    tcase_add_loop_test(
        tc, realloc_with_any_number_of_frames_keeps_the_old_block, 0, 3);
    tcase_add_loop_test(tc, a_heap_filled_to_the_last_frame_says_no_and_goes_on,
                        0, 2);
    tcase_add_test(tc, a_promise_broken_by_others_is_a_fault_that_says_why);
    suite_add_tcase(suite, tc);
    return suite;
}
