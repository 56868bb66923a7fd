/*
 * All of it: every byte of a page, every page of a row, both ends of a range.
 * What a test that looks at the first alone would miss.
 *
 *   page    [ first byte ............ last byte ]
 *   row     [ first page ][ ... ][ last page ]
 *   range        [ first ............... last ]   inside large leaves
 */
#include <string.h>

#include "support/asserts.h"
#include "support/disk.h"
#include "support/machine.h"
#include "twin/suites.h"

static const vaddr_t private = { UINT64_C(0x8000000) };
static const vaddr_t block = { UINT64_C(0x444444400000) }; /* 2 MiB-aligned */
static struct vmm_space a, b;

static void start(enum machine_tables tables) {
    machine_tables = tables;
    machine_start_pages(&m);
    memset(&b, 0, sizeof b);
    ck_assert_status(vmm_space_create(&a, &m.space), MM_OK);
}
static void setup(void) {
    start(TABLES_DIRECT);
    ck_assert_status(pmm_keep_books(&m.pmm), MM_OK);
    m.free_at_start = pmm_free_count(&m.pmm) + 1; /* the root of a */
}
static void setup_temporary(void) {
    start(TABLES_TEMPORARY);
}
static void teardown(void) {
    const char *why = "";

    ck_assert_msg(vmm_all_are_sound(&m.space, &why), "%s", why);
    ck_assert_status(vmm_space_destroy(&a), MM_OK);
    if (b.root.v != 0) {
        ck_assert_status(vmm_space_destroy(&b), MM_OK);
    }
    machine_stop_pages(&m);
}

static vaddr_t nth(vaddr_t va, uint64_t n) {
    return vaddr_add(va, n * PAGE_SIZE);
}
static void flush(struct vmm_changed changed) {
    ck_assert_status(changed.status, MM_OK);
    vmm_flush(changed.token);
}
static enum mm_status add(struct vmm_space *space, vaddr_t va, uint64_t pages,
                          unsigned access) {
    return vmm_region_add(
        space, (struct vmm_region){ .name = "test",
                                    .range = { va, pages * PAGE_SIZE },
                                    .access = access,
                                    .backing = VMM_DEMAND });
}
static uint8_t byte_of(struct vmm_space *space, uint64_t at) {
    uint8_t byte = 0xee;

    ck_assert_status(
        vmm_copy_in(&byte, space, vaddr_add(private, at), 1).status, MM_OK);
    return byte;
}
static enum mm_status put(struct vmm_space *space, uint64_t at, uint8_t byte) {
    return vmm_copy_out(space, vaddr_add(private, at), &byte, 1).status;
}

/* --- a page -----------------------------------------------------------------
 */

START_TEST(every_byte_of_a_page_is_copied_before_a_write)
{ /* V22 */
    ck_assert_status(add(&a, private, 1, VMM_WRITE | VMM_USER), MM_OK);
    for (uint64_t n = 0; n < PAGE_SIZE; n += 273) {
        ck_assert_status(put(&a, n, (uint8_t)(n / 273 + 1)), MM_OK);
    }
    ck_assert_status(vmm_space_fork(&b, &a), MM_OK);
    ck_assert_status(put(&b, 100, 99), MM_OK);
    for (uint64_t n = 0; n < PAGE_SIZE; n += 273) {
        ck_assert_uint_eq(byte_of(&b, n), n / 273 + 1);
        ck_assert_uint_eq(byte_of(&a, n), n / 273 + 1);
    }
    ck_assert_uint_eq(byte_of(&a, 100), 0);
    ck_assert_uint_eq(byte_of(&b, 100), 99);
}
END_TEST

START_TEST(a_page_made_read_only_by_hand_stays_so_after_a_fork)
{ /* V22: its region may be written */
    ck_assert_status(add(&a, private, 1, VMM_WRITE | VMM_USER), MM_OK);
    ck_assert_status(put(&a, 0, 1), MM_OK);
    flush(vmm_protect(&a, private, VMM_USER));
    ck_assert_status(vmm_space_fork(&b, &a), MM_OK);
    ck_assert_status(put(&a, 0, 2), MM_REFUSED);
    ck_assert_status(put(&b, 0, 2), MM_REFUSED);
    ck_assert_uint_eq(byte_of(&b, 0), 1);
}
END_TEST

START_TEST(a_page_that_is_not_the_users_is_not_copied_for_him)
{ /* V17: present, so no fault asks its region */
    uint8_t byte = 0;

    ck_assert_status(add(&a, private, 1, VMM_WRITE), MM_OK);
    vmm_space_switch(&a);
    *(volatile uint8_t *)pointer_of(private) = 1;
    vmm_space_switch(&m.space);
    ck_assert_status(vmm_copy_in(&byte, &a, private, 1).status, MM_REFUSED);
    ck_assert_status(put(&a, 0, 2), MM_REFUSED);
    ck_assert_uint_eq(byte, 0);
}
END_TEST

START_TEST(an_updated_page_has_the_new_rights)
{ /* V1 V5 */
    static const unsigned rights[] = { VMM_READ, VMM_WRITE,
                                       VMM_EXECUTE | VMM_USER,
                                       VMM_UNCACHED | VMM_GLOBAL };
    struct vmm_unmapped seen;

    ck_assert_status(vmm_map(&m.space, block, pfn(1), VMM_WRITE), MM_OK);
    for (size_t n = 0; n < sizeof rights / sizeof rights[0]; n++) {
        seen = vmm_update(&m.space, block, pfn(n + 2), rights[n]);
        ck_assert_status(seen.status, MM_OK);
        vmm_flush(seen.token);
        ck_assert_uint_eq(seen.frame.v, n + 1);
        ck_assert_hex_eq(vmm_translate(&m.space, block).access, rights[n]);
    }
    flush(vmm_unmap_range(&m.space, block, 1));
}
END_TEST

/* --- a row -------------------------------------------------------------------
 */

START_TEST(one_page_of_a_row_keeps_a_region_out)
{ /* V9 V10: the first, one between, the last */
    const uint64_t at[] = { 0, 3, 7 };
    vaddr_t found;

    ck_assert_status(vmm_map(&m.space, nth(block, at[_i]), pfn(1), VMM_READ),
                     MM_OK);
    ck_assert_status(add(&m.space, block, 8, VMM_WRITE), MM_ALREADY_MAPPED);
    ck_assert_status(vmm_region_find(&m.space, (struct vrange){ block, MIB },
                                     8 * PAGE_SIZE, 0, &found),
                     MM_OK);
    ck_assert_hex_eq(found.v, nth(block, at[_i] + 1).v);
    flush(vmm_unmap_range(&m.space, block, 8));
}
END_TEST

START_TEST(each_leaf_of_a_row_of_large_ones_shows_its_own_frames)
{                                               /* V1 V24 */
    const pfn_t first = pfn(UINT64_C(0xc0000)); /* never ours */

    ck_assert_status(vmm_map_large(&m.space, block, first, 3 * 512, VMM_READ),
                     MM_OK);
    for (uint64_t n = 0; n < 3 * 512; n += 511) {
        ck_assert_shows(&m.space, nth(block, n), pfn_add(first, n));
    }
    ck_assert_uint_eq(vmm_translate(&m.space, nth(block, 1024)).page_size,
                      2 * MIB);
    flush(vmm_unmap_range(&m.space, block, 3 * 512));
}
END_TEST

/* --- a range
 * ------------------------------------------------------------------
 */

/*
 *   leaves   [ 2 MiB ][ 2 MiB ][ 2 MiB ]
 *   range    ..[......................]       a page too short at one end
 */
START_TEST(a_range_that_cuts_a_large_page_at_either_end_is_refused)
{ /* V1 */
    const uint64_t lead = _i == 0, tail = _i == 1;
    const vaddr_t va = nth(block, lead);
    const uint64_t count = 3 * 512 - lead - tail;
    struct vmm_changed seen;
    uint64_t tables;

    ck_assert_status(vmm_map_large(&m.space, block, pfn(UINT64_C(0xc0000)),
                                   3 * 512, VMM_WRITE),
                     MM_OK);
    tables = machine_tables_hash(&m.space);
    seen = vmm_unmap_range(&m.space, va, count);
    ck_assert_status(seen.status, MM_HUGE_PAGE);
    ck_assert(!vmm_token_owes(seen.token));
    seen = vmm_protect_range(&m.space, va, count, VMM_READ);
    ck_assert_status(seen.status, MM_HUGE_PAGE);
    ck_assert(!vmm_token_owes(seen.token));
    ck_assert_hex_eq(machine_tables_hash(&m.space), tables);
    flush(vmm_unmap_range(&m.space, block, 3 * 512));
}
END_TEST

START_TEST(from_address_0_on_the_first_place_is_page_1)
{ /* V10 */
    vaddr_t found = { 0 };

    ck_assert_status(vmm_region_find(&a, (struct vrange){ vaddr(0), MIB },
                                     PAGE_SIZE, 0, &found),
                     MM_OK);
    ck_assert_hex_eq(found.v, PAGE_SIZE);
}
END_TEST

START_TEST(no_call_of_the_mapper_makes_a_page_writable_and_executable)
{ /* V24: unless the space says that it may */
    const unsigned both = VMM_WRITE | VMM_EXECUTE;

    ck_assert_status(vmm_map(&m.space, block, pfn(1), VMM_READ), MM_OK);
    m.space.write_execute = false;
    ck_assert_status(vmm_map(&m.space, nth(block, 1), pfn(1), both),
                     MM_REFUSED);
    ck_assert_status(vmm_map_range(&m.space, nth(block, 1), pfn(1), 2, both),
                     MM_REFUSED);
    ck_assert_status(vmm_update(&m.space, block, pfn(1), both).status,
                     MM_REFUSED);
    ck_assert_status(vmm_protect(&m.space, block, both).status, MM_REFUSED);
    ck_assert_status(vmm_protect_range(&m.space, block, 2, both).status,
                     MM_REFUSED);
    ck_assert_hex_eq(vmm_translate(&m.space, block).access, VMM_READ);
    m.space.write_execute = true;
    flush(vmm_unmap_range(&m.space, block, 2));
}
END_TEST

/* --- the window
 * ---------------------------------------------------------------
 */

START_TEST(the_frame_of_a_page_that_was_taken_away_is_shown_no_longer)
{ /* A4 V23: the window showed it when it was new */
    static struct disk disk;
    const char *why = "";

    disk_start(&disk, &m.space, 4);
    ck_assert_status(
        vmm_region_add(&m.space,
                       (struct vmm_region){ .name = "paged",
                                            .range = { block, 4 * PAGE_SIZE },
                                            .access = VMM_WRITE,
                                            .backing = VMM_PAGED,
                                            .pager = &disk.pager }),
        MM_OK);
    for (uint64_t n = 0; n < 4; n++) {
        ck_assert_status(vmm_fault(&m.space, nth(block, n), PF_WRITE).status,
                         MM_OK);
    }
    for (uint64_t n = 0; n < 4; n++) {
        ck_assert_status(vmm_evict(&m.space), MM_OK);
        ck_assert_msg(vmm_all_are_sound(&m.space, &why), "%s", why);
    }
    ck_assert_status(vmm_region_remove(&m.space, block), MM_OK);
    disk_end(&disk);
}
END_TEST

Suite *vmm_whole_suite(void) {
    Suite *suite = suite_create("vmm_whole");
    TCase *tc = tcase_create("whole");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, every_byte_of_a_page_is_copied_before_a_write);
    tcase_add_test(tc, a_page_made_read_only_by_hand_stays_so_after_a_fork);
    tcase_add_test(tc, a_page_that_is_not_the_users_is_not_copied_for_him);
    tcase_add_test(tc, an_updated_page_has_the_new_rights);
    tcase_add_loop_test(tc, one_page_of_a_row_keeps_a_region_out, 0, 3);
    tcase_add_test(tc, each_leaf_of_a_row_of_large_ones_shows_its_own_frames);
    tcase_add_loop_test(
        tc, a_range_that_cuts_a_large_page_at_either_end_is_refused, 0, 2);
    tcase_add_test(tc, from_address_0_on_the_first_place_is_page_1);
    tcase_add_test(tc,
                   no_call_of_the_mapper_makes_a_page_writable_and_executable);
    suite_add_tcase(suite, tc);

    tc = tcase_create("window");
    tcase_add_checked_fixture(tc, setup_temporary, teardown);
    tcase_add_test(tc,
                   the_frame_of_a_page_that_was_taken_away_is_shown_no_longer);
    suite_add_tcase(suite, tc);
    return suite;
}
