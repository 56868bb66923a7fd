/*
 * What there is to run: suites of cases of tests, as <check.h> declares them.
 *
 * Everything is built once and never freed, from a fixed store.
 */
#include "base/addr.h"
#include "kernel/runtime.h"

#define STORE_SIZE (64 * KIB)

static void *store_take(size_t size) {
    static _Alignas(16) uint8_t store[STORE_SIZE];
    static size_t used;
    void *p = &store[used];

    used += (size + 15) & ~(size_t)15;
    if (used > STORE_SIZE) {
        hw_panic("more tests than the kernel's runner has room for", __FILE__,
                 __LINE__);
    }
    return p; /* .bss: zero */
}

Suite *suite_create(const char *name) {
    Suite *suite = store_take(sizeof(*suite));

    suite->name = name;
    return suite;
}

TCase *tcase_create(const char *name) {
    TCase *tc = store_take(sizeof(*tc));

    tc->name = name;
    return tc;
}

void suite_add_tcase(Suite *suite, TCase *tc) {
    if (suite->last == NULL) {
        suite->first = tc;
    } else {
        suite->last->next = tc;
    }
    suite->last = tc;
}

void _tcase_add_test(TCase *tc, const TTest *code, int signal, int exit_value,
                     int start, int end) {
    struct test *test = store_take(sizeof(*test));

    if (signal != 0) {
        hw_panic("a test expects a signal, which a kernel has not", __FILE__,
                 __LINE__);
    }
    *test = (struct test){ code, exit_value, start, end, NULL };
    if (tc->last == NULL) {
        tc->first = test;
    } else {
        tc->last->next = test;
    }
    tc->last = test;
}

static void add_fixture(struct fixtures *fixtures, SFun setup, SFun teardown) {
    struct fixture *f = store_take(sizeof(*f));

    *f = (struct fixture){ setup, teardown, NULL, fixtures->last };
    if (fixtures->last == NULL) {
        fixtures->first = f;
    } else {
        fixtures->last->next = f;
    }
    fixtures->last = f;
}

void tcase_add_checked_fixture(TCase *tc, SFun setup, SFun teardown) {
    add_fixture(&tc->checked, setup, teardown);
}

void tcase_add_unchecked_fixture(TCase *tc, SFun setup, SFun teardown) {
    add_fixture(&tc->unchecked, setup, teardown);
}

void tcase_set_timeout(TCase *tc, double timeout) {
    (void)tc;
    (void)timeout;
}
