/*
 * Where in the submission's source an address is: by addr2line, which reads
 * the lines that -g wrote.  A failed test asks once, so a process is no cost.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "grade/test.h"

static size_t ask_addr2line(const char *program, const char *address,
                            char *text, size_t size) {
    size_t have = 0;
    ssize_t got;
    int out[2];
    pid_t pid;

    if (pipe2(out, O_CLOEXEC) != 0) {
        return 0;
    }
    pid = fork();
    if (pid == 0) {
        dup2(out[1], 1);
        dup2(open("/dev/null", O_WRONLY), 2);
        execlp("addr2line", "addr2line", "-f", "-s", "-p", "-e", program,
               address, (char *)NULL);
        _exit(1);
    }
    close(out[1]);
    while (pid > 0 && have + 1 < size &&
           (got = read(out[0], text + have, size - have - 1)) > 0) {
        have += (size_t)got;
    }
    close(out[0]);
    if (pid > 0) {
        waitpid(pid, NULL, 0);
    }
    return have;
}

void code_name(const struct test *t, uint64_t rip, char *text, size_t size) {
    char address[32], line[256];
    size_t have;

    text[0] = '\0';
    if (t->program == NULL) {
        return;
    }
    snprintf(address, sizeof address, "0x%lx", rip);
    have = ask_addr2line(t->program, address, line, sizeof line);
    line[have] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (have > 0 && line[0] != '?') {
        snprintf(text, size, "It was in %s", line);
    }
}
