/*
 * Whose a block is, in debug mode: kmalloc(), each cache and heap_alloc() take
 * back what they handed out, and nothing else.
 *
 *   thing   ->  kfree()         "a block of thing; kfree() takes blocks of
 *                                kmalloc"
 *
 * On every class, with the heap of the machine.
 */
#include "mm/kcache.h"
#include "support/machine.h"
#include "twin/suites.h"
#include "twin/test_heap_debug.h"

static const struct layout both = { 48, 16 }; /* the same for all of them */
static struct kcache things, others;

static bool start(int i) {
    const bool serves = watch_mm_start(i, MM_DEBUG_ZONES);

    ck_assert_status(kcache_create(&things, &mm, "thing", both, NULL), MM_OK);
    ck_assert_status(kcache_create(&others, &mm, "other", both, NULL), MM_OK);
    return serves;
}

/** One report more: @misuse, in words. */
static void expect(enum heap_misuse misuse, const char *words) {
    ck_must(watched.reports == 1, "%u reports, expected 1, of '%s'",
            watched.reports, words);
    ck_must(watched.last.misuse == misuse && watched_says(words),
            "'%s' is not said:\n%s", words, watched.text);
    watched.reports = 0;
}

START_TEST(an_object_goes_back_to_its_cache_alone)
{ /* H13, H18 */
    void *p;

    if (start(_i)) {
        p = kcache_alloc(&things);
        kfree(&mm, p);
        expect(HEAP_WRONG_OWNER,
               " is a block of thing; kfree() takes blocks of kmalloc.");
        ck_assert_ptr_null(krealloc(&mm, p, 10));
        expect(HEAP_WRONG_OWNER, "of thing; krealloc() takes");
        ck_assert_uint_eq(ksize(&mm, p), 0);
        expect(HEAP_WRONG_OWNER, "of thing; ksize() takes");
        ck_assert_status(kcache_free(&others, p), MM_NOT_MANAGED);
        expect(HEAP_WRONG_OWNER,
               "of thing; kcache_free() takes blocks of other.");
        ck_assert_status(heap_free(&mm.heap, p, both), MM_NOT_MANAGED);
        expect(HEAP_WRONG_OWNER,
               "of thing; heap_free() takes blocks of heap_alloc.");
        ck_assert_uint_eq(things.live, 1);
        ck_assert_uint_eq(others.live, 0);
        ck_assert_status(kcache_free(&things, p), MM_OK);
        ck_assert_status(kcache_destroy(&things), MM_OK);
        ck_assert_uint_eq(watched.reports, 0);
    }
    watch_mm_stop();
}
END_TEST

START_TEST(a_block_goes_back_the_way_it_came)
{ /* H18 */
    void *p, *q;

    if (start(_i)) {
        p = kmalloc(&mm, both.size);
        q = heap_alloc(&mm.heap, both);
        ck_assert_status(kcache_free(&things, p), MM_NOT_MANAGED);
        expect(HEAP_WRONG_OWNER, "of kmalloc; kcache_free() takes");
        ck_assert_status(heap_free(&mm.heap, p, both), MM_NOT_MANAGED);
        expect(HEAP_WRONG_OWNER, "of kmalloc; heap_free() takes");
        ck_assert_ptr_null(heap_realloc(&mm.heap, p, both, 10));
        expect(HEAP_WRONG_OWNER, "of kmalloc; heap_realloc() takes");
        kfree(&mm, q);
        expect(HEAP_WRONG_OWNER, "of heap_alloc; kfree() takes");
        p = krealloc(&mm, p, 100); /* which is another block, of the same */
        kfree(&mm, p);
        ck_assert_status(heap_free(&mm.heap, q, both), MM_OK);
        ck_assert_uint_eq(watched.reports, 0);
    }
    watch_mm_stop();
}
END_TEST

/* --- the k-calls tell their lines ----------------------------------------- */

START_TEST(every_call_of_the_family_tells_its_line)
{ /* H18 */
    struct kcache cache;
    unsigned lines[6];
    void *p[6];

    (void)watch_mm_start(9, MM_DEBUG_ZONES);
    ck_assert_status(kcache_create(&cache, &mm, "thing", layout(24, 8), NULL),
                     MM_OK);
    p[0] = kmalloc(&mm, 10), lines[0] = __LINE__;
    p[1] = kzalloc(&mm, 10), lines[1] = __LINE__;
    p[2] = kcalloc(&mm, 2, 10), lines[2] = __LINE__;
    p[3] = kmemalign(&mm, 64, 10), lines[3] = __LINE__;
    p[4] = krealloc(&mm, NULL, 10), lines[4] = __LINE__;
    p[5] = kcache_alloc(&cache), lines[5] = __LINE__;
    for (unsigned k = 0; k < 6; k++) {
        kfree(&mm, (uint8_t *)p[k] + 1);
        ck_assert_uint_eq(watched.reports, k + 1);
        ck_assert_int_eq(watched.last.misuse, HEAP_INTERIOR);
        ck_assert_uint_eq(watched.last.block.allocated->line, lines[k]);
        ck_assert_str_eq(watched.last.call, "kfree");
    }
    for (unsigned k = 0; k < 5; k++) {
        kfree(&mm, p[k]);
    }
    ck_assert_uint_eq(watched.reports, 6);
    ck_assert_ptr_null(krealloc(&mm, p[4], 20));
    ck_assert_str_eq(watched.last.call, "krealloc");
    ck_assert_status(kcache_free(&cache, p[0]), MM_NOT_ALLOCATED);
    ck_assert_uint_eq(watched.reports, 8);
    ck_assert_uint_eq(heap_debug_leaks(&mm.heap, HEAP_HERE), 1);
    ck_assert_uint_eq(watched.last.block.allocated->line, lines[5]);
    ck_assert_status(kcache_free(&cache, p[5]), MM_OK);
    ck_assert_uint_eq(heap_debug_leaks(&mm.heap, HEAP_HERE), 0);
    watch_mm_stop();
}
END_TEST

/* --- checked always ------------------------------------------------------- */

START_TEST(damage_is_found_by_the_next_call)
{ /* H18, H19: when all is to be checked after each */
    struct mm_config config = mm_default_config;
    uint64_t *allocs = &mm.heap.fronts[HEAP_FRONTS - 1].counts.allocs;
    void *p;

    config.heap_class = heap_classes[_i];
    config.heap_debug = MM_DEBUG_ZONES;
    config.heap_check_always = true;
    machine_start(&mm, &config);
    watched.reports = 0;
    watch_mm();
    p = kmalloc(&mm, 100);
    if (p != NULL) {
        p = krealloc(&mm, p, 200);
        ck_assert_uint_eq(watched.reports, 0);
        ++*allocs;
        kfree(&mm, p);
        --*allocs;
        expect(HEAP_DAMAGED, "heap: damaged, found by kfree() in "
                             "damage_is_found_by_the_next_call");
        ck_assert(watched_says("The heap's own books don't agree"));
        kfree(&mm, kmalloc(&mm, 10));
        ck_assert_uint_eq(watched.reports, 0);
    }
    watch_mm_stop();
}
END_TEST

START_TEST(a_zones_heap_lets_every_page_be_touched)
{ /* H18 */
    uint8_t *p;

    (void)watch_mm_start(_i, MM_DEBUG_ZONES);
    p = kmalloc(&mm, 100);
    if (p != NULL) {
        kfree(&mm, p);
        ck_assert(!heap_debug_forbids(&mm.heap, vaddr_of_pointer(p)));
        ck_assert_uint_eq(ksize(&mm, p), 0);
        ck_assert_int_eq(watched.last.misuse, HEAP_FREED_TWICE);
        ck_assert_msg(watched_says("found by ksize() in "), "%s", watched.text);
    }
    watch_mm_stop();
}
END_TEST

Suite *heap_owners_suite(void) {
    Suite *suite = suite_create("heap owners");
    TCase *tc = tcase_create("owners");

#define EACH_CLASS(test) tcase_add_loop_test(tc, test, 0, ARENA_CLASSES)
    EACH_CLASS(an_object_goes_back_to_its_cache_alone);
    EACH_CLASS(a_block_goes_back_the_way_it_came);
    EACH_CLASS(damage_is_found_by_the_next_call);
    EACH_CLASS(a_zones_heap_lets_every_page_be_touched);
#undef EACH_CLASS
    tcase_add_test(tc, every_call_of_the_family_tells_its_line);
    suite_add_tcase(suite, tc);
    return suite;
}
