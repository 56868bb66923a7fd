/**
 * @file cage.h
 * What is taken from a process before it runs code, or compiles code, of a
 * student; and the list of what this host could not take.
 */
#ifndef GRADE_CAGE_H
#define GRADE_CAGE_H

#include <stdbool.h>
#include <stddef.h>

enum cage_wall {
    CAGE_LIMITS, /* CPU, memory, files, processes */
    CAGE_CALLS,  /* system calls: a list of what is left (seccomp) */
    CAGE_USER,   /* another user than the grader's */
    CAGE_FILES,  /* only the files that compiling needs (Landlock) */
    CAGE_NET,    /* no network for the compiler */
    CAGE_TRACE,  /* the grader sees each signal, and counts instructions */
    CAGE_WALLS
};

/** Which walls stand on this host; tried once, in a child. */
struct cage {
    bool stands[CAGE_WALLS];
};
struct cage cage_try(void);
/** "system calls ..." and what it means that it is missing. */
const char *cage_wall_name(enum cage_wall wall);

/** In a fresh child: become @program with the descriptors 3 .. 6, once a byte
 *  comes by fds[0].  Never returns. */
_Noreturn void cage_run(const char *program, const int fds[4],
                        unsigned cpu_seconds);

/** In a fresh child: run the compiler argv[0] in @folder, which it may write
 *  to; it can read the system's and @readable (ended by NULL), and nothing
 *  else.  Output goes to @log.  Never returns. */
_Noreturn void cage_compile(char *const argv[], const char *folder,
                            const char *const readable[], int log);

/** Who the submission runs as: the grader's user, or nobody for root. */
bool cage_is_root(void);
/** Can that user read @path? */
bool cage_can_read(const char *path);
#define CAGE_NOBODY 65534

void cage_system_call_name(int number, char *name, size_t size);

#endif
