/*
 * The ground floor: addresses, ranges, statuses, and the little printf.
 */
#include <check.h>
#include <string.h>

#include "base/events.h"
#include "base/fmt.h"
#include "base/hash.h"
#include "base/range.h"
#include "base/status.h"
#include "hw/lock.h"
#include "hw/paging.h"
#include "support/asserts.h"
#include "support/machine.h"
#include "twin/suites.h"

/* --- fmt ----------------------------------------------------------------- */

#define ck_assert_prints(expected, ...)                                        \
    do {                                                                       \
        char text_[64];                                                        \
        size_t length_ = fmt_format(text_, sizeof text_, __VA_ARGS__);         \
        ck_assert_str_eq(text_, expected);                                     \
        ck_assert_uint_eq(length_, strlen(expected));                          \
    } while (0)

START_TEST(numbers_print_as_the_c_library_prints_them)
{
    ck_assert_prints("0 -1 42", "%d %i %u", 0, -1, 42u);
    ck_assert_prints("-2147483648", "%d", -2147483647 - 1);
    ck_assert_prints("-9223372036854775808", "%ld", -9223372036854775807L - 1);
    ck_assert_prints("18446744073709551615", "%lu", ~0ul);
    ck_assert_prints("ff FF 0xff", "%x %X %#x", 255u, 255u, 255u);
    ck_assert_prints("0", "%#x", 0u);
    ck_assert_prints("4294967295", "%zu", (size_t)0xffffffff);
    ck_assert_prints("5", "%ju", (uintmax_t)5);
    ck_assert_prints("7", "%lld", 7ll);
}
END_TEST

START_TEST(fields_are_padded_to_their_width)
{
    ck_assert_prints("[   42]", "[%5d]", 42);
    ck_assert_prints("[42   ]", "[%-5d]", 42);
    ck_assert_prints("[-0042]", "[%05d]", -42);
    ck_assert_prints("[0x002a]", "[%#06x]", 42u);
    ck_assert_prints("[  0x2a]", "[%#6x]", 42u);
    ck_assert_prints("[    7]", "[%*d]", 5, 7);
    ck_assert_prints("[7    ]", "[%*d]", -5, 7);
    ck_assert_prints("[7    ]", "[%-*d]", 5, 7);
    ck_assert_prints("[   ab]", "[%5s]", "ab");
    ck_assert_prints("[ab   ]", "[%-5s]", "ab");
    ck_assert_prints("[123456]", "[%3d]", 123456);
}
END_TEST

START_TEST(strings_stop_at_their_precision)
{
    char not_ended[2] = { 'a', 'b' };
    const char *volatile nothing = NULL; /* else the compiler objects */

    ck_assert_prints("ab", "%.2s", not_ended);
    ck_assert_prints("ab", "%.*s", 2, "abcdef");
    ck_assert_prints("abcdef", "%.*s", -1, "abcdef");
    ck_assert_prints("(null)", "%s", nothing);
    ck_assert_prints("x%", "%c%%", 'x');
    ck_assert_prints("0x10", "%p", (void *)16);
}
END_TEST

START_TEST(an_unknown_conversion_is_printed_as_it_stands)
{
    /* Through a variable: the compiler would object to the format. */
    const char *volatile unknown = "a %q b %";
    char text[32];

    fmt_format(text, sizeof text, unknown, 0);
    ck_assert_str_eq(text, "a %q b %");
}
END_TEST

START_TEST(a_short_buffer_is_ended_and_the_whole_length_told)
{
    char text[4] = "zzz";

    ck_assert_uint_eq(fmt_format(text, sizeof text, "%s", "abcdef"), 6);
    ck_assert_str_eq(text, "abc");
    ck_assert_uint_eq(fmt_format(NULL, 0, "%d", 123), 3);
}
END_TEST

/* --- addresses and ranges ------------------------------------------------ */

START_TEST(frame_numbers_and_addresses_convert_both_ways)
{ /* P1 */
    for (unsigned shift = 0; shift < 40; shift++) {
        pfn_t f = pfn(UINT64_C(1) << shift);

        ck_assert_hex_eq(pfn_of(paddr_of(f)).v, f.v);
        ck_assert_hex_eq(pfn_of(paddr(paddr_of(f).v + 4095)).v, f.v);
        ck_assert_hex_eq(pfn_of(paddr(paddr_of(f).v - 1)).v, f.v - 1);
    }
}
END_TEST

/** The other form of align_up(), by division. */
static uint64_t align_up_slowly(uint64_t value, uint64_t align) {
    return (value + align - 1) / align * align;
}

START_TEST(align_up_agrees_with_division_and_tells_overflow)
{ /* H8 */
    uint64_t out = 77;

    for (uint64_t align = 1; align <= 4096; align *= 2) {
        for (uint64_t value = 0; value < 10000; value += 7) {
            ck_assert(align_up(value, align, &out));
            ck_assert_hex_eq(out, align_up_slowly(value, align));
            ck_assert_hex_eq(align_down(value, align), value / align * align);
        }
    }
    out = 77;
    ck_assert(!align_up(UINT64_MAX, 2, &out));
    ck_assert(!align_up(UINT64_MAX - 4094, 4096, &out));
    ck_assert_uint_eq(out, 77);
    ck_assert(align_up(UINT64_MAX - 4095, 4096, &out));
    ck_assert_hex_eq(out, UINT64_MAX - 4095);
}
END_TEST

START_TEST(pages_are_counted_exactly_up_to_the_end)
{
    ck_assert_uint_eq(pages_for(0), 0);
    ck_assert_uint_eq(pages_for(1), 1);
    ck_assert_uint_eq(pages_for(4096), 1);
    ck_assert_uint_eq(pages_for(4097), 2);
    ck_assert_uint_eq(pages_for(100 * KIB), 25);
    ck_assert_uint_eq(pages_for(UINT64_MAX), UINT64_C(1) << 52);
}
END_TEST

/*
 *   a   [----------)            at the top of the address space:
 *   b              [-----)         [--------------------) 2^64
 */
START_TEST(ranges_that_touch_do_not_overlap)
{ /* V7 */
    const uint64_t top = UINT64_MAX - 4095;

    ck_assert(!ranges_overlap(0, 4096, 4096, 4096));
    ck_assert(ranges_overlap(0, 4097, 4096, 4096));
    ck_assert(ranges_overlap(4096, 1, 0, UINT64_MAX));
    ck_assert(!ranges_overlap(0, 0, 0, 10));
    ck_assert(!ranges_overlap(0, 10, 5, 0));
    ck_assert(ranges_overlap(top, 4096, UINT64_MAX, 1));
    ck_assert(!ranges_overlap(top, 4096, 0, 4096));
    ck_assert(range_holds(top, 4096, UINT64_MAX));
    ck_assert(!range_holds(top, 4096, 0));
    ck_assert(!range_holds(top, 4097, 0)); /* no range goes round */
    ck_assert(!range_holds(5, 0, 5));
}
END_TEST

START_TEST(an_address_splits_into_indices_as_in_the_worked_example)
{ /* A2 */
    const vaddr_t va = vaddr(UINT64_C(0x803fe7f5ce));

    ck_assert_uint_eq(table_index(va, 4), 1);
    ck_assert_uint_eq(table_index(va, 3), 0);
    ck_assert_uint_eq(table_index(va, 2), 511);
    ck_assert_uint_eq(table_index(va, 1), 127);
    ck_assert_hex_eq(va.v & (PAGE_SIZE - 1), 0x5ce);
}
END_TEST

START_TEST(canonical_means_that_bit_47_is_repeated)
{ /* A2 */
    ck_assert(vaddr_is_canonical(vaddr(UINT64_C(0x00007fffffffffff))));
    ck_assert(!vaddr_is_canonical(vaddr(UINT64_C(0x0000800000000000))));
    ck_assert(!vaddr_is_canonical(vaddr(UINT64_C(0xffff7fffffffffff))));
    ck_assert(vaddr_is_canonical(vaddr(UINT64_C(0xffff800000000000))));
    ck_assert(!vaddr_is_canonical(vaddr(UINT64_C(0x8000000000000000))));
    ck_assert_hex_eq(vaddr_sign_extend(vaddr(UINT64_C(0x800000000000))).v,
                     UINT64_C(0xffff800000000000));
    ck_assert_hex_eq(vaddr_sign_extend(vaddr(UINT64_C(0x1234444400000000))).v,
                     UINT64_C(0x444400000000));
}
END_TEST

START_TEST(an_entry_keeps_its_frame_and_its_bits_apart)
{ /* A1, A3 */
    const pte_t e = pte_make(pfn(UINT64_C(0xfffffffffff)),
                             PTE_PRESENT | PTE_NO_EXECUTE | PTE_DIRTY);

    ck_assert_hex_eq(pfn_of(pte_address(e)).v, UINT64_C(0xffffffffff));
    ck_assert(pte_has(e, PTE_PRESENT | PTE_NO_EXECUTE | PTE_DIRTY));
    ck_assert(!pte_has(e, PTE_WRITABLE));
    /* Bit 7 is PS at levels 2 and 3, PAT at level 1; bit 12 is PAT above. */
    ck_assert(pte_is_leaf(pte(PTE_HUGE), 2) && pte_is_leaf(pte(PTE_HUGE), 3));
    ck_assert(!pte_is_leaf(pte(PTE_HUGE), 4) && !pte_is_leaf(pte(0), 2));
    ck_assert(pte_is_leaf(pte(0), 1));
    ck_assert_hex_eq(
        pte_leaf_address(pte(UINT64_C(0x40201000) | PTE_HUGE), 2).v,
        UINT64_C(0x40200000));
    ck_assert_hex_eq(
        pte_leaf_address(pte(UINT64_C(0x40201000) | PTE_HUGE), 3).v,
        UINT64_C(0x40000000));
}
END_TEST

/* --- small things -------------------------------------------------------- */

START_TEST(every_status_and_event_has_a_name)
{
    for (unsigned s = 0; s < MM_STATUS_COUNT; s++) {
        ck_assert_int_eq(strncmp(mm_status_name(s), "MM_", 3), 0);
        ck_assert_str_ne(mm_status_name(s), "MM_?");
    }
    ck_assert_str_eq(mm_status_name(MM_STATUS_COUNT), "MM_?");
    for (unsigned k = 0; k < EVENT_KIND_COUNT; k++) {
        ck_assert_uint_gt(strlen(event_name(k)), 3);
    }
    ck_assert_str_eq(event_name(EVENT_KIND_COUNT), "?");
}
END_TEST

START_TEST(the_ring_keeps_the_newest_events)
{
    struct events events = { .total = 0 };

    events_add(NULL, EVENT_FAULT, 1, 2); /* no ring: nothing happens */
    events_tell(NULL, EVENT_FAULT, 1, 2);
    for (uint64_t i = 0; i < EVENTS_KEPT + 10; i++) {
        events_add(&events, EVENT_PMM_GIVES, i, 0);
    }
    ck_assert_uint_eq(events.total, EVENTS_KEPT + 10);
    ck_assert_uint_eq(events.ring[9].a, EVENTS_KEPT + 9);
    ck_assert_uint_eq(events.ring[10].a, 10);
}
END_TEST

START_TEST(a_changed_bit_changes_the_hash)
{
    const uint64_t before = hash_add(hash_add(HASH_START, 1), 2);

    for (unsigned bit = 0; bit < 64; bit++) {
        ck_assert_hex_eq(hash_add(hash_add(HASH_START, 1), 2), before);
        ck_assert(hash_add(hash_add(HASH_START, 1 ^ (UINT64_C(1) << bit)), 2) !=
                  before);
        ck_assert(hash_mix(UINT64_C(1) << bit) != hash_mix(0));
    }
}
END_TEST

static void power_on(void) {
    (void)machine_power_on();
}

START_TEST(a_lock_keeps_interrupts_off_and_puts_them_back)
{
    struct lock lock = lock_for((unsigned)_i);

    for (unsigned on = 0; on < 2; on++) {
        hw_irq_restore(on == 1);
        lock_acquire(&lock);
        ck_assert(!hw_irq_save());
        lock_release(&lock);
        ck_assert_uint_eq(hw_irq_save(), on);
    }
}
END_TEST

START_TEST(waiting_for_ones_own_lock_is_reported_not_hung)
{
    struct lock lock = lock_for((unsigned)_i);

    lock_acquire(&lock);
    lock_acquire(&lock);
}
END_TEST

START_TEST(releasing_a_free_lock_is_reported)
{
    struct lock lock = lock_for((unsigned)_i);

    lock_release(&lock);
}
END_TEST

Suite *base_suite(void) {
    Suite *suite = suite_create("base");
    TCase *pure = tcase_create("pure");
    TCase *lock = tcase_create("lock");

    tcase_add_test(pure, numbers_print_as_the_c_library_prints_them);
    tcase_add_test(pure, fields_are_padded_to_their_width);
    tcase_add_test(pure, strings_stop_at_their_precision);
    tcase_add_test(pure, an_unknown_conversion_is_printed_as_it_stands);
    tcase_add_test(pure, a_short_buffer_is_ended_and_the_whole_length_told);
    tcase_add_test(pure, frame_numbers_and_addresses_convert_both_ways);
    tcase_add_test(pure, align_up_agrees_with_division_and_tells_overflow);
    tcase_add_test(pure, pages_are_counted_exactly_up_to_the_end);
    tcase_add_test(pure, ranges_that_touch_do_not_overlap);
    tcase_add_test(pure,
                   an_address_splits_into_indices_as_in_the_worked_example);
    tcase_add_test(pure, canonical_means_that_bit_47_is_repeated);
    tcase_add_test(pure, an_entry_keeps_its_frame_and_its_bits_apart);
    tcase_add_test(pure, every_status_and_event_has_a_name);
    tcase_add_test(pure, the_ring_keeps_the_newest_events);
    tcase_add_test(pure, a_changed_bit_changes_the_hash);
    suite_add_tcase(suite, pure);
    tcase_add_checked_fixture(lock, power_on, machine_power_off);
    /* The lock of one processor, and that of several. */
    tcase_add_loop_test(lock, a_lock_keeps_interrupts_off_and_puts_them_back, 1,
                        3);
    if (machine_can_exit()) {
        tcase_add_loop_exit_test(lock,
                                 waiting_for_ones_own_lock_is_reported_not_hung,
                                 HW_EXIT_PANIC, 1, 3);
        tcase_add_loop_exit_test(lock, releasing_a_free_lock_is_reported,
                                 HW_EXIT_PANIC, 1, 3);
    }
    suite_add_tcase(suite, lock);
    return suite;
}
