/*
 * Reading a memory map: a line at a time, strictly, so that a digit lost in
 * copying is an error and not another machine.
 *
 *   0000000000100000 0000000007fdffff 1 # usable
 *   first byte       last byte        type
 */
#include "sim/mapfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fmt.h"

#define ADDRESS_DIGITS 16
#define LINE_SIZE 4096 /* a longer one is no map's */

/** Where the reader is, and where a complaint goes. */
struct reader {
    const char *path;
    unsigned long line;
    char *why;
    size_t why_size;
};

static bool complain(struct reader *r, const char *what) {
    fmt_format(r->why, r->why_size, "%s:%lu: %s", r->path, r->line, what);
    return false;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *skip_blanks(const char *s) {
    while (is_blank(*s)) {
        s++;
    }
    return s;
}

static bool ends_word(char c) {
    return c == '\0' || c == '#' || is_blank(c);
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/** A word of exactly 16 hexadecimal digits.  @return what follows it, or NULL
 */
static const char *parse_address(const char *s, uint64_t *value) {
    *value = 0;
    for (unsigned i = 0; i < ADDRESS_DIGITS; i++) {
        int digit = hex_digit(s[i]);

        if (digit < 0) {
            return NULL;
        }
        *value = *value << 4 | (uint64_t)digit;
    }
    return ends_word(s[ADDRESS_DIGITS]) ? s + ADDRESS_DIGITS : NULL;
}

/** A decimal word of 32 bits.  @return what follows it, or NULL */
static const char *parse_type(const char *s, uint32_t *type) {
    uint64_t value = 0;
    const char *start = s;

    while (*s >= '0' && *s <= '9' && value <= UINT32_MAX) {
        value = value * 10 + (uint64_t)(*s++ - '0');
    }
    *type = (uint32_t)value;
    return s != start && value <= UINT32_MAX && ends_word(*s) ? s : NULL;
}

/** @first .. @last inclusive; @last = @first - 1 is the empty range. */
static bool make_range(struct reader *r, uint64_t first, uint64_t last,
                       struct prange *range) {
    uint64_t len = last - first + 1;

    if (first == 0 && last == UINT64_MAX) {
        return complain(r, "the range is the whole address space; the end "
                           "should be lower");
    }
    if (last < first && len != 0) {
        return complain(r, "the end lies before the start; it should be the "
                           "last byte, or start - 1 for an empty range");
    }
    *range = (struct prange){ paddr(first), len };
    return true;
}

static bool parse_entry(struct reader *r, const char *s,
                        struct memmap_entry *entry) {
    uint64_t first, last;

    s = parse_address(s, &first);
    if (s == NULL) {
        return complain(r, "the start is no address; it should be 16 "
                           "hexadecimal digits");
    }
    s = parse_address(skip_blanks(s), &last);
    if (s == NULL) {
        return complain(r, "the end is no address; it should be 16 "
                           "hexadecimal digits");
    }
    s = skip_blanks(s);
    if (*s == '\0' || *s == '#') {
        return complain(r, "the type is missing; it should be a decimal "
                           "number, 1 for usable");
    }
    s = parse_type(s, &entry->type);
    if (s == NULL) {
        return complain(r, "the type is no number of 32 bits; it should be "
                           "decimal, 1 for usable");
    }
    s = skip_blanks(s);
    if (*s != '\0' && *s != '#') {
        return complain(r, "something follows the type; only a # comment "
                           "should");
    }
    return make_range(r, first, last, &entry->range);
}

/** Append to the map; its capacity is the power of two from its count up. */
static bool append(struct reader *r, struct mapfile *map,
                   struct memmap_entry entry) {
    struct memmap_entry *grown;

    if (map->count == MAPFILE_ENTRIES_MAX) {
        return complain(r, "too many entries; there should be at most 4096");
    }
    if ((map->count & (map->count - 1)) == 0) {
        size_t room = map->count == 0 ? 1 : 2 * map->count;

        grown = realloc(map->entries, room * sizeof(*grown));
        if (grown == NULL) {
            return complain(r, "no memory left for the map");
        }
        map->entries = grown;
    }
    map->entries[map->count++] = entry;
    return true;
}

/** The next line, without its end, or the first LINE_SIZE - 1 bytes of it.
 *  @return false: the file has ended, or cannot be read */
static bool next_line(FILE *in, char *text, size_t *len) {
    int c = getc(in);

    *len = 0;
    if (c == EOF) {
        return false;
    }
    while (c != EOF && c != '\n' && *len < LINE_SIZE - 1) {
        text[(*len)++] = (char)c;
        c = getc(in);
    }
    text[*len] = '\0';
    return true;
}

static bool read_lines(struct reader *r, FILE *in, struct mapfile *map) {
    char text[LINE_SIZE];
    size_t len;
    bool good = true;

    errno = 0;
    while (good && next_line(in, text, &len)) {
        const char *s = skip_blanks(text);
        struct memmap_entry entry = { .type = 0 };

        r->line++;
        if (strlen(text) != len) {
            good = complain(r, "a zero byte; the file should be text");
        } else if (len == LINE_SIZE - 1) {
            good = complain(r, "a line without an end; it should have at most "
                               "4094 characters");
        } else if (*s != '\0' && *s != '#') {
            good = parse_entry(r, s, &entry) && append(r, map, entry);
        }
    }
    if (good && ferror(in)) {
        fmt_format(r->why, r->why_size,
                   "%s:%lu: cannot be read: %s; it should be a text file",
                   r->path, r->line + 1, strerror(errno));
        good = false;
    }
    return good;
}

static bool check_whole(struct reader *r, const struct mapfile *map) {
    r->line += r->line == 0;
    if (map->count == 0) {
        return complain(r, "the map ends without an entry; there should be "
                           "lines of start, end, type");
    }
    for (size_t i = 0; i < map->count; i++) {
        if (map->entries[i].type == MEMMAP_USABLE &&
            map->entries[i].range.len != 0) {
            return true;
        }
    }
    return complain(r, "the map ends without usable memory; there should be "
                       "an entry of type 1");
}

bool mapfile_read(struct mapfile *map, const char *path, char *why,
                  size_t why_size) {
    struct reader r = { path, 0, why, why_size };
    FILE *in = fopen(path, "r");
    bool good;

    *map = (struct mapfile){ NULL, 0 };
    if (in == NULL) {
        fmt_format(why, why_size,
                   "%s: cannot be opened: %s; it should be a readable "
                   "memory map",
                   path, strerror(errno));
        return false;
    }
    good = read_lines(&r, in, map) && check_whole(&r, map);
    fclose(in);
    if (!good) {
        mapfile_destroy(map);
    }
    return good;
}

void mapfile_destroy(struct mapfile *map) {
    free(map->entries);
    *map = (struct mapfile){ NULL, 0 };
}
