/*
 * One operation after the other, and everything that can be seen of each:
 *
 *   alloc    in the heap, aligned, shares no byte with a live block;
 *            zeroed if asked; then filled with its pattern
 *   realloc  the old contents were intact, the new block has as much of them
 *            as fits; then the rest is filled
 *   free     the contents were intact; the heap takes the block back
 *
 * A request for 0 bytes is made as one for 1: a layout has no size 0.
 */
#include "replay/replay.h"

#include "base/hash.h"

#define PROGRESS_LINES 50

/** Set r->error; for the way out of a check. */
#define FAIL(r, ...)                                                           \
    (fmt_format((r)->error, sizeof((r)->error), __VA_ARGS__), false)

typedef unsigned long ulong_t; /* what %lx takes */

/** The heap gave @at for @want; may block @id have it? */
static bool accept(struct replay *r, uint32_t id, void *p, struct layout want) {
    const struct heap *heap = &r->mm->heap;
    vaddr_t at = vaddr_of_pointer(p);

    r->counts.addresses = hash_add(r->counts.addresses, at.v);
    if (at.v < heap->start.v || at.v >= heap->end.v ||
        want.size > heap->end.v - at.v) {
        return FAIL(r,
                    "block %u of %zu bytes at 0x%lx is not inside the heap "
                    "(0x%lx to 0x%lx)",
                    id, want.size, (ulong_t)at.v, (ulong_t)heap->start.v,
                    (ulong_t)heap->end.v);
    }
    if ((at.v & (want.align - 1)) != 0) {
        return FAIL(r, "block %u at 0x%lx is not aligned to %zu", id,
                    (ulong_t)at.v, want.align);
    }
    if (replay_claim(r, at, want.size) == MM_OVERLAP) {
        uint64_t other = replay_who_is_at(r, at, want.size);

        return FAIL(r,
                    "block %u of %zu bytes at 0x%lx overlaps block %lu of "
                    "%zu bytes at 0x%lx",
                    id, want.size, (ulong_t)at.v, (ulong_t)other,
                    r->blocks[other].layout.size,
                    (ulong_t)r->blocks[other].at.v);
    }
    return true;
}

/** Are the first @size bytes at @at those of @b's pattern? */
static bool intact(struct replay *r, uint32_t id, const struct replay_block *b,
                   vaddr_t at, uint64_t size, const char *when) {
    const uint8_t *bytes = pointer_of(at);
    uint64_t wrong = replay_check(bytes, size, b->seed);

    if (wrong == size) {
        return true;
    }
    return FAIL(r,
                "block %u is corrupt %s: byte %lu of %zu at 0x%lx is 0x%02x,"
                " expected 0x%02x",
                id, when, (ulong_t)wrong, b->layout.size,
                (ulong_t)(at.v + wrong), bytes[wrong],
                replay_pattern_byte(b->seed, wrong));
}

static void count_live(struct replay *r, uint64_t more, uint64_t less) {
    struct replay_counts *c = &r->counts;

    c->live_bytes += more - less;
    if (c->live_bytes > c->peak_bytes) {
        c->peak_bytes = c->live_bytes;
    }
}

static bool is_live(const struct replay *r, uint32_t id) {
    return r->blocks[id].layout.align != 0;
}

/** The layout that @op asks for; false when no kernel could serve it. */
static bool layout_of(struct replay *r, const struct replay_op *op,
                      struct layout *want) {
    *want = (struct layout){ op->size == 0 ? 1 : op->size, HEAP_ALIGN_MIN };
    if (op->kind != REPLAY_ALIGNED) {
        return true;
    }
    if (op->align_shift >= 64 ||
        UINT64_C(1) << op->align_shift > HEAP_ALIGN_MAX) {
        return FAIL(r, "bad module: alignment 2^%u", op->align_shift);
    }
    if ((size_t)1 << op->align_shift > want->align) {
        want->align = (size_t)1 << op->align_shift;
    }
    return true;
}

/** A block that was asked for zeroed is. */
static bool zeroed(struct replay *r, uint32_t id, const void *p, size_t size) {
    uint64_t wrong = replay_check_zero(p, size);

    return wrong == size ||
           FAIL(r, "block %u is not zeroed: byte %lu of %zu at 0x%lx is 0x%02x",
                id, (ulong_t)wrong, size,
                (ulong_t)(vaddr_of_pointer(p).v + wrong),
                ((const uint8_t *)p)[wrong]);
}

static bool do_alloc(struct replay *r, const struct replay_op *op) {
    struct replay_block *b = &r->blocks[op->id];
    struct heap *heap = &r->mm->heap;
    struct layout want;
    void *p;

    if (is_live(r, op->id)) {
        return FAIL(r, "bad module: block %u is live already", op->id);
    }
    if (!layout_of(r, op, &want)) {
        return false;
    }
    p = op->kind == REPLAY_ZEROED ? heap_alloc_zeroed(heap, want)
                                  : heap_alloc(heap, want);
    if (p == NULL) {
        return FAIL(r, "out of memory: %zu bytes aligned to %zu for block %u",
                    want.size, want.align, op->id);
    }
    if (!accept(r, op->id, p, want) ||
        (op->kind == REPLAY_ZEROED && !zeroed(r, op->id, p, want.size))) {
        return false;
    }
    *b = (struct replay_block){ vaddr_of_pointer(p), want,
                                hash_mix((uint64_t)op->id << 40 ^ r->op) };
    replay_fill(p, want.size, b->seed, 0);
    count_live(r, want.size, 0);
    if (++r->counts.live_blocks > r->counts.peak_blocks) {
        r->counts.peak_blocks = r->counts.live_blocks;
    }
    return true;
}

static bool do_realloc(struct replay *r, const struct replay_op *op) {
    struct replay_block *b = &r->blocks[op->id];
    struct layout had = b->layout;
    struct layout want = { op->size == 0 ? 1 : op->size, had.align };
    uint64_t kept = want.size < had.size ? want.size : had.size;
    void *p;

    if (!is_live(r, op->id)) {
        return FAIL(r, "bad module: block %u is not live", op->id);
    }
    if (!intact(r, op->id, b, b->at, had.size, "before it is reallocated")) {
        return false;
    }
    p = heap_realloc(&r->mm->heap, pointer_of(b->at), had, want.size);
    if (p == NULL) {
        return FAIL(r, "out of memory: block %u from %zu to %zu bytes", op->id,
                    had.size, want.size);
    }
    replay_disclaim(r, b->at, had.size);
    b->layout.align = 0; /* while nobody has it, nobody overlaps it */
    if (!accept(r, op->id, p, want)) {
        return false;
    }
    b->at = vaddr_of_pointer(p);
    b->layout = want;
    if (!intact(r, op->id, b, b->at, kept, "after it was reallocated")) {
        return false;
    }
    replay_fill(p, want.size, b->seed, kept);
    count_live(r, want.size, had.size);
    return true;
}

static bool do_free(struct replay *r, const struct replay_op *op) {
    struct replay_block *b = &r->blocks[op->id];
    enum mm_status st;

    if (!is_live(r, op->id)) {
        return FAIL(r, "bad module: block %u is not live", op->id);
    }
    if (!intact(r, op->id, b, b->at, b->layout.size, "when it is freed")) {
        return false;
    }
    st = heap_free(&r->mm->heap, pointer_of(b->at), b->layout);
    if (st != MM_OK) {
        return FAIL(r, "the heap refuses to free block %u at 0x%lx: %s", op->id,
                    (ulong_t)b->at.v, mm_status_name(st));
    }
    replay_disclaim(r, b->at, b->layout.size);
    count_live(r, 0, b->layout.size);
    r->counts.live_blocks--;
    b->layout.align = 0;
    return true;
}

static bool do_op(struct replay *r, const struct replay_op *op) {
    bool good;

    if (op->kind >= REPLAY_KIND_COUNT || op->id >= r->id_count) {
        return FAIL(r, "bad module: kind %u, block %u", op->kind, op->id);
    }
    if (op->kind == REPLAY_FREE) {
        good = do_free(r, op);
    } else if (op->kind == REPLAY_REALLOC) {
        good = do_realloc(r, op);
    } else {
        good = do_alloc(r, op);
    }
    if (good) {
        r->counts.done[op->kind]++;
    }
    return good;
}

static bool sound(struct replay *r) {
    const char *why = "no reason given";

    r->counts.sound_checks++;
    return mm_check(r->mm, &why) || FAIL(r, "not sound: %s", why);
}

/** Blocks that the trace left live must be intact as well. */
static bool check_leftovers(struct replay *r) {
    uint64_t id;

    for (id = 0; id < r->id_count; id++) {
        const struct replay_block *b = &r->blocks[id];

        if (b->layout.align != 0 &&
            !intact(r, (uint32_t)id, b, b->at, b->layout.size, "at the end")) {
            return false;
        }
    }
    return true;
}

bool replay_init(struct replay *r, struct mm *mm, const struct replay_op *ops,
                 uint64_t op_count, uint64_t id_count) {
    struct mm_init_result heap;
    enum mm_status st;

    *r = (struct replay){ .mm = mm,
                          .ops = ops,
                          .op_count = op_count,
                          .id_count = id_count,
                          .frames_before = mm->pmm.stats.allocated,
                          .tables_before = mm->space.stats.tables };
    st = replay_books_open(r);
    if (st != MM_OK) {
        return FAIL(r, "no room for the books of %lu blocks: %s",
                    (ulong_t)id_count, mm_status_name(st));
    }
    heap = mm_init_heap(mm);
    return heap.status == MM_OK ||
           FAIL(r, "no %s: %s", heap.step, mm_status_name(heap.status));
}

/** A trace ends with nothing live; the middle says more about a heap. */
static void halfway(struct replay *r) {
    r->halfway = mm_digest(r->mm).all;
    if (r->list_state) {
        replay_list_state(r, "halfway");
    }
}

static void progress(const struct replay *r) {
    replay_say("replay: progress %lu %lu\n", (ulong_t)r->op,
               (ulong_t)r->op_count);
}

bool replay_run(struct replay *r) {
    const uint64_t step = r->op_count / PROGRESS_LINES + 1;
    const uint64_t half = r->op_count - r->op_count / 2;

    for (r->op = 0; r->op < r->op_count; r->op++) {
        if (r->op % step == 0) {
            progress(r);
        }
        if (!do_op(r, &r->ops[r->op])) {
            return false;
        }
        if (r->op + 1 == half) {
            halfway(r);
        }
        if (r->sound_every != 0 && (r->op + 1) % r->sound_every == 0 &&
            !sound(r)) {
            return false;
        }
    }
    progress(r);
    return check_leftovers(r) && sound(r);
}

bool replay_fini(struct replay *r) {
    uint64_t now;

    mm_teardown(r->mm);
    replay_books_close(r);
    now = r->mm->pmm.stats.allocated;
    if (now != r->frames_before) {
        replay_say("replay: error at the end: %lu frames never came back: they "
                   "are handed out, and nothing shows them any more\n",
                   (ulong_t)(now - r->frames_before));
    }
    return now == r->frames_before;
}
