/*
 * Compiler, archiver and linker, each in a cage of its own (cage.h).
 */
#include "config.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "grade/build_inside.h"
#include "program/scratch.h"

void tool_add(struct tool *tool, const char *format, ...) {
    va_list list;

    if (tool->count + 1 < TOOL_WORDS_MAX) {
        va_start(list, format);
        if (vasprintf(&tool->words[tool->count], format, list) >= 0) {
            tool->count++;
        }
        va_end(list);
    }
    tool->words[tool->count] = NULL;
}

void tool_add_all(struct tool *tool, const char *const words[]) {
    for (; *words != NULL; words++) {
        tool_add(tool, "%s", *words);
    }
}

static bool is_replaced(const struct lab *lab, const char *path) {
    const char *name = strrchr(path, '/') + 1;
    char object[LAB_NAME];

    for (unsigned i = 0; i < lab->file_count; i++) {
        object_name(lab->files[i].replaces, object);
        if (strcmp(object, name) == 0) {
            return true;
        }
    }
    return false;
}

void tool_add_kit(struct tool *tool, const struct kit *kit,
                  const struct lab *lab, const char *pattern) {
    char path[4200];
    glob_t found;

    snprintf(path, sizeof path, "%s/%s", kit->folder, pattern);
    if (glob(path, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            if (!is_replaced(lab, found.gl_pathv[i])) {
                tool_add(tool, "%s", found.gl_pathv[i]);
            }
        }
        globfree(&found);
    }
}

static void free_words(struct tool *tool) {
    for (unsigned i = 0; i < tool->count; i++) {
        free(tool->words[i]);
    }
    tool->count = 0;
}

#define LOG_HEAD 3400 /* bytes of what a tool says that are shown */
#define LOG_TAIL 600

static void say_part(struct build *build, int log, off_t at, size_t len) {
    char text[LOG_HEAD + LOG_TAIL + 1];
    const ssize_t got = pread(log, text, len, at);

    text[got > 0 ? got : 0] = '\0';
    build_say(build, "%s", text);
}

/** Its head, and its end, where the last word stands. */
static void say_log(struct build *build, int log) {
    struct stat info;

    if (log < 0 || fstat(log, &info) != 0) {
        return;
    }
    if (info.st_size <= LOG_HEAD + LOG_TAIL) {
        say_part(build, log, 0, LOG_HEAD + LOG_TAIL);
        return;
    }
    say_part(build, log, 0, LOG_HEAD);
    build_say(build, "\n[...]\n");
    say_part(build, log, info.st_size - LOG_TAIL, LOG_TAIL);
}

bool tool_run(struct build *build, const struct kit *kit, struct tool *tool) {
    const char *const readable[] = { kit->folder, NULL };
    char path[SCRATCH_PATH + 10];
    int log, status = -1;
    const pid_t me = getpid();
    pid_t pid;

    snprintf(path, sizeof path, "%s/log", build->folder);
    log = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    pid = log < 0 ? -1 : fork();
    if (pid == 0) {
        scratch_die_with(me);
        cage_compile(tool->words, build->folder, readable, log);
    }
    if (pid > 0 && waitpid(pid, &status, 0) == pid) {
        kill(-pid, SIGKILL); /* whatever it may have left behind */
    }
    say_log(build, log);
    if (log >= 0) {
        close(log);
    }
    free_words(tool);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
