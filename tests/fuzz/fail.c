/*
 * How a target fails: by a sentence and abort(), which every fuzzer
 * understands.  The oracles were written for Check; here they run without it.
 */
#include "fuzz/fuzz.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void fuzz_fail(const char *format, ...) {
    va_list args;

    va_start(args, format);
    fprintf(stderr, "%s: ", fuzz_name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

void _mark_point(const char *file, int line) {
    (void)file;
    (void)line;
}

void _ck_assert_failed(const char *file, int line, const char *expr,
                       const char *msg, ...) {
    char text[1000] = "";
    va_list args;

    va_start(args, msg);
    if (msg != NULL) {
        vsnprintf(text, sizeof(text), msg, args);
    }
    va_end(args);
    fuzz_fail("%s:%d: %s %s", file, line, expr, text);
}
