/*
 * One script in a process of its own, the judge; all scripts of a submission.
 *
 *   memtwin-grade ---- fork ----> judge ---- fork ----> subject
 *       waits                     script, oracle        the submission
 *
 * The judge writes its verdict into memory that it shares with the grader
 * alone, and ends.  One that ends without a verdict has been killed, or has a
 * bug: nothing passes by that.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "grade/batch.h"
#include "grade/judge.h"
#include "program/say.h"
#include "program/scratch.h"

void test_run(const struct script *script, const char *program, uint64_t seed,
              unsigned cpu_seconds, struct verdict *verdict) {
    struct verdict *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const pid_t me = getpid();
    pid_t pid;
    int status;

    memset(verdict, 0, sizeof *verdict);
    if (shared == MAP_FAILED) {
        return;
    }
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        scratch_die_with(me);
        judge(script, &in_a_process, program, seed, cpu_seconds, shared);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    *verdict = *shared;
    munmap(shared, sizeof *shared);
    if (verdict->is == VERDICT_NONE) {
        verdict->is = VERDICT_FAILED;
        snprintf(verdict->mistake, sizeof verdict->mistake, "judge");
        snprintf(verdict->text, sizeof verdict->text,
                 "the judge ended without a verdict (%s %d)\n",
                 WIFSIGNALED(status) ? "signal" : "status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
}

static void test_one(struct grade *grade, const struct grade_want *want,
                     struct graded_test *graded) {
    const struct lab_test *test = graded->test;
    struct verdict *v = &graded->verdict;

    if (grade->build.is != BUILD_GOOD) {
        v->is = VERDICT_FAILED;
        snprintf(v->mistake, sizeof v->mistake, "build");
        snprintf(v->text, sizeof v->text,
                 "not run: the submission was not built (%s)\n",
                 build_name(grade->build.is));
        return;
    }
    test_run(test->script, grade->build.program,
             seed_of(want->salt, want->student, test->name), want->lab->seconds,
             v);
    if (v->is == VERDICT_PASSED) {
        graded->score = test->max;
    } else if (v->is == VERDICT_FAILED) {
        graded->score = test->max * (v->credit > 100 ? 100 : v->credit) / 100;
    }
}

static void clean(char *text) {
    for (; *text != '\0'; text++) {
        const bool printable = *text >= ' ' && *text < 0x7f;

        *text = printable || *text == '\n' || *text == '\t' ? *text : '?';
    }
}

void grade_clean(struct grade *grade) {
    clean(grade->build.text);
    for (unsigned i = 0; i < grade->count; i++) {
        clean(grade->tests[i].verdict.text);
        clean(grade->tests[i].verdict.output);
    }
}

static double seconds_now(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

struct grade *grade_make(const struct grade_want *want) {
    const struct lab *lab = want->lab;
    struct grade *grade = calloc(1, sizeof *grade);
    const double start = seconds_now();

    if (grade != NULL) {
        grade->tests = calloc(lab->test_count + 1, sizeof *grade->tests);
    }
    if (grade == NULL || grade->tests == NULL) {
        complain("no memory");
        free(grade);
        return NULL;
    }
    grade->lab = lab;
    grade->student = want->student;
    grade->submission = want->submission;
    grade->cage = want->cage;
    grade_key(want, grade->key);
    if (!build_make(&grade->build, want->kit, lab, want->submission,
                    want->scratch)) {
        grade_destroy(grade);
        return NULL;
    }
    for (unsigned i = 0; i < lab->test_count; i++) {
        struct graded_test *graded = &grade->tests[grade->count];

        if (want->only != NULL && strcmp(want->only, lab->tests[i].name) != 0) {
            continue;
        }
        grade->count++;
        graded->test = &lab->tests[i];
        test_one(grade, want, graded);
        if (graded->verdict.is != VERDICT_SKIPPED) {
            grade->score += graded->score;
            grade->max += graded->test->max;
        }
    }
    grade_clean(grade);
    grade->seconds = seconds_now() - start;
    return grade;
}

void grade_destroy(struct grade *grade) {
    build_destroy(&grade->build);
    free(grade->tests);
    free(grade);
}
