/*
 * Frames with several owners: after a fork both sides see the same bytes, a
 * write is seen by its own side only, and the last owner does not copy.
 *
 *   fork    a [ frame, copy ]   b [ frame, copy ]
 *   write   a [ new frame, W ]  b [ frame, copy ]
 *   write                       b [ frame, W ]
 */
#include <check.h>
#include <string.h>

#include "base/hash.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

#define SPACES 5

static struct vmm_space spaces[SPACES];
static struct vmm_space *const a = &spaces[0], *const b = &spaces[1];
static const vaddr_t page = { UINT64_C(0x8000000) };
#define RIGHTS ((unsigned)(VMM_WRITE | VMM_USER))

static void setup(void) {
    machine_start_pages(&m);
    ck_assert_status(pmm_keep_books(&m.pmm), MM_OK);
    m.free_at_start = pmm_free_count(&m.pmm);
    memset(spaces, 0, sizeof(spaces));
    ck_assert_status(vmm_space_create(a, &m.space), MM_OK);
}
static void teardown(void) {
    const char *why = "";

    vmm_space_switch(&m.space);
    for (size_t i = 0; i < SPACES; i++) {
        if (spaces[i].root.v != 0) {
            ck_assert_msg(vmm_all_are_sound(&m.space, &why), "%s", why);
            ck_assert_status(vmm_space_destroy(&spaces[i]), MM_OK);
        }
    }
    machine_stop_pages(&m);
}

static vaddr_t nth(uint64_t n) {
    return vaddr_add(page, n * PAGE_SIZE);
}

static void add(uint64_t pages, unsigned access, enum vmm_backing backing) {
    ck_assert_status(vmm_region_add(a,
                                    (struct vmm_region){
                                        .name = "test",
                                        .range = { page, pages * PAGE_SIZE },
                                        .access = access,
                                        .backing = backing,
                                    }),
                     MM_OK);
}

static void write_to(struct vmm_space *space, vaddr_t va, uint8_t value) {
    struct trap_fault fault;

    vmm_space_switch(space);
    ck_assert(trap_try_write(va, value, &fault));
}
static uint8_t read_from(struct vmm_space *space, vaddr_t va) {
    struct trap_fault fault;
    uint8_t value = 0;

    vmm_space_switch(space);
    ck_assert(trap_try_read(va, &value, &fault));
    return value;
}
static pfn_t frame_of(struct vmm_space *space, vaddr_t va) {
    return pfn_of(vmm_translate(space, va).pa);
}

START_TEST(a_write_after_a_fork_is_seen_by_its_own_side_only)
{ /* V22: the parent's own translation was writable */
    struct vmm_space *writer = _i == 0 ? a : b;
    struct vmm_space *other = _i == 0 ? b : a;
    pfn_t shared;

    add(1, RIGHTS, VMM_DEMAND);
    write_to(a, page, 1);
    ck_assert_status(vmm_space_fork(b, a), MM_OK);
    shared = frame_of(a, page);
    ck_assert_uint_eq(frame_of(b, page).v, shared.v);
    ck_assert_uint_eq(pmm_owners(&m.pmm, shared), 2);
    write_to(writer, page, 2);
    ck_assert_uint_eq(read_from(other, page), 1);
    ck_assert_uint_eq(read_from(writer, page), 2);
    ck_assert_uint_ne(frame_of(writer, page).v, shared.v);
    ck_assert_uint_eq(frame_of(other, page).v, shared.v);
    ck_assert_uint_eq(pmm_owners(&m.pmm, shared), 1);
    ck_assert_uint_eq(writer->stats.copies, 1);

    write_to(other, page, 3); /* the last owner */
    ck_assert_uint_eq(frame_of(other, page).v, shared.v);
    ck_assert_uint_eq(other->stats.copies, 0);
    ck_assert_uint_eq(read_from(writer, page), 2);
    ck_assert_uint_eq(vmm_translate(other, page).access, RIGHTS);
}
END_TEST

START_TEST(a_page_that_was_read_only_stays_so_after_a_fork)
{ /* V22 */
    struct trap_fault fault;
    pfn_t f;

    add(2, VMM_USER, VMM_DEMAND);
    (void)read_from(a, page);
    ck_assert_status(vmm_space_fork(b, a), MM_OK);
    f = frame_of(a, page);
    for (size_t i = 0; i < 2; i++) {
        vmm_space_switch(&spaces[i]);
        ck_assert(!trap_try_write(page, 1, &fault));
        ck_assert_hex_eq(fault.error, PF_PRESENT | PF_WRITE);
        ck_assert_uint_eq(frame_of(&spaces[i], page).v, f.v);
        ck_assert_uint_eq(spaces[i].stats.copies, 0);
    }
}
END_TEST

START_TEST(a_write_right_given_to_a_shared_page_is_one_to_a_copy)
{ /* V22: protect may not hand out the frame of two owners */
    struct vmm_changed changed;

    add(1, RIGHTS, VMM_DEMAND);
    write_to(a, page, 1);
    ck_assert_status(vmm_space_fork(b, a), MM_OK);
    changed = vmm_protect(a, page, VMM_USER);
    ck_assert_status(changed.status, MM_OK);
    vmm_flush(changed.token);
    changed = _i == 0 ? vmm_protect(a, page, RIGHTS)
                      : vmm_protect_range(a, page, 1, RIGHTS);
    ck_assert_status(changed.status, MM_OK);
    vmm_flush(changed.token);
    write_to(a, page, 2);
    ck_assert_uint_eq(read_from(b, page), 1);
    ck_assert_uint_eq(a->stats.copies, 1);
}
END_TEST

START_TEST(a_copy_to_the_user_does_not_write_to_both_sides)
{ /* V17 V22 */
    const uint8_t two = 2;

    add(1, RIGHTS, VMM_DEMAND);
    write_to(a, page, 1);
    ck_assert_status(vmm_space_fork(b, a), MM_OK);
    ck_assert_uint_eq(read_from(b, page), 1); /* remembered, and in force */
    ck_assert_status(vmm_copy_out(b, page, &two, 1).status, MM_OK);
    ck_assert_uint_eq(read_from(b, page), 2);
    ck_assert_uint_eq(read_from(a, page), 1);
}
END_TEST

START_TEST(owners_are_counted_through_any_order_of_ends)
{ /* V22 P12 */
    pfn_t f;

    add(3, RIGHTS, VMM_IMMEDIATE);
    f = frame_of(a, nth(1));
    for (size_t i = 1; i < SPACES; i++) {
        ck_assert_status(vmm_space_fork(&spaces[i], &spaces[i - 1]), MM_OK);
        ck_assert_uint_eq(pmm_owners(&m.pmm, f), i + 1);
    }
    for (size_t i = 0; i < SPACES; i++) {
        struct vmm_space *next = &spaces[(i * 2 + (size_t)_i) % SPACES];

        ck_assert_status(vmm_space_destroy(next), MM_OK);
        ck_assert_uint_eq(pmm_owners(&m.pmm, f), SPACES - 1 - i);
    }
    ck_assert_uint_eq(pmm_free_count(&m.pmm), m.free_at_start);
}
END_TEST

START_TEST(a_fork_without_books_changes_nothing)
{ /* V22 */
    struct pmm_entry *books = m.pmm.books.of;
    uint64_t hash, left;

    add(1, RIGHTS, VMM_IMMEDIATE);
    hash = machine_tables_hash(a);
    left = pmm_free_count(&m.pmm);
    m.pmm.books.of = NULL;
    m.pmm.watched = false;
    ck_assert_status(vmm_space_fork(b, a), MM_REFUSED);
    ck_assert_ptr_eq(m.space.next, a);
    ck_assert_uint_eq(pmm_free_count(&m.pmm), left);
    ck_assert(machine_tables_hash(a) == hash);
    m.pmm.books.of = books;
    m.pmm.watched = true;
    b->root = paddr(0);
}
END_TEST

/*
 *   free frames   0    1    2   ...  n - 1          n
 *   the fork      no memory ..................      succeeds
 */
START_TEST(the_nth_missing_frame_of_a_fork_changes_nothing)
{ /* V8 V22: a root, and three tables */
    uint64_t hash;
    pfn_t f;

    add(3, RIGHTS, VMM_IMMEDIATE);
    f = frame_of(a, page);
    hash = machine_tables_hash(a);
    for (uint64_t left = 0; left < 4; left++) {
        machine_leave_free(&m.pmm, left);
        ck_assert_status(vmm_space_fork(b, a), MM_NO_MEMORY);
        ck_assert_uint_eq(pmm_free_count(&m.pmm), left);
        ck_assert_uint_eq(pmm_owners(&m.pmm, f), 1);
        ck_assert(machine_tables_hash(a) == hash);
        ck_assert_ptr_eq(m.space.next, a);
    }
    machine_leave_free(&m.pmm, 4);
    ck_assert_status(vmm_space_fork(b, a), MM_OK);
    ck_assert_uint_eq(pmm_free_count(&m.pmm), 0);
}
END_TEST

START_TEST(a_copy_without_a_frame_for_it_is_refused_and_can_be_retried)
{ /* V8 V22 */
    struct trap_fault fault;

    add(1, RIGHTS, VMM_DEMAND);
    write_to(a, page, 1);
    ck_assert_status(vmm_space_fork(b, a), MM_OK);
    machine_leave_free(&m.pmm, 0);
    vmm_space_switch(b);
    ck_assert(!trap_try_write(page, 2, &fault));
    ck_assert_uint_eq(pmm_owners(&m.pmm, frame_of(a, page)), 2);
    machine_give_back(&m.pmm);
    write_to(b, page, 2);
    ck_assert_uint_eq(read_from(a, page), 1);
}
END_TEST

START_TEST(a_large_page_mapped_by_hand_is_forked_as_small_ones)
{ /* V22 */
    pfn_t first;

    ck_assert_status(vmm_region_add(a,
                                    (struct vmm_region){
                                        .range = { page, 2 * MIB },
                                        .access = RIGHTS,
                                        .backing = VMM_DEMAND,
                                    }),
                     MM_OK);
    ck_assert_status(pmm_alloc_run(&m.pmm, pmm_block(PMM_ORDER_2M), &first),
                     MM_OK);
    ck_assert_status(vmm_map_leaf(a, page, first, 2, RIGHTS), MM_OK);
    ck_assert_status(vmm_space_fork(b, a), MM_OK);
    ck_assert_uint_eq(vmm_translate(a, page).page_size, PAGE_SIZE);
    ck_assert_shows(b, nth(511), pfn_add(first, 511));
    ck_assert_uint_eq(pmm_owners(&m.pmm, pfn_add(first, 511)), 2);
}
END_TEST

START_TEST(a_device_is_the_same_one_after_a_fork)
{ /* V12 V22 */
    const pfn_t apic = pfn(UINT64_C(0xfee00000) >> PAGE_SHIFT);

    ck_assert_status(vmm_region_add(a,
                                    (struct vmm_region){
                                        .range = { page, 2 * PAGE_SIZE },
                                        .access = VMM_WRITE,
                                        .backing = VMM_DEVICE,
                                        .device = apic,
                                    }),
                     MM_OK);
    ck_assert_status(vmm_space_fork(b, a), MM_OK);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_shows(&spaces[i], nth(1), pfn_add(apic, 1));
        ck_assert_uint_eq(vmm_translate(&spaces[i], page).access,
                          VMM_WRITE | VMM_UNCACHED);
    }
}
END_TEST

START_TEST(a_frame_with_another_number_of_owners_than_pages_is_noticed)
{ /* V22 */
    const char *why = "";
    pfn_t f;

    add(1, RIGHTS, VMM_IMMEDIATE);
    ck_assert_status(vmm_space_fork(b, a), MM_OK);
    ck_assert(vmm_all_are_sound(&m.space, &why));
    f = frame_of(a, page);
    ck_assert_status(pmm_share(&m.pmm, f), MM_OK);
    ck_assert(!vmm_all_are_sound(&m.space, &why));
    ck_assert_str_eq(why,
                     "a frame is shown by more or fewer pages than own it");
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK); /* one too many */
    ck_assert(!vmm_all_are_sound(&m.space, &why));
    ck_assert_status(pmm_share(&m.pmm, f), MM_OK);
    machine_entry(b, page, 1)->v |= PTE_WRITABLE;
    ck_assert(!vmm_all_are_sound(&m.space, &why));
    ck_assert_str_eq(why, "a page to be copied before a write is writable");
    machine_entry(b, page, 1)->v &= ~PTE_WRITABLE;
}
END_TEST

/* --- a chain of forks against what each space should hold -------------------
 */

#define PAGES 6

START_TEST(chains_of_forks_hold_what_each_wrote)
{ /* V22 */
    static uint8_t oracle[SPACES][PAGES];
    uint64_t dice = (uint64_t)_i + 1, live = 1;
    uint8_t stamp = 1;

    memset(oracle, 0, sizeof(oracle));
    add(PAGES, RIGHTS, VMM_DEMAND);
    for (unsigned step = 0; step < 300; step++) {
        const size_t s = (size_t)((dice = hash_mix(dice)) % live);
        const size_t p = (size_t)(dice >> 20) % PAGES;

        if (dice >> 60 == 0 && live < SPACES) {
            ck_assert_status(vmm_space_fork(&spaces[live], &spaces[s]), MM_OK);
            memcpy(oracle[live], oracle[s], PAGES);
            live++;
        } else if ((dice >> 59 & 1) != 0) {
            write_to(&spaces[s], nth(p), stamp);
            oracle[s][p] = stamp++;
        } else {
            ck_assert_msg(read_from(&spaces[s], nth(p)) == oracle[s][p],
                          "step %u: space %lu page %lu holds %u, expected %u",
                          step, (unsigned long)s, (unsigned long)p,
                          read_from(&spaces[s], nth(p)), oracle[s][p]);
        }
    }
    ck_assert(vmm_all_are_sound(&m.space, NULL));
    for (size_t s = 0; s < live; s++) {
        for (size_t p = 0; p < PAGES; p++) {
            ck_assert_uint_eq(read_from(&spaces[s], nth(p)), oracle[s][p]);
        }
    }
}
END_TEST

Suite *vmm_share_suite(void) {
    Suite *suite = suite_create("vmm_share");
    TCase *tc = tcase_create("fork");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_write_after_a_fork_is_seen_by_its_own_side_only,
                        0, 2);
    tcase_add_test(tc, a_page_that_was_read_only_stays_so_after_a_fork);
    tcase_add_loop_test(
        tc, a_write_right_given_to_a_shared_page_is_one_to_a_copy, 0, 2);
    tcase_add_test(tc, a_copy_to_the_user_does_not_write_to_both_sides);
    tcase_add_loop_test(tc, owners_are_counted_through_any_order_of_ends, 0,
                        SPACES);
    tcase_add_test(tc, a_fork_without_books_changes_nothing);
    tcase_add_test(tc, the_nth_missing_frame_of_a_fork_changes_nothing);
    tcase_add_test(tc,
                   a_copy_without_a_frame_for_it_is_refused_and_can_be_retried);
    tcase_add_test(tc, a_large_page_mapped_by_hand_is_forked_as_small_ones);
    tcase_add_test(tc, a_device_is_the_same_one_after_a_fork);
    tcase_add_test(tc,
                   a_frame_with_another_number_of_owners_than_pages_is_noticed);
    tcase_add_loop_test(tc, chains_of_forks_hold_what_each_wrote, 0, 8);
    suite_add_tcase(suite, tc);
    return suite;
}
