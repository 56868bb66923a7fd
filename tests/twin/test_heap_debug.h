/**
 * @file test_heap_debug.h
 * A heap of the arena with the debug mode on, and what it reports.
 *
 *   records   a region of their own, on demand
 *   reports   counted; the last one kept, with its paragraph
 */
#ifndef TWIN_TEST_HEAP_DEBUG_H
#define TWIN_TEST_HEAP_DEBUG_H

#include "heap/debug.h"
#include "twin/test_heap_arena.h"

#define RECORDS_BASE UINT64_C(0x444700000000)
#define RECORDS_LIMIT (4 * MIB)

struct watched {
    struct heap_debug debug;
    struct heap_debug_config config; /* for the next watch_start() */
    uint64_t records_allowed;        /* bytes that records may still get */
    unsigned reports;                /* since watch_start() */
    struct heap_report last;
    char text[1200]; /* the paragraphs, one behind the other */
    size_t length;
};

extern struct watched watched;

/** Checked fixture: an arena and the records' region. */
void watch_setup(void);
void watch_teardown(void);

/** Debug mode on for the arena's heap; forget reports. */
void watch_start(void);
/** Debug mode off; it must be possible. */
void watch_stop(void);

/** Exactly @count reports since the last call, the last one of @misuse. */
void expect_reports(unsigned count, enum heap_misuse misuse);

/** Are these words in what was reported? */
bool watched_says(const char *words);

#endif
