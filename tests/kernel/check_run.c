/*
 * Running tests one after the other, in one kernel.
 *
 *   run_test()   setups --> test --> teardowns     returned: exit value 0
 *                  \          \          \
 *                   assertion, hw_exit(): escape() back here, the rest of the
 *                   test and its teardowns skipped, as in Check's forked child
 *
 * What a test leaves behind is swept by the next machine_power_on(); only the
 * processor's pointer to the trap hook goes at once, so that a test without a
 * machine has no handlers of the one before.
 */
#include <string.h>

#include "arch/x86_64/machine.h"
#include "kernel/runtime.h"

#define MESSAGE_MAX 1024

/** The test under way. */
static struct {
    bool active;
    void *escape[5];
    bool asserted; /* with a message; else it ended with exit_value */
    int exit_value;
    char message[MESSAGE_MAX];
    /* Where the newest assertion of the test itself stands, and of a fixture;
     * Check reports the one, or the other when the test ended inside it. */
    bool in_fixture;
    const char *test_file, *fixture_file;
} now;

static unsigned planned, reported, failed;

static _Noreturn void escape(void) {
    now.active = false;
    __builtin_longjmp(now.escape, 1);
}

/* --- what tests call -------------------------------------------------------
 */

void _mark_point(const char *file, int line) {
    (void)line;
    if (now.in_fixture) {
        now.fixture_file = file;
    } else {
        now.test_file = file;
    }
}

void _ck_assert_failed(const char *file, int line, const char *expr,
                       const char *msg, ...) {
    va_list args;

    if (!now.active) {
        hw_panic(expr, file, line);
    }
    _mark_point(file, line);
    now.asserted = true;
    va_start(args, msg);
    if (msg != NULL) {
        fmt_vformat(now.message, MESSAGE_MAX, msg, args);
    } else {
        fmt_format(now.message, MESSAGE_MAX, "%s", expr);
    }
    va_end(args);
    escape();
}

/** hw_exit() ends the test, as exit() ends Check's child. */
static void end_of_machine(enum hw_exit_code code) {
    if (now.active) {
        now.exit_value = (int)code;
        escape();
    }
}

/* --- one test --------------------------------------------------------------
 */

static void call(SFun fn) {
    if (fn != NULL) {
        fn();
    }
}

static void set_up(const struct fixtures *fixtures) {
    for (const struct fixture *f = fixtures->first; f != NULL; f = f->next) {
        call(f->setup);
    }
}

static void tear_down(const struct fixtures *fixtures) {
    for (const struct fixture *f = fixtures->last; f != NULL; f = f->previous) {
        call(f->teardown);
    }
}

/** Apart from run_test(): a function that calls setjmp keeps no variable. */
static __attribute__((noinline)) void
call_test(const TCase *tc, const struct test *test, int i) {
    now.in_fixture = true;
    set_up(&tc->checked);
    now.in_fixture = false;
    test->code->fn(i);
    now.in_fixture = true;
    tear_down(&tc->checked);
}

static __attribute__((noinline)) void attempt(const TCase *tc,
                                              const struct test *test, int i) {
    now.asserted = false;
    now.exit_value = 0;
    now.test_file = now.fixture_file = test->code->file;
    if (__builtin_setjmp(now.escape) == 0) {
        now.active = true;
        call_test(tc, test, i);
        now.active = false;
    }
}

static void report(const TCase *tc, const struct test *test) {
    const bool good = !now.asserted && now.exit_value == test->exit_value;
    const bool broken_off = now.asserted || now.exit_value != 0;

    reported++;
    failed += !good;
    machine_say("%s %u - %s:%s:%s: ", good ? "ok" : "not ok", reported,
                broken_off && now.in_fixture ? now.fixture_file : now.test_file,
                tc->name, test->code->name);
    if (good) {
        machine_say("Passed\n");
    } else if (now.asserted) {
        machine_say("%s\n", now.message);
    } else {
        machine_say("Early exit with return value %d\n", now.exit_value);
    }
}

/* --- all of them -----------------------------------------------------------
 */

static bool is_selected(struct selection selection, const Suite *suite,
                        const struct test *test) {
    return (selection.suite == NULL ||
            strcmp(selection.suite, suite->name) == 0) &&
           (selection.test == NULL ||
            strcmp(selection.test, test->code->name) == 0);
}

static unsigned runs_of(const Suite *suite, const TCase *tc,
                        struct selection selection) {
    unsigned runs = 0;

    for (const struct test *t = tc->first; t != NULL; t = t->next) {
        if (is_selected(selection, suite, t) && t->end > t->start) {
            runs += (unsigned)(t->end - t->start);
        }
    }
    return runs;
}

static void run_case(const Suite *suite, const TCase *tc,
                     struct selection selection) {
    if (runs_of(suite, tc, selection) == 0) {
        return;
    }
    set_up(&tc->unchecked);
    for (const struct test *t = tc->first; t != NULL; t = t->next) {
        for (int i = t->start; is_selected(selection, suite, t) && i < t->end;
             i++) {
            attempt(tc, t, i);
            hw_set_local(NULL);
            report(tc, t);
        }
    }
    tear_down(&tc->unchecked);
}

bool run_suites(const Suite *suites, struct selection selection) {
    for (const Suite *s = suites; s != NULL; s = s->next) {
        for (const TCase *tc = s->first; tc != NULL; tc = tc->next) {
            planned += runs_of(s, tc, selection);
        }
    }
    if (planned == 0) {
        machine_say("Bail out! no test of that name\n");
        return false;
    }
    machine_say("1..%u\n", planned);
    machine_set_exit_hook(end_of_machine);
    for (const Suite *s = suites; s != NULL; s = s->next) {
        for (const TCase *tc = s->first; tc != NULL; tc = tc->next) {
            run_case(s, tc, selection);
        }
    }
    machine_set_exit_hook(NULL);
    machine_say("# %u of %u tests passed\n", reported - failed, planned);
    return failed == 0;
}
