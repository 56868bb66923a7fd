/*
 * Several spaces: what is private, what all share, and that the end of one
 * leaves nothing behind.
 *
 *   private   0x0800_0000 ...       each space its own
 *   shared    0x4480_0000_0000      a 512 GiB boundary: two entries of the root
 */
#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static struct vmm_space a, b, c;
static const vaddr_t page = { UINT64_C(0x8000000) };
static const vaddr_t edge = { UINT64_C(0x448000000000) };

static void setup(void) {
    machine_start_pages(&m);
    ck_assert_status(vmm_space_create(&a, &m.space), MM_OK);
    ck_assert_status(vmm_space_create(&b, &m.space), MM_OK);
}
static void end(struct vmm_space *space) {
    const char *why = "";

    if (space->root.v != 0) {
        ck_assert_msg(vmm_is_sound(space, &why), "at the end: %s", why);
        ck_assert_status(vmm_space_destroy(space), MM_OK);
    }
}
static void teardown(void) {
    vmm_space_switch(&m.space);
    end(&a);
    end(&b);
    machine_stop_pages(&m);
}

static volatile uint8_t *at(vaddr_t va) {
    return pointer_of(va);
}

static uint8_t *bytes_of(pfn_t f) {
    return pointer_of(vaddr_add(m.space.direct_base, paddr_of(f).v));
}

static void add(struct vmm_space *space, vaddr_t va, uint64_t pages,
                unsigned access, enum vmm_backing backing) {
    ck_assert_status(vmm_region_add(space,
                                    (struct vmm_region){
                                        .name = "test",
                                        .range = { va, pages * PAGE_SIZE },
                                        .access = access,
                                        .backing = backing,
                                    }),
                     MM_OK);
}

START_TEST(the_same_address_shows_each_space_its_own_page)
{ /* V14 */
    add(&a, page, 1, VMM_WRITE, VMM_IMMEDIATE);
    add(&b, page, 1, VMM_WRITE, VMM_IMMEDIATE);
    for (unsigned round = 0; round < 2; round++) {
        vmm_space_switch(&a);
        *at(page) = (uint8_t)(10 + round);
        vmm_space_switch(&b);
        ck_assert_uint_eq(*at(page), round == 0 ? 0 : 20);
        *at(page) = (uint8_t)(20 + round);
        vmm_space_switch(&a);
        ck_assert_uint_eq(*at(page), 10 + round);
    }
    vmm_space_switch(&m.space);
    ck_assert_unmapped(&m.space, page);
}
END_TEST

START_TEST(a_private_page_is_gone_in_a_space_that_does_not_show_it)
{ /* V14 */
    struct trap_fault fault;

    add(&a, page, 1, VMM_WRITE, VMM_DEMAND);
    vmm_space_switch(&a);
    ck_assert(trap_try_write(page, 1, &fault)); /* the space in force fills */
    ck_assert_uint_eq(a.stats.maps, 1);
    vmm_space_switch(&b);
    ck_assert(!trap_try_write(page, 2, &fault));
    ck_assert_uint_eq(b.stats.faults_refused, 1);
    ck_assert_uint_eq(a.stats.faults_refused, 0);
}
END_TEST

/*
 *   root of   kernel  [ 136: table ][ 137: ------> new table ]
 *             a, b    [ 136: table ][ 137: the same, at once ]
 */
START_TEST(a_new_upper_entry_of_the_kernel_is_in_every_space_at_once)
{ /* V14: across a 512 GiB boundary, while another space is in force */
    const struct vrange both = { vaddr(edge.v - PAGE_SIZE), 2 * PAGE_SIZE };
    const char *why = "";
    struct vmm_changed gone;
    struct trap_fault fault;
    pfn_t f;

    ck_assert_uint_ne(table_index(both.base, 4), table_index(edge, 4));
    ck_assert_status(pmm_alloc_run(&m.pmm, pmm_block(1), &f), MM_OK);
    vmm_space_switch(&a);
    ck_assert_status(vmm_map_range(&m.space, both.base, f, 2, VMM_WRITE),
                     MM_OK);
    *at(vaddr(edge.v - 1)) = 1;
    at(edge)[0] = 2;
    vmm_space_switch(&b);
    ck_assert_uint_eq(*at(vaddr(edge.v - 1)), 1);
    ck_assert_uint_eq(at(edge)[0], 2);
    ck_assert_uint_eq(m.space.stats.faults, 0);
    ck_assert_msg(vmm_is_sound(&a, &why), "%s", why);

    gone = vmm_unmap_range(&m.space, both.base, 2);
    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
    ck_assert_uint_eq(vmm_reclaim_tables(&m.space, both), 6);
    ck_assert(!trap_try_write(edge, 3, &fault));
    ck_assert_msg(vmm_is_sound(&a, &why), "%s", why);
    ck_assert_msg(vmm_is_sound(&b, &why), "%s", why);
    ck_assert_status(vmm_space_create(&c, &m.space), MM_OK);
    ck_assert_unmapped(&c, edge);
    ck_assert_status(vmm_space_destroy(&c), MM_OK);
    ck_assert_status(pmm_free_run(&m.pmm, f, 2), MM_OK);
}
END_TEST

START_TEST(rights_taken_from_an_upper_entry_are_gone_in_every_space)
{ /* V5 V14 */
    struct vmm_changed changed;
    struct trap_fault fault;
    pfn_t f;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, edge, f, VMM_WRITE), MM_OK);
    vmm_space_switch(&a);
    *at(edge) = 1;
    changed = vmm_protect_table(&m.space, edge, 4, 0);
    ck_assert_status(changed.status, MM_OK);
    vmm_flush(changed.token);
    ck_assert(!trap_try_write(edge, 2, &fault));
    vmm_space_switch(&b);
    ck_assert(!trap_try_write(edge, 2, &fault));
    vmm_flush(vmm_unmap(&m.space, edge).token);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

START_TEST(the_kernels_part_is_edited_through_its_own_space_only)
{ /* V14 */
    const vaddr_t last = vaddr(VMM_PRIVATE_SIZE - PAGE_SIZE);
    const uint64_t hash = machine_tables_hash(&a);
    const struct vmm_region region = { .range = { edge, PAGE_SIZE },
                                       .backing = VMM_DEMAND };

    ck_assert_status(vmm_map(&a, edge, pfn(1), 0), MM_BAD_RANGE);
    ck_assert_status(vmm_unmap(&a, edge).status, MM_BAD_RANGE);
    ck_assert_status(vmm_protect(&a, edge, 0).status, MM_BAD_RANGE);
    ck_assert_status(vmm_protect_table(&a, edge, 4, 0).status, MM_BAD_RANGE);
    ck_assert_status(vmm_map_range(&a, last, pfn(1), 2, 0), MM_BAD_RANGE);
    ck_assert_status(vmm_unmap_range(&a, last, 2).status, MM_BAD_RANGE);
    ck_assert_status(vmm_split(&a, edge, 1), MM_BAD_RANGE);
    ck_assert_status(vmm_merge(&a, edge, 2), MM_BAD_RANGE);
    ck_assert_status(vmm_region_add(&a, region), MM_BAD_RANGE);
    ck_assert_uint_eq(
        vmm_reclaim_tables(&a, (struct vrange){ edge, PAGE_SIZE }), 0);
    ck_assert(machine_tables_hash(&a) == hash);
    ck_assert_status(vmm_map(&a, last, pfn(1), 0), MM_OK);
}
END_TEST

START_TEST(a_private_page_is_never_global)
{ /* V14: it would outlive the CR3 load that ends its space's turn */
    struct vmm_space *spaces[] = { &m.space, &a };
    const struct vmm_region region = { .range = { page, PAGE_SIZE },
                                       .access = VMM_GLOBAL,
                                       .backing = VMM_DEMAND };

    for (size_t i = 0; i < 2; i++) {
        ck_assert_status(vmm_map(spaces[i], page, pfn(1), VMM_GLOBAL),
                         MM_BAD_ARGUMENT);
        ck_assert_status(vmm_map_range(spaces[i], page, pfn(1), 1, VMM_GLOBAL),
                         MM_BAD_ARGUMENT);
        ck_assert_status(
            vmm_protect_range(spaces[i], page, 1, VMM_GLOBAL).status,
            MM_BAD_ARGUMENT);
        ck_assert_status(vmm_region_add(spaces[i], region), MM_BAD_ARGUMENT);
    }
}
END_TEST

START_TEST(a_space_that_is_not_in_force_owes_the_processor_nothing)
{ /* A5: its CR3 load was the flush */
    struct vmm_unmapped gone;
    struct trap_fault fault;

    add(&a, page, 1, VMM_WRITE, VMM_IMMEDIATE);
    vmm_space_switch(&a);
    *at(page) = 1;
    vmm_space_switch(&b);
    gone = vmm_unmap(&a, page);
    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
    ck_assert_uint_eq(a.stats.invlpgs, 0);
    vmm_space_switch(&a);
    ck_assert(!trap_try_write(page, 1, &fault));
    ck_assert_status(pmm_free(&m.pmm, gone.frame), MM_OK);
    vmm_space_switch(&m.space);
    ck_assert_status(vmm_region_remove(&a, page), MM_OK);
}
END_TEST

/* --- the end of a space -----------------------------------------------------
 */

START_TEST(a_space_in_use_is_not_destroyed)
{ /* V15 */
    struct vmm_unmapped gone;

    ck_assert_status(vmm_space_destroy(&m.space), MM_REFUSED);
    vmm_space_switch(&a);
    ck_assert_status(vmm_space_destroy(&a), MM_REFUSED);
    ck_assert_status(vmm_space_destroy(&m.space), MM_REFUSED);
    vmm_space_switch(&m.space);
    ck_assert_status(vmm_map(&a, page, pfn(1), 0), MM_OK);
    gone = vmm_unmap(&a, page);
    ck_assert_status(gone.status, MM_OK);
    ck_assert_status(vmm_space_destroy(&a), MM_REFUSED);
    vmm_flush_skip(gone.token);
    ck_assert_status(vmm_space_destroy(&a), MM_OK);
}
END_TEST

/** Pages of every kind, in three far apart places. */
static void furnish(struct vmm_space *space) {
    add(space, page, 5, VMM_WRITE | VMM_USER, VMM_IMMEDIATE);
    add(space, vaddr(40 * GIB), 3, VMM_READ, VMM_IMMEDIATE);
    add(space, vaddr(3 * TIB), 100, VMM_WRITE, VMM_DEMAND);
    ck_assert_status(vmm_map_leaf(space, vaddr(5 * TIB), pfn(512), 2, 0),
                     MM_OK);
    ck_assert_status(
        vmm_map(space, vaddr(VMM_PRIVATE_SIZE - PAGE_SIZE), pfn(512), 0),
        MM_OK);
}

START_TEST(nothing_is_left_of_spaces_in_whatever_order_they_end)
{ /* V15 */
    static const uint8_t orders[6][3] = {
        { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
        { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 }
    };
    struct vmm_space *spaces[] = { &a, &b, &c };

    ck_assert_status(vmm_space_create(&c, &m.space), MM_OK);
    for (size_t i = 0; i < 3; i++) {
        furnish(spaces[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        struct vmm_space *next = spaces[orders[_i][i]];

        vmm_space_switch(next);
        vmm_space_switch(&m.space);
        ck_assert_status(vmm_space_destroy(next), MM_OK);
        ck_assert(vmm_is_sound(&m.space, NULL));
    }
    ck_assert_ptr_null(m.space.next);
    ck_assert_uint_eq(pmm_free_count(&m.pmm), m.free_at_start);
}
END_TEST

START_TEST(a_space_without_a_frame_for_its_root_is_not_made)
{ /* V8 */
    struct vmm_space *first = m.space.next;

    machine_leave_free(&m.pmm, 0);
    ck_assert_status(vmm_space_create(&c, &m.space), MM_NO_MEMORY);
    ck_assert_ptr_eq(m.space.next, first);
}
END_TEST

START_TEST(a_root_that_differs_in_the_kernels_part_is_noticed)
{ /* V14 */
    pte_t *entry = machine_entry(&a, vaddr(UINT64_C(0x600000000000)), 4);
    const char *why = "";

    entry->v = PTE_PRESENT;
    ck_assert(!vmm_is_sound(&a, &why));
    ck_assert_str_eq(why,
                     "the roots of two spaces differ in the kernel's part");
    entry->v = 0;
}
END_TEST

/* --- copies -----------------------------------------------------------------
 */

#define RIGHTS ((unsigned)(VMM_WRITE | VMM_USER))

static uint8_t pattern[3 * PAGE_SIZE];

static void fill_pattern(void) {
    for (size_t i = 0; i < sizeof(pattern); i++) {
        pattern[i] = (uint8_t)(i * 7 + i / 256);
    }
}

/*
 *   a   [ ..####][########][#.... ]
 *   b   [.....##][########][####..]      other offsets, neither in force
 */
START_TEST(a_copy_between_spaces_is_exact_across_pages)
{ /* V17 */
    const vaddr_t from = vaddr_add(page, 100);
    const vaddr_t to = vaddr_add(page, 4000);
    static uint8_t back[sizeof(pattern)];
    const uint64_t len = 2 * PAGE_SIZE + 50;
    struct vmm_copied done;

    fill_pattern();
    add(&a, page, 3, RIGHTS, VMM_DEMAND);
    add(&b, page, 4, RIGHTS, VMM_DEMAND);
    done = vmm_copy_out(&a, from, pattern, len);
    ck_assert_status(done.status, MM_OK);
    ck_assert_uint_eq(done.bytes, len);
    done = vmm_copy(&b, to, &a, from, len);
    ck_assert_status(done.status, MM_OK);
    ck_assert_uint_eq(done.bytes, len);
    done = vmm_copy_in(back, &b, vaddr(to.v - 1), len + 2);
    ck_assert_status(done.status, MM_OK);
    ck_assert_uint_eq(done.bytes, len + 2);
    ck_assert_uint_eq(back[0], 0);
    ck_assert(memcmp(back + 1, pattern, len) == 0);
    ck_assert_uint_eq(back[len + 1], 0);
    vmm_space_switch(&b);
    ck_assert_uint_eq(*at(to), pattern[0]);
    ck_assert_status(vmm_copy(&b, to, &a, from, 0).status, MM_OK);
}
END_TEST

/** Three pages of @access where the second copy to or from stops. */
static const struct stop {
    const char *name;
    unsigned access;       /* of the page that stops it */
    bool region;           /* is there a region at all? */
    bool reading, writing; /* which way stops */
    enum mm_status status;
} stops[] = {
    { "no region", 0, false, true, true, MM_NO_REGION },
    { "the kernel's page", VMM_WRITE, true, true, true, MM_REFUSED },
    { "read-only", VMM_USER, true, false, true, MM_REFUSED },
};

START_TEST(a_copy_that_stops_tells_how_many_bytes_were_copied)
{ /* V17 */
    const struct stop *stop = &stops[_i];
    const uint64_t whole = PAGE_SIZE - 9;
    const vaddr_t start = vaddr_add(page, 9);
    static uint8_t back[2 * PAGE_SIZE];
    struct vmm_copied done;

    fill_pattern();
    add(&a, page, 1, RIGHTS, VMM_DEMAND);
    if (stop->region) {
        add(&a, vaddr_add(page, PAGE_SIZE), 1, stop->access, VMM_DEMAND);
    }
    done = vmm_copy_out(&a, start, pattern, PAGE_SIZE + 5);
    ck_assert_uint_eq(done.bytes, stop->writing ? whole : PAGE_SIZE + 5);
    ck_assert_status(done.status, stop->writing ? stop->status : MM_OK);
    memset(back, 0xee, sizeof(back));
    done = vmm_copy_in(back, &a, start, PAGE_SIZE + 5);
    ck_assert_uint_eq(done.bytes, stop->reading ? whole : PAGE_SIZE + 5);
    ck_assert_status(done.status, stop->reading ? stop->status : MM_OK);
    ck_assert(memcmp(back, pattern, whole) == 0);
    ck_assert_uint_eq(back[done.bytes], 0xee); /* nothing behind it */

    add(&b, page, 3, RIGHTS, VMM_DEMAND);
    done = vmm_copy(&a, start, &b, page, PAGE_SIZE + 5);
    ck_assert_uint_eq(done.bytes, stop->writing ? whole : PAGE_SIZE + 5);
    done = vmm_copy(&b, page, &a, start, PAGE_SIZE + 5);
    ck_assert_uint_eq(done.bytes, stop->reading ? whole : PAGE_SIZE + 5);
}
END_TEST

START_TEST(a_copy_that_runs_out_of_frames_keeps_what_it_did)
{ /* V17 V8 */
    struct vmm_copied done;

    fill_pattern();
    add(&a, page, 3, RIGHTS, VMM_DEMAND);
    machine_leave_free(&m.pmm, 3 + 2); /* tables, and two pages */
    done = vmm_copy_out(&a, page, pattern, sizeof(pattern));
    ck_assert_status(done.status, MM_NO_MEMORY);
    ck_assert_uint_eq(done.bytes, 2 * PAGE_SIZE);
    machine_give_back(&m.pmm);
    done = vmm_copy_out(&a, page, pattern, sizeof(pattern));
    ck_assert_status(done.status, MM_OK);
}
END_TEST

START_TEST(a_copy_stays_in_the_private_part_and_in_ram)
{ /* V17 */
    const vaddr_t last = vaddr(VMM_PRIVATE_SIZE - PAGE_SIZE);
    struct vmm_copied done;
    uint8_t bytes[16];
    pfn_t f;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, edge, f, RIGHTS), MM_OK);
    ck_assert_status(vmm_copy_in(bytes, &a, edge, 1).status, MM_BAD_RANGE);
    ck_assert_status(vmm_map(&a, last, f, RIGHTS), MM_OK);
    done = vmm_copy_in(bytes, &a, vaddr(VMM_PRIVATE_SIZE - 3), 16);
    ck_assert_status(done.status, MM_BAD_RANGE);
    ck_assert_uint_eq(done.bytes, 3);
    ck_assert_status(
        vmm_map(&a, page, pfn(UINT64_C(0xfee00000) >> PAGE_SHIFT), RIGHTS),
        MM_OK);
    ck_assert_status(vmm_copy_in(bytes, &a, page, 1).status, MM_NOT_MANAGED);
    vmm_flush(vmm_unmap(&m.space, edge).token);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

START_TEST(a_copy_leaves_accessed_and_dirty_as_the_processor_would)
{ /* V17 */
    uint8_t byte = 1;
    pte_t *leaf;
    pfn_t f;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    bytes_of(f)[5] = 77;
    ck_assert_status(vmm_map(&a, page, f, RIGHTS), MM_OK);
    leaf = machine_entry(&a, page, 1);
    ck_assert_status(vmm_copy_in(&byte, &a, vaddr_add(page, 5), 1).status,
                     MM_OK);
    ck_assert_uint_eq(byte, 77);
    ck_assert(pte_has(*leaf, PTE_ACCESSED) && !pte_has(*leaf, PTE_DIRTY));
    ck_assert_status(vmm_copy_out(&a, page, &byte, 1).status, MM_OK);
    ck_assert(pte_has(*leaf, PTE_ACCESSED | PTE_DIRTY));
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

START_TEST(a_copy_takes_no_right_that_a_table_has_not)
{ /* V3 V17: the region allows the write, and its page is filled first */
    const uint8_t byte = 1;
    struct vmm_changed limited;
    struct vmm_copied seen;

    add(&a, page, 2, VMM_WRITE | VMM_USER, VMM_DEMAND);
    ck_assert_status(vmm_copy_out(&a, page, &byte, 1).status, MM_OK);
    limited = vmm_protect_table(&a, page, 2, VMM_USER);
    ck_assert_status(limited.status, MM_OK);
    vmm_flush(limited.token);
    for (uint64_t n = 0; n < 2; n++) {
        seen = vmm_copy_out(&a, vaddr_add(page, n * PAGE_SIZE), &byte, 1);
        ck_assert_status(seen.status, MM_REFUSED);
        ck_assert_uint_eq(seen.bytes, 0);
    }
}
END_TEST

Suite *vmm_space_suite(void) {
    Suite *suite = suite_create("vmm_space");
    TCase *tc = tcase_create("spaces");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_same_address_shows_each_space_its_own_page);
    tcase_add_test(tc, a_private_page_is_gone_in_a_space_that_does_not_show_it);
    tcase_add_test(tc,
                   a_new_upper_entry_of_the_kernel_is_in_every_space_at_once);
    tcase_add_test(tc,
                   rights_taken_from_an_upper_entry_are_gone_in_every_space);
    tcase_add_test(tc, the_kernels_part_is_edited_through_its_own_space_only);
    tcase_add_test(tc, a_private_page_is_never_global);
    tcase_add_test(tc, a_space_that_is_not_in_force_owes_the_processor_nothing);
    tcase_add_test(tc, a_space_in_use_is_not_destroyed);
    tcase_add_loop_test(
        tc, nothing_is_left_of_spaces_in_whatever_order_they_end, 0, 6);
    tcase_add_test(tc, a_space_without_a_frame_for_its_root_is_not_made);
    tcase_add_test(tc, a_root_that_differs_in_the_kernels_part_is_noticed);
    suite_add_tcase(suite, tc);

    tc = tcase_create("copies");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_copy_between_spaces_is_exact_across_pages);
    tcase_add_loop_test(tc, a_copy_that_stops_tells_how_many_bytes_were_copied,
                        0, 3);
    tcase_add_test(tc, a_copy_that_runs_out_of_frames_keeps_what_it_did);
    tcase_add_test(tc, a_copy_stays_in_the_private_part_and_in_ram);
    tcase_add_test(tc, a_copy_takes_no_right_that_a_table_has_not);
    tcase_add_test(tc, a_copy_leaves_accessed_and_dirty_as_the_processor_would);
    suite_add_tcase(suite, tc);
    return suite;
}
