/**
 * @file test_heap_debug.h
 * Heaps with the debug mode on, and what they report: a heap of the arena, or
 * the one of the machine.
 *
 *   records   of the arena's: a region of their own, on demand
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
    char text[1200]; /* its paragraph, or what watch_hear() was told */
    size_t length;
};

extern struct watched watched;

/** Checked fixture: an arena and the records' region. */
void watch_setup(void);
void watch_teardown(void);

/** Debug mode on for the arena's heap; forget reports. */
void watch_start(void);
/** An arena of class number @i with it.  @return false: it hands nothing out */
bool watch_class(int i);
void watch_slab(void);
/** Free a block that is aligned to 16. */
void watch_free(void *p, size_t size);
/** The blocks that are left go with the heap; its pages keep what they show. */
void watch_release(void);
/** Debug mode off; it must be possible. */
void watch_stop(void);

/** A machine whose heap is of class number @i and watched.
 *  @return false: it hands nothing out, or can't be with pages */
bool watch_mm_start(int i, enum mm_heap_debug mode);
/** Watch the machine's heap, which was started again. */
void watch_mm(void);
/** Nothing stays behind: neither a block nor a record, nor a frame of either.
 */
void watch_mm_stop(void);

/** Exactly @count reports since the last call, the last one of @misuse. */
void expect_reports(unsigned count, enum heap_misuse misuse);

/** Are these words in the text? */
bool watched_says(const char *words);
/** A sink for the text; watch_forget() empties it. */
void watch_hear(void *ctx, char c);
void watch_forget(void);
/** Is each byte of a block @byte?  Also where a sanitizer would stop. */
bool all_are(const uint8_t *p, size_t size, uint8_t byte);

#endif
