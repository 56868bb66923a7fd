/*
 * One line on standard error for what is wrong.
 */
#include "grade/say.h"

#include <stdarg.h>

void complain(const char *format, ...) {
    va_list args;

    fputs("memtwin-grade: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}
