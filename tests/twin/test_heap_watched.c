/*
 * The heap of test_heap_debug.h.
 */
#include <string.h>

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

static void hear(void *ctx, char c) {
    struct watched *w = ctx;

    if (w->length + 1 < sizeof(w->text)) {
        w->text[w->length++] = c;
        w->text[w->length] = '\0';
    }
}

static void report(void *ctx, const struct heap_report *report) {
    struct watched *w = ctx;

    ck_assert(!lock_is_held(&arena.heap.lock));
    ck_assert(!lock_is_held(&w->debug.lock));
    w->reports++;
    w->last = *report;
    heap_report_print(report, hear, w);
}

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
        .ctx = &watched,
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
    watched.length = 0;
    watched.text[0] = '\0';
    ck_assert_status(
        heap_debug_start(&arena.heap, &watched.debug, &watched.config), MM_OK);
}

void watch_stop(void) {
    ck_assert_msg(heap_is_sound(&arena.heap), "the heap is not sound");
    ck_assert_status(heap_debug_stop(&arena.heap), MM_OK);
    ck_assert_msg(heap_is_sound(&arena.heap), "the heap is not sound");
}

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
