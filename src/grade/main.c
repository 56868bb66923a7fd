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
#include <sys/stat.h>
#include <unistd.h>

#include "grade/batch.h"
#include "grade/export.h"
#include "grade/options.h"
#include "program/say.h"
#include "program/scratch.h"

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

/** All that happens in a folder for a while. */
struct job {
    struct grade_want want;
    struct kit kit;
    exporter *export;
    const char *output;
    unsigned jobs;
};

static int one(const struct job *job) {
    struct grade *grade = grade_make(&job->want);
    int code = EXIT_GOOD;

    if (grade == NULL) {
        return EXIT_CANNOT;
    }
    if (!grade_write(grade, job->output, job->export)) {
        code = EXIT_CANNOT;
    } else if (job->want.only != NULL &&
               grade->tests[0].verdict.is != VERDICT_PASSED) {
        code = EXIT_WRONG;
    }
    grade_destroy(grade);
    return code;
}

static int work(const char *scratch, void *data) {
    struct job *job = data;
    const struct batch batch = { &job->want, job->want.submission, job->output,
                                 job->jobs };

    job->want.scratch = scratch;
    job->want.cage = cage_try();
    if (cage_is_root() && chmod(scratch, 0711) != 0) { /* nobody builds below */
        complain("%s: %s", scratch, strerror(errno));
        return EXIT_CANNOT;
    }
    if (!kit_reach(&job->kit, scratch)) {
        return EXIT_CANNOT;
    }
    return job->jobs > 0 ? batch_run(&batch) : one(job);
}

/** The debugger on @want->only; without one, its name. */
static int debug(const struct grade_want *want) {
    static struct build build;
    char *const command[] = { (char *)"gdb",      (char *)"-q",
                              (char *)"--args",   build.program,
                              (char *)want->only, NULL };

    if (!build_for_debugger(&build, want->kit, want->lab, want->submission)) {
        return EXIT_CANNOT;
    }
    fputs(build.text, stderr);
    if (build.is != BUILD_GOOD) {
        build_destroy(&build);
        return EXIT_WRONG;
    }
    if (!isatty(0)) {
        printf("%s %s\n", build.program, want->only);
        return EXIT_GOOD;
    }
    execvp(command[0], command);
    complain("gdb: %s; the program is %s", strerror(errno), build.program);
    return EXIT_CANNOT;
}

int main(int argc, char **argv) {
    static struct options options;
    static struct lab lab;
    lab_exporter *of_lab;
    static struct job job;
    char salt[256];

    if (!options_parse(&options, argc, argv)) {
        return EXIT_USAGE;
    }
    job.export = exporter_by_name(options.format);
    of_lab = lab_exporter_by_name(options.format);
    if (job.export == NULL && of_lab == NULL) {
        complain("'%s' is no format; see --help", options.format);
        return EXIT_USAGE;
    }
    if (!read_salt(options.salt_file, salt, sizeof salt) ||
        !lab_read(&lab, options.labs, options.lab, options.weights) ||
        !knows_test(&lab, options.only) || !knows_test(&lab, options.debug)) {
        return EXIT_USAGE;
    }
    if (of_lab != NULL) {
        return lab_write(&lab, options.output, of_lab) ? EXIT_GOOD
                                                       : EXIT_CANNOT;
    }
    job.kit.folder = options.kit;
    job.kit.compiler = options.compiler;
    job.output = options.output;
    job.jobs = options.jobs;
    job.want =
        (struct grade_want){ .kit = &job.kit,
                             .lab = &lab,
                             .submission = options.submission,
                             .student = options.student,
                             .salt = salt,
                             .only = options.debug != NULL ? options.debug
                                                           : options.only };
    if (options.debug != NULL) {
        return debug(&job.want);
    }
    return scratch_do("memtwin-grade", work, &job);
}
