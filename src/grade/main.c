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

#include "grade/grade.h"
#include "grade/options.h"
#include "grade/say.h"

static const struct {
    const char *name;
    bool (*export)(const struct grade *grade, FILE *out);
} formats[] = {
    { "text", export_text },
    { "json", export_json },
    { "tap", export_tap },
};

static bool (*find_format(const char *name))(const struct grade *, FILE *) {
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return formats[i].export;
        }
    }
    complain("'%s' is no format; see --help", name);
    return NULL;
}

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

/** All at once, so that a reader never sees half a result. */
static bool write_result(const struct grade *grade, const char *path,
                         bool (*export)(const struct grade *, FILE *)) {
    char part[4200];
    FILE *out = stdout;
    bool good;

    if (path != NULL) {
        snprintf(part, sizeof part, "%s.part", path);
        out = fopen(part, "w");
        if (out == NULL) {
            complain("%s: %s", part, strerror(errno));
            return false;
        }
    }
    good = export(grade, out);
    good = fflush(out) == 0 && !ferror(out) && good;
    if (path != NULL) {
        good = fclose(out) == 0 && good && rename(part, path) == 0;
    }
    if (!good) {
        complain("the result could not be written: %s", strerror(errno));
    }
    return good;
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

int main(int argc, char **argv) {
    static struct lab lab;
    struct options options;
    bool (*export)(const struct grade *, FILE *);
    struct grade *grade;
    struct kit kit;
    char salt[256];
    int code = GRADE_DONE;

    if (!options_parse(&options, argc, argv) ||
        (export = find_format(options.format)) == NULL ||
        !read_salt(options.salt_file, salt, sizeof salt) ||
        !lab_read(&lab, options.labs, options.lab, options.weights) ||
        !knows_test(&lab, options.only)) {
        return GRADE_USAGE;
    }
    kit = (struct kit){ options.kit, options.compiler };
    grade = grade_make(&(struct grade_want){ .kit = &kit,
                                             .lab = &lab,
                                             .submission = options.submission,
                                             .student = options.student,
                                             .salt = salt,
                                             .only = options.only,
                                             .cage = cage_try() });
    if (grade == NULL) {
        return GRADE_CANNOT;
    }
    if (!write_result(grade, options.output, export)) {
        code = GRADE_CANNOT;
    } else if (options.only != NULL &&
               grade->tests[0].verdict.is != VERDICT_PASSED) {
        code = GRADE_FAILED;
    }
    grade_destroy(grade);
    return code;
}
