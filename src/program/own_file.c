/*
 * /proc tells where this program lies; all else is relative to that.
 */
#include "program/own_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** The folder of this program, without '/' at its end; "." when not known. */
static void own_folder(char folder[OWN_FILE_MAX]) {
    const ssize_t len = readlink("/proc/self/exe", folder, OWN_FILE_MAX - 1);
    char *slash;

    folder[len > 0 ? len : 0] = '\0';
    slash = strrchr(folder, '/');
    if (slash == NULL) {
        strcpy(folder, ".");
    } else {
        *slash = '\0';
    }
}

static bool take(char path[OWN_FILE_MAX], const char *folder, const char *below,
                 const char *name) {
    const int len = snprintf(path, OWN_FILE_MAX, "%s/%s%s%s", folder, below,
                             *below != '\0' ? "/" : "", name);

    return len > 0 && len < OWN_FILE_MAX && access(path, R_OK) == 0;
}

bool own_file(char path[OWN_FILE_MAX], const struct own_folders *folders,
              const char *name) {
    char folder[OWN_FILE_MAX];

    own_folder(folder);
    return take(path, folder, "", name) ||
           take(path, folder, folders->built, name) ||
           take(path, folder, folders->moved, name) ||
           take(path, folders->installed, "", name);
}
