/*
 * Ranges: what lies between two addresses is unmapped or protected, exactly
 * that, and the processor is told as often as needed and no more.
 *
 *   up to 32 pages   an INVLPG each
 *   more             one CR3 load, or CR4.PGE when a page was global
 */
#include <check.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static const vaddr_t page = { UINT64_C(0x444444440000) };

static void setup(void) {
    machine_start_pages(&m);
}
static void setup_temporary(void) {
    machine_tables = TABLES_TEMPORARY;
    setup();
}
static void setup_recursive(void) {
    machine_tables = TABLES_RECURSIVE;
    setup();
}
static void teardown(void) {
    machine_stop_pages(&m);
}

static vaddr_t nth(uint64_t n) {
    return vaddr_add(page, n * PAGE_SIZE);
}

static void map(vaddr_t va, uint64_t count, unsigned access) {
    ck_assert_status(vmm_map_range(&m.space, va, pfn(1000), count, access),
                     MM_OK);
}

static void unmap(vaddr_t va, uint64_t count) {
    struct vmm_changed gone = vmm_unmap_range(&m.space, va, count);

    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
}

/*
 *   tables     [ ... 10 pages | 2 MiB boundary | 512 | 5 ... ]
 *   unmapped         [............................]
 */
START_TEST(a_range_is_unmapped_and_its_neighbours_stay)
{ /* V7 */
    const vaddr_t start = vaddr(align_down(page.v, 2 * MIB) - 10 * PAGE_SIZE);
    const uint64_t count = 10 + 512 + 5;
    struct vmm_changed gone;

    map(start, count, VMM_READ);
    gone = vmm_unmap_range(&m.space, vaddr_add(start, PAGE_SIZE), count - 2);
    ck_assert_status(gone.status, MM_OK);
    ck_assert_hex_eq(vmm_token_va(gone.token).v, start.v + PAGE_SIZE);
    ck_assert_uint_eq(vmm_token_pages(gone.token), count - 2);
    ck_assert(!vmm_token_global(gone.token));
    vmm_flush(gone.token);
    ck_assert_uint_eq(m.space.stats.unmaps, count - 2);
    ck_assert_shows(&m.space, start, pfn(1000));
    ck_assert_shows(&m.space, vaddr_add(start, (count - 1) * PAGE_SIZE),
                    pfn(1000 + count - 1));
    for (uint64_t n = 1; n < count - 1; n++) {
        ck_assert_unmapped(&m.space, vaddr_add(start, n * PAGE_SIZE));
    }
    unmap(start, count);
    ck_assert_uint_eq(m.space.stats.unmaps, count);
}
END_TEST

START_TEST(pages_that_show_nothing_are_no_mistake)
{ /* V7 */
    struct vmm_changed gone = vmm_unmap_range(&m.space, page, 4096);

    ck_assert_status(gone.status, MM_OK);
    ck_assert_ptr_null(vmm_token_space(gone.token));
    map(nth(3), 1, 0);
    map(nth(700), 1, 0);
    map(nth(705), 1, VMM_GLOBAL);
    gone = vmm_protect_range(&m.space, page, 4096, 0);
    ck_assert_status(gone.status, MM_OK);
    ck_assert_hex_eq(vmm_token_va(gone.token).v,
                     nth(705).v); /* G was taken away */
    ck_assert_uint_eq(vmm_token_pages(gone.token), 1);
    vmm_flush(gone.token);
    gone = vmm_unmap_range(&m.space, page, 4096);
    ck_assert_status(gone.status, MM_OK);
    ck_assert_hex_eq(vmm_token_va(gone.token).v, nth(3).v);
    ck_assert_uint_eq(vmm_token_pages(gone.token), 703); /* 3 .. 705 */
    ck_assert_uint_eq(m.space.stats.unmaps, 3);
    vmm_flush(gone.token);
}
END_TEST

START_TEST(a_range_that_cannot_be_is_refused)
{ /* V7 */
    const vaddr_t last = vaddr(UINT64_C(0x00007ffffffff000));
    const uint64_t hash = machine_tables_hash(&m.space);

    ck_assert_status(vmm_unmap_range(&m.space, page, 0).status, MM_BAD_RANGE);
    ck_assert_status(vmm_unmap_range(&m.space, last, 2).status, MM_BAD_RANGE);
    ck_assert_status(vmm_unmap_range(&m.space, vaddr(1), 2).status,
                     MM_NOT_ALIGNED);
    ck_assert_status(vmm_protect_range(&m.space, page, 0, 0).status,
                     MM_BAD_RANGE);
    ck_assert_status(vmm_protect_range(&m.space, page, 1, 0x80).status,
                     MM_BAD_ARGUMENT);
    ck_assert(machine_tables_hash(&m.space) == hash);
}
END_TEST

/*
 *   leaves     [   2 MiB   ][   2 MiB   ]
 *   refused        [........]               begins inside one
 *   refused    [.................]          ends inside one
 *   fine       [........................]
 */
START_TEST(a_large_leaf_that_reaches_out_of_the_range_stops_it)
{ /* V24 */
    const vaddr_t start = vaddr(align_down(page.v, 2 * MIB));
    struct vmm_changed changed;
    uint64_t hash;

    ck_assert_status(vmm_map_large(&m.space, start, pfn(512), 1024, VMM_WRITE),
                     MM_OK);
    hash = machine_tables_hash(&m.space);
    ck_assert_status(
        vmm_unmap_range(&m.space, vaddr_add(start, PAGE_SIZE), 511).status,
        MM_HUGE_PAGE);
    ck_assert_status(vmm_unmap_range(&m.space, start, 513).status,
                     MM_HUGE_PAGE);
    ck_assert_status(vmm_protect_range(&m.space, start, 511, 0).status,
                     MM_HUGE_PAGE);
    ck_assert(machine_tables_hash(&m.space) == hash);
    changed = vmm_protect_range(&m.space, start, 1024, VMM_READ);
    ck_assert_status(changed.status, MM_OK);
    ck_assert_uint_eq(vmm_token_level(changed.token), 2);
    ck_assert_uint_eq(vmm_token_pages(changed.token), 2);
    vmm_flush(changed.token);
    ck_assert_uint_eq(vmm_translate(&m.space, start).access, VMM_READ);
    ck_assert_uint_eq(vmm_translate(&m.space, start).page_size, 2 * MIB);
    ck_assert_uint_eq(m.space.stats.invlpgs, 2);
    ck_assert_status(vmm_split(&m.space, start, 1), MM_OK);
    unmap(vaddr_add(start, PAGE_SIZE), 511);
    ck_assert_shows(&m.space, start, pfn(512));
    unmap(start, 1024);
}
END_TEST

/* --- how often the processor is told ---------------------------------------
 */

enum act { MAP, UNMAP, RESTRICT, RELAX };

static const struct count {
    enum act act;
    uint64_t pages;
    unsigned access;
    uint64_t invlpgs, flushed_all;
} counts[] = {
    { MAP, 1, 0, 0, 0 },
    { MAP, 1000, 0, 0, 0 },
    { RELAX, 1, 0, 0, 0 },
    { RELAX, 1000, 0, 0, 0 },
    { UNMAP, 1, 0, 1, 0 },
    { UNMAP, 32, 0, 32, 0 },
    { UNMAP, 33, 0, 0, 1 },
    { UNMAP, 1000, VMM_GLOBAL, 0, 1 },
    { UNMAP, 5, VMM_GLOBAL, 5, 0 },
    { RESTRICT, 1, VMM_WRITE, 1, 0 },
    { RESTRICT, 32, VMM_WRITE, 32, 0 },
    { RESTRICT, 600, VMM_WRITE, 0, 1 },
};
#define COUNTS (int)(sizeof(counts) / sizeof(counts[0]))

START_TEST(the_processor_is_told_as_often_as_needed_and_no_more)
{ /* A5 */
    const struct count *c = &counts[_i];
    struct vmm_changed changed = { MM_OK, { 0 } };

    if (c->act != MAP) {
        map(page, c->pages, c->access);
    }
    switch (c->act) {
    case MAP:
        map(page, c->pages, c->access);
        break;
    case UNMAP:
        changed = vmm_unmap_range(&m.space, page, c->pages);
        break;
    case RESTRICT:
        changed = vmm_protect_range(&m.space, page, c->pages, 0);
        break;
    case RELAX:
        changed = vmm_protect_range(&m.space, page, c->pages,
                                    VMM_WRITE | VMM_EXECUTE | VMM_USER);
        break;
    }
    ck_assert_status(changed.status, MM_OK);
    vmm_flush(changed.token);
    ck_assert_uint_eq(m.space.stats.invlpgs, c->invlpgs);
    ck_assert_uint_eq(m.space.stats.flushed_all, c->flushed_all);
    unmap(page, c->pages);
}
END_TEST

/* --- batches ---------------------------------------------------------------
 */

/** Unmap every other of @count pages, one by one, into @batch. */
static void unmap_scattered(struct vmm_batch *batch, uint64_t count) {
    for (uint64_t n = 0; n < count; n++) {
        struct vmm_unmapped gone = vmm_unmap(&m.space, nth(2 * n));

        ck_assert_status(gone.status, MM_OK);
        vmm_batch_add(batch, gone.token);
    }
}

START_TEST(a_batch_drops_few_pages_one_by_one_and_many_at_once)
{ /* V2 A5 */
    static const uint64_t sizes[] = { 1, 32, 33, 100 };
    const uint64_t count = sizes[_i];
    struct vmm_batch batch = { 0 };
    struct trap_fault fault;
    const char *why = "";
    pfn_t f;
    uint8_t value;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    for (uint64_t n = 0; n < count; n++) {
        ck_assert_status(
            vmm_map(&m.space, nth(2 * n), f, n == 50 ? VMM_GLOBAL : 0u), MM_OK);
        (void)*(volatile uint8_t *)pointer_of(nth(2 * n));
    }
    unmap_scattered(&batch, count);
    ck_assert(!vmm_is_sound(&m.space, &why));
    ck_assert_str_eq(why, "a token is neither flushed nor skipped");
    vmm_batch_flush(&batch);
    ck_assert(vmm_is_sound(&m.space, &why));
    for (uint64_t n = 0; n < count; n++) {
        ck_assert_msg(!trap_try_read(nth(2 * n), &value, &fault),
                      "page %lu was still readable", (unsigned long)n);
    }
    ck_assert_uint_eq(m.space.stats.invlpgs, count <= 32 ? count : 0);
    ck_assert_uint_eq(m.space.stats.flushed_all, count > 32);
    ck_assert_uint_eq(m.space.stats.flushes, count);
    vmm_batch_flush(&batch); /* empty again */
    ck_assert_uint_eq(m.space.stats.flushes, count);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

START_TEST(a_batch_counts_pages_and_not_tokens)
{ /* V2 */
    struct vmm_batch batch = { 0 };
    struct vmm_changed gone;

    map(page, 40, 0);
    vmm_batch_add(&batch, (struct vmm_token){ 0 });
    for (unsigned n = 0; n < 2; n++) {
        gone = vmm_unmap_range(&m.space, nth(n * 20), 20);
        ck_assert_status(gone.status, MM_OK);
        vmm_batch_add(&batch, gone.token);
    }
    vmm_batch_flush(&batch);
    ck_assert_uint_eq(m.space.stats.invlpgs, 0);
    ck_assert_uint_eq(m.space.stats.flushed_all, 1);
}
END_TEST

static void add_cases(Suite *suite, SFun start) {
    TCase *tc = tcase_create("range");

    tcase_add_checked_fixture(tc, start, teardown);
    tcase_add_test(tc, a_range_is_unmapped_and_its_neighbours_stay);
    tcase_add_test(tc, pages_that_show_nothing_are_no_mistake);
    tcase_add_test(tc, a_range_that_cannot_be_is_refused);
    tcase_add_test(tc, a_large_leaf_that_reaches_out_of_the_range_stops_it);
    tcase_add_loop_test(
        tc, the_processor_is_told_as_often_as_needed_and_no_more, 0, COUNTS);
    tcase_add_loop_test(tc, a_batch_drops_few_pages_one_by_one_and_many_at_once,
                        0, 4);
    tcase_add_test(tc, a_batch_counts_pages_and_not_tokens);
    suite_add_tcase(suite, tc);
}

/* A4: the same by the direct map, by a window, by a recursive slot. */
Suite *vmm_range_suite(void) {
    Suite *suite = suite_create("vmm_range");

    add_cases(suite, setup);
    add_cases(suite, setup_temporary);
    add_cases(suite, setup_recursive);
    return suite;
}
