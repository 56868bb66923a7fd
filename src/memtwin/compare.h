/**
 * @file compare.h
 * The tables of "memtwin compare": for each workload a row for each contender.
 */
#ifndef MEMTWIN_COMPARE_H
#define MEMTWIN_COMPARE_H

#include "memtwin/cell.h"
#include "program/say.h"

#define COMPARE_ROUNDS_MAX 99
#define COMPARE_ROWS_MAX 32

enum compare_counter {
    COMPARE_UNCOUNTED,
    COMPARE_PROCESSOR, /* perf_event_open() */
    COMPARE_CALLGRIND
};

struct compare_options {
    char **traces;
    size_t trace_count;
    bool built_in;
    const char *rows[COMPARE_ROWS_MAX]; /* who is measured */
    size_t row_count;
    bool some;    /* not everyone */
    uint64_t ops; /* 0: all of a trace */
    unsigned rounds;
    uint64_t patience; /* seconds for each cell */
    bool count, json;
    const char *svg; /* a file, or NULL */
};

/** A figure that is 0 was not measured. */
struct compare_row {
    const char *name;
    bool missing;  /* not installed */
    char why[160]; /* a phrase: why figures are not there; "" */
    double ns;     /* of an operation: the median of the rounds */
    double ratio;  /* to the reference's */
    struct measured_cycles cycles;
    uint64_t arena;      /* bytes of the smallest heap */
    double instructions; /* of an operation, without the loop's own */
    struct measured_memory memory;
};

struct compare_table {
    const struct workload *workload;
    const char *reference; /* whose time is 1; NULL: nobody's */
    enum compare_counter counter;
    struct compare_row rows[COMPARE_ROWS_MAX];
    size_t row_count;
};

/** Largest sum of live bytes by the largest resident, or by the smallest arena;
 *  0: not known. */
double compare_of_resident(const struct compare_table *t,
                           const struct compare_row *r);
double compare_of_arena(const struct compare_table *t,
                        const struct compare_row *r);
/** The mean of the waste over all samples; below 0: not known. */
double compare_mean_waste(const struct compare_row *r);
/** The mean of something over the tables that have it for the contender, as
 *  factors are averaged; 0: none has it. */
double compare_geometric(const struct compare_table *tables, size_t count,
                         const char *name,
                         double (*figure)(const struct compare_table *,
                                          const struct compare_row *));
const char *compare_counter_name(enum compare_counter counter);

/** Parse the words after "compare".  @return false after one message */
bool compare_options_parse(struct compare_options *o, int argc, char **argv);

/** Fill in @t, whose workload is set. @return false after a message */
bool compare_measure(struct compare_table *t, const struct compare_options *o,
                     const char *program);

void compare_text(const struct compare_table *tables, size_t count);
/** @return false after a message: no memory */
bool compare_json(const struct compare_table *tables, size_t count);
/** Waste over operations, a panel for each table.
 *  @return false after a message: it cannot be written */
bool compare_svg(const struct compare_table *tables, size_t count,
                 const char *path);

#endif
