/**
 * @file workload.h
 * What a heap is measured with: the operations of a trace, or some made here.
 *
 * Each operation carries what a sized free and a realloc must know, so that
 * nothing is looked up while a heap is measured.
 */
#ifndef MEMTWIN_WORKLOAD_H
#define MEMTWIN_WORKLOAD_H

#include "memtwin/trace.h"

struct workload_op {
    uint8_t kind;             /* enum replay_kind */
    uint8_t had_align, align; /* log2 */
    uint32_t id;
    uint64_t had_size, size; /* bytes; of what is live, 0: nothing */
};

static inline struct layout workload_had(const struct workload_op *op) {
    return (struct layout){ op->had_size, (size_t)1 << op->had_align };
}
static inline struct layout workload_want(const struct workload_op *op) {
    return (struct layout){ op->size, (size_t)1 << op->align };
}

#define WORKLOAD_NAME_MAX 64

struct workload {
    char name[WORKLOAD_NAME_MAX];
    struct workload_op *ops; /* malloc()ed */
    size_t count, ids;
    uint64_t peak;      /* largest sum of live requested bytes */
    size_t peak_at;     /* the operation that came to it */
    size_t peak_blocks; /* largest number of live blocks */
};

/** The operations of @trace.  @return false after a message: no memory */
bool workload_of_trace(struct workload *w, const struct trace *trace);
/** A trace file.  @return false after a message */
bool workload_read(struct workload *w, const char *path);
/** One of the workloads made here: number @i, from 0, of about @ops operations
 *  (0: 400000).
 *  @return false: there are no more, or after a message no memory */
bool workload_built_in(struct workload *w, unsigned i, uint64_t ops);
void workload_destroy(struct workload *w);

#endif
