/*
 * memtwin record: run a program and write what it asks of its allocator.
 *
 *   memtwin record -- PROGRAM ...
 *       |  fork, exec with LD_PRELOAD=memtwin-record.so
 *       |        PROGRAM ---- calls ----> a temporary file
 *       v  wait                               |
 *   PROGRAM.trace.xz  <-- trace_write() <-- trace_of_calls()
 *
 * The program keeps its terminal, its input and its output.
 */
#include "memtwin/run.h"

#include "memtwin/kernel_path.h"
#include "memtwin/program.h"
#include "memtwin/record.h"
#include "program/number.h"
#include "program/scratch.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPS_DEFAULT UINT64_C(500000)
#define CANNOT_START 127

struct record_options {
    const char *output; /* NULL: after the program's name */
    uint64_t ops;
    char **program;
};

static const struct argp_option option_table[] = {
    { "output", 'o', "FILE", 0,
      "The trace; xz-compressed when FILE ends in .xz (PROGRAM.trace.xz)", 1 },
    { "ops", 'n', "N", 0,
      "Stop recording after N calls (500000); the program goes on", 1 },
    { 0 }
};

static const char doc[] =
    "Run PROGRAM and write its calls of malloc(), free() and their like to a "
    "trace that 'memtwin run' replays.\v"
    "PROGRAM must be linked to the C library dynamically.  All its threads are "
    "recorded, in the order in which the calls took effect; its child "
    "processes "
    "are not.  Blocks that are live at the end are freed there, oldest first.";

static error_t parse(int key, char *value, struct argp_state *state) {
    struct record_options *o = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->err_stream = NULL; /* no second line "Try ..." */
        return 0;
    case 'o':
        o->output = value;
        return 0;
    case 'n':
        if (!number_parse(value, strlen(value), &o->ops) || o->ops == 0 ||
            o->ops > REPLAY_OPS_MAX) {
            complain("--ops: '%s' is not right; right would be a number from 1 "
                     "to %" PRIu64,
                     value, (uint64_t)REPLAY_OPS_MAX);
            return EINVAL;
        }
        return 0;
    case ARGP_KEY_ARGS:
        o->program = state->argv + state->next;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* --- the program ---------------------------------------------------------- */

/** In the child: become the program, with the recorder in front. */
_Noreturn static void become(const struct record_options *o,
                             const char *recorder, const char *calls) {
    const char *before = getenv("LD_PRELOAD");
    char preload[2 * KERNEL_PATH_MAX], process[24], most[24];

    snprintf(preload, sizeof(preload), "%s%s%s", recorder,
             before != NULL ? ":" : "", before != NULL ? before : "");
    snprintf(process, sizeof(process), "%ld", (long)getpid());
    /* One more for the start. */
    snprintf(most, sizeof(most), "%" PRIu64, o->ops + 1);
    if (setenv("LD_PRELOAD", preload, 1) == 0 &&
        setenv(CALLS_FILE, calls, 1) == 0 &&
        setenv(CALLS_PROCESS, process, 1) == 0 &&
        setenv(CALLS_MOST, most, 1) == 0) {
        execvp(o->program[0], o->program);
    }
    complain("%s: %s", o->program[0], strerror(errno));
    _exit(CANNOT_START);
}

/** What becomes of an end that is not a plain exit(0): a line, no error. */
static void tell_end(const char *program, int status) {
    if (WIFSIGNALED(status)) {
        complain(
            "%s was ended by signal %d; what it did until then is recorded",
            program, WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        complain("%s ended with status %d", program, WEXITSTATUS(status));
    }
}

static enum outcome_code run_program(const struct record_options *o,
                                     const char *recorder, const char *calls) {
    void (*on_int)(int) = signal(SIGINT, SIG_IGN); /* that is the program's */
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        signal(SIGINT, on_int);
        become(o, recorder, calls);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    signal(SIGINT, on_int);
    if (child < 0) {
        complain("%s cannot be started: %s", o->program[0], strerror(errno));
        return EXIT_CANNOT;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_START) {
        return EXIT_USAGE; /* the child has said why */
    }
    tell_end(o->program[0], status);
    return EXIT_GOOD;
}

/* --- the trace ------------------------------------------------------------ */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static bool write_trace(const struct record_options *o, struct trace *trace) {
    char path[KERNEL_PATH_MAX];
    const char *output = o->output;

    if (output == NULL) {
        snprintf(path, sizeof(path), "%s.trace.xz", base_name(o->program[0]));
        output = path;
    }
    if (trace->op_count == 0) {
        complain("%s made no call that could be recorded; it must be linked to "
                 "the C library dynamically",
                 o->program[0]);
        return false;
    }
    if (!trace_write(trace, output)) {
        return false;
    }
    printf("%s: %" PRIu64 " operations, %" PRIu64
           " of them frees of what was live at the end\n",
           output, trace->op_count, trace->op_count - trace->lines);
    return true;
}

static enum outcome_code make_trace(const struct record_options *o, int file) {
    struct trace trace = { .path = o->program[0] };
    struct stat seen;
    enum outcome_code code = EXIT_WRONG;
    void *calls = NULL;
    size_t len;

    if (fstat(file, &seen) != 0) {
        complain("the calls cannot be read: %s", strerror(errno));
        return EXIT_CANNOT;
    }
    len = (size_t)seen.st_size;
    if (len > 0) {
        calls = mmap(NULL, len, PROT_READ, MAP_PRIVATE, file, 0);
        if (calls == MAP_FAILED) {
            complain("the calls cannot be read: %s", strerror(errno));
            return EXIT_CANNOT;
        }
    }
    snprintf(trace.name, sizeof(trace.name), "%s", base_name(o->program[0]));
    if (trace_of_calls(&trace, calls, len / sizeof(struct call)) &&
        write_trace(o, &trace)) {
        code = EXIT_GOOD;
    }
    trace_destroy(&trace);
    if (calls != NULL) {
        munmap(calls, len);
    }
    return code;
}

enum outcome_code record_verb(int argc, char **argv) {
    static const struct argp argp = {
        option_table, parse, "-- PROGRAM [ARGUMENT...]", doc, NULL, NULL, NULL
    };
    struct record_options o = { .ops = OPS_DEFAULT };
    char recorder[KERNEL_PATH_MAX], calls[SCRATCH_PATH];
    enum outcome_code code;
    int file;

    if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &o) != 0) {
        return EXIT_USAGE;
    }
    if (o.program == NULL) {
        complain("record: no program given; see 'memtwin record --help'");
        return EXIT_USAGE;
    }
    if (!program_can_be_recorded(o.program[0])) {
        return EXIT_USAGE;
    }
    code = helper_path(recorder, "memtwin-record.so");
    if (code != EXIT_GOOD) {
        return code;
    }
    file = scratch_file(calls, "memtwin-calls");
    if (file < 0) {
        return EXIT_CANNOT;
    }
    code = run_program(&o, recorder, calls);
    if (code == EXIT_GOOD) {
        code = make_trace(&o, file);
    }
    close(file);
    unlink(calls);
    return code;
}
