/*
 * The module in QEMU: a kernel booted with the module as its initrd, or an ISO
 * image that has both.
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
#include "memtwin/stopped.h"

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

#define SIGNALS 3
static const int signals[SIGNALS] = { SIGINT, SIGTERM, SIGHUP };

/** What the signals did before; and which are held back meanwhile. */
struct watch {
    struct sigaction before[SIGNALS];
    sigset_t mask;
};

/** Hold the signals back: who dies between the birth of QEMU and the moment its
 *  number is known would leave it running. */
static void hold_signals(struct watch *w) {
    sigset_t set;
    size_t i;

    sigemptyset(&set);
    for (i = 0; i < SIGNALS; i++) {
        sigaddset(&set, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &set, &w->mask);
}

static void let_signals_come(const struct watch *w) {
    sigprocmask(SIG_SETMASK, &w->mask, NULL);
}

/** From now on a signal ends QEMU first; one that is ignored (nohup) stays so.
 */
static void watch_signals(struct watch *w) {
    struct sigaction action = { .sa_handler = die_with_child,
                                .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };
    size_t i;

    for (i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], NULL, &w->before[i]);
        if (w->before[i].sa_handler != SIG_IGN) {
            sigaction(signals[i], &action, NULL);
        }
    }
}

static void unwatch_signals(const struct watch *w) {
    size_t i;

    for (i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &w->before[i], NULL);
    }
}

/** What QEMU runs with: descriptors 0 to 3 and nothing else of ours, and the
 *  signals that were held back before. */
static bool spawn(pid_t *pid, char **argv, int module, int console,
                  const sigset_t *mask) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error;

    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, mask);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, console, 1);
    posix_spawn_file_actions_adddup2(&actions, console, 2);
    posix_spawn_file_actions_adddup2(&actions, module, MODULE_FD);
    error = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) {
        complain("%s: %s; install QEMU (package qemu-system-x86) or run with "
                 "--on sim",
                 argv[0], strerror(error));
    }
    return error == 0;
}

static bool start(pid_t *pid, int *console, const char *kernel,
                  const struct run_options *o, int module,
                  const sigset_t *mask) {
    char ram[32];
    char initrd[32];
    char *argv[] = { (char *)o->qemu,
                     o->iso != NULL ? "-cdrom" : "-kernel",
                     (char *)(o->iso != NULL ? o->iso : kernel),
                     o->iso != NULL ? "-boot" : "-initrd",
                     o->iso != NULL ? "d" : initrd,
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
    good = spawn(pid, argv, module, ends[1], mask);
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

/** The exit statuses of QEMU with isa-debug-exit: (code << 1) | 1. */
enum {
    QEMU_PASS = HW_EXIT_PASS << 1 | 1,
    QEMU_FAIL = HW_EXIT_FAIL << 1 | 1,
    QEMU_PANIC = HW_EXIT_PANIC << 1 | 1,
    QEMU_RESET = 0,
    QEMU_ERROR = 1
};

static enum outcome_code judge_exit(const struct outcome *outcome, int status) {
    if ((status == QEMU_PASS || status == QEMU_FAIL) && outcome->has_verdict &&
        outcome->good == (status == QEMU_PASS)) {
        return EXIT_GOOD;
    }
    switch (status) {
    case QEMU_PASS:
    case QEMU_FAIL:
        complain_stopped(outcome, NULL,
                         "the kernel in QEMU ended early (exit status %d "
                         "without a matching verdict)",
                         status);
        return EXIT_WRONG;
    case QEMU_PANIC:
        complain_stopped(outcome, NULL, "the kernel in QEMU panicked");
        return EXIT_WRONG;
    case QEMU_RESET:
        complain_stopped(outcome, NULL,
                         "the processor in QEMU was reset (triple fault)");
        return EXIT_WRONG;
    case QEMU_ERROR:
        complain("QEMU could not run: %s", outcome->last_words[0] != '\0'
                                               ? outcome->last_words
                                               : "it said nothing");
        return EXIT_CANNOT;
    default:
        complain_stopped(outcome, NULL,
                         "QEMU ended with the unexpected status %d", status);
        return EXIT_WRONG;
    }
}

static enum outcome_code judge(const struct outcome *outcome,
                               enum ending ending, int status,
                               const struct run_options *o) {
    if (ending == SILENT) {
        char words[60];

        snprintf(words, sizeof(words), "silent for %" PRIu64 " s; stopped it",
                 o->patience);
        complain_stopped(outcome, words, "the kernel in QEMU hangs");
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
    struct watch watch;
    pid_t pid;
    bool started;

    hold_signals(&watch);
    started = start(&pid, &console, kernel, o, module, &watch.mask);
    if (started) {
        child = pid;
        watch_signals(&watch);
    }
    let_signals_come(&watch);
    if (!started) {
        return EXIT_CANNOT;
    }
    ending = hear(outcome, console, o->patience);
    close(console);
    if (ending != ENDED) {
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    child = 0;
    unwatch_signals(&watch);
    return judge(outcome, ending, status, o);
}

enum outcome_code run_on_qemu(struct outcome *outcome,
                              const struct run_options *o,
                              const struct module *module) {
    char kernel[KERNEL_PATH_MAX] = "";
    enum outcome_code result =
        o->iso != NULL ? EXIT_GOOD : kernel_path(kernel, o->kernel);
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
    if (result == EXIT_GOOD && o->iso != NULL &&
        outcome->module.len != module->size) {
        complain("%s has a module of %" PRIu64 " bytes, that of this trace has "
                 "%zu; make it anew with --save-module and tools/make-iso",
                 o->iso, outcome->module.len, module->size);
        return EXIT_USAGE;
    }
    return result;
}
