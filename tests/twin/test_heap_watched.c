/*
 * The heaps of test_heap_debug.h.
 */
#include <string.h>

#include "base/poison.h"
#include "support/machine.h"
#include "twin/test_heap_debug.h"

struct watched watched;

static enum mm_status extend(void *ctx, vaddr_t end, size_t bytes) {
    struct watched *w = ctx;

    ck_assert_hex_eq(end.v, w->debug.records_end);
    if (bytes > w->records_allowed) {
        return MM_NO_MEMORY;
    }
    w->records_allowed -= bytes;
    return MM_OK;
}

void watch_hear(void *ctx, char c) {
    (void)ctx;
    if (watched.length + 1 < sizeof watched.text) {
        watched.text[watched.length++] = c;
        watched.text[watched.length] = '\0';
    }
}

void watch_forget(void) {
    watched.length = 0;
    watched.text[0] = '\0';
}

static void report(void *ctx, const struct heap_report *report) {
    const struct heap *heap = ctx;

    ck_assert(!lock_is_held(&heap->lock));
    ck_assert(!lock_is_held(&heap->debug->lock));
    watched.reports++;
    watched.last = *report;
    watch_forget();
    heap_report_print(report, watch_hear, NULL);
}

/* --- the arena's ---------------------------------------------------------- */

static const struct vmm_region records = {
    .name = "records",
    .range = { { RECORDS_BASE }, RECORDS_LIMIT },
    .access = VMM_WRITE,
    .backing = VMM_DEMAND,
};

void watch_setup(void) {
    arena_setup();
    ck_assert_status(vmm_region_add(&arena.mm.space, records), MM_OK);
    watched.records_allowed = RECORDS_LIMIT;
    watched.config = (struct heap_debug_config){
        .window = records.range,
        .source = { extend, &watched },
        .quarantine = 16 * KIB,
        .report = report,
        .ctx = &arena.heap,
    };
}

void watch_teardown(void) {
    ck_assert_status(vmm_region_remove(&arena.mm.space, records.range.base),
                     MM_OK);
    (void)vmm_reclaim_tables(&arena.mm.space, records.range);
    arena_teardown();
}

void watch_start(void) {
    watched.records_allowed = RECORDS_LIMIT;
    watched.reports = 0;
    watch_forget();
    ck_assert_status(
        heap_debug_start(&arena.heap, &watched.debug, &watched.config), MM_OK);
}

void watch_stop(void) {
    ck_assert_msg(heap_is_sound(&arena.heap), "the heap is not sound");
    ck_assert_status(heap_debug_stop(&arena.heap), MM_OK);
    ck_assert_msg(heap_is_sound(&arena.heap), "the heap is not sound");
}

bool watch_class(int i) {
    arena_open(i, 4 * PAGE_SIZE, ARENA_LIMIT / 2);
    watch_start();
    return arena_serves();
}

void watch_slab(void) {
    arena_open_named("slab", 4 * PAGE_SIZE, ARENA_LIMIT / 2);
    watch_start();
}

void watch_free(void *p, size_t size) {
    ck_assert_status(heap_free_at(&arena.heap, p, layout(size, 16), HEAP_HERE),
                     MM_OK);
}

void watch_release(void) {
    heap_release(&arena.heap);
    watch_stop();
    arena.open = false;
}

/* --- the machine's -------------------------------------------------------- */

void watch_mm(void) {
    mm.debug.config.report = report;
    mm.debug.config.ctx = &mm.heap;
}

bool watch_mm_start(int i, enum mm_heap_debug mode) {
    struct mm_config config = mm_default_config;

    config.heap_class = heap_classes[i];
    config.heap_debug = mode;
    watched.reports = 0;
    watch_forget();
    if (config.heap_class->peeks && mode >= MM_DEBUG_PAGES) {
        ck_assert_status(mm_init(&mm, machine_power_on(), &config).status,
                         MM_REFUSED);
        return false;
    }
    machine_start(&mm, &config);
    watch_mm();
    return config.heap_class != &heap_dummy;
}

void watch_mm_stop(void) {
    if (mm_has_heap(&mm)) {
        mm_teardown(&mm);
    }
    machine_stop(&mm);
}

/* --- what was said -------------------------------------------------------- */

void expect_reports(unsigned count, enum heap_misuse misuse) {
    ck_assert_msg(watched.reports == count, "%u reports, expected %u: %s",
                  watched.reports, count, watched.text);
    ck_assert_msg(count == 0 || watched.last.misuse == misuse,
                  "'%s', expected '%s': %s",
                  heap_misuse_name(watched.last.misuse),
                  heap_misuse_name(misuse), watched.text);
    watched.reports = 0;
}

bool watched_says(const char *words) {
    const size_t length = strlen(words);

    for (size_t at = 0; at + length <= watched.length; at++) {
        if (memcmp(watched.text + at, words, length) == 0) {
            return true;
        }
    }
    return false;
}

MM_NO_SANITIZE bool all_are(const uint8_t *p, size_t size, uint8_t byte) {
    for (size_t k = 0; k < size; k++) {
        if (p[k] != byte) {
            return false;
        }
    }
    return true;
}
