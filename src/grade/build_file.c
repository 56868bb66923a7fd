/*
 * Files that were handed in: nothing in the submission's folder is executed or
 * included; what is plain and not too large is copied.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "grade/build_inside.h"

#define FILE_MAX (1 << 20)

bool build_copy(struct build *build, const char *from, const char *name) {
    char path[4300], *bytes = malloc(FILE_MAX);
    struct stat info;
    ssize_t got = -1;
    int in, out;

    snprintf(path, sizeof path, "%s/%s", from, name);
    in = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (in < 0 || fstat(in, &info) != 0 || !S_ISREG(info.st_mode)) {
        build_say(build, "%s: %s\n", name,
                  in < 0 && errno == ENOENT
                      ? "this file is missing in what was handed in"
                      : "this is no plain file (a link?), so it was not read");
    } else if (info.st_size >= FILE_MAX) {
        build_say(build, "%s: larger than 1 MiB\n", name);
    } else if (bytes != NULL) {
        got = read(in, bytes, FILE_MAX);
    }
    if (in >= 0) {
        close(in);
    }
    snprintf(path, sizeof path, "%s/%s", build->folder, name);
    out = got < 0 ? -1
                  : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (out >= 0) {
        got = write(out, bytes, (size_t)got);
        close(out);
    }
    free(bytes);
    return out >= 0 && got >= 0;
}

void object_name(const char *replaces, char name[LAB_NAME]) {
    snprintf(name, LAB_NAME, "%s", replaces);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '/' ? '-' : *c;
    }
    name[strlen(name) - 1] = 'o';
}
