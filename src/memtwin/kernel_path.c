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

static bool take(char *path, const char *folder, const char *name) {
    int len = snprintf(path, KERNEL_PATH_MAX, "%s%s", folder, name);

    return len > 0 && len < KERNEL_PATH_MAX && access(path, R_OK) == 0;
}

/** The folder of this program, with a '/' at the end; "" when not known. */
static void own_folder(char *folder, size_t size) {
    ssize_t len = readlink("/proc/self/exe", folder, size - 1);
    char *slash;

    folder[len > 0 ? len : 0] = '\0';
    slash = strrchr(folder, '/');
    if (slash != NULL) {
        slash[1] = '\0';
    } else {
        folder[0] = '\0';
    }
}

/** In the build tree at @built/, or where it is installed. */
static bool find(char *path, const char *built, const char *name) {
    char folder[KERNEL_PATH_MAX], place[KERNEL_PATH_MAX + 40];

    own_folder(folder, sizeof(folder));
    if (take(path, folder, name)) {
        return true;
    }
    snprintf(place, sizeof(place), "%s%s/", folder, built);
    if (take(path, place, name)) {
        return true;
    }
    snprintf(place, sizeof(place), "%s../libexec/memtwin/", folder);
    return take(path, place, name) || take(path, PKGLIBEXECDIR "/", name);
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
        if (take(path, "", from)) {
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
