/**
 * @file fmt.h
 * The little printf: for kernels without a C library.
 *
 * Understands %s %c %d %i %u %x %X %p %% with the lengths l, ll, z, j, the
 * flags 0, - and #, and a width (digits or *); %s takes a precision.  An
 * unknown conversion is printed as it stands.  No floats, no allocation, no
 * state.
 */
#ifndef BASE_FMT_H
#define BASE_FMT_H

#include <stdarg.h>
#include <stddef.h>

#define MM_PRINTF(fmt_at, args_at)                                             \
    __attribute__((format(printf, fmt_at, args_at)))

/** Takes one character of the output; @ctx is the caller's. */
typedef void fmt_sink(void *ctx, char c);

/** Print to @sink.  @return how many characters went to it. */
size_t fmt_vprint(fmt_sink *sink, void *ctx, const char *format, va_list args)
    MM_PRINTF(3, 0);
size_t fmt_print(fmt_sink *sink, void *ctx, const char *format, ...)
    MM_PRINTF(3, 4);

/**
 * Print into @buf of @size bytes, always ended by '\0' when @size > 0.
 * @return the length of the whole text, as snprintf() does
 */
size_t fmt_vformat(char *buf, size_t size, const char *format, va_list args)
    MM_PRINTF(3, 0);
size_t fmt_format(char *buf, size_t size, const char *format, ...)
    MM_PRINTF(3, 4);

#endif
