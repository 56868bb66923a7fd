/*
 * Flushes: what a processor may remember, and that it is made to forget.
 *
 * These tests touch the page first, so that its translation is in the TLB, and
 * fail when vmm_flush() forgets one: then the old translation still works.
 * Whether it works without the flush is the processor's choice, so nothing is
 * demanded there.
 */
#include <check.h>
#include <string.h>

#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static const vaddr_t page = { UINT64_C(0x444444440000) };

static void setup(void) {
    machine_start_pages(&m);
}
static void teardown(void) {
    machine_stop_pages(&m);
}

static volatile uint8_t *at(vaddr_t va) {
    return pointer_of(va);
}

static pfn_t map_new(vaddr_t va, unsigned access) {
    pfn_t f;

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    ck_assert_status(vmm_map(&m.space, va, f, access), MM_OK);
    return f;
}

static void unmap_and_free(vaddr_t va) {
    struct vmm_unmapped gone = vmm_unmap(&m.space, va);

    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
    ck_assert_status(pmm_free(&m.pmm, gone.frame), MM_OK);
}

/** A read of @va must fault: nothing is mapped there any more. */
static void expect_gone(vaddr_t va) {
    struct trap_fault fault = { 0 };
    uint8_t value;

    ck_assert_msg(!trap_try_read(va, &value, &fault),
                  "0x%lx was still readable after unmap: its translation is "
                  "still in the TLB; vmm_flush() must INVLPG it",
                  (unsigned long)va.v);
    ck_assert_uint_eq(fault.vector, TRAP_PAGE_FAULT);
    ck_assert_hex_eq(fault.error, 0); /* a read, no page */
    ck_assert_hex_eq(fault.address.v, va.v);
}

START_TEST(a_page_unmapped_and_flushed_faults_at_its_next_touch)
{ /* V2 A5 */
    struct vmm_unmapped gone;
    pfn_t f;

    expect_gone(page);
    f = map_new(page, VMM_WRITE);
    *at(page) = 0x5a;
    ck_assert_uint_eq(*at(page), 0x5a);
    gone = vmm_unmap(&m.space, page);
    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
    expect_gone(page);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

START_TEST(a_page_made_read_only_and_flushed_refuses_the_next_write)
{ /* V5 */
    struct vmm_changed changed;
    struct trap_fault fault = { 0 };

    map_new(page, VMM_WRITE);
    *at(page) = 1;
    changed = vmm_protect(&m.space, page, VMM_READ);
    ck_assert_status(changed.status, MM_OK);
    ck_assert_msg(vmm_token_space(changed.token) != NULL,
                  "W was taken away and no flush is owed");
    vmm_flush(changed.token);
    ck_assert_msg(!trap_try_write(page, 2, &fault),
                  "0x%lx was still writable after protect: its translation is "
                  "still in the TLB; vmm_flush() must INVLPG it",
                  (unsigned long)page.v);
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_WRITE);
    ck_assert_uint_eq(*at(page), 1);
    unmap_and_free(page);
}
END_TEST

START_TEST(a_page_made_data_and_flushed_refuses_the_next_fetch)
{ /* V5 */
    struct vmm_changed changed;
    struct trap_fault fault = { 0 };

    map_new(page, VMM_WRITE | VMM_EXECUTE);
    *at(page) = 0xc3; /* ret */
    ck_assert(trap_try_call(page, &fault));
    changed = vmm_protect(&m.space, page, VMM_WRITE);
    ck_assert_status(changed.status, MM_OK);
    vmm_flush(changed.token);
    ck_assert_msg(!trap_try_call(page, &fault),
                  "0x%lx was still executable after protect and flush",
                  (unsigned long)page.v);
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_FETCH);
    unmap_and_free(page);
}
END_TEST

START_TEST(a_page_mapped_anew_after_a_flush_shows_the_new_frame)
{ /* V2 */
    struct vmm_unmapped gone;

    map_new(page, VMM_WRITE);
    *at(page) = 0x11;
    gone = vmm_unmap(&m.space, page);
    ck_assert_status(gone.status, MM_OK);
    vmm_flush(gone.token);
    map_new(page, VMM_WRITE);
    *at(page) = 0x22;
    ck_assert_uint_eq(*(uint8_t *)pointer_of(vaddr_add(m.space.direct_base,
                                                       paddr_of(gone.frame).v)),
                      0x11);
    ck_assert_status(pmm_free(&m.pmm, gone.frame), MM_OK);
    unmap_and_free(page);
}
END_TEST

START_TEST(an_added_right_works_without_a_flush)
{ /* V5 */
    struct vmm_changed changed;
    struct trap_fault fault;

    map_new(page, VMM_READ);
    (void)*at(page); /* a translation that says "no write" */
    changed = vmm_protect(&m.space, page, VMM_WRITE);
    ck_assert_status(changed.status, MM_OK);
    ck_assert_ptr_null(vmm_token_space(changed.token));
    ck_assert(trap_try_write(page, 9, &fault));
    ck_assert_uint_eq(*at(page), 9);
    unmap_and_free(page);
}
END_TEST

/*
 * A region of many pages, all touched, goes at once.  Up to 32 pages are
 * dropped by INVLPG, more by a CR3 load, or by a flush of everything when they
 * are global.
 */
static const struct {
    uint64_t pages;
    unsigned access;
    enum vmm_backing backing;
} removals[] = {
    { 1, VMM_WRITE, VMM_DEMAND },
    { 3, VMM_WRITE, VMM_DEMAND },
    { 3, VMM_WRITE, VMM_IMMEDIATE },
    { 3, VMM_WRITE | VMM_GLOBAL, VMM_IMMEDIATE },
    { 32, VMM_WRITE, VMM_DEMAND },
    { 33, VMM_WRITE, VMM_DEMAND },
    { 40, VMM_WRITE | VMM_GLOBAL, VMM_IMMEDIATE },
};

START_TEST(every_page_of_a_removed_region_faults_at_its_next_touch)
{ /* V8 */
    const struct vmm_region region = {
        .name = "test",
        .range = { page, removals[_i].pages * PAGE_SIZE },
        .access = removals[_i].access,
        .backing = removals[_i].backing,
    };

    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    for (uint64_t n = 0; n < removals[_i].pages; n++) {
        *at(vaddr_add(page, n * PAGE_SIZE)) = (uint8_t)n;
    }
    ck_assert_status(vmm_region_remove(&m.space, page), MM_OK);
    for (uint64_t n = 0; n < removals[_i].pages; n++) {
        expect_gone(vaddr_add(page, n * PAGE_SIZE));
    }
    ck_assert_uint_eq(m.space.stats.flushes, removals[_i].pages);
}
END_TEST

/* The pages between are never mapped; first and last must go nevertheless. */
START_TEST(the_touched_pages_of_a_sparse_region_are_all_dropped)
{ /* V8 */
    const uint64_t touched[] = { 1, 17, 600, 1023 };
    const struct vmm_region region = {
        .name = "test",
        .range = { page, 2048 * PAGE_SIZE },
        .access = VMM_WRITE,
        .backing = VMM_DEMAND,
    };

    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    for (size_t i = 0; i < 4; i++) {
        *at(vaddr_add(page, touched[i] * PAGE_SIZE)) = 1;
    }
    ck_assert_uint_eq(m.space.stats.maps, 4);
    ck_assert_status(vmm_region_remove(&m.space, page), MM_OK);
    for (size_t i = 0; i < 4; i++) {
        expect_gone(vaddr_add(page, touched[i] * PAGE_SIZE));
    }
    ck_assert_uint_eq(m.space.stats.flushes, 1023);
}
END_TEST

/*
 *   PML4 --> PDPT --> PD --> PT --> page
 *                     PD --> PT'--> page     tables given back and made anew
 */
START_TEST(a_reclaimed_table_is_not_walked_any_more)
{ /* V4 */
    const struct vrange range = { page, PAGE_SIZE };

    map_new(page, VMM_WRITE);
    *at(page) = 1;
    unmap_and_free(page);
    ck_assert_uint_eq(vmm_reclaim_tables(&m.space, range), 3);
    ck_assert_uint_eq(vmm_reclaim_tables(&m.space, range), 0);
    expect_gone(page);
    map_new(page, VMM_WRITE);
    *at(page) = 2;
    ck_assert_uint_eq(*at(page), 2);
    unmap_and_free(page);
}
END_TEST

/*
 *   PD --> PT, empty        the way to it is remembered: nobody flushed
 *   PD     (frame)          now somebody's data, which look like leaves
 */
START_TEST(a_reclaimed_table_that_holds_data_now_is_no_table)
{ /* V4: the way to it must be forgotten before its frame is free */
    const vaddr_t never_touched = vaddr_add(page, PAGE_SIZE);
    const struct vrange range = { page, PAGE_SIZE };
    struct vmm_unmapped gone;
    pte_t *data;
    pfn_t f = map_new(page, VMM_WRITE);

    *at(page) = 1;
    gone = vmm_unmap(&m.space, page);
    ck_assert_status(gone.status, MM_OK);
    vmm_flush_skip(gone.token); /* the test flushes at the end */
    data = machine_entry(&m.space, vaddr(align_down(page.v, 2 * MIB)), 1);
    ck_assert_uint_eq(vmm_reclaim_tables(&m.space, range), 3);
    for (unsigned n = 0; n < TABLE_ENTRIES; n++) {
        data[n] = pte_make(f, PTE_PRESENT | PTE_WRITABLE);
    }
    expect_gone(never_touched);
    hw_invlpg(page);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

/*
 *   PD  [ PT in use ][ PT empty, the pmm's ][ PT empty, the boot loader's ]
 *         stays        goes                   stays
 */
START_TEST(a_table_that_is_in_use_or_not_ours_is_not_reclaimed)
{ /* V4 */
    const vaddr_t next = vaddr_add(page, 2 * MIB);
    const vaddr_t after = vaddr_add(page, 4 * MIB);
    const struct vrange range = { page, 6 * MIB };
    const pfn_t foreign = pfn(0x10); /* RAM in the first MiB: withheld */
    pte_t *entry;

    map_new(page, VMM_WRITE);
    map_new(next, VMM_WRITE);
    unmap_and_free(next);
    memset(pointer_of(vaddr_add(m.space.direct_base, paddr_of(foreign).v)), 0,
           PAGE_SIZE);
    entry = machine_entry(&m.space, after, 2);
    *entry = pte_make(foreign, PTE_PRESENT);
    m.space.stats.tables++;
    ck_assert_uint_eq(vmm_reclaim_tables(&m.space, range), 1);
    *at(page) = 7;
    ck_assert_uint_eq(*at(page), 7);
    ck_assert_hex_eq(machine_entry(&m.space, next, 2)->v, 0);
    ck_assert_hex_eq(pfn_of(pte_address(*entry)).v, foreign.v);
    *entry = pte(0);
    m.space.stats.tables--;
    unmap_and_free(page);
    ck_assert_uint_eq(vmm_reclaim_tables(&m.space, (struct vrange){ page, 0 }),
                      0);
}
END_TEST

/* --- tokens --------------------------------------------------------------- */

START_TEST(a_token_that_is_not_used_up_is_noticed)
{ /* V2 */
    const char *why = NULL;
    struct vmm_unmapped gone;
    const pfn_t f = map_new(page, VMM_WRITE);

    ck_assert(vmm_is_sound(&m.space, &why));
    gone = vmm_unmap(&m.space, page);
    ck_assert_status(gone.status, MM_OK);
    ck_assert_uint_eq(m.space.tokens - m.space.tokens_used, 1);
    ck_assert(!vmm_is_sound(&m.space, &why));
    ck_assert_str_eq(why, "a token is neither flushed nor skipped");
    vmm_flush_skip(gone.token);
    ck_assert(vmm_is_sound(&m.space, &why));
    hw_invlpg(page);
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

START_TEST(a_token_that_owes_nothing_costs_nothing)
{ /* V2 */
    struct vmm_unmapped none = vmm_unmap(&m.space, page);

    ck_assert_status(none.status, MM_NOT_MAPPED);
    ck_assert_ptr_null(vmm_token_space(none.token));
    vmm_flush(none.token);
    vmm_flush_skip(none.token);
    ck_assert_uint_eq(m.space.tokens - m.space.tokens_used, 0);
    ck_assert_uint_eq(m.space.stats.flushes, 0);
}
END_TEST

START_TEST(a_flush_is_owed_exactly_when_something_is_taken_away)
{ /* V5 */
    map_new(page, 0);
    for (unsigned old = 0; old <= VMM_ACCESS_ALL; old++) {
        for (unsigned new = 0; new <= VMM_ACCESS_ALL; new ++) {
            const bool taken = (old & ~new & ~(unsigned)VMM_UNCACHED) != 0;
            const bool recached = ((old ^ new) & VMM_UNCACHED) != 0;
            struct vmm_changed changed = vmm_protect(&m.space, page, old);

            ck_assert_status(changed.status, MM_OK);
            vmm_flush(changed.token);
            changed = vmm_protect(&m.space, page, new);
            ck_assert_status(changed.status, MM_OK);
            ck_assert_msg((vmm_token_space(changed.token) != NULL) ==
                              (taken || recached),
                          "from access 0x%x to 0x%x", old, new);
            vmm_flush_skip(changed.token);
        }
    }
    hw_invlpg(page);
    unmap_and_free(page);
}
END_TEST

START_TEST(a_token_used_twice_does_not_pay_for_another)
{ /* V2 */
    const vaddr_t next = vaddr_add(page, PAGE_SIZE);
    struct vmm_unmapped a, b;
    const char *why = "";

    map_new(page, VMM_WRITE);
    map_new(next, VMM_WRITE);
    a = vmm_unmap(&m.space, page);
    b = vmm_unmap(&m.space, next);
    ck_assert(a.status == MM_OK && b.status == MM_OK);
    ck_assert_uint_eq(m.space.stats.unmaps, 2);
    vmm_flush(a.token);
    vmm_flush(a.token);
    ck_assert(!vmm_is_sound(&m.space, &why));
    ck_assert_str_eq(why, "a token was used twice");
    vmm_flush(b.token);
    ck_assert(!vmm_is_sound(&m.space, &why));
    ck_assert_str_eq(why, "a token was used twice");
    m.space.tokens_used = m.space.tokens; /* the test's own mistake, undone */
    m.space.ids_owed = 0;
    ck_assert_status(pmm_free(&m.pmm, a.frame), MM_OK);
    ck_assert_status(pmm_free(&m.pmm, b.frame), MM_OK);
}
END_TEST

/* What goes into the two words comes out again. */
static const struct {
    uint64_t va, pages, counted;
    unsigned level;
    bool global;
} tokens[] = {
    { 0, 1, 1, 1, false },
    { UINT64_C(0x7ffffffff000), 1, 1, 3, true },
    { UINT64_C(0xffff800000000000), 32, 32, 2, false },
    { UINT64_C(0xfffffffffffff000), 1, 1, 1, true },
    { UINT64_C(0x444444440000), (1 << 25) - 1, (1 << 25) - 1, 1, false },
    { UINT64_C(0x444444440000), UINT64_MAX, (1 << 25) - 1, 2, false },
};

START_TEST(a_token_tells_what_it_was_given_for)
{ /* V2 */
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        const struct vmm_token token =
            vmm_token_make(&m.space, 0x12345, vaddr(tokens[i].va),
                           tokens[i].level, tokens[i].pages, tokens[i].global);

        ck_assert(vmm_token_owes(token));
        ck_assert_ptr_eq(vmm_token_space(token), &m.space);
        ck_assert_hex_eq(vmm_token_id(token), 0x2345);
        ck_assert_hex_eq(vmm_token_va(token).v, tokens[i].va);
        ck_assert_uint_eq(vmm_token_pages(token), tokens[i].counted);
        ck_assert_uint_eq(vmm_token_level(token), tokens[i].level);
        ck_assert(vmm_token_global(token) == tokens[i].global);
    }
    ck_assert(!vmm_token_owes((struct vmm_token){ 0, 0 }));
}
END_TEST

/* --- order ---------------------------------------------------------------- */

/** Where in the ring the newest event of @kind is, counted from 1; 0: none.
 *  @oldest: the oldest of them instead. */
static uint64_t when(enum event_kind kind, bool oldest) {
    uint64_t found = 0;

    ck_assert_uint_le(m.events.total, EVENTS_KEPT);
    for (uint64_t k = 0; k < m.events.total; k++) {
        if (m.events.ring[k].kind == kind && !(oldest && found != 0)) {
            found = k + 1;
        }
    }
    return found;
}

/** Unmap, then flush, then give back. */
static void expect_flushed_before_it_was_freed(void) {
    const uint64_t flushed = when(EVENT_VMM_FLUSHES, false);
    const uint64_t freed = when(EVENT_PMM_TAKES, true);

    ck_assert(freed != 0);
    ck_assert_msg(flushed != 0 && flushed < freed,
                  "a frame went back to the pmm before the flush");
    ck_assert_uint_lt(when(EVENT_VMM_UNMAPS, false), flushed);
}

START_TEST(the_frames_of_a_region_go_back_after_the_flush)
{ /* V8 */
    const struct vmm_region region = { .name = "test",
                                       .range = { page, 3 * PAGE_SIZE },
                                       .access = VMM_WRITE,
                                       .backing = VMM_IMMEDIATE };

    ck_assert_status(vmm_region_add(&m.space, region), MM_OK);
    *at(page) = 1;
    m.events.total = 0;
    ck_assert_status(vmm_region_remove(&m.space, page), MM_OK);
    expect_flushed_before_it_was_freed();
    m.events.total = 0;
    ck_assert_uint_eq(vmm_reclaim_tables(&m.space, region.range), 3);
    expect_flushed_before_it_was_freed();
}
END_TEST

START_TEST(a_table_whose_last_entry_is_in_use_is_not_reclaimed)
{                                                         /* V4 */
    const vaddr_t last = vaddr(UINT64_C(0x4444445ff000)); /* PTE 511 */
    const struct vrange all = { vaddr(UINT64_C(0x444444400000)), 2 * MIB };

    ck_assert_uint_eq(table_index(last, 1), 511);
    map_new(last, VMM_WRITE);
    ck_assert_uint_eq(vmm_reclaim_tables(&m.space, all), 0);
    *at(last) = 7;
    ck_assert_uint_eq(*at(last), 7);
    unmap_and_free(last);
}
END_TEST

/* --- rights of upper entries ---------------------------------------------- */

#define ALL ((unsigned)(VMM_WRITE | VMM_EXECUTE | VMM_USER))

START_TEST(a_right_taken_at_an_upper_level_is_owed_and_gone_after_the_flush)
{ /* V5 */
    const unsigned level = (unsigned)_i;
    const uint64_t below = level_size(level) / PAGE_SIZE;
    const vaddr_t next = vaddr_add(page, PAGE_SIZE);
    struct trap_fault fault = { 0 };
    struct vmm_changed changed;

    map_new(page, VMM_WRITE);
    map_new(next, VMM_WRITE | VMM_GLOBAL);
    *at(page) = 1;
    *at(next) = 1;
    changed =
        vmm_protect_table(&m.space, page, level, ALL & ~(unsigned)VMM_WRITE);
    ck_assert_status(changed.status, MM_OK);
    ck_assert_ptr_eq(vmm_token_space(changed.token), &m.space);
    ck_assert_hex_eq(vmm_token_va(changed.token).v,
                     align_down(page.v, level_size(level)));
    ck_assert_uint_eq(vmm_token_pages(changed.token),
                      below < VMM_TOKEN_PAGES_MAX ? below
                                                  : VMM_TOKEN_PAGES_MAX);
    vmm_flush(changed.token);
    ck_assert(!trap_try_write(page, 2, &fault));
    ck_assert_hex_eq(fault.error, PF_PRESENT | PF_WRITE);
    ck_assert(!trap_try_write(next, 2, &fault));
    ck_assert_uint_eq(vmm_translate(&m.space, page).access, VMM_READ);

    /* The processor remembers "no" now; the fault makes it look again. */
    changed = vmm_protect_table(&m.space, page, level, ALL);
    ck_assert_status(changed.status, MM_OK);
    ck_assert_ptr_null(vmm_token_space(changed.token));
    ck_assert(trap_try_write(page, 3, &fault));
    ck_assert(trap_try_write(next, 3, &fault));
    unmap_and_free(page);
    unmap_and_free(next);
}
END_TEST

START_TEST(an_upper_entry_that_is_none_is_refused)
{ /* V5 */
    const struct {
        vaddr_t va;
        unsigned level, access;
        enum mm_status status;
    } rows[] = {
        { page, 1, ALL, MM_BAD_ARGUMENT },
        { page, 5, ALL, MM_BAD_ARGUMENT },
        { page, 2, ALL | VMM_GLOBAL, MM_BAD_ARGUMENT },
        { vaddr_add(page, 1), 2, ALL, MM_NOT_ALIGNED },
        { vaddr(UINT64_C(1) << 47), 2, ALL, MM_NOT_CANONICAL },
        { vaddr_add(page, 2 * MIB), 2, ALL, MM_NOT_MAPPED },
        { vaddr_add(page, 512 * GIB), 2, ALL, MM_NOT_MAPPED },
        { vaddr_add(m.space.direct_base, 16 * MIB), 2, ALL, MM_HUGE_PAGE },
    };
    const uint64_t tables = (map_new(page, 0), machine_tables_hash(&m.space));

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct vmm_changed seen = vmm_protect_table(
            &m.space, rows[i].va, rows[i].level, rows[i].access);

        ck_assert_status(seen.status, rows[i].status);
        ck_assert_ptr_null(vmm_token_space(seen.token));
    }
    ck_assert_hex_eq(machine_tables_hash(&m.space), tables);
    unmap_and_free(page);
}
END_TEST

Suite *vmm_flush_suite(void) {
    Suite *suite = suite_create("vmm_flush");
    TCase *tc = tcase_create("flush");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_page_unmapped_and_flushed_faults_at_its_next_touch);
    tcase_add_test(tc,
                   a_page_made_read_only_and_flushed_refuses_the_next_write);
    tcase_add_test(tc, a_page_made_data_and_flushed_refuses_the_next_fetch);
    tcase_add_test(tc, a_page_mapped_anew_after_a_flush_shows_the_new_frame);
    tcase_add_test(tc, an_added_right_works_without_a_flush);
    tcase_add_loop_test(tc,
                        every_page_of_a_removed_region_faults_at_its_next_touch,
                        0, sizeof(removals) / sizeof(removals[0]));
    tcase_add_test(tc, the_touched_pages_of_a_sparse_region_are_all_dropped);
    tcase_add_test(tc, a_reclaimed_table_is_not_walked_any_more);
    tcase_add_test(tc, a_reclaimed_table_that_holds_data_now_is_no_table);
    tcase_add_test(tc, a_table_that_is_in_use_or_not_ours_is_not_reclaimed);
    suite_add_tcase(suite, tc);

    tc = tcase_create("tokens");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_token_that_is_not_used_up_is_noticed);
    tcase_add_test(tc, a_token_that_owes_nothing_costs_nothing);
    tcase_add_test(tc, a_flush_is_owed_exactly_when_something_is_taken_away);
    tcase_add_test(tc, a_token_tells_what_it_was_given_for);
    tcase_add_test(tc, a_token_used_twice_does_not_pay_for_another);
    suite_add_tcase(suite, tc);

    tc = tcase_create("order");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_frames_of_a_region_go_back_after_the_flush);
    tcase_add_test(tc, a_table_whose_last_entry_is_in_use_is_not_reclaimed);
    suite_add_tcase(suite, tc);

    tc = tcase_create("upper entries");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(
        tc, a_right_taken_at_an_upper_level_is_owed_and_gone_after_the_flush, 2,
        5);
    tcase_add_test(tc, an_upper_entry_that_is_none_is_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
