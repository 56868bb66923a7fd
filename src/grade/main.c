/*
 * memtwin-grade LAB SUBMISSION
 *
 * A result is always written: a submission that does not compile, crashes or
 * loops is one with few points, and no error of this program.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grade/batch.h"
#include "grade/export.h"
#include "grade/options.h"
#include "grade/say.h"

/** Who has no salt grades with the numbers that students see, too. */
static bool read_salt(const char *path, char *salt, size_t size) {
    FILE *file;

    salt[0] = '\0';
    if (path == NULL) {
        return true;
    }
    file = fopen(path, "r");
    if (file == NULL || fgets(salt, (int)size, file) == NULL) {
        complain("%s: %s", path, file == NULL ? strerror(errno) : "is empty");
        return false;
    }
    fclose(file);
    salt[strcspn(salt, "\n")] = '\0';
    return true;
}

static bool knows_test(const struct lab *lab, const char *only) {
    for (unsigned i = 0; only != NULL && i < lab->test_count; i++) {
        if (strcmp(lab->tests[i].name, only) == 0) {
            return true;
        }
    }
    if (only != NULL) {
        complain("'%s' is no test of lab %s", only, lab->name);
    }
    return only == NULL;
}

static int one(const struct grade_want *want, exporter *export,
               const char *output) {
    struct grade *grade = grade_make(want);
    int code = GRADE_DONE;

    if (grade == NULL) {
        return GRADE_CANNOT;
    }
    if (!grade_write(grade, output, export)) {
        code = GRADE_CANNOT;
    } else if (want->only != NULL &&
               grade->tests[0].verdict.is != VERDICT_PASSED) {
        code = GRADE_FAILED;
    }
    grade_destroy(grade);
    return code;
}

/** The debugger on @want->only; without one, its name. */
static int debug(const struct grade_want *want) {
    static struct build build;
    char *const command[] = { (char *)"gdb",      (char *)"-q",
                              (char *)"--args",   build.program,
                              (char *)want->only, NULL };

    if (!build_for_debugger(&build, want->kit, want->lab, want->submission)) {
        return GRADE_CANNOT;
    }
    fputs(build.text, stderr);
    if (build.is != BUILD_GOOD) {
        build_destroy(&build);
        return GRADE_FAILED;
    }
    if (!isatty(0)) {
        printf("%s %s\n", build.program, want->only);
        return GRADE_DONE;
    }
    execvp(command[0], command);
    complain("gdb: %s; the program is %s", strerror(errno), build.program);
    return GRADE_CANNOT;
}

int main(int argc, char **argv) {
    static struct lab lab;
    struct options options;
    exporter *export;
    struct grade_want want;
    struct kit kit;
    char salt[256];

    if (!options_parse(&options, argc, argv)) {
        return GRADE_USAGE;
    }
    export = exporter_by_name(options.format);
    if (export == NULL) {
        complain("'%s' is no format; see --help", options.format);
        return GRADE_USAGE;
    }
    if (!read_salt(options.salt_file, salt, sizeof salt) ||
        !lab_read(&lab, options.labs, options.lab, options.weights) ||
        !knows_test(&lab, options.only) || !knows_test(&lab, options.debug)) {
        return GRADE_USAGE;
    }
    kit = (struct kit){ options.kit, options.compiler };
    want = (struct grade_want){ .kit = &kit,
                                .lab = &lab,
                                .submission = options.submission,
                                .student = options.student,
                                .salt = salt,
                                .only = options.debug != NULL ? options.debug
                                                              : options.only,
                                .cage = cage_try() };
    if (options.debug != NULL) {
        return debug(&want);
    }
    if (options.jobs > 0) {
        return batch_run(&(struct batch){ &want, options.submission,
                                          options.output, options.jobs });
    }
    return one(&want, export, options.output);
}
