/*
 * The shared suites on the simulated machine: the same test objects as in
 * tests/kernel/twin-kernel, here under the C library's Check.
 *
 * On the hostile TLB (TWIN_TLB) only what changes translations: the suites of
 * frames know no page, and say the same on any TLB.
 */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "twin/suites.h"

/** Of suites that change no translation. */
static bool is_of_frames(const char *suite) {
    return (strncmp(suite, "pmm_", 4) == 0 &&
            strcmp(suite, "pmm_withheld_suite") != 0) ||
           strcmp(suite, "base_suite") == 0 ||
           strcmp(suite, "memmap_suite") == 0;
}

int main(void) {
    const char *tlb = getenv("TWIN_TLB");
    const bool hostile = tlb != NULL && strcmp(tlb, "hostile") == 0;
    SRunner *runner = srunner_create(NULL);
    int failed;

#define TWIN_ADD(name)                                                         \
    if (!hostile || !is_of_frames(#name)) {                                    \
        srunner_add_suite(runner, name());                                     \
    }
    TWIN_SUITES(TWIN_ADD)
#undef TWIN_ADD
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
