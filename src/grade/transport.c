/*
 * The submission in a process of its own, and what it dies of.
 *
 *   judge --- socket, one byte a turn ---> subject, in a cage (cage.c)
 *     '------ ptrace: sees each signal before the subject does
 *
 * The judge waits for two things at once: the byte, and SIGCHLD.  A signal is
 * the end of the test, and its story is told: which address, whose it is, and
 * where in the code.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#undef PAGE_SIZE /* <sys/user.h> and <sys/socket.h> have some of their own */
#undef PAGE_MASK
#undef PF_KEY

#include "grade/cage.h"
#include "grade/test.h"

/** The net below the CPU ceiling: a subject can't sleep, but a host may. */
#define PATIENCE_MS (120 * 1000)
/** How often one that is silent is looked at. */
#define LOOK_MS 500

/* --- stories ------------------------------------------------------------- */

static void whose_address(const struct test *t, uint64_t va, uint64_t rsp,
                          char *text, size_t size) {
    const uint64_t direct = t->talk->boot.direct_base.v;

    if (va < PAGE_SIZE) {
        snprintf(text, size, "near 0: a NULL pointer");
    } else if (va - direct < RAM_SIZE_MAX) {
        snprintf(text, size,
                 "physical 0x%lx by the direct map, where this machine has no "
                 "RAM",
                 va - direct);
    } else if (va - TALK_WINDOW_BASE < TALK_WINDOW_SIZE) {
        snprintf(text, size,
                 "in the heap's window, but beyond what the heap has asked "
                 "for");
    } else if (va - (rsp - 64 * KIB) < 128 * KIB) {
        snprintf(text, size, "the end of the stack: a recursion too deep?");
    } else {
        snprintf(text, size, "nothing is there");
    }
}

static const char *signal_story(int signal) {
    switch (signal) {
    case SIGXCPU:
    case SIGKILL:
        return "used up its CPU time: an endless loop, or far too slow";
    case SIGFPE:
        return "divided by zero, or overflowed a division";
    case SIGILL:
        return "executed an instruction that a program may not (or "
               "__builtin_trap())";
    case SIGSYS:
        return "asked the operating system for something by a door that is "
               "closed (Bad system call)";
    default:
        return strsignal(signal);
    }
}

static _Noreturn void tell_signal(struct test *t, int signal,
                                  const siginfo_t *info) {
    struct user_regs_struct regs = { 0 };
    char where[300] = "", whose[200], what[700], name[64];

    if (t->traced && ptrace(PTRACE_GETREGS, t->pid, NULL, &regs) == 0) {
        code_name(t, regs.rip, where, sizeof where);
    }
    if (signal == SIGSYS && info != NULL) {
        cage_system_call_name(info->si_syscall, name, sizeof name);
        snprintf(what, sizeof what,
                 "the submission asked the operating system for %s(); a kernel "
                 "has none below it.  %s",
                 name, where);
        test_died(t, "system-call", what);
    }
    if ((signal == SIGSEGV || signal == SIGBUS) && info != NULL) {
        const uint64_t va = (uint64_t)(uintptr_t)info->si_addr;

        whose_address(t, va, regs.rsp, whose, sizeof whose);
        snprintf(what, sizeof what, "the submission touched 0x%lx (%s).  %s",
                 va, whose, where);
        test_died(t, "crash", what);
    }
    snprintf(what, sizeof what, "the submission %s.  %s", signal_story(signal),
             where);
    test_died(t, signal == SIGXCPU || signal == SIGKILL ? "endless" : "crash",
              what);
}

/** Something happened to the subject's process. */
static void look_at_child(struct test *t) {
    siginfo_t info;
    int status;
    char what[200];

    if (waitpid(t->pid, &status, WNOHANG | __WALL) != t->pid) {
        return;
    }
    if (WIFSTOPPED(status)) {
        const int signal = WSTOPSIG(status);

        if (status >> 16 != 0 || signal == SIGSTOP || signal == SIGCONT ||
            signal == SIGWINCH || signal == SIGCHLD) {
            ptrace(PTRACE_CONT, t->pid, NULL, NULL);
            return;
        }
        if (ptrace(PTRACE_GETSIGINFO, t->pid, NULL, &info) != 0) {
            tell_signal(t, signal, NULL);
        }
        tell_signal(t, signal, &info);
    }
    t->traced = false; /* it is gone */
    if (WIFSIGNALED(status)) {
        t->pid = 0;
        tell_signal(t, WTERMSIG(status), NULL);
    }
    t->pid = 0;
    snprintf(what, sizeof what,
             "the submission ended its process (exit status %d) in the middle "
             "of the test; what it was asked is not answered",
             WEXITSTATUS(status));
    test_died(t, "exit", what);
}

/* --- turns --------------------------------------------------------------- */

static void drain_signals(struct test *t) {
    struct signalfd_siginfo info;

    while (read(t->signal_fd, &info, sizeof info) > 0) {
    }
}

static bool has_byte(const struct test *t) {
    struct pollfd answer = { t->turn_fd, POLLIN, 0 };

    return poll(&answer, 1, 0) > 0 && (answer.revents & POLLIN) != 0;
}

/** Has it taken the byte that was its turn, and reads again, without an
 *  answer?  All its time goes by in its own code otherwise. */
static bool waits_for_us(const struct test *t) {
    char path[40], state = '?';
    int unread = 1;
    FILE *stat;

    snprintf(path, sizeof path, "/proc/%d/stat", t->pid);
    stat = fopen(path, "r");
    if (stat != NULL) {
        if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1) {
            state = '?';
        }
        fclose(stat);
    }
    return state == 'S' && ioctl(t->turn_fd, SIOCOUTQ, &unread) == 0 &&
           unread == 0 && !has_byte(t);
}

/** Wait for the subject's byte. */
static char wait_for_byte(struct test *t) {
    struct pollfd fds[2] = { { t->turn_fd, POLLIN, 0 },
                             { t->signal_fd, POLLIN, 0 } };
    unsigned looks = 0;
    char byte;

    for (;;) {
        const int ready = poll(fds, 2, LOOK_MS);

        if (ready == 0 && waits_for_us(t)) {
            test_died(t, "endless",
                      "the submission waits in the middle of the test, and "
                      "does not answer");
        }
        if (ready == 0 && ++looks > PATIENCE_MS / LOOK_MS) {
            test_died(t, "endless",
                      "the submission did not answer within two "
                      "minutes");
        }
        if (ready > 0 && (fds[0].revents & POLLIN) != 0 &&
            read(t->turn_fd, &byte, 1) == 1) {
            return byte;
        }
        if (ready > 0 && fds[1].revents != 0) {
            drain_signals(t);
        }
        look_at_child(t);
    }
}

static void send_go(struct test *t) {
    const char go = TURN_GO;

    while (send(t->turn_fd, &go, 1, MSG_NOSIGNAL) != 1) {
        if (errno != EINTR) { /* nobody reads: it has died */
            wait_for_byte(t);
        }
    }
}

/** Instruction by instruction until the subject's byte is there. */
static void step(struct test *t) {
    struct pollfd answer = { t->turn_fd, POLLIN, 0 };
    int status;

    ptrace(PTRACE_INTERRUPT, t->pid, NULL, NULL);
    waitpid(t->pid, &status, __WALL);
    send_go(t);
    while (poll(&answer, 1, 0) == 0) {
        if (++t->steps > t->count_most) {
            test_died(t, "budget",
                      "the call takes more instructions than its budget");
        }
        if (ptrace(PTRACE_SINGLESTEP, t->pid, NULL, NULL) != 0 ||
            waitpid(t->pid, &status, __WALL) != t->pid || !WIFSTOPPED(status) ||
            (WSTOPSIG(status) != SIGTRAP && status >> 16 == 0)) {
            siginfo_t info;

            if (WIFSTOPPED(status) &&
                ptrace(PTRACE_GETSIGINFO, t->pid, NULL, &info) == 0) {
                tell_signal(t, WSTOPSIG(status), &info);
            }
            test_died(t, "crash", "the submission died while it was counted");
        }
    }
    ptrace(PTRACE_CONT, t->pid, NULL, NULL);
}

static void panicked(struct test *t) {
    char what[TALK_TEXT + 100];

    snprintf(what, sizeof what, "the kernel panicked: %.*s",
             (int)(t->talk->text_len % (TALK_TEXT + 1)), t->talk->text);
    t->talk->text_len = 0;
    test_died(t, "panic", what);
}

static _Noreturn void out_of_turn(struct test *t) {
    test_died(t, "talk",
              "the submission answered what it was not asked: it wrote to "
              "the grader's socket by itself");
}

static void process_turn(struct test *t) {
    if (has_byte(t)) { /* an answer before the question */
        out_of_turn(t);
    }
    if (t->count && t->traced) {
        step(t);
    } else {
        send_go(t);
    }
    for (;;) {
        switch (wait_for_byte(t)) {
        case TURN_DONE:
            return;
        case TURN_EVENTS:
            if (t->talk->event_count != TALK_EVENTS) {
                out_of_turn(t);
            }
            test_events(t);
            t->talk->event_count = 0;
            send_go(t);
            break;
        case TURN_PANIC:
            panicked(t);
            break;
        default:
            out_of_turn(t);
        }
    }
}

/* --- start and stop ------------------------------------------------------ */

static void process_start(struct test *t) {
    int pair[2];
    sigset_t child;
    char go = TURN_GO;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        skip(t, "no socket for the submission");
    }
    if (t->signal_fd < 0) {
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigprocmask(SIG_BLOCK, &child, NULL);
        t->signal_fd = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
    }
    t->pid = fork();
    if (t->pid < 0) {
        skip(t, "no process for the submission");
    }
    if (t->pid == 0) {
        const int fds[] = { pair[1], t->talk_fd, t->pc.ram.memfd,
                            t->window_fd };
        cage_run(t->program, fds, t->cpu_seconds);
    }
    close(pair[1]);
    t->turn_fd = pair[0];
    t->traced = ptrace(PTRACE_SEIZE, t->pid, NULL, PTRACE_O_EXITKILL) == 0;
    if (write(t->turn_fd, &go, 1) != 1) { /* it waits to be seized */
        skip(t, "the submission's process did not start");
    }
}

static void process_stop(struct test *t) {
    struct rusage usage;
    int status;

    if (t->pid > 0) {
        kill(t->pid, SIGKILL);
        if (wait4(t->pid, &status, __WALL, &usage) == t->pid) {
            t->verdict->cpu_us += (uint64_t)usage.ru_utime.tv_sec * 1000000u +
                                  (uint64_t)usage.ru_utime.tv_usec;
        }
    }
    t->pid = 0;
    if (t->turn_fd >= 0) {
        close(t->turn_fd);
    }
    t->turn_fd = -1;
}

const struct transport in_a_process = { process_start, process_turn,
                                        process_stop, NULL };
