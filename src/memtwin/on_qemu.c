/*
 * The module in QEMU: a kernel booted with the module as its initrd.
 *
 *   memtwin --- module: an unlinked file, /dev/fd/3 -----> qemu -initrd
 *           <-- serial console and QEMU's own messages --- stdout, stderr
 *           <-- exit status: isa-debug-exit
 *
 * The file has no name, so nothing is left behind however the program ends; a
 * signal that ends it ends QEMU first.
 */
#include "memtwin/machines.h"

#include "memtwin/kernel_path.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULE_FD 3
/** What the machine needs beside the module: the first MiB, the load area. */
#define KERNEL_ROOM (5 * MIB)
#define SAID_MAX (UINT64_C(256) << 20) /* bytes; more is a runaway kernel */

extern char **environ;

/** For the signal handler. */
static volatile sig_atomic_t child;

static void die_with_child(int signal) {
    if (child != 0) {
        kill((pid_t)child, SIGKILL);
    }
    raise(signal); /* SA_RESETHAND: the default action now */
}

static void watch_signals(bool on) {
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = on ? die_with_child : SIG_DFL,
                                .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };
    size_t i;

    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaction(signals[i], &action, NULL);
    }
}

/** What QEMU runs with: descriptors 0 to 3 and nothing else of ours. */
static bool spawn(pid_t *pid, char **argv, int module, int console) {
    posix_spawn_file_actions_t actions;
    int error;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, console, 1);
    posix_spawn_file_actions_adddup2(&actions, console, 2);
    posix_spawn_file_actions_adddup2(&actions, module, MODULE_FD);
    error = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        complain("%s: %s; install QEMU (package qemu-system-x86) or run with "
                 "--on sim",
                 argv[0], strerror(error));
    }
    return error == 0;
}

static bool start(pid_t *pid, int *console, const char *kernel,
                  const struct run_options *o, int module) {
    char ram[32];
    char initrd[32];
    char *argv[] = { (char *)o->qemu,
                     "-kernel",
                     (char *)kernel,
                     "-initrd",
                     initrd,
                     "-m",
                     ram,
                     "-accel",
                     "tcg",
                     "-cpu",
                     "max",
                     "-display",
                     "none",
                     "-nodefaults",
                     "-no-reboot",
                     "-serial",
                     "stdio",
                     "-monitor",
                     "none",
                     "-device",
                     "isa-debug-exit,iobase=0xf4,iosize=4",
                     NULL };
    int ends[2];
    bool good;

    snprintf(ram, sizeof(ram), "%" PRIu64 "M", o->ram / MIB);
    snprintf(initrd, sizeof(initrd), "/dev/fd/%d", MODULE_FD);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        complain("pipe: %s", strerror(errno));
        return false;
    }
    good = spawn(pid, argv, module, ends[1]);
    close(ends[1]);
    *console = ends[0];
    if (!good) {
        close(ends[0]);
    }
    return good;
}

enum ending { ENDED, SILENT, RUNAWAY };

/** Take in all that the machine says. */
static enum ending hear(struct outcome *outcome, int console,
                        uint64_t patience) {
    struct pollfd waiting = { console, POLLIN, 0 };
    uint64_t said = 0;
    char buffer[4096];
    ssize_t got, i;

    while (true) {
        int ready = poll(&waiting, 1, (int)(patience * 1000));

        if (ready == 0) {
            return SILENT;
        }
        got = ready > 0 ? read(console, buffer, sizeof(buffer)) : -1;
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            outcome_char(outcome, '\n');
            return ENDED;
        }
        for (i = 0; i < got; i++) {
            outcome_char(outcome, buffer[i]);
        }
        said += (uint64_t)got;
        if (said > SAID_MAX) {
            return RUNAWAY;
        }
    }
}

static const char *last_words(const struct outcome *outcome) {
    return outcome->last_words[0] != '\0' ? outcome->last_words
                                          : "it said nothing";
}

/** The exit statuses of QEMU with isa-debug-exit: (code << 1) | 1. */
enum {
    QEMU_PASS = HW_EXIT_PASS << 1 | 1,
    QEMU_FAIL = HW_EXIT_FAIL << 1 | 1,
    QEMU_PANIC = HW_EXIT_PANIC << 1 | 1,
    QEMU_RESET = 0,
    QEMU_ERROR = 1
};

static enum outcome_code judge_exit(const struct outcome *outcome, int status) {
    uint64_t done = outcome->done;

    if ((status == QEMU_PASS || status == QEMU_FAIL) && outcome->has_verdict &&
        outcome->good == (status == QEMU_PASS)) {
        return EXIT_GOOD;
    }
    switch (status) {
    case QEMU_PASS:
    case QEMU_FAIL:
        complain("the kernel in QEMU ended early (exit status %d without a "
                 "matching verdict), after operation %" PRIu64 ": %s",
                 status, done, last_words(outcome));
        return EXIT_WRONG;
    case QEMU_PANIC:
        complain("the kernel in QEMU panicked after operation %" PRIu64 ": %s",
                 done, last_words(outcome));
        return EXIT_WRONG;
    case QEMU_RESET:
        complain("the processor in QEMU was reset (triple fault) after "
                 "operation %" PRIu64 ": %s",
                 done, last_words(outcome));
        return EXIT_WRONG;
    case QEMU_ERROR:
        complain("QEMU could not run: %s", last_words(outcome));
        return EXIT_CANNOT;
    default:
        complain("QEMU ended with the unexpected status %d after operation "
                 "%" PRIu64 ": %s",
                 status, done, last_words(outcome));
        return EXIT_WRONG;
    }
}

static enum outcome_code judge(const struct outcome *outcome,
                               enum ending ending, int status,
                               const struct run_options *o) {
    if (ending == SILENT) {
        complain("the kernel in QEMU hangs: silent for %" PRIu64
                 " s after operation %" PRIu64 "; stopped it",
                 o->patience, outcome->done);
        return EXIT_WRONG;
    }
    if (ending == RUNAWAY) {
        complain("the kernel in QEMU prints without end; stopped it");
        return EXIT_WRONG;
    }
    if (WIFSIGNALED(status)) {
        complain("QEMU was killed by signal %d", WTERMSIG(status));
        return EXIT_CANNOT;
    }
    return judge_exit(outcome, WEXITSTATUS(status));
}

/** An open file without a name that holds the module; NULL after a message. */
static FILE *module_file(const struct module *module) {
    FILE *file = tmpfile();

    if (file == NULL ||
        fwrite(module->header, 1, module->size, file) != module->size ||
        fflush(file) != 0) {
        complain("temporary file for the module: %s", strerror(errno));
        if (file != NULL) {
            fclose(file);
        }
        return NULL;
    }
    rewind(file);
    return file;
}

static enum outcome_code run_with(struct outcome *outcome, const char *kernel,
                                  const struct run_options *o, int module) {
    enum ending ending;
    int console, status = 0;
    pid_t pid;

    watch_signals(true);
    if (!start(&pid, &console, kernel, o, module)) {
        watch_signals(false);
        return EXIT_CANNOT;
    }
    child = pid;
    ending = hear(outcome, console, o->patience);
    close(console);
    if (ending != ENDED) {
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    child = 0;
    watch_signals(false);
    return judge(outcome, ending, status, o);
}

enum outcome_code run_on_qemu(struct outcome *outcome,
                              const struct run_options *o,
                              const struct module *module) {
    char kernel[KERNEL_PATH_MAX];
    enum outcome_code result = kernel_path(kernel, o->kernel);
    FILE *file;

    if (result != EXIT_GOOD) {
        return result;
    }
    if (module->size > o->ram - KERNEL_ROOM) {
        complain("a module of %zu bytes does not fit beside the kernel in "
                 "%" PRIu64 " MiB of RAM; give the machine more with --ram",
                 module->size, o->ram / MIB);
        return EXIT_USAGE;
    }
    file = module_file(module);
    if (file == NULL) {
        return EXIT_CANNOT;
    }
    result = run_with(outcome, kernel, o, fileno(file));
    fclose(file);
    return result;
}
