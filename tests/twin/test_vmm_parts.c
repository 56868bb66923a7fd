/*
 * Parts of regions, and large pages in them: filled, cut, protected, forked,
 * and every frame back in the end.
 *
 *   page      0 .. 509   510  511 | 512 ....... 1023 | 1024 1025
 *   region                [ 4 KiB |      2 MiB       | 4 KiB   ]
 */
#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

#define BLOCK UINT64_C(512) /* pages */

static const vaddr_t base = { UINT64_C(0x448000000000) }; /* 2 MiB-aligned */
static const vaddr_t private = { UINT64_C(0x8000000) };
static uint64_t free_at_start;

static void setup(void) {
    machine_start(&mm, NULL); /* the default strategy keeps blocks whole */
    ck_assert_status(pmm_keep_books(&mm.pmm), MM_OK);
    free_at_start = pmm_free_count(&mm.pmm);
}

/* All that a test left in the upper window is removed here. */
static void teardown(void) {
    const struct vmm_region *region, *next;
    const char *why = "";

    machine_give_back(&mm.pmm);
    ck_assert_msg(mm_check(&mm, &why), "after the test: %s", why);
    for (region = vmm_region_next(&mm.space, NULL); region != NULL;
         region = next) {
        next = vmm_region_next(&mm.space, region);
        if (region->range.base.v >= base.v) {
            ck_assert_status(vmm_region_remove(&mm.space, region->range.base),
                             MM_OK);
        }
    }
    vmm_reclaim_tables(&mm.space, (struct vrange){ base, GIB });
    ck_assert_uint_eq(mm.space.stats.not_taken_back, 0);
    ck_assert_uint_eq(pmm_free_count(&mm.pmm), free_at_start);
    machine_stop(&mm);
}

static vaddr_t nth(uint64_t n) {
    return vaddr_add(base, n * PAGE_SIZE);
}

static struct vmm_region region(uint64_t first, uint64_t pages,
                                enum vmm_backing backing) {
    return (struct vmm_region){ .name = "test",
                                .range = { nth(first), pages * PAGE_SIZE },
                                .access = VMM_WRITE,
                                .backing = backing,
                                .limit = pages * PAGE_SIZE,
                                .large = true };
}

static void add(uint64_t first, uint64_t pages, enum vmm_backing backing) {
    ck_assert_status(vmm_region_add(&mm.space, region(first, pages, backing)),
                     MM_OK);
}

static uint64_t page_size(uint64_t n) {
    return vmm_translate(&mm.space, nth(n)).page_size;
}

static bool write_to(uint64_t n, uint8_t value) {
    struct trap_fault fault;

    return trap_try_write(vaddr_add(nth(n), 77), value, &fault);
}

static uint8_t read_from(uint64_t n) {
    struct trap_fault fault;
    uint8_t value = 0xee;

    ck_assert(trap_try_read(vaddr_add(nth(n), 77), &value, &fault));
    return value;
}

/* --- large pages ------------------------------------------------------------
 */

START_TEST(a_first_touch_in_a_large_region_brings_2_mib_of_zeroes)
{ /* V11 V24 */
    const uint64_t *words = pointer_of(nth(BLOCK));
    const uint64_t maps = mm.space.stats.maps;

    add(510, BLOCK + 4, VMM_DEMAND);
    ck_assert(write_to(BLOCK + 9, 1));
    ck_assert_uint_eq(page_size(2 * BLOCK - 1), 2 * MIB);
    ck_assert_uint_eq(mm.space.stats.maps, maps + 1);
    for (uint64_t n = 0; n < BLOCK * 512; n++) {
        ck_must(words[n] == 0 || n == 9 * 512 + 9, "word %lu is not 0",
                (unsigned long)n);
    }
    ck_assert_uint_eq(mm.space.stats.maps, maps + 1); /* no other fault */
    ck_assert(write_to(511, 2) && write_to(2 * BLOCK, 3));
    ck_assert_uint_eq(page_size(511), PAGE_SIZE);
    ck_assert_uint_eq(page_size(2 * BLOCK), PAGE_SIZE);
    ck_assert_uint_eq(read_from(BLOCK + 9), 1);
}
END_TEST

START_TEST(a_region_that_is_not_large_has_small_pages)
{ /* V24 */
    struct vmm_region small = region(0, BLOCK, VMM_DEMAND);

    small.large = false;
    ck_assert_status(vmm_region_add(&mm.space, small), MM_OK);
    ck_assert(write_to(3, 1));
    ck_assert_uint_eq(page_size(3), PAGE_SIZE);
}
END_TEST

START_TEST(without_2_mib_of_ram_in_one_piece_there_are_small_pages)
{ /* V24 */
    add(0, 2 * BLOCK, VMM_DEMAND);
    machine_leave_free(&mm.pmm, 100);
    ck_assert(write_to(3, 1));
    ck_assert_uint_eq(page_size(3), PAGE_SIZE);
    machine_give_back(&mm.pmm);
    ck_assert(write_to(4, 1)); /* the block is begun */
    ck_assert_uint_eq(page_size(4), PAGE_SIZE);
    ck_assert(write_to(BLOCK, 1));
    ck_assert_uint_eq(page_size(BLOCK), 2 * MIB);
}
END_TEST

START_TEST(a_large_page_takes_the_place_of_a_table_that_shows_nothing)
{ /* V4 V24 */
    add(0, 1, VMM_DEMAND);
    ck_assert(write_to(0, 1));
    ck_assert_status(vmm_region_remove(&mm.space, base), MM_OK);
    add(0, BLOCK, VMM_DEMAND);
    ck_assert(write_to(0, 1));
    ck_assert_uint_eq(page_size(0), 2 * MIB);
}
END_TEST

/* Frames: 2 + 512 + 4 pages, tables for both ends and two levels above. */
START_TEST(an_immediate_large_region_is_made_or_leaves_nothing_behind)
{ /* V8 V11 V24 */
    static const uint64_t left[] = { 0, 1, 511, 512, 517, 518, 521, 522, 523 };
    const struct vmm_region immediate = region(510, BLOCK + 6, VMM_IMMEDIATE);
    unsigned made = 0;

    for (size_t k = 0; k < sizeof(left) / sizeof(left[0]); k++) {
        const uint64_t hash = machine_tables_hash(&mm.space);

        machine_leave_free(&mm.pmm, left[k]);
        if (vmm_region_add(&mm.space, immediate) == MM_OK) {
            ck_assert_status(vmm_region_remove(&mm.space, nth(510)), MM_OK);
            vmm_reclaim_tables(&mm.space, (struct vrange){ base, GIB });
            made++;
        }
        ck_assert_uint_eq(pmm_free_count(&mm.pmm), left[k]);
        ck_assert(machine_tables_hash(&mm.space) == hash);
        machine_give_back(&mm.pmm);
    }
    ck_assert_uint_le(made, 2); /* 523, and 522 with a block */
    ck_assert_uint_ge(made, 1);
    add(500, 1, VMM_IMMEDIATE); /* does not reach a border of 2 MiB */
    add(510, BLOCK + 6, VMM_IMMEDIATE);
    ck_assert_uint_eq(page_size(511), PAGE_SIZE);
    ck_assert_uint_eq(page_size(BLOCK), 2 * MIB);
    ck_assert_uint_eq(page_size(2 * BLOCK + 3), PAGE_SIZE);
}
END_TEST

START_TEST(a_large_device_is_shown_by_large_pages_and_keeps_its_frames)
{ /* V12 V24 */
    struct vmm_region device = region(0, BLOCK + 1, VMM_DEVICE);

    device.device = pfn(UINT64_C(0xc0000000) >> PAGE_SHIFT);
    ck_assert_status(vmm_region_add(&mm.space, device), MM_OK);
    ck_assert_uint_eq(page_size(5), 2 * MIB);
    ck_assert_uint_eq(page_size(BLOCK), PAGE_SIZE);
    ck_assert_shows(&mm.space, nth(BLOCK), pfn_add(device.device, BLOCK));
    ck_assert_status(vmm_region_split(&mm.space, nth(7)), MM_OK);
    ck_assert_shows(&mm.space, nth(8), pfn_add(device.device, 8));
    ck_assert_uint_eq(vmm_region_at(&mm.space, nth(7))->device.v,
                      device.device.v + 7);
    ck_assert_uint_eq(vmm_translate(&mm.space, nth(8)).access,
                      VMM_WRITE | VMM_UNCACHED);
}
END_TEST

/* --- parts ------------------------------------------------------------------
 */

/*
 *   [            2 MiB            ]
 *   [ 0 .. 99 ][ 100 .. 199 ][ .. ]     the middle goes
 */
START_TEST(a_part_of_a_large_page_goes_and_the_rest_stays)
{ /* V13 V24 */
    uint64_t left;

    add(0, BLOCK, VMM_DEMAND);
    ck_assert(write_to(99, 1) && write_to(150, 2) && write_to(200, 3));
    ck_assert_status(vmm_region_split(&mm.space, nth(100)), MM_OK);
    ck_assert_status(vmm_region_split(&mm.space, nth(200)), MM_OK);
    left = pmm_free_count(&mm.pmm);
    ck_assert_status(vmm_region_remove(&mm.space, nth(100)), MM_OK);
    ck_assert_uint_eq(pmm_free_count(&mm.pmm), left + 100);
    ck_assert_unmapped(&mm.space, nth(100));
    ck_assert_unmapped(&mm.space, nth(199));
    ck_assert_uint_eq(read_from(99), 1);
    ck_assert_uint_eq(read_from(200), 3);
    ck_assert(!write_to(150, 1));
}
END_TEST

START_TEST(a_split_between_two_large_pages_leaves_both_large)
{ /* V9 V24 */
    add(0, 2 * BLOCK, VMM_IMMEDIATE);
    ck_assert_status(vmm_region_split(&mm.space, nth(BLOCK)), MM_OK);
    ck_assert_uint_eq(page_size(BLOCK - 1), 2 * MIB);
    ck_assert_uint_eq(page_size(BLOCK), 2 * MIB);
    ck_assert_status(vmm_region_remove(&mm.space, base), MM_OK);
    ck_assert_uint_eq(page_size(BLOCK), 2 * MIB);
}
END_TEST

START_TEST(a_part_is_protected_and_the_rest_is_not)
{ /* V5 V9 */
    add(0, BLOCK, VMM_DEMAND);
    ck_assert(write_to(0, 1) && write_to(10, 2));
    ck_assert_status(vmm_region_split(&mm.space, nth(10)), MM_OK);
    ck_assert_status(vmm_region_split(&mm.space, nth(20)), MM_OK);
    ck_assert_status(vmm_region_protect(&mm.space, nth(10), VMM_READ), MM_OK);
    ck_assert(!write_to(10, 3) && !write_to(19, 3));
    ck_assert_str_eq(mm.verdict.reason, "write to a read-only region");
    ck_assert(write_to(9, 3) && write_to(20, 3));
    ck_assert_uint_eq(read_from(10), 2);
    ck_assert_status(
        vmm_region_protect(&mm.space, nth(10), VMM_WRITE | VMM_EXECUTE),
        MM_REFUSED);
    ck_assert_status(vmm_region_protect(&mm.space, nth(10), 1u << 20),
                     MM_BAD_ARGUMENT);
    ck_assert_status(vmm_region_protect(&mm.space, nth(11), VMM_READ),
                     MM_NO_REGION);
    ck_assert(!write_to(10, 4));
    ck_assert_status(vmm_region_protect(&mm.space, nth(10), VMM_WRITE), MM_OK);
    ck_assert(write_to(10, 4));
}
END_TEST

START_TEST(a_device_stays_uncached_when_its_rights_change)
{ /* V12 */
    struct vmm_region device = region(0, 2, VMM_DEVICE);

    device.device = pfn(UINT64_C(0xfee00));
    ck_assert_status(vmm_region_add(&mm.space, device), MM_OK);
    ck_assert_status(vmm_region_protect(&mm.space, base, VMM_READ), MM_OK);
    ck_assert_uint_eq(vmm_translate(&mm.space, base).access, VMM_UNCACHED);
}
END_TEST

START_TEST(a_place_where_no_region_can_be_split_is_told)
{ /* V9 */
    add(0, 4, VMM_DEMAND);
    add(20, 4, VMM_STACK);
    ck_assert_status(vmm_region_split(&mm.space, vaddr_add(base, 1)),
                     MM_NOT_ALIGNED);
    ck_assert_status(vmm_region_split(&mm.space, nth(4)), MM_NO_REGION);
    ck_assert_status(vmm_region_split(&mm.space, nth(100)), MM_NO_REGION);
    ck_assert_status(vmm_region_split(&mm.space, nth(21)), MM_REFUSED);
    ck_assert_status(vmm_region_split(&mm.space, base), MM_OK); /* already */
    ck_assert_uint_eq(vmm_region_at(&mm.space, base)->range.len, 4 * PAGE_SIZE);
}
END_TEST

START_TEST(a_split_without_a_frame_changes_nothing)
{ /* V8: for the table, for the record */
    uint64_t n = 1;

    add(0, BLOCK, VMM_DEMAND);
    ck_assert(write_to(0, 1));
    machine_leave_free(&mm.pmm, 0);
    ck_assert_status(vmm_region_split(&mm.space, nth(1)), MM_NO_MEMORY);
    ck_assert_uint_eq(page_size(1), 2 * MIB);
    machine_leave_free(&mm.pmm, 1);
    while (vmm_region_split(&mm.space, nth(n)) == MM_OK) {
        n++;
    }
    ck_assert_uint_eq(mm.space.region_count, VMM_RECORDS_INSIDE);
    ck_assert_uint_eq(vmm_region_at(&mm.space, nth(n))->range.len,
                      (BLOCK - n + 1) * PAGE_SIZE);
    ck_assert(vmm_is_sound(&mm.space, NULL));
}
END_TEST

START_TEST(a_page_split_and_merged_by_hand_comes_back_all_the_same)
{ /* V24: single frames behind one leaf */
    add(0, BLOCK, VMM_DEMAND);
    ck_assert(write_to(0, 1));
    ck_assert_status(vmm_split(&mm.space, base, 1), MM_OK);
    if (_i == 1) {
        ck_assert_status(vmm_merge(&mm.space, base, 2), MM_OK);
    }
    ck_assert(mm_check(&mm, NULL));
}
END_TEST

/* --- fork -------------------------------------------------------------------
 */

static uint8_t look(struct vmm_space *space, uint64_t n) {
    const vaddr_t va = vaddr_add(private, n * PAGE_SIZE);
    uint8_t value = 0xee;

    ck_assert_status(vmm_copy_in(&value, space, va, 1).status, MM_OK);
    return value;
}

static void put(struct vmm_space *space, uint64_t n, uint8_t value) {
    const vaddr_t va = vaddr_add(private, n * PAGE_SIZE);

    ck_assert_status(vmm_copy_out(space, va, &value, 1).status, MM_OK);
}

START_TEST(a_fork_makes_small_pages_of_large_ones_and_copies_one_at_a_time)
{ /* V22 V24 */
    static struct vmm_space a, b;
    struct vmm_region large = region(0, BLOCK, VMM_DEMAND);
    uint64_t left;

    large.range.base = private;
    large.access |= VMM_USER;
    ck_assert_status(vmm_space_create(&a, &mm.space), MM_OK);
    ck_assert_status(vmm_region_add(&a, large), MM_OK);
    put(&a, 7, 70);
    ck_assert_uint_eq(vmm_translate(&a, private).page_size, 2 * MIB);
    ck_assert_status(vmm_space_fork(&b, &a), MM_OK);
    ck_assert(mm_check(&mm, NULL));
    left = pmm_free_count(&mm.pmm);
    put(&b, 7, 71);
    ck_assert_uint_eq(pmm_free_count(&mm.pmm), left - 1);
    ck_assert_uint_eq(look(&a, 7), 70);
    ck_assert_uint_eq(look(&b, 7), 71);
    ck_assert_uint_eq(b.stats.copies, 1);
    put(&a, 7, 72); /* the last owner */
    ck_assert_uint_eq(a.stats.copies, 0);
    ck_assert(mm_check(&mm, NULL));
    ck_assert_status(vmm_space_destroy(_i == 0 ? &a : &b), MM_OK);
    ck_assert_uint_eq(look(_i == 0 ? &b : &a, 7), _i == 0 ? 71 : 72);
    ck_assert_status(vmm_space_destroy(_i == 0 ? &b : &a), MM_OK);
    ck_assert_uint_eq(pmm_free_count(&mm.pmm), free_at_start);
}
END_TEST

START_TEST(a_fork_without_a_frame_for_small_pages_keeps_what_is_shown)
{ /* V8 V22 */
    static struct vmm_space a, b;
    struct vmm_region large = region(0, BLOCK, VMM_DEMAND);

    large.range.base = private;
    large.access |= VMM_USER;
    ck_assert_status(vmm_space_create(&a, &mm.space), MM_OK);
    ck_assert_status(vmm_region_add(&a, large), MM_OK);
    put(&a, 7, 70);
    for (uint64_t left = 0; left < 4; left++) {
        machine_leave_free(&mm.pmm, left);
        ck_assert_status(vmm_space_fork(&b, &a), MM_NO_MEMORY);
        ck_assert_uint_eq(look(&a, 7), 70);
        ck_assert_ptr_eq(mm.space.next, &a);
    }
    machine_give_back(&mm.pmm);
    ck_assert(mm_check(&mm, NULL));
    ck_assert_status(vmm_space_destroy(&a), MM_OK);
    ck_assert_uint_eq(pmm_free_count(&mm.pmm), free_at_start);
}
END_TEST

/** A region of @pages at @va of @space. */
static void add_private(struct vmm_space *space, vaddr_t va, uint64_t pages,
                        enum vmm_backing backing) {
    struct vmm_region one = region(0, pages, backing);

    one.range.base = va;
    one.access |= VMM_USER;
    one.device = pfn(UINT64_C(0xc0000000) >> PAGE_SHIFT);
    ck_assert_status(vmm_region_add(space, one), MM_OK);
}

/* Of the kernel's space the private part is forked, not the heap. */
START_TEST(what_was_never_touched_and_a_large_device_are_forked_as_they_are)
{ /* V12 V22 */
    static struct vmm_space b;
    const vaddr_t device = vaddr_add(private, 4 * MIB);
    const vaddr_t by_hand = vaddr_add(private, 8 * MIB);
    const pfn_t apic = pfn(UINT64_C(0xfee00));

    add_private(&mm.space, private, BLOCK, VMM_DEMAND);
    add_private(&mm.space, device, BLOCK, VMM_DEVICE);
    add_private(&mm.space, by_hand, 1, VMM_DEMAND);
    ck_assert_status(vmm_map(&mm.space, by_hand, apic, VMM_USER), MM_OK);
    ck_assert_status(vmm_space_fork(&b, &mm.space), MM_OK);
    ck_assert_uint_eq(b.region_count, 3);
    ck_assert_unmapped(&b, private);
    ck_assert_uint_eq(vmm_translate(&b, device).page_size, 2 * MIB);
    ck_assert_shows(&b, by_hand, apic); /* never the pmm's */
    ck_assert_ptr_eq(vmm_region_at(&b, vaddr(MM_HEAP_BASE)),
                     vmm_region_at(&mm.space, vaddr(MM_HEAP_BASE)));
    ck_assert_status(vmm_space_destroy(&b), MM_OK);
    ck_assert_status(vmm_region_remove(&mm.space, private), MM_OK);
    ck_assert_status(vmm_region_remove(&mm.space, device), MM_OK);
    ck_assert_status(vmm_region_remove(&mm.space, by_hand), MM_OK);
    vmm_reclaim_tables(&mm.space, (struct vrange){ private, GIB });
}
END_TEST

START_TEST(a_fork_without_a_frame_for_a_record_changes_nothing)
{ /* V8 V22 */
    static struct vmm_space a, b;

    ck_assert_status(vmm_space_create(&a, &mm.space), MM_OK);
    for (uint64_t n = 0; n <= VMM_RECORDS_INSIDE; n++) {
        add_private(&a, vaddr_add(private, n * 2 * PAGE_SIZE), 1, VMM_GUARD);
    }
    for (uint64_t left = 0; left < 2; left++) { /* the root, the record */
        machine_leave_free(&mm.pmm, left);
        ck_assert_status(vmm_space_fork(&b, &a), MM_NO_MEMORY);
        ck_assert_uint_eq(pmm_free_count(&mm.pmm), left);
        ck_assert_ptr_eq(mm.space.next, &a);
    }
    machine_give_back(&mm.pmm);
    ck_assert_status(vmm_space_fork(&b, &a), MM_OK);
    ck_assert_uint_eq(b.region_count, VMM_RECORDS_INSIDE + 1);
    ck_assert_status(vmm_space_destroy(&b), MM_OK);
    ck_assert_status(vmm_space_destroy(&a), MM_OK);
    ck_assert_uint_eq(pmm_free_count(&mm.pmm), free_at_start);
}
END_TEST

Suite *vmm_parts_suite(void) {
    Suite *suite = suite_create("vmm_parts");
    TCase *tc = tcase_create("parts");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_first_touch_in_a_large_region_brings_2_mib_of_zeroes);
    tcase_add_test(tc, a_region_that_is_not_large_has_small_pages);
    tcase_add_test(tc, without_2_mib_of_ram_in_one_piece_there_are_small_pages);
    tcase_add_test(tc,
                   a_large_page_takes_the_place_of_a_table_that_shows_nothing);
    tcase_add_test(tc,
                   an_immediate_large_region_is_made_or_leaves_nothing_behind);
    tcase_add_test(tc,
                   a_large_device_is_shown_by_large_pages_and_keeps_its_frames);
    tcase_add_test(tc, a_part_of_a_large_page_goes_and_the_rest_stays);
    tcase_add_test(tc, a_split_between_two_large_pages_leaves_both_large);
    tcase_add_test(tc, a_part_is_protected_and_the_rest_is_not);
    tcase_add_test(tc, a_device_stays_uncached_when_its_rights_change);
    tcase_add_test(tc, a_place_where_no_region_can_be_split_is_told);
    tcase_add_test(tc, a_split_without_a_frame_changes_nothing);
    tcase_add_loop_test(
        tc, a_page_split_and_merged_by_hand_comes_back_all_the_same, 0, 2);
    tcase_add_loop_test(
        tc, a_fork_makes_small_pages_of_large_ones_and_copies_one_at_a_time, 0,
        2);
    tcase_add_test(tc,
                   a_fork_without_a_frame_for_small_pages_keeps_what_is_shown);
    tcase_add_test(
        tc, what_was_never_touched_and_a_large_device_are_forked_as_they_are);
    tcase_add_test(tc, a_fork_without_a_frame_for_a_record_changes_nothing);
    suite_add_tcase(suite, tc);
    return suite;
}
