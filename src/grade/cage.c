/*
 * Walls around what a student wrote.
 *
 * A submission is a static program without a C library that needs four system
 * calls: read and write on one socket, mmap of three files that it was given,
 * and exit.  The filter is in force before the program is entered, so there is
 * no moment at which its code could do more:
 *
 *   fork -- limits -- user -- no new privileges -- filter -- execveat(7)
 * -- 3..6
 *
 * execveat stays allowed for descriptor 7 alone, which that very call closes.
 * What the filter denies is a signal (SIGSYS), which the judge sees first; so
 * a report can name the call.
 *
 * A compiler runs no code of the submission, but reads what it is told to:
 * Landlock leaves it the system's files, the headers, and its own folder.
 */
#include "config.h"

#include "grade/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif

#include "grade/talk.h"

#define PROGRAM_FD 7
#define COMPILE_SECONDS 20

bool cage_is_root(void) {
    return geteuid() == 0;
}

static bool limit(__rlimit_resource_t what, uint64_t soft, uint64_t hard) {
    return setrlimit(what, &(struct rlimit){ soft, hard }) == 0;
}

static bool leave_root(void) {
    return !cage_is_root() ||
           (setgroups(0, NULL) == 0 &&
            setresgid(CAGE_NOBODY, CAGE_NOBODY, CAGE_NOBODY) == 0 &&
            setresuid(CAGE_NOBODY, CAGE_NOBODY, CAGE_NOBODY) == 0);
}

/* --- the submission's process -------------------------------------------- */

static bool run_limits(unsigned cpu_seconds) {
    return limit(RLIMIT_CPU, cpu_seconds, cpu_seconds + 1) &&
           limit(RLIMIT_AS, 512 * MIB, 512 * MIB) &&
           limit(RLIMIT_STACK, MIB, MIB) && limit(RLIMIT_FSIZE, 0, 0) &&
           limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_NOFILE, 8, 8) &&
           limit(RLIMIT_MEMLOCK, 0, 0);
}

/** Of system calls, as the kernel takes it. */
struct filter {
    unsigned short len;
    struct sock_filter code[256];
};

#ifdef HAVE_SECCOMP
static struct scmp_arg_cmp equals(unsigned argument, uint64_t value) {
    return (struct scmp_arg_cmp){ argument, SCMP_CMP_EQ, value, 0 };
}

/** Where all of @args hold. */
static bool allow(scmp_filter_ctx filter, int call, unsigned count,
                  const struct scmp_arg_cmp *args) {
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, count, args) ==
           0;
}

static bool allow_start(scmp_filter_ctx filter) {
    const struct scmp_arg_cmp turn = equals(0, TALK_FD_TURN);
    const struct scmp_arg_cmp start[] = { equals(0, PROGRAM_FD),
                                          equals(4, AT_EMPTY_PATH) };

    return allow(filter, SCMP_SYS(read), 1, &turn) &&
           allow(filter, SCMP_SYS(write), 1, &turn) &&
           allow(filter, SCMP_SYS(exit_group), 0, NULL) &&
           allow(filter, SCMP_SYS(execveat), 2, start);
}

static bool allow_files(scmp_filter_ctx filter) {
    bool done = true;

    for (unsigned fd = TALK_FD_TALK; done && fd <= TALK_FD_WINDOW; fd++) {
        const struct scmp_arg_cmp shown[] = { equals(2, PROT_READ | PROT_WRITE),
                                              equals(4, fd) };

        done = allow(filter, SCMP_SYS(mmap), 2, shown);
    }
    return done;
}

/** Made while memory can still be had. */
static bool filter_make(struct filter *made) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    const int file = memfd_create("filter", MFD_CLOEXEC);
    ssize_t got = 0;

    if (filter != NULL && file >= 0 &&
        seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
                         SCMP_ACT_KILL_PROCESS) == 0 &&
        allow_start(filter) && allow_files(filter) &&
        seccomp_export_bpf(filter, file) == 0) {
        got = pread(file, made->code, sizeof made->code, 0);
    }
    close(file);
    seccomp_release(filter);
    made->len =
        got > 0 ? (unsigned short)((size_t)got / sizeof *made->code) : 0;
    return got > 0 && (size_t)got < sizeof made->code;
}
#else
static bool filter_make(struct filter *made) {
    (void)made;
    return false;
}
#endif

static bool filter_calls(struct filter *made) {
    const struct sock_fprog program = { made->len, made->code };

    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

void cage_system_call_name(int number, char *name, size_t size) {
#ifdef HAVE_SECCOMP
    char *found = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

    if (found != NULL) {
        snprintf(name, size, "%s", found);
        free(found);
        return;
    }
#endif
    snprintf(name, size, "system call %d", number);
}

static _Noreturn void give_up(const char *what) {
    fprintf(stderr, "memtwin-grade: %s: %s\n", what, strerror(errno));
    _exit(120);
}

/** Descriptors 3 to 6 as @fds says, 7 the program, and no other. */
static void place_descriptors(const char *program, const int fds[4]) {
    int apart[5];

    apart[4] = open(program, O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 5; i++) { /* away from where they shall be */
        apart[i] = fcntl(i < 4 ? fds[i] : apart[4], F_DUPFD, 20);
        if (apart[i] < 0) {
            give_up(program);
        }
    }
    for (int i = 0; i < 5; i++) {
        dup2(apart[i], TALK_FD_TURN + i);
    }
    fcntl(PROGRAM_FD, F_SETFD, FD_CLOEXEC);
    syscall(SYS_close_range, PROGRAM_FD + 1, ~0u, 0);
}

_Noreturn void cage_run(const char *program, const int fds[4],
                        unsigned cpu_seconds) {
    char *const nothing[] = { NULL };
    char *const name[] = { (char *)"subject", NULL };
    const int null = open("/dev/null", O_RDWR);
    struct filter filter;
    const bool filters = filter_make(&filter);
    char byte;

    place_descriptors(program, fds);
    if (null >= 0) {
        dup2(null, 0);
    }
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(TALK_FD_TURN, &byte, 1) != 1) {
        _exit(121); /* the judge is gone */
    }
    if (null >= 0) {
        dup2(null, 1);
        dup2(null, 2);
    }
    close(0);
    if (!run_limits(cpu_seconds) || !leave_root() ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || /* forgotten with the user */
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        _exit(122);
    }
    if (filters && !filter_calls(&filter)) {
        _exit(123);
    }
    syscall(SYS_execveat, PROGRAM_FD, "", name, nothing, AT_EMPTY_PATH);
    _exit(124);
}

/* --- the compiler -------------------------------------------------------- */

#define READ_RIGHTS                                                            \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |               \
     LANDLOCK_ACCESS_FS_READ_DIR)
/* What the first version of Landlock knows: everything else is denied by
 * handling it, too, where the kernel is newer. */
#define ALL_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static bool permit(int rules, const char *path, uint64_t rights) {
    struct landlock_path_beneath_attr beneath = { .allowed_access = rights };
    bool done;

    beneath.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (beneath.parent_fd < 0) {
        return errno == ENOENT; /* nothing to permit */
    }
    done = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
                   &beneath, 0) == 0;
    close(beneath.parent_fd);
    return done;
}

static bool hide_files(const char *folder, const char *const readable[]) {
    static const char *const system[] = { "/usr", "/lib", "/lib64", "/bin",
                                          "/etc/ld.so.cache" };
    const struct landlock_ruleset_attr handled = { .handled_access_fs =
                                                       ALL_RIGHTS };
    const int rules =
        (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    bool done = rules >= 0;

    for (size_t i = 0; done && i < sizeof system / sizeof system[0]; i++) {
        done = permit(rules, system[i],
                      i < 4 ? READ_RIGHTS
                            : (uint64_t)LANDLOCK_ACCESS_FS_READ_FILE);
    }
    for (size_t i = 0; done && readable[i] != NULL; i++) {
        done = permit(rules, readable[i], READ_RIGHTS);
    }
    done =
        done && permit(rules, folder, ALL_RIGHTS) &&
        permit(rules, "/dev/null",
               LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE) &&
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
        syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    if (rules >= 0) {
        close(rules);
    }
    return done;
}

static bool compile_limits(void) {
    return limit(RLIMIT_CPU, COMPILE_SECONDS, COMPILE_SECONDS) &&
           limit(RLIMIT_AS, 2 * GIB, 2 * GIB) &&
           limit(RLIMIT_FSIZE, 64 * MIB, 64 * MIB) &&
           limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_NOFILE, 128, 128);
}

_Noreturn void cage_compile(char *const argv[], const char *folder,
                            const char *const readable[], int log) {
    /* "." also where another user can't pass the folders above */
    char *const environment[] = { (char *)"TMPDIR=.",
                                  (char *)"PATH=/usr/bin:/bin",
                                  (char *)"LC_ALL=C", NULL };

    dup2(log, 1);
    dup2(log, 2);
    syscall(SYS_close_range, 3, ~0u, 0);
    close(0);
    open("/dev/null", O_RDONLY);
    setpgid(0, 0);
    if (cage_is_root()) {
        (void)unshare(CLONE_NEWNET);
    }
    if (chdir(folder) != 0 || !compile_limits() || !leave_root() ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) { /* forgotten with the user */
        give_up(folder);
    }
    (void)hide_files(".", readable);
    execvpe(argv[0], argv, environment);
    give_up(argv[0]);
}

/* --- which of them stand -------------------------------------------------- */

static bool in_a_child(bool (*wall)(void)) {
    const pid_t pid = fork();
    int status = 1;

    if (pid == 0) {
        /* not by the library, which may first ask for what is closed now */
        syscall(SYS_exit_group, wall() ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static bool try_limits(void) {
    return run_limits(10);
}
static bool try_calls(void) {
    struct filter filter;

    return filter_make(&filter) &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && filter_calls(&filter);
}
static bool try_user(void) {
    return cage_is_root() && leave_root();
}
static bool try_files(void) {
    return hide_files("/tmp", (const char *const[]){ "/usr", NULL });
}
static bool try_net(void) {
    return cage_is_root() && unshare(CLONE_NEWNET) == 0;
}
static bool try_trace(void) {
    const pid_t pid = fork();
    bool done;

    if (pid == 0) {
        pause();
        _exit(0);
    }
    done = ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_EXITKILL) == 0;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, __WALL);
    return done;
}

bool cage_can_read(const char *path) {
    const pid_t pid = fork();
    int status = 1;

    if (pid == 0) {
        _exit(leave_root() && access(path, R_OK) == 0 ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

struct cage cage_try(void) {
    bool (*const walls[CAGE_WALLS])(void) = {
        [CAGE_LIMITS] = try_limits, [CAGE_CALLS] = try_calls,
        [CAGE_USER] = try_user,     [CAGE_FILES] = try_files,
        [CAGE_NET] = try_net,       [CAGE_TRACE] = try_trace,
    };
    struct cage cage;

    for (unsigned i = 0; i < CAGE_WALLS; i++) {
        cage.stands[i] = in_a_child(walls[i]);
    }
    return cage;
}

const char *cage_wall_name(enum cage_wall wall) {
    static const char *const names[CAGE_WALLS] = {
        [CAGE_LIMITS] = "limits of CPU time, memory, files",
        [CAGE_CALLS] = "a filter of system calls (seccomp)",
        [CAGE_USER] = "a user of its own (needs root)",
        [CAGE_FILES] = "files hidden from the compiler (Landlock)",
        [CAGE_NET] = "no network for the compiler (needs root)",
        [CAGE_TRACE] = "tracing: fault stories and counted instructions",
    };

    return names[wall];
}
