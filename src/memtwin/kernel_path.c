/*
 * The files that this program needs beside itself.
 *
 * The kernel image, in order: the option, the environment, the build tree that
 * this program stands in, the place where both are installed, also when all of
 * that was moved elsewhere (a staged DESTDIR).  The helpers likewise.
 */
#include "memtwin/kernel_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/own_file.h"

static bool find(char path[KERNEL_PATH_MAX], const char *built,
                 const char *name) {
    const struct own_folders folders = { built, "../libexec/memtwin",
                                         PKGLIBEXECDIR };

    return own_file(path, &folders, name);
}

enum outcome_code helper_path(char path[KERNEL_PATH_MAX], const char *name) {
    if (find(path, "src/memtwin", name)) {
        return EXIT_GOOD;
    }
    complain("no %s: neither beside this program, nor in ../libexec/memtwin "
             "from there, nor in %s",
             name, PKGLIBEXECDIR);
    return EXIT_CANNOT;
}

enum outcome_code kernel_path(char path[KERNEL_PATH_MAX], const char *asked) {
    const char *from = asked != NULL ? asked : getenv("MEMTWIN_KERNEL");

    if (from != NULL) {
        if (access(from, R_OK) == 0 && strlen(from) < KERNEL_PATH_MAX) {
            strcpy(path, from);
            return EXIT_GOOD;
        }
        complain("kernel %s: %s", from, strerror(errno));
        return EXIT_USAGE;
    }
    if (find(path, "src/boot", "memtwin-kernel")) {
        return EXIT_GOOD;
    }
    complain("no kernel to boot in QEMU: neither beside this program, nor in "
             "../libexec/memtwin from there, nor in %s; name one with --kernel "
             "or MEMTWIN_KERNEL",
             PKGLIBEXECDIR);
    return EXIT_CANNOT;
}
