/*
 * A million calls of the vmm at random, beside plain arrays.
 *
 * After each call the pages at both ends of its range are compared, here and in
 * another space; after each thousand all pages, and all that must hold.  A
 * program that goes wrong is shrunk and printed as C, to be pasted below as a
 * test.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "programs/program.h"
#include "support/asserts.h"

#define PROGRAMS 500u
#define CALLS 2000u
#define WHOLE_EVERY 1000u

static struct op ops[CALLS];

static size_t draw(uint64_t dice) {
    dice = hash_mix(dice + 1);
    for (size_t n = 0; n < CALLS; n++) {
        ops[n] = op_draw(&dice);
    }
    return CALLS;
}

/** Shrink, print, fail. */
static void give_up(size_t count) {
    char line[200], text[3000] = "";
    size_t left = program_shrink(ops, count, false), length = 0;

    (void)program_run(ops, left, true, false);
    for (size_t n = 0; n < left && length < sizeof text; n++) {
        op_print(&ops[n], line, sizeof line);
        length += (size_t)snprintf(text + length, sizeof text - length,
                                   "\n    %s", line);
    }
    ck_abort_msg("%s, after%s", world.why, text);
}

/** All spaces empty again: nothing leaked. */
static void expect_all_given_back(void) {
    vmm_space_switch(&world.s[0]);
    world.model.current = 0;
    for (unsigned s = 1; s < SPACES; s++) {
        op_run(OP(OP_DESTROY, .other = s, .count = 1));
    }
    for (uint64_t r = 0; r < REGIONS; r++) {
        op_run(OP(OP_REMOVE, .other = 1, .count = 1,
                  .page = REGIONS_AT + r * REGION_PAGES));
    }
    op_run(OP(OP_UNMAP, .other = 1, .count = PAGES));
    vmm_reclaim_tables(&world.s[0], (struct vrange){ vaddr(0), UINT64_MAX });
    ck_must(pmm_free_count(&world.pmm) == world.free_at_start,
            "frames are missing when all is given back");
    ck_must(all_agrees(), "%s", world.why);
}

START_TEST(random_calls_leave_every_page_as_the_arrays_say)
{ /* V1 V2 V5 V6 V15 V17 V22 V24 */
    world_start();
    for (uint64_t p = (uint64_t)_i * 100; p < (uint64_t)_i * 100 + 100; p++) {
        draw(p);
        for (size_t n = 0; n < CALLS; n++) {
            if (!op_run(&ops[n]) ||
                (n % WHOLE_EVERY == WHOLE_EVERY - 1 && !all_agrees())) {
                world_end();
                give_up(n + 1);
            }
        }
        expect_all_given_back();
    }
    world_end();
}
END_TEST

/* A processor that does not hear INVLPG stands for an unmap that forgets it. */
START_TEST(a_forgotten_flush_is_found_and_shrunk_to_a_few_calls)
{
    uint64_t dice = 0;
    size_t count, left;
    char line[200];

    do {
        count = draw(dice++);
        left = program_run(ops, count, false, true);
    } while (left == count);
    left = program_shrink(ops, left + 1, true);
    ck_assert_msg(left >= 3 && left <= 8, "%lu calls are left",
                  (unsigned long)left);
    ck_assert(program_run(ops, left, true, true) < left);
    ck_assert_uint_eq(program_run(ops, left, true, false), left);
    for (size_t n = 0; n < left; n++) {
        op_print(&ops[n], line, sizeof line);
        printf("# %s\n", line);
    }
}
END_TEST

/* ... and what it printed, pasted. */
START_TEST(a_page_unmapped_within_a_range_can_not_be_written)
{ /* V2 */
    world_start();
    ck_assert(op_run(
        OP(OP_MAP, .other = 0x1, .page = 0x13, .count = 0xb, .access = 0x1)));
    ck_assert(op_run(OP(OP_TOUCH, .other = 0x1, .page = 0x1b, .count = 0x1,
                        .write = 0x1, .word = 0x1)));
    ck_assert(op_run(OP(OP_UNMAP, .other = 0x1, .page = 0x16, .count = 0x6)));
    ck_assert(op_run(OP(OP_TOUCH, .other = 0x1, .page = 0x1b, .count = 0x1,
                        .write = 0x1, .word = 0x1)));
    ck_assert_msg(all_agrees(), "%s", world.why);
    world_end();
}
END_TEST

Suite *programs_suite(void);
Suite *programs_suite(void) {
    Suite *suite = suite_create("programs");
    TCase *tc = tcase_create("programs");

    tcase_add_loop_test(tc, random_calls_leave_every_page_as_the_arrays_say, 0,
                        PROGRAMS / 100);
    tcase_add_test(tc, a_forgotten_flush_is_found_and_shrunk_to_a_few_calls);
    tcase_add_test(tc, a_page_unmapped_within_a_range_can_not_be_written);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void) {
    SRunner *runner = srunner_create(programs_suite());
    int failed;

    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
