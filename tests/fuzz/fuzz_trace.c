/*
 * Traces: any bytes, text or xz, read and cut.
 *
 * A file that is refused is refused in one line of plain characters, with its
 * name in front.  One that is read makes sense to a second opinion: a block is
 * allocated before it is freed, once, and all are freed in the end; the same
 * after the trace was cut anywhere.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "memtwin/trace.h"

const char fuzz_name[] = "trace";
const unsigned fuzz_inputs = 2000;

/* --- instead of say.c: messages are kept -------------------------------- */

static char said[2000];
static unsigned times_said;

static void keep(const char *path, const char *format, va_list args) {
    size_t used = 0;

    if (path != NULL) {
        used = (size_t)snprintf(said, sizeof(said), "%s:", path);
    }
    vsnprintf(said + used, sizeof(said) - used, format, args);
    times_said++;
}

void complain(const char *format, ...) {
    va_list args;

    va_start(args, format);
    keep(NULL, format, args);
    va_end(args);
}

bool complain_at(struct place at, const char *format, ...) {
    va_list args;

    va_start(args, format);
    keep(at.path, format, args);
    va_end(args);
    return false;
}

static void check_message(const char *path) {
    size_t len = strlen(said);

    if (times_said != 1 || strncmp(said, path, strlen(path)) != 0 ||
        len > 400) {
        fuzz_fail("refused by %u messages, the last: '%s'", times_said, said);
    }
    for (size_t i = 0; i < len; i++) {
        if (said[i] < ' ' || said[i] > '~') {
            fuzz_fail("byte %zu of the message is 0x%02x", i,
                      (unsigned)(unsigned char)said[i]);
        }
    }
}

/* --- a trace that was read ---------------------------------------------- */

static void check_sense(const struct trace *t) {
    bool *live = calloc(t->id_count + 1, sizeof(*live));
    uint64_t count = 0;

    for (uint64_t i = 0; live != NULL && i < t->op_count; i++) {
        const struct replay_op *op = &t->ops[i];
        bool makes = op->kind == REPLAY_ALLOC || op->kind == REPLAY_ZEROED ||
                     op->kind == REPLAY_ALIGNED;

        if (op->id >= t->id_count || op->kind >= REPLAY_KIND_COUNT ||
            op->size > REPLAY_SIZE_MAX || live[op->id] == makes) {
            fuzz_fail("operation %llu makes no sense", (unsigned long long)i);
        }
        if (op->kind != REPLAY_REALLOC) {
            live[op->id] = makes;
            count = makes ? count + 1 : count - 1;
        }
    }
    if (count != 0) {
        fuzz_fail("%llu blocks are live at the end", (unsigned long long)count);
    }
    free(live);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    int fd = memfd_create("trace", 0);
    struct trace trace;
    char path[40];

    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size) {
        fuzz_fail("no file for the input");
    }
    snprintf(path, sizeof(path), "/dev/fd/%d", fd);
    times_said = 0;
    if (!trace_read(&trace, path)) {
        check_message(path);
    } else {
        check_sense(&trace);
        if (trace.op_count > 1) {
            uint64_t at = 1 + bytes[size / 2] % (trace.op_count - 1);

            if (!trace_cut(&trace, at)) {
                fuzz_fail("cannot be cut after %llu: %s",
                          (unsigned long long)at, said);
            }
            check_sense(&trace);
        }
        if (times_said != 0) {
            fuzz_fail("a good trace, but: %s", said);
        }
        trace_destroy(&trace);
    }
    close(fd);
    return 0;
}
