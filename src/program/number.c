/*
 * No sign, no blanks, no octal: strtoul() is more generous than we want.
 */
#include "program/number.h"

#include <string.h>

static int digit(char c, unsigned base) {
    int value = -1;

    if (c >= '0' && c <= '9') {
        value = c - '0';
    } else if (c >= 'a' && c <= 'f') {
        value = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
        value = c - 'A' + 10;
    }
    return value < (int)base ? value : -1;
}

/** @return false when a character is no digit; *@fits tells the rest */
static bool parse(const char *text, size_t len, unsigned base, uint64_t *value,
                  bool *fits) {
    uint64_t sum = 0;
    size_t i;

    *fits = true;
    for (i = 0; i < len; i++) {
        int d = digit(text[i], base);

        if (d < 0) {
            return false;
        }
        if (__builtin_mul_overflow(sum, (uint64_t)base, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)d, &sum)) {
            *fits = false;
        }
    }
    *value = *fits ? sum : UINT64_MAX;
    return len > 0;
}

bool number_parse(const char *text, size_t len, uint64_t *value) {
    bool fits;

    return parse(text, len, 10, value, &fits);
}

bool number_parse_address(const char *text, uint64_t *value) {
    bool hex = strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0;
    const char *digits = hex ? text + 2 : text;
    bool fits;

    return parse(digits, strlen(digits), hex ? 16 : 10, value, &fits) && fits;
}

bool number_parse_size(const char *text, uint64_t *bytes) {
    static const char units[] = "KMGT";
    size_t len = strlen(text);
    const char *unit = len > 0 ? strchr(units, text[len - 1]) : NULL;
    uint64_t value;
    bool fits;

    if (unit != NULL) {
        len--;
    }
    if (!parse(text, len, 10, &value, &fits) || !fits) {
        return false;
    }
    if (unit != NULL) {
        uint64_t factor = UINT64_C(1024) << (10 * (unit - units));

        return !__builtin_mul_overflow(value, factor, bytes);
    }
    *bytes = value;
    return true;
}
