/*
 * Frames: handed out once, taken back once, counted exactly.
 */
#include <check.h>
#include <string.h>

#include "base/hash.h"
#include "pmm/memmap.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

static void setup(void) {
    machine_start_pages(&m);
}
static void teardown(void) {
    machine_stop_pages(&m);
}

static uint64_t *bytes_of(pfn_t f) {
    return pointer_of(vaddr_add(m.pmm.direct_base, paddr_of(f).v));
}

static pfn_t alloc(void) {
    pfn_t f = pfn(0);

    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_OK);
    return f;
}

static void expect_identities(const struct pmm *pmm) {
    const struct pmm_stats s = pmm->stats;

    ck_assert_uint_eq(s.total, s.reserved + s.allocated + pmm_free_count(pmm));
    ck_assert_uint_eq(s.allocated, s.allocs - s.frees);
    ck_assert_uint_ge(s.peak, s.allocated);
    ck_assert(pmm_is_sound(pmm));
}

START_TEST(addresses_and_frame_numbers_convert_both_ways)
{ /* P1 */
    const uint64_t numbers[] = { 0, 1, 0xfffff, 0x100000, 0xffffffffff };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const pfn_t f = pfn(numbers[i]);

        ck_assert_hex_eq(paddr_of(f).v, numbers[i] * 4096);
        ck_assert_hex_eq(pfn_of(paddr_of(f)).v, f.v);
        ck_assert_hex_eq(pfn_of(paddr_add(paddr_of(f), 4095)).v, f.v);
    }
}
END_TEST

/* Every frame gets a mark of its own; a frame that comes twice has one. */
START_TEST(every_free_frame_is_handed_out_and_none_twice)
{ /* P5 P9 */
    const uint64_t mark = hash_mix(m.free_at_start);
    const pfn_t untouched = pfn(0x1234);
    pfn_t f = untouched, last = pfn(0);
    uint64_t count = 0;

    while (pmm_alloc(&m.pmm, &f) == MM_OK) {
        uint64_t *bytes = bytes_of(f);

        ck_assert_msg(bytes[1] != (mark ^ f.v), "frame 0x%lx came twice",
                      (unsigned long)f.v);
        bytes[1] = mark ^ f.v;
        bytes[0] = last.v;
        last = f;
        count++;
    }
    ck_assert_uint_eq(count, m.free_at_start);
    ck_assert_uint_eq(pmm_free_count(&m.pmm), 0);
    ck_assert_uint_eq(pmm_largest_free_run(&m.pmm), 0);
    f = untouched;
    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_NO_MEMORY);
    ck_assert_hex_eq(f.v, untouched.v);
    expect_identities(&m.pmm);
    while (last.v != 0) {
        const pfn_t next = pfn(*bytes_of(last));

        ck_assert_status(pmm_free(&m.pmm, last), MM_OK);
        last = next;
    }
    ck_assert_uint_eq(m.pmm.stats.peak, m.free_at_start);
    expect_identities(&m.pmm);
}
END_TEST

static void expect_outside(pfn_t f, struct prange taken, const char *what) {
    ck_assert_msg(
        !ranges_overlap(taken.base.v, taken.len, paddr_of(f).v, PAGE_SIZE),
        "frame 0x%lx lies in the %s, 0x%lx bytes at 0x%lx", (unsigned long)f.v,
        what, (unsigned long)taken.len, (unsigned long)taken.base.v);
}

static void expect_ours(const struct hw_boot *boot, pfn_t f) {
    bool in_map = false;

    for (size_t i = 0; i < boot->map_count; i++) {
        const struct prange range = boot->map[i].range;

        if (boot->map[i].type != MEMMAP_USABLE) {
            expect_outside(f, range, "part of the map that is not usable");
        } else if (prange_holds(range, paddr_of(f))) {
            in_map = true;
        }
    }
    for (size_t i = 0; i < boot->reserved_count; i++) {
        expect_outside(f, boot->reserved[i], "memory reserved at boot");
    }
    expect_outside(f, boot->module, "module");
    expect_outside(f, m.pmm.metadata, "pmm's own metadata");
    expect_outside(f, (struct prange){ paddr(0), MIB }, "first MiB");
    ck_assert_msg(in_map, "frame 0x%lx is not in the map", (unsigned long)f.v);
}

START_TEST(no_frame_of_a_hole_or_a_reservation_is_handed_out)
{ /* P3 P4 */
    const struct hw_boot *boot = m.boot;
    pfn_t f;

    while (pmm_alloc(&m.pmm, &f) == MM_OK) {
        expect_ours(boot, f);
        ck_assert(pmm_is_used(&m.pmm, f));
        ck_assert(pmm_is_managed(&m.pmm, f));
    }
    for (size_t i = 0; i < m.pmm.run_count; i++) {
        for (uint64_t n = 0; n < m.pmm.runs[i].count; n++) {
            ck_assert_status(pmm_free(&m.pmm, pfn_add(m.pmm.runs[i].first, n)),
                             MM_OK);
        }
    }
    ck_assert(pmm_is_used(&m.pmm, pfn(0)));
    ck_assert(!pmm_is_managed(&m.pmm, pfn(0)));
}
END_TEST

/** @refused says why, and nothing has changed. */
static void expect_free_refused(pfn_t f, enum mm_status refused) {
    const struct pmm_stats before = m.pmm.stats;

    ck_assert_status(pmm_free(&m.pmm, f), refused);
    ck_assert_int_eq(memcmp(&before, &m.pmm.stats, sizeof(before)), 0);
    expect_identities(&m.pmm);
}

START_TEST(freeing_a_frame_twice_is_refused)
{ /* P11 */
    const pfn_t kept = alloc(), f = alloc();

    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
    expect_free_refused(f, MM_NOT_ALLOCATED);
    expect_free_refused(pfn(m.pmm.frames - 1), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_free(&m.pmm, kept), MM_OK);
}
END_TEST

START_TEST(freeing_a_frame_that_was_never_ours_is_refused)
{ /* P11 */
    expect_free_refused(pfn(0), MM_NOT_MANAGED);
    expect_free_refused(pfn(0x9f), MM_NOT_MANAGED);
    expect_free_refused(pfn_of(m.pmm.metadata.base), MM_NOT_MANAGED);
    expect_free_refused(pfn_of(m.boot->root), MM_NOT_MANAGED);
    expect_free_refused(pfn(m.pmm.frames), MM_NOT_MANAGED);
    expect_free_refused(pfn(m.pmm.frames + 64), MM_NOT_MANAGED);
    expect_free_refused(pfn(UINT64_MAX), MM_NOT_MANAGED);
}
END_TEST

START_TEST(freeing_an_address_inside_a_frame_is_refused)
{ /* P11 */
    const pfn_t f = alloc();

    ck_assert_status(pmm_free_address(&m.pmm, paddr(paddr_of(f).v + 1)),
                     MM_NOT_ALIGNED);
    ck_assert_status(pmm_free_address(&m.pmm, paddr(paddr_of(f).v + 4095)),
                     MM_NOT_ALIGNED);
    ck_assert(pmm_is_used(&m.pmm, f));
    ck_assert_status(pmm_free_address(&m.pmm, paddr_of(f)), MM_OK);
    ck_assert(!pmm_is_used(&m.pmm, f));
}
END_TEST

START_TEST(the_last_free_frame_is_found_wherever_it_is)
{ /* P9 */
    const pfn_t lowest = m.pmm.runs[0].first;
    const pfn_t highest = pfn(m.pmm.frames - 1);
    pfn_t f;

    machine_leave_free(&m.pmm, 0);
    ck_assert_status(pmm_free(&m.pmm, lowest), MM_OK);
    ck_assert_uint_eq(m.pmm.bitmap.hint, lowest.v / 64);
    ck_assert_hex_eq(alloc().v, lowest.v);
    ck_assert_status(pmm_free(&m.pmm, highest), MM_OK);
    ck_assert_hex_eq(alloc().v, highest.v);

    /* Two of them, both behind the hint. */
    ck_assert_status(pmm_free(&m.pmm, highest), MM_OK);
    ck_assert_status(pmm_free(&m.pmm, lowest), MM_OK);
    ck_assert_uint_eq(pmm_largest_free_run(&m.pmm), 1);
    ck_assert_hex_eq(alloc().v, highest.v);
    ck_assert_hex_eq(alloc().v, lowest.v);
    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_NO_MEMORY);
}
END_TEST

START_TEST(a_search_goes_on_where_the_last_one_ended)
{ /* P9 */
    const pfn_t first = alloc();
    pfn_t f = first;

    while (f.v / 64 == first.v / 64) {
        f = alloc();
    }
    ck_assert_status(pmm_free(&m.pmm, first), MM_OK);
    ck_assert_hex_eq(alloc().v, f.v + 1);
    for (size_t i = 0; i < m.pmm.run_count; i++) {
        for (uint64_t n = 0; n < m.pmm.runs[i].count; n++) {
            const pfn_t mine = pfn_add(m.pmm.runs[i].first, n);

            if (pmm_is_used(&m.pmm, mine)) {
                ck_assert_status(pmm_free(&m.pmm, mine), MM_OK);
            }
        }
    }
}
END_TEST

START_TEST(counters_add_up_after_every_call)
{ /* P14 */
    pfn_t mine[32];
    size_t count = 0;
    uint64_t peak = m.pmm.stats.peak;

    for (uint64_t step = 0; step < 300; step++) {
        const uint64_t draw = hash_mix(step);

        if (count == 0 || (draw % 5 < 3 && count < 32)) {
            mine[count++] = alloc();
        } else {
            const size_t at = (size_t)(draw >> 8) % count;

            ck_assert_status(pmm_free(&m.pmm, mine[at]), MM_OK);
            mine[at] = mine[--count];
        }
        peak = count > peak ? count : peak;
        ck_assert_uint_eq(m.pmm.stats.allocated, count);
        ck_assert_uint_eq(m.pmm.stats.peak, peak);
        ck_assert_uint_eq(pmm_free_count(&m.pmm), m.free_at_start - count);
        expect_identities(&m.pmm);
    }
    while (count > 0) {
        ck_assert_status(pmm_free(&m.pmm, mine[--count]), MM_OK);
    }
}
END_TEST

START_TEST(every_frame_handed_out_or_taken_back_is_recorded)
{
    const uint64_t before = m.events.total;
    const pfn_t f = alloc();
    const struct event *seen = m.events.ring;

    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
    ck_assert_status(pmm_free(&m.pmm, f), MM_NOT_ALLOCATED);
    ck_assert_uint_eq(m.events.total, before + 2);
    ck_assert_int_eq(seen[before % EVENTS_KEPT].kind, EVENT_PMM_GIVES);
    ck_assert_hex_eq(seen[before % EVENTS_KEPT].a, f.v);
    ck_assert_int_eq(seen[(before + 1) % EVENTS_KEPT].kind, EVENT_PMM_TAKES);

    m.pmm.events = NULL;
    ck_assert_status(pmm_free(&m.pmm, alloc()), MM_OK);
    ck_assert_uint_eq(m.events.total, before + 2);
}
END_TEST

START_TEST(damaged_books_are_noticed)
{ /* P14 */
    const pfn_t f = alloc();
    uint64_t *word = &m.pmm.bitmap.words[f.v / 64];
    const uint64_t bit = UINT64_C(1) << (f.v % 64);
    uint64_t *last = &m.pmm.bitmap.words[(m.pmm.frames - 1) / 64];
    const uint64_t last_bit = UINT64_C(1) << ((m.pmm.frames - 1) % 64);

    *word ^= bit; /* a frame of somebody's looks free */
    ck_assert(!pmm_is_sound(&m.pmm));
    *word ^= bit;
    m.pmm.bitmap.words[0] ^= 1; /* frame 0 looks free */
    ck_assert(!pmm_is_sound(&m.pmm));
    *last ^= last_bit; /* and, so that the count is right, one looks used */
    ck_assert(!pmm_is_sound(&m.pmm));
    *last ^= last_bit;
    m.pmm.bitmap.words[0] ^= 1;
    m.pmm.stats.allocated++;
    ck_assert(!pmm_is_sound(&m.pmm));
    m.pmm.stats.allocated--;
    m.pmm.runs[0].count++;
    ck_assert(!pmm_is_sound(&m.pmm));
    m.pmm.runs[0].count--;
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

/* Every field that another one must agree with, off by one. */
START_TEST(a_counter_or_run_that_disagrees_is_noticed)
{ /* P14 */
    uint64_t *const fields[] = {
        &m.pmm.stats.total,     &m.pmm.stats.reserved, &m.pmm.stats.allocs,
        &m.pmm.stats.frees,     &m.pmm.stats.peak,     &m.pmm.frames,
        &m.pmm.runs[0].count,   &m.pmm.bitmap.hint,    &m.pmm.largest.count,
        &m.pmm.largest.first.v,
    };
    const pfn_t f = alloc();
    const struct pmm_run kept = m.pmm.runs[0], second = m.pmm.runs[1];
    const size_t run_count = m.pmm.run_count;

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const uint64_t value = *fields[i];

        *fields[i] = value + m.pmm.bitmap.word_count * 64;
        ck_assert_msg(!pmm_is_sound(&m.pmm), "field %lu", (unsigned long)i);
        *fields[i] = value;
        ck_assert(pmm_is_sound(&m.pmm));
    }
    m.pmm.stats.peak = 0; /* less than is allocated */
    ck_assert(!pmm_is_sound(&m.pmm));
    m.pmm.stats.peak = 1;
    m.pmm.runs[0].first = pfn(0);
    ck_assert(!pmm_is_sound(&m.pmm));
    m.pmm.runs[0] = (struct pmm_run){ kept.first, 0 };
    ck_assert(!pmm_is_sound(&m.pmm));
    m.pmm.runs[0] = kept;
    m.pmm.runs[1] = (struct pmm_run){ pfn_add(kept.first, 1), 1 };
    m.pmm.run_count = 2; /* the second lies in the first */
    ck_assert(!pmm_is_sound(&m.pmm));
    m.pmm.runs[1] = second;
    m.pmm.run_count = run_count;
    ck_assert(pmm_is_sound(&m.pmm));
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
}
END_TEST

/*
 *   words   [ ... | b . . . | a . . . | ... ]    the search starts at a's
 */
START_TEST(a_search_goes_round_to_the_word_before_its_start)
{ /* P9 */
    const struct pmm_run run = m.pmm.largest;
    const pfn_t a = pfn_add(run.first, run.count / 2), b = pfn(a.v - 64);

    machine_leave_free(&m.pmm, 0);
    ck_assert_status(pmm_free(&m.pmm, a), MM_OK);
    ck_assert_status(pmm_free(&m.pmm, b), MM_OK);
    ck_assert_hex_eq(alloc().v, a.v);
    ck_assert_hex_eq(alloc().v, b.v);
}
END_TEST

START_TEST(a_count_that_promises_too_much_is_no_endless_search)
{ /* P9 */
    pfn_t f = pfn(5);

    machine_leave_free(&m.pmm, 0);
    m.pmm.stats.allocated--; /* "one is free": the bitmap knows better */
    ck_assert_status(pmm_alloc(&m.pmm, &f), MM_NO_MEMORY);
    ck_assert_uint_eq(f.v, 5);
    m.pmm.stats.allocated++;
}
END_TEST

START_TEST(the_lock_is_free_between_calls)
{ /* P16 */
    pfn_t f;

    ck_assert(!lock_is_held(&m.pmm.lock));
    f = alloc();
    ck_assert(!lock_is_held(&m.pmm.lock));
    ck_assert_status(pmm_free(&m.pmm, f), MM_OK);
    ck_assert_status(pmm_free(&m.pmm, f), MM_NOT_ALLOCATED);
    ck_assert_status(pmm_free(&m.pmm, pfn(0)), MM_NOT_MANAGED);
    ck_assert(!lock_is_held(&m.pmm.lock));
}
END_TEST

Suite *pmm_suite(void) {
    Suite *suite = suite_create("pmm");
    TCase *tc = tcase_create("frames");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, addresses_and_frame_numbers_convert_both_ways);
    tcase_add_test(tc, every_free_frame_is_handed_out_and_none_twice);
    tcase_add_test(tc, no_frame_of_a_hole_or_a_reservation_is_handed_out);
    tcase_add_test(tc, freeing_a_frame_twice_is_refused);
    tcase_add_test(tc, freeing_a_frame_that_was_never_ours_is_refused);
    tcase_add_test(tc, freeing_an_address_inside_a_frame_is_refused);
    tcase_add_test(tc, the_last_free_frame_is_found_wherever_it_is);
    tcase_add_test(tc, a_search_goes_on_where_the_last_one_ended);
    tcase_add_test(tc, counters_add_up_after_every_call);
    tcase_add_test(tc, every_frame_handed_out_or_taken_back_is_recorded);
    tcase_add_test(tc, damaged_books_are_noticed);
    tcase_add_test(tc, a_counter_or_run_that_disagrees_is_noticed);
    tcase_add_test(tc, a_search_goes_round_to_the_word_before_its_start);
    tcase_add_test(tc, a_count_that_promises_too_much_is_no_endless_search);
    tcase_add_test(tc, the_lock_is_free_between_calls);
    suite_add_tcase(suite, tc);
    return suite;
}
