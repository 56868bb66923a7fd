/*
 * Gradescope: results.json.
 *
 * Of a test without points only name and status are given, which makes it a
 * line of information, as "Compilation" is.  Hidden tests are shown when the
 * grades are published; while there are any, students don't see the total.
 */
#include <stdlib.h>

#include "grade/export.h"

static json_t *information(const char *name, bool good, const char *output) {
    json_t *o = json_object();

    json_object_set_new(o, "name", json_text(name));
    json_object_set_new(o, "status", json_text(good ? "passed" : "failed"));
    json_object_set_new(o, "output", json_text(output));
    json_object_set_new(o, "visibility", json_text("visible"));
    return o;
}

static json_t *test_object(const struct grade *grade, unsigned n) {
    const struct graded_test *graded = &grade->tests[n];
    const struct lab_test *test = graded->test;
    char number[16], *message = grade_message(grade, graded);
    json_t *o = json_object(), *tags = json_array();

    snprintf(number, sizeof number, "%u.%u", test->category + 1, n + 1);
    json_array_append_new(
        tags, json_text(grade->lab->categories[test->category].name));
    json_object_set_new(o, "name", json_text(test->name));
    json_object_set_new(o, "number", json_text(number));
    if (graded->verdict.is != VERDICT_SKIPPED) {
        json_object_set_new(o, "score", json_rounded(graded->score));
        json_object_set_new(o, "max_score", json_rounded(test->max));
    }
    json_object_set_new(
        o, "status",
        json_text(graded->verdict.is == VERDICT_FAILED ? "failed" : "passed"));
    json_object_set_new(o, "output", json_text(message != NULL ? message : ""));
    json_object_set_new(o, "tags", tags);
    json_object_set_new(
        o, "visibility",
        json_text(test->hidden ? "after_published" : "visible"));
    free(message);
    return o;
}

static json_t *protection(const struct grade *grade) {
    char text[1000] = "";
    size_t have = 0;

    for (unsigned i = 0; i < CAGE_WALLS && have < sizeof text; i++) {
        if (!grade->cage.stands[i]) {
            have += (size_t)snprintf(text + have, sizeof text - have,
                                     "missing on this host: %s\n",
                                     cage_wall_name((enum cage_wall)i));
        }
    }
    return information("Protection", have == 0, text);
}

bool export_gradescope(const struct grade *grade, FILE *out) {
    json_t *o = json_object(), *tests = json_array();

    json_object_set_new(o, "score", json_rounded(grade->score));
    json_object_set_new(o, "execution_time", json_rounded(grade->seconds));
    json_object_set_new(o, "output",
                        json_text(grade->build.is == BUILD_GOOD
                                      ? grade->lab->title
                                      : grade->build.text));
    json_object_set_new(o, "output_format", json_text("text"));
    json_object_set_new(o, "test_output_format", json_text("text"));
    json_object_set_new(o, "visibility", json_text("visible"));
    json_object_set_new(o, "stdout_visibility", json_text("hidden"));
    json_array_append_new(tests, information("Compilation",
                                             grade->build.is == BUILD_GOOD,
                                             grade->build.text));
    json_array_append_new(tests, protection(grade));
    for (unsigned i = 0; i < grade->count; i++) {
        json_array_append_new(tests, test_object(grade, i));
    }
    json_object_set_new(o, "tests", tests);
    return json_put(o, JSON_INDENT(2), out);
}
