/*
 * Nothing stays behind:
 *
 *   scratch_do --- fork ---> work ---> its own children ...
 *      waits for a signal: the child's end, or one that asks it to end
 *
 * It then kills the child.  Whoever dies with a parent follows, and what a
 * process group is left with comes to the waiting process as the nearest
 * sub-reaper; so when it has waited for all of them, nobody writes there.
 */
#include "program/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program/say.h"

static bool make_name(char path[SCRATCH_PATH], const char *name) {
    const char *folder = getenv("TMPDIR");
    int len;

    folder = folder != NULL && *folder == '/' ? folder : "/tmp";
    len = snprintf(path, SCRATCH_PATH, "%s/%s-XXXXXX", folder, name);
    if (len < 0 || len >= SCRATCH_PATH) {
        complain("TMPDIR is too long: %s", folder);
        return false;
    }
    return true;
}

int scratch_file(char path[SCRATCH_PATH], const char *name) {
    const int file = make_name(path, name) ? mkostemp(path, O_CLOEXEC) : -1;

    if (file < 0) {
        complain("%s: %s", path, strerror(errno));
    }
    return file;
}

bool scratch_folder(char path[SCRATCH_PATH], const char *name) {
    if (!make_name(path, name)) {
        return false;
    }
    if (mkdtemp(path) == NULL) {
        complain("%s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

static int remove_one(const char *path, const struct stat *info, int type,
                      struct FTW *ftw) {
    (void)info, (void)type, (void)ftw;
    return remove(path);
}

void scratch_remove(const char *folder) {
    if (nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0 &&
        errno != ENOENT) {
        complain("%s stays behind: %s", folder, strerror(errno));
    }
}

void scratch_die_with(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) { /* it died before that */
        _exit(EXIT_CANNOT);
    }
}

/** Everybody below this process.  Groups first: their number is not given to
 *  others as long as their leader was not waited for. */
static void end_all(void) {
    siginfo_t info;

    while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0) {
        kill(-info.si_pid, SIGKILL);
        waitpid(info.si_pid, NULL, 0);
    }
}

/** @return the signal that ended the waiting; 0: the child did, with @status */
static int wait_for(pid_t child, const sigset_t *set, int *status) {
    for (;;) {
        const int got = sigwaitinfo(set, NULL);

        if (got > 0 && got != SIGCHLD) {
            return got;
        }
        if (waitpid(child, status, WNOHANG) == child) {
            return 0;
        }
    }
}

static int outcome(int status) {
    if (WIFEXITED(status)) {
        return WEXITSTATUS(status);
    }
    complain("ended by signal %d (%s)", WTERMSIG(status),
             strsignal(WTERMSIG(status)));
    return EXIT_CANNOT;
}

int scratch_do(const char *name, scratch_work *work, void *data) {
    const pid_t me = getpid();
    char folder[SCRATCH_PATH];
    sigset_t set, old;
    int ended_by, status = 0;
    pid_t child;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, &old);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (!scratch_folder(folder, name)) {
        return EXIT_CANNOT;
    }
    fflush(NULL);
    child = fork();
    if (child == 0) {
        scratch_die_with(me);
        sigprocmask(SIG_SETMASK, &old, NULL);
        exit(work(folder, data));
    }
    if (child < 0) {
        complain("no process: %s", strerror(errno));
        scratch_remove(folder);
        return EXIT_CANNOT;
    }
    ended_by = wait_for(child, &set, &status);
    if (ended_by != 0) {
        kill(child, SIGKILL);
    }
    end_all();
    scratch_remove(folder);
    sigprocmask(SIG_SETMASK, &old, NULL);
    if (ended_by != 0) {
        raise(ended_by);
    }
    return outcome(status);
}
