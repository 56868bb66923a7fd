/*
 * Files to text.  What a file is, its first bytes say, not its name:
 *
 *   fd 37 7a 58 5a 00 ...   xz: unpacked
 *   anything else           text as it stands
 *
 * Packed data are read to their end before anybody looks at the text: damage is
 * often noticed last, by a checksum, and wrong text before it would be blamed
 * on the trace.  How far they may unpack is limited by their size, so that a
 * small file cannot take all memory:
 *
 *   text <= 16 MiB + 256 * packed        real traces shrink to 1/10 .. 1/30
 */
#include "memtwin/text.h"

#include "program/say.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#define XZ_MEMORY_MAX (UINT64_C(256) << 20)
#define XZ_RATIO_MAX 256
#define XZ_TEXT_MIN ((size_t)16 << 20) /* allowed whatever the ratio */

static const unsigned char xz_magic[6] = { 0xfd, '7', 'z', 'X', 'Z', 0 };

/** Room for at least one more byte. */
static bool grow(struct text *text, size_t *room, const char *path) {
    size_t more = *room == 0 ? 65536 : *room * 2;
    char *bytes;

    if (*room >= TEXT_MAX) {
        return complain_at((struct place){ path, 0 },
                           "larger than 1 GiB; this is no trace");
    }
    bytes = realloc(text->bytes, more);
    if (bytes == NULL) {
        return complain_at((struct place){ path, 0 },
                           "no memory for %zu bytes of it", more);
    }
    text->bytes = bytes;
    *room = more;
    return true;
}

static bool read_file(struct text *raw, const char *path) {
    FILE *file = fopen(path, "rb");
    size_t room = 0;
    bool good = true;

    if (file == NULL) {
        return complain_at((struct place){ path, 0 }, "%s", strerror(errno));
    }
    while (good && !feof(file)) {
        good = raw->len < room || grow(raw, &room, path);
        if (good) {
            raw->len += fread(raw->bytes + raw->len, 1, room - raw->len, file);
            if (ferror(file)) {
                good = complain_at((struct place){ path, 0 }, "%s",
                                   strerror(errno));
            }
        }
    }
    fclose(file);
    return good;
}

/** What the decoder's last word means for the text; NULL: all is well. */
static const char *damage_of(lzma_ret ret) {
    switch (ret) {
    case LZMA_STREAM_END:
        return NULL;
    case LZMA_BUF_ERROR:
        return "the xz data end too early; the file is cut short";
    case LZMA_MEMLIMIT_ERROR:
        return "the xz data need more than 256 MiB to unpack";
    case LZMA_MEM_ERROR:
        return "no memory to unpack the xz data";
    case LZMA_OPTIONS_ERROR:
        return "the xz data use a filter that is not supported";
    default:
        return "the xz data are corrupt";
    }
}

/** The line that the text breaks off in. */
static unsigned long last_line(const struct text *text) {
    unsigned long line = 1;
    size_t i;

    for (i = 0; i < text->len; i++) {
        line += text->bytes[i] == '\n';
    }
    return line;
}

static size_t unpacked_max(const struct text *packed) {
    return packed->len < (TEXT_MAX - XZ_TEXT_MIN) / XZ_RATIO_MAX
               ? XZ_TEXT_MIN + packed->len * XZ_RATIO_MAX
               : TEXT_MAX;
}

/** @return whether the decoder came to a good end; else after a message */
static bool unpacked(const struct text *text, lzma_ret ret, const char *path) {
    const char *damage = damage_of(ret);

    if (damage == NULL) {
        return true;
    }
    /* A cut leaves good text; after other damage no line can be trusted. */
    return complain_at(
        (struct place){ path, ret == LZMA_BUF_ERROR ? last_line(text) : 0 },
        "%s", damage);
}

static bool unpack(struct text *text, const struct text *packed,
                   const char *path) {
    const size_t max = unpacked_max(packed);
    lzma_stream stream = LZMA_STREAM_INIT;
    lzma_ret ret =
        lzma_stream_decoder(&stream, XZ_MEMORY_MAX, LZMA_CONCATENATED);
    size_t room = 0;
    bool good = true;

    stream.next_in = (const uint8_t *)packed->bytes;
    stream.avail_in = packed->len;
    while (ret == LZMA_OK) {
        good = text->len < room || grow(text, &room, path);
        if (!good) {
            break;
        }
        stream.next_out = (uint8_t *)text->bytes + text->len;
        stream.avail_out = room - text->len;
        ret = lzma_code(&stream, LZMA_FINISH);
        text->len = room - stream.avail_out;
        if (text->len > max) {
            good = complain_at((struct place){ path, 0 },
                               "%zu bytes of xz data unpack to more than %zu; "
                               "a trace that shrinks so well can be given "
                               "unpacked",
                               packed->len, max);
            break;
        }
    }
    lzma_end(&stream);
    return good && unpacked(text, ret, path);
}

static bool is_xz(const struct text *raw) {
    return raw->len >= sizeof(xz_magic) &&
           memcmp(raw->bytes, xz_magic, sizeof(xz_magic)) == 0;
}

bool text_read(struct text *text, const char *path) {
    struct text raw = { NULL, 0 };
    bool good = read_file(&raw, path);

    *text = (struct text){ NULL, 0 };
    if (good && !is_xz(&raw)) {
        *text = raw;
        return true;
    }
    if (good) {
        good = unpack(text, &raw, path);
    }
    text_destroy(&raw);
    if (!good) {
        text_destroy(text);
    }
    return good;
}

void text_destroy(struct text *text) {
    free(text->bytes);
    *text = (struct text){ NULL, 0 };
}
