/*
 * Named caches of objects.
 */
#include "mm/kcache.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

struct thing {
    uint64_t number, other;
    char name[40];
};

static uint64_t constructed;

static void construct(void *object) {
    struct thing *thing = object;

    thing->number = ++constructed;
    thing->other = 0;
}

static void setup(void) {
    machine_start(&mm, NULL);
    constructed = 0;
}

static void stop(void) {
    machine_stop(&mm);
}

START_TEST(objects_are_constructed_aligned_and_apart)
{ /* H13 */
    const struct layout layout = { sizeof(struct thing), (size_t)8 << _i };
    struct thing *things[100];
    struct kcache cache;

    ck_assert_status(kcache_create(&cache, &mm, "thing", layout, construct),
                     MM_OK);
    for (uint64_t k = 0; k < 100; k++) {
        things[k] = kcache_alloc(&cache);
        ck_assert_ptr_nonnull(things[k]);
        ck_assert_uint_eq(vaddr_of_pointer(things[k]).v % layout.align, 0);
    }
    for (uint64_t k = 0; k < 100; k++) {
        ck_assert_uint_eq(things[k]->number, k + 1);
    }
    ck_assert_uint_eq(cache.live, 100);
    for (uint64_t k = 0; k < 100; k++) {
        ck_assert_status(kcache_free(&cache, things[k]), MM_OK);
    }
    things[0] = kcache_alloc(&cache);
    ck_assert_uint_eq(things[0]->number, 101); /* not of its last life */
    ck_assert_status(kcache_free(&cache, things[0]), MM_OK);
    ck_assert_status(kcache_destroy(&cache), MM_OK);
    ck_assert_uint_eq(heap_stats(&mm.heap).live_blocks, 0);
}
END_TEST

START_TEST(a_cache_frees_an_object_once_and_only_its_own)
{ /* H13, H18 */
    struct kcache small, large;
    void *p;

    ck_assert_status(
        kcache_create(&small, &mm, "small", (struct layout){ 32, 8 }, NULL),
        MM_OK);
    ck_assert_status(
        kcache_create(&large, &mm, "large", (struct layout){ 200, 8 }, NULL),
        MM_OK);
    p = kcache_alloc(&small);
    ck_assert_status(kcache_free(&large, p), MM_NOT_ALLOCATED);
    ck_assert_status(kcache_free(&large, &small), MM_NOT_MANAGED);
    ck_assert_status(kcache_destroy(&small), MM_REFUSED);
    ck_assert_status(kcache_free(&small, p), MM_OK);
    ck_assert_status(kcache_free(&small, p), MM_NOT_ALLOCATED);
    ck_assert_status(kcache_free(&small, NULL), MM_OK);
    ck_assert_uint_eq(small.live, 0);
    ck_assert_uint_eq(large.live, 0);
    ck_assert_status(kcache_destroy(&small), MM_OK);
}
END_TEST

START_TEST(what_is_no_layout_makes_no_cache)
{ /* H13 */
    static const struct layout bad[] = {
        { 0, 8 }, { 8, 0 }, { 8, 24 }, { 8, 2 * HEAP_ALIGN_MAX }
    };
    struct kcache cache = { .live = 7 };

    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        ck_assert_status(kcache_create(&cache, &mm, "bad", bad[k], NULL),
                         MM_BAD_ARGUMENT);
    }
    ck_assert_uint_eq(cache.live, 7);
}
END_TEST

START_TEST(without_memory_a_cache_constructs_nothing)
{ /* H4, H13 */
    struct kcache cache;

    ck_assert_status(kcache_create(&cache, &mm, "huge",
                                   (struct layout){ 2 * GIB, 16 }, construct),
                     MM_OK);
    ck_assert_ptr_null(kcache_alloc(&cache));
    ck_assert_uint_eq(constructed, 0);
    ck_assert_uint_eq(cache.live, 0);
    ck_assert_status(kcache_destroy(&cache), MM_OK);
}
END_TEST

Suite *kcache_suite(void) {
    Suite *suite = suite_create("kcache");
    TCase *tc = tcase_create("caches");

    tcase_add_checked_fixture(tc, setup, stop);
    tcase_add_loop_test(tc, objects_are_constructed_aligned_and_apart, 0, 9);
    tcase_add_test(tc, a_cache_frees_an_object_once_and_only_its_own);
    tcase_add_test(tc, what_is_no_layout_makes_no_cache);
    tcase_add_test(tc, without_memory_a_cache_constructs_nothing);
    suite_add_tcase(suite, tc);
    return suite;
}
