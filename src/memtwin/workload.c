/*
 * Workloads: the trace of a program, or one of those made here.
 *
 * A block is aligned as malloc() would: to 16, or to 8 when it is too small to
 * hold anything that wants more.
 */
#include "memtwin/workload.h"

#include <stdlib.h>

#include "base/hash.h"
#include "program/say.h"

/** What lives, while a workload is made. */
struct book {
    uint64_t size; /* 0: no block */
    uint8_t align; /* log2 */
};

struct making {
    struct workload *w;
    struct book *books; /* by id */
    uint64_t bytes;     /* live */
    size_t blocks;
    size_t ops; /* of those made here: about so many */
};

static uint8_t align_for(uint64_t size, uint8_t asked) {
    const uint8_t least = size < 16 ? 3 : 4;

    return asked > least ? asked : least;
}

static void add(struct making *m, struct replay_op op) {
    struct workload *w = m->w;
    struct book *book = &m->books[op.id];
    struct workload_op *to = &w->ops[w->count++];

    *to = (struct workload_op){ .kind = op.kind,
                                .id = op.id,
                                .had_size = book->size,
                                .had_align = book->align };
    m->bytes -= book->size;
    m->blocks -= book->size > 0;
    *book = (struct book){ 0, 0 };
    if (op.kind != REPLAY_FREE) {
        book->size = op.size == 0 ? 1 : op.size;
        book->align = align_for(book->size, op.align_shift);
        m->bytes += book->size;
        m->blocks++;
    }
    to->size = book->size;
    to->align = book->align;
    if (m->bytes > w->peak) {
        w->peak = m->bytes;
        w->peak_at = w->count - 1;
    }
    w->peak_blocks = m->blocks > w->peak_blocks ? m->blocks : w->peak_blocks;
}

static bool begin(struct making *m, struct workload *w, const char *name,
                  size_t ops, size_t ids) {
    *w = (struct workload){ .ids = ids };
    snprintf(w->name, sizeof(w->name), "%s", name);
    w->ops = calloc(ops + 1, sizeof(*w->ops));
    *m = (struct making){ .w = w,
                          .books = calloc(ids + 1, sizeof(struct book)) };
    if (w->ops == NULL || m->books == NULL) {
        complain("no memory for %s", name);
        free(m->books);
        workload_destroy(w);
        return false;
    }
    return true;
}

bool workload_of_trace(struct workload *w, const struct trace *trace) {
    struct making m;

    if (!begin(&m, w, trace->name, trace->op_count, trace->id_count)) {
        return false;
    }
    for (uint64_t i = 0; i < trace->op_count; i++) {
        add(&m, trace->ops[i]);
    }
    free(m.books);
    return true;
}

bool workload_read(struct workload *w, const char *path) {
    struct trace trace;
    bool good = trace_read(&trace, path) && workload_of_trace(w, &trace);

    trace_destroy(&trace);
    return good;
}

void workload_destroy(struct workload *w) {
    free(w->ops);
    w->ops = NULL;
}

/* --- built in ------------------------------------------------------------- */

#define OPS 400000
#define OPS_MAX (1 << 26)
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
static void hot_pairs(struct making *m) {
    for (unsigned i = 0; i < (m->ops + 1) / 2; i++) {
        add(m, op(REPLAY_ALLOC, 0, 64));
        add(m, op(REPLAY_FREE, 0, 0));
    }
}

/** All ids live, then a random one is replaced each time. */
static void churn(struct making *m) {
    for (uint64_t id = 0; id < m->w->ids; id++) {
        add(m, op(REPLAY_ALLOC, id, 16 + dice(240)));
    }
    while (m->w->count < 2 * m->ops) {
        const uint64_t id = dice(m->w->ids);

        add(m, op(REPLAY_FREE, id, 0));
        add(m, op(REPLAY_ALLOC, id, 16 + dice(240)));
    }
    for (uint64_t id = 0; id < m->w->ids; id++) {
        add(m, op(REPLAY_FREE, id, 0));
    }
}

/** Sixteen vectors that grow by a half from 16 bytes to 64 KiB and start
 *  again. */
static void vectors(struct making *m) {
    for (uint64_t id = 0; id < m->w->ids; id++) {
        add(m, op(REPLAY_ALLOC, id, 16));
    }
    while (m->w->count < m->ops / 4) {
        const uint64_t id = dice(m->w->ids), had = m->books[id].size;

        add(m, op(REPLAY_REALLOC, id, had > 65536 ? 16 : had + had / 2));
    }
    for (uint64_t id = 0; id < m->w->ids; id++) {
        add(m, op(REPLAY_FREE, id, 0));
    }
}

/** Blocks aligned to 32 .. 4096. */
static void aligned(struct making *m) {
    struct replay_op take = { .kind = REPLAY_ALIGNED };

    for (unsigned i = 0; i < (m->ops + 1) / 2; i++) {
        take.id = (uint32_t)dice(m->w->ids);
        if (m->books[take.id].size > 0) {
            add(m, op(REPLAY_FREE, take.id, 0));
        } else {
            take.align_shift = (uint8_t)(5 + dice(8));
            take.size = 16 + dice(1000);
            add(m, take);
        }
    }
    for (uint64_t id = 0; id < m->w->ids; id++) {
        if (m->books[id].size > 0) {
            add(m, op(REPLAY_FREE, id, 0));
        }
    }
}

bool workload_built_in(struct workload *w, unsigned i, uint64_t asked) {
    static const struct {
        const char *name;
        size_t ids;
        void (*make)(struct making *);
    } made[] = { { "hot pairs", 1, hot_pairs },
                 { "churn 10k", 10000, churn },
                 { "churn 100k", 100000, churn },
                 { "vectors", 16, vectors },
                 { "aligned", 1000, aligned } };
    const size_t ops = asked == 0        ? OPS
                       : asked < OPS_MAX ? (size_t)asked
                                         : OPS_MAX;
    struct making m;
    size_t ids;

    if (i >= sizeof(made) / sizeof(made[0])) {
        return false;
    }
    ids = made[i].ids <= ops / 4 ? made[i].ids : ops / 4 + 1;
    if (!begin(&m, w, made[i].name, 3 * ops + 8, ids)) {
        return false;
    }
    m.ops = ops;
    dice_state = 1;
    made[i].make(&m);
    free(m.books);
    return true;
}
