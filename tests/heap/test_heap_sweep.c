/*
 * Every growth that a heap asks for is refused once: for n = 1, 2 ... the nth
 * time (and, in a second sweep, from the nth time on) the source has nothing.
 *
 *   script   a a r a(aligned) f r r a ... f f f
 *                  ^ n = 2
 *
 * A request that fails leaves the heap as it was: the same runs, counts but for
 * the failure, the old block with its bytes.  The script goes on without it,
 * and when all is freed the heap is empty and sound.
 */
#include <check.h>
#include <string.h>

#include "base/hash.h"
#include "heap/heap.h"
#include "support/asserts.h"

#define WINDOW (8 * MIB)
#define BLOCKS 24
#define OPS 160

static _Alignas(HEAP_ALIGN_MAX) uint8_t window[WINDOW];
static struct heap heap;
static struct {
    uint8_t *p; /* NULL: none */
    struct layout layout;
} blocks[BLOCKS];

static struct {
    unsigned asked, refuse; /* the number of the ask to refuse */
    bool all_after;         /* ... and of those after it */
    unsigned refused, failed;
} source;

static enum mm_status extend(void *ctx, vaddr_t end, size_t bytes) {
    const unsigned n = ++source.asked;

    (void)ctx, (void)end, (void)bytes;
    if (n == source.refuse || (source.all_after && n > source.refuse)) {
        source.refused++;
        return MM_NO_MEMORY;
    }
    return MM_OK;
}

/* --- what a failure must not change --------------------------------------- */

static void hash_run(void *ctx, vaddr_t start, uint64_t bytes, bool used) {
    uint64_t *hash = ctx;

    *hash = hash_add(hash_add(hash_add(*hash, start.v), bytes), used);
}

/** The failures are left out; and the runs of the default class, which gathers
 *  the slots that it keeps before it gives up. */
static uint64_t state(void) {
    struct heap_stats s = heap_stats(&heap);
    uint64_t hash = HASH_START;

    if (heap.class != &heap_slab) {
        heap_walk(&heap, hash_run, &hash);
    }
    hash = hash_add(hash_add(hash, s.live_blocks), s.live_bytes);
    hash = hash_add(hash_add(hash, s.allocs), s.frees);
    return hash_add(hash_add(hash, s.reallocs), s.held_bytes);
}

static uint8_t byte_of(unsigned n, size_t k) {
    return (uint8_t)(n * 37 + k / 3);
}

static void fill(unsigned n) {
    for (size_t k = 0; k < blocks[n].layout.size; k++) {
        blocks[n].p[k] = byte_of(n, k);
    }
}

static void check(unsigned n, size_t size) {
    for (size_t k = 0; k < size; k++) {
        ck_must(blocks[n].p[k] == byte_of(n, k),
                "%s: byte %lu of block %u changed when ask %u was refused",
                heap.class->name, (unsigned long)k, n, source.refuse);
    }
}

static void check_failure(uint64_t before, uint64_t failures) {
    source.failed++;
    ck_must(heap_is_sound(&heap), "%s: not sound after ask %u was refused",
            heap.class->name, source.refuse);
    ck_must(state() == before, "%s: changed when ask %u was refused",
            heap.class->name, source.refuse);
    ck_must(heap_stats(&heap).failures == failures + 1,
            "%s: the failure is not counted", heap.class->name);
}

/* --- the script ----------------------------------------------------------- */

static size_t size_of_op(unsigned op) {
    static const size_t sizes[] = { 24, 700, 5000, 40000, 90, 2048, 70000 };

    return sizes[hash_mix(op) % 7] + op;
}

static void allocate(unsigned n, unsigned op) {
    const struct layout want = { size_of_op(op), op % 5 == 0 ? PAGE_SIZE : 16 };
    const uint64_t before = state(), failures = heap_stats(&heap).failures;
    uint8_t *p = heap_alloc(&heap, want);

    if (p == NULL) {
        check_failure(before, failures);
        return;
    }
    blocks[n].p = p;
    blocks[n].layout = want;
    fill(n);
}

static void resize(unsigned n, unsigned op) {
    const size_t had = blocks[n].layout.size, size = size_of_op(op);
    const uint64_t before = state(), failures = heap_stats(&heap).failures;
    uint8_t *p = heap_realloc(&heap, blocks[n].p, blocks[n].layout, size);

    if (p == NULL) {
        check_failure(before, failures);
        check(n, had);
        return;
    }
    blocks[n].p = p;
    check(n, had < size ? had : size);
    blocks[n].layout.size = size;
    fill(n);
}

static void release(unsigned n) {
    check(n, blocks[n].layout.size);
    ck_must(heap_free(&heap, blocks[n].p, blocks[n].layout) == MM_OK,
            "%s: a free is refused", heap.class->name);
    blocks[n].p = NULL;
}

static void run_script(const struct heap_class *class) {
    const struct vrange range = { vaddr_of_pointer(window), WINDOW };

    heap = (struct heap){ .class = class };
    ck_must(heap_init(&heap, class, range, 0,
                      (struct heap_source){ extend, NULL }, NULL) == MM_OK,
            "there is no heap");
    heap.quantum = PAGE_SIZE; /* no second try with less */
    memset(blocks, 0, sizeof blocks);
    source.asked = source.refused = source.failed = 0;
    for (unsigned op = 0; op < OPS; op++) {
        const unsigned n = (unsigned)(hash_mix(op + 1000) % BLOCKS);

        if (blocks[n].p == NULL) {
            allocate(n, op);
        } else if (op % 3 != 0) {
            resize(n, op);
        } else {
            release(n);
        }
    }
    for (unsigned n = 0; n < BLOCKS; n++) {
        if (blocks[n].p != NULL) {
            release(n);
        }
    }
    ck_must(heap_is_sound(&heap) && heap_stats(&heap).live_blocks == 0 &&
                heap_stats(&heap).live_bytes == 0,
            "%s: something is left", class->name);
}

static void sweep(const struct heap_class *class, bool all_after) {
    unsigned failures = 0;

    source.all_after = all_after;
    source.refuse = 1;
    do {
        run_script(class);
        failures += source.failed;
        ck_must(all_after || source.failed <= source.refused,
                "%s: more failed than was refused", class->name);
        source.refuse++;
    } while (source.refused > 0);
    ck_must(source.refuse > 4 && failures > 4, "%s grows too seldom to tell",
            class->name);
}

START_TEST(a_refused_growth_changes_nothing)
{ sweep(heap_classes[_i], false); }
END_TEST

START_TEST(no_growth_from_some_time_on_changes_nothing)
{ sweep(heap_classes[_i], true); }
END_TEST

int main(void) {
    Suite *suite = suite_create("heap sweep");
    TCase *tc = tcase_create("classes");
    SRunner *runner = srunner_create(suite);
    int classes = 0, failed;

    while (heap_classes[classes] != NULL) {
        classes++;
    }
    /* The first one, "dummy", never asks. */
    tcase_add_loop_test(tc, a_refused_growth_changes_nothing, 1, classes);
    tcase_add_loop_test(tc, no_growth_from_some_time_on_changes_nothing, 1,
                        classes);
    suite_add_tcase(suite, tc);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
