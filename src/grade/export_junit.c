/*
 * JUnit XML, as most build servers read it.
 */
#include <stdlib.h>
#include <string.h>

#include "grade/export.h"

/** What XML 1.0 can hold, with its five names. */
static void put_xml(const char *text, FILE *out) {
    static const char signs[] = "&<>\"'";
    static const char *const names[] = { "&amp;", "&lt;", "&gt;", "&quot;",
                                         "&apos;" };

    for (; *text != '\0'; text++) {
        const char *sign = strchr(signs, *text);

        if (sign != NULL) {
            fputs(names[sign - signs], out);
        } else if ((unsigned char)*text >= ' ' && (signed char)*text > 0) {
            fputc(*text, out);
        } else {
            fputc(*text == '\n' || *text == '\t' ? *text : '?', out);
        }
    }
}

static void put_failure(const struct grade *grade,
                        const struct graded_test *graded, FILE *out) {
    char *message = grade_message(grade, graded);

    fputs("    <failure message=\"", out);
    put_xml(graded->verdict.mistake, out);
    fputs("\">", out);
    put_xml(message != NULL ? message : "", out);
    fputs("</failure>\n", out);
    free(message);
}

static unsigned count_of(const struct grade *grade, enum verdict_is is) {
    unsigned count = 0;

    for (unsigned i = 0; i < grade->count; i++) {
        count += grade->tests[i].verdict.is == is;
    }
    return count;
}

bool export_junit(const struct grade *grade, FILE *out) {
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", out);
    fprintf(out,
            "<testsuite name=\"%s\" tests=\"%u\" failures=\"%u\" "
            "skipped=\"%u\" errors=\"0\" time=\"%.3f\">\n",
            grade->lab->name, grade->count, count_of(grade, VERDICT_FAILED),
            count_of(grade, VERDICT_SKIPPED), grade->seconds);
    for (unsigned i = 0; i < grade->count; i++) {
        const struct graded_test *graded = &grade->tests[i];

        fprintf(out,
                "  <testcase classname=\"%s.%s\" name=\"%s\" time=\"%.6f\">\n",
                grade->lab->name,
                grade->lab->categories[graded->test->category].name,
                graded->test->name, (double)graded->verdict.cpu_us * 1e-6);
        if (graded->verdict.is == VERDICT_FAILED) {
            put_failure(grade, graded, out);
        } else if (graded->verdict.is == VERDICT_SKIPPED) {
            fputs("    <skipped/>\n", out);
        }
        fputs("  </testcase>\n", out);
    }
    fputs("</testsuite>\n</testsuites>\n", out);
    return !ferror(out);
}
