/*
 * A grade as one JSON object, the form that all others can be made from;
 * doc/grading.md describes it.
 */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "grade/grade.h"

/** Text of a student may hold any bytes; JSON may not. */
static json_t *text(const char *bytes) {
    json_t *string = json_string(bytes);
    char *clean;

    if (string != NULL) {
        return string;
    }
    clean = strdup(bytes);
    for (char *c = clean; c != NULL && *c != '\0'; c++) {
        *c = *c >= ' ' || *c == '\n' || *c == '\t' ? *c : '?';
    }
    string = json_string(clean != NULL ? clean : "?");
    free(clean);
    return string;
}

static json_t *rounded(double value) {
    return json_real((double)(int64_t)(value * 1000 + 0.5) / 1000);
}

static json_t *test_object(const struct grade *grade,
                           const struct graded_test *graded) {
    static const char *const words[] = {
        [VERDICT_NONE] = "failed",
        [VERDICT_PASSED] = "passed",
        [VERDICT_FAILED] = "failed",
        [VERDICT_SKIPPED] = "not judged",
    };
    const struct verdict *v = &graded->verdict;
    const char *hint = lab_hint(grade->lab, v->mistake);
    json_t *o = json_object();

    json_object_set_new(o, "name", text(graded->test->name));
    json_object_set_new(
        o, "category",
        text(grade->lab->categories[graded->test->category].name));
    json_object_set_new(o, "hidden", json_boolean(graded->test->hidden));
    json_object_set_new(o, "status", text(words[v->is]));
    json_object_set_new(o, "score", rounded(graded->score));
    json_object_set_new(o, "max", rounded(graded->test->max));
    json_object_set_new(o, "mistake", text(v->mistake));
    json_object_set_new(o, "message", text(v->text));
    json_object_set_new(o, "hint", text(hint != NULL ? hint : ""));
    json_object_set_new(o, "output", text(v->output));
    json_object_set_new(o, "calls", json_integer((json_int_t)v->calls));
    json_object_set_new(o, "cpu_ms", rounded((double)v->cpu_us / 1000));
    return o;
}

json_t *grade_json(const struct grade *grade) {
    json_t *o = json_object(), *build = json_object();
    json_t *tests = json_array(), *missing = json_array();

    json_object_set_new(o, "schema", text("memtwin-grade/v1"));
    json_object_set_new(o, "lab", text(grade->lab->name));
    json_object_set_new(o, "title", text(grade->lab->title));
    json_object_set_new(o, "student", text(grade->student));
    json_object_set_new(build, "status", text(build_name(grade->build.is)));
    json_object_set_new(build, "message", text(grade->build.text));
    json_object_set_new(o, "build", build);
    for (unsigned i = 0; i < CAGE_WALLS; i++) {
        if (!grade->cage.stands[i]) {
            json_array_append_new(missing,
                                  text(cage_wall_name((enum cage_wall)i)));
        }
    }
    json_object_set_new(o, "protection_missing", missing);
    json_object_set_new(o, "score", rounded(grade->score));
    json_object_set_new(o, "max", rounded(grade->max));
    json_object_set_new(o, "seconds", rounded(grade->seconds));
    for (unsigned i = 0; i < grade->count; i++) {
        json_array_append_new(tests, test_object(grade, &grade->tests[i]));
    }
    json_object_set_new(o, "tests", tests);
    return o;
}

bool export_json(const struct grade *grade, FILE *out) {
    json_t *o = grade_json(grade);
    const bool good = o != NULL && json_dumpf(o, out, JSON_INDENT(2)) == 0;

    json_decref(o);
    fputc('\n', out);
    return good;
}
