/**
 * @file contender.h
 * Who is measured: a heap class over memory that is there, or a library's
 * malloc() where it is installed.
 *
 * One at a time: all heaps of a process use the same window of addresses.
 */
#ifndef MEMTWIN_CONTENDER_H
#define MEMTWIN_CONTENDER_H

#include "memtwin/workload.h"

struct contender {
    const char *name;
    const struct heap_class *class; /* NULL: a library */
    bool locked;                    /* the heap is shared, so that it locks */
    const char *library, *prefix;   /* its file and what its names begin with */
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *p, size_t size);
    void *(*memalign)(size_t align, size_t size);
    void (*free)(void *p);
};

/** The heap class @class, in a heap of one user or (@locked) of several. */
struct contender contender_heap(const char *name,
                                const struct heap_class *class, bool locked);
/** The library of that name; malloc is NULL when it is not installed. */
struct contender contender_library(const char *name);
/** Does nothing, as far as that goes: what is left is the loop's own. */
struct contender contender_nothing(void);

/** Name number @i of all libraries, or NULL; the first that is installed is
 *  what the others are compared with. */
const char *contender_library_name(unsigned i);

/** Any of them by its name, that of a class with "-locked" for a shared heap.
 *  @return false: nobody is called that */
bool contender_find(struct contender *c, const char *name);
/** The same question, and nothing is loaded. */
bool contender_is_known(const char *name);

/** Is there anything to measure? */
static inline bool contender_is_here(const struct contender *c) {
    return c->class != NULL || c->malloc != NULL;
}

/** The window of a heap: addresses, of which only what is touched costs. */
#define CONTENDER_WINDOW GIB

/** Ready for a run: a heap is empty, and has @arena bytes at most.
 *  @return false: there is no heap as small as that */
bool contender_start(const struct contender *c, uint64_t arena);

/** Carry out @w, from an empty heap to an empty heap.
 *  @return how many operations went well: all of them, or as many as there was
 *          memory for */
size_t contender_replay(const struct contender *c, const struct workload *w);
/** The same, with the cycles of each operation in @cycles. */
size_t contender_clock(const struct contender *c, const struct workload *w,
                       uint32_t *cycles);

/** Told of a moment between two operations. */
typedef void contender_see(void *ctx, size_t done, uint64_t live);

/** The same, where each page of each block is written to, and @see is called
 *  with @ctx every @every operations, after the one that comes to the peak, and
 *  at the end. */
size_t contender_watch(const struct contender *c, const struct workload *w,
                       size_t every, contender_see *see, void *ctx);

#endif
