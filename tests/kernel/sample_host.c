/*
 * The sample under the C library's Check: what the kernel's runner must print.
 * Always ends well; check_same.sh compares the lines.
 */
#include <stdlib.h>

#include "kernel/sample.h"

_Noreturn void sample_exit(int value) {
    exit(value);
}

int main(void) {
    SRunner *runner = srunner_create(sample_suite());

    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    srunner_free(runner);
    return EXIT_SUCCESS;
}
