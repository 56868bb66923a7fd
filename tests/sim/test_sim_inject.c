/*
 * One thing goes wrong at the Nth occasion, in the functional machine.  I8
 */
#include <string.h>

#include "sim/inject.h"
#include "sim/processor.h"

START_TEST(the_bit_flips_at_the_nth_walk_and_at_no_other)
{
    struct injection present = {
        .kind = INJECT_FLIP, .nth = 3, .level = 1, .bit = 0
    };
    paddr_t at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);

    cpu_inject(&cpu, &present);
    for (unsigned i = 1; i <= 5; i++) {
        cpu_invlpg(&cpu, VA);
        ck_assert_msg(access_works(VA, SIM_READ) == (i < 3), "walk %u", i);
        ck_assert_int_eq(present.is_done, i >= 3);
    }
    ck_assert_hex_eq(present.at.v, at.v);
    ck_assert_hex_eq(ram_load64(&ram, at), OLD_FRAME | RW | A);
    cpu_inject(&cpu, NULL);
}
END_TEST

START_TEST(what_is_remembered_stands_after_a_flip)
{
    struct injection flip = {
        .kind = INJECT_FLIP, .nth = 1, .level = 4, .bit = 0
    };

    tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    tables_map(&t, SECOND, NEW_FRAME, 1, P | RW);
    (void)load(VA);
    cpu_inject(&cpu, &flip);
    faults(SECOND, SIM_READ, 0);
    ck_assert_hex_eq(load(VA), OLD);
}
END_TEST

START_TEST(a_walk_that_reads_no_entry_of_that_level_is_no_occasion)
{
    struct injection flip = {
        .kind = INJECT_FLIP, .nth = 1, .level = 1, .bit = 0
    };

    tables_map(&t, VA, OLD_FRAME, 2, P | RW);
    cpu_inject(&cpu, &flip);
    (void)load(VA);
    flip.level = 5;
    cpu_invlpg(&cpu, VA);
    (void)load(VA);
    ck_assert_uint_eq(flip.occasions, 0);
    ck_assert(!flip.is_done);
}
END_TEST

START_TEST(to_look_for_the_entry_is_no_access)
{
    struct injection flip = { .kind = INJECT_FLIP, .nth = 100, .level = 1 };
    paddr_t at = tables_map(&t, VA, OLD_FRAME, 2, P | RW);
    uint64_t before;

    ram_store64(&ram, at, GIB | P | RW); /* a page table in a hole */
    before = ram.hole_accesses;
    cpu_inject(&cpu, &flip);
    faults(VA, SIM_READ, PF_PRESENT | PF_RESERVED);
    ck_assert_uint_eq(flip.occasions, 1);
    ck_assert_uint_eq(ram.hole_accesses, before + 1);
}
END_TEST

START_TEST(a_named_entry_flips_whatever_the_walk_is_for)
{
    struct injection flip = { .kind = INJECT_FLIP, .nth = 2, .bit = 63 };
    paddr_t at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);

    tables_map(&t, SECOND, NEW_FRAME, 1, P | RW);
    flip.at = at;
    cpu_inject(&cpu, &flip);
    (void)load(VA);
    (void)load(SECOND);
    ck_assert_hex_eq(ram_load64(&ram, at), OLD_FRAME | P | RW | A | NX);
    cpu_invlpg(&cpu, VA);
    faults(VA, SIM_FETCH, PF_PRESENT | PF_FETCH);
}
END_TEST

/*
 * Every bit of every entry on the way flips once.  Whatever it does, the
 * processor neither loops nor leaves RAM unreported, and the flip alone
 * differs.
 */
static void flip_once(struct injection *injection, void *ctx) {
    uint64_t value, holes;
    paddr_t at;

    (void)ctx;
    power_off();
    power_on(TLB_HOSTILE, 0);
    at = tables_map(&t, VA, OLD_FRAME, 1, P | RW);
    tables_map(&t, SECOND, NEW_FRAME, 1, P | RW);
    cpu_inject(&cpu, injection);
    holes = ram.hole_accesses;
    for (unsigned i = 0; i < 2; i++) {
        vaddr_t va = vaddr_add(VA, i * PAGE_SIZE);

        if (!cpu_load(&cpu, va, 8, &value, &fault)) {
            ck_assert(injection->is_done);
            ck_assert_uint_eq(fault.vector, 14);
        } else if (value != (i == 0 ? OLD : NEW)) {
            ck_assert(injection->is_done);
        }
    }
    ck_assert(injection->is_done || ram_load64(&ram, at) != 0);
    ck_assert(ram.hole_accesses == holes || events.counts[SIM_EVENT_HOLE] != 0);
}

START_TEST(every_bit_of_every_entry_can_flip_at_every_walk)
{
    struct injection flip = { .kind = INJECT_FLIP,
                              .level = (unsigned)_i / 64 + 1,
                              .bit = (unsigned)_i % 64 };
    uint64_t occasions = inject_sweep(flip, flip_once, NULL);

    /* Hostile: the second walk begins at the remembered PDE. */
    ck_assert_uint_eq(occasions, flip.level == 1 ? 2 : 1);
}
END_TEST

START_TEST(a_spurious_fault_comes_once_and_only_where_it_may)
{
    struct injection spurious = { .kind = INJECT_SPURIOUS, .nth = 1 };
    paddr_t at = tables_map(&t, VA, OLD_FRAME, 1, P);

    cpu_inject(&cpu, &spurious);
    (void)load(VA); /* a miss is no occasion, nor is a hit that permits */
    (void)load(VA);
    ck_assert_uint_eq(spurious.occasions, 0);
    ram_store64(&ram, at, OLD_FRAME | P | RW); /* loosened, not flushed */
    faults(VA, SIM_WRITE, PF_PRESENT | PF_WRITE);
    ck_assert(fault.stale);
    store(VA, 1); /* the fault ended it */
    ck_assert_uint_eq(spurious.occasions, 1);
}
END_TEST

START_TEST(without_an_injection_the_processor_looks_again)
{
    struct injection none = { .kind = INJECT_NOTHING, .nth = 1 };
    paddr_t at = tables_map(&t, VA, OLD_FRAME, 1, P);

    cpu_inject(&cpu, &none);
    (void)load(VA);
    ram_store64(&ram, at, OLD_FRAME | P | RW);
    store(VA, 1);
    ck_assert(!none.is_done);
    for (unsigned kind = 0; kind < INJECT_KINDS; kind++) {
        ck_assert_int_ne(inject_name((enum inject_kind)kind)[0], '?');
    }
    ck_assert_str_eq(inject_name(INJECT_KINDS), "?");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sim_inject");
    TCase *tc = tcase_create("inject");

    tcase_add_checked_fixture(tc, setup, power_off);
    tcase_add_test(tc, the_bit_flips_at_the_nth_walk_and_at_no_other);
    tcase_add_test(tc, what_is_remembered_stands_after_a_flip);
    tcase_add_test(tc, a_walk_that_reads_no_entry_of_that_level_is_no_occasion);
    tcase_add_test(tc, to_look_for_the_entry_is_no_access);
    tcase_add_test(tc, a_named_entry_flips_whatever_the_walk_is_for);
    tcase_add_loop_test(tc, every_bit_of_every_entry_can_flip_at_every_walk, 0,
                        4 * 64);
    tcase_add_test(tc, a_spurious_fault_comes_once_and_only_where_it_may);
    tcase_add_test(tc, without_an_injection_the_processor_looks_again);
    suite_add_tcase(suite, tc);
    return tables_run(suite);
}
