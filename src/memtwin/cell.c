/*
 * The side of a cell that asks; cell.h.
 */
#include "memtwin/cell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "program/say.h"

static bool write_all(int fd, const void *bytes, size_t len) {
    const char *at = bytes;

    while (len > 0) {
        const ssize_t n = write(fd, at, len);

        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

int cell_share(const struct workload *w) {
    const int fd = memfd_create("workload", 0); /* the cells inherit it */

    if (fd >= 0 && write_all(fd, w, sizeof(*w)) &&
        write_all(fd, w->ops, w->count * sizeof(*w->ops))) {
        return fd;
    }
    complain("no memory for the operations: %s", strerror(errno));
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

/* --- start and end -------------------------------------------------------- */

/** In the child. */
_Noreturn static void become(const char *program, int counter, const char *name,
                             int file) {
    char number[12], log[32];

    snprintf(number, sizeof(number), "%d", file);
    /* Some libraries want more of what each thread has than is set aside for
     * those that come late. */
    setenv("GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=32768", 1);
    if (counter < 0) {
        execl(program, program, name, number, (char *)NULL);
    } else {
        snprintf(log, sizeof(log), "--log-fd=%d", counter);
        execlp("valgrind", "valgrind", "--tool=callgrind",
               "--callgrind-out-file=/dev/null",
               "--toggle-collect=contender_replay", log, program, name, number,
               (char *)NULL);
    }
    _exit(127);
}

static void adopt_pipes(const int in[2], const int out[2]) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(out[1], STDERR_FILENO);
    for (int end = 0; end < 2; end++) {
        close(in[end]);
        close(out[end]);
    }
}

static void give_up(struct cell *cell, const char *what, int error) {
    snprintf(cell->why, sizeof(cell->why), "%s: %s", what, strerror(error));
}

void cell_start(struct cell *cell, const char *program, int counter,
                const char *name, int file, double seconds) {
    int in[2], out[2];

    *cell = (struct cell){ .left = seconds };
    if (pipe2(in, O_CLOEXEC) != 0) {
        give_up(cell, "no pipe", errno);
        return;
    }
    if (pipe2(out, O_CLOEXEC) != 0) {
        give_up(cell, "no pipe", errno);
        close(in[0]);
        close(in[1]);
        return;
    }
    cell->process = fork();
    if (cell->process == 0) {
        adopt_pipes(in, out);
        become(program, counter, name, file);
    }
    close(in[0]);
    close(out[1]);
    cell->to = in[1];
    cell->from = out[0];
    if (cell->process < 0) {
        give_up(cell, "no process", errno);
        close(cell->to);
        close(cell->from);
        cell->process = 0;
    }
}

/** Its pipes are shut: wait, and say what came of it, if that is not known. */
static bool reap(struct cell *cell) {
    int status = 0;
    pid_t was;

    close(cell->to);
    close(cell->from);
    do {
        was = waitpid(cell->process, &status, 0);
    } while (was < 0 && errno == EINTR);
    cell->process = 0;
    if (cell->why[0] != '\0') {
        return false;
    }
    if (status != 0 && cell->said[0] != '\0') {
        snprintf(cell->why, sizeof(cell->why), "%s", cell->said);
    } else if (WIFSIGNALED(status)) {
        snprintf(cell->why, sizeof(cell->why), "ended by signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != 0) {
        snprintf(cell->why, sizeof(cell->why), "ended with status %d",
                 WEXITSTATUS(status));
    }
    return cell->why[0] == '\0';
}

void cell_is_saying(struct cell *cell, const char *line) {
    snprintf(cell->said, sizeof(cell->said), "%s", line);
}

bool cell_end(struct cell *cell) {
    return cell->process == 0 || reap(cell);
}

static void cut_off(struct cell *cell) {
    snprintf(cell->why, sizeof(cell->why), "took too long");
    kill(cell->process, SIGKILL);
    reap(cell);
}

/* --- questions ------------------------------------------------------------ */

static double now(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool cell_ask(struct cell *cell, enum cell_question question) {
    const char letter = (char)question;

    if (cell->process == 0) {
        return false;
    }
    /* One that does not listen has ended; its last words can be read yet. */
    (void)!write(cell->to, &letter, 1);
    return true;
}

/** More text.  @return false: there is none, and the cell has ended */
static bool read_more(struct cell *cell) {
    struct pollfd poll_from = { .fd = cell->from, .events = POLLIN };
    const double start = now();
    ssize_t n;
    int ready;

    memmove(cell->text, cell->text + cell->at, cell->len - cell->at);
    cell->len -= cell->at;
    cell->at = 0;
    do {
        const double left = cell->left - (now() - start);

        ready = poll(&poll_from, 1, left > 0 ? (int)(left * 1e3) + 1 : 0);
    } while (ready < 0 && errno == EINTR);
    cell->left -= now() - start;
    if (ready == 0) {
        cut_off(cell);
        return false;
    }
    n = read(cell->from, cell->text + cell->len,
             sizeof(cell->text) - cell->len);
    if (n <= 0) {
        if (reap(cell)) {
            snprintf(cell->why, sizeof(cell->why), "ended without an answer");
        }
        return false;
    }
    cell->len += (size_t)n;
    return true;
}

char *cell_line(struct cell *cell) {
    while (cell->process != 0) {
        char *line = cell->text + cell->at;
        char *end = memchr(line, '\n', cell->len - cell->at);

        if (end != NULL) {
            *end = '\0';
            cell->at = (size_t)(end - cell->text) + 1;
            return strcmp(line, ".") == 0 ? NULL : line;
        }
        if (!read_more(cell)) {
            return NULL;
        }
    }
    return NULL;
}
