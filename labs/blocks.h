/**
 * @file blocks.h
 * What the scripts of lab 5 have in common: a heap, and what the judge knows of
 * its blocks.
 *
 *   live[]   [ address, size, align, seed ]   the judge wrote the bytes, from
 *                                             the seed; nobody else may
 */
#ifndef LABS_BLOCKS_H
#define LABS_BLOCKS_H

#include <string.h>

#include "grade/script.h"
#include "heap/heap.h"

/** In the order of heap_classes[]. */
enum class_number { BUMP = 1, LIST = 3, BOUNDARY = 5, FIXED = 8 };
static inline const char *class_name(enum class_number class) {
    return class == BUMP    ? "bump"
           : class == LIST  ? "list"
           : class == FIXED ? "fixed"
                            : "boundary";
}

static const enum class_number all_classes[] = { BUMP, LIST, BOUNDARY, FIXED };

#define HEAP_BASE TALK_WINDOW_BASE
#define BLOCKS 256

struct block {
    uint64_t at, size, align, seed;
};
struct blocks {
    enum class_number class;
    uint64_t heap; /* its number */
    uint64_t base, limit;
    unsigned count;
    struct block live[BLOCKS];
    uint64_t seeds;
};

/** Heap number @heap of @class: @initial bytes, up to @limit. */
static inline void heap_on(struct test *t, struct blocks *b, uint64_t heap,
                           enum class_number class, uint64_t initial,
                           uint64_t limit, uint64_t quantum) {
    *b = (struct blocks){ .class = class,
                          .heap = heap,
                          .base = HEAP_BASE + heap * 16 * MIB,
                          .limit = limit };
    must_ok(t, (enum mm_status)ask(t, ASK_HEAP_INIT, heap, (uint64_t) class,
                                   b->base, limit, initial, quantum)
                   ->status);
}
/** ... of a fresh process. */
static inline void one_heap(struct test *t, struct blocks *b,
                            enum class_number class, uint64_t initial,
                            uint64_t limit, uint64_t quantum) {
    machine_on(t, (struct machine_want){ .ram = 8 * MIB });
    heap_on(t, b, 0, class, initial, limit, quantum);
}

static inline uint8_t byte_of(uint64_t seed, uint64_t n) {
    return (uint8_t)((seed * UINT64_C(0x9e3779b97f4a7c15) + n * 131) >> 7);
}

/** The answer of an allocation: no block, or one that lies in the heap, is
 *  aligned, and meets no other. */
static inline void block_check(struct test *t, const struct blocks *b,
                               struct block block, unsigned except) {
    must(t,
         block.at >= b->base && block.at - b->base < b->limit &&
             block.size <= b->limit - (block.at - b->base),
         NULL, "%s: a block of %lu bytes at 0x%lx lies outside the heap",
         class_name(b->class), block.size, block.at);
    must(t, block.at % block.align == 0, "H01",
         "%s: alignment %lu was asked for, and the block is at 0x%lx:\n"
         "  expected   0x%lx or 0x%lx\n  seen       0x%lx",
         class_name(b->class), block.align, block.at,
         block.at - block.at % block.align,
         block.at - block.at % block.align + block.align, block.at);
    for (unsigned i = 0; i < b->count; i++) {
        const struct block *other = &b->live[i];

        must(t,
             i == except || block.at + block.size <= other->at ||
                 other->at + other->size <= block.at,
             b->class == BUMP ? "H28" : "H09",
             "%s: a new block meets one that lives:\n"
             "  lives      [0x%lx .. 0x%lx)  %lu bytes\n"
             "  new        [0x%lx .. 0x%lx)  %lu bytes",
             class_name(b->class), other->at, other->at + other->size,
             other->size, block.at, block.at + block.size, block.size);
    }
}

static inline void bytes_write(struct test *t, const struct block *block,
                               uint64_t from) {
    uint8_t *p = window(t, block->at);

    for (uint64_t n = from; n < block->size; n++) {
        p[n] = byte_of(block->seed, n);
    }
}
static inline void bytes_check(struct test *t, const struct blocks *b,
                               const struct block *block, uint64_t len,
                               const char *mistake) {
    const uint8_t *p = window(t, block->at);

    for (uint64_t n = 0; n < len; n++) {
        must(t, p[n] == byte_of(block->seed, n), mistake,
             "%s: a block of %lu bytes at 0x%lx lost its content:\n"
             "  byte %lu  expected 0x%02x, seen 0x%02x",
             class_name(b->class), block->size, block->at, n,
             byte_of(block->seed, n), p[n]);
    }
}

/** Allocate; @return false: no memory. */
static inline bool try_block(struct test *t, struct blocks *b, uint64_t size,
                             uint64_t align) {
    const uint64_t at = ask(t, ASK_HEAP_ALLOC, b->heap, size, align)->out[0];
    const struct block block = { at, size, align, ++b->seeds };

    if (at == 0) {
        return false;
    }
    must(t, b->count < BLOCKS, NULL, "the script has room for %u blocks",
         BLOCKS);
    block_check(t, b, block, BLOCKS);
    b->live[b->count++] = block;
    bytes_write(t, &block, 0);
    return true;
}
/** Allocate, or the test fails.  @return its index */
static inline unsigned new_block(struct test *t, struct blocks *b,
                                 uint64_t size, uint64_t align) {
    must(t, try_block(t, b, size, align), NULL,
         "%s: no block for %lu bytes, alignment %lu, with %u blocks that live",
         class_name(b->class), size, align, b->count);
    return b->count - 1;
}
/** Free number @i; the last one takes its number. */
static inline void free_block(struct test *t, struct blocks *b, unsigned i) {
    const struct block block = b->live[i];
    enum mm_status status;

    bytes_check(t, b, &block, block.size, "H09");
    status = (enum mm_status)ask(t, ASK_HEAP_FREE, b->heap, block.at,
                                 block.size, block.align)
                 ->status;
    must(t, status == MM_OK, NULL,
         "%s: the block of %lu bytes at 0x%lx lives, and heap_free() says %s",
         class_name(b->class), block.size, block.at, mm_status_name(status));
    b->live[i] = b->live[--b->count];
}
static inline void free_all(struct test *t, struct blocks *b) {
    while (b->count > 0) {
        free_block(t, b, (unsigned)draw(t, b->count));
    }
}
/** Reallocate number @i.  @return false: no memory, and it is as it was */
static inline bool resize_block(struct test *t, struct blocks *b, unsigned i,
                                uint64_t size) {
    const struct block old = b->live[i];
    const uint64_t kept = old.size < size ? old.size : size;
    const uint64_t at =
        ask(t, ASK_HEAP_REALLOC, b->heap, old.at, old.size, old.align, size)
            ->out[0];
    struct block block = { at, size, old.align, old.seed };

    if (at == 0) {
        bytes_check(t, b, &old, old.size, "H19");
        return false;
    }
    block_check(t, b, block, i);
    bytes_check(t, b, &block, kept, "H16");
    bytes_write(t, &block, kept);
    b->live[i] = block;
    return true;
}

static inline uint64_t heap_end(struct test *t, const struct blocks *b) {
    return ask(t, ASK_HEAP_STATS, b->heap)->out[4];
}

/** What heap_walk() tells: the runs tile the heap, and blocks that live lie in
 *  runs in use.  @return the number of free runs; *@free_bytes: of these */
static inline unsigned runs_check(struct test *t, const struct blocks *b,
                                  uint64_t *free_bytes) {
    const uint64_t end = heap_end(t, b);
    const uint64_t count = ask(t, ASK_HEAP_WALK, b->heap)->out[0];
    const struct talk_run *runs =
        (const struct talk_run *)(const void *)blob(t);
    const uint64_t room = TALK_BLOB / sizeof *runs;
    uint64_t at = b->base;
    unsigned free_runs = 0;

    *free_bytes = 0;
    must(t, count <= room, "H13", "%s: the walk tells of %lu runs: a cycle?",
         class_name(b->class), count);
    for (uint64_t n = 0; n < count; n++) {
        must(t,
             runs[n].start == at && runs[n].bytes > 0 &&
                 runs[n].bytes <= end - at,
             "H10",
             "%s: the runs of the heap do not tile it; number %lu\n"
             "  expected   begins at 0x%lx, ends at 0x%lx or before\n"
             "  seen       [0x%lx .. 0x%lx) %s",
             class_name(b->class), n, at, end, runs[n].start,
             runs[n].start + runs[n].bytes, runs[n].used ? "used" : "free");
        at += runs[n].bytes;
        free_runs += !runs[n].used;
        *free_bytes += runs[n].used ? 0 : runs[n].bytes;
        for (unsigned i = 0; i < b->count && !runs[n].used; i++) {
            must(t,
                 b->live[i].at + b->live[i].size <= runs[n].start ||
                     at <= b->live[i].at,
                 "H06",
                 "%s: a free run covers a block that lives:\n"
                 "  run        [0x%lx .. 0x%lx)\n  block      [0x%lx .. 0x%lx)",
                 class_name(b->class), runs[n].start, at, b->live[i].at,
                 b->live[i].at + b->live[i].size);
        }
    }
    must(t, count == 0 || at == end, "H24",
         "%s: the runs end at 0x%lx, the heap at 0x%lx: %lu bytes are lost",
         class_name(b->class), at, end, end - at);
    return free_runs;
}

/** Nothing lives: one free run is the whole heap. */
static inline void must_be_whole(struct test *t, const struct blocks *b) {
    uint64_t bytes;
    const unsigned runs = runs_check(t, b, &bytes);

    must(t, runs == 1 && bytes == heap_end(t, b) - b->base, "H24",
         "%s: all blocks are freed, and the heap is not one free run:\n"
         "  expected   1 run, %lu bytes\n  seen       %u runs, %lu bytes",
         class_name(b->class), heap_end(t, b) - b->base, runs, bytes);
}

#endif
