/**
 * @file subject.h
 * The submission's side of a test: carries out what the judge asks.
 *
 * Freestanding, as the core is: it stands beside the submission in a process
 * without a C library, and in the program for the debugger beside the judge.
 * Nothing here decides anything.
 */
#ifndef GRADE_SUBJECT_H
#define GRADE_SUBJECT_H

#include "grade/talk.h"
#include "heap/heap.h"
#include "pmm/pmm.h"
#include "vmm/vmm.h"

struct subject_heap {
    struct heap heap;
    unsigned number;
    uint64_t grants; /* growths that are still granted */
    unsigned hook;
    uint64_t spare[3]; /* block to free in the hook: address, size, align */
};

struct subject {
    struct talk *talk;
    /** The judge reads events[] now; returns when they were read. */
    void (*tell)(struct subject *subject, enum talk_turn turn);
    /** Show @len bytes of the file @fd, from @offset on, at @at. */
    bool (*show)(uint64_t at, uint64_t len, enum talk_fd fd, uint64_t offset);

    struct events events;
    struct events_ear ear;
    uint64_t frames_left; /* until one is refused */
    bool irqs_on;
    vaddr_t cr2;
    paddr_t cr3;
    void *local;

    struct pmm pmm;
    struct vmm_space spaces[TALK_SPACES];
    struct subject_heap heaps[TALK_HEAPS];
};

/** The one of this process; hw.h is about it. */
extern struct subject *subject_now;

/** Carry out all of talk->calls. */
void subject_serve(struct subject *subject);

void subject_post(struct subject *subject, uint32_t kind, uint64_t a,
                  uint64_t b);

/* One file per floor; false: not one of its calls. */
bool subject_pmm(struct subject *subject, struct call *call);
bool subject_vmm(struct subject *subject, struct call *call);
bool subject_heap(struct subject *subject, struct call *call);

#endif
