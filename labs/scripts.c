/*
 * Which scripts there are for which lab.  Those of labs/instructor are weak: a
 * copy for students is built without.
 */
#include "grade/lab.h"

extern const struct script lab1_public[], lab2_public[], lab3_public[],
    lab4_public[], lab5_public[];

#define HIDDEN extern const struct script __attribute__((weak))
HIDDEN lab1_maps[], lab1_hidden[], lab2_hidden[], lab2_tables[], lab2_ranges[],
    lab3_hidden[], lab4_regions[], lab4_hidden[], lab4_forks[], lab5_hidden[],
    lab5_growth[], lab5_edges[];

const struct lab_scripts lab_scripts[] = {
    { "1-frames", lab1_public, lab1_hidden },
    { "1-frames", NULL, lab1_maps },
    { "2-four-levels", lab2_public, lab2_hidden },
    { "2-four-levels", NULL, lab2_tables },
    { "2-four-levels", NULL, lab2_ranges },
    { "3-faults", lab3_public, lab3_hidden },
    { "4-spaces", lab4_public, lab4_hidden },
    { "4-spaces", NULL, lab4_forks },
    { "4-spaces", NULL, lab4_regions },
    { "5-heap", lab5_public, lab5_hidden },
    { "5-heap", NULL, lab5_growth },
    { "5-heap", NULL, lab5_edges },
    { NULL, NULL, NULL },
};
