/*
 * The arena of the heap tests: see the header for its picture.
 */
#include "twin/test_heap_arena.h"

#include <string.h>

#include "base/hash.h"
#include "support/machine.h"

struct arena arena;

static const struct vrange window = { { ARENA_BASE }, ARENA_LIMIT };

static struct vrange window_and_aprons(void) {
    return (struct vrange){ vaddr(ARENA_BASE - PAGE_SIZE),
                            ARENA_LIMIT + 2 * PAGE_SIZE };
}

static enum mm_status extend(void *ctx, vaddr_t end, size_t bytes) {
    struct arena *a = ctx;

    a->asked++;
    ck_assert_hex_eq(end.v, a->heap.end.v);
    ck_assert(bytes > 0 && bytes % PAGE_SIZE == 0);
    ck_assert(bytes <= a->heap.limit.v - end.v);
    if (bytes > a->allowed) {
        return MM_NO_MEMORY;
    }
    a->allowed -= bytes;
    return MM_OK;
}

static bool on_no_memory(struct heap *heap, struct layout want, void *ctx) {
    struct arena *a = ctx;
    void *p = a->sacrifice;

    ck_assert(!lock_is_held(&heap->lock));
    a->told++;
    a->told_of = want;
    a->sacrifice = NULL;
    if (p != NULL) {
        ck_assert_status(heap_free(heap, p, a->sacrificed), MM_OK);
    }
    return p != NULL;
}

void arena_setup(void) {
    const struct vmm_region region = {
        .name = "arena",
        .range = window_and_aprons(),
        .access = VMM_WRITE,
        .backing = VMM_DEMAND,
    };

    arena.open = false;
    arena.asked = 0;
    arena.told = 0;
    arena.sacrifice = NULL;
    machine_start(&arena.mm, NULL);
    ck_assert_status(vmm_region_add(&arena.mm.space, region), MM_OK);
}

static void see_page(void *ctx, vaddr_t va, unsigned level, pte_t entry) {
    const struct heap *heap = ctx;

    ck_assert_msg(!pte_is_leaf(entry, level) ||
                      range_holds(heap->start.v, heap_size(heap), va.v),
                  "the heap touched 0x%lx, outside 0x%lx .. 0x%lx",
                  (unsigned long)va.v, (unsigned long)heap->start.v,
                  (unsigned long)heap->end.v);
}

static void close_heap(void) {
    ck_assert_msg(heap_is_sound(&arena.heap), "the heap is not sound");
    vmm_walk(&arena.mm.space, window_and_aprons(), see_page, &arena.heap);
    heap_release(&arena.heap);
    ck_assert_msg(heap_is_sound(&arena.heap), "an empty heap is not sound");
}

void arena_teardown(void) {
    if (arena.open) {
        close_heap();
    }
    ck_assert_status(
        vmm_region_remove(&arena.mm.space, window_and_aprons().base), MM_OK);
    (void)vmm_reclaim_tables(&arena.mm.space, window_and_aprons());
    machine_stop(&arena.mm);
}

static void open(const struct heap_class *class, uint64_t initial,
                 uint64_t more) {
    const struct heap_source source = { extend, &arena };

    if (initial > 0 && class == &heap_slab) {
        initial += PAGE_SIZE; /* its records */
    }
    arena.allowed = initial + more;
    arena.heap.end = window.base;
    arena.heap.limit = vaddr(ARENA_BASE + ARENA_LIMIT);
    ck_assert_status(heap_init(&arena.heap, class, window, initial, source,
                               &arena.mm.events),
                     MM_OK);
    arena.heap.on_no_memory = on_no_memory;
    arena.heap.on_no_memory_ctx = &arena;
    heap_set_poison(&arena.heap, true);
    arena.asked = 0;
    arena.open = true;
}

const struct heap_class *arena_open(int i, uint64_t initial, uint64_t more) {
    ck_assert(heap_classes[ARENA_CLASSES] == NULL);
    ck_assert(i < ARENA_CLASSES && heap_classes[i] != NULL);
    open(heap_classes[i], initial, more);
    return heap_classes[i];
}

void arena_open_named(const char *name, uint64_t initial, uint64_t more) {
    ck_assert(heap_class_by_name(name) != NULL);
    open(heap_class_by_name(name), initial, more);
}

bool arena_serves(void) {
    return arena.heap.class != &heap_dummy;
}

bool arena_reuses(void) {
    return arena.heap.class == &heap_list ||
           arena.heap.class == &heap_boundary ||
           arena.heap.class == &heap_buddy || arena.heap.class == &heap_tlsf ||
           arena.heap.class == &heap_fixed || arena.heap.class == &heap_slab;
}

uint64_t arena_held(size_t size, size_t align) {
    const size_t least = arena.heap.class->granule;
    const size_t granule = align > least ? HEAP_ALIGN_MIN : least;

    return (size + granule - 1) / granule * granule;
}

uint8_t *arena_alloc(size_t size, size_t align) {
    uint8_t *p = heap_alloc(&arena.heap, layout(size, align));
    uint64_t at = vaddr_of_pointer(p).v;

    ck_assert_msg(p != NULL, "no block of %lu bytes", (unsigned long)size);
    ck_assert_msg(at % align == 0 && at % arena.heap.class->granule == 0,
                  "a block at 0x%lx, alignment %lu was asked for",
                  (unsigned long)at, (unsigned long)align);
    ck_assert_msg(at >= arena.heap.start.v && size <= arena.heap.end.v - at,
                  "a block of %lu at 0x%lx, outside of the heap",
                  (unsigned long)size, (unsigned long)at);
    return p;
}

void arena_free(void *p, size_t size, size_t align) {
    ck_assert_status(heap_free(&arena.heap, p, layout(size, align)), MM_OK);
}

static void hash_run(void *ctx, vaddr_t start, uint64_t bytes, bool used) {
    uint64_t *hash = ctx;

    *hash = hash_add(hash_add(hash_add(*hash, start.v), bytes), used);
}

uint64_t arena_state(void) {
    const struct heap_stats stats = heap_stats(&arena.heap);
    uint64_t hash = HASH_START;

    ck_assert_msg(heap_is_sound(&arena.heap), "the heap is not sound");
    heap_walk(&arena.heap, hash_run, &hash);
    hash = hash_add(hash_add(hash, stats.allocs), stats.frees);
    hash = hash_add(hash_add(hash, stats.reallocs), stats.live_blocks);
    hash = hash_add(hash_add(hash, stats.live_bytes), stats.held_bytes);
    return hash_add(hash, stats.peak_live_bytes);
}

void pattern_fill(uint8_t *p, size_t size, uint64_t seed) {
    for (size_t k = 0; k < size; k++) {
        p[k] = (uint8_t)hash_mix(seed + k / 8) ^ (uint8_t)k;
    }
}

void pattern_check(const uint8_t *p, size_t size, uint64_t seed) {
    for (size_t k = 0; k < size; k++) {
        uint8_t expected = (uint8_t)((uint8_t)hash_mix(seed + k / 8) ^ k);

        if (p[k] != expected) { /* an assertion per byte costs too much */
            ck_abort_msg("byte %lu of %lu at %p is 0x%x, expected 0x%x",
                         (unsigned long)k, (unsigned long)size, (const void *)p,
                         (unsigned)p[k], (unsigned)expected);
        }
    }
}

static void count_run(void *ctx, vaddr_t start, uint64_t bytes, bool used) {
    unsigned *runs = ctx;

    (void)start, (void)bytes;
    runs[used]++;
}

void arena_expect_runs(unsigned free, unsigned used) {
    unsigned runs[2] = { 0, 0 };

    heap_walk(&arena.heap, count_run, runs);
    ck_assert_uint_eq(runs[false], free);
    ck_assert_uint_eq(runs[true], used);
    ck_assert(heap_is_sound(&arena.heap));
}

void arena_expect_joined(unsigned order, size_t header) {
    static const unsigned orders[ARENA_ORDERS][3] = {
        { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
        { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 }
    };
    uint8_t *blocks[3];

    for (unsigned k = 0; k < 3; k++) {
        blocks[k] = arena_alloc(64, 16);
        ck_assert_ptr_eq(blocks[k], blocks[0] + k * (64 + header));
    }
    arena_expect_runs(1, 3);
    for (unsigned k = 0; k < 3; k++) {
        arena_free(blocks[orders[order][k]], 64, 16);
        ck_assert(heap_is_sound(&arena.heap));
    }
    arena_expect_runs(1, 0);
    for (unsigned k = 0; k < 3; k++) {
        ck_assert_status(heap_free(&arena.heap, blocks[k], layout(64, 16)),
                         MM_NOT_ALLOCATED);
    }
    arena_free(arena_alloc(PAGE_SIZE - header, 16), PAGE_SIZE - header, 16);
}

void arena_expect_one_block(uint8_t *p, size_t header) {
    const struct {
        uint8_t *p;
        size_t size;
    } wrong[] = {
        { p + 16, 64 }, { p, 128 }, { p, 272 }, { p - header + 16, 16 }
    };
    uint64_t before;

    pattern_fill(p, 256, 3);
    before = arena_state();
    for (unsigned k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        ck_assert_status(
            heap_free(&arena.heap, wrong[k].p, layout(wrong[k].size, 16)),
            MM_NOT_ALLOCATED);
    }
    ck_assert_ptr_null(heap_realloc(&arena.heap, p + 16, layout(64, 16), 32));
    ck_assert(arena_state() == before);
    pattern_check(p, 256, 3);
    arena_free(p, 256, 16);
}
