/*
 * A grade for people, and as TAP.
 */
#include <string.h>

#include "grade/export.h"

static const char *word_of(const struct graded_test *graded) {
    switch (graded->verdict.is) {
    case VERDICT_PASSED:
        return "passed";
    case VERDICT_SKIPPED:
        return "not judged";
    default:
        return "FAILED";
    }
}

static void put_lines(FILE *out, const char *before, const char *text) {
    while (*text != '\0') {
        const size_t len = strcspn(text, "\n");

        fprintf(out, "%s%.*s\n", before, (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static void put_missing_walls(const struct grade *grade, FILE *out,
                              const char *before) {
    for (unsigned i = 0; i < CAGE_WALLS; i++) {
        if (!grade->cage.stands[i]) {
            fprintf(out, "%sprotection missing on this host: %s\n", before,
                    cage_wall_name((enum cage_wall)i));
        }
    }
}

static void put_details(const struct grade *grade,
                        const struct graded_test *graded, FILE *out,
                        const char *before) {
    const char *hint = lab_hint(grade->lab, graded->verdict.mistake);

    put_lines(out, before, graded->verdict.text);
    if (hint != NULL) {
        fprintf(out, "%shint:\n", before);
        put_lines(out, before, hint);
    }
    if (graded->verdict.output[0] != '\0') {
        fprintf(out, "%sthe submission printed:\n", before);
        put_lines(out, before, graded->verdict.output);
    }
}

static void put_categories(const struct grade *grade, FILE *out) {
    for (unsigned c = 0; c < grade->lab->category_count; c++) {
        double score = 0, max = 0;

        for (unsigned i = 0; i < grade->count; i++) {
            const struct graded_test *graded = &grade->tests[i];

            if (graded->test->category == c &&
                graded->verdict.is != VERDICT_SKIPPED) {
                score += graded->score;
                max += graded->test->max;
            }
        }
        if (max > 0) {
            fprintf(out, "  %-16s %6.1f of %5.1f\n",
                    grade->lab->categories[c].name, score, max);
        }
    }
}

bool export_text(const struct grade *grade, FILE *out) {
    fprintf(out, "%s: %s%s%s\n", grade->lab->name, grade->lab->title,
            grade->student[0] != '\0' ? ", " : "", grade->student);
    put_missing_walls(grade, out, "");
    if (grade->build.is != BUILD_GOOD) {
        fprintf(out, "build: %s\n", build_name(grade->build.is));
    } else if (grade->build.text[0] != '\0') {
        fprintf(out, "build: with warnings\n");
    }
    put_lines(out, "    ", grade->build.text);
    for (unsigned i = 0; i < grade->count; i++) {
        const struct graded_test *graded = &grade->tests[i];

        fprintf(out, "%-10s %5.1f of %5.1f  %s\n", word_of(graded),
                graded->score, graded->test->max, graded->test->name);
        if (graded->verdict.is != VERDICT_PASSED &&
            grade->build.is == BUILD_GOOD) {
            put_details(grade, graded, out, "    ");
        }
    }
    put_categories(grade, out);
    fprintf(out, "score %.1f of %.1f\n", grade->score, grade->max);
    return true;
}

bool export_tap(const struct grade *grade, FILE *out) {
    fprintf(out, "1..%u\n", grade->count);
    put_missing_walls(grade, out, "# ");
    put_lines(out, "# ", grade->build.text);
    for (unsigned i = 0; i < grade->count; i++) {
        const struct graded_test *graded = &grade->tests[i];
        const bool failed = graded->verdict.is == VERDICT_FAILED;

        fprintf(out, "%s %u - %s%s\n", failed ? "not ok" : "ok", i + 1,
                graded->test->name,
                graded->verdict.is == VERDICT_SKIPPED ? " # SKIP not judged"
                                                      : "");
        if (graded->verdict.is != VERDICT_PASSED) {
            put_details(grade, graded, out, "#   ");
        }
    }
    fprintf(out, "# score %.1f of %.1f\n", grade->score, grade->max);
    return true;
}
