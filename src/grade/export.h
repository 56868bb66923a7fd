/**
 * @file export.h
 * What the exporters share.
 */
#ifndef GRADE_EXPORT_H
#define GRADE_EXPORT_H

#include <jansson.h>

#include "grade/grade.h"

typedef bool exporter(const struct grade *grade, FILE *out);
/** What a platform wants to know of a lab, whoever hands in what. */
typedef bool lab_exporter(const struct lab *lab, FILE *out);

/** The exporter of that name, or NULL. */
exporter *exporter_by_name(const char *name);
lab_exporter *lab_exporter_by_name(const char *name);

exporter export_text, export_tap, export_json, export_gradescope,
    export_classroom50, export_github, export_summary, export_junit, export_csv;
lab_exporter export_classroom50_tests;

/** A JSON string, whatever bytes a student's program printed. */
json_t *json_text(const char *bytes);
/** @value to three digits behind the point. */
json_t *json_rounded(double value);
/** Write @o and forget it.  @return false: no memory, or it can't be written */
bool json_put(json_t *o, unsigned flags, FILE *out);

/** All that is to be said of a test that did not pass: message, hint, output;
 *  of a build that failed, what the compiler said.  free() it. */
char *grade_message(const struct grade *grade,
                    const struct graded_test *graded);
bool grade_passed(const struct graded_test *graded);
/** Write to @path (NULL: standard output), all at once, so that a reader never
 *  sees half a result.  @return false after a message */
bool grade_write(const struct grade *grade, const char *path, exporter *export);
bool lab_write(const struct lab *lab, const char *path, lab_exporter *export);
/** Points as whole numbers that add up to 1000 for a lab: the maximum of test
 *  @n of @lab. */
unsigned whole_points(const struct lab *lab, unsigned n);

#endif
