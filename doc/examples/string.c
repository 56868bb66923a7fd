/*
 * A string: a vector of bytes whose last one is 0, for whoever reads C strings.
 *
 *   [ h e l l o \0 . . ]      add "!":  the 0 gives way, and comes again
 */
#include "examples/owners.h"

#include "base/bytes.h"

#define DIGITS 20 /* of 2^64 - 1 */

struct string string_make(struct mm *mm) {
    return (struct string){ vector_make(mm, 1) };
}

size_t string_length(const struct string *string) {
    return string->bytes.count == 0 ? 0 : string->bytes.count - 1;
}

bool string_add(struct string *string, const char *text) {
    const size_t length = string_length(string), more = strlen(text);
    struct vector *bytes = &string->bytes;

    if (!vector_reserve(bytes, more + 1)) {
        return false;
    }
    bytes_copy(bytes->items + length, text, more + 1);
    bytes->count = length + more + 1;
    return true;
}

bool string_add_number(struct string *string, uint64_t number) {
    char digits[DIGITS + 1] = "", *first = &digits[DIGITS];

    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return string_add(string, first);
}

const char *string_text(const struct string *string) {
    const char *text = vector_at(&string->bytes, 0);

    return text != NULL ? text : "";
}

void string_drop(struct string *string) {
    vector_drop(&string->bytes);
}
