/*
 * A million random operations on every heap class, against a model that is only
 * a table of what lives:
 *
 *   slots      [ p, layout, seed ] ...     SLOTS of them, some empty
 *   holder     a byte for each 8 bytes of the window: which slot has it
 *
 * Of each block handed out: it is aligned, inside, and nobody else's; its first
 * and last word stay what they were, and of one in 16 every byte.  Of each
 * refusal: nothing changed.  The heap's counts agree all the time, and it is
 * sound every so often, in a shorter run after every operation.
 *
 * Each class is run as its users may have it: alone, shared, and with poison;
 * memory is short, and the source refuses at times.
 *
 *   HEAP_MODEL_OPS=100000000 CK_RUN_CASE=slab CK_TIMEOUT_MULTIPLIER=50 \
 *       tests/heap/test_heap_model
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "heap/heap.h"
#include "support/asserts.h"

#define SLOTS 200
#define WINDOW (2 * MIB)
#define ALLOWED (256 * KIB)
#define GRANULE 8
#define OPS 1000000
#define SOUND_OPS 10000

struct slot {
    uint8_t *p; /* NULL: empty */
    struct layout layout;
    uint64_t seed;
};

static _Alignas(HEAP_ALIGN_MAX) uint8_t window[WINDOW];
static uint8_t holder[WINDOW / GRANULE]; /* slot number + 1; 0: nobody */
static struct slot slots[SLOTS];

static struct model {
    struct heap heap;
    uint64_t dice;
    uint64_t done, refused; /* operations */
    uint64_t live, bytes;   /* blocks and what was asked for */
    uint64_t allowed;       /* bytes that the source still gives */
    uint64_t told;          /* times the hook was called */
    uint64_t starved;       /* allocations since the last that was served */
} model;

#define must(good, what)                                                       \
    ck_must(good, "%s: %s, operation %lu", model.heap.class->name, what,       \
            (unsigned long)model.done)

static uint64_t draw(uint64_t sides) {
    model.dice = hash_mix(model.dice);
    return (model.dice >> 32) * sides >> 32;
}

/* --- the table ------------------------------------------------------------ */

static uint8_t number_of(const struct slot *s) {
    return (uint8_t)(s - slots + 1);
}

/** Each granule of @s changes hands. */
static void hold(const struct slot *s, uint8_t from, uint8_t to) {
    const size_t first = (size_t)(s->p - window) / GRANULE;
    const size_t last =
        ((size_t)(s->p - window) + s->layout.size - 1) / GRANULE;
    uint8_t others = 0;

    for (size_t g = first; g <= last; g++) {
        others |= holder[g] ^ from;
        holder[g] = to;
    }
    must(others == 0, "two blocks share a byte");
}

/** Every byte of a block in 16, else the first and the last. */
static bool is_full(uint64_t seed) {
    return seed % 16 == 0;
}

static uint8_t byte_at(uint64_t seed, size_t k) {
    return (uint8_t)((seed >> 8) + k);
}

static void write_bytes(uint8_t *p, size_t size, uint64_t seed) {
    p[0] = byte_at(seed, 0);
    p[size - 1] = byte_at(seed, size - 1);
    for (size_t k = 0; is_full(seed) && k < size; k++) {
        p[k] = byte_at(seed, k);
    }
}

/** The first @kept bytes of a block that was @size bytes long. */
static void check_bytes(const uint8_t *p, size_t size, size_t kept,
                        uint64_t seed) {
    bool good = p[0] == byte_at(seed, 0) &&
                (kept < size || p[size - 1] == byte_at(seed, size - 1));

    for (size_t k = 0; is_full(seed) && k < kept; k++) {
        good = good && p[k] == byte_at(seed, k);
    }
    must(good, "a byte changed");
}

static void adopt(struct slot *s, uint8_t *p, struct layout layout) {
    must((uintptr_t)p % layout.align == 0, "a block is not aligned");
    must(p >= window && p + layout.size <= window + heap_size(&model.heap),
         "a block is not inside");
    *s = (struct slot){ p, layout, hash_mix(model.dice) };
    hold(s, 0, number_of(s));
    write_bytes(p, layout.size, s->seed);
    model.live++;
    model.bytes += layout.size;
}

static void forget(struct slot *s) {
    hold(s, number_of(s), 0);
    s->p = NULL;
    model.live--;
    model.bytes -= s->layout.size;
}

/* --- calls ---------------------------------------------------------------- */

static size_t some_size(void) {
    const uint64_t kind = draw(64);

    return 1 + draw(kind == 0 ? 20000 : kind < 6 ? 2000 : 150);
}

static struct layout some_layout(void) {
    const uint64_t kind = draw(32);

    return (struct layout){ some_size(),
                            (size_t)1 << draw(kind == 0 ? 13 : 5) };
}

static void check_zero(const uint8_t *p, size_t size) {
    uint8_t all = 0;

    for (size_t k = 0; k < size; k++) {
        all |= p[k];
    }
    must(all == 0, "a zeroed block is not zero");
}

static void allocate(struct slot *s) {
    const struct layout want = some_layout();
    const bool zeroed = draw(8) == 0;
    uint8_t *p = zeroed ? heap_alloc_zeroed(&model.heap, want)
                        : heap_alloc(&model.heap, want);

    if (p == NULL) {
        model.refused++;
        model.starved++;
        return;
    }
    model.starved = 0;
    if (zeroed) {
        check_zero(p, want.size);
    }
    adopt(s, p, want);
}

/** Can it tell that a block was freed just now? */
static bool knows_what_is_free(void) {
    return model.heap.class != &heap_bump &&
           model.heap.class != &heap_bump_noreset;
}

static void release(struct slot *s) {
    uint8_t *p = s->p;

    check_bytes(p, s->layout.size, s->layout.size, s->seed);
    must(heap_free(&model.heap, p, s->layout) == MM_OK, "a free is refused");
    forget(s);
    if (knows_what_is_free() && draw(64) == 0) {
        must(heap_free(&model.heap, p, s->layout) == MM_NOT_ALLOCATED,
             "a second free is taken");
    }
}

static void resize(struct slot *s) {
    const struct slot had = *s;
    const size_t size = some_size();
    const size_t kept = size < had.layout.size ? size : had.layout.size;
    uint8_t *p = heap_realloc(&model.heap, had.p, had.layout, size);

    if (p == NULL) {
        model.refused++;
        check_bytes(had.p, had.layout.size, had.layout.size, had.seed);
        return;
    }
    check_bytes(p, had.layout.size, kept, had.seed);
    forget(s);
    adopt(s, p, (struct layout){ size, had.layout.align });
}

/** A request that no heap can meet, and a free of what was never its own. */
static void misuse(void) {
    static uint8_t foreign[64];
    const struct layout odd[] = { { 0, 16 },
                                  { 16, 3 },
                                  { 16, 0 },
                                  { 16, 2 * HEAP_ALIGN_MAX },
                                  { SIZE_MAX - draw(64), 16 } };
    const struct layout *had = &odd[draw(sizeof odd / sizeof odd[0])];

    must(heap_alloc(&model.heap, *had) == NULL, "nonsense is served");
    must(heap_free(&model.heap, foreign, (struct layout){ 64, 16 }) ==
             MM_NOT_MANAGED,
         "a foreign block is taken");
    model.refused++;
}

static void check_heap(void) {
    const struct heap_stats stats = heap_stats(&model.heap);

    must(heap_is_sound(&model.heap), "the heap is not sound");
    must(stats.live_blocks == model.live && stats.live_bytes == model.bytes,
         "the heap counts otherwise");
    must(stats.failures == model.refused, "failures are counted otherwise");
}

static void one_operation(void) {
    struct slot *s = &slots[draw(SLOTS)];

    model.done++;
    if (draw(1024) == 0) {
        misuse();
    } else if (s->p == NULL) {
        allocate(s);
    } else if (draw(4) == 0) {
        resize(s);
    } else {
        release(s);
    }
}

/* --- runs ----------------------------------------------------------------- */

static enum mm_status extend(void *ctx, vaddr_t end, size_t bytes) {
    (void)ctx;
    must(end.v == model.heap.end.v, "the heap grows elsewhere");
    if (bytes > model.allowed || draw(4) == 0) {
        return MM_NO_MEMORY;
    }
    model.allowed -= bytes;
    return MM_OK;
}

/** At times a block can be spared; but one may just be reallocated. */
static bool on_no_memory(struct heap *heap, struct layout want, void *ctx) {
    (void)heap, (void)want, (void)ctx;
    model.told++;
    return false;
}

enum use { ALONE, SHARED, POISONED, SMALL_STEPS, USES };

static void start(const struct heap_class *class, enum use use) {
    const struct vrange range = { vaddr_of_pointer(window), WINDOW };

    model.allowed = ALLOWED;
    model.live = model.bytes = model.refused = model.starved = 0;
    memset(slots, 0, sizeof slots);
    memset(holder, 0, sizeof holder);
    model.heap.class = class;
    model.heap.end = range.base;
    must(heap_init(&model.heap, class, range, 0,
                   (struct heap_source){ extend, NULL }, NULL) == MM_OK,
         "there is no heap");
    model.heap.on_no_memory = on_no_memory;
    model.heap.alone = use == ALONE;
    model.heap.quantum = use == SMALL_STEPS ? PAGE_SIZE : HEAP_QUANTUM;
    heap_set_processors(&model.heap, use == SHARED ? 2 : 1);
    heap_set_poison(&model.heap, use == POISONED);
}

static void release_all(void) {
    for (unsigned k = 0; k < SLOTS; k++) {
        if (slots[k].p != NULL) {
            release(&slots[k]);
        }
    }
    check_heap();
    must(model.live == 0 && model.bytes == 0, "something is left");
}

/** A class that never uses memory again needs a fresh heap when it has none,
 * one whose holes only get smaller now and then. */
static bool is_used_up(void) {
    return model.live == 0 &&
           (model.starved > 100 || model.heap.class == &heap_list_nomerge);
}

static void run(const struct heap_class *class, enum use use, uint64_t ops,
                uint64_t sound_every) {
    const uint64_t end = model.done + ops;

    start(class, use);
    while (model.done < end) {
        one_operation();
        if (model.done % sound_every == 0) {
            check_heap();
        }
        if (model.done % 8192 == 0) {
            release_all();
        }
        if (is_used_up()) {
            start(class, use);
        }
    }
    release_all();
}

static uint64_t wanted_ops(void) {
    const char *asked = getenv("HEAP_MODEL_OPS");

    return asked != NULL ? strtoull(asked, NULL, 10) : OPS;
}

/** Loop number: a use of a class. */
static void a_run(const struct heap_class *class, enum use use) {
    model = (struct model){ .dice = (uint64_t)use + 1 };
    run(class, use, wanted_ops() / USES, 4096);
    if (class != &heap_dummy && wanted_ops() >= OPS) {
        must(model.told > 0, "memory was never short");
    }
}

static void a_sound_run(const struct heap_class *class, enum use use) {
    model = (struct model){ .dice = (uint64_t)use + 100 };
    run(class, use, SOUND_OPS / USES, 1);
}

START_TEST(a_million_operations_agree_with_the_model)
{ a_run(heap_classes[_i / USES], (enum use)(_i % USES)); }
END_TEST

START_TEST(the_heap_is_sound_after_every_operation)
{ a_sound_run(heap_classes[_i / USES], (enum use)(_i % USES)); }
END_TEST

int main(void) {
    Suite *suite = suite_create("heap model");
    SRunner *runner;
    int failed;

    for (int i = 0; heap_classes[i] != NULL; i++) {
        TCase *tc = tcase_create(heap_classes[i]->name);

        tcase_set_timeout(tc, 120);
        tcase_add_loop_test(tc, a_million_operations_agree_with_the_model,
                            i * USES, (i + 1) * USES);
        tcase_add_loop_test(tc, the_heap_is_sound_after_every_operation,
                            i * USES, (i + 1) * USES);
        suite_add_tcase(suite, tc);
    }
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
