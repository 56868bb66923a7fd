/*
 * The shared suites on the simulated machine: the same test objects as in
 * tests/kernel/twin-kernel, here under the C library's Check.
 */
#include <check.h>
#include <stdlib.h>

#include "twin/suites.h"

int main(void) {
    SRunner *runner = srunner_create(NULL);
    int failed;

#define TWIN_ADD(name) srunner_add_suite(runner, name());
    TWIN_SUITES(TWIN_ADD)
#undef TWIN_ADD
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
