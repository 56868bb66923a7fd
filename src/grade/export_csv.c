/*
 * CSV (RFC 4180): a line for each test.  batch.c makes the one for a class.
 */
#include "grade/export.h"

static void put_field(const char *text, FILE *out) {
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            fputc('"', out);
        }
        fputc(*text, out);
    }
    fputc('"', out);
}

bool export_csv(const struct grade *grade, FILE *out) {
    static const char *const words[] = { "failed", "passed", "failed",
                                         "not judged" };

    fputs("student,lab,category,test,status,score,max,mistake\r\n", out);
    for (unsigned i = 0; i < grade->count; i++) {
        const struct graded_test *graded = &grade->tests[i];

        put_field(grade->student, out);
        fprintf(out, ",%s,%s,%s,%s,%.3f,%.3f,", grade->lab->name,
                grade->lab->categories[graded->test->category].name,
                graded->test->name, words[graded->verdict.is], graded->score,
                graded->test->max);
        put_field(graded->verdict.mistake, out);
        fputs("\r\n", out);
    }
    return !ferror(out);
}
