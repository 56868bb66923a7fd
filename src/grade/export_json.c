/*
 * A grade as one JSON object, the form that all others can be made from;
 * doc/grading.md describes it.
 */
#include "grade/export.h"

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

    json_object_set_new(o, "name", json_text(graded->test->name));
    json_object_set_new(
        o, "category",
        json_text(grade->lab->categories[graded->test->category].name));
    json_object_set_new(o, "hidden", json_boolean(graded->test->hidden));
    json_object_set_new(o, "status", json_text(words[v->is]));
    json_object_set_new(o, "score", json_rounded(graded->score));
    json_object_set_new(o, "max", json_rounded(graded->test->max));
    json_object_set_new(o, "mistake", json_text(v->mistake));
    json_object_set_new(o, "message", json_text(v->text));
    json_object_set_new(o, "hint", json_text(hint != NULL ? hint : ""));
    json_object_set_new(o, "output", json_text(v->output));
    json_object_set_new(o, "calls", json_integer((json_int_t)v->calls));
    json_object_set_new(o, "cpu_ms", json_rounded((double)v->cpu_us / 1000));
    return o;
}

json_t *grade_json(const struct grade *grade) {
    json_t *o = json_object(), *build = json_object();
    json_t *tests = json_array(), *missing = json_array();

    json_object_set_new(o, "schema", json_text("memtwin-grade/v1"));
    json_object_set_new(o, "lab", json_text(grade->lab->name));
    json_object_set_new(o, "title", json_text(grade->lab->title));
    json_object_set_new(o, "student", json_text(grade->student));
    json_object_set_new(o, "key", json_text(grade->key));
    json_object_set_new(build, "status",
                        json_text(build_name(grade->build.is)));
    json_object_set_new(build, "message", json_text(grade->build.text));
    json_object_set_new(o, "build", build);
    for (unsigned i = 0; i < CAGE_WALLS; i++) {
        if (!grade->cage.stands[i]) {
            json_array_append_new(missing,
                                  json_text(cage_wall_name((enum cage_wall)i)));
        }
    }
    json_object_set_new(o, "protection_missing", missing);
    json_object_set_new(o, "score", json_rounded(grade->score));
    json_object_set_new(o, "max", json_rounded(grade->max));
    json_object_set_new(o, "seconds", json_rounded(grade->seconds));
    for (unsigned i = 0; i < grade->count; i++) {
        json_array_append_new(tests, test_object(grade, &grade->tests[i]));
    }
    json_object_set_new(o, "tests", tests);
    return o;
}

bool export_json(const struct grade *grade, FILE *out) {
    return json_put(grade_json(grade), JSON_INDENT(2), out);
}
