/*
 * From the calls of a program to a trace.
 *
 *   malloc(48) = 0x55..2a0        a 0 48        an id for each live block; the
 * id free(0x55..2a0)               f 0           freed last is given first
 *
 * The blocks that are live are in a search tree (tsearch) by their address.  A
 * block that was made before the recording began is none: its free is dropped,
 * its reallocation is an allocation.  A block whose address comes again was
 * freed where nobody could see it.
 */
#include "memtwin/record.h"

#include <search.h>
#include <stdlib.h>

struct block {
    uint64_t at;
    uint32_t id;
};

struct conversion {
    struct trace *trace;
    void *live;         /* tree of struct block */
    uint32_t *free_ids; /* a stack */
    size_t free_count, free_room;
    size_t room; /* of trace->ops */
    bool no_memory;
};

static int by_address(const void *a, const void *b) {
    const struct block *x = a, *y = b;

    return (x->at > y->at) - (x->at < y->at);
}

static struct block *find(struct conversion *c, uint64_t at) {
    struct block key = { .at = at };
    struct block **node = tfind(&key, &c->live, by_address);

    return node == NULL ? NULL : *node;
}

/** @array has room for one element more; else no_memory is set. */
static void *have_room(struct conversion *c, void *array, size_t count,
                       size_t *room, size_t element) {
    size_t more = *room == 0 ? 1024 : *room * 2;
    void *larger;

    if (count < *room) {
        return array;
    }
    larger = realloc(array, more * element);
    if (larger == NULL) {
        c->no_memory = true;
        return array;
    }
    *room = more;
    return larger;
}

static void add(struct conversion *c, struct replay_op op) {
    c->trace->ops = have_room(c, c->trace->ops, c->trace->op_count, &c->room,
                              sizeof(*c->trace->ops));
    if (!c->no_memory) {
        c->trace->ops[c->trace->op_count++] = op;
    }
}

/* --- ids ----------------------------------------------------------------- */

static uint32_t take_id(struct conversion *c) {
    return c->free_count > 0 ? c->free_ids[--c->free_count]
                             : (uint32_t)c->trace->id_count++;
}

static void give_id(struct conversion *c, uint32_t id) {
    c->free_ids = have_room(c, c->free_ids, c->free_count, &c->free_room,
                            sizeof(*c->free_ids));
    if (!c->no_memory) {
        c->free_ids[c->free_count++] = id;
    }
}

/* --- calls ---------------------------------------------------------------- */

static void remember(struct conversion *c, uint64_t at, uint32_t id) {
    struct block *block = malloc(sizeof(*block));

    if (block == NULL) {
        c->no_memory = true;
        return;
    }
    *block = (struct block){ at, id };
    if (tsearch(block, &c->live, by_address) == NULL) {
        free(block);
        c->no_memory = true;
    }
}

static void forget(struct conversion *c, struct block *block) {
    tdelete(block, &c->live, by_address);
    free(block);
}

static void convert_free(struct conversion *c, uint64_t at) {
    struct block *block = find(c, at);

    if (block != NULL) {
        add(c, (struct replay_op){ .kind = REPLAY_FREE, .id = block->id });
        give_id(c, block->id);
        forget(c, block);
    }
}

static uint64_t sane(uint64_t size) {
    return size < REPLAY_SIZE_MAX ? size : REPLAY_SIZE_MAX;
}

static void convert_alloc(struct conversion *c, const struct call *call) {
    struct replay_op op = { .kind = REPLAY_ALLOC, .size = sane(call->size) };
    const unsigned most = (unsigned)__builtin_ctzll(HEAP_ALIGN_MAX);

    convert_free(c, call->at);
    op.id = take_id(c);
    if (call->kind == CALL_ZEROED) {
        op.kind = REPLAY_ZEROED;
    } else if (UINT64_C(1) << (call->align_shift & 63) > HEAP_ALIGN_MIN) {
        op.kind = REPLAY_ALIGNED;
        op.align_shift =
            (uint8_t)(call->align_shift < most ? call->align_shift : most);
    }
    add(c, op);
    remember(c, call->at, op.id);
}

static void convert_realloc(struct conversion *c, const struct call *call) {
    struct block *block = find(c, call->old);
    uint32_t id;

    if (block == NULL) {
        convert_alloc(c, call);
        return;
    }
    id = block->id;
    if (call->at != call->old) {
        forget(c, block);
        convert_free(c, call->at);
        remember(c, call->at, id);
    }
    add(c, (struct replay_op){
               .kind = REPLAY_REALLOC, .id = id, .size = sane(call->size) });
}

/** exec() took every block with it, and no call says so. */
static void convert_start(struct conversion *c) {
    while (c->live != NULL && !c->no_memory) {
        convert_free(c, (*(struct block **)c->live)->at);
    }
}

bool trace_of_calls(struct trace *trace, const struct call *calls,
                    size_t count) {
    struct conversion c = { .trace = trace };

    for (size_t n = 0; n < count && !c.no_memory; n++) {
        switch (calls[n].kind) {
        case CALL_START:
            convert_start(&c);
            break;
        case CALL_ALLOC:
        case CALL_ZEROED:
            convert_alloc(&c, &calls[n]);
            break;
        case CALL_REALLOC:
            convert_realloc(&c, &calls[n]);
            break;
        case CALL_FREE:
            convert_free(&c, calls[n].at);
            break;
        default: /* CALL_NONE */
            break;
        }
    }
    tdestroy(c.live, free);
    free(c.free_ids);
    if (c.no_memory) {
        complain("no memory for the trace");
    }
    return !c.no_memory && trace_balance(trace);
}
