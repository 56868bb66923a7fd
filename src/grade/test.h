/**
 * @file test.h
 * One script under way, as the judge's own files see it.
 */
#ifndef GRADE_TEST_H
#define GRADE_TEST_H

#include <stdio.h>
#include <sys/types.h>

#include "grade/script.h"

enum verdict_is {
    VERDICT_NONE,
    VERDICT_PASSED,
    VERDICT_FAILED,
    VERDICT_SKIPPED
};
#define VERDICT_TEXT 8192
#define MISTAKE_ID 32

/** What comes out of it; in memory shared with the grader. */
struct verdict {
    enum verdict_is is;
    unsigned credit; /* percent, when it failed */
    char mistake[MISTAKE_ID];
    char text[VERDICT_TEXT];
    char output[TALK_TEXT]; /* what the submission printed */
    uint64_t calls;
    uint64_t cpu_us; /* of the submission's process */
};

/** How to reach the submission. */
struct transport {
    /** @return false: no process; the test was ended with a message */
    void (*start)(struct test *t);
    /** Carry out what is in t->talk. */
    void (*turn)(struct test *t);
    void (*stop)(struct test *t);
    /** Optional: the last thing before the judge's process ends. */
    void (*ended)(const struct verdict *verdict);
};
extern const struct transport in_a_process, direct;

/** The judge's machine. */
struct pc {
    struct sim_ram ram;
    struct sim_cpu cpu;
    struct sim_events events;
    struct hw_boot boot;
};
/** What a boot loader does: page tables at 1 MiB, with a direct map of all RAM.
 *  @return false: no room for them */
bool pc_boot(struct pc *pc);
#define PC_DIRECT_BASE UINT64_C(0x200000000000)

#define CALLS_TOLD 10

struct test {
    const char *name;
    const char *program; /* the linked submission; NULL: direct */
    const struct transport *transport;
    struct verdict *verdict;
    uint64_t random;
    bool is_on;
    unsigned cpu_seconds; /* ceiling */

    struct talk *talk;
    int talk_fd, window_fd;
    uint8_t *window;
    unsigned queued;
    struct call answers[TALK_CALLS]; /* copied: the subject may write on */
    struct talk_event events[TALK_EVENTS]; /* of the last turn, newest part */
    unsigned event_count;
    struct call told[CALLS_TOLD]; /* a ring of the newest calls */
    uint64_t told_count;
    char notes[2048];

    struct machine_want want;
    struct pc pc;
    bool handler;

    /* transport.c */
    int turn_fd, signal_fd;
    pid_t pid;
    bool traced;
    bool count; /* the next turn by single steps */
    uint64_t count_most, steps;
};

/** A call in words, as "pmm_free(frame 0x123) -> MM_OK". */
void call_text(const struct call *call, char *text, size_t size);
/** Carry the queue out, and all that comes with it. */
void test_turn(struct test *t);
/** Events that the subject wrote so far: do them to the processor. */
void test_events(struct test *t);
/** End the judge with that verdict. */
_Noreturn void test_end(struct test *t, enum verdict_is is);
/** fail() with @what as it stands: the submission's process died. */
_Noreturn void test_died(struct test *t, const char *mistake, const char *what);
/** Where the code at @rip of the submission stands. */
void code_name(const struct test *t, uint64_t rip, char *text, size_t size);

#endif
