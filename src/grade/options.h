/**
 * @file options.h
 * The command line of memtwin-grade.
 */
#ifndef GRADE_OPTIONS_H
#define GRADE_OPTIONS_H

#include <stdbool.h>

#include "program/own_file.h"

struct options {
    const char *lab, *submission;
    const char *labs; /* folder of the labs */
    const char *kit, *compiler;
    const char *student, *salt_file, *weights, *only, *format, *output, *debug;
    unsigned jobs; /* 0: one submission */
    char kit_path[OWN_FILE_MAX], labs_path[OWN_FILE_MAX]; /* as found */
};

/** @return false after a message */
bool options_parse(struct options *options, int argc, char **argv);

#endif
