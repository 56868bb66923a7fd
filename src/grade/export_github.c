/*
 * GitHub Actions: the result that a grading step hands to the reporter (JSON in
 * base64), and a job summary in Markdown.
 *
 * The reporter takes several tests from one step, with parts of points; so one
 * step of ours is a whole lab.
 */
#include <stdlib.h>
#include <string.h>

#include "grade/export.h"

static void put_base64(const char *bytes, FILE *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)bytes;
    const size_t len = strlen(bytes);

    for (size_t i = 0; i < len; i += 3) {
        const unsigned long three =
            (unsigned long)in[i] << 16 |
            (i + 1 < len ? (unsigned long)in[i + 1] << 8 : 0) |
            (i + 2 < len ? (unsigned long)in[i + 2] : 0);

        for (unsigned n = 0; n < 4; n++) {
            fputc(i + n > len ? '=' : digits[three >> (18 - 6 * n) & 63], out);
        }
    }
    fputc('\n', out);
}

static json_t *test_object(const struct grade *grade,
                           const struct graded_test *graded) {
    char *message = grade_message(grade, graded);
    json_t *o = json_object();

    json_object_set_new(o, "name", json_text(graded->test->name));
    json_object_set_new(
        o, "status",
        json_text(graded->verdict.is == VERDICT_FAILED ? "fail" : "pass"));
    json_object_set_new(o, "score", json_rounded(graded->score));
    json_object_set_new(o, "message",
                        json_text(message != NULL ? message : ""));
    json_object_set_new(o, "test_code", json_text(graded->test->name));
    json_object_set_new(o, "filename", json_text(""));
    json_object_set_new(o, "line_no", json_integer(0));
    json_object_set_new(o, "duration",
                        json_rounded((double)graded->verdict.cpu_us / 1000));
    free(message);
    return o;
}

static const char *status_of(const struct grade *grade) {
    for (unsigned i = 0; i < grade->count; i++) {
        if (grade->tests[i].verdict.is == VERDICT_FAILED) {
            return grade->build.is == BUILD_GOOD ? "fail" : "error";
        }
    }
    return "pass";
}

bool export_github(const struct grade *grade, FILE *out) {
    json_t *o = json_object(), *tests = json_array();
    char *text;

    for (unsigned i = 0; i < grade->count; i++) {
        json_array_append_new(tests, test_object(grade, &grade->tests[i]));
    }
    json_object_set_new(o, "version", json_integer(1));
    json_object_set_new(o, "status", json_text(status_of(grade)));
    json_object_set_new(o, "max_score", json_rounded(grade->max));
    json_object_set_new(o, "tests", tests);
    text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(o);
    if (text == NULL) {
        return false;
    }
    put_base64(text, out);
    free(text);
    return !ferror(out);
}

/** Markdown inside a code block: only the fence itself can end it. */
static void put_block(const char *text, FILE *out) {
    fputs("\n````text\n", out);
    for (; *text != '\0'; text++) {
        if (strncmp(text, "````", 4) != 0) {
            fputc(*text, out);
        }
    }
    fputs("\n````\n", out);
}

bool export_summary(const struct grade *grade, FILE *out) {
    static const char *const signs[] = { "✗", "✓", "✗", "not judged:" };

    fprintf(out, "## %s: %.1f of %.1f points\n\n", grade->lab->title,
            grade->score, grade->max);
    if (grade->build.is != BUILD_GOOD) {
        fprintf(out, "The submission was not built (%s).\n",
                build_name(grade->build.is));
        put_block(grade->build.text, out);
        return !ferror(out);
    }
    fputs("| test | category | points |\n| --- | --- | ---: |\n", out);
    for (unsigned i = 0; i < grade->count; i++) {
        const struct graded_test *graded = &grade->tests[i];

        fprintf(out, "| %s %s | %s | %.1f of %.1f |\n",
                signs[graded->verdict.is], graded->test->name,
                grade->lab->categories[graded->test->category].name,
                graded->score, graded->test->max);
    }
    for (unsigned i = 0; i < grade->count; i++) {
        const struct graded_test *graded = &grade->tests[i];
        char *message;

        if (graded->verdict.is == VERDICT_FAILED &&
            (message = grade_message(grade, graded)) != NULL) {
            fprintf(out, "\n### %s\n", graded->test->name);
            put_block(message, out);
            free(message);
        }
    }
    return !ferror(out);
}
