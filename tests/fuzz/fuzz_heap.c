/*
 * Blocks: any sequence of calls, on any class, against a plain table.
 *
 *   input   [ options ][ call | block | size | align ][ call ... ] ...
 *
 * The table holds each live block and the seed of its bytes.  What is handed
 * out is aligned and shares no byte with another block, bytes stay as they were
 * written, also over a realloc, and what is wrong is refused, where the class
 * can tell, with nothing changed.  The heap is sound after every call that is a
 * multiple of 16, and at the end, when all is freed.
 *
 * Half of the inputs are slab's.  FUZZ_HEAP=buddy gives all to one class.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/one_processor.h"
#include "heap/front.h"

#define BLOCKS 64u
#define WINDOW (8 * MIB)

const char fuzz_name[] = "heap";
const unsigned fuzz_inputs = 400;

static _Alignas(HEAP_ALIGN_MAX) uint8_t window[WINDOW];
static struct heap heap;
static struct {
    uint8_t *p;
    struct layout layout;
    uint8_t seed;
} blocks[BLOCKS];
static uint64_t allowed; /* bytes that the source still gives */

void hw_putc(char c) {
    (void)c;
}

/* --- the table --------------------------------------------------------------
 */

static void must(bool good, const char *what, uint64_t n) {
    if (!good) {
        fuzz_fail("%s: %s, block %llu", heap.class->name, what,
                  (unsigned long long)n);
    }
}

static enum mm_status extend(void *ctx, vaddr_t end, size_t bytes) {
    (void)ctx, (void)end;
    if (bytes > allowed) {
        return MM_NO_MEMORY;
    }
    allowed -= bytes;
    return MM_OK;
}

static void check_bytes(uint64_t n, size_t size) {
    for (size_t k = 0; k < size; k++) {
        must(blocks[n].p[k] == (uint8_t)(blocks[n].seed + k), "a byte changed",
             n);
    }
}

static void check_place(uint64_t n) {
    const uint8_t *p = blocks[n].p;

    must(vaddr_of_pointer(p).v % blocks[n].layout.align == 0, "not aligned", n);
    must(p >= window && blocks[n].layout.size <= WINDOW &&
             p + blocks[n].layout.size <= window + heap_size(&heap),
         "outside", n);
    for (unsigned k = 0; k < BLOCKS; k++) {
        must(k == n || blocks[k].p == NULL ||
                 p + blocks[n].layout.size <= blocks[k].p ||
                 blocks[k].p + blocks[k].layout.size <= p,
             "overlaps another", n);
    }
}

static void write_bytes(uint64_t n, uint8_t seed) {
    blocks[n].seed = seed;
    for (size_t k = 0; k < blocks[n].layout.size; k++) {
        blocks[n].p[k] = (uint8_t)(seed + k);
    }
}

/* --- calls ------------------------------------------------------------------
 */

static size_t take_size(struct fuzz_input *in) {
    const uint64_t kind = fuzz_take(in, 1);

    return kind < 200 ? 1 + fuzz_take(in, 2) % 700
                      : 1 + fuzz_take(in, 3) % (kind < 250 ? 40000 : 700000);
}

static struct layout take_layout(struct fuzz_input *in) {
    const uint64_t draw = fuzz_take(in, 1);
    const unsigned shift = draw < 160 ? 3 + draw % 2 : draw % 14;
    struct layout layout = { .align = (size_t)1 << shift };

    layout.size = take_size(in);
    return layout;
}

static void call_alloc(uint64_t n, struct fuzz_input *in, bool zeroed) {
    const struct layout want = take_layout(in);

    blocks[n].p =
        zeroed ? heap_alloc_zeroed(&heap, want) : heap_alloc(&heap, want);
    if (blocks[n].p == NULL) {
        return;
    }
    blocks[n].layout = want;
    check_place(n);
    for (size_t k = 0; zeroed && k < want.size; k++) {
        must(blocks[n].p[k] == 0, "not zero", n);
    }
    write_bytes(n, (uint8_t)(n * 7 + want.size));
}

static void free_block(uint64_t n) {
    check_bytes(n, blocks[n].layout.size);
    must(heap_free(&heap, blocks[n].p, blocks[n].layout) == MM_OK,
         "a free was refused", n);
    blocks[n].p = NULL;
}

static void call_realloc(uint64_t n, struct fuzz_input *in) {
    const size_t had = blocks[n].layout.size, size = take_size(in);
    uint8_t *p = heap_realloc(&heap, blocks[n].p, blocks[n].layout, size);

    if (p != NULL) {
        blocks[n].p = p;
        blocks[n].layout.size = size;
        check_place(n);
    }
    check_bytes(n, had < blocks[n].layout.size ? had : blocks[n].layout.size);
    write_bytes(n, (uint8_t)(size + 3));
}

/** Free what is no block: of the slab heap, which can tell. */
static void call_wrong(uint64_t n, struct fuzz_input *in) {
    const uint64_t live = heap_stats(&heap).live_blocks;
    struct layout had = { 1 + fuzz_take(in, 2) % 5000, 8 };
    uint8_t *p = window + fuzz_take(in, 3) % WINDOW / 8 * 8;

    if (heap.class != &heap_slab) {
        return;
    }
    for (unsigned k = 0; k < BLOCKS; k++) {
        if (blocks[k].p == p) {
            return; /* could be right */
        }
    }
    must(heap_free(&heap, p, had) != MM_OK, "a wrong free was accepted", n);
    must(heap_stats(&heap).live_blocks == live, "a refusal counted", n);
}

/** The front is in use, as if a handler had come in; or no longer. */
static void call_interrupt(void) {
    struct heap_front *front = &heap.fronts[1];

    front->busy = front->busy == FRONT_FREE ? FRONT_QUICK : FRONT_FREE;
}

static void call(struct fuzz_input *in) {
    const uint64_t what = fuzz_take(in, 1) % 16, n = fuzz_take(in, 1) % BLOCKS;

    if (what == 15) {
        call_interrupt();
    } else if (what == 14) {
        call_wrong(n, in);
    } else if (blocks[n].p == NULL) {
        call_alloc(n, in, what == 0);
    } else if (what < 4) {
        call_realloc(n, in);
    } else {
        free_block(n);
    }
}

static void check_heap(void) {
    const uint64_t busy = heap.fronts[1].busy;

    heap.fronts[1].busy = FRONT_FREE;
    must(heap_is_sound(&heap), "not sound", 0);
    heap.fronts[1].busy = busy;
}

static const struct heap_class *class_number(uint64_t n) {
    const char *asked = getenv("FUZZ_HEAP");
    unsigned count = 0;

    if (asked != NULL) {
        return heap_class_by_name(asked);
    }
    while (heap_classes[count] != NULL) {
        count++;
    }
    return n < 128 ? &heap_slab : heap_classes[n % count];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct fuzz_input in = { bytes, size };
    const struct heap_class *class = class_number(fuzz_take(&in, 1));
    const uint64_t options = fuzz_take(&in, 1);
    const struct vrange range = { vaddr_of_pointer(window), WINDOW };

    if (class == NULL) {
        fuzz_fail("FUZZ_HEAP names no heap class");
    }
    allowed = fuzz_take(&in, 2) % (WINDOW / PAGE_SIZE) * PAGE_SIZE;
    memset(blocks, 0, sizeof blocks);
    if (heap_init(&heap, class, range, 0, (struct heap_source){ extend, NULL },
                  NULL) != MM_OK) {
        fuzz_fail("no heap");
    }
    heap.alone = options % 2 != 0;
    heap.quantum = options % 4 < 2 ? HEAP_QUANTUM : PAGE_SIZE;
    heap_set_poison(&heap, options % 8 == 7);
    for (unsigned n = 0; in.left > 0; n++) {
        call(&in);
        if (n % 16 == 0) {
            check_heap();
        }
    }
    heap.fronts[1].busy = FRONT_FREE;
    check_heap();
    for (unsigned n = 0; n < BLOCKS; n++) {
        if (blocks[n].p != NULL) {
            free_block(n);
        }
    }
    check_heap();
    must(heap_stats(&heap).live_bytes == 0, "bytes are left", 0);
    return 0;
}
