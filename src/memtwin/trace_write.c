/*
 * A trace as the text that trace_read.c reads.  What the header claims is
 * counted by the same code that checks it there.
 */
#include "memtwin/record.h"

#include <errno.h>
#include <inttypes.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XZ_LEVEL 9

static void print_op(FILE *out, const struct replay_op *op) {
    switch (op->kind) {
    case REPLAY_FREE:
        fprintf(out, "f %" PRIu32 "\n", op->id);
        break;
    case REPLAY_ALIGNED:
        fprintf(out, "m %" PRIu32 " %" PRIu64 " %" PRIu64 "\n", op->id,
                UINT64_C(1) << op->align_shift, (uint64_t)op->size);
        break;
    default:
        fprintf(out, "%c %" PRIu32 " %" PRIu64 "\n",
                op->kind == REPLAY_ALLOC    ? 'a'
                : op->kind == REPLAY_ZEROED ? 'z'
                                            : 'r',
                op->id, (uint64_t)op->size);
    }
}

static void print_trace(FILE *out, const struct trace *trace,
                        const struct trace_check *sums) {
    fprintf(out, "# recorded by memtwin record\nktrace 1\n");
    if (trace->name[0] != '\0') {
        fprintf(out, "name %s\n", trace->name);
    }
    fprintf(out,
            "ops %" PRIu64 "\nids %" PRIu64 "\npeak %" PRIu64 "\npeakn %" PRIu64
            "\ntail %" PRIu64 "\nbegin\n",
            trace->op_count, trace->id_count, sums->peak_bytes,
            sums->peak_blocks, trace->op_count - trace->lines);
    for (uint64_t n = 0; n < trace->op_count; n++) {
        print_op(out, &trace->ops[n]);
    }
}

/** The whole text, malloc()ed; NULL: no memory. */
static char *text_of(const struct trace *trace, size_t *len) {
    const struct place nowhere = { "the recording", 0 };
    struct trace_check sums;
    char *text = NULL;
    FILE *out;
    bool good = trace_check_begin(&sums, trace->id_count, nowhere);

    for (uint64_t n = 0; good && n < trace->op_count; n++) {
        good = trace_check_op(&sums, &trace->ops[n], nowhere);
    }
    out = good ? open_memstream(&text, len) : NULL;
    if (out != NULL) {
        print_trace(out, trace, &sums);
        good = ferror(out) == 0;
        if (fclose(out) != 0 || !good) {
            free(text);
            text = NULL;
        }
    }
    trace_check_destroy(&sums);
    return text;
}

/** @text packed, in its place; false: no memory. */
static bool pack(char **text, size_t *len) {
    const size_t room = lzma_stream_buffer_bound(*len);
    uint8_t *packed = malloc(room);
    size_t used = 0;

    if (packed == NULL ||
        lzma_easy_buffer_encode(XZ_LEVEL, LZMA_CHECK_CRC64, NULL,
                                (const uint8_t *)*text, *len, packed, &used,
                                room) != LZMA_OK) {
        free(packed);
        return false;
    }
    free(*text);
    *text = (char *)packed;
    *len = used;
    return true;
}

static bool write_file(const char *path, const char *bytes, size_t len) {
    FILE *file = fopen(path, "wb");
    bool good;

    if (file == NULL) {
        return complain_at((struct place){ path, 0 }, "%s", strerror(errno));
    }
    good = fwrite(bytes, 1, len, file) == len;
    if (fclose(file) != 0 || !good) {
        complain_at((struct place){ path, 0 }, "%s", strerror(errno));
        unlink(path);
        return false;
    }
    return true;
}

bool trace_write(const struct trace *trace, const char *path) {
    const size_t name = strlen(path);
    const bool packed = name > 3 && strcmp(path + name - 3, ".xz") == 0;
    size_t len = 0;
    char *text = text_of(trace, &len);
    bool good = text != NULL && (!packed || pack(&text, &len));

    if (!good) {
        complain_at((struct place){ path, 0 }, "no memory for the trace");
    } else {
        good = write_file(path, text, len);
    }
    free(text);
    return good;
}
