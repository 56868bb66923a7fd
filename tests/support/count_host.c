/*
 * Coverage builds only: hand the counters of the twin objects to libgcov.
 *
 * They are compiled with -fprofile-info-section=gcov_info, so that the kernel
 * needs no constructors; the linker says where that section begins and ends.
 *
 *   libmm.a, libtwin.a   gcov_info: pointers ---> __gcov_init() each, here
 *                                            \--> tests/kernel/gcov_dump.c
 *   everything else      constructors, as usual
 *
 * From there on all is as usual: the counts are written when the process ends.
 */
#include <stddef.h>

struct gcov_info;
void __gcov_init(struct gcov_info *info);

extern struct gcov_info *const __start_gcov_info[] __attribute__((weak));
extern struct gcov_info *const __stop_gcov_info[] __attribute__((weak));

/** AM_LDFLAGS asks for this name, which brings the constructor along. */
void count_twin_objects(void);

__attribute__((constructor)) void count_twin_objects(void) {
    struct gcov_info *const *info;

    for (info = __start_gcov_info; info < __stop_gcov_info; info++) {
        __gcov_init(*info);
    }
}
