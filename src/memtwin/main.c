/*
 * memtwin VERB ...: one program, one verb per job.
 *
 * Options before the verb are the program's own; all after it are the verb's.
 */
#include "config.h"

#include "memtwin/run.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *argp_program_version = PACKAGE_STRING;

static const struct verb {
    const char *name, *shown;
    enum outcome_code (*run)(int argc, char **argv);
} verbs[] = {
    { "run", "memtwin run", run_verb },
};

static const char doc[] =
    "A kernel memory subsystem on two machines: a simulator in this process, "
    "and QEMU.\v"
    "Verbs:\n"
    "  run TRACE   replay the allocations of a real program and check every "
    "block\n\n"
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

int main(int argc, char **argv) {
    static const struct argp argp = { NULL, parse, "VERB ...", doc,
                                      NULL, NULL,  NULL };
    const struct verb *verb = NULL;
    int first = 1;

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
