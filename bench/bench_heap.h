/**
 * @file bench_heap.h
 * Contenders and workloads of bench_heap.
 */
#ifndef BENCH_HEAP_H
#define BENCH_HEAP_H

#include "heap/heap.h"

/** One operation; what a sized free and a realloc must know is in it. */
struct bench_op {
    uint8_t kind;             /* enum replay_kind */
    uint8_t had_align, align; /* log2 */
    uint32_t id;
    uint64_t had_size, size;
};

static inline struct layout bench_had(const struct bench_op *op) {
    return (struct layout){ op->had_size, (size_t)1 << op->had_align };
}
static inline struct layout bench_want(const struct bench_op *op) {
    return (struct layout){ op->size, (size_t)1 << op->align };
}

struct workload {
    const char *name;
    struct bench_op *ops;
    size_t count, ids;
    uint64_t peak; /* largest sum of live requested bytes */
};

struct contender {
    const char *name;
    /** Ready for a run; @arena bytes at most, where that can be set. */
    bool (*start)(const struct contender *c, uint64_t arena);
    /** Carry out @w from an empty heap to an empty heap.
     *  @return false: no memory for an operation */
    bool (*replay)(const struct contender *c, const struct workload *w);
    /** The same, with the cycles of each operation in @cycles. */
    bool (*clock)(const struct contender *c, const struct workload *w,
                  uint32_t *cycles);
    const struct heap_class *class; /* NULL: a library */
    bool locked;
    const char *library, *prefix; /* its file and what its names begin with */
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *p, size_t size);
    void *(*memalign)(size_t align, size_t size);
    void (*free)(void *p);
};

/** bench_heap_run.c: the table, ended by a contender without a name; the first
 *  is what the others are compared with. */
extern struct contender contenders[];
/** Find the libraries; whoever is missing keeps a NULL in malloc. */
void contenders_find(void);

/** bench_heap_load.c: a trace file, or one of the built-in workloads.
 *  @return false after a message */
bool workload_read(struct workload *w, const char *path);
/** Number @i, from 0; @return false: there are no more */
bool workload_built_in(struct workload *w, unsigned i);
void workload_destroy(struct workload *w);

#endif
