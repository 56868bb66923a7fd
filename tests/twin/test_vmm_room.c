/*
 * Frames are short, and pages that a pager keeps make room: for a fork, a
 * space, a region, a copy; and never the page that is just being copied.
 *
 *   a   [ paged: PAGES pages in RAM, each written to ]   [ demand ]
 *   frames that are free: none, or too few
 */
#include <string.h>

#include "support/asserts.h"
#include "support/disk.h"
#include "support/machine.h"
#include "twin/suites.h"

#define PAGES UINT64_C(16)

static const vaddr_t base = { UINT64_C(0x8000000) };
static const vaddr_t other = { UINT64_C(0x8000000) + 64 * PAGE_SIZE };
static const vaddr_t far = { UINT64_C(0x8000000) + 512 * GIB };
static const vaddr_t kernels = { UINT64_C(0x444444440000) };
static struct vmm_space spaces[2];
static struct vmm_space *const a = &spaces[0], *const b = &spaces[1];
static struct disk disks[2];

static vaddr_t nth(vaddr_t va, uint64_t n) {
    return vaddr_add(va, n * PAGE_SIZE);
}

static struct vmm_region region(vaddr_t va, uint64_t pages,
                                enum vmm_backing backing) {
    return (struct vmm_region){ .name = "test",
                                .range = { va, pages * PAGE_SIZE },
                                .access = VMM_WRITE | VMM_USER,
                                .backing = backing,
                                .pager = &disks[0].pager };
}

static uint8_t byte_of(struct vmm_space *space, vaddr_t va) {
    uint8_t byte = 0xee;

    ck_assert_status(vmm_copy_in(&byte, space, va, 1).status, MM_OK);
    return byte;
}
static void set_byte(struct vmm_space *space, vaddr_t va, uint8_t byte) {
    ck_assert_status(vmm_copy_out(space, va, &byte, 1).status, MM_OK);
}

/** Page @n of the paged region holds 100 + n. */
static void setup(void) {
    machine_start_pages(&m);
    ck_assert_status(pmm_keep_books(&m.pmm), MM_OK);
    m.free_at_start = pmm_free_count(&m.pmm);
    memset(spaces, 0, sizeof spaces);
    disk_start(&disks[0], &m.space, PAGES);
    disk_start(&disks[1], &m.space, PAGES);
    disks[0].child = &disks[1];
    ck_assert_status(vmm_space_create(a, &m.space), MM_OK);
    ck_assert_status(vmm_region_add(a, region(base, PAGES, VMM_PAGED)), MM_OK);
    for (uint64_t n = 0; n < PAGES; n++) {
        set_byte(a, nth(base, n), (uint8_t)(100 + n));
    }
}

static void expect_nothing_lost(struct vmm_space *space) {
    for (uint64_t n = 0; n < PAGES; n++) {
        ck_assert_uint_eq(byte_of(space, nth(base, n)), 100 + n);
    }
}

static void teardown(void) {
    const char *why = "";

    vmm_space_switch(&m.space);
    ck_assert_msg(vmm_all_are_sound(&m.space, &why), "%s", why);
    for (size_t n = 0; n < 2; n++) {
        if (spaces[n].root.v != 0) {
            ck_assert_status(vmm_space_destroy(&spaces[n]), MM_OK);
        }
        disk_end(&disks[n]);
    }
    machine_stop_pages(&m);
}

/* --- calls that need frames ------------------------------------------------
 */

/*
 *   a fork needs   root  PDPT  PD  PT
 *   free           [_i of them]
 */
START_TEST(a_fork_takes_pages_away_when_frames_are_short)
{ /* V22 V23 */
    machine_leave_free(&m.pmm, (uint64_t)_i);
    ck_assert_status(vmm_space_fork(b, a), MM_OK);
    ck_assert_uint_eq(a->stats.evictions, 4 - (uint64_t)_i);
    ck_assert_uint_eq(disks[1].forks, disks[1].ends + 1);
    expect_nothing_lost(a);
    expect_nothing_lost(b);
    set_byte(b, base, 1);
    ck_assert_uint_eq(byte_of(b, base), 1);
    expect_nothing_lost(a);
}
END_TEST

START_TEST(a_fork_that_no_page_can_make_room_for_changes_nothing)
{ /* V8 V22 V23 */
    const uint64_t tables = machine_tables_hash(a);

    machine_leave_free(&m.pmm, 3);
    disks[0].full = true;
    ck_assert_status(vmm_space_fork(b, a), MM_NO_MEMORY);
    ck_assert_hex_eq(machine_tables_hash(a), tables);
    ck_assert_uint_eq(pmm_free_count(&m.pmm), 3);
    ck_assert_uint_eq(disks[1].forks, disks[1].ends);
    disks[0].full = false;
    expect_nothing_lost(a);
}
END_TEST

static enum mm_status create(void) {
    return vmm_space_create(b, &m.space);
}
static enum mm_status add_immediate(void) {
    return vmm_region_add(a, region(far, 3, VMM_IMMEDIATE));
}
static enum mm_status extend(void) {
    return vmm_region_extend(a, other, 4 * PAGE_SIZE);
}
/** The records inside the space are used up: one more takes a frame. */
static enum mm_status cut(void) {
    return vmm_region_split(a, nth(base, 5));
}

static const struct {
    const char *name;
    enum mm_status (*call)(void);
    uint64_t frames; /* that it needs */
} calls[] = {
    { "create a space", create, 1 },
    { "add an immediate region", add_immediate, 3 + 3 + 1 },
    { "extend an immediate region", extend, 3 },
    { "split a region", cut, 1 },
};

/** All the records that @a has room for are used. */
static void use_records(void) {
    for (uint64_t n = 0; a->region_count < VMM_RECORDS_INSIDE; n++) {
        ck_assert_status(
            vmm_region_add(a, region(nth(base, 1000 + 2 * n), 1, VMM_GUARD)),
            MM_OK);
    }
}

START_TEST(a_call_that_needs_frames_takes_pages_away_for_them)
{ /* V11 V14 V23 */
    ck_assert_status(vmm_region_add(a, region(other, 1, VMM_IMMEDIATE)), MM_OK);
    use_records();
    machine_leave_free(&m.pmm, 0);
    ck_assert_msg(calls[_i].call() == MM_OK, "%s failed", calls[_i].name);
    ck_assert_msg(a->stats.evictions == calls[_i].frames,
                  "%s took %lu pages away, expected %lu", calls[_i].name,
                  (unsigned long)a->stats.evictions,
                  (unsigned long)calls[_i].frames);
    machine_give_back(&m.pmm);
    expect_nothing_lost(a);
}
END_TEST

START_TEST(a_region_that_is_too_large_for_all_pages_together_is_refused)
{ /* V8 V23 */
    machine_leave_free(&m.pmm, 2);
    ck_assert_status(vmm_region_add(a, region(far, 64, VMM_IMMEDIATE)),
                     MM_NO_MEMORY);
    ck_assert_uint_eq(a->stats.evictions, PAGES);
    ck_assert_uint_eq(pmm_free_count(&m.pmm), 2 + PAGES);
    ck_assert_uint_eq(a->region_count, 1);
    expect_nothing_lost(a);
}
END_TEST

/* --- copies ------------------------------------------------------------------
 */

/** Only the last @pages of the paged region are left in RAM, all touched of
 *  late, and no frame is free. */
static void leave_in_ram(uint64_t pages) {
    while (a->stats.evictions < PAGES - pages) {
        ck_assert_status(vmm_evict(a), MM_OK);
    }
    machine_leave_free(&m.pmm, 0);
    for (uint64_t n = PAGES - pages; n < PAGES; n++) {
        (void)byte_of(a, nth(base, n));
    }
    a->hand = vaddr(0);
}

/*
 *   from   [ paged ] in the last frame there is
 *   to     [ demand ] no frame yet
 */
START_TEST(a_page_is_not_taken_away_while_it_is_copied)
{ /* V17 V23 */
    const uint64_t in_ram = (uint64_t)_i + 1;
    const vaddr_t from = nth(base, PAGES - 2);
    struct vmm_copied seen;

    ck_assert_status(vmm_region_add(a, region(other, 2, VMM_DEMAND)), MM_OK);
    set_byte(a, nth(other, 1), 1); /* its tables */
    leave_in_ram(in_ram);
    ck_assert_status(vmm_translate(a, nth(base, PAGES - in_ram)).status, MM_OK);
    seen = vmm_copy(a, other, a, nth(base, PAGES - in_ram), PAGE_SIZE);
    if (in_ram == 1) {
        ck_assert_status(seen.status, MM_NO_MEMORY);
        ck_assert_uint_eq(seen.bytes, 0);
    } else {
        ck_assert_status(seen.status, MM_OK);
        ck_assert_uint_eq(byte_of(a, other), 100 + PAGES - 2);
        ck_assert_status(vmm_translate(a, from).status, MM_OK);
    }
    machine_give_back(&m.pmm);
    expect_nothing_lost(a);
}
END_TEST

/*
 *   a       [ paged: two pages in RAM ]
 *   kernel  [ demand ] no frame yet: the copy itself faults
 */
START_TEST(a_page_is_not_taken_away_while_kernel_memory_is_filled_from_it)
{ /* V17 V23 */
    const bool out = _i == 1;
    uint8_t *kernel = pointer_of(kernels);
    struct vmm_copied seen;

    ck_assert_status(vmm_region_add(&m.space, region(kernels, 2, VMM_DEMAND)),
                     MM_OK);
    kernel[PAGE_SIZE] = 1; /* its tables */
    leave_in_ram(2);
    seen = out ? vmm_copy_out(a, nth(base, PAGES - 2), kernel, PAGE_SIZE)
               : vmm_copy_in(kernel, a, nth(base, PAGES - 2), PAGE_SIZE);
    ck_assert_status(seen.status, MM_OK);
    ck_assert_uint_eq(seen.bytes, PAGE_SIZE);
    machine_give_back(&m.pmm);
    ck_assert_uint_eq(kernel[0], out ? 0 : 100 + PAGES - 2);
    ck_assert_uint_eq(byte_of(a, nth(base, PAGES - 2)),
                      out ? 0 : 100 + PAGES - 2);
    ck_assert_uint_eq(byte_of(a, nth(base, PAGES - 1)), 100 + PAGES - 1);
    ck_assert_hex_eq(m.space.kept.v, 0);
}
END_TEST

/* A save goes through the pages of its own region: what lies behind may be
 * large, and here can't be walked. */
START_TEST(saving_a_region_looks_at_no_other)
{ /* V23 */
    pte_t *entry, was;

    ck_assert_status(vmm_region_add(a, region(far, 1, VMM_PAGED)), MM_OK);
    set_byte(a, far, 1);
    entry = machine_entry(a, far, 4);
    was = *entry;
    *entry = pte_make(pfn((UINT64_C(1) << 34) - 1), 7); /* no RAM */
    ck_assert_status(vmm_region_save(a, base), MM_OK);
    *entry = was;
    ck_assert_uint_eq(disks[0].saves, PAGES);
}
END_TEST

Suite *vmm_room_suite(void) {
    Suite *suite = suite_create("vmm_room");
    TCase *tc = tcase_create("room");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_fork_takes_pages_away_when_frames_are_short, 0,
                        5);
    tcase_add_test(tc, a_fork_that_no_page_can_make_room_for_changes_nothing);
    tcase_add_loop_test(tc, a_call_that_needs_frames_takes_pages_away_for_them,
                        0, sizeof calls / sizeof calls[0]);
    tcase_add_test(
        tc, a_region_that_is_too_large_for_all_pages_together_is_refused);
    tcase_add_loop_test(tc, a_page_is_not_taken_away_while_it_is_copied, 0, 2);
    tcase_add_loop_test(
        tc, a_page_is_not_taken_away_while_kernel_memory_is_filled_from_it, 0,
        2);
    tcase_add_test(tc, saving_a_region_looks_at_no_other);
    suite_add_tcase(suite, tc);
    return suite;
}
