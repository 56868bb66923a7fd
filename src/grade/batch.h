/**
 * @file batch.h
 * A class at once: a folder of submissions.
 */
#ifndef GRADE_BATCH_H
#define GRADE_BATCH_H

#include "grade/grade.h"

struct batch {
    const struct grade_want *each; /* but for submission and student */
    const char *folder;            /* of submissions, a folder each */
    const char *results;           /* of results; NULL: FOLDER.grades */
    unsigned jobs;                 /* at the same time */
};

/** Grade what has no result yet, then write grades.csv and mistakes.txt beside
 *  the results.  @return an exit code */
int batch_run(const struct batch *batch);

/** Of all that a result depends on, as text: the files handed in, the lab, the
 *  salt, the student, this program.  A result with another key is an old one.
 */
#define GRADE_KEY 20
void grade_key(const struct grade_want *want, char key[GRADE_KEY]);

#endif
