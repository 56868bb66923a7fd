/*
 * The table of exporters, and what they share.
 */
#include "grade/export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "program/say.h"

exporter *exporter_by_name(const char *name) {
    static const struct {
        const char *name;
        exporter *export;
    } rows[] = {
        { "text", export_text },
        { "tap", export_tap },
        { "json", export_json },
        { "gradescope", export_gradescope },
        { "classroom50", export_classroom50 },
        { "github", export_github },
        { "summary", export_summary },
        { "junit", export_junit },
        { "csv", export_csv },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].export;
        }
    }
    return NULL;
}

lab_exporter *lab_exporter_by_name(const char *name) {
    return strcmp(name, "classroom50-tests") == 0 ? export_classroom50_tests
                                                  : NULL;
}

json_t *json_text(const char *bytes) {
    json_t *string = json_string(bytes);
    char *clean;

    if (string != NULL) {
        return string;
    }
    clean = strdup(bytes); /* no UTF-8: keep what is ASCII */
    for (char *c = clean; c != NULL && *c != '\0'; c++) {
        if ((*c < ' ' && *c != '\n' && *c != '\t') || *c == 0x7f) {
            *c = '?';
        }
    }
    string = json_string(clean != NULL ? clean : "?");
    free(clean);
    return string;
}

json_t *json_rounded(double value) {
    return json_real((double)(int64_t)(value * 1000 + 0.5) / 1000);
}

bool json_put(json_t *o, unsigned flags, FILE *out) {
    const bool good =
        o != NULL && json_dumpf(o, out, flags | JSON_REAL_PRECISION(9)) == 0;

    json_decref(o);
    fputc('\n', out);
    return good && !ferror(out);
}

bool grade_passed(const struct graded_test *graded) {
    return graded->verdict.is == VERDICT_PASSED;
}

char *grade_message(const struct grade *grade,
                    const struct graded_test *graded) {
    const struct verdict *v = &graded->verdict;
    const char *hint = lab_hint(grade->lab, v->mistake);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL) {
        return NULL;
    }
    fputs(v->text, out);
    if (grade->build.is != BUILD_GOOD) {
        fputs(grade->build.text, out);
    }
    if (hint != NULL && v->is == VERDICT_FAILED) {
        fprintf(out, "\nHint: %s", hint);
    }
    if (v->output[0] != '\0') {
        fprintf(out, "\nThe submission printed:\n%s\n", v->output);
    }
    fclose(out);
    return text;
}

/** The parts up to test @n, in thousandths, rounded down. */
static unsigned up_to(const struct lab *lab, unsigned n) {
    double sum = 0;

    for (unsigned i = 0; i < n; i++) {
        sum += lab->tests[i].max;
    }
    return (unsigned)(sum * 10 + 0.5);
}

unsigned whole_points(const struct lab *lab, unsigned n) {
    return up_to(lab, n + 1) - up_to(lab, n);
}

/** A result under way: beside its place, until it is whole. */
struct result {
    FILE *out;
    const char *path; /* NULL: standard output */
    char part[4200];
};

static bool result_open(struct result *result, const char *path) {
    result->path = path;
    result->out = stdout;
    if (path != NULL) {
        snprintf(result->part, sizeof result->part, "%s.part", path);
        result->out = fopen(result->part, "w");
        if (result->out == NULL) {
            complain("%s: %s", result->part, strerror(errno));
        }
    }
    return result->out != NULL;
}

static bool result_close(struct result *result, bool good) {
    good = fflush(result->out) == 0 && !ferror(result->out) && good;
    if (result->path != NULL) {
        good = fclose(result->out) == 0 && good &&
               rename(result->part, result->path) == 0;
    }
    if (!good) {
        complain("the result could not be written: %s", strerror(errno));
    }
    return good;
}

bool grade_write(const struct grade *grade, const char *path,
                 exporter *export) {
    struct result result;

    return result_open(&result, path) &&
           result_close(&result, export(grade, result.out));
}

bool lab_write(const struct lab *lab, const char *path, lab_exporter *export) {
    struct result result;

    return result_open(&result, path) &&
           result_close(&result, export(lab, result.out));
}
