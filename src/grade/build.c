/*
 * From files of a student to a program.
 *
 *   submission/bitmap.c -- copy --> folder/ -- cc --> bitmap.o -- check -->
 *      ld  subject/ *.o  bitmap.o  core.a (all objects but the replaced)
 *
 * What is compiled lies where the reference's sources cannot be seen.
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "grade/build_inside.h"
#include "grade/object_check.h"
#include "program/say.h"
#include "program/scratch.h"

const char *build_name(enum build_is is) {
    static const char *const names[] = { "good", "missing", "compiler",
                                         "refused", "linker" };

    return names[is];
}

void build_say(struct build *build, const char *format, ...) {
    const size_t have = strlen(build->text);
    va_list args;

    va_start(args, format);
    vsnprintf(build->text + have, sizeof build->text - have, format, args);
    va_end(args);
}

static bool compile(struct build *build, const struct kit *kit,
                    const struct lab_file *file, const char *lies_in) {
    static const char *const flags[] = { "-std=gnu11",
                                         "-O1",
                                         "-g",
                                         "-Wall",
                                         "-Wextra",
                                         "-ffreestanding",
                                         "-fno-pie",
                                         "-fno-omit-frame-pointer",
                                         "-fno-stack-protector",
                                         "-fcf-protection=none",
                                         "-mno-red-zone",
                                         "-mgeneral-regs-only",
                                         "-fno-asynchronous-unwind-tables",
                                         "-fno-lto",
                                         "-march=x86-64",
                                         "-fno-common",
                                         "-c",
                                         NULL };
    struct tool tool = { .count = 0 };

    tool_add(&tool, "%s", kit->compiler);
    tool_add_all(&tool, flags);
    if (lies_in != NULL) {
        tool_add(&tool, "-fdebug-prefix-map=%s=%s", build->folder, lies_in);
    }
    tool_add(&tool, "-I%s/include", kit->folder);
    tool_add(&tool, "-o");
    tool_add(&tool, "%s.o", file->name);
    tool_add(&tool, "%s", file->name);
    return tool_run(build, kit, &tool);
}

/** The core without what is replaced. */
static bool make_core(struct build *build, const struct kit *kit,
                      const struct lab *lab) {
    struct tool tool = { .count = 0 };

    tool_add_all(&tool, (const char *const[]){ "ar", "rcsT", "core.a", NULL });
    tool_add_kit(&tool, kit, lab, "objects/*.o");
    return tool_run(build, kit, &tool);
}

static bool link_program(struct build *build, const struct kit *kit,
                         const struct lab *lab, bool for_debugger) {
    static const char *const alone[] = {
        "-nostdlib",          "-static", "-no-pie", "-Wl,--build-id=none",
        "-Wl,-z,noexecstack", "-o",      "subject", NULL
    };
    /* the judge in it, and the C library */
    static const char *const with_judge[] = { "-no-pie", "-o", "subject",
                                              NULL };
    struct tool tool = { .count = 0 };

    if (!make_core(build, kit, lab)) {
        return false;
    }
    tool_add(&tool, "%s", kit->compiler);
    tool_add_all(&tool, for_debugger ? with_judge : alone);
    tool_add_kit(&tool, kit, lab, for_debugger ? "direct/*.o" : "start/*.o");
    tool_add_kit(&tool, kit, lab, "subject/*.o");
    for (unsigned i = 0; i < lab->file_count; i++) {
        tool_add(&tool, "%s.o", lab->files[i].name);
    }
    if (for_debugger) {
        tool_add_kit(&tool, kit, lab, "direct/*.a");
    }
    tool_add(&tool, "core.a");
    return tool_run(build, kit, &tool);
}

static enum build_is steps(struct build *build, const struct kit *kit,
                           const struct lab *lab, const char *submission) {
    enum build_is is = BUILD_GOOD;
    char path[SCRATCH_PATH + 100], object[LAB_NAME], reference[4300];

    for (unsigned i = 0; i < lab->file_count; i++) {
        if (!build_copy(build, submission, lab->files[i].name)) {
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
            build_say(build, "%s was refused.\n", lab->files[i].name);
            is = BUILD_REFUSED;
        }
    }
    if (is != BUILD_GOOD) {
        return is;
    }
    return link_program(build, kit, lab, false) ? BUILD_GOOD : BUILD_LINKER;
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

/** What of @lab was handed in, to be built in build->folder; free() it.  NULL:
 *  the host failed, after a message */
static struct lab *begin(struct build *build, const struct lab *lab,
                         const char *submission) {
    struct lab *handed_in = malloc(sizeof *handed_in);

    build->text[0] = '\0';
    if (handed_in == NULL ||
        (cage_is_root() &&
         chown(build->folder, CAGE_NOBODY, CAGE_NOBODY) != 0)) {
        complain("%s: %s", build->folder, strerror(errno));
        free(handed_in);
        return NULL;
    }
    *handed_in = *lab;
    drop_given(handed_in, submission);
    snprintf(build->program, sizeof build->program, "%s/subject",
             build->folder);
    return handed_in;
}

void build_destroy(struct build *build) {
    if (build->folder[0] != '\0') {
        scratch_remove(build->folder);
    }
}

bool build_make(struct build *build, const struct kit *kit,
                const struct lab *lab, const char *submission,
                const char *scratch) {
    struct lab *handed_in;

    snprintf(build->folder, sizeof build->folder, "%.1000s/XXXXXX", scratch);
    if (mkdtemp(build->folder) == NULL) {
        complain("%s: %s", build->folder, strerror(errno));
        return false;
    }
    handed_in = begin(build, lab, submission);
    if (handed_in == NULL) {
        return false;
    }
    build->is = steps(build, kit, handed_in, submission);
    free(handed_in);
    return true;
}

bool build_for_debugger(struct build *build, const struct kit *kit,
                        const struct lab *lab, const char *submission) {
    struct lab *handed_in = NULL;
    char *lies_in = realpath(submission, NULL);
    bool good;

    if (scratch_folder(build->folder, "memtwin-debug")) {
        handed_in = begin(build, lab, submission);
    }
    good = handed_in != NULL;

    for (unsigned i = 0; good && i < handed_in->file_count; i++) {
        good = build_copy(build, submission, handed_in->files[i].name) &&
               compile(build, kit, &handed_in->files[i], lies_in);
    }
    build->is = good && link_program(build, kit, handed_in, true)
                    ? BUILD_GOOD
                    : BUILD_COMPILER;
    free(lies_in);
    good = handed_in != NULL;
    free(handed_in);
    return good;
}
