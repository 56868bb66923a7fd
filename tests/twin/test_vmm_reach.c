/*
 * Tables by a window and by a recursive slot, instead of the direct map; the
 * mapper's own suites go through all three ways as well.
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
    machine_start_pages(&m);
}
static void setup_recursive(void) {
    machine_tables = TABLES_RECURSIVE;
    machine_start_pages(&m);
}
static void teardown(void) {
    machine_stop_pages(&m);
}

/* --- the calculator ---------------------------------------------------------
 */

static const struct {
    unsigned slot;
    uint64_t va;
    uint64_t tables[4]; /* of levels 1 to 4 */
} addresses[] = {
    { 511,
      0,
      { UINT64_C(0xffffff8000000000), UINT64_C(0xffffffffc0000000),
        UINT64_C(0xffffffffffe00000), UINT64_C(0xfffffffffffff000) } },
    { 510,
      0,
      { UINT64_C(0xffffff0000000000), UINT64_C(0xffffff7f80000000),
        UINT64_C(0xffffff7fbfc00000), UINT64_C(0xffffff7fbfdfe000) } },
    /* indices 1, 0, 511, 127 */
    { 511,
      UINT64_C(0x803fe7f5ce),
      { UINT64_C(0xffffff80401ff000), UINT64_C(0xffffffffc0200000),
        UINT64_C(0xffffffffffe01000), UINT64_C(0xfffffffffffff000) } },
    { 137,
      UINT64_C(0xffffffffffffffff),
      { UINT64_C(0x44fffffff000), UINT64_C(0x44a27ffff000),
        UINT64_C(0x44a2513ff000), UINT64_C(0x44a251289000) } },
};

START_TEST(the_recursive_address_of_every_table_is_the_one_of_the_drawing)
{ /* A4 */
    for (unsigned level = 1; level <= 4; level++) {
        ck_assert_hex_eq(vmm_recursive_table(addresses[_i].slot,
                                             vaddr(addresses[_i].va), level)
                             .v,
                         addresses[_i].tables[level - 1]);
    }
}
END_TEST

START_TEST(at_its_recursive_address_every_table_shows_its_entries)
{ /* A4 */
    static const char *const level_names[] = { "", "PT", "PD", "PDPT", "PML4" };
    pfn_t f;
    struct vmm_unmapped gone;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, page, f, VMM_WRITE), MM_OK);
    for (unsigned level = 1; level <= 4; level++) {
        const pte_t *seen =
            pointer_of(vmm_recursive_table(MACHINE_SLOT, page, level));
        const pte_t *direct = machine_entry(&m.space, page, level);

        ck_assert_msg(seen[table_index(page, level)].v == direct->v,
                      "the %s is not where it should be", level_names[level]);
    }
    gone = vmm_unmap(&m.space, page);
    vmm_flush(gone.token);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

/* --- beginning
 * ---------------------------------------------------------------- */

static void refuse(uint64_t window, unsigned slot, enum mm_status expected) {
    struct vmm_reach reach = { .window = vaddr(window), .slot = slot };

    ck_assert_status(vmm_reach_by(&m.space, &reach), expected);
    ck_assert_ptr_null(m.space.reach);
}

START_TEST(a_window_or_slot_that_cannot_be_is_refused)
{ /* A4 */
    const uint64_t free_frames = pmm_free_count(&m.pmm);
    const unsigned direct = table_index(m.space.direct_base, 4);
    struct vmm_space other;
    struct vmm_reach reach = { .window = vaddr(MACHINE_WINDOW) };
    struct vmm_changed gone;

    refuse(MACHINE_WINDOW + PAGE_SIZE, 0, MM_NOT_ALIGNED);
    refuse(UINT64_C(0x800000000000), 0, MM_NOT_CANONICAL);
    refuse(MACHINE_WINDOW, 512, MM_BAD_ARGUMENT);
    refuse(MACHINE_WINDOW, 3, MM_BAD_ARGUMENT); /* each space's own */
    refuse(MACHINE_WINDOW, direct == 64 ? 64 : 256, MM_BAD_ARGUMENT); /* used */
    refuse(MACHINE_WINDOW, 138, MM_BAD_ARGUMENT); /* the window's own */
    ck_assert_status(vmm_space_create(&other, &m.space), MM_OK);
    ck_assert_status(vmm_reach_by(&other, &reach), MM_BAD_RANGE);
    ck_assert_status(vmm_space_destroy(&other), MM_OK);
    machine_leave_free(&m.pmm, 2);
    refuse(MACHINE_WINDOW, 0, MM_NO_MEMORY);
    machine_give_back(&m.pmm);
    ck_assert_uint_eq(pmm_free_count(&m.pmm), free_frames);
    ck_assert(machine_tables_hash(&m.space) == m.tables_at_start);
    ck_assert_status(vmm_map(&m.space, vaddr(MACHINE_WINDOW), pfn(1000), 0),
                     MM_OK);
    refuse(MACHINE_WINDOW, 0, MM_ALREADY_MAPPED);
    gone = vmm_unmap_range(&m.space, vaddr(MACHINE_WINDOW), 1);
    vmm_flush(gone.token);
}
END_TEST

/* --- more than the window shows at once
 * --------------------------------------- */

#define MANY (REACH_PAGES + 36)

/* 100 page tables, vacant; then a page of 1 GiB takes the place of all. */
static void through_many_tables(void) {
    const vaddr_t gib = vaddr(align_down(page.v, GIB) + GIB);
    const uint64_t tables = m.space.stats.tables;
    struct vmm_changed gone;
    const char *why = "";

    for (uint64_t n = 0; n < MANY; n++) {
        ck_assert_status(vmm_map(&m.space, vaddr_add(gib, n * 2 * MIB),
                                 pfn(1000 + n), VMM_WRITE),
                         MM_OK);
    }
    for (uint64_t n = 0; n < MANY; n++) {
        ck_assert_shows(&m.space, vaddr_add(gib, n * 2 * MIB), pfn(1000 + n));
    }
    gone = vmm_unmap_range(&m.space, gib, GIB / PAGE_SIZE);
    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
    ck_assert_msg(vmm_all_are_sound(&m.space, &why), "%s", why);
    ck_assert_status(vmm_map_large(&m.space, gib, pfn(0), 512 * 100, 0), MM_OK);
    gone = vmm_unmap_range(&m.space, gib, GIB / PAGE_SIZE);
    vmm_flush(gone.token);
    vmm_reclaim_tables(&m.space, (struct vrange){ gib, GIB });
    ck_assert_uint_le(m.space.stats.tables, tables + 1);
}

START_TEST(the_window_shows_more_tables_than_it_has_pages)
{ /* A4 */
    through_many_tables();
}
END_TEST

START_TEST(the_recursive_slot_shows_no_table_that_is_gone)
{ /* A4 */
    through_many_tables();
    through_many_tables();
}
END_TEST

/*
 *   PD --> PT              gone, its frame is somebody's
 *   PD --> PT'             made anew: another frame
 */
START_TEST(a_table_made_anew_is_the_one_that_is_edited)
{ /* A4 */
    struct vmm_unmapped gone;
    const char *why = "";
    pfn_t f, others[3];

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, page, f, VMM_WRITE), MM_OK);
    gone = vmm_unmap(&m.space, page);
    vmm_flush(gone.token);
    ck_assert_uint_eq(
        vmm_reclaim_tables(&m.space, (struct vrange){ page, PAGE_SIZE }), 3);
    ck_assert_msg(vmm_all_are_sound(&m.space, &why), "%s", why);
    for (unsigned n = 0; n < 3; n++) {
        ck_assert_status(pmm_alloc(&m.pmm, &others[n]), MM_OK);
    }
    ck_assert_status(vmm_map(&m.space, page, f, VMM_WRITE), MM_OK);
    ck_assert_ptr_nonnull(machine_entry(&m.space, page, 1));
    ck_assert_hex_eq(pfn_of(pte_address(*machine_entry(&m.space, page, 1))).v,
                     f.v);
    gone = vmm_unmap(&m.space, page);
    vmm_flush(gone.token);
    for (unsigned n = 0; n < 3; n++) {
        ck_assert_status(pmm_free(&m.pmm, others[n]), MM_OK);
    }
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

/* A region's frame was cleared by a page of the window. */
START_TEST(a_frame_that_a_region_gave_back_is_shown_no_longer)
{ /* A4 V13 */
    const struct vmm_region region = { .name = "pages",
                                       .range = { page, 3 * PAGE_SIZE },
                                       .access = VMM_WRITE,
                                       .backing = VMM_IMMEDIATE };
    const char *why = "";

    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    ck_assert_msg(vmm_all_are_sound(&m.space, &why), "%s", why);
    ck_assert_status(vmm_region_remove(&m.space, page), MM_OK);
    ck_assert_msg(vmm_all_are_sound(&m.space, &why), "%s", why);
}
END_TEST

/* --- spaces ----------------------------------------------------------------
 */

START_TEST(tables_of_a_space_that_is_not_in_force_are_edited)
{ /* A4 V21 */
    const vaddr_t own = vaddr(TIB);
    struct vmm_space other;
    struct vmm_unmapped gone;
    const char *why = "";
    pfn_t f;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_space_create(&other, &m.space), MM_OK);
    ck_assert_status(vmm_map(&other, own, f, VMM_WRITE), MM_OK);
    ck_assert_shows(&other, own, f);
    ck_assert_unmapped(&m.space, own);
    ck_assert_status(vmm_map(&m.space, page, f, VMM_WRITE), MM_OK);
    ck_assert_shows(&other, page, f); /* the kernel's part is everybody's */
    ck_assert_msg(vmm_all_are_sound(&m.space, &why), "%s", why);
    gone = vmm_unmap(&m.space, page);
    vmm_flush(gone.token);
    ck_assert_unmapped(&other, page);
    gone = vmm_unmap(&other, own);
    vmm_flush(gone.token);
    ck_assert_uint_eq(
        vmm_reclaim_tables(&other, (struct vrange){ vaddr(0), UINT64_MAX }), 3);
    ck_assert_status(vmm_space_destroy(&other), MM_OK);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

/*
 *   free    [ 2 MiB in one piece ][ one frame ]     a PDPT and a PD are missing
 */
START_TEST(a_block_that_was_not_used_is_shown_no_longer)
{ /* V8 V24 */
    const vaddr_t far = vaddr_add(page, 512 * GIB);
    const vaddr_t aligned = vaddr(far.v & ~(2 * MIB - 1));
    const char *why = "";
    pfn_t f;

    ck_assert_status(pmm_alloc_run(&m.pmm, pmm_block(PMM_ORDER_2M), &f), MM_OK);
    machine_leave_free(&m.pmm, 1);
    ck_assert_status(pmm_free_run(&m.pmm, f, level_size(2) / PAGE_SIZE), MM_OK);
    ck_assert_status(
        vmm_region_add(&m.space,
                       (struct vmm_region){ .name = "test",
                                            .range = { aligned, 2 * MIB },
                                            .access = VMM_WRITE,
                                            .backing = VMM_IMMEDIATE,
                                            .large = true }),
        MM_NO_MEMORY);
    ck_assert_msg(vmm_all_are_sound(&m.space, &why), "%s", why);
}
END_TEST

Suite *vmm_reach_suite(void) {
    Suite *suite = suite_create("vmm_reach");
    TCase *tc = tcase_create("begin");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(
        tc, the_recursive_address_of_every_table_is_the_one_of_the_drawing, 0,
        sizeof addresses / sizeof addresses[0]);
    tcase_add_test(tc, a_window_or_slot_that_cannot_be_is_refused);
    suite_add_tcase(suite, tc);

    tc = tcase_create("temporary");
    tcase_add_checked_fixture(tc, setup_temporary, teardown);
    tcase_add_test(tc, the_window_shows_more_tables_than_it_has_pages);
    tcase_add_test(tc, a_table_made_anew_is_the_one_that_is_edited);
    tcase_add_test(tc, a_frame_that_a_region_gave_back_is_shown_no_longer);
    tcase_add_test(tc, tables_of_a_space_that_is_not_in_force_are_edited);
    tcase_add_test(tc, a_block_that_was_not_used_is_shown_no_longer);
    suite_add_tcase(suite, tc);

    tc = tcase_create("recursive");
    tcase_add_checked_fixture(tc, setup_recursive, teardown);
    tcase_add_test(tc, at_its_recursive_address_every_table_shows_its_entries);
    tcase_add_test(tc, the_recursive_slot_shows_no_table_that_is_gone);
    tcase_add_test(tc, a_table_made_anew_is_the_one_that_is_edited);
    tcase_add_test(tc, a_frame_that_a_region_gave_back_is_shown_no_longer);
    tcase_add_test(tc, tables_of_a_space_that_is_not_in_force_are_edited);
    suite_add_tcase(suite, tc);
    return suite;
}
