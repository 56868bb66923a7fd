/*
 * The judge: one script from its start to its verdict.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"
#include "grade/judge.h"
#include "program/say.h"

uint64_t seed_of(const char *salt, const char *student, const char *test) {
    const char *const parts[] = { salt, student, test };
    uint64_t hash = HASH_START;

    for (unsigned i = 0; i < 3; i++) {
        for (const char *c = parts[i]; *c != '\0'; c++) {
            hash = hash_add(hash, (unsigned char)*c);
        }
        hash = hash_add(hash, 256);
    }
    return hash;
}

static int memory_file(const char *name, uint64_t size) {
    const int fd = memfd_create(name, MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, (off_t)size) != 0) {
        complain("no memory to talk to the submission: %s", strerror(errno));
        _exit(1);
    }
    return fd;
}

static void *show_file(int fd, uint64_t size) {
    void *at =
        mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED) {
        complain("no memory to talk to the submission: %s", strerror(errno));
        _exit(1);
    }
    return at;
}

_Noreturn void judge(const struct script *script,
                     const struct transport *transport, const char *program,
                     uint64_t seed, unsigned cpu_seconds,
                     struct verdict *verdict) {
    static struct test test; /* large */
    struct test *t = &test;

    t->name = script->name;
    t->program = program;
    t->transport = transport;
    t->verdict = verdict;
    t->random = seed;
    t->cpu_seconds = cpu_seconds;
    t->turn_fd = t->signal_fd = -1;
    t->talk_fd = memory_file("talk", sizeof(struct talk));
    t->window_fd = memory_file("window", TALK_WINDOW_SIZE);
    t->talk = show_file(t->talk_fd, sizeof(struct talk));
    t->window = show_file(t->window_fd, TALK_WINDOW_SIZE);
    script->run(t);
    test_end(t, VERDICT_PASSED);
}
