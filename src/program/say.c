/*
 * One line per message, in the form of the GNU coding standards, so that
 * editors and scripts can take it apart.  Each program compiles it with its
 * name.
 */
#include "program/say.h"

#include <stdarg.h>

static void end_line(const char *format, va_list args) {
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void complain(const char *format, ...) {
    va_list args;

    fflush(stdout);
    fputs(PROGRAM_NAME ": ", stderr);
    va_start(args, format);
    end_line(format, args);
    va_end(args);
}

bool complain_at(struct place at, const char *format, ...) {
    va_list args;

    fflush(stdout);
    fprintf(stderr, PROGRAM_NAME ": %s:", at.path);
    if (at.line != 0) {
        fprintf(stderr, "%lu:", at.line);
    }
    fputc(' ', stderr);
    va_start(args, format);
    end_line(format, args);
    va_end(args);
    return false;
}
