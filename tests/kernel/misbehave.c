/*
 * Tests that end as no test should, for the test of whoever runs QEMU: each
 * end must get its own verdict (qemu_verdicts.sh).
 */
#include <string.h>

#include "arch/x86_64/machine.h"
#include "kernel/runtime.h"

static void fail_an_assertion(void) {
    ck_abort_msg("asked for by fail=assert");
}

/** End the machine, not the test. */
static void out_of_the_runner(void) {
    machine_set_exit_hook(NULL);
}

static void panic(void) {
    out_of_the_runner();
    hw_panic("asked for by fail=panic", __FILE__, __LINE__);
}

static void exit_early(void) {
    out_of_the_runner();
    hw_exit(HW_EXIT_PASS);
}

static void hang(void) {
    for (;;) {
        __asm__ volatile("pause");
    }
}

/** No gate is present, so a trap ends the processor. */
static void triple_fault(void) {
    const struct hw_traps none = { .count = 0 };

    hw_load_traps(&none);
    __builtin_trap();
}

static void jump_before_there_are_handlers(void) {
    out_of_the_runner();
    __builtin_trap();
}

static const struct {
    const char *name;
    void (*act)(void);
} ways[] = {
    { "assert", fail_an_assertion }, { "panic", panic },
    { "early", exit_early },         { "hang", hang },
    { "triple", triple_fault },      { "trap", jump_before_there_are_handlers },
};

static void (*act)(void);

START_TEST(a_test_before_it_passes)
{}
END_TEST

START_TEST(this_one_misbehaves)
{ act(); }
END_TEST

START_TEST(a_test_after_it_passes)
{}
END_TEST

Suite *misbehave_suite(const char *how) {
    Suite *suite = suite_create("misbehave");
    TCase *tc = tcase_create("misbehave");

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(ways[i].name, how) == 0) {
            act = ways[i].act;
        }
    }
    tcase_add_test(tc, a_test_before_it_passes);
    tcase_add_test(tc, this_one_misbehaves);
    tcase_add_test(tc, a_test_after_it_passes);
    suite_add_tcase(suite, tc);
    return act != NULL ? suite : NULL;
}
