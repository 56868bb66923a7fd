/*
 * memtwin VERB ...: one program, one verb per job.
 *
 * What all verbs share is here: descriptors 0 to 2 are always open, and the
 * exit status is 0 only when standard output has arrived.  Options before the
 * verb are the program's own; all after it are the verb's.
 */
#include "config.h"

#include "memtwin/run.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *argp_program_version = PACKAGE_STRING;

static const struct verb {
    const char *name, *shown;
    enum outcome_code (*run)(int argc, char **argv);
} verbs[] = {
    { "run", "memtwin run", run_verb },
    { "record", "memtwin record", record_verb },
    { "compare", "memtwin compare", compare_verb },
    { "maps", "memtwin maps", maps_verb },
    { "quiz", "memtwin quiz", quiz_verb },
    { "walk", "memtwin walk", walk_verb },
};

static const char doc[] =
    "A kernel memory subsystem on two machines: a simulator in this process, "
    "and QEMU.\v"
    "Verbs:\n"
    "  run TRACE    replay the allocations of a real program and check every "
    "block\n"
    "  record -- PROGRAM... record a trace\n"
    "  compare TRACE... measure heaps and malloc() of others on traces\n"
    "  maps FILE... print the usable frames of memory maps\n"
    "  quiz         print exercises on page tables\n"
    "  walk ADDRESS... tell how an address is translated in a memory image\n\n"
    "'memtwin VERB --help' lists the options of a verb.\n\n"
    "Exit status: 0 all went well, 1 the run found something wrong, 2 bad "
    "input or usage, 77 this host cannot.";

static error_t parse(int key, char *word, struct argp_state *state) {
    const struct verb **chosen = state->input;

    if (key == ARGP_KEY_INIT) {
        state->err_stream = NULL; /* no second line "Try ..." */
        return 0;
    }
    if (key != ARGP_KEY_ARG) {
        return ARGP_ERR_UNKNOWN;
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verbs[i].name, word) == 0) {
            *chosen = &verbs[i];
            return 0;
        }
    }
    complain("'%s' is no verb; see 'memtwin --help'", word);
    return EINVAL;
}

/**
 * Fill closed descriptors 0 to 2, so that no file of ours gets their numbers;
 * each the wrong way round, so that who reads or writes there still fails.
 */
static void fill_descriptors(void) {
    int fd;

    for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) {
            _exit(EXIT_CANNOT);
        }
    }
}

/** At exit: output that did not arrive is no success, whatever was printed
 *  (argp prints --help and ends the program by itself). */
static void close_output(void) {
    bool lost = ferror(stdout) != 0;

    errno = 0;
    if (fflush(stdout) != 0 || lost || close(STDOUT_FILENO) != 0) {
        fprintf(stderr, "memtwin: standard output: %s\n",
                errno != 0 ? strerror(errno) : "what was written is lost");
        _exit(EXIT_WRONG);
    }
}

int main(int argc, char **argv) {
    static const struct argp argp = { NULL, parse, "VERB ...", doc,
                                      NULL, NULL,  NULL };
    static char buffer[1 << 16]; /* in use until exit() */
    const struct verb *verb = NULL;
    int first = 1;

    fill_descriptors();
    if (!isatty(STDOUT_FILENO)) {
        /* one write at the end, so that the reason why it fails is known */
        (void)setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
    }
    if (atexit(close_output) != 0) {
        return EXIT_CANNOT;
    }
    while (first < argc && argv[first][0] == '-') {
        first++;
    }
    argp_err_exit_status = EXIT_USAGE;
    if (argc > 0) {
        argv[0] = (char *)"memtwin";
    }
    if (argp_parse(&argp, first < argc ? first + 1 : argc, argv, ARGP_IN_ORDER,
                   NULL, &verb) != 0) {
        return EXIT_USAGE;
    }
    if (verb == NULL) {
        complain("no verb given; see 'memtwin --help'");
        return EXIT_USAGE;
    }
    argv[first] = (char *)verb->shown;
    return (int)verb->run(argc - first, argv + first);
}
