/**
 * @file own_file.h
 * Files that a program needs beside itself.
 */
#ifndef PROGRAM_OWN_FILE_H
#define PROGRAM_OWN_FILE_H

#include <stdbool.h>

#define OWN_FILE_MAX 4096

/** Where to look, each a folder. */
struct own_folders {
    const char *built;     /* from the program's in a build tree; "": there */
    const char *moved;     /* from the program's where all was installed */
    const char *installed; /* as configured */
};

/**
 * Find @name: beside this program, as in a build tree, and then as installed,
 * also when all of that was moved elsewhere (a staged DESTDIR).
 * @return false: it is nowhere
 */
bool own_file(char path[OWN_FILE_MAX], const struct own_folders *folders,
              const char *name);

#endif
