/**
 * @file cell.h
 * A cell of the table: one contender and one workload in a process of its own,
 * so that a crash or the end of memory there does not stop the others.
 *
 *   memtwin compare                      memtwin-cell NAME FILE
 *   workload in a file in memory ------> the same pages
 *   a character per question ----------> standard input
 *   lines, the last one "." <----------- standard output
 *
 * The cell is another program, because the heap in it stands on no machine.
 */
#ifndef MEMTWIN_CELL_H
#define MEMTWIN_CELL_H

#include <sys/types.h>

#include "memtwin/measure.h"

/** Questions, and what comes for an answer.  To any of them "failed N" is one,
 *  too: memory ran out in operation N, from 1. */
enum cell_question {
    CELL_HERE = 'h',         /* "here", or "missing" */
    CELL_MEMORY = 'm',       /* "sample DONE LIVE RESIDENT", many */
    CELL_TIME = 't',         /* "time NANOSECONDS" of an operation */
    CELL_CYCLES = 'c',       /* "cycles P50 P99 P99.99 WORST" */
    CELL_ARENA = 'a',        /* "arena BYTES"; "arena 0": no heap, or none */
    CELL_INSTRUCTIONS = 'i', /* "instructions N", or "uncounted" */
    CELL_REPLAY = 'r'        /* nothing: a replay for who counts outside */
};

/** The contender that does nothing. */
#define CELL_NOTHING "nothing"

/** A file in memory: a struct workload, then its operations.
 *  @return it, or -1 after a message */
int cell_share(const struct workload *w);

struct cell {
    pid_t process; /* 0: ended */
    int to, from;
    double left;    /* seconds that it may take yet */
    char why[160];  /* a phrase: why it ended; "" while it has not */
    char said[120]; /* what it said that is no answer; its last words */
    char text[4096];
    size_t len, at; /* how much of @text was read, and handed out */
};

/**
 * Start a cell.
 * @program  memtwin-cell
 * @counter  -1, or a file that gets what callgrind counts of each replay
 * @file     what cell_share() gave
 * @seconds  on the wall, for all questions together
 */
void cell_start(struct cell *cell, const char *program, int counter,
                const char *name, int file, double seconds);
/** @return false: it has ended */
bool cell_ask(struct cell *cell, enum cell_question question);
/** A line of the answer, without its end.
 *  @return NULL: that was all, or the cell has ended */
char *cell_line(struct cell *cell);
/** @line is no answer. */
void cell_is_saying(struct cell *cell, const char *line);
/** End it, if it has not.  @return true: all by itself, and well */
bool cell_end(struct cell *cell);

#endif
