/*
 * Classroom 50: result.json of a run, and tests.json for an assignment.
 *
 * Points there are whole numbers.  A lab is worth 1000: each test a tenth of a
 * point's worth more exactly than 100 would give.  Who the result belongs to
 * comes from the environment, where their runner puts it.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grade/export.h"

static json_t *from_environment(const char *name, const char *other,
                                const char *otherwise) {
    const char *value = getenv(name);

    if ((value == NULL || *value == '\0') && other != NULL) {
        value = getenv(other);
    }
    return json_text(value != NULL && *value != '\0' ? value : otherwise);
}

/** Tests may want the same every time: SOURCE_DATE_EPOCH. */
static json_t *date_time(void) {
    const char *fixed = getenv("SOURCE_DATE_EPOCH");
    const time_t now = fixed != NULL ? (time_t)atoll(fixed) : time(NULL);
    struct tm parts;
    char text[40];

    gmtime_r(&now, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_text(text);
}

/** Which test of the lab it is: a grade may have a part of them. */
static unsigned place_of(const struct grade *grade,
                         const struct graded_test *graded) {
    return (unsigned)(graded->test - grade->lab->tests);
}

static json_t *test_object(const struct grade *grade,
                           const struct graded_test *graded, unsigned score,
                           unsigned max) {
    char *message = grade_message(grade, graded);
    json_t *o = json_object();

    json_object_set_new(o, "test-name", json_text(graded->test->name));
    json_object_set_new(o, "passed", json_boolean(grade_passed(graded)));
    json_object_set_new(o, "score", json_integer(score));
    json_object_set_new(o, "max-score", json_integer(max));
    json_object_set_new(
        o, "category",
        json_text(grade->lab->categories[graded->test->category].name));
    json_object_set_new(o, "message",
                        json_text(message != NULL ? message : ""));
    free(message);
    return o;
}

static json_t *tests_array(const struct grade *grade, unsigned *score,
                           unsigned *max) {
    json_t *tests = json_array();

    *score = *max = 0;
    for (unsigned i = 0; i < grade->count; i++) {
        const struct graded_test *graded = &grade->tests[i];
        const unsigned worth =
            graded->verdict.is == VERDICT_SKIPPED
                ? 0
                : whole_points(grade->lab, place_of(grade, graded));
        const unsigned got =
            grade_passed(graded) ? worth : worth * graded->verdict.credit / 100;

        json_array_append_new(tests, test_object(grade, graded, got, worth));
        *score += got;
        *max += worth;
    }
    return tests;
}

bool export_classroom50(const struct grade *grade, FILE *out) {
    json_t *o = json_object(), *tests;
    unsigned score, max;

    tests = tests_array(grade, &score, &max);
    json_object_set_new(o, "schema", json_text("classroom50/result/v1"));
    json_object_set_new(o, "classroom",
                        from_environment("CLASSROOM", NULL, "local"));
    json_object_set_new(o, "assignment",
                        from_environment("ASSIGNMENT", NULL, grade->lab->name));
    json_object_set_new(
        o, "assignment_type",
        from_environment("ASSIGNMENT_TYPE", NULL, "individual"));
    json_object_set_new(o, "owner",
                        from_environment("OWNER", "USERNAME", grade->student));
    json_object_set_new(
        o, "submission",
        from_environment("SUBMISSION_TAG", NULL, "submit/local"));
    json_object_set_new(o, "commit", from_environment("COMMIT_URL", NULL, ""));
    json_object_set_new(o, "release",
                        from_environment("RELEASE_URL", NULL, ""));
    json_object_set_new(o, "review", from_environment("REVIEW_URL", NULL, ""));
    json_object_set_new(o, "datetime", date_time());
    json_object_set_new(o, "score", json_integer(score));
    json_object_set_new(o, "max-score", json_integer(max));
    json_object_set_new(o, "tests", tests);
    return json_put(o, JSON_INDENT(2), out);
}

/** One declarative test for each of ours, so that points are given in part. */
bool export_classroom50_tests(const struct lab *lab, FILE *out) {
    json_t *o = json_object(), *tests = json_array();
    json_t *defaults = json_object();
    char command[400];

    json_object_set_new(o, "schema", json_text("classroom50/tests/v1"));
    for (unsigned i = 0; i < lab->test_count && i < 100; i++) {
        json_t *test = json_object();

        snprintf(command, sizeof command, "memtwin-grade --only %s %s .",
                 lab->tests[i].name, lab->name);
        json_object_set_new(test, "name", json_text(lab->tests[i].name));
        json_object_set_new(test, "type", json_text("run"));
        json_object_set_new(test, "run", json_text(command));
        json_object_set_new(test, "timeout",
                            json_integer(lab->seconds * 3 + 60));
        json_object_set_new(test, "points", json_integer(whole_points(lab, i)));
        json_object_set_new(test, "exit-code", json_integer(0));
        json_array_append_new(tests, test);
    }
    json_object_set_new(o, "tests", tests);
    json_object_set_new(defaults, "failure-details", json_text("full"));
    json_object_set_new(defaults, "show-output", json_true());
    json_object_set_new(o, "defaults", defaults);
    return json_put(o, JSON_INDENT(2), out);
}
