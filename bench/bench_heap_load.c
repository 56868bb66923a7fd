/*
 * Workloads: the trace of a program, or one of those made here.
 *
 * A block is aligned as malloc() would: to 16, or to 8 when it is too small to
 * hold anything that wants more.
 */
#include "bench_heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "memtwin/trace.h"

/** What lives, while a workload is made. */
struct book {
    uint64_t size;
    uint8_t align;
};

static uint8_t align_for(uint64_t size, uint8_t asked) {
    const uint8_t least = size < 16 ? 3 : 4;

    return asked > least ? asked : least;
}

static void add(struct workload *w, struct book *books, uint64_t *live,
                struct replay_op op) {
    struct book *book = &books[op.id];
    struct bench_op *to = &w->ops[w->count++];

    *to = (struct bench_op){ .kind = op.kind,
                             .id = op.id,
                             .had_size = book->size,
                             .had_align = book->align };
    *live -= book->size;
    *book = (struct book){ 0, 0 };
    if (op.kind != REPLAY_FREE) {
        book->size = op.size == 0 ? 1 : op.size;
        book->align = align_for(book->size, op.align_shift);
        *live += book->size;
    }
    to->size = book->size;
    to->align = book->align;
    w->peak = *live > w->peak ? *live : w->peak;
}

static bool open_workload(struct workload *w, const char *name, size_t ops,
                          size_t ids, struct book **books) {
    *w = (struct workload){ .name = name, .ids = ids };
    w->ops = calloc(ops, sizeof(*w->ops));
    *books = calloc(ids, sizeof(**books));
    if (w->ops == NULL || *books == NULL) {
        fprintf(stderr, "bench_heap: no memory for %s\n", name);
        return false;
    }
    return true;
}

bool workload_read(struct workload *w, const char *path) {
    struct trace trace;
    struct book *books;
    uint64_t live = 0;

    if (!trace_read(&trace, path) ||
        !open_workload(w, strdup(trace.name), trace.op_count, trace.id_count,
                       &books)) {
        return false;
    }
    for (uint64_t i = 0; i < trace.op_count; i++) {
        add(w, books, &live, trace.ops[i]);
    }
    free(books);
    trace_destroy(&trace);
    return true;
}

void workload_destroy(struct workload *w) {
    free(w->ops);
    w->ops = NULL;
}

/* --- built in ------------------------------------------------------------- */

#define OPS 400000
static uint64_t dice_state;

static uint64_t dice(uint64_t sides) {
    return hash_mix(dice_state++) % sides;
}

static struct replay_op op(enum replay_kind kind, uint64_t id, uint64_t size) {
    return (struct replay_op){ .kind = (uint8_t)kind,
                               .id = (uint32_t)id,
                               .size = size };
}

/** A block and back, again and again. */
static void hot_pairs(struct workload *w, struct book *books, uint64_t *live) {
    for (unsigned i = 0; i < OPS / 2; i++) {
        add(w, books, live, op(REPLAY_ALLOC, 0, 64));
        add(w, books, live, op(REPLAY_FREE, 0, 0));
    }
}

/** All ids live, then a random one is replaced each time. */
static void churn(struct workload *w, struct book *books, uint64_t *live) {
    for (uint64_t id = 0; id < w->ids; id++) {
        add(w, books, live, op(REPLAY_ALLOC, id, 16 + dice(240)));
    }
    while (w->count < 2 * OPS) {
        const uint64_t id = dice(w->ids);

        add(w, books, live, op(REPLAY_FREE, id, 0));
        add(w, books, live, op(REPLAY_ALLOC, id, 16 + dice(240)));
    }
    for (uint64_t id = 0; id < w->ids; id++) {
        add(w, books, live, op(REPLAY_FREE, id, 0));
    }
}

/** Sixteen vectors that grow by a half from 16 bytes to 64 KiB and start
 *  again. */
static void vectors(struct workload *w, struct book *books, uint64_t *live) {
    for (uint64_t id = 0; id < w->ids; id++) {
        add(w, books, live, op(REPLAY_ALLOC, id, 16));
    }
    while (w->count < OPS / 4) {
        const uint64_t id = dice(w->ids), had = books[id].size;

        add(w, books, live,
            op(REPLAY_REALLOC, id, had > 65536 ? 16 : had + had / 2));
    }
    for (uint64_t id = 0; id < w->ids; id++) {
        add(w, books, live, op(REPLAY_FREE, id, 0));
    }
}

/** Blocks aligned to 32 .. 4096. */
static void aligned(struct workload *w, struct book *books, uint64_t *live) {
    struct replay_op take = { .kind = REPLAY_ALIGNED };

    for (unsigned i = 0; i < OPS / 2; i++) {
        take.id = (uint32_t)dice(w->ids);
        if (books[take.id].size > 0) {
            add(w, books, live, op(REPLAY_FREE, take.id, 0));
        } else {
            take.align_shift = (uint8_t)(5 + dice(8));
            take.size = 16 + dice(1000);
            add(w, books, live, take);
        }
    }
    for (uint64_t id = 0; id < w->ids; id++) {
        if (books[id].size > 0) {
            add(w, books, live, op(REPLAY_FREE, id, 0));
        }
    }
}

bool workload_built_in(struct workload *w, unsigned i) {
    static const struct {
        const char *name;
        size_t ids;
        void (*make)(struct workload *, struct book *, uint64_t *);
    } made[] = { { "hot pairs", 1, hot_pairs },
                 { "churn 10k", 10000, churn },
                 { "churn 100k", 100000, churn },
                 { "vectors", 16, vectors },
                 { "aligned", 1000, aligned } };
    struct book *books;
    uint64_t live = 0;

    if (i >= sizeof(made) / sizeof(made[0]) ||
        !open_workload(w, made[i].name, 3 * OPS, made[i].ids, &books)) {
        return false;
    }
    dice_state = 1;
    made[i].make(w, books, &live);
    free(books);
    return true;
}
