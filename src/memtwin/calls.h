/**
 * @file calls.h
 * What recorder.c, inside the program that is recorded, tells record.c.
 *
 * The file is an array of these, in the order in which the calls took effect.
 * It is written through a mapping, a window at a time, so that nothing is lost
 * when the program ends without a word; the unused end of a window is zero.
 */
#ifndef MEMTWIN_CALLS_H
#define MEMTWIN_CALLS_H

#include <stdint.h>

enum call_kind {
    CALL_NONE,  /* the unused end of a window */
    CALL_START, /* a program image began: what was live is gone (exec) */
    CALL_ALLOC,
    CALL_ZEROED,
    CALL_REALLOC,
    CALL_FREE
};

struct call {
    uint64_t at;   /* the block; of CALL_REALLOC: afterwards */
    uint64_t old;  /* of CALL_REALLOC: the block before */
    uint64_t size; /* bytes asked for */
    uint32_t kind;
    uint32_t align_shift; /* of a CALL_ALLOC with an alignment, else 0 */
};

/* In the environment of the program: the file, the one process that is meant,
 * and after how many calls to stop. */
#define CALLS_FILE "MEMTWIN_CALLS_FILE"
#define CALLS_PROCESS "MEMTWIN_CALLS_PROCESS"
#define CALLS_MOST "MEMTWIN_CALLS_MOST"

#endif
