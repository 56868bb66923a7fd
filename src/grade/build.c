/*
 * From files of a student to a program.
 *
 *   submission/bitmap.c -- copy --> folder/ -- cc --> bitmap.o -- check -->
 *      ld  subject/ *.o  bitmap.o  core.a (all objects but the replaced)
 *
 * Nothing in the submission's folder is executed or included: its files are
 * copied, plain files only, and compiled where the reference's sources cannot
 * be seen.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "grade/grade.h"
#include "grade/object_check.h"
#include "grade/say.h"

#define FILE_MAX (1 << 20)
#define ARGS_MAX 400

const char *build_name(enum build_is is) {
    static const char *const names[] = { "good", "missing", "compiler",
                                         "refused", "linker" };

    return names[is];
}

static void say(struct build *build, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say(struct build *build, const char *format, ...) {
    const size_t have = strlen(build->text);
    va_list args;

    va_start(args, format);
    vsnprintf(build->text + have, sizeof build->text - have, format, args);
    va_end(args);
}

/* --- processes ----------------------------------------------------------- */

struct args {
    char *at[ARGS_MAX];
    unsigned count;
};

static void add(struct args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add(struct args *args, const char *format, ...) {
    va_list list;

    if (args->count + 1 < ARGS_MAX) {
        va_start(list, format);
        if (vasprintf(&args->at[args->count], format, list) >= 0) {
            args->count++;
        }
        va_end(list);
    }
    args->at[args->count] = NULL;
}

static void free_args(struct args *args) {
    for (unsigned i = 0; i < args->count; i++) {
        free(args->at[i]);
    }
}

/** Run a compiler or linker in its cage; what it says goes to @build. */
static bool run(struct build *build, const struct kit *kit, struct args *args) {
    const char *const readable[] = { kit->folder, NULL };
    char path[128], text[4000];
    int log, status = -1;
    ssize_t got;
    pid_t pid;

    snprintf(path, sizeof path, "%s/log", build->folder);
    log = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    pid = log < 0 ? -1 : fork();
    if (pid == 0) {
        cage_compile(args->at, build->folder, readable, log);
    }
    if (pid > 0 && waitpid(pid, &status, 0) == pid) {
        kill(-pid, SIGKILL); /* whatever it may have left behind */
    }
    got = log < 0 ? 0 : pread(log, text, sizeof text - 1, 0);
    if (got > 0) {
        text[got] = '\0';
        say(build, "%s", text);
    }
    if (log >= 0) {
        close(log);
    }
    free_args(args);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* --- files --------------------------------------------------------------- */

/** A plain file, not a link to what the grader may read and they may not. */
static bool copy_file(struct build *build, const char *from, const char *name) {
    char path[4300], *bytes = malloc(FILE_MAX);
    struct stat info;
    ssize_t got = -1;
    int in, out;

    snprintf(path, sizeof path, "%s/%s", from, name);
    in = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (in < 0 || fstat(in, &info) != 0 || !S_ISREG(info.st_mode)) {
        say(build, "%s: %s\n", name,
            in < 0 && errno == ENOENT
                ? "this file is missing in what was handed in"
                : "this is no plain file (a link?), so it was not read");
    } else if (info.st_size >= FILE_MAX) {
        say(build, "%s: larger than 1 MiB\n", name);
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

static bool make_folder(struct build *build) {
    snprintf(build->folder, sizeof build->folder, "/tmp/memtwin-grade-XXXXXX");
    if (mkdtemp(build->folder) == NULL ||
        (cage_is_root() &&
         chown(build->folder, CAGE_NOBODY, CAGE_NOBODY) != 0)) {
        complain("%s: %s", build->folder, strerror(errno));
        return false;
    }
    return true;
}

static int remove_one(const char *path, const struct stat *info, int type,
                      struct FTW *ftw) {
    (void)info, (void)type, (void)ftw;
    return remove(path);
}

void build_destroy(struct build *build) {
    if (build->folder[0] != '\0') {
        nftw(build->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    }
}

/* --- the steps ----------------------------------------------------------- */

/** "pmm/bitmap.c" -> "pmm-bitmap.o" */
static void object_name(const char *replaces, char *name) {
    snprintf(name, LAB_NAME, "%s", replaces);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '/' ? '-' : *c;
    }
    name[strlen(name) - 1] = 'o';
}

static bool compile(struct build *build, const struct kit *kit,
                    const struct lab_file *file, const char *lies_in) {
    struct args args = { .count = 0 };

    add(&args, "%s", kit->compiler);
    for (const char *const *flag =
             (const char *const[]){
                 "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra",
                 "-ffreestanding", "-fno-pie", "-fno-omit-frame-pointer",
                 "-fno-stack-protector", "-fcf-protection=none",
                 "-mno-red-zone", "-mgeneral-regs-only",
                 "-fno-asynchronous-unwind-tables", "-fno-lto", "-march=x86-64",
                 "-fno-common", "-c", NULL };
         *flag != NULL; flag++) {
        add(&args, "%s", *flag);
    }
    if (lies_in != NULL) {
        add(&args, "-fdebug-prefix-map=%s=%s", build->folder, lies_in);
    }
    add(&args, "-I%s/include", kit->folder);
    add(&args, "-o");
    add(&args, "%s.o", file->name);
    add(&args, "%s", file->name);
    return run(build, kit, &args);
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

static void add_all(struct args *args, const struct lab *lab,
                    const char *pattern) {
    glob_t found;

    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            if (!is_replaced(lab, found.gl_pathv[i])) {
                add(args, "%s", found.gl_pathv[i]);
            }
        }
        globfree(&found);
    }
}

/** The core without what is replaced. */
static bool make_core(struct build *build, const struct kit *kit,
                      const struct lab *lab) {
    struct args args = { .count = 0 };
    char pattern[4200];

    add(&args, "ar");
    add(&args, "rcsT");
    add(&args, "core.a");
    snprintf(pattern, sizeof pattern, "%s/objects/*.o", kit->folder);
    add_all(&args, lab, pattern);
    return run(build, kit, &args);
}

static void add_submission(struct args *args, const struct lab *lab) {
    for (unsigned i = 0; i < lab->file_count; i++) {
        add(args, "%s.o", lab->files[i].name);
    }
}

static bool link_program(struct build *build, const struct kit *kit,
                         const struct lab *lab) {
    struct args args = { .count = 0 };
    char pattern[4200];

    if (!make_core(build, kit, lab)) {
        return false;
    }
    add(&args, "%s", kit->compiler);
    for (const char *const *flag =
             (const char *const[]){ "-nostdlib", "-static", "-no-pie",
                                    "-Wl,--build-id=none", "-Wl,-z,noexecstack",
                                    "-o", "subject", NULL };
         *flag != NULL; flag++) {
        add(&args, "%s", *flag);
    }
    snprintf(pattern, sizeof pattern, "%s/subject/*.o", kit->folder);
    add_all(&args, lab, pattern);
    snprintf(pattern, sizeof pattern, "%s/start/*.o", kit->folder);
    add_all(&args, lab, pattern);
    add_submission(&args, lab);
    add(&args, "core.a");
    return run(build, kit, &args);
}

/** The same with the judge in it, and the C library. */
static bool link_for_debugger(struct build *build, const struct kit *kit,
                              const struct lab *lab) {
    struct args args = { .count = 0 };
    char pattern[4200];

    if (!make_core(build, kit, lab)) {
        return false;
    }
    add(&args, "%s", kit->compiler);
    add(&args, "-no-pie");
    add(&args, "-o");
    add(&args, "subject");
    add_submission(&args, lab);
    snprintf(pattern, sizeof pattern, "%s/direct/*.o", kit->folder);
    add_all(&args, lab, pattern);
    snprintf(pattern, sizeof pattern, "%s/subject/*.o", kit->folder);
    add_all(&args, lab, pattern);
    add(&args, "%s/direct/libgrade.a", kit->folder);
    add(&args, "%s/direct/libsim.a", kit->folder);
    add(&args, "core.a");
    return run(build, kit, &args);
}

static enum build_is steps(struct build *build, const struct kit *kit,
                           const struct lab *lab, const char *submission) {
    enum build_is is = BUILD_GOOD;
    char path[200], object[LAB_NAME], reference[4300];

    for (unsigned i = 0; i < lab->file_count; i++) {
        if (!copy_file(build, submission, lab->files[i].name)) {
            is = BUILD_MISSING;
        }
    }
    for (unsigned i = 0; is == BUILD_GOOD && i < lab->file_count; i++) {
        if (!compile(build, kit, &lab->files[i], NULL)) {
            return BUILD_COMPILER;
        }
    }
    for (unsigned i = 0; is != BUILD_MISSING && i < lab->file_count; i++) {
        snprintf(path, sizeof path, "%s/%s.o", build->folder,
                 lab->files[i].name);
        object_name(lab->files[i].replaces, object);
        snprintf(reference, sizeof reference, "%s/objects/%s", kit->folder,
                 object);
        if (!object_check(path, reference, build->text, sizeof build->text)) {
            say(build, "%s was refused.\n", lab->files[i].name);
            is = BUILD_REFUSED;
        }
    }
    if (is != BUILD_GOOD) {
        return is;
    }
    return link_program(build, kit, lab) ? BUILD_GOOD : BUILD_LINKER;
}

/** @lab without the given files that were not handed in. */
static void drop_given(struct lab *lab, const char *submission) {
    char path[4300];
    struct stat info;
    unsigned kept = 0;

    for (unsigned i = 0; i < lab->file_count; i++) {
        snprintf(path, sizeof path, "%s/%s", submission, lab->files[i].name);
        if (!lab->files[i].given || lstat(path, &info) == 0) {
            lab->files[kept++] = lab->files[i];
        }
    }
    lab->file_count = kept;
}

/** A folder, and what of @lab was handed in; free() it.  NULL: the host failed,
 *  after a message */
static struct lab *begin(struct build *build, const struct lab *lab,
                         const char *submission) {
    struct lab *handed_in = malloc(sizeof *handed_in);

    memset(build, 0, sizeof *build);
    if (handed_in == NULL || !make_folder(build)) {
        free(handed_in);
        return NULL;
    }
    *handed_in = *lab;
    drop_given(handed_in, submission);
    snprintf(build->program, sizeof build->program, "%s/subject",
             build->folder);
    return handed_in;
}

bool build_make(struct build *build, const struct kit *kit,
                const struct lab *lab, const char *submission) {
    struct lab *handed_in = begin(build, lab, submission);

    if (handed_in == NULL) {
        return false;
    }
    build->is = steps(build, kit, handed_in, submission);
    free(handed_in);
    return true;
}

bool build_for_debugger(struct build *build, const struct kit *kit,
                        const struct lab *lab, const char *submission) {
    struct lab *handed_in = begin(build, lab, submission);
    char *lies_in = realpath(submission, NULL);
    bool good = handed_in != NULL;

    for (unsigned i = 0; good && i < handed_in->file_count; i++) {
        good = copy_file(build, submission, handed_in->files[i].name) &&
               compile(build, kit, &handed_in->files[i], lies_in);
    }
    build->is = good && link_for_debugger(build, kit, handed_in)
                    ? BUILD_GOOD
                    : BUILD_COMPILER;
    free(lies_in);
    good = handed_in != NULL;
    free(handed_in);
    return good;
}
