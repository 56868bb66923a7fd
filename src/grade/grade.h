/**
 * @file grade.h
 * One submission graded: built, tested, and what came out.
 */
#ifndef GRADE_GRADE_H
#define GRADE_GRADE_H

#include "grade/cage.h"
#include "grade/lab.h"
#include "grade/test.h"
#include "program/scratch.h"

/** What a submission is built with: tools/make-kit.
 *    include/            headers of the core, and nothing else
 *    objects/pmm-bitmap.o ...  the core, a file each
 *    subject/, start/    the grader's part of the submission's process
 *    direct/             the judge, for a debugger */
struct kit {
    const char *folder;
    const char *compiler;
    char copy[SCRATCH_PATH];
};
/** Have kit->folder where the user who compiles can read it, if need be by a
 *  copy in @scratch.  @return false after a message */
bool kit_reach(struct kit *kit, const char *scratch);

enum build_is {
    BUILD_GOOD,
    BUILD_MISSING,  /* a file was not handed in, or is none */
    BUILD_COMPILER, /* does not compile */
    BUILD_REFUSED,  /* object_check.h */
    BUILD_LINKER    /* asks for what a kernel does not have */
};
/** "good", "missing", "compiler", "refused", "linker" */
const char *build_name(enum build_is is);

#define BUILD_TEXT (16 * 1024)
struct build {
    enum build_is is;
    char text[BUILD_TEXT];     /* for the student, warnings too */
    char folder[SCRATCH_PATH]; /* that everything is built in */
    char program[SCRATCH_PATH + 10];
};

/** Build what lies in @submission, in a folder of its own in @scratch, which is
 *  removed by build_destroy().
 *  @return false: the host failed, after a message */
bool build_make(struct build *build, const struct kit *kit,
                const struct lab *lab, const char *submission,
                const char *scratch);
void build_destroy(struct build *build);

/** Build the program for a debugger, with the scripts in it: build->program,
 *  in which @submission's files are found where they lie.  It stays there,
 *  in a folder of TMPDIR. */
bool build_for_debugger(struct build *build, const struct kit *kit,
                        const struct lab *lab, const char *submission);

struct graded_test {
    const struct lab_test *test;
    double score;
    struct verdict verdict;
};

struct grade {
    const struct lab *lab;
    const char *student, *submission;
    struct cage cage;
    struct build build;
    struct graded_test *tests;
    unsigned count;
    double score, max;
    double seconds; /* it took */
    char key[20];   /* batch.h */
};

struct grade_want {
    const struct kit *kit;
    const struct lab *lab;
    const char *submission;
    const char *student; /* name or number; "" */
    const char *salt;    /* of the assignment: seeds are drawn from both */
    const char *only;    /* a test's name, or NULL: all */
    const char *scratch; /* a folder to build in */
    struct cage cage;
};

/** Build and run.  @return NULL: the host failed, after a message */
struct grade *grade_make(const struct grade_want *want);
void grade_destroy(struct grade *grade);
/** What a submission printed may be any bytes: leave printable ASCII. */
void grade_clean(struct grade *grade);

/** Run one script in a judge of its own. */
void test_run(const struct script *script, const char *program, uint64_t seed,
              unsigned cpu_seconds, struct verdict *verdict);

struct json_t;
/** The grade as one object; export_json.c and doc/grading.md. */
struct json_t *grade_json(const struct grade *grade);

#endif
