/**
 * @file lab.h
 * A lab is a folder: what is handed in, what its tests are worth, its hints.
 *
 *   lab.conf   title, "file F replaces FLOOR/F.c", "given F replaces FLOOR/F.c"
 *              for one that may be handed in as well, "seconds N"
 *   weights    "category NAME SHARE" and "POINTS CATEGORY TEST" lines
 *   hints      "[id]" lines, each with a paragraph below
 *
 * In all of them '#' begins a comment, and blank lines count for nothing
 * (in hints they do).
 */
#ifndef GRADE_LAB_H
#define GRADE_LAB_H

#include "grade/script.h"

#define LAB_FILES_MAX 8
#define LAB_CATEGORIES_MAX 8
#define LAB_TESTS_MAX 128
#define LAB_HINTS_MAX 128
#define LAB_NAME 64

struct lab_file {
    char name[LAB_NAME];     /* as the student hands it in */
    char replaces[LAB_NAME]; /* "pmm/bitmap.c" */
    bool given;              /* who does not hand it in has the product's */
};

struct lab_category {
    char name[LAB_NAME];
    double share; /* of 100 points */
};

struct lab_test {
    char name[128];
    unsigned category;
    double points;               /* its weight inside the category */
    double max;                  /* its part of 100 points */
    const struct script *script; /* NULL: not in this program */
    bool hidden;
};

struct lab_hint {
    char id[LAB_NAME];
    char *text;
};

struct lab {
    char folder[4096];
    char name[LAB_NAME]; /* of the folder: "1-frames" */
    char title[128];
    unsigned seconds; /* of CPU time for one test */
    struct lab_file files[LAB_FILES_MAX];
    unsigned file_count;
    struct lab_category categories[LAB_CATEGORIES_MAX];
    unsigned category_count;
    struct lab_test tests[LAB_TESTS_MAX];
    unsigned test_count;
    struct lab_hint hints[LAB_HINTS_MAX];
    unsigned hint_count;
};

/** Scripts that this program has for a lab, which may have several rows;
 *  labs/scripts.c. */
struct lab_scripts {
    const char *lab;
    const struct script *open, *hidden; /* NULL: none */
};
extern const struct lab_scripts lab_scripts[];
/** The script of that name; NULL: there is none, or no @scripts. */
const struct script *script_in(const struct script *scripts, const char *name);

/** @where  a folder, or the name or number of a lab below @labs
 *  @weights another file of weights; NULL: the lab's
 *  @return false after a message */
bool lab_read(struct lab *lab, const char *labs, const char *where,
              const char *weights);
/** The paragraph for a mistake; NULL: there is none. */
const char *lab_hint(const struct lab *lab, const char *id);

#endif
