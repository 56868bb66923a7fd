/*
 * One grade, always the same, in any format: what the golden files are made of.
 *
 *     exported FORMAT [broken]
 */
#include <stdio.h>
#include <string.h>

#include "grade/export.h"

const struct lab_scripts lab_scripts[] = { { NULL, NULL, NULL } };

static struct lab lab = {
    .name = "1-frames",
    .title = "Frames: who owns this page?",
    .seconds = 10,
    .categories = { { "functionality", 60 }, { "robustness", 40 } },
    .category_count = 2,
    .tests = { { .name = "every_frame_is_handed_out_once", .max = 33.3333 },
               { .name = "frames_come_back", .max = 26.6667 },
               { .name = "a_frame_is_freed_once",
                 .category = 1,
                 .max = 25,
                 .hidden = true },
               { .name = "an_allocation_is_cheap", .category = 1, .max = 15 } },
    .test_count = 4,
    .hints = { { "twice", (char *)"Is the bit set \"before\" the frame <f> is "
                                  "given & kept?\n" } },
    .hint_count = 1,
};

static struct graded_test tests[] = {
    { .test = &lab.tests[0],
      .score = 33.3333,
      .verdict = { .is = VERDICT_PASSED, .calls = 4100, .cpu_us = 1500 } },
    { .test = &lab.tests[1],
      .score = 13.33335,
      .verdict = { .is = VERDICT_FAILED,
                   .credit = 50,
                   .mistake = "twice",
                   .text = "frame 0x123 was handed out, but \"it\" is in use\n",
                   .output = "bell \a and \xff, and ```` a fence",
                   .calls = 7,
                   .cpu_us = 2 } },
    { .test = &lab.tests[2],
      .verdict = { .is = VERDICT_FAILED,
                   .mistake = "crash",
                   .text = "the submission touched 0x8\n" } },
    { .test = &lab.tests[3],
      .verdict = { .is = VERDICT_SKIPPED, .text = "no tracing here\n" } },
};

static struct grade grade = {
    .lab = &lab,
    .student = "Anna \"A\" O'Neill",
    .submission = "anna",
    .cage = { .stands = { true, true, true, true, false, true } },
    .tests = tests,
    .count = 4,
    .score = 46.66665,
    .max = 85,
    .seconds = 1.25,
    .key = "0123456789abcdef",
};

int main(int argc, char **argv) {
    exporter *export = argc > 1 ? exporter_by_name(argv[1]) : NULL;
    lab_exporter *of_lab = argc > 1 ? lab_exporter_by_name(argv[1]) : NULL;

    if (of_lab != NULL) {
        return of_lab(&lab, stdout) ? 0 : 1;
    }
    if (export == NULL) {
        return 2;
    }
    if (argc > 2 && strcmp(argv[2], "broken") == 0) {
        grade.build.is = BUILD_COMPILER;
        strcpy(grade.build.text, "bitmap.c:1:9: error: expected expression\n");
        grade.score = 0;
        for (unsigned i = 0; i < grade.count; i++) {
            tests[i].score = 0;
            tests[i].verdict = (struct verdict){ .is = VERDICT_FAILED,
                                                 .mistake = "build",
                                                 .text = "not run\n" };
        }
    }
    grade_clean(&grade);
    return export(&grade, stdout) ? 0 : 1;
}
