/*
 * Large leaves in regions: what is merged there, who owns their frames, and
 * whose frame the window shows.
 *
 *   region   [ 512 pages of 4 KiB ]  --merge-->  [ 2 MiB ]    if it is large,
 *                                                             and its frames
 *                                                             are its alone
 */
#include <check.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

#define BLOCK UINT64_C(512) /* pages */

static const vaddr_t private = { UINT64_C(0x8000000) };
static struct vmm_space a, b;

static void setup(void) {
    machine_start(&mm, NULL);
    ck_assert_status(pmm_keep_books(&mm.pmm), MM_OK);
    ck_assert_status(vmm_space_create(&a, &mm.space), MM_OK);
}
static void teardown(void) {
    const char *why = "";

    ck_assert_msg(mm_check(&mm, &why), "after the test: %s", why);
    ck_assert_status(vmm_space_destroy(&a), MM_OK);
    machine_stop(&mm);
}

static void add(vaddr_t va, uint64_t pages, bool large) {
    ck_assert_status(
        vmm_region_add(&a,
                       (struct vmm_region){ .name = "test",
                                            .range = { va, pages * PAGE_SIZE },
                                            .access = VMM_WRITE | VMM_USER,
                                            .backing = VMM_DEMAND,
                                            .large = large }),
        MM_OK);
}
static void put(struct vmm_space *space, uint64_t n, uint8_t value) {
    const vaddr_t va = vaddr_add(private, n * PAGE_SIZE);

    ck_assert_status(vmm_copy_out(space, va, &value, 1).status, MM_OK);
}
static uint8_t look(struct vmm_space *space, uint64_t n) {
    const vaddr_t va = vaddr_add(private, n * PAGE_SIZE);
    uint8_t value = 0xee;

    ck_assert_status(vmm_copy_in(&value, space, va, 1).status, MM_OK);
    return value;
}

/*
 * A copy takes 4 KiB: a large leaf can't be marked to be copied.
 */
START_TEST(pages_that_a_fork_shares_are_not_merged)
{ /* V22 V24 */
    add(private, BLOCK, true);
    put(&a, 7, 70);
    ck_assert_status(vmm_space_fork(&b, &a), MM_OK); /* small pages now */
    ck_assert_status(vmm_merge(&a, private, 2), MM_REFUSED);
    ck_assert_status(vmm_merge(&b, private, 2), MM_REFUSED);
    put(&b, 7, 71);
    ck_assert_uint_eq(look(&a, 7), 70);
    ck_assert(mm_check(&mm, NULL));
    ck_assert_status(vmm_space_destroy(&b), MM_OK);
}
END_TEST

START_TEST(read_only_pages_that_a_fork_shares_are_not_merged)
{ /* V22 V24: no mark, and the right to write comes later */
    add(private, BLOCK, true);
    put(&a, 7, 70);
    ck_assert_status(vmm_region_protect(&a, private, VMM_USER), MM_OK);
    ck_assert_status(vmm_space_fork(&b, &a), MM_OK);
    ck_assert_status(vmm_merge(&a, private, 2), MM_REFUSED);
    ck_assert_status(vmm_region_protect(&a, private, VMM_WRITE | VMM_USER),
                     MM_OK);
    for (uint64_t n = 0; n < BLOCK; n += 73) {
        put(&a, n, 99);
        ck_assert_uint_eq(look(&b, n), n == 7 ? 70 : 0);
    }
    ck_assert_status(vmm_space_destroy(&b), MM_OK);
}
END_TEST

START_TEST(pages_that_one_side_alone_has_are_merged_after_a_fork)
{ /* V24: marked to be copied still, or no longer */
    const uint64_t maps = a.stats.maps;

    add(private, BLOCK, true);
    put(&a, 7, 70);
    ck_assert_status(vmm_space_fork(&b, &a), MM_OK);
    ck_assert_status(vmm_space_destroy(&b), MM_OK);
    for (uint64_t n = 0; n < BLOCK && _i == 1; n++) {
        put(&a, n, n == 7 ? 70 : 1);
    }
    ck_assert_status(vmm_merge(&a, private, 2), MM_OK);
    ck_assert(mm_check(&mm, NULL));
    put(&a, 8, 80);
    ck_assert_uint_eq(look(&a, 7), 70);
    ck_assert_uint_eq(look(&a, 8), 80);
    ck_assert_uint_eq(vmm_translate(&a, private).page_size, 2 * MIB);
    ck_assert_uint_eq(a.stats.maps, maps + 1);
    ck_assert_uint_eq(a.stats.copies, 0);
}
END_TEST

/*
 *   regions    none   small   one part large   two large halves
 *   merged     yes    no      no               no
 */
START_TEST(a_large_leaf_stays_within_one_large_region)
{ /* V24 */
    static const enum mm_status expected[] = { MM_OK, MM_REFUSED, MM_REFUSED,
                                               MM_REFUSED };
    struct vmm_unmapped gone;
    pfn_t f;

    if (_i == 1) {
        add(private, BLOCK, false);
    } else if (_i == 2) {
        add(vaddr_add(private, 64 * PAGE_SIZE), BLOCK, true);
    } else if (_i == 3) {
        add(private, BLOCK, true);
        ck_assert_status(
            vmm_region_split(&a, vaddr_add(private, 64 * PAGE_SIZE)), MM_OK);
    }
    ck_assert_status(pmm_alloc_run(&mm.pmm, pmm_block(PMM_ORDER_2M), &f),
                     MM_OK);
    ck_assert_status(pmm_break_up(&mm.pmm, f, BLOCK), MM_OK);
    ck_assert_status(vmm_map_range(&a, private, f, BLOCK, VMM_WRITE | VMM_USER),
                     MM_OK);
    ck_assert_status(vmm_merge(&a, private, 2), expected[_i]);
    ck_assert(mm_check(&mm, NULL));
    if (_i == 0 || _i == 2) { /* what no region gives back */
        const uint64_t own = _i == 0 ? BLOCK : 64;

        for (uint64_t n = 0; n < own; n++) {
            if (_i == 2) {
                gone = vmm_unmap(&a, vaddr_add(private, n * PAGE_SIZE));
                ck_assert_status(gone.status, MM_OK);
                vmm_flush(gone.token);
            }
            ck_assert_status(pmm_free(&mm.pmm, pfn_add(f, n)), MM_OK);
        }
    }
    if (_i == 0) {
        gone = vmm_unmap_leaf(&a, private, 2);
        ck_assert_status(gone.status, MM_OK);
        vmm_flush(gone.token);
    }
}
END_TEST

START_TEST(an_owner_too_many_of_any_frame_of_a_large_page_is_noticed)
{ /* P12 V22 */
    static const uint64_t at[] = { 0, 1, 300, BLOCK - 1 };
    const char *why = "";
    pfn_t f;

    add(private, BLOCK, true);
    put(&a, 7, 70);
    ck_assert_uint_eq(vmm_translate(&a, private).page_size, 2 * MIB);
    f = pfn_add(pfn_of(vmm_translate(&a, private).pa), at[_i]);
    ck_assert(mm_check(&mm, NULL));
    ck_assert_status(
        pmm_break_up(&mm.pmm, pfn_of(vmm_translate(&a, private).pa), BLOCK),
        MM_OK);
    ck_assert_status(pmm_share(&mm.pmm, f), MM_OK);
    ck_assert(!vmm_all_are_sound(&mm.space, &why));
    ck_assert_str_eq(why, "a frame is shown by more or fewer pages than own "
                          "it");
    ck_assert_status(pmm_free(&mm.pmm, f), MM_OK);
}
END_TEST

/*
 *   pages    [ 0 ]        [ 1 ]            [ 2 ]         [ 3 ]
 *   frames   first ...... first + 1100 ... first + 2200  a device's
 *
 * They are counted 1024 at a time.
 */
START_TEST(an_owner_too_many_is_noticed_wherever_its_frame_lies)
{ /* P12 V22 */
    const uint64_t apart = 1100, all = 2 * 1100 + 1;
    const struct pmm_want want = { .count = all };
    const char *why = "";
    pfn_t first, f;

    ck_assert_status(pmm_alloc_run(&mm.pmm, want, &first), MM_OK);
    ck_assert_status(pmm_break_up(&mm.pmm, first, all), MM_OK);
    add(private, 4, false);
    for (uint64_t n = 0; n < all; n++) {
        f = pfn_add(first, n);
        ck_must((n % apart == 0
                     ? vmm_map(&a, vaddr_add(private, n / apart * PAGE_SIZE), f,
                               VMM_USER)
                     : pmm_free(&mm.pmm, f)) == MM_OK,
                "frame %lu", (unsigned long)n);
    }
    ck_assert_status(vmm_map(&a, vaddr_add(private, 3 * PAGE_SIZE),
                             pfn(UINT64_C(0xfee00)), VMM_USER),
                     MM_OK);
    ck_assert_msg(mm_check(&mm, &why), "%s", why);
    f = pfn_add(first, (uint64_t)_i * apart);
    ck_assert_status(pmm_share(&mm.pmm, f), MM_OK);
    ck_assert(!vmm_all_are_sound(&mm.space, &why));
    ck_assert_str_eq(why, "a frame is shown by more or fewer pages than own "
                          "it");
    ck_assert_status(pmm_free(&mm.pmm, f), MM_OK);
}
END_TEST

Suite *vmm_joined_suite(void) {
    Suite *suite = suite_create("vmm_joined");
    TCase *tc = tcase_create("joined");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, pages_that_a_fork_shares_are_not_merged);
    tcase_add_test(tc, read_only_pages_that_a_fork_shares_are_not_merged);
    tcase_add_loop_test(
        tc, pages_that_one_side_alone_has_are_merged_after_a_fork, 0, 2);
    tcase_add_loop_test(tc, a_large_leaf_stays_within_one_large_region, 0, 4);
    tcase_add_loop_test(
        tc, an_owner_too_many_of_any_frame_of_a_large_page_is_noticed, 0, 4);
    tcase_add_loop_test(
        tc, an_owner_too_many_is_noticed_wherever_its_frame_lies, 0, 3);
    suite_add_tcase(suite, tc);
    return suite;
}
