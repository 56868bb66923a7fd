/*
 * The contenders, and how each carries out a workload.
 *
 * A heap is called as the kernel calls it, with layouts; a library by the
 * functions of malloc().  Both run in the same loop (contender_loop.h), which
 * is compiled for each, once as it is, once with a clock, once to be watched.
 */
#include "memtwin/contender.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "program/say.h"

/* --- heaps ---------------------------------------------------------------- */

static struct heap heap;

static enum mm_status extend(void *ctx, vaddr_t end, size_t bytes) {
    (void)ctx, (void)end, (void)bytes;
    return MM_OK; /* it is mapped */
}

_Noreturn static void give_up(const char *what) {
    complain("no memory for %s", what);
    exit(EXIT_CANNOT);
}

/** Small pages, so that what is resident is what was touched. */
static void *the_window(void) {
    static void *window;

    if (window == NULL) {
        window = mmap((void *)0x444444440000, CONTENDER_WINDOW,
                      PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (window == MAP_FAILED) {
            give_up("a heap's window");
        }
        madvise(window, CONTENDER_WINDOW, MADV_NOHUGEPAGE);
    }
    return window;
}

bool contender_start(const struct contender *c, uint64_t arena) {
    const struct heap_source source = { extend, NULL };
    const uint64_t most =
        arena < CONTENDER_WINDOW ? arena & ~(PAGE_SIZE - 1) : CONTENDER_WINDOW;
    const struct vrange window = { vaddr_of_pointer(the_window()), most };

    if (c->class == NULL) {
        return c->malloc != NULL;
    }
    if (heap_init(&heap, c->class, window, 0, source, NULL) != MM_OK) {
        return false;
    }
    heap.alone = !c->locked;
    return true;
}

/** As malloc() would: who grows out of 8-byte alignment moves. */
static void *heap_grow_out(const struct workload_op *op, void *p) {
    void *q = heap_alloc(&heap, workload_want(op));

    if (q != NULL) {
        memcpy(q, p, op->had_size < op->size ? op->had_size : op->size);
        (void)!heap_free(&heap, p, workload_had(op));
    }
    return q;
}

/* --- what a replay does beside the calls ---------------------------------- */

static inline uint64_t cycles_now(void) {
    return __builtin_ia32_rdtsc();
}

static uint32_t *clocks;
static uint64_t clock_start;

static inline void touch_ends(uint8_t *p, size_t size) {
    p[0] = 1;
    p[size - 1] = 1;
}

static void touch_pages(uint8_t *p, size_t size) {
    for (size_t k = 0; k < size; k += PAGE_SIZE) {
        p[k] = 1;
    }
    p[size - 1] = 1;
}

static struct {
    contender_see *see;
    void *ctx;
    size_t every;
    uint64_t live;
} watcher;

/** Before operation @i; the one before it is done. */
static void look(const struct workload *w, size_t i,
                 const struct workload_op *op) {
    if (i % watcher.every == 0 || i == w->peak_at + 1) {
        watcher.see(watcher.ctx, i, watcher.live);
    }
    watcher.live += op->size - op->had_size;
}

/* --- the loops ------------------------------------------------------------ */

#define ALLOC(c, op) heap_alloc(&heap, workload_want(op))
#define ALIGNED ALLOC
#define ZEROED(c, op) heap_alloc_zeroed(&heap, workload_want(op))
#define REALLOC(c, p, op)                                                      \
    ((op)->had_align != (op)->align                                            \
         ? heap_grow_out(op, p)                                                \
         : heap_realloc(&heap, p, workload_had(op), (op)->size))
#define FREE(c, p, op)                                                         \
    do {                                                                       \
        if (heap_free(&heap, p, workload_had(op)) != MM_OK) {                  \
            abort();                                                           \
        }                                                                      \
    } while (0)
#define KIND(what) heap_##what
#include "memtwin/contender_loops.h"
#undef ALLOC
#undef ALIGNED
#undef ZEROED
#undef REALLOC
#undef FREE
#undef KIND

#define ALLOC(c, op) (c)->malloc((op)->size)
#define ALIGNED(c, op) (c)->memalign((size_t)1 << (op)->align, (op)->size)
#define ZEROED(c, op) (c)->calloc(1, (op)->size)
#define REALLOC(c, p, op) (c)->realloc(p, (op)->size)
#define FREE(c, p, op) (c)->free(p)
#define KIND(what) library_##what
#include "memtwin/contender_loops.h"

static size_t
with_blocks(const struct contender *c, const struct workload *w,
            size_t (*of_heap)(const struct contender *, const struct workload *,
                              uint8_t **),
            size_t (*of_library)(const struct contender *,
                                 const struct workload *, uint8_t **)) {
    const size_t bytes = (w->ids + 1) * sizeof(uint8_t *);
    uint8_t **blocks = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    size_t done;

    if (blocks == MAP_FAILED) {
        give_up("the table of blocks");
    }
    done = (c->class != NULL ? of_heap : of_library)(c, w, blocks);
    munmap(blocks, bytes);
    return done;
}

size_t contender_replay(const struct contender *c, const struct workload *w) {
    return with_blocks(c, w, heap_replay, library_replay);
}

size_t contender_clock(const struct contender *c, const struct workload *w,
                       uint32_t *cycles) {
    clocks = cycles;
    return with_blocks(c, w, heap_clock, library_clock);
}

size_t contender_watch(const struct contender *c, const struct workload *w,
                       size_t every, contender_see *see, void *ctx) {
    size_t done;

    watcher.see = see;
    watcher.ctx = ctx;
    watcher.every = every;
    watcher.live = 0;
    done = with_blocks(c, w, heap_watch, library_watch);
    see(ctx, done, watcher.live);
    return done;
}

/* --- who there is --------------------------------------------------------- */

static const struct contender libraries[] = {
    { .name = "mimalloc", .library = "libmimalloc.so.2", .prefix = "mi_" },
    { .name = "glibc", .library = "libc.so.6", .prefix = "" },
    { .name = "jemalloc", .library = "libjemalloc.so.2", .prefix = "" },
    { .name = "tcmalloc",
      .library = "libtcmalloc_minimal.so.4",
      .prefix = "tc_" },
};
#define LIBRARIES (sizeof(libraries) / sizeof(libraries[0]))

const char *contender_library_name(unsigned i) {
    return i < LIBRARIES ? libraries[i].name : NULL;
}

struct contender contender_heap(const char *name,
                                const struct heap_class *class, bool locked) {
    return (struct contender){ .name = name, .class = class, .locked = locked };
}

static void *find(void *library, const char *prefix, const char *name) {
    char whole[32];

    snprintf(whole, sizeof(whole), "%s%s", prefix, name);
    return dlsym(library, whole);
}

/** All of its functions, or none. */
static void load(struct contender *c) {
    void *library = dlopen(c->library, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        return;
    }
    *(void **)&c->malloc = find(library, c->prefix, "malloc");
    *(void **)&c->calloc = find(library, c->prefix, "calloc");
    *(void **)&c->realloc = find(library, c->prefix, "realloc");
    *(void **)&c->memalign = find(library, c->prefix, "memalign");
    *(void **)&c->free = find(library, c->prefix, "free");
    if (c->calloc == NULL || c->realloc == NULL || c->memalign == NULL ||
        c->free == NULL) {
        c->malloc = NULL;
    }
}

struct contender contender_library(const char *name) {
    struct contender c = { .name = name };

    (void)!contender_find(&c, name);
    return c;
}

/** A class by its name, with or without "-locked". */
static bool find_heap(struct contender *c, const char *name) {
    for (size_t i = 0; heap_classes[i] != NULL; i++) {
        const struct heap_class *class = heap_classes[i];
        const size_t len = strlen(class->name);

        if (strncmp(name, class->name, len) == 0 &&
            (name[len] == '\0' || strcmp(name + len, "-locked") == 0)) {
            *c = contender_heap(name, class, name[len] != '\0');
            return true;
        }
    }
    return false;
}

bool contender_is_known(const char *name) {
    struct contender c;

    for (unsigned i = 0; i < LIBRARIES; i++) {
        if (strcmp(libraries[i].name, name) == 0) {
            return true;
        }
    }
    return find_heap(&c, name);
}

bool contender_find(struct contender *c, const char *name) {
    for (unsigned i = 0; i < LIBRARIES; i++) {
        if (strcmp(libraries[i].name, name) == 0) {
            *c = libraries[i];
            load(c);
            return true;
        }
    }
    return find_heap(c, name);
}

/* --- nobody --------------------------------------------------------------- */

/** One block for all, of any size: only its ends are touched. */
static void *the_block(size_t size) {
    (void)size;
    return the_window();
}
static void *the_cleared_block(size_t count, size_t size) {
    (void)count, (void)size;
    return the_window();
}
static void *the_same_block(void *p, size_t size) {
    (void)size;
    return p;
}
static void *the_aligned_block(size_t align, size_t size) {
    (void)align, (void)size;
    return the_window();
}
static void no_free(void *p) {
    (void)p;
}

struct contender contender_nothing(void) {
    return (struct contender){ .name = "nothing",
                               .malloc = the_block,
                               .calloc = the_cleared_block,
                               .realloc = the_same_block,
                               .memalign = the_aligned_block,
                               .free = no_free };
}
