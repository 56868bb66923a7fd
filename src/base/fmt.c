/*
 * The little printf.
 *
 * One conversion at a time: parse it into a struct spec, turn its argument
 * into a sign, a prefix and digits, and put them out padded:
 *
 *   %#010x   [ spaces ][ sign or 0x ][ zeros ][ digits ][ spaces ]
 *             width, right                               width, left
 */
#include "base/fmt.h"

#include <stdbool.h>
#include <stdint.h>

struct out {
    fmt_sink *sink;
    void *ctx;
    size_t count;
};

struct spec {
    bool left, zero, alternate;
    size_t width;
    size_t precision; /* SIZE_MAX: none given */
    unsigned longs;   /* 0: int, 1 and more: 64 bits */
    char conversion;
};

static void put(struct out *out, char c) {
    out->sink(out->ctx, c);
    out->count++;
}

static void put_n(struct out *out, char c, size_t n) {
    while (n-- > 0) {
        put(out, c);
    }
}

/** @prefix and @text, padded to the width of @spec. */
static void put_padded(struct out *out, const struct spec *spec,
                       const char *prefix, const char *text, size_t length) {
    size_t prefix_length = prefix[0] == '\0' ? 0 : prefix[1] == '\0' ? 1 : 2;
    size_t used = prefix_length + length;
    size_t pad = spec->width > used ? spec->width - used : 0;

    if (!spec->left && !spec->zero) {
        put_n(out, ' ', pad);
    }
    for (size_t i = 0; i < prefix_length; i++) {
        put(out, prefix[i]);
    }
    if (!spec->left && spec->zero) {
        put_n(out, '0', pad);
    }
    for (size_t i = 0; i < length; i++) {
        put(out, text[i]);
    }
    if (spec->left) {
        put_n(out, ' ', pad);
    }
}

static void put_number(struct out *out, const struct spec *spec, uint64_t value,
                       unsigned base, const char *prefix) {
    const char *digits =
        spec->conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[20]; /* 2^64 - 1 has 20 decimal digits */
    size_t at = sizeof text;

    do {
        text[--at] = digits[value % base];
        value /= base;
    } while (value != 0);
    put_padded(out, spec, prefix, text + at, sizeof text - at);
}

static void put_string(struct out *out, const struct spec *spec,
                       const char *s) {
    struct spec plain = *spec;
    size_t length = 0;

    if (s == NULL) {
        s = "(null)";
    }
    while (length < spec->precision && s[length] != '\0') {
        length++;
    }
    plain.zero = false;
    put_padded(out, &plain, "", s, length);
}

static size_t parse_number(const char **format) {
    size_t n = 0;

    while (**format >= '0' && **format <= '9') {
        n = n * 10 + (size_t)(*(*format)++ - '0');
    }
    return n;
}

/** Flags, width, precision and length; va_list by pointer, since * takes one.
 */
static struct spec parse(const char **format, va_list *args) {
    struct spec spec = { .precision = SIZE_MAX };

    for (;; (*format)++) {
        if (**format == '-') {
            spec.left = true;
        } else if (**format == '0') {
            spec.zero = true;
        } else if (**format == '#') {
            spec.alternate = true;
        } else {
            break;
        }
    }
    if (**format == '*') {
        int width = va_arg(*args, int);

        spec.left = spec.left || width < 0;
        spec.width = (size_t)(width < 0 ? -(int64_t)width : width);
        (*format)++;
    } else {
        spec.width = parse_number(format);
    }
    if (**format == '.') {
        (*format)++;
        if (**format == '*') {
            int precision = va_arg(*args, int);

            spec.precision = precision < 0 ? SIZE_MAX : (size_t)precision;
            (*format)++;
        } else {
            spec.precision = parse_number(format);
        }
    }
    while (**format == 'l' || **format == 'z' || **format == 'j') {
        spec.longs++;
        (*format)++;
    }
    spec.conversion = **format;
    return spec;
}

static void put_signed(struct out *out, const struct spec *spec,
                       int64_t value) {
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    put_number(out, spec, magnitude, 10, value < 0 ? "-" : "");
}

/** @return false: not a conversion we know, nothing was printed */
static bool convert(struct out *out, const struct spec *spec, va_list *args) {
    char c;

    switch (spec->conversion) {
    case 'd':
    case 'i':
        put_signed(out, spec,
                   spec->longs > 0 ? va_arg(*args, int64_t)
                                   : va_arg(*args, int));
        return true;
    case 'u':
    case 'x':
    case 'X': {
        uint64_t value =
            spec->longs > 0 ? va_arg(*args, uint64_t) : va_arg(*args, unsigned);
        bool hex = spec->conversion != 'u';

        put_number(out, spec, value, hex ? 16 : 10,
                   hex && spec->alternate && value != 0 ? "0x" : "");
        return true;
    }
    case 'p':
        put_number(out, spec, (uint64_t)(uintptr_t)va_arg(*args, void *), 16,
                   "0x");
        return true;
    case 'c':
        c = (char)va_arg(*args, int);
        put_padded(out, spec, "", &c, 1);
        return true;
    case 's':
        put_string(out, spec, va_arg(*args, const char *));
        return true;
    case '%':
        put(out, '%');
        return true;
    default:
        return false;
    }
}

size_t fmt_vprint(fmt_sink *sink, void *ctx, const char *format, va_list args) {
    struct out out = { sink, ctx, 0 };
    va_list rest;

    va_copy(rest, args);
    while (*format != '\0') {
        const char *start = format;

        if (*format++ != '%') {
            put(&out, *start);
            continue;
        }
        struct spec spec = parse(&format, &rest);

        if (!convert(&out, &spec, &rest)) {
            while (start < format) {
                put(&out, *start++);
            }
        } else {
            format++;
        }
    }
    va_end(rest);
    return out.count;
}

size_t fmt_print(fmt_sink *sink, void *ctx, const char *format, ...) {
    va_list args;
    size_t count;

    va_start(args, format);
    count = fmt_vprint(sink, ctx, format, args);
    va_end(args);
    return count;
}

struct buffer {
    char *at;
    size_t left; /* bytes, the last one kept for '\0' */
};

static void put_in_buffer(void *ctx, char c) {
    struct buffer *buffer = ctx;

    if (buffer->left > 1) {
        *buffer->at++ = c;
        buffer->left--;
    }
}

size_t fmt_vformat(char *buf, size_t size, const char *format, va_list args) {
    struct buffer buffer = { buf, size };
    size_t count = fmt_vprint(put_in_buffer, &buffer, format, args);

    if (size > 0) {
        *buffer.at = '\0';
    }
    return count;
}

size_t fmt_format(char *buf, size_t size, const char *format, ...) {
    va_list args;
    size_t count;

    va_start(args, format);
    count = fmt_vformat(buf, size, format, args);
    va_end(args);
    return count;
}
