/*
 * The debug mode with guard pages: the processor stops the wrong access itself.
 *
 *   [ guard? ][ zone ......[ block ] guard ]
 *                                  ^ the first byte behind faults
 *
 * On every class, with the heap of the machine, whose handler asks the records.
 */
#include "base/poison.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_debug.h"

/** A write that sanitizers would stop, too. */
MM_NO_SANITIZE static void poke(uint8_t *p, size_t offset) {
    p[offset] = 1;
}

/** The access at @va faults, and the story names the block as @words say. */
static void expect_fault(const void *p, int64_t offset, bool writes,
                         const char *words) {
    const vaddr_t va = vaddr_add(vaddr_of_pointer(p), (uint64_t)offset);
    struct trap_fault fault;
    uint8_t value = 0;

    ck_assert_msg(!(writes ? trap_try_write(va, 1, &fault)
                           : trap_try_read(va, &value, &fault)),
                  "the access to 0x%lx went through, '%s' was expected",
                  (unsigned long)va.v, words);
    ck_assert_hex_eq(fault.address.v, va.v);
    ck_assert_status(mm.verdict.status, MM_REFUSED);
    watch_forget();
    mm_explain_fault(&mm, va, (unsigned)fault.error, watch_hear, NULL);
    ck_assert_msg(watched_says(words), "'%s' is not said:\n%s", words,
                  watched.text);
    ck_assert_msg(watched_says("the debug mode of the heap forbids it"), "%s",
                  watched.text);
    ck_assert_msg(watched_says("Allocated in "), "%s", watched.text);
}

START_TEST(the_first_byte_behind_a_block_faults)
{ /* H18: for a read and for a write, of every size */
    static const size_t sizes[] = { 16, 32, 112, 4096, 4112, 20000 };

    if (watch_mm_start(_i, MM_DEBUG_PAGES)) {
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            uint8_t *p = kmalloc(&mm, sizes[k]);

            ck_assert_ptr_nonnull(p);
            pattern_fill(p, sizes[k], k);
            expect_fault(p, (int64_t)sizes[k], false,
                         "0 bytes behind the end of a block.");
            expect_fault(p, (int64_t)sizes[k] + 15, true,
                         "15 bytes behind the end of a block.");
            expect_fault(p, (int64_t)sizes[k] + 4095, true,
                         "4095 bytes behind the end of a block.");
            pattern_check(p, sizes[k], k);
            kfree(&mm, p);
        }
        ck_assert_ptr_null(kmalloc(&mm, SIZE_MAX - PAGE_SIZE - 15));
    }
    ck_assert_uint_eq(watched.reports, 0);
    watch_mm_stop();
}
END_TEST

START_TEST(what_alignment_leaves_behind_a_block_is_found_by_the_free)
{ /* H18: 3 bytes up to the guard page */
    uint8_t *p;

    if (watch_mm_start(_i, MM_DEBUG_PAGES)) {
        p = kmalloc(&mm, 45);
        ck_assert_ptr_nonnull(p);
        poke(p, 45);
        expect_fault(p, 48, true, "3 bytes behind the end of a block.");
        kfree(&mm, p);
        ck_assert_uint_eq(watched.reports, 1);
        ck_assert_int_eq(watched.last.misuse, HEAP_OVERFLOW);
        /* asked for no alignment, it ends at the page */
        p = heap_alloc_at(&mm.heap, layout(45, 1), HEAP_HERE);
        expect_fault(p, 45, true, "0 bytes behind the end of a block.");
        ck_assert_status(heap_free(&mm.heap, p, layout(45, 1)), MM_OK);
    }
    watch_mm_stop();
}
END_TEST

START_TEST(a_page_in_front_of_a_block_faults_if_wanted)
{ /* H18 */
    uint8_t *p, *q;

    if (watch_mm_start(_i, MM_DEBUG_FENCED)) {
        p = kmalloc(&mm, 4096);
        expect_fault(p, -1, true, "1 byte in front of a block.");
        expect_fault(p, -4096, false, "4096 bytes in front of a block.");
        q = kmemalign(&mm, 16384, 100);
        expect_fault(q, -1, true, "1 byte in front of a block.");
        q[99] = 1;
        p[0] = p[4095] = 1;
        kfree(&mm, p);
        kfree(&mm, q);
    }
    ck_assert_uint_eq(watched.reports, 0);
    watch_mm_stop();
}
END_TEST

START_TEST(a_freed_block_faults_and_says_who_freed_it)
{ /* H18 */
    uint8_t *p;

    if (watch_mm_start(_i, MM_DEBUG_PAGES)) {
        p = kzalloc(&mm, 5000);
        ck_assert_ptr_nonnull(p);
        kfree(&mm, p);
        expect_fault(p, 0, false, "at offset 0 in a block that was freed.");
        expect_fault(p, 4999, true,
                     "at offset 4999 in a block that was freed.");
        ck_assert_msg(watched_says(", freed in a_freed_block_faults"), "%s",
                      watched.text);
        kfree(&mm, p);
        ck_assert_uint_eq(watched.reports, 1);
        ck_assert_int_eq(watched.last.misuse, HEAP_FREED_TWICE);
        ck_assert_msg(watched_says("found by kfree() in "), "%s", watched.text);
    }
    watch_mm_stop();
}
END_TEST

START_TEST(freed_blocks_and_guard_pages_hold_no_frame)
{ /* H18: kept back is only the place */
    enum { COUNT = 10 };
    uint64_t filled, live;
    uint8_t *p;

    if (watch_mm_start(_i, MM_DEBUG_PAGES)) {
        kfree(&mm, kzalloc(&mm, 8 * PAGE_SIZE)); /* tables, the class's own */
        filled = mm.heap_pages_filled;
        for (unsigned k = 0; k < COUNT; k++) {
            p = kzalloc(&mm, 8 * PAGE_SIZE);
            ck_assert_ptr_nonnull(p);
            live = mm.heap_pages_filled;
            kfree(&mm, p);
            ck_assert_uint_le(mm.heap_pages_filled,
                              live - 6); /* the class writes */
            ck_assert_uint_le(mm.heap_pages_filled, filled + 2 * (k + 1));
        }
        ck_assert_uint_ge(mm.debug.kept_blocks, 5);
    }
    watch_mm_stop();
}
END_TEST

START_TEST(no_frame_stays_with_the_debug_mode)
{ /* H6, H18: teardown gives all back, records too; and again */
    static const enum mm_heap_debug modes[] = { MM_DEBUG_ZONES, MM_DEBUG_PAGES,
                                                MM_DEBUG_FENCED };
    uint64_t before;

    for (size_t k = 0; k < 3; k++) {
        if (!watch_mm_start(_i, modes[k])) {
            watch_mm_stop();
            continue;
        }
        mm_teardown(&mm);
        before = pmm_free_count(&mm.pmm);
        ck_assert_status(mm_init_heap(&mm).status, MM_OK);
        watch_mm();
        (void)kmalloc(&mm, 100);
        kfree(&mm, kmalloc(&mm, 30000));
        ck_assert(mm_check(&mm, NULL));
        mm_teardown(&mm);
        ck_assert_uint_eq(pmm_free_count(&mm.pmm), before);
        ck_assert_ptr_null(kmalloc(&mm, 1));
        machine_stop(&mm);
    }
}
END_TEST

START_TEST(guard_pages_need_a_heap_on_demand)
{ /* H6, H18 */
    struct mm_config config = mm_default_config;
    struct mm_init_result result;

    config.heap_debug = MM_DEBUG_PAGES;
    config.heap_backing = VMM_IMMEDIATE;
    result = mm_init(&mm, machine_power_on(), &config);
    ck_assert_status(result.status, MM_BAD_ARGUMENT);
    ck_assert_str_eq(result.step, "debug mode");
    ck_assert_uint_eq(mm.pmm.stats.allocated, 0);
    mm.config.heap_debug = MM_DEBUG_ZONES;
    ck_assert_status(mm_init_heap(&mm).status, MM_OK);
    kfree(&mm, kmalloc(&mm, 100));
    watch_mm_stop();
}
END_TEST

/* --- memory runs out ------------------------------------------------------ */

START_TEST(with_few_frames_the_debug_mode_fails_cleanly)
{ /* H4, H6: n frames are free, for n = 0, 1, 2 ... */
    void *p[8], *q;

    (void)watch_mm_start(9, (enum mm_heap_debug)(MM_DEBUG_ZONES + _i));
    for (uint64_t n = 0; n < 60; n++) {
        unsigned count = 0;

        mm_teardown(&mm);
        machine_leave_free(&mm.pmm, n);
        if (mm_init_heap(&mm).status != MM_OK) {
            continue;
        }
        watch_mm();
        while (count < 8 && (p[count] = kzalloc(&mm, 1000)) != NULL) {
            count++;
        }
        q = count > 0 ? krealloc(&mm, p[0], 3000) : NULL;
        p[0] = q != NULL ? q : p[0];
        ck_assert(mm_check(&mm, NULL));
        while (count > 0) {
            kfree(&mm, p[--count]);
        }
        ck_assert_uint_eq(watched.reports, 0);
    }
    ck_assert_ptr_nonnull(q); /* that was enough */
    watch_mm_stop();
}
END_TEST

Suite *heap_pages_suite(void) {
    Suite *suite = suite_create("heap pages");
    TCase *tc = tcase_create("guard pages");

#define EACH_CLASS(test) tcase_add_loop_test(tc, test, 0, ARENA_CLASSES)
    EACH_CLASS(the_first_byte_behind_a_block_faults);
    EACH_CLASS(what_alignment_leaves_behind_a_block_is_found_by_the_free);
    EACH_CLASS(a_page_in_front_of_a_block_faults_if_wanted);
    EACH_CLASS(a_freed_block_faults_and_says_who_freed_it);
    EACH_CLASS(freed_blocks_and_guard_pages_hold_no_frame);
    EACH_CLASS(no_frame_stays_with_the_debug_mode);
#undef EACH_CLASS
    tcase_add_test(tc, guard_pages_need_a_heap_on_demand);
    tcase_add_loop_test(tc, with_few_frames_the_debug_mode_fails_cleanly, 0, 3);
    suite_add_tcase(suite, tc);
    return suite;
}
