/*
 * The command line of memtwin-grade.
 */
#include "config.h"

#include "grade/options.h"

#include <argp.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "grade/export.h"
#include "program/number.h"
#include "program/say.h"

const char *argp_program_version = "memtwin-grade " PACKAGE_VERSION;

enum key {
    KEY_STUDENT = 256,
    KEY_SALT,
    KEY_WEIGHTS,
    KEY_ONLY,
    KEY_FORMAT,
    KEY_OUTPUT,
    KEY_JOBS,
    KEY_KIT,
    KEY_LABS,
    KEY_COMPILER,
    KEY_DEBUG
};

static const struct argp_option table[] = {
    { "student", KEY_STUDENT, "NAME", 0, "whose submission it is", 0 },
    { "salt-file", KEY_SALT, "FILE", 0,
      "a secret of the assignment; with the student's name it makes the seeds",
      0 },
    { "weights", KEY_WEIGHTS, "FILE", 0, "what tests are worth (the lab's)",
      0 },
    { "only", KEY_ONLY, "TEST", 0,
      "this test alone; the exit status is 1 unless it passes", 0 },
    { "format", KEY_FORMAT, "NAME", 0,
      "text, json, tap, gradescope, classroom50, classroom50-tests, github, "
      "summary, junit, csv (text); classroom50-tests is of the lab alone, "
      "without a SUBMISSION",
      0 },
    { "output", KEY_OUTPUT, "FILE", 0, "write there (standard output)", 0 },
    { "jobs", KEY_JOBS, "N", 0,
      "SUBMISSION is a folder of submissions; grade N at a time", 0 },
    { "debug", KEY_DEBUG, "TEST", 0,
      "run this test under gdb, in one process with the submission; without a "
      "terminal, print the command",
      0 },
    { "labs", KEY_LABS, "FOLDER", 0, "where the labs are (as installed)", 0 },
    { "kit", KEY_KIT, "FOLDER", 0,
      "what submissions are built with (as installed)", 0 },
    { "cc", KEY_COMPILER, "PROGRAM", 0, "the compiler (gcc)", 0 },
    { 0 }
};

static error_t parse_jobs(struct options *o, const char *value) {
    uint64_t n;

    if (!number_parse(value, strlen(value), &n) || n < 1 || n > 256) {
        complain("--jobs is a number from 1 to 256, not '%s'", value);
        return EINVAL;
    }
    o->jobs = (unsigned)n;
    return 0;
}

static error_t parse_word(struct options *o, const char *word) {
    if (o->lab == NULL) {
        o->lab = word;
    } else if (o->submission == NULL) {
        o->submission = word;
    } else {
        complain("a lab and a submission; '%s' is one word too many", word);
        return EINVAL;
    }
    return 0;
}

static error_t parse(int key, char *value, struct argp_state *state) {
    struct options *o = state->input;
    const char **texts[] = {
        [KEY_STUDENT - KEY_STUDENT] = &o->student,
        [KEY_SALT - KEY_STUDENT] = &o->salt_file,
        [KEY_WEIGHTS - KEY_STUDENT] = &o->weights,
        [KEY_ONLY - KEY_STUDENT] = &o->only,
        [KEY_FORMAT - KEY_STUDENT] = &o->format,
        [KEY_OUTPUT - KEY_STUDENT] = &o->output,
        [KEY_JOBS - KEY_STUDENT] = NULL,
        [KEY_KIT - KEY_STUDENT] = &o->kit,
        [KEY_LABS - KEY_STUDENT] = &o->labs,
        [KEY_COMPILER - KEY_STUDENT] = &o->compiler,
        [KEY_DEBUG - KEY_STUDENT] = &o->debug,
    };

    switch (key) {
    case ARGP_KEY_INIT:
        state->err_stream = NULL; /* no second line "Try ..." */
        return 0;
    case ARGP_KEY_ARG:
        return parse_word(o, value);
    case KEY_JOBS:
        return parse_jobs(o, value);
    default:
        if (key < KEY_STUDENT || key > KEY_DEBUG) {
            return ARGP_ERR_UNKNOWN;
        }
        *texts[key - KEY_STUDENT] = value;
        return 0;
    }
}

/* --- kit and labs --------------------------------------------------------- */

static const struct own_folders kit_folders = { "", "../libexec/memtwin",
                                                PKGLIBEXECDIR };

/** @path without its last @name, which is there. */
static const char *folder_of(char *path, const char *name) {
    path[strlen(path) - strlen(name) - 1] = '\0';
    return path;
}

static bool find_kit(struct options *o) {
    if (o->kit != NULL) {
        return true;
    }
    if (!own_file(o->kit_path, &kit_folders, "kit/stamp")) {
        complain(
            "no kit to build with: neither beside this program, nor in "
            "../libexec/memtwin from there, nor in %s; name one with --kit",
            PKGLIBEXECDIR);
        return false;
    }
    o->kit = folder_of(o->kit_path, "stamp");
    return true;
}

/** In a build tree those of its sources; else as they were installed. */
static bool find_labs(struct options *o) {
    static const struct own_folders folders = { "", "../share/memtwin",
                                                PKGDATADIR };
    static const char marker[] = "labs/1-frames/lab.conf";
    char built[OWN_FILE_MAX];

    if (o->labs != NULL) {
        return true;
    }
    if (own_file(built, &(struct own_folders){ "", "", "" }, "kit/stamp") &&
        access(SOURCE_FOLDER "/labs/1-frames", R_OK) == 0) {
        o->labs = SOURCE_FOLDER "/labs";
        return true;
    }
    if (!own_file(o->labs_path, &folders, marker)) {
        complain("no labs: neither in ../share/memtwin from this program, nor "
                 "in %s; name their folder with --labs",
                 PKGDATADIR);
        return false;
    }
    o->labs = folder_of(o->labs_path, "1-frames/lab.conf");
    return true;
}

bool options_parse(struct options *options, int argc, char **argv) {
    static const struct argp argp = {
        table,
        parse,
        "LAB SUBMISSION",
        "Grade a submission of a lab: build it, run every test in a process of "
        "its own, write the result.\v"
        "LAB is a folder, or the name or number of one; SUBMISSION is a folder "
        "with the files that the student hands in.\n\n"
        "Exit status: 0 a result was written, 1 with --only: that test did "
        "not pass, 2 bad input or usage, 77 this host cannot.",
        NULL,
        NULL,
        NULL
    };

    *options =
        (struct options){ .compiler = "gcc", .student = "", .format = "text" };
    argp_err_exit_status = EXIT_USAGE;
    if (argc > 0) {
        argv[0] = (char *)"memtwin-grade";
    }
    if (argp_parse(&argp, argc, argv, 0, NULL, options) != 0) {
        return false;
    }
    if (options->lab == NULL ||
        (options->submission == NULL &&
         lab_exporter_by_name(options->format) == NULL)) {
        complain("a lab and a submission are wanted; see --help");
        return false;
    }
    return find_kit(options) && find_labs(options);
}
