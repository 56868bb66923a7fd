/*
 * The contenders: heap classes over memory that is there, and the C library's
 * malloc() and others where they are installed.
 */
#include "bench_heap.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "replay/replay.h"

#define WINDOW (64 * MIB)

static struct heap heap;
static void *window;

static enum mm_status extend(void *ctx, vaddr_t end, size_t bytes) {
    (void)ctx, (void)end, (void)bytes;
    return MM_OK; /* it is mapped */
}

static bool heap_start(const struct contender *c, uint64_t arena) {
    const struct heap_source source = { extend, NULL };
    enum mm_status st;

    if (window == NULL) {
        window = mmap((void *)0x444444440000, WINDOW, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (window == MAP_FAILED) {
            perror("bench_heap: mmap");
            exit(EXIT_FAILURE);
        }
    }
    arena = arena < WINDOW ? arena & ~(PAGE_SIZE - 1) : WINDOW;
    st = heap_init(&heap, c->class,
                   (struct vrange){ vaddr_of_pointer(window), arena }, 0,
                   source, NULL);
    heap.alone = !c->locked;
    return st == MM_OK;
}

static bool library_start(const struct contender *c, uint64_t arena) {
    (void)arena;
    return c->malloc != NULL;
}

/** As malloc() would: who grows out of 8-byte alignment moves. */
static void *heap_grow_out(const struct bench_op *op, void *p) {
    void *q = heap_alloc(&heap, bench_want(op));

    if (q != NULL) {
        memcpy(q, p, op->had_size < op->size ? op->had_size : op->size);
        (void)!heap_free(&heap, p, bench_had(op));
    }
    return q;
}

static inline uint64_t cycles_now(void) {
    return __builtin_ia32_rdtsc();
}

/* --- heaps ---------------------------------------------------------------- */

#define ALLOC(c, op) heap_alloc(&heap, bench_want(op))
#define ALIGNED ALLOC
#define ZEROED(c, op) heap_alloc_zeroed(&heap, bench_want(op))
#define REALLOC(c, p, op)                                                      \
    ((op)->had_align != (op)->align                                            \
         ? heap_grow_out(op, p)                                                \
         : heap_realloc(&heap, p, bench_had(op), (op)->size))
#define FREE(c, p, op)                                                         \
    do {                                                                       \
        if (heap_free(&heap, p, bench_had(op)) != MM_OK) {                     \
            abort();                                                           \
        }                                                                      \
    } while (0)
#define BEFORE(i) (void)0
#define AFTER(i) (void)0
#define REPLAY heap_replay_blocks
#include "bench_heap_run.h"
#undef BEFORE
#undef AFTER
#undef REPLAY

static uint32_t *clocks;
static uint64_t clock_start;

#define BEFORE(i) clock_start = cycles_now()
#define AFTER(i) clocks[i] = (uint32_t)(cycles_now() - clock_start)
#define REPLAY heap_clock_blocks
#include "bench_heap_run.h"
#undef REPLAY
#undef ALLOC
#undef ALIGNED
#undef ZEROED
#undef REALLOC
#undef FREE

/* --- libraries ------------------------------------------------------------ */

#define ALLOC(c, op) (c)->malloc((op)->size)
#define ALIGNED(c, op) (c)->memalign((size_t)1 << (op)->align, (op)->size)
#define ZEROED(c, op) (c)->calloc(1, (op)->size)
#define REALLOC(c, p, op) (c)->realloc(p, (op)->size)
#define FREE(c, p, op) (c)->free(p)
#define REPLAY library_clock_blocks
#include "bench_heap_run.h"
#undef BEFORE
#undef AFTER
#undef REPLAY
#define BEFORE(i) (void)0
#define AFTER(i) (void)0
#define REPLAY library_replay_blocks
#include "bench_heap_run.h"

/* --- both ----------------------------------------------------------------- */

static bool with_blocks(const struct contender *c, const struct workload *w,
                        bool (*run)(const struct contender *,
                                    const struct workload *, uint8_t **)) {
    uint8_t **blocks =
        mmap(NULL, w->ids * sizeof(*blocks), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    bool good;

    if (blocks == MAP_FAILED) {
        perror("bench_heap: mmap");
        exit(EXIT_FAILURE);
    }
    good = run(c, w, blocks);
    munmap(blocks, w->ids * sizeof(*blocks));
    return good;
}

static bool heap_replay(const struct contender *c, const struct workload *w) {
    return with_blocks(c, w, heap_replay_blocks);
}

static bool heap_clock(const struct contender *c, const struct workload *w,
                       uint32_t *cycles) {
    clocks = cycles;
    return with_blocks(c, w, heap_clock_blocks);
}

static bool library_replay(const struct contender *c,
                           const struct workload *w) {
    return with_blocks(c, w, library_replay_blocks);
}

static bool library_clock(const struct contender *c, const struct workload *w,
                          uint32_t *cycles) {
    clocks = cycles;
    return with_blocks(c, w, library_clock_blocks);
}

#define HEAP(n, cl, lk)                                                        \
    {                                                                          \
        .name = (n), .start = heap_start, .replay = heap_replay,               \
        .clock = heap_clock, .class = &(cl), .locked = (lk)                    \
    }
#define LIBRARY(n, file, pre)                                                  \
    {                                                                          \
        .name = (n), .start = library_start, .replay = library_replay,         \
        .clock = library_clock, .library = (file), .prefix = (pre)             \
    }

struct contender contenders[] = {
    LIBRARY("mimalloc", "libmimalloc.so.2", "mi_"),
    HEAP("slab", heap_slab, false),
    HEAP("slab, locked", heap_slab, true),
    LIBRARY("glibc", "libc.so.6", ""),
    LIBRARY("jemalloc", "libjemalloc.so.2", ""),
    LIBRARY("tcmalloc", "libtcmalloc_minimal.so.4", "tc_"),
    { .name = NULL },
};

static void *find(void *library, const char *prefix, const char *name) {
    char whole[32];

    snprintf(whole, sizeof(whole), "%s%s", prefix, name);
    return dlsym(library, whole);
}

void contenders_find(void) {
    for (struct contender *c = contenders; c->name != NULL; c++) {
        void *library = c->library == NULL
                            ? NULL
                            : dlopen(c->library, RTLD_NOW | RTLD_LOCAL);

        if (library == NULL) {
            continue;
        }
        *(void **)&c->malloc = find(library, c->prefix, "malloc");
        *(void **)&c->calloc = find(library, c->prefix, "calloc");
        *(void **)&c->realloc = find(library, c->prefix, "realloc");
        *(void **)&c->memalign = find(library, c->prefix, "memalign");
        *(void **)&c->free = find(library, c->prefix, "free");
    }
}
