/*
 * Random scripts (script.h), many thousand steps each, for every policy.
 */
#include "base/hash.h"
#include "sim/processor.h"
#include "sim/script.h"

#define STEPS 6000u

static uint64_t state;

static uint64_t any(uint64_t n) {
    state += UINT64_C(0x9e3779b97f4a7c15);
    return hash_mix(state) % n;
}

static void run(unsigned seed, enum tlb_policy policy) {
    static uint64_t tables[SCRIPT_ENTRIES];
    unsigned done = 0;

    state = seed;
    script_draw(tables, any);
    script_start(policy, seed, tables, any);
    for (unsigned step = 0; step < STEPS; step++) {
        done += script_step(step);
    }
    script_end();
    ck_assert_uint_ge(done, STEPS / 20);
}

START_TEST(a_hostile_processor_does_what_the_manual_permits_at_most)
{
    for (unsigned n = 0; n < 4; n++) {
        run((unsigned)_i * 4 + n, TLB_HOSTILE);
    }
}
END_TEST

START_TEST(a_processor_with_a_large_tlb_does_what_the_oracle_says)
{
    for (unsigned n = 0; n < 4; n++) {
        run(100 + (unsigned)_i * 4 + n, TLB_LRU);
    }
}
END_TEST

START_TEST(a_processor_without_a_tlb_does_what_the_tables_say)
{
    for (unsigned n = 0; n < 4; n++) {
        run(200 + (unsigned)_i * 4 + n, TLB_NONE);
    }
}
END_TEST

START_TEST(a_processor_that_forgets_at_random_does_nothing_forbidden)
{
    for (unsigned n = 0; n < 4; n++) {
        run(300 + (unsigned)_i * 4 + n, TLB_RANDOM);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("sim script");
    TCase *tc = tcase_create("script");

    tcase_add_checked_fixture(tc, NULL, script_power_off);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(
        tc, a_hostile_processor_does_what_the_manual_permits_at_most, 0, 6);
    tcase_add_loop_test(
        tc, a_processor_with_a_large_tlb_does_what_the_oracle_says, 0, 3);
    tcase_add_loop_test(tc, a_processor_without_a_tlb_does_what_the_tables_say,
                        0, 3);
    tcase_add_loop_test(
        tc, a_processor_that_forgets_at_random_does_nothing_forbidden, 0, 3);
    suite_add_tcase(s, tc);
    return tables_run(s);
}
